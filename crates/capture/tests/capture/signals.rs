//! Consent signals become decisions by the rules of the deployment, and by none without them.

use std::collections::BTreeSet;

use kinfold_capture::laws::{self, Circumstances};
use kinfold_capture::{Capture, Settings, limits};
use kinfold_model::consent::Decision::{self, Denied, Granted, Withdrawn};
use kinfold_model::{Consent, FlagKind, RefusalKind, Rules, Touchpoint};
use kinfold_signals::SignalRules;
use kinfold_signals::rules::{EmailRule, PurposeRules};
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

/// A capture with these rules, by purpose.
fn by(rules: Value) -> Capture {
    let signals = serde_json::from_value(rules).expect("rules");
    capture(Settings { signals, ..Settings::default() })
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
fn every_other_signal_decides_by_its_rule_and_no_other_rule() {
    let stage = by(json!({
        "sale": {"opt_outs": ["sale"]},
        "ads": {"consent_mode": ["ad_storage", "ad_user_data"], "jurisdiction": "gdpr"},
        "measuring": {"segment": ["Analytics"]},
        "newsletter": {"email": {"hard_bounce_denies": true}},
    }));
    let mode =
        |storage: &str| json!({"ad_storage": storage, "ad_user_data": "granted", "new_type": "denied"});
    for (name, signal, purpose, decision) in [
        ("us_privacy", json!("1YYN"), "sale", Denied),
        ("consent_mode", mode("granted"), "ads", Granted),
        ("consent_mode", mode("denied"), "ads", Denied),
        ("segment", json!({"categoryPreferences": {"Analytics": true}}), "measuring", Granted),
        ("segment", json!({"categoryPreferences": {"Analytics": false, "x": true}}), "measuring", Denied),
        ("email", json!("unsubscribe"), "newsletter", Withdrawn),
        ("email", json!("spam_complaint"), "newsletter", Withdrawn),
        ("email", json!("hard_bounce"), "newsletter", Denied),
        ("email", json!("resubscribe"), "newsletter", Granted),
        ("email", json!("opt_in_confirmed"), "newsletter", Granted),
    ] {
        let mut signals = json!({});
        signals[name] = signal.clone();
        let touchpoint = captured(&stage, &record(signals));
        let said = format!("{name} {signal}");
        assert_eq!(decisions(&touchpoint), [(purpose, decision)], "{said}");
        let [only] = touchpoint.consents.as_slice() else { panic!("one decision of {said}") };
        assert_eq!((only.signal.as_deref(), only.time), (Some(name), touchpoint.time), "{said}");
        assert_eq!(only.channel.as_deref(), (name == "email").then_some("email"), "{said}");
        let kept = serde_json::to_value(&touchpoint.consent_signals).expect("JSON");
        assert_eq!(kept[name], signal, "it stays as it came");
        assert_eq!(touchpoint.flags, [], "{said}");
    }
}

#[test]
fn what_a_signal_does_not_speak_of_is_not_decided() {
    let stage = by(json!({
        "sale": {"opt_outs": ["sale"]},
        "ads": {"consent_mode": ["ad_storage", "ad_user_data"]},
        "measuring": {"segment": ["Analytics", "Advertising"]},
        "newsletter": {"email": {}},
    }));
    for signals in [
        json!({"us_privacy": "1---"}),
        json!({"us_privacy": "1YNN"}),
        json!({"consent_mode": {"ad_storage": "granted"}}),
        json!({"consent_mode": {"analytics_storage": "denied"}}),
        json!({"segment": {"categoryPreferences": {"Analytics": true, "analytics": false}}}),
        json!({"email": "hard_bounce"}),
    ] {
        let touchpoint = captured(&stage, &record(signals.clone()));
        assert_eq!((touchpoint.consents, touchpoint.flags), (vec![], vec![]), "{signals}");
    }
}

#[test]
fn a_double_opt_in_is_a_yes_at_its_second_step_alone() {
    let stage = by(json!({"newsletter": {"email": {"double_opt_in": true}}}));
    let after = |event: &str| {
        let touchpoint = captured(&stage, &record(json!({ "email": event })));
        let kept = touchpoint.consent_signals.as_ref().and_then(|signals| signals.email.as_deref());
        assert_eq!(kept, Some(event), "each step is passed on");
        touchpoint.consents.iter().map(|one| (one.decision, one.confirmed)).collect::<Vec<_>>()
    };
    assert_eq!(after("opt_in_requested"), []);
    assert_eq!(after("resubscribe"), []);
    assert_eq!(after("opt_in_confirmed"), [(Granted, true)]);
    assert_eq!(after("unsubscribe"), [(Withdrawn, false)]);
}

#[test]
fn what_two_signals_say_alike_is_one_decision_and_what_they_say_otherwise_are_two() {
    let stage = by(json!({"sale": {"opt_outs": ["sale"], "regime": "opt_out"}}));
    let told = |us_privacy: &str| {
        let touchpoint = captured(&stage, &record(json!({"gpp": "DBABTA~1YYN", "us_privacy": us_privacy})));
        let told = |one: &Consent| (one.decision, one.signal.clone().unwrap_or_default());
        touchpoint.consents.iter().map(told).collect::<Vec<_>>()
    };
    assert_eq!(told("1YYN"), [(Denied, "gpp".to_owned())]);
    assert_eq!(told("1YNN"), [(Denied, "gpp".to_owned()), (Granted, "us_privacy".to_owned())]);
}

#[test]
fn without_rules_nothing_is_read() {
    for signals in [
        json!({"tcf": "no string", "gpc": true}),
        json!({"us_privacy": "1YYN", "consent_mode": {"ad_storage": "maybe"}, "email": "gone"}),
    ] {
        let touchpoint = captured(&capture(Settings::default()), &record(signals));
        assert!(touchpoint.consents.is_empty() && touchpoint.flags.is_empty());
        assert!(touchpoint.consent_signals.is_some());
    }
}

#[test]
fn what_cannot_be_read_is_flagged_decides_nothing_and_refuses_nothing() {
    for (signals, kind, member) in [
        (json!({"tcf": "no string"}), FlagKind::Malformed, "consent_signals.tcf"),
        (json!({"tcf": "BObdrPUOevsguAfDqFENCNAAAAAmeAAA"}), FlagKind::Malformed, "consent_signals.tcf"),
        (json!({ "tcf": TCF_TO_COME }), FlagKind::Implausible, "consent_signals.tcf"),
        (json!({"gpp": "DBACNYA~1YNN"}), FlagKind::Malformed, "consent_signals.gpp"),
        (json!({"us_privacy": "1yyn"}), FlagKind::Malformed, "consent_signals.us_privacy"),
        (json!({"consent_mode": {"ad_storage": "no"}}), FlagKind::Malformed, "consent_signals.consent_mode"),
        (json!({"email": "bounce"}), FlagKind::Malformed, "consent_signals.email"),
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
    let mut settings = settings();
    for rules in settings.signals.purposes.values_mut() {
        rules.segment = ["Ads".to_owned()].into();
        rules.email = Some(EmailRule::default());
    }
    let stage = capture(settings.clone());
    let touchpoint = captured(
        &stage,
        &record(json!({
            "tcf": TCF, "gpp": "DBABT~1YYN", "gpc": true, "us_privacy": " 1YYN", "email": "unsubscribe ",
            "consent_mode": {"ad_storage": "granted", "re\u{301}clame": "denied"},
            "segment": {"categoryPreferences": {" Ads": false, "Mes\u{301}ures": true}},
        })),
    );
    let read: BTreeSet<&str> = touchpoint.consents.iter().filter_map(|one| one.signal.as_deref()).collect();
    assert!(["email", "gpc", "segment", "tcf"].iter().all(|signal| read.contains(signal)), "{read:?}");
    let rules = Rules::default();
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
    let stage = by(json!({"p": {"segment": ["Re\u{301}clame"]}}));
    for name in ["R\u{e9}clame", "Re\u{301}clame"] {
        let categories = json!({ name: true });
        let touchpoint = captured(&stage, &record(json!({"segment": {"categoryPreferences": categories}})));
        assert_eq!(decisions(&touchpoint), [("p", Granted)]);
    }
}
