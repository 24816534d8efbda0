//! Records that are accepted, and what becomes of each member.

use std::collections::BTreeMap;

use kinfold_capture::{Captured, RawRecord, Settings, UnknownMembers};
use kinfold_model::consent::{Consent, Decision};
use kinfold_model::touchpoint::{ConsentSignals, Engagement, Order, SegmentConsent};
use kinfold_model::{
    Amount, Context, Identifier, OrderStatus, Rules, Stage, Touchpoint, TouchpointIdentifier,
};

use super::{EXAMPLE, capture, captured, keys, now, with};

fn accepted(record: &str) -> Touchpoint {
    captured(record.as_bytes(), Settings::default()).unwrap_or_else(|refusal| panic!("{refusal}: {record}"))
}

fn values(touchpoint: &Touchpoint) -> Vec<String> {
    let identifiers = touchpoint.identifiers.iter();
    identifiers.map(|identifier| format!("{}={}", identifier.namespace, identifier.value)).collect()
}

#[test]
fn the_example_of_the_contract_is_accepted_member_by_member() {
    let (keys, rules) = (keys(), Rules::default());
    let mut identifiers: Vec<TouchpointIdentifier> =
        [("customer_id", "C-4711"), ("email", "ann@example.org")]
            .map(|(namespace, value)| {
                let identifier = Identifier::new(namespace, value);
                let node = keys.identifier(&identifier, &rules);
                TouchpointIdentifier { node, namespace: identifier.namespace, value: identifier.value }
            })
            .into();
    identifiers.sort();
    let text = |text: &str| Some(text.to_owned());
    let attributes = [
        ("birth_date", "1984-02-29"),
        ("city", "Dresden"),
        ("country", "DE"),
        ("family_name", "Lee"),
        ("given_name", "Ann"),
        ("language", "de"),
        ("newsletter_topic", "garden"),
        ("postal_code", "01067"),
        ("street", "Lange Str. 5"),
    ];
    let expected = Touchpoint {
        touchpoint_id: "web-000017".to_owned(),
        time: "2026-03-01T10:15:00.250Z".parse().expect("a time"),
        source: "webshop".to_owned(),
        channel: text("web"),
        r#type: text("order"),
        sighting: keys.sighting(&[identifiers[0].node, identifiers[1].node]),
        identifiers,
        attributes: attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        consents: vec![Consent {
            purpose: "marketing".to_owned(),
            decision: Decision::Granted,
            basis: text("consent"),
            jurisdiction: text("gdpr"),
            time: "2026-03-01T10:14:58Z".parse().expect("a time"),
            wording: text("newsletter-v3"),
            channel: text("email"),
            expires: Some("2028-03-01T10:14:58Z".parse().expect("a time")),
            signal: None,
            confirmed: true,
        }],
        consent_signals: Some(ConsentSignals {
            tcf: text("CPXxRfAPXxRfAAfKABENB"),
            gpp: text("DBABMA"),
            gpc: Some(true),
            us_privacy: text("1YNN"),
            consent_mode: [("ad_storage".to_owned(), "denied".to_owned())].into(),
            segment: Some(SegmentConsent {
                category_preferences: [("Advertising".to_owned(), false)].into(),
            }),
            email: text("opt_in_confirmed"),
        }),
        order: Some(Order {
            order_id: "O-99".to_owned(),
            value: "129.90".parse().expect("an amount"),
            currency: "EUR".parse().expect("a currency"),
            items: 2,
            status: OrderStatus::Placed,
            refunded: Amount::default(),
        }),
        engagement: Some(Engagement {
            campaign: text("spring"),
            action: text("click"),
            sentiment: Some(0.4),
        }),
        flags: Vec::new(),
        verified: vec!["birth_date".to_owned(), "email".to_owned()],
    };
    assert!(accepted(EXAMPLE) == expected);
}

#[test]
fn what_is_verified_is_sorted_and_said_once() {
    let touchpoint = accepted(&with(r#""verified": [" cookie", "b", "cookie"], "attributes": {"b": 1}"#));
    assert_eq!(touchpoint.verified, ["b", "cookie"]);
    assert!(touchpoint.verifies("cookie") && !touchpoint.verifies("a"));
}

#[test]
fn an_order_that_came_back_says_so() {
    let order = |rest: &str| {
        let members = format!(r#""order": {{"order_id": "O", "value": "10", "currency": "EUR"{rest}}}"#);
        accepted(&with(&members)).order.expect("an order")
    };
    let returned = order(r#", "status": "returned", "refunded": "2.5""#);
    assert_eq!((returned.status, returned.refunded.to_string()), (OrderStatus::Returned, "2.50".to_owned()));
    assert_eq!(order(r#", "status": "cancelled", "refunded": "0""#).status, OrderStatus::Cancelled);
    assert_eq!(order(r#", "refunded": "10.00""#).refunded.to_string(), "10.00");
    assert_eq!(order(r#", "status": null, "refunded": null"#), order(""));
}

#[test]
fn null_means_that_an_optional_member_is_absent() {
    let bare =
        accepted(&with(r#""channel": null, "attributes": {"a": null}, "consents": null, "order": null"#));
    assert_eq!((bare.channel, bare.attributes.len(), bare.consents.len(), bare.order), (None, 0, 0, None));
}

#[test]
fn signals_that_say_nothing_are_absent() {
    for nothing in [
        "{}",
        r#"{"tcf": null, "consent_mode": null, "segment": null, "email": null}"#,
        r#"{"consent_mode": {}, "segment": {}}"#,
        r#"{"consent_mode": {"ad_storage": null}, "segment": {"categoryPreferences": {"Ads": null}}}"#,
    ] {
        let touchpoint = accepted(&with(&format!(r#""consent_signals": {nothing}"#)));
        assert_eq!(touchpoint.consent_signals, None, "{nothing}");
    }
}

#[test]
fn attributes_are_text_whatever_they_were() {
    let attributes =
        accepted(&with(r#""attributes": {"n": 1.50, "i": 18446744073709551615, "b": true, "t": " x "}"#));
    let expected = [("b", "true"), ("i", "18446744073709551615"), ("n", "1.5"), ("t", "x")];
    assert!(attributes.attributes.iter().map(|(name, value)| (&**name, &**value)).eq(expected));
}

#[test]
fn a_touchpoint_without_an_id_gets_one_from_its_bytes() {
    let (once, again, other) = (
        accepted(&with(r#""type": "a""#)),
        accepted(&with(r#""type": "a""#)),
        accepted(&with(r#""type": "b""#)),
    );
    assert_eq!(once.touchpoint_id, again.touchpoint_id);
    assert_ne!(once.touchpoint_id, other.touchpoint_id);
}

#[test]
fn a_consent_without_a_time_has_that_of_its_touchpoint() {
    let touchpoint = accepted(&with(r#""consents": [{"purpose": "ads", "decision": "withdrawn"}]"#));
    assert_eq!(touchpoint.consents[0].time, touchpoint.time);
}

#[test]
fn a_consent_may_end_at_any_time_from_its_decision_on() {
    for end in ["1772360100250", "\"2026-03-02T11:15:00.001Z\"", "\"9999-12-30T22:00:00Z\""] {
        let consent =
            format!(r#""consents": [{{"purpose": "ads", "decision": "granted", "expires": {end}}}]"#);
        assert!(accepted(&with(&consent)).consents[0].expires.is_some(), "{end}");
    }
}

#[test]
fn a_yes_may_be_confirmed_and_a_request_is_none() {
    let said = |consent: &str| {
        let consent = format!(r#""consents": [{{"purpose": "ads", {consent}}}]"#);
        let only = accepted(&with(&consent)).consents.remove(0);
        (only.decision, only.confirmed)
    };
    assert_eq!(said(r#""decision": "granted", "confirmed": true"#), (Decision::Granted, true));
    assert_eq!(said(r#""decision": "granted", "confirmed": null"#), (Decision::Granted, false));
    assert_eq!(said(r#""decision": "requested", "confirmed": false"#), (Decision::Requested, false));
    assert_eq!(
        said(r#""decision": "denied", "confirmed": true"#),
        (Decision::Denied, false),
        "of no meaning"
    );
}

#[test]
fn an_identifier_stated_twice_counts_once_and_an_email_shares_the_node_of_its_hash() {
    let hash = "973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b";
    let record =
        |identifiers: &str| format!(r#"{{"time": 0, "source": "crm", "identifiers": [{identifiers}]}}"#);
    let plain = r#"{"namespace": "email", "value": "test@example.com"}"#;
    let alone = accepted(&record(plain));
    let upper = r#"{"namespace": "email", "value": "TEST@example.com "}"#;
    let hashed = format!(r#"{{"namespace": "email_sha256", "value": "{hash}"}}"#);
    let all = accepted(&record(&format!("{plain}, {upper}, {hashed}")));
    assert_eq!(values(&all), ["email=test@example.com".to_owned(), format!("email_sha256={hash}")]);
    assert_eq!(all.sighting, alone.sighting, "one node, so the sighting is that node");
}

#[test]
fn a_telephone_number_is_read_in_the_country_of_its_touchpoint_else_of_its_source_else_in_the_default_region()
{
    let record = |attributes: &str| {
        format!(
            r#"{{"time": 0, "source": "crm", "attributes": {{{attributes}}},
                "identifiers": [{{"namespace": "phone", "value": "0351 1234567"}}]}}"#
        )
    };
    assert_eq!(values(&accepted(&record(r#""country": "de""#))), ["phone=+493511234567"]);
    let settings = || Settings { default_region: Some("DE".to_owned()), ..Settings::default() };
    let by_default = captured(record("").as_bytes(), settings()).expect("accepted");
    assert_eq!(values(&by_default), ["phone=+493511234567"]);
    let source_regions = [("crm", "AT"), ("till", "CH")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    let by_source = || Settings { source_regions, ..settings() };
    let of_source = captured(record("").as_bytes(), by_source()).expect("accepted");
    assert_eq!(values(&of_source), ["phone=+433511234567"], "the source wins over the default");
}

#[test]
fn unknown_members_are_kept_or_dropped_as_the_operator_chose() {
    let record = with(
        r#""shoe_size": 43, "order": {"order_id": "O", "value": "1", "currency": "eur", "tax": "0.19"}"#,
    );
    let capture = |unknown_members| {
        captured(record.as_bytes(), Settings { unknown_members, ..Settings::default() }).map(|t| t.attributes)
    };
    assert!(capture(UnknownMembers::Refuse).is_err());
    assert_eq!(capture(UnknownMembers::Drop).map(|attributes| attributes.len()), Ok(0));
    let kept = capture(UnknownMembers::Keep).expect("accepted");
    assert_eq!(kept, [("shoe_size".to_owned(), "43".to_owned())].into());
}

#[test]
fn the_stage_sends_one_touchpoint_for_a_record_and_none_for_a_refused_one() {
    let raw = |bytes: &[u8]| RawRecord { source: None, bytes: bytes.to_vec() };
    let (mut output, mut state) = (Vec::new(), BTreeMap::new());
    let mut stage = capture(Settings::default());
    let mut context = Context { now: now(), state: &mut state, output: &mut output };
    assert!(stage.handle(raw(b"{}"), &mut context).is_err());
    assert!(stage.handle(raw(EXAMPLE.as_bytes()), &mut context).is_ok());
    assert!(stage.finish(&mut context).is_ok());
    assert!(output == [Captured::from(accepted(EXAMPLE))]);
    assert!(state.is_empty(), "capture keeps no state");
}
