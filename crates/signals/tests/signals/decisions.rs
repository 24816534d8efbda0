//! What rules make of signals: each law once by example, and strings of TCF against an oracle that shares no code.

use std::collections::BTreeSet;

use kinfold_model::Timestamp;
use kinfold_model::consent::Decision::{self, Denied, Granted, Withdrawn};
use kinfold_signals::consent_mode::ConsentMode;
use kinfold_signals::gpc::GlobalPrivacyControl;
use kinfold_signals::gpp::Gpp;
use kinfold_signals::segment::SegmentConsent;
use kinfold_signals::tcf::TcString;
use kinfold_signals::us_privacy::UsPrivacy;
use kinfold_signals::{EmailSignal, Evidence, Signal, SignalRules, decide};
use proptest::prelude::*;
use serde_json::json;

use super::encode::{self, Publisher, Tcf};
use super::properties::strings;

fn seen() -> Timestamp {
    "2026-07-01T12:00:00Z".parse().expect("a time")
}

fn rules(text: &str) -> SignalRules {
    let rules: SignalRules = toml::from_str(&format!("[p]\n{text}")).expect("TOML of rules");
    assert_eq!(rules.faults(), [], "{text}");
    rules
}

fn decided(signal: &Signal, text: &str) -> Vec<Decision> {
    decide(signal, &rules(text), seen()).into_iter().map(|one| one.decision).collect()
}

fn tcf(written: &Tcf) -> Signal {
    Signal::Tcf(Box::new(TcString::read(&written.text()).expect("readable")))
}

fn gpp(sections: &[(u16, &str)]) -> Signal {
    let sections: Vec<_> = sections.iter().map(|(id, text)| (*id, (*text).to_owned())).collect();
    Signal::Gpp(Gpp::read(&encode::gpp(&sections)).expect("a header"))
}

fn agreed() -> Tcf {
    Tcf { consents: BTreeSet::from([1, 2, 3, 4]), vendor_consents: BTreeSet::from([755]), ..Tcf::default() }
}

const ADVERTISING: &str = "tcf = { purposes = [1, 3, 4], vendor = 755 }";

#[test]
fn consent_to_all_that_a_rule_takes_grants() {
    assert_eq!(decided(&tcf(&agreed()), ADVERTISING), [Granted]);
    for missing in [
        Tcf { consents: BTreeSet::from([1, 3]), ..agreed() },
        Tcf { vendor_consents: BTreeSet::from([754, 756]), ..agreed() },
        Tcf { disclosed: Some(BTreeSet::from([7])), ..agreed() },
        Tcf { restrictions: vec![(4, 0, BTreeSet::from([755]))], ..agreed() },
        Tcf { restrictions: vec![(4, 2, BTreeSet::from([700, 755]))], ..agreed() },
    ] {
        assert_eq!(decided(&tcf(&missing), ADVERTISING), [Denied], "{missing:?}");
    }
    for no_matter in [
        Tcf { restrictions: vec![(4, 0, BTreeSet::from([7])), (9, 0, BTreeSet::from([755]))], ..agreed() },
        Tcf { restrictions: vec![(4, 1, BTreeSet::from([755]))], ..agreed() },
        Tcf { disclosed: None, last_updated_tenths: 15_000_000_000, ..agreed() },
    ] {
        assert_eq!(decided(&tcf(&no_matter), ADVERTISING), [Granted], "{no_matter:?}");
    }
}

#[test]
fn a_decision_tells_its_basis_its_law_its_time_and_its_evidence() {
    let found = decide(&tcf(&agreed()), &rules(ADVERTISING), seen());
    let one = &found[0];
    assert_eq!((one.purpose.as_str(), one.signal.as_deref()), ("p", Some("tcf")));
    assert_eq!((one.basis.as_deref(), one.jurisdiction.as_deref()), (Some("consent"), Some("gdpr")));
    assert_eq!(one.time.to_string(), "2026-06-01T00:00:00.000Z", "that of the string");
    let found = decide(
        &GlobalPrivacyControl { is_on: true }.into(),
        &rules("gpc = true\njurisdiction = \"us-ca\""),
        seen(),
    );
    assert_eq!((found[0].time, found[0].signal.as_deref()), (seen(), Some("gpc")));
    assert_eq!(found[0].jurisdiction.as_deref(), Some("us-ca"));
}

#[test]
fn purpose_one_that_was_not_disclosed_is_not_decided() {
    let untold = Tcf { one_untold: true, consents: BTreeSet::from([3, 4]), ..agreed() };
    assert_eq!(decided(&tcf(&untold), ADVERTISING), []);
    assert_eq!(decided(&tcf(&untold), "tcf = { purposes = [3, 4] }"), [Granted]);
    let no = Tcf { consents: BTreeSet::from([3]), ..untold };
    assert_eq!(decided(&tcf(&no), ADVERTISING), [Denied], "another no is a no");
}

#[test]
fn legitimate_interest_is_decided_by_its_own_bits() {
    const INTEREST: &str = "tcf = { purposes = [7], basis = \"legitimate_interest\", vendor = 755 }";
    let told =
        Tcf { interests: BTreeSet::from([7]), vendor_interests: BTreeSet::from([755]), ..Tcf::default() };
    assert_eq!(decided(&tcf(&told), INTEREST), [Granted]);
    let consented =
        Tcf { consents: BTreeSet::from([7]), vendor_consents: BTreeSet::from([755]), ..Tcf::default() };
    assert_eq!(decided(&tcf(&consented), INTEREST), [Denied]);
    let restricted = Tcf { restrictions: vec![(7, 1, BTreeSet::from([755]))], ..told };
    assert_eq!(decided(&tcf(&restricted), INTEREST), [Denied]);
}

#[test]
fn the_publishers_own_purposes_are_in_their_segment_or_not_decided() {
    const OWN: &str = "tcf = { purposes = [2], publisher = true }";
    assert_eq!(decided(&tcf(&agreed()), OWN), []);
    let own = |consents: &[u16]| {
        let consents = consents.iter().copied().collect();
        Tcf { publisher: Some(Publisher { consents, ..Publisher::default() }), ..agreed() }
    };
    assert_eq!(decided(&tcf(&own(&[2])), OWN), [Granted]);
    assert_eq!(decided(&tcf(&own(&[3])), OWN), [Denied]);
}

#[test]
fn special_features_are_opted_in_to() {
    const LOCATION: &str = "tcf = { special_features = [1], vendor = 755 }";
    assert_eq!(decided(&tcf(&agreed()), LOCATION), [Denied]);
    assert_eq!(decided(&tcf(&Tcf { features: BTreeSet::from([1]), ..agreed() }), LOCATION), [Granted]);
}

#[test]
fn a_purpose_that_a_signal_does_not_speak_of_is_not_decided() {
    let others = "gpc = true\nconsent_mode = [\"ad_storage\"]\nsegment = [\"Ads\"]";
    assert_eq!(decided(&tcf(&agreed()), others), []);
    let mode = |value| Signal::ConsentMode(ConsentMode::read(&value).expect("readable"));
    assert_eq!(decided(&mode(json!({"analytics_storage": "granted"})), others), []);
    let segment = |value| Signal::Segment(SegmentConsent::read(&value).expect("readable"));
    assert_eq!(decided(&segment(json!({"categoryPreferences": {"ads": true}})), others), []);
    assert_eq!(decided(&Signal::Email(EmailSignal::Unsubscribe), others), []);
    assert_eq!(decided(&GlobalPrivacyControl { is_on: true }.into(), "segment = [\"Ads\"]"), []);
}

/// California: both notices given, sale opted out of, sharing not.
const SOLD: &str = "BVYAAAAA";
/// California: both notices given, nothing opted out of.
const STAYED: &str = "BVoAAAAA";
/// California: no notice given, nothing opted out of.
const UNTOLD: &str = "BqoAAAAA";

#[test]
fn an_opt_out_denies_and_its_absence_grants_only_where_the_rule_says_so() {
    let opt_in = "opt_outs = [\"sale\", \"sharing\"]";
    let opt_out = "regime = \"opt_out\"\nopt_outs = [\"sale\", \"sharing\"]";
    for (section, under_opt_in, under_opt_out) in [
        ("BVWAAAAA", vec![Denied], vec![Denied]),
        (SOLD, vec![Denied], vec![Denied]),
        (STAYED, vec![], vec![Granted]),
        (UNTOLD, vec![], vec![]),
        ("BAAAAAAA", vec![], vec![]),
    ] {
        assert_eq!(decided(&gpp(&[(8, section)]), opt_in), under_opt_in, "{section}");
        assert_eq!(decided(&gpp(&[(8, section)]), opt_out), under_opt_out, "{section}");
    }
    for (string, under_opt_in, under_opt_out) in [
        ("1YYN", vec![Denied], vec![Denied]),
        ("1YNN", vec![], vec![Granted]),
        ("1NNN", vec![], vec![]),
        ("1NYN", vec![Denied], vec![Denied]),
        ("1---", vec![], vec![]),
    ] {
        let signal = Signal::UsPrivacy(UsPrivacy::read(string).expect("readable"));
        assert_eq!(decided(&signal, opt_in), under_opt_in, "{string}");
        assert_eq!(decided(&signal, opt_out), under_opt_out, "{string}");
        assert_eq!(decided(&gpp(&[(6, string)]), opt_out), under_opt_out, "{string} within GPP");
        assert_eq!(decided(&signal, "opt_outs = [\"sharing\"]"), [], "{string} tells of sale alone");
    }
}

#[test]
fn each_section_of_a_gpp_string_decides_under_its_own_law() {
    let text = agreed().text();
    let signal = gpp(&[(2, &text), (6, "2YNN"), (8, SOLD), (11, "BAAAAAA")]);
    let found = decide(&signal, &rules("tcf = { purposes = [2] }\nopt_outs = [\"sale\"]"), seen());
    let told: Vec<_> = found.iter().map(|one| (one.jurisdiction.as_deref(), one.decision)).collect();
    assert_eq!(told, [(Some("gdpr"), Granted), (Some("us-ca"), Denied)]);
    assert!(found.iter().all(|one| one.signal.as_deref() == Some("gpp")));
}

#[test]
fn global_privacy_control_denies_and_never_grants() {
    assert_eq!(decided(&GlobalPrivacyControl { is_on: true }.into(), "gpc = true"), [Denied]);
    assert_eq!(decided(&GlobalPrivacyControl { is_on: false }.into(), "gpc = true"), []);
    let told = format!("{STAYED}.YA");
    assert_eq!(decided(&gpp(&[(8, &told)]), "gpc = true"), [Denied]);
    assert_eq!(
        decided(&gpp(&[(8, &told)]), "regime = \"opt_out\"\nopt_outs = [\"sale\"]\ngpc = true"),
        [Denied]
    );
    let off = format!("{STAYED}.QA");
    assert_eq!(decided(&gpp(&[(8, &off)]), "gpc = true"), []);
}

#[test]
fn all_types_and_categories_of_a_rule_have_to_be_granted() {
    let mode = |value| Signal::ConsentMode(ConsentMode::read(&value).expect("readable"));
    let ads = "consent_mode = [\"ad_user_data\", \"ad_personalization\"]";
    for (object, decision) in [
        (json!({"ad_user_data": "granted", "ad_personalization": "granted"}), vec![Granted]),
        (json!({"ad_user_data": "granted", "ad_personalization": "denied"}), vec![Denied]),
        (json!({"ad_user_data": "denied"}), vec![Denied]),
        (json!({"ad_user_data": "granted", "ad_storage": "granted"}), vec![]),
        (json!({}), vec![]),
    ] {
        assert_eq!(decided(&mode(object.clone()), ads), decision, "{object}");
    }
    let segment = |value| {
        Signal::Segment(SegmentConsent::read(&json!({"categoryPreferences": value})).expect("readable"))
    };
    let both = "segment = [\"Ads\", \"Sharing\"]";
    assert_eq!(decided(&segment(json!({"Ads": true, "Sharing": true})), both), [Granted]);
    assert_eq!(decided(&segment(json!({"Ads": true, "Sharing": false})), both), [Denied]);
    assert_eq!(decided(&segment(json!({"Ads": true})), both), []);
}

#[test]
fn only_a_confirmed_opt_in_grants_where_two_steps_are_asked_for() {
    let two_steps = "email = { double_opt_in = true }";
    let bounces = "email = { hard_bounce_denies = true }";
    for (event, asked, plain) in [
        (EmailSignal::OptInRequested, vec![], vec![]),
        (EmailSignal::OptInConfirmed, vec![Granted], vec![Granted]),
        (EmailSignal::Resubscribe, vec![], vec![Granted]),
        (EmailSignal::Unsubscribe, vec![Withdrawn], vec![Withdrawn]),
        (EmailSignal::SpamComplaint, vec![Withdrawn], vec![Withdrawn]),
        (EmailSignal::HardBounce, vec![], vec![Denied]),
    ] {
        assert_eq!(decided(&Signal::Email(event), two_steps), asked, "{event:?}");
        assert_eq!(decided(&Signal::Email(event), bounces), plain, "{event:?}");
    }
}

#[test]
fn only_the_second_step_of_mail_is_a_confirmation() {
    let confirmed = |signal: &Signal, text: &str| {
        let [one] = decide(signal, &rules(text), seen()).try_into().expect("one decision");
        one.confirmed
    };
    assert!(confirmed(&Signal::Email(EmailSignal::OptInConfirmed), "email = {}"));
    assert!(!confirmed(&Signal::Email(EmailSignal::Resubscribe), "email = {}"));
    assert!(!confirmed(&Signal::Email(EmailSignal::Unsubscribe), "email = {}"));
    assert!(!confirmed(&tcf(&agreed()), ADVERTISING), "a banner is clicked once");
}

#[test]
fn an_event_of_an_address_is_about_mail_and_a_browser_about_any_channel() {
    let channel = |signal: Signal, text: &str| decide(&signal, &rules(text), seen())[0].channel.clone();
    let unsubscribed = channel(Signal::Email(EmailSignal::Unsubscribe), "email = {}");
    assert_eq!(unsubscribed.as_deref(), Some("email"));
    assert_eq!(channel(GlobalPrivacyControl { is_on: true }.into(), "gpc = true"), None);
}

#[test]
fn every_kind_of_evidence_has_a_name_of_its_own() {
    let names = BTreeSet::from(Evidence::ALL.map(Evidence::as_str));
    assert_eq!(names.len(), Evidence::ALL.len());
}

/// What somebody who reads the specification aloud would say.
fn oracle(string: &Tcf, purposes: &BTreeSet<u16>, vendor: Option<u16>, interest: bool) -> Option<Decision> {
    let (said, by_vendor) = if interest {
        (&string.interests, &string.vendor_interests)
    } else {
        (&string.consents, &string.vendor_consents)
    };
    let mut denied = false;
    if let Some(vendor) = vendor {
        denied |= !by_vendor.contains(&vendor);
        denied |= !string.disclosed.as_ref().is_some_and(|disclosed| disclosed.contains(&vendor));
    }
    let mut is_open = false;
    for purpose in purposes {
        if *purpose == 1 && string.one_untold {
            is_open = true;
            continue;
        }
        denied |= !said.contains(purpose);
        let forbids = |(at, kind, vendors): &(u8, u8, BTreeSet<u16>)| {
            u16::from(*at) == *purpose
                && vendor.is_some_and(|vendor| vendors.contains(&vendor))
                && (*kind == 0 || (*kind == 1 && interest) || (*kind == 2 && !interest))
        };
        denied |= string.restrictions.iter().any(forbids);
    }
    if denied { Some(Denied) } else { (!is_open).then_some(Granted) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn strings_of_tcf_are_decided_as_the_oracle_decides(
        string in strings(),
        purposes in prop::collection::btree_set(1..=24_u16, 1..4),
        vendor in prop::option::of(1..40_u16),
        interest: bool,
        agrees: bool,
    ) {
        // Half of the strings agree to most of it, because random ones hardly ever grant.
        let mut string = string;
        if agrees {
            string.consents.extend(&purposes);
            string.interests.extend(&purposes);
            for list in [&mut string.vendor_consents, &mut string.vendor_interests].into_iter().chain(&mut string.disclosed) {
                list.extend(vendor);
            }
        }
        let basis = if interest { "legitimate_interest" } else { "consent" };
        let vendor_text = vendor.map(|id| format!(", vendor = {id}")).unwrap_or_default();
        let list: Vec<String> = purposes.iter().map(u16::to_string).collect();
        let text = format!("[p]\ntcf = {{ purposes = [{}], basis = \"{basis}\"{vendor_text} }}", list.join(", "));
        let rules: SignalRules = toml::from_str(&text).expect("TOML of rules");
        let found = decide(&tcf(&string), &rules, seen()).into_iter().map(|one| one.decision).next();
        prop_assert_eq!(found, oracle(&string, &purposes, vendor, interest));
    }
}
