//! Every way to be refused: the record, the kind, the member at fault. And no refusal repeats a value.

use std::collections::BTreeSet;

use kinfold_capture::{Settings, UnknownMembers, limits};
use kinfold_model::RefusalKind::{self, *};

use super::{captured, with};

/// Stands in the records for what must not be repeated.
const MARKER: &str = "xyzzy-4711";

fn record(identifiers: &str) -> String {
    format!(r#"{{"time": 0, "source": "till", "identifiers": {identifiers}}}"#)
}

fn identifier(namespace: &str, value: &str) -> String {
    record(&format!(
        r#"[{{"namespace": "cookie", "value": "c"}}, {{"namespace": "{namespace}", "value": "{value}"}}]"#
    ))
}

fn attributes(count: usize) -> String {
    let members: Vec<String> = (0..count).map(|i| format!(r#""a{i}": 1"#)).collect();
    with(&format!(r#""attributes": {{{}}}"#, members.join(", ")))
}

fn shapes() -> Vec<(String, RefusalKind, &'static str)> {
    let all_members = [
        (r#""touchpoint_id": 7"#, WrongType, "touchpoint_id"),
        (r#""touchpoint_id": " ""#, EmptyValue, "touchpoint_id"),
        (r#""channel": true"#, WrongType, "channel"),
        (r#""channel": "\t""#, EmptyValue, "channel"),
        (r#""type": {}"#, WrongType, "type"),
        (r#""attributes": []"#, WrongType, "attributes"),
        (r#""verified": "xyzzy-4711""#, WrongType, "verified"),
        (r#""verified": ["a", {"xyzzy-4711": 1}]"#, WrongType, "verified[1]"),
        (r#""verified": [" "]"#, EmptyValue, "verified[0]"),
        (r#""attributes": {"a": {"xyzzy-4711": 1}}"#, WrongType, "attributes.a"),
        (r#""attributes": {"a": ["xyzzy-4711"]}"#, WrongType, "attributes.a"),
        (r#""attributes": {"a": "xyzzy-4711\u0000"}"#, WrongType, "attributes.a"),
        (r#""attributes": {"a": ""}"#, EmptyValue, "attributes.a"),
        (r#""attributes": {"": "xyzzy-4711"}"#, EmptyValue, "attributes.<unprintable name>"),
        (r#""attributes": {"xyzzy-4711@a.example": ""}"#, EmptyValue, "attributes.<unprintable name>"),
        (r#""attributes": {"a": 12345678901234567890123}"#, OutOfRange, "attributes.a"),
        (r#""attributes": {"a ": 1, "a": 2}"#, DuplicateMember, "attributes.a"),
        (r#""consents": {}"#, WrongType, "consents"),
        (r#""consents": ["xyzzy-4711"]"#, WrongType, "consents[0]"),
        (r#""consents": [{"decision": "granted"}]"#, MissingMember, "consents[0].purpose"),
        (r#""consents": [{"purpose": "ads"}]"#, MissingMember, "consents[0].decision"),
        (r#""consents": [{"purpose": "ads", "decision": "xyzzy-4711"}]"#, BadConsent, "consents[0].decision"),
        (r#""consents": [{"purpose": "", "decision": "denied"}]"#, EmptyValue, "consents[0].purpose"),
        (
            r#""consents": [{"purpose": "a", "decision": "denied", "time": "2026-03-03T00:00:00Z"}]"#,
            FutureTime,
            "consents[0].time",
        ),
        (
            r#""consents": [{"purpose": "a", "decision": "denied", "x": "xyzzy-4711"}]"#,
            UnknownMember,
            "consents[0].x",
        ),
        (
            r#""consents": [{"purpose": "a", "decision": "denied", "signal": "xyzzy-4711"}]"#,
            UnknownMember,
            "consents[0].signal",
        ),
        (
            r#""consents": [{"purpose": "a", "decision": "granted", "channel": ""}]"#,
            EmptyValue,
            "consents[0].channel",
        ),
        (
            r#""consents": [{"purpose": "a", "decision": "granted", "channel": ["xyzzy-4711"]}]"#,
            WrongType,
            "consents[0].channel",
        ),
        (
            r#""consents": [{"purpose": "a", "decision": "granted", "expires": "xyzzy-4711"}]"#,
            BadTime,
            "consents[0].expires",
        ),
        (
            r#""consents": [{"purpose": "a", "decision": "granted", "expires": true}]"#,
            WrongType,
            "consents[0].expires",
        ),
        (
            r#""consents": [{"purpose": "a", "decision": "granted", "expires": 1772360100249}]"#,
            BadConsent,
            "consents[0].expires",
        ),
        (
            r#""consents": [{"purpose": "a", "decision": "granted", "time": 2, "expires": 1}]"#,
            BadConsent,
            "consents[0].expires",
        ),
        (
            r#""consents": [{"purpose": "a", "decision": "granted", "confirmed": "xyzzy-4711"}]"#,
            WrongType,
            "consents[0].confirmed",
        ),
        (
            r#""consents": [{"purpose": "a", "decision": "requested", "confirmed": true}]"#,
            BadConsent,
            "consents[0].confirmed",
        ),
        (r#""consent_signals": {"gpc": "xyzzy-4711"}"#, WrongType, "consent_signals.gpc"),
        (r#""consent_signals": {"tcf": 1}"#, WrongType, "consent_signals.tcf"),
        (r#""consent_signals": {"usp": "1YNN"}"#, UnknownMember, "consent_signals.usp"),
        (r#""consent_signals": {"us_privacy": ["xyzzy-4711"]}"#, WrongType, "consent_signals.us_privacy"),
        (r#""consent_signals": {"email": {"xyzzy-4711": 1}}"#, WrongType, "consent_signals.email"),
        (r#""consent_signals": {"email": " "}"#, EmptyValue, "consent_signals.email"),
        (r#""consent_signals": {"consent_mode": "xyzzy-4711"}"#, WrongType, "consent_signals.consent_mode"),
        (
            r#""consent_signals": {"consent_mode": {"ad_storage": true}}"#,
            WrongType,
            "consent_signals.consent_mode.ad_storage",
        ),
        (
            r#""consent_signals": {"consent_mode": {" a": "granted", "a": "xyzzy-4711"}}"#,
            DuplicateMember,
            "consent_signals.consent_mode.a",
        ),
        (r#""consent_signals": {"segment": ["xyzzy-4711"]}"#, WrongType, "consent_signals.segment"),
        (r#""consent_signals": {"segment": {"Ads": true}}"#, UnknownMember, "consent_signals.segment.Ads"),
        (
            r#""consent_signals": {"segment": {"categoryPreferences": true}}"#,
            WrongType,
            "consent_signals.segment.categoryPreferences",
        ),
        (
            r#""consent_signals": {"segment": {"categoryPreferences": {"Ads": "xyzzy-4711"}}}"#,
            WrongType,
            "consent_signals.segment.categoryPreferences.Ads",
        ),
        (r#""order": "xyzzy-4711""#, WrongType, "order"),
        (r#""order": {}"#, MissingMember, "order.order_id"),
        (r#""order": {"order_id": "O", "currency": "EUR"}"#, MissingMember, "order.value"),
        (r#""order": {"order_id": "O", "value": "1"}"#, MissingMember, "order.currency"),
        (r#""order": {"order_id": "O", "value": 129.9, "currency": "EUR"}"#, WrongType, "order.value"),
        (r#""order": {"order_id": "O", "value": "xyzzy-4711", "currency": "EUR"}"#, BadMoney, "order.value"),
        (r#""order": {"order_id": "O", "value": "1", "currency": "xyzzy-4711"}"#, BadMoney, "order.currency"),
        (
            r#""order": {"order_id": "O", "value": "1000000000000000000000000000000", "currency": "EUR"}"#,
            BadMoney,
            "order.value",
        ),
        (
            r#""order": {"order_id": "O", "value": "1", "currency": "EUR", "status": "xyzzy-4711"}"#,
            BadMoney,
            "order.status",
        ),
        (
            r#""order": {"order_id": "O", "value": "1", "currency": "EUR", "status": 1}"#,
            WrongType,
            "order.status",
        ),
        (
            r#""order": {"order_id": "O", "value": "1", "currency": "EUR", "refunded": "1.01"}"#,
            OutOfRange,
            "order.refunded",
        ),
        (
            r#""order": {"order_id": "O", "value": "1", "currency": "EUR", "refunded": "-0.01"}"#,
            OutOfRange,
            "order.refunded",
        ),
        (
            r#""order": {"order_id": "O", "value": "-1", "currency": "EUR", "refunded": "0.01"}"#,
            OutOfRange,
            "order.refunded",
        ),
        (
            r#""order": {"order_id": "O", "value": "1", "currency": "EUR", "refunded": 0.5}"#,
            WrongType,
            "order.refunded",
        ),
        (
            r#""order": {"order_id": "O", "value": "1", "currency": "EUR", "refunded": "xyzzy-4711"}"#,
            BadMoney,
            "order.refunded",
        ),
        (
            r#""order": {"order_id": "O", "value": "1", "currency": "EUR", "items": -1}"#,
            OutOfRange,
            "order.items",
        ),
        (
            r#""order": {"order_id": "O", "value": "1", "currency": "EUR", "items": 2.5}"#,
            WrongType,
            "order.items",
        ),
        (
            r#""order": {"order_id": "O", "value": "1", "currency": "EUR", "tax": "1"}"#,
            UnknownMember,
            "order.tax",
        ),
        (r#""engagement": {"sentiment": 1.01}"#, OutOfRange, "engagement.sentiment"),
        (r#""engagement": {"sentiment": "xyzzy-4711"}"#, WrongType, "engagement.sentiment"),
        (r#""engagement": {"mood": "xyzzy-4711"}"#, UnknownMember, "engagement.mood"),
        (r#""shoe_size": "xyzzy-4711""#, UnknownMember, "shoe_size"),
        (r#""source": "xyzzy-4711""#, DuplicateMember, "source"),
        (r#""order": {"value": "1", "value": "xyzzy-4711"}"#, DuplicateMember, "order.value"),
    ];
    all_members.into_iter().map(|(more, kind, member)| (with(more), kind, member)).collect()
}

fn required() -> Vec<(String, RefusalKind, &'static str)> {
    let ids = r#""identifiers": [{"namespace": "cookie", "value": "xyzzy-4711"}]"#;
    let time = |time: &str| format!(r#"{{"time": {time}, "source": "till", {ids}}}"#);
    vec![
        ("{}".to_owned(), MissingMember, "time"),
        (time("null"), MissingMember, "time"),
        (time("true"), WrongType, "time"),
        (time("\"xyzzy-4711\""), BadTime, "time"),
        (time("\"\""), EmptyValue, "time"),
        (time("1772360100.25"), BadTime, "time"),
        (time("18446744073709551615"), BadTime, "time"),
        (time("\"2026-03-02T11:15:00.001Z\""), FutureTime, "time"),
        (format!(r#"{{"time": 0, {ids}}}"#), MissingMember, "source"),
        (format!(r#"{{"time": 0, "source": "  ", {ids}}}"#), EmptyValue, "source"),
        (r#"{"time": 0, "source": "till"}"#.to_owned(), NoIdentifier, "identifiers"),
        (record("[]"), NoIdentifier, "identifiers"),
        (
            record(r#"[{"namespace": "email", "value": "noreply@xyzzy-4711.example"}]"#),
            BlockedIdentifier,
            "identifiers",
        ),
        (record("null"), NoIdentifier, "identifiers"),
        (record("{}"), WrongType, "identifiers"),
        (record(r#"["xyzzy-4711"]"#), WrongType, "identifiers[0]"),
        (record(r#"[{"namespace": "cookie", "value": 4711}]"#), WrongType, "identifiers[0].value"),
        (record(r#"[{"namespace": "cookie"}]"#), MissingMember, "identifiers[0].value"),
        (record(r#"[{"value": "xyzzy-4711"}]"#), MissingMember, "identifiers[0].namespace"),
        (record(r#"[{"namespace": "cookie", "value": "a", "x": 1}]"#), UnknownMember, "identifiers[0].x"),
        (identifier("cookie", " \u{a0}"), EmptyValue, "identifiers[1].value"),
        (identifier("", MARKER), EmptyValue, "identifiers[1].namespace"),
        (identifier(MARKER, "a"), UnknownNamespace, "identifiers[1].namespace"),
        (identifier("cookie", "xyzzy-4711\\nb"), BadIdentifier, "identifiers[1].value"),
        (identifier("email", MARKER), BadIdentifier, "identifiers[1].value"),
        (identifier("email_sha256", MARKER), BadIdentifier, "identifiers[1].value"),
        (identifier("phone", MARKER), BadIdentifier, "identifiers[1].value"),
        (identifier("social", MARKER), BadIdentifier, "identifiers[1].value"),
        (identifier("customer_id", &"x".repeat(513)), ValueTooLong, "identifiers[1].value"),
    ]
}

fn sizes() -> Vec<(Vec<u8>, RefusalKind, &'static str)> {
    let list = |element: &str, count: usize| format!("[{}]", vec![element; count].join(","));
    let identifier = r#"{"namespace": "cookie", "value": "xyzzy-4711"}"#;
    let consent = r#"{"purpose": "ads", "decision": "denied"}"#;
    let text = |bytes: usize| with(&format!(r#""attributes": {{"a": "{}"}}"#, "x".repeat(bytes)));
    let nested = with(&format!(r#""attributes": {}"#, "[".repeat(100_000)));
    let signals = |signals: &str| with(&format!(r#""consent_signals": {{{signals}}}"#));
    let long = "x".repeat(limits::NAME_BYTES_MAX + 1);
    let categories: Vec<String> = (0..=limits::ELEMENTS_MAX).map(|i| format!(r#""c{i}": true"#)).collect();
    let records = [
        (String::new(), EmptyRecord, ""),
        (text(limits::RECORD_BYTES), RecordTooLarge, ""),
        (" ".repeat(limits::RECORD_BYTES), RecordTooLarge, ""),
        (text(1_000_000), ValueTooLong, "attributes.a"),
        (text(limits::ATTRIBUTE_BYTES_MAX + 1), ValueTooLong, "attributes.a"),
        (record(&list(identifier, 10_000)), TooManyIdentifiers, "identifiers"),
        (record(&list(identifier, limits::IDENTIFIERS_MAX + 1)), TooManyIdentifiers, "identifiers"),
        (
            with(&format!(r#""consents": {}"#, list(consent, limits::CONSENTS_MAX + 1))),
            TooManyElements,
            "consents",
        ),
        (attributes(limits::ATTRIBUTES_MAX + 1), TooManyElements, "attributes"),
        (with(&format!(r#""x": {}"#, list("1", limits::ELEMENTS_MAX + 1))), TooManyElements, "x"),
        (signals(&format!(r#""us_privacy": "{long}""#)), ValueTooLong, "consent_signals.us_privacy"),
        (signals(&format!(r#""email": "{long}""#)), ValueTooLong, "consent_signals.email"),
        (
            signals(&format!(r#""consent_mode": {{"a": "{long}"}}"#)),
            ValueTooLong,
            "consent_signals.consent_mode.a",
        ),
        (
            signals(&format!(r#""consent_mode": {{"{long}": "denied"}}"#)),
            ValueTooLong,
            "consent_signals.consent_mode.<unprintable name>",
        ),
        (
            signals(&format!(r#""segment": {{"categoryPreferences": {{{}}}}}"#, categories.join(","))),
            TooManyElements,
            "consent_signals.segment.categoryPreferences",
        ),
        ("[".repeat(100_000), TooDeep, "[0][0][0][0][0][0][0][0]"),
        (nested, TooDeep, "attributes[0][0][0][0][0][0][0]"),
        ("nonsense xyzzy-4711".to_owned(), MalformedJson, ""),
        (r#"{"time": "xyzzy-4711"#.to_owned(), MalformedJson, ""),
        (r#"{"time": "\ud800 xyzzy-4711"}"#.to_owned(), MalformedJson, ""),
        (r#"{} {"xyzzy-4711": 1}"#.to_owned(), MalformedJson, ""),
        (r#"{"time": 1e999}"#.to_owned(), MalformedJson, ""),
        ("[]".to_owned(), WrongType, ""),
        ("\"xyzzy-4711\"".to_owned(), WrongType, ""),
    ];
    let bytes = [(b"{\"source\": \"xyzzy-4711\xff\"}".to_vec(), InvalidUtf8, "")];
    bytes
        .into_iter()
        .chain(records.map(|(record, kind, member)| (record.into_bytes(), kind, member)))
        .collect()
}

fn cases() -> Vec<(Vec<u8>, RefusalKind, &'static str)> {
    let texts = shapes().into_iter().chain(required());
    sizes()
        .into_iter()
        .chain(texts.map(|(record, kind, member)| (record.into_bytes(), kind, member)))
        .collect()
}

#[test]
fn each_fault_is_refused_by_its_kind_and_names_its_member() {
    for (record, kind, member) in cases() {
        let shown = String::from_utf8_lossy(&record[..record.len().min(200)]).into_owned();
        let refusal = captured(&record, Settings::default()).expect_err(&shown);
        assert_eq!((refusal.kind, &*refusal.member), (kind, member), "{refusal}: {shown}");
        assert!(
            refusal.sentence.starts_with(if member.is_empty() { "the record " } else { member }),
            "{refusal}"
        );
    }
}

#[test]
fn no_refusal_repeats_a_value_of_the_record() {
    for (record, ..) in cases() {
        let refusal = captured(&record, Settings::default()).expect_err("a case of a refusal");
        assert!(!refusal.sentence.contains("xyzzy") && !refusal.sentence.contains("4711"), "{refusal}");
        assert!(refusal.sentence.len() < 400, "{refusal}");
    }
}

#[test]
fn every_kind_that_capture_can_produce_has_a_case() {
    let seen: BTreeSet<RefusalKind> = cases().into_iter().map(|(_, kind, _)| kind).collect();
    let missing: Vec<RefusalKind> =
        RefusalKind::ALL.into_iter().filter(|kind| !seen.contains(kind)).collect();
    let others = [Undecodable, BadCommand, BadRequest, Unmappable, MappingLimit];
    assert_eq!(
        missing, others,
        "capture reads neither inner topics nor commands and requests, and canonical records have no mapping"
    );
}

#[test]
fn what_cannot_be_kept_as_an_attribute_is_refused() {
    let settings = || Settings { unknown_members: UnknownMembers::Keep, ..Settings::default() };
    let crowd: Vec<String> = (0..40).map(|i| format!(r#""u{i}": 1"#)).collect();
    let attributes: Vec<String> = (0..40).map(|i| format!(r#""a{i}": 1"#)).collect();
    let crowded = with(&format!(r#""attributes": {{{}}}, {}"#, attributes.join(","), crowd.join(",")));
    for (record, kind, member) in [
        (with(r#""x": {"a": 1}"#), WrongType, "x"),
        (with(r#""x": [1]"#), WrongType, "x"),
        (with(r#""attributes": {"x": 1}, "x": 2"#), DuplicateMember, "x"),
        (crowded, TooManyElements, "attributes"),
    ] {
        let refusal = captured(record.as_bytes(), settings()).expect_err("refused");
        assert_eq!((refusal.kind, &*refusal.member), (kind, member), "{refusal}");
    }
}
