//! What is odd about a touchpoint is flagged, with the member it concerns, and refuses nothing.

use std::collections::BTreeSet;

use kinfold_capture::{Capture, Cleaning, IpPolicy, Settings, limits};
use kinfold_model::{FlagKind, Timestamp};
use serde_json::{Value, json};

use super::{EXAMPLE, capture, captured, now};

fn flags(record: &Value, settings: Settings) -> Vec<(FlagKind, String)> {
    let touchpoint = captured(record.to_string().as_bytes(), settings).expect("a flag refuses nothing");
    touchpoint.flags.into_iter().map(|flag| (flag.kind, flag.member)).collect()
}

/// The example of the contract, which has no flags, with another value in one place.
fn with(pointer: &str, value: Value) -> Value {
    let mut record: Value = serde_json::from_str(EXAMPLE).expect("the example is JSON");
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    record.pointer_mut(parent).expect("a member")[name] = value;
    record
}

#[test]
fn each_oddity_is_flagged_by_its_kind_and_its_member() {
    use FlagKind::{Disposable, Implausible, Malformed, Missing, Role, Stale};
    for (pointer, value, kind, member) in [
        ("/touchpoint_id", json!(null), Missing, "touchpoint_id"),
        ("/channel", json!(null), Missing, "channel"),
        ("/type", json!(null), Missing, "type"),
        ("/time", json!("1999-12-31T23:59:59Z"), Implausible, "time"),
        ("/time", json!("2026-01-01T00:00:00Z"), Stale, "time"),
        ("/order/currency", json!("XQX"), Malformed, "order.currency"),
        (
            "/order",
            json!({"order_id": "O", "value": "-1", "currency": "EUR", "status": "returned"}),
            Implausible,
            "order.status",
        ),
        ("/attributes/birth_date", json!("3/4/1984"), Malformed, "attributes.birth_date"),
        ("/attributes/birth_date", json!("2030-01-01"), Implausible, "attributes.birth_date"),
        ("/attributes/given_name", json!("TEST"), Implausible, "attributes.given_name"),
        ("/attributes/postal_code", json!("1067"), Malformed, "attributes.postal_code"),
        ("/attributes/language", json!("German"), Malformed, "attributes.language"),
        ("/attributes/ip", json!("here"), Malformed, "attributes.ip"),
        ("/verified", json!(["phone"]), Missing, "verified.phone"),
        ("/identifiers/1/value", json!("info@example.org"), Role, "identifiers.email"),
        ("/identifiers/1/value", json!("ann@mailinator.com"), Disposable, "identifiers.email"),
    ] {
        let found = flags(&with(pointer, value), Settings::default());
        assert_eq!(found, [(kind, member.to_owned())], "{pointer}");
    }
    let plain: Value = serde_json::from_str(EXAMPLE).expect("the example is JSON");
    assert_eq!(flags(&plain, Settings::default()), []);
}

#[test]
fn stale_is_told_by_the_time_of_the_record_in_its_log() {
    let stage = capture(Settings::default());
    let stale = |now: Timestamp| {
        let touchpoint = stage.touchpoint(EXAMPLE.as_bytes(), now).expect("accepted");
        touchpoint.flags.iter().any(|flag| flag.kind == FlagKind::Stale)
    };
    let happened: Timestamp = "2026-03-01T10:15:00.250Z".parse().expect("a time");
    let limit = Settings::default().stale_after_ms;
    assert!(!stale(now()) && !stale(happened.plus_millis(limit)));
    assert!(stale(happened.plus_millis(limit + 1)));
}

#[test]
fn flags_are_bounded_whatever_a_source_sends() {
    let mut record = with("/channel", json!(null));
    for index in 0..40 {
        record["attributes"][format!("page{index}_url")] = json!("no address");
    }
    let found = flags(&record, Settings::default());
    assert_eq!(found.len(), limits::FLAGS_MAX);
    assert_eq!(found[0], (FlagKind::Missing, "channel".to_owned()), "the first kinds stay");
}

#[test]
fn an_operator_chooses_what_is_kept_of_addresses_and_pages() {
    let attribute = |name: &str, value: &str, cleaning: Cleaning| {
        let record = with(&format!("/attributes/{name}"), json!(value));
        let settings = Settings { cleaning, ..Settings::default() };
        let touchpoint = captured(record.to_string().as_bytes(), settings).expect("accepted");
        touchpoint.attributes.get(name).cloned()
    };
    let ip = |ip| attribute("ip", "203.0.113.77", Cleaning { ip, ..Cleaning::default() });
    assert_eq!(ip(IpPolicy::Keep).as_deref(), Some("203.0.113.77"));
    assert_eq!(ip(IpPolicy::Truncate).as_deref(), Some("203.0.113.0"));
    assert_eq!(ip(IpPolicy::Drop), None);
    let page = "https://shop.example/?email=a&colour=red";
    let url = |names: &[&str]| {
        let url_parameters: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
        attribute("url", page, Cleaning { url_parameters, ..Cleaning::default() })
    };
    assert_eq!(url(&["colour"]).as_deref(), Some("https://shop.example/?email=a"));
    assert_eq!(
        attribute("url", page, Cleaning::default()).as_deref(),
        Some("https://shop.example/?colour=red")
    );
}

#[test]
fn the_country_beside_a_telephone_number_may_be_written_in_any_form() {
    let record = json!({
        "time": 0, "source": "crm", "attributes": {"country": "Germany"},
        "identifiers": [{"namespace": "phone", "value": "0351 1234567"}],
    });
    let touchpoint = captured(record.to_string().as_bytes(), Settings::default()).expect("accepted");
    assert_eq!(touchpoint.identifiers[0].value, "+493511234567");
}

#[test]
fn the_source_of_a_refused_record_is_known_where_it_can_be_read() {
    for (record, source) in [
        (r#"{"time": "yesterday", "source": " till "}"#, Some("till")),
        (r#"{"source": 7}"#, None),
        (r#"{"time": 0}"#, None),
        ("[]", None),
        ("no JSON", None),
    ] {
        assert_eq!(Capture::source(record.as_bytes()).as_deref(), source, "{record}");
    }
}
