//! The laws of what purposes permit, and of outputs.

use std::collections::BTreeSet;

use kinfold_model::{Basis, Field, Form, Metric, Namespace, Silence};

use super::{load, only_fault};

const PURPOSES: &str = r#"
[purposes.marketing]
basis = "legitimate_interests"
fields = ["city", "metrics", "identifiers.email", "identifiers.phone"]
retention_ms = 63_072_000_000
default = "opt_out"
defaults = { gdpr = "opt_in", us-ca = "opt_out" }
[purposes.scoring]
"#;

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn purposes_and_outputs_are_read_as_they_are_described() {
    let text = r#"
[outputs.ads-1]
purposes = ["marketing"]
channel = "email"
fields = ["city", "metrics.orders", "metrics.revenue"]
identifiers = { email = "sha256", phone = "sha256_digits" }
[outputs.ads-1.more]
"metrics.revenue" = ["scoring"]
"#;
    let config = load(&format!("{PURPOSES}{text}"), &[]).expect("valid");
    let marketing = config.purposes.get("marketing");
    assert_eq!(marketing.basis, Basis::LegitimateInterests);
    assert_eq!(marketing.fields.as_ref().map(BTreeSet::len), Some(4));
    assert_eq!((marketing.retention_ms, marketing.default), (Some(63_072_000_000), Some(Silence::OptOut)));
    assert_eq!(marketing.silence(Some("gdpr")), Silence::OptIn);
    let output = config.outputs.get("ads-1").expect("is declared");
    assert_eq!((&output.purposes, output.channel.as_deref()), (&set(&["marketing"]), Some("email")));
    let revenue = Field::Metric(Metric::Revenue);
    assert!(output.fields.contains(&revenue) && output.fields.len() == 3);
    assert_eq!(output.identifiers[&Namespace::new("phone")], Form::Sha256Digits);
    assert_eq!(
        output.needs(&revenue).map(str::to_owned).collect::<BTreeSet<_>>(),
        set(&["marketing", "scoring"])
    );
    let again = load(&config.describe(), &[]).expect("accepted");
    assert!(again.purposes == config.purposes && again.outputs == config.outputs, "{}", config.describe());
}

#[test]
fn names_are_the_same_however_their_letters_are_composed() {
    let text = "[purposes.care]\nfields = [\"cafe\u{301}\"]\n[outputs.a]\npurposes = [\"care\"]\nchannel = \"cafe\u{301}\"\n\
                fields = [\"caf\u{e9}\"]\n[outputs.a.more]\n\"cafe\u{301}\" = [\"scoring\"]";
    let config = load(&format!("{PURPOSES}{text}"), &[]).expect("valid");
    let output = config.outputs.get("a").expect("is declared");
    assert_eq!(output.channel.as_deref(), Some("caf\u{e9}"));
    let field = Field::Attribute("caf\u{e9}".to_owned());
    assert!(output.fields.contains(&field) && output.more.contains_key(&field));
}

#[test]
fn a_group_of_fields_is_each_of_them() {
    let text = "[outputs.a]\npurposes = [\"marketing\"]\nfields = [\"metrics\"]";
    let config = load(&format!("{PURPOSES}{text}"), &[]).expect("valid");
    assert_eq!(config.outputs.get("a").map(|output| output.fields.len()), Some(Metric::ALL.len()));
}

#[test]
fn purposes_and_outputs_that_cannot_be_meant_are_faults() {
    let crowd: String = (0..33).map(|n| format!("[outputs.o{n}]\npurposes = [\"scoring\"]\n")).collect();
    let many: String = (0..65).map(|n| format!("\"a{n}\",")).collect();
    let many = format!("[outputs.a]\npurposes = [\"scoring\"]\nfields = [{many}]");
    let of = |rest: &str| format!("[outputs.a]\npurposes = [\"marketing\"]\n{rest}");
    for (text, expected) in [
        ("[purposes.p]\nbasis = \"consnt\"".to_owned(), "purposes.p.basis is none of its choices"),
        (
            "[purposes.p]\nfields = [\"metrics.order\"]".to_owned(),
            "holds an entry that is no part of a profile",
        ),
        ("[purposes.p]\nretention_ms = 30".to_owned(), "purposes.p.retention_ms is 30"),
        (
            "[purposes.p]\ndefaults = { GDPR = \"opt_in\" }".to_owned(),
            "purposes.p.defaults.GDPR is no jurisdiction",
        ),
        ("[outputs.a]".to_owned(), "outputs.a.purposes names none"),
        ("[outputs.\"a.b\"]\npurposes = [\"scoring\"]".to_owned(), "is no name of an output"),
        ("[outputs.a]\npurposes = [\"markting\"]".to_owned(), "is no purpose that is declared"),
        (of("fields = [\"given_name\"]"), "asks for given_name, which the purpose marketing does not permit"),
        (
            of("identifiers = { cookie = \"clear\" }"),
            "asks for identifiers.cookie, which the purpose marketing",
        ),
        (of("fields = [\"identifiers.email\"]"), "is no field; write it under identifiers"),
        (of("identifiers = { emial = \"clear\" }"), "outputs.a.identifiers.emial is no namespace"),
        (of("identifiers = { email = \"md5\" }"), "outputs.a.identifiers.email is none of its choices"),
        (of("identifiers = { email = \"sha256_digits\" }"), "has no telephone numbers"),
        (of("more = { city = [\"scoring\"] }"), "speaks of city, which is not asked for"),
        (of("fields = [\"city\"]\nmore = { city = [\"scring\"] }"), "is no purpose that is declared"),
        (of("feilds = [\"city\"]"), "outputs.a.feilds is no setting; did you mean outputs.a.fields?"),
        (crowd, "outputs declares 33 outputs; declare at most 32"),
        (many, "outputs.a.fields names 65 fields; name at most 64"),
    ] {
        let said = faults_of(&text);
        assert!(said.contains(expected), "{text}: {said}");
    }
    let hashed = "[outputs.a]\npurposes = [\"scoring\"]\nidentifiers = { email_sha256 = \"sha256\" }";
    assert!(faults_of(hashed).contains("would be the hash of a hash"));
}

#[test]
fn what_would_be_empty_for_ever_is_not_asked_for() {
    let of = |permitted: &str, asked: &str, more: &str| {
        format!(
            "[purposes.p]\nfields = [{permitted}]\n[purposes.all]\n[outputs.a]\npurposes = [\"p\", \"all\"]\nfields = [{asked}]\n{more}"
        )
    };
    for (text, expected) in [
        (
            of("\"interests\"", "\"interests\"", ""),
            "outputs.a.fields asks for interests, and its purposes permit none of the attributes that tell of them; \
             add one that [profile] interests names, such as category, to the fields of purposes.p, or take it out",
        ),
        (
            of("\"interests\", \"hobby\"", "\"interests\"", "[profile]\ninterests = []"),
            "outputs.a.fields asks for interests, of which profiles show none",
        ),
        (
            of("\"interests\", \"category\"", "\"interests\"", "[profile]\ninterests_max = 0"),
            "outputs.a.fields asks for interests, of which profiles show none",
        ),
        (
            of("\"timeline\"", "\"timeline\"", "[profile]\ntimeline = 0"),
            "outputs.a.fields asks for timeline, of which profiles show nothing; write timeline = 10 under [profile]",
        ),
        (
            of("\"value\"", "\"value\"", ""),
            "outputs.a.fields asks for value, and nobody is valued without a model; write model = \"model.toml\"",
        ),
    ] {
        let fault = only_fault(&text, &[]);
        assert!(fault.starts_with(expected), "{fault:?} for {text}");
    }
    for text in [
        of("\"interests\", \"category\"", "\"interests\"", ""),
        of("\"timeline\", \"lifecycle\"", "\"timeline\", \"lifecycle\"", ""),
        of("\"value\"", "\"value\"", "[value]\nmodel = \"model.toml\""),
    ] {
        assert!(load(&text, &[]).is_ok(), "{text}");
    }
}

/// All that is said of what is added to the purposes above.
fn faults_of(text: &str) -> String {
    let faults = load(&format!("{PURPOSES}{text}"), &[]).expect_err("something is wrong");
    faults.to_string()
}

#[test]
fn a_setting_of_a_purpose_can_come_from_the_environment() {
    let env = [
        ("KINFOLD_PURPOSES__MARKETING__BASIS", "contract"),
        ("KINFOLD_PURPOSES__MARKETING__FIELDS", "city, metrics"),
    ];
    let purpose = load("", &env).expect("valid").purposes.get("marketing");
    assert_eq!((purpose.basis, purpose.fields.map(|fields| fields.len())), (Basis::Contract, Some(2)));
    let said = only_fault("[purposes.a]\ndefault = \"maybe\"", &[]);
    assert!(said.contains("purposes.a.default is none of its choices"), "{said}");
}
