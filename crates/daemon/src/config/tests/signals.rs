//! The laws of `[signals.<purpose>]`.

use kinfold_signals::SignalRules;
use kinfold_signals::rules::{EmailRule, PurposeRules, Regime};

use super::{faults, load, only_fault};

/// Every member of the rules, each with another value than its default.
const RULES: &str = r#"
    [signals.advertising]
    regime = "opt_out"
    jurisdiction = "gdpr"
    tcf = { purposes = [2, 4], special_features = [1], vendor = 755 }
    opt_outs = ["sale", "sharing", "targeted_advertising"]
    gpc = true
    consent_mode = ["ad_user_data", "ad_personalization"]
    segment = ["Advertising"]

    [signals."our own \"measuring\""]
    tcf = { purposes = [7], basis = "legitimate_interest", publisher = true }

    [signals.newsletter]
    email = { double_opt_in = true, hard_bounce_denies = true }
"#;

fn rules(text: &str, env: &[(&str, &str)]) -> SignalRules {
    load(text, env).unwrap_or_else(|faults| panic!("{faults}")).capture.signals
}

#[test]
fn without_the_section_there_are_no_rules() {
    assert!(rules("", &[]).is_empty() && rules("[signals]", &[]).is_empty());
}

#[test]
fn rules_are_read_as_their_crate_reads_them() {
    let bare = RULES.replace("[signals.", "[");
    let expected: SignalRules = toml::from_str(&bare).expect("rules");
    assert_eq!(rules(RULES, &[]), expected);
    let [own, advertising, newsletter] =
        ["our own \"measuring\"", "advertising", "newsletter"].map(|name| &expected.purposes[name]);
    assert_eq!((advertising.regime, advertising.opt_outs.len()), (Regime::OptOut, 3));
    assert!(own.tcf.as_ref().is_some_and(|rule| rule.publisher));
    assert_eq!(newsletter.email, Some(EmailRule { double_opt_in: true, hard_bounce_denies: true }));
}

#[test]
fn rules_that_are_described_are_accepted_again_as_themselves() {
    let config = load(RULES, &[]).expect("valid");
    let described = config.describe();
    assert!(described.contains("\n[signals.advertising]\nregime = \"opt_out\"\n"), "{described}");
    let again = load(&described, &[]).expect("accepted");
    assert_eq!(again.capture.signals, config.capture.signals);
    assert_eq!(again.describe(), described);
}

#[test]
fn the_environment_wins_over_the_file_and_may_name_purposes() {
    let env = [
        ("KINFOLD_SIGNALS__ADVERTISING__TCF__PURPOSES", "3, 4"),
        ("KINFOLD_SIGNALS__ADVERTISING__OPT_OUTS", "sale,sharing"),
        ("KINFOLD_SIGNALS__ADVERTISING__GPC", "true"),
        ("KINFOLD_SIGNALS__NEWSLETTER__EMAIL__DOUBLE_OPT_IN", "true"),
    ];
    let text = "[signals.advertising]\ngpc = false\ntcf = { purposes = [2], vendor = 755 }\n";
    let expected = r#"
        [advertising]
        tcf = { purposes = [3, 4], vendor = 755 }
        opt_outs = ["sale", "sharing"]
        gpc = true
        [newsletter]
        email = { double_opt_in = true }
    "#;
    assert_eq!(rules(text, &env), toml::from_str::<SignalRules>(expected).expect("rules"));
}

#[test]
fn an_empty_list_and_an_empty_text_say_nothing() {
    let rules = rules("[signals.p]\ngpc = true\njurisdiction = \"\"\nopt_outs = []\nsegment = []", &[]);
    assert_eq!(rules.purposes["p"], PurposeRules { gpc: true, ..PurposeRules::default() });
}

#[test]
fn what_is_no_rule_is_one_fault_with_its_remedy() {
    let many: String = (0..33).map(|index| format!("[signals.p{index}]\ngpc = true\n")).collect();
    for (text, expected) in [
        ("[signals.p]\ntcf = { purposes = [25] }", "signals.p.tcf.purposes holds an entry that is none"),
        ("[signals.p]\ntcf = { purposes = [0] }", "write numbers from 1 to 24"),
        ("[signals.p]\ntcf = { purposes = [\"two\"] }", "write numbers from 1 to 24"),
        ("[signals.p]\ntcf = { special_features = [13] }", "write numbers from 1 to 12"),
        ("[signals.p]\ntcf = { purposes = 2 }", "signals.p.tcf.purposes is a number; write a list"),
        ("[signals.p]\ntcf = { purposes = [2], vendor = 0 }", "write a number from 1 to 65535"),
        ("[signals.p]\ntcf = { purposes = [2], vendors = 7 }", "did you mean signals.p.tcf.vendor?"),
        ("[signals.p]\ntcf = { purposes = [2], basis = \"contract\" }", "write one of \"consent\""),
        ("[signals.p]\ntcf = 2", "write a section: [signals.p.tcf]"),
        ("[signals.p]\nopt_outs = [\"sales\"]", "none of its choices; did you mean \"sale\"?"),
        ("[signals.p]\nopt_outs = [\"everything\"]", "write some of \"sale\", \"sharing\""),
        ("[signals.p]\nconsent_mode = [\"ads\"]", "signals.p.consent_mode holds an entry"),
        ("[signals.p]\nsegment = [\"\"]", "is no name of a category"),
        ("[signals.p]\nsegment = [\" Ads\"]", "takes a category of Segment that is no name"),
        ("[signals.p]\nregime = \"maybe\"", "write one of \"opt_in\", \"opt_out\""),
        ("[signals.p]\ngpc = \"yes\"", "signals.p.gpc is a text; write true or false"),
        ("[signals.p]\ngcp = true", "signals.p.gcp is no setting"),
        ("[signals.p]\nemail = true", "write a section: [signals.p.email]"),
        ("[signals]\np = true", "write a section: [signals.p]"),
        ("[signal.p]\ngpc = true", "signal is no section; did you mean signals?"),
        ("[signals.p]", "signals.p takes no signal; name one"),
        ("[signals.p]\ntcf = {}", "signals.p takes nothing of TCF; name `purposes`"),
        ("[signals.p]\nregime = \"opt_out\"\ngpc = true", "nothing to opt out of; name `opt_outs`"),
        ("[signals.\" p\"]\ngpc = true", "is no name of a purpose; write 1 to 64 bytes"),
        ("[signals.p]\ngpc = true\njurisdiction = \" \"", "has a jurisdiction that is no name"),
        (&many, "signals name too many purposes; name at most 32"),
    ] {
        let said = only_fault(text, &[]);
        assert!(said.contains(expected), "{text}: {said}");
    }
}

#[test]
fn faults_of_several_purposes_are_told_together_with_their_lines() {
    let text = "[signals.p]\ngpc = 1\n\n[signals.q]\n\n[signals.r]\nopt_outs = [\n\"sale\",\n\"gone\",\n]\n";
    let found = faults(text, &[("KINFOLD_SIGNALS__S__TCF__PURPOSES", "1, many")]);
    let places: Vec<(usize, &str)> = found.iter().map(|(line, key, _)| (*line, key.as_str())).collect();
    assert_eq!(
        places,
        [(2, "signals.p.gpc"), (4, "signals.q"), (9, "signals.r.opt_outs"), (0, "signals.s.tcf.purposes")]
    );
}
