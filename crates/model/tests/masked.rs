//! What is printed for somebody who debugs tells nothing of anybody: of each type that holds what a source, or a steward, wrote, a
//! sample in which every text and every amount is unmistakable is printed in both ways and searched.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use kinfold_model::command::CommandIdentifier;
use kinfold_model::consent::{ConsentCause, ConsentEvidence};
use kinfold_model::privacy::{PrivacyKind, PrivacyScope, RequestIdentifier};
use kinfold_model::profile::{Attribute, Metrics, ProfileIdentifier, TimelineEntry};
use kinfold_model::touchpoint::{ConsentSignals, Engagement, Order, SegmentConsent};
use kinfold_model::{
    BlockList, Command, CommandKind, Consent, ConsentChange, ConsentState, DeadLetter, Decision,
    EffectiveConsent, Identifier, Namespace, NodeId, OrderStatus, PersonId, PrivacyRequest, Standard,
    Timestamp, Touchpoint, TouchpointIdentifier, UnifiedProfile,
};

/// In every text.
const MARK: &str = "Extraordinary";
/// Every amount.
const AMOUNT: &str = "4711.13";

fn text() -> String {
    format!("{MARK} text")
}

fn some() -> Option<String> {
    Some(text())
}

fn node() -> NodeId {
    NodeId::from_bytes([7; 16])
}

fn person() -> PersonId {
    PersonId::new([7; 16])
}

fn time() -> Timestamp {
    Timestamp::from_millis(1_772_420_000_000).expect("is a time")
}

fn by_name<V>(value: V) -> BTreeMap<String, V> {
    BTreeMap::from([(text(), value)])
}

/// Bytes are printed as a list of numbers, in the second way with one in each line.
#[track_caller]
fn is_masked(sample: &impl Debug) {
    let numbers = MARK.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(",");
    for mut printed in [format!("{sample:?}"), format!("{sample:#?}")] {
        printed.retain(|c| !c.is_whitespace());
        let shows = [MARK, AMOUNT, &numbers].into_iter().any(|value| printed.contains(value));
        assert!(!shows && !printed.is_empty(), "{printed}");
    }
}

fn signals() -> ConsentSignals {
    ConsentSignals {
        tcf: some(),
        gpp: some(),
        gpc: Some(true),
        us_privacy: some(),
        consent_mode: by_name(text()),
        segment: Some(SegmentConsent { category_preferences: by_name(true) }),
        email: some(),
    }
}

fn order() -> Order {
    Order {
        order_id: text(),
        value: AMOUNT.parse().expect("is an amount"),
        currency: "EUR".parse().expect("is a currency"),
        items: 3,
        status: OrderStatus::Returned,
        refunded: AMOUNT.parse().expect("is an amount"),
    }
}

fn engagement() -> Engagement {
    Engagement { campaign: some(), action: some(), sentiment: Some(0.5) }
}

/// The purpose is a name of the configuration, or none.
fn consent() -> Consent {
    Consent {
        purpose: "marketing".to_owned(),
        decision: Decision::Granted,
        basis: some(),
        jurisdiction: some(),
        time: time(),
        wording: some(),
        channel: some(),
        expires: Some(time()),
        signal: some(),
        confirmed: true,
    }
}

fn effective() -> EffectiveConsent {
    EffectiveConsent {
        purpose: "marketing".to_owned(),
        state: ConsentState::Granted,
        since: time(),
        jurisdiction: some(),
        basis: some(),
        source: text(),
        channel: some(),
        expires: Some(time()),
        signal: some(),
        wording: some(),
        confirmed: true,
    }
}

fn metrics() -> Metrics {
    let amounts = || by_name(AMOUNT.parse().expect("is an amount"));
    Metrics {
        touchpoints: 1,
        channels: by_name(1),
        types: by_name(1),
        revenue: amounts(),
        average_order_value: amounts(),
        preferred_channel: some(),
        ..Metrics::default()
    }
}

#[test]
fn a_touchpoint_and_its_parts_are_printed_without_what_they_say() {
    let identifier = TouchpointIdentifier { node: node(), namespace: Namespace::new("email"), value: text() };
    is_masked(&signals());
    is_masked(&signals().segment);
    is_masked(&order());
    is_masked(&engagement());
    is_masked(&consent());
    is_masked(&Touchpoint {
        touchpoint_id: text(),
        time: time(),
        source: text(),
        channel: some(),
        r#type: some(),
        sighting: node(),
        identifiers: vec![identifier],
        attributes: by_name(text()),
        consents: vec![consent()],
        consent_signals: Some(signals()),
        order: Some(order()),
        engagement: Some(engagement()),
        flags: Vec::new(),
        verified: vec![text()],
    });
    is_masked(&Identifier::new("email", &text()));
}

#[test]
fn a_profile_and_its_parts_are_printed_without_what_they_say() {
    is_masked(&effective());
    is_masked(&metrics());
    let identifier = ProfileIdentifier {
        namespace: Namespace::new("email"),
        value: text(),
        first_seen: time(),
        last_seen: time(),
        undeliverable: None,
        verified: None,
        stale: None,
        verify_again: None,
    };
    let entry = TimelineEntry {
        time: time(),
        touchpoint_id: text(),
        source: text(),
        channel: some(),
        r#type: some(),
        action: some(),
        order_id: some(),
    };
    is_masked(&UnifiedProfile {
        person_id: person(),
        version: 1,
        identifiers: vec![identifier],
        attributes: by_name(Attribute::once(&text(), &text(), time())),
        metrics: metrics(),
        timeline: vec![entry],
        consents: vec![effective()],
        segments: vec![text()],
        aliases: Vec::new(),
        restricted: None,
        standard: Standard { given_name: some(), ..Standard::default() },
        interests: Vec::new(),
        value: None,
        lifecycle: None,
        changed: vec![text()],
        truncated: Vec::new(),
    });
    let evidence = ConsentEvidence {
        source: text(),
        basis: some(),
        signal: some(),
        wording: some(),
        expires: Some(time()),
        confirmed: true,
    };
    is_masked(&evidence);
    is_masked(&ConsentChange {
        person_id: person(),
        purpose: "marketing".to_owned(),
        before: ConsentState::Unknown,
        after: ConsentState::Granted,
        since: Some(time()),
        jurisdiction: some(),
        cause: ConsentCause::Decision,
        channel: some(),
        effective: Some(time()),
        evidence: Some(evidence),
    });
}

#[test]
fn what_people_ask_for_and_what_is_refused_is_printed_without_what_it_says() {
    is_masked(&Command {
        command_id: "c-1".to_owned(),
        kind: CommandKind::Link,
        author: text(),
        reason: text(),
        time: time(),
        withdrawn: false,
        identifiers: vec![CommandIdentifier { node: node(), namespace: Namespace::new("email") }],
        source: some(),
        touchpoint_id: some(),
    });
    let identifier = RequestIdentifier { namespace: Namespace::new("email"), value: text() };
    is_masked(&identifier);
    is_masked(&PrivacyRequest {
        request_id: "r-1".to_owned(),
        kind: PrivacyKind::Erase,
        scope: PrivacyScope::default(),
        identifiers: vec![identifier],
        time: time(),
        verifier: some(),
        signature: some(),
    });
    is_masked(&DeadLetter {
        topic: "raw.crm".to_owned(),
        partition: 0,
        offset: 0,
        stage: "capture".to_owned(),
        schema: text(),
        time: time(),
        kind: "bad_value".to_owned(),
        member: text(),
        sentence: text(),
        key: Some(MARK.as_bytes().to_vec()),
        payload: Some(MARK.as_bytes().to_vec()),
    });
    let list = BlockList::new(BTreeSet::from([MARK.to_lowercase()]), BTreeSet::from([text()]));
    let printed = format!("{:?}", list.expect("the patterns compile"));
    assert_eq!(printed, "block list of 1 values and 1 patterns");
}
