//! Consent signals: any text is read or is a fault, the same each time, within limits; by rules, only a yes grants. A
//! touchpoint with a signal is in order, and is flagged when, and only when, something of the signal cannot be read.

use std::sync::LazyLock;

use kinfold_capture::UnknownMembers;
use kinfold_model::consent::Decision;
use kinfold_model::touchpoint::ConsentSignals;
use kinfold_model::{Flag, FlagKind, Timestamp};
use kinfold_signals::consent_mode::ConsentMode;
use kinfold_signals::gpc::GlobalPrivacyControl;
use kinfold_signals::gpp::us::{Area, UsSection};
use kinfold_signals::gpp::{Content, Gpp, Section};
use kinfold_signals::ids::{PurposeId, Vendors};
use kinfold_signals::segment::SegmentConsent;
use kinfold_signals::tcf::TcString;
use kinfold_signals::us_privacy::UsPrivacy;
use kinfold_signals::{EmailSignal, Fault, Signal, SignalRules, decide, limits};
use serde_json::{Value, json};

use crate::canonical::Bench;
use crate::normalised::texts;

pub(super) fn tcf() -> Vec<Vec<u8>> {
    texts([
        "COvFyGBOvFyGBAbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAA",
        "COvFyGBOvFyGBAbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAA.IFoEUQQgAIQwgIwQABAEAAAAOIAACAIAAAAQAIAgEAACEAAAAAgAQBAAAAAAAGBAAgAAAAAAAFAAECAAAgAAQARAEQAAAAAJAAIAAgAAAYQEAAAQmAgBC3ZAYzUw",
        "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA.YAAAAAAAAAAA",
        "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA.QAAA.IAAA",
        "BObdrPUOevsguAfDqFENCNAAAAAmeAAA",
    ])
}

pub(super) fn gpp() -> Vec<Vec<u8>> {
    texts([
        "DBABMA~COvFyGBOvFyGBAbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAA",
        "DBACNYA~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA~1YNN",
        "DBABjw~BPSG_8A.YA~1YNN",
        "DBABLA~BVWSSSVY.YA",
        "DBAA",
    ])
}

/// The first byte says of which state, from 0 for all of them on.
pub(super) fn states() -> Vec<Vec<u8>> {
    let seeds = [
        (0_u8, "CVVVkkkkkpFY.YA"),
        (1, "BVWSSSVY.YA"),
        (2, "BVWSSVY"),
        (3, "BVWSSVg.YA"),
        (4, "BVVkklWA"),
        (5, "BVWSSZFg.YA"),
        (6, "BVWSSZlY"),
        (8, "BVWSSRpFYA.QA"),
    ];
    seeds.map(|(state, text)| [&[state][..], text.as_bytes()].concat()).into()
}

pub(super) fn short() -> Vec<Vec<u8>> {
    texts(["1YNN", "1---", "G111", "G1-0", "1", "opt_in_confirmed", "spam_complaint"])
}

pub(super) fn objects() -> Vec<Vec<u8>> {
    texts([
        r#"{"ad_storage": "granted", "ad_user_data": "granted", "region": ["DE"], "wait_for_update": 500}"#,
        r#"{"categoryPreferences": {"Advertising": true, "Analytics": false}}"#,
        r#"{"ad_storage": "denied", "categoryPreferences": null}"#,
    ])
}

/// One purpose that takes something of every signal, under the regime that grants less.
///
/// # Errors
/// They are no rules, so that nothing would be tried.
pub(super) fn rules() -> Result<&'static SignalRules, String> {
    static RULES: LazyLock<SignalRules> = LazyLock::new(|| {
        let rules = json!({
            "tcf": {"purposes": [1, 2], "vendor": 8},
            "opt_outs": ["sale", "sharing", "targeted_advertising"],
            "gpc": true,
            "consent_mode": ["ad_storage", "ad_user_data"],
            "segment": ["Advertising"],
            "email": {"double_opt_in": true},
        });
        serde_json::from_value(json!({ "p": rules })).unwrap_or_default()
    });
    let rules: &'static SignalRules = &RULES;
    if rules.is_empty() { Err("the rules are rules".to_owned()) } else { Ok(rules) }
}

pub(super) fn check_tcf(bytes: &[u8]) -> Result<(), String> {
    captured("tcf", text(bytes), |signals| {
        signals.tcf.as_deref().is_some_and(|text| TcString::read(text).is_ok())
    })?;
    let Some(string) = same(&*String::from_utf8_lossy(bytes), TcString::read)? else { return Ok(()) };
    in_order(&string)?;
    let mut purposes = [1_u8, 2].into_iter().filter_map(|id| PurposeId::try_from(id).ok());
    let agreed = purposes.all(|id| string.consents.contains(id));
    if grants(&Signal::Tcf(Box::new(string)))? && !agreed {
        return Err("consent alone grants".to_owned());
    }
    Ok(())
}

pub(super) fn check_gpp(bytes: &[u8]) -> Result<(), String> {
    let all_is_read = |text: &str| Gpp::read(text).is_ok_and(|gpp| gpp.faults().next().is_none());
    captured("gpp", text(bytes), |signals| signals.gpp.as_deref().is_some_and(all_is_read))?;
    let Some(gpp) = same(&*String::from_utf8_lossy(bytes), Gpp::read)? else { return Ok(()) };
    if gpp.sections.len() > limits::SECTIONS_MAX || !gpp.sections.is_sorted_by(|a, b| a.id < b.id) {
        return Err("sections are few, and in order".to_owned());
    }
    let consents = |section: &Section| matches!(section.content, Ok(Content::Tcf(_)));
    let may_grant = gpp.sections.iter().any(consents);
    if grants(&Signal::Gpp(gpp))? && !may_grant {
        return Err("an opt-out does not grant".to_owned());
    }
    Ok(())
}

pub(super) fn check_states(bytes: &[u8]) -> Result<(), String> {
    let Some((state, text)) = bytes.split_first() else { return Ok(()) };
    let area = Area::of(7 + u16::from(*state) % 17).ok_or("every id from 7 to 23 has an area")?;
    same(&*String::from_utf8_lossy(text), |text| UsSection::read(area, text)).map(drop)
}

pub(super) fn check_short(bytes: &[u8]) -> Result<(), String> {
    captured("us_privacy", text(bytes), |signals| {
        signals.us_privacy.as_deref().is_some_and(|text| UsPrivacy::read(text).is_ok())
    })?;
    captured("email", text(bytes), |signals| {
        signals.email.as_deref().is_some_and(|text| text.parse::<EmailSignal>().is_ok())
    })?;
    let text = String::from_utf8_lossy(bytes);
    if let Some(string) = same(&*text, UsPrivacy::read)?
        && grants(&Signal::UsPrivacy(string))?
    {
        return Err("an opt-out does not grant".to_owned());
    }
    same(&*text, ConsentMode::read_gcs)?;
    same(&*text, GlobalPrivacyControl::read_header)?;
    same(&*text, |text: &str| text.parse::<EmailSignal>()).map(drop)
}

pub(super) fn check_objects(bytes: &[u8]) -> Result<(), String> {
    let Ok(object) = serde_json::from_slice::<Value>(bytes) else { return Ok(()) };
    if object.is_object() {
        captured("consent_mode", object.clone(), |signals| {
            ConsentMode::read(&json!(signals.consent_mode)).is_ok()
        })?;
        // Capture keeps none that it could not read.
        captured("segment", object.clone(), |signals| SegmentConsent::read(&json!(signals.segment)).is_ok())?;
    }
    if let Some(mode) = same(&object, ConsentMode::read)? {
        let agreed = mode.granted.values().filter(|is_granted| **is_granted).count() >= 2;
        if grants(&Signal::ConsentMode(mode))? && !agreed {
            return Err("all types of a rule are granted, or the purpose is not".to_owned());
        }
    }
    if let Some(consent) = same(&object, SegmentConsent::read)? {
        if consent.categories.len() > limits::CATEGORIES_MAX {
            return Err("categories are few".to_owned());
        }
        let agreed = consent.categories.get("Advertising") == Some(&true);
        if grants(&Signal::Segment(consent))? != agreed {
            return Err("a category grants when it is allowed, and else not".to_owned());
        }
    }
    Ok(())
}

/// A touchpoint with the signal is in order, if it is one, and its flag says whether the signal was read.
fn captured(name: &str, signal: Value, is_read: impl Fn(&ConsentSignals) -> bool) -> Result<(), String> {
    let may_be_empty = signal.is_object();
    let signals = serde_json::Map::from_iter([(name.to_owned(), signal)]);
    let record = json!({
        "time": 0, "source": "cmp", "identifiers": [{"namespace": "cookie", "value": "c"}], "consent_signals": signals,
    });
    let bench = Bench::new(UnknownMembers::Refuse)?;
    let Some(touchpoint) = bench.touchpoint(record.to_string().as_bytes())? else { return Ok(()) };
    let flag = Flag { kind: FlagKind::Malformed, member: format!("consent_signals.{name}") };
    let is_flagged = touchpoint.flags.contains(&flag);
    let is_nothing = touchpoint.consent_signals.is_none() && may_be_empty;
    if (is_nothing || touchpoint.consent_signals.as_ref().is_some_and(is_read)) == is_flagged {
        return Err("a signal is flagged when not all of it can be read, and else not".to_owned());
    }
    Ok(())
}

fn text(bytes: &[u8]) -> Value {
    String::from_utf8_lossy(bytes).into()
}

/// What is read, or nothing; the same twice.
fn same<I: ?Sized, T: PartialEq>(
    input: &I,
    read: impl Fn(&I) -> Result<T, Fault>,
) -> Result<Option<T>, String> {
    let once = read(input);
    if once != read(input) {
        return Err("the same signal is read as the same".to_owned());
    }
    Ok(once.ok())
}

/// Whether the signal grants the purpose of the rules.
fn grants(signal: &Signal) -> Result<bool, String> {
    let decided = decide(signal, rules()?, Timestamp::default());
    Ok(decided.iter().any(|one| one.decision == Decision::Granted))
}

/// The lists ascend; of long ones the beginning is looked at.
fn in_order(string: &TcString) -> Result<(), String> {
    const LOOKED_AT: usize = 1000;
    let restricted = string.restrictions.iter().map(|one| &one.vendors).take(LOOKED_AT);
    let others = string.disclosed_vendors.iter().chain(&string.allowed_vendors);
    let lists = [&string.vendor_consents, &string.vendor_legitimate_interests];
    let ascends = |list: &Vendors| list.iter().take(LOOKED_AT).is_sorted_by(|a, b| a < b);
    let all = lists.into_iter().chain(others).chain(restricted).all(ascends);
    if all { Ok(()) } else { Err("vendors ascend".to_owned()) }
}
