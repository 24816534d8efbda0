//! Consent signals become decisions by the rules of the deployment, and by none without them.

use kinfold_capture::laws::{self, Circumstances};
use kinfold_capture::{Capture, Settings, limits};
use kinfold_model::consent::Decision::{self, Denied, Granted};
use kinfold_model::{FlagKind, RefusalKind, Rules, Touchpoint};
use kinfold_signals::SignalRules;
use kinfold_signals::rules::PurposeRules;
use serde_json::{Value, json};

use super::{EXAMPLE, capture, keys, now};

/// Purposes 1, 2 and 3 of TCF with consent, on 2020-02-20.
const TCF: &str = "COvFyGBOvFyGBAbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAA";
/// The same with the last change in the year 2106, and the disclosed vendors that such a string has to have.
const TCF_TO_COME: &str = "COvFyGBn-FKcAAbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAA.IAAA";

/// Advertising takes purpose 2 of TCF, `tracking` purpose 4, and both Global Privacy Control.
fn rules() -> SignalRules {
    let rules = |purpose: u8| {
        let rules = json!({"tcf": {"purposes": [purpose]}, "opt_outs": ["sale"], "gpc": true});
        serde_json::from_value::<PurposeRules>(rules).expect("rules")
    };
    SignalRules { purposes: [("advertising".to_owned(), rules(2)), ("tracking".to_owned(), rules(4))].into() }
}

fn settings() -> Settings {
    Settings { signals: rules(), ..Settings::default() }
}

fn reading() -> Capture {
    capture(settings())
}

/// The example of the contract with these signals, and without decisions of its own.
fn record(signals: Value) -> Value {
    let mut record: Value = serde_json::from_str(EXAMPLE).expect("the example is JSON");
    record["consents"] = json!([]);
    record["consent_signals"] = signals;
    record
}

fn captured(stage: &Capture, record: &Value) -> Touchpoint {
    stage.touchpoint(record.to_string().as_bytes(), now()).expect("signals refuse nothing")
}

fn decisions(touchpoint: &Touchpoint) -> Vec<(&str, Decision)> {
    touchpoint.consents.iter().map(|one| (one.purpose.as_str(), one.decision)).collect()
}

#[test]
fn signals_are_decided_and_stay_as_they_came() {
    let signals = json!({"tcf": TCF, "gpp": null, "gpc": true});
    let touchpoint = captured(&reading(), &record(signals));
    let denied = ("advertising", Denied);
    assert_eq!(
        decisions(&touchpoint),
        [("advertising", Granted), ("tracking", Denied), denied, ("tracking", Denied)]
    );
    assert_eq!(touchpoint.consents[0].time.to_string(), "2020-02-20T23:57:39.300Z");
    assert_eq!(touchpoint.consents[2].time, touchpoint.time);
    let signals: Vec<_> = touchpoint.consents.iter().filter_map(|one| one.signal.as_deref()).collect();
    assert_eq!(signals, ["tcf", "tcf", "gpc", "gpc"]);
    assert_eq!(touchpoint.consent_signals.expect("kept").tcf.as_deref(), Some(TCF));
    assert_eq!(touchpoint.flags, []);
}

#[test]
fn without_rules_nothing_is_read() {
    let touchpoint =
        captured(&capture(Settings::default()), &record(json!({"tcf": "no string", "gpc": true})));
    assert!(touchpoint.consents.is_empty() && touchpoint.flags.is_empty());
}

#[test]
fn what_cannot_be_read_is_flagged_decides_nothing_and_refuses_nothing() {
    for (signals, kind, member) in [
        (json!({"tcf": "no string"}), FlagKind::Malformed, "consent_signals.tcf"),
        (json!({"tcf": "BObdrPUOevsguAfDqFENCNAAAAAmeAAA"}), FlagKind::Malformed, "consent_signals.tcf"),
        (json!({ "tcf": TCF_TO_COME }), FlagKind::Implausible, "consent_signals.tcf"),
        (json!({"gpp": "DBACNYA~1YNN"}), FlagKind::Malformed, "consent_signals.gpp"),
    ] {
        let touchpoint = captured(&reading(), &record(signals.clone()));
        assert_eq!(touchpoint.consents, [], "{signals}");
        let flags: Vec<_> = touchpoint.flags.iter().map(|flag| (flag.kind, flag.member.as_str())).collect();
        assert_eq!(flags, [(kind, member)], "{signals}");
    }
}

#[test]
fn a_section_that_cannot_be_read_is_flagged_and_leaves_the_others() {
    let touchpoint = captured(&reading(), &record(json!({"gpp": "DBACNYA~no string~1YYN"})));
    assert_eq!(decisions(&touchpoint), [("advertising", Denied), ("tracking", Denied)]);
    assert_eq!(touchpoint.flags[0].kind, FlagKind::Malformed);
}

#[test]
fn a_touchpoint_with_decisions_of_signals_obeys_the_laws_and_is_accepted_as_itself() {
    let stage = reading();
    let touchpoint = captured(&stage, &record(json!({"tcf": TCF, "gpp": "DBABT~1YYN", "gpc": true})));
    assert!(!touchpoint.consents.is_empty());
    let (rules, settings) = (Rules::default(), settings());
    let given = Circumstances { keys: &keys(), rules: &rules, settings: &settings, now: now() };
    assert_eq!(laws::check(&touchpoint, &given), Ok(()));
    assert_eq!(stage.touchpoint(&laws::record(&touchpoint), now()), Ok(touchpoint));
}

#[test]
fn what_was_stated_and_is_also_read_is_one_decision_and_has_the_signal_for_evidence() {
    let mut both = record(json!({"gpc": true}));
    let stated = json!({"purpose": "tracking", "decision": "denied", "basis": "opt_out"});
    let by_mail =
        json!({"purpose": "tracking", "decision": "denied", "basis": "opt_out", "channel": "email"});
    both["consents"] = json!([by_mail, stated]);
    let touchpoint = captured(&reading(), &both);
    let told: Vec<_> =
        touchpoint.consents.iter().map(|one| (one.purpose.as_str(), one.signal.as_deref())).collect();
    assert_eq!(told, [("tracking", None), ("tracking", Some("gpc")), ("advertising", Some("gpc"))]);
}

#[test]
fn decisions_that_find_no_room_are_a_refusal_and_never_lost() {
    let mut full = record(json!({"gpc": true}));
    let consent = |index| json!({"purpose": format!("p{index}"), "decision": "granted"});
    full["consents"] = (0..limits::CONSENTS_MAX - 1).map(consent).collect();
    let refused = reading().touchpoint(full.to_string().as_bytes(), now()).expect_err("33 decisions");
    assert_eq!((refused.kind, refused.member.as_str()), (RefusalKind::TooManyElements, "consents"));
    let fewer: Value = (0..limits::CONSENTS_MAX - 2).map(consent).collect();
    full["consents"] = fewer;
    assert_eq!(captured(&reading(), &full).consents.len(), limits::CONSENTS_MAX);
}

#[test]
fn a_capture_with_mappings_reads_signals_as_well() {
    let stage = reading().with_sources(std::sync::Arc::new(kinfold_mapping::Sources::default()));
    assert_eq!(captured(&stage, &record(json!({"gpc": true}))).consents.len(), 2);
}

#[test]
fn names_in_rules_are_composed_as_those_of_touchpoints_are() {
    let rules = json!({"re\u{301}clame": {"gpc": true, "jurisdiction": "que\u{301}bec"}});
    let signals = serde_json::from_value(rules).expect("rules");
    let stage = capture(Settings { signals, ..Settings::default() });
    let touchpoint = captured(&stage, &record(json!({"gpc": true})));
    assert_eq!(decisions(&touchpoint), [("r\u{e9}clame", Denied)]);
    assert_eq!(touchpoint.consents[0].jurisdiction.as_deref(), Some("qu\u{e9}bec"));
    assert_eq!(stage.touchpoint(&laws::record(&touchpoint), now()), Ok(touchpoint));
}
