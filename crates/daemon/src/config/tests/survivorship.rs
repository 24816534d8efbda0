//! The laws of what is declared of attributes and interests.

use kinfold_model::survivorship::SOURCES_MAX;
use kinfold_model::{Ageing, AttributeRule, Namespace, SurvivorRule, Survivorship};

use super::{load, only_fault};

#[test]
fn rules_are_read_as_they_are_described() {
    let text = "[attributes]\ndefault_rule = \"most_frequent\"\n[attributes.city]\nrule = \"source_priority\"\n\
                sources = [\"crm\", \"webshop\"]\nstale_after_ms = 86_400_000\nverify_again_after_ms = 172_800_000\n\
                [attributes.\"cafe\u{301}\"]\n\
                stale_after_ms = 172_800_000\n[profile]\ninterests = [\"hobby\"]\ninterests_max = 3";
    let config = load(text, &[]).expect("valid");
    let declared = &config.survivorship;
    let city = AttributeRule {
        rule: SurvivorRule::SourcePriority,
        sources: vec!["crm".to_owned(), "webshop".to_owned()],
        ageing: Ageing { stale_after_ms: Some(86_400_000), verify_again_after_ms: Some(172_800_000) },
    };
    assert_eq!(declared.of("city"), &city);
    assert_eq!(declared.of("caf\u{e9}").ageing.stale_after_ms, Some(172_800_000));
    let rules = [declared.of("caf\u{e9}").rule, declared.of("street").rule];
    assert_eq!(rules, [SurvivorRule::MostFrequent; 2]);
    assert_eq!((declared.interests.len(), declared.interests_max), (1, 3));
    let again = load(&config.describe(), &[]).expect("accepted");
    assert_eq!(again.survivorship, config.survivorship, "{}", config.describe());
}

#[test]
fn identifiers_age_by_their_namespace_and_the_rules_of_identity_do_not_depend_on_it() {
    let text = "[namespaces.email]\nverify_again_after_ms = 86_400_000\n\
                [namespaces.phone]\nstale_after_ms = 172_800_000";
    let config = load(text, &[]).expect("valid");
    let ageing = |name: &str| config.survivorship.ageing_of(&Namespace::new(name));
    assert_eq!(ageing("email"), Ageing { stale_after_ms: None, verify_again_after_ms: Some(86_400_000) });
    assert_eq!(ageing("phone"), Ageing { stale_after_ms: Some(172_800_000), verify_again_after_ms: None });
    assert_eq!(ageing("social"), Ageing::default());
    assert_eq!(config.rules, load("", &[]).expect("valid").rules);
    let again = load(&config.describe(), &[]).expect("accepted");
    assert_eq!(again.survivorship, config.survivorship, "{}", config.describe());
}

#[test]
fn what_is_not_declared_is_the_newest() {
    let config = load("", &[]).expect("valid");
    assert_eq!(config.survivorship, Survivorship::default());
}

#[test]
fn no_list_names_more_sources_than_are_kept() {
    let list = |count: usize| {
        let sources: String = (0..count).map(|n| format!("\"s{n}\",")).collect();
        format!("[attributes.city]\nrule = \"source_priority\"\nsources = [{sources}]")
    };
    assert!(load(&list(SOURCES_MAX), &[]).is_ok());
    let fault = only_fault(&list(SOURCES_MAX + 1), &[]);
    let expected = format!("attributes.city.sources names 65 sources; name at most {SOURCES_MAX}");
    assert!(fault.starts_with(&expected), "{fault:?}");
}

#[test]
fn rules_that_cannot_be_meant_are_faults() {
    for (text, expected) in [
        ("[attributes.city]\nrule = \"newst\"", "attributes.city.rule is none of its choices"),
        ("[attributes.city]\nrule = \"source_priority\"", "attributes.city.sources names none"),
        ("[attributes.city]\nsources = [\"crm\"]", "attributes.city.sources is of no use to this rule"),
        (
            "[attributes.city]\nrule = \"source_priority\"\nsources = [\"crm\", \"crm\"]",
            "attributes.city.sources names a source twice",
        ),
        ("[attributes.city]\nstale_after_ms = 30", "attributes.city.stale_after_ms is 30"),
        ("[attributes.city]\nverify_again_after_ms = 30", "attributes.city.verify_again_after_ms is 30"),
        ("[namespaces.email]\nverify_again_after_ms = 30", "namespaces.email.verify_again_after_ms is 30"),
        (
            "[attributes]\ndefault_rule = \"source_priority\"",
            "attributes.default_rule has no list of sources",
        ),
        ("[attributes]\ncity = \"newest\"", "attributes.city is a text and not a section"),
        ("[attributes.\" city\"]", "attributes. city is no name of an attribute"),
        (
            "[profile]\ninterests = [\" \"]",
            "profile.interests holds an entry that is no name of an attribute",
        ),
        ("[profile]\ninterests_max = 101", "profile.interests_max is 101"),
        (
            "[profile]\ninterests = [\"hobby\", \"interests\"]",
            "profile.interests holds an entry that is the name of a part of a profile",
        ),
        ("[profile]\ninterests = [\"value\"]", "profile.interests holds an entry that is the name of a part"),
        (
            "[profile]\ninterests = [\"metrics.orders\"]",
            "profile.interests holds an entry that is the name of a part",
        ),
    ] {
        let fault = only_fault(text, &[]);
        assert!(fault.starts_with(expected), "{fault:?} for {text}");
    }
}
