//! Touchpoints and profiles for the tests of this crate.

use std::collections::BTreeMap;

use kinfold_model::profile::{Attribute, Metrics};
use kinfold_model::touchpoint::{Engagement, Order};
use kinfold_model::{
    Consent, Decision, Keys, Namespace, NodeId, NodeKind, OrderStatus, PersonId, Secret, Standard, Timestamp,
    Touchpoint, TouchpointIdentifier, UnifiedProfile,
};

pub(crate) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms).expect("in range")
}

/// A touchpoint that says nothing.
pub(crate) fn touchpoint(id: &str, ms: i64) -> Touchpoint {
    Touchpoint {
        touchpoint_id: id.to_owned(),
        time: at(ms),
        source: "shop".to_owned(),
        channel: None,
        r#type: None,
        sighting: NodeId::new([1; 16], NodeKind::Sighting),
        identifiers: Vec::new(),
        attributes: BTreeMap::new(),
        consents: Vec::new(),
        consent_signals: None,
        order: None,
        engagement: None,
        flags: Vec::new(),
        verified: Vec::new(),
    }
}

pub(crate) fn identifier(node: u8, namespace: &str, value: &str) -> TouchpointIdentifier {
    let node = NodeId::new([node; 16], NodeKind::Identifier);
    TouchpointIdentifier { node, namespace: Namespace::new(namespace), value: value.to_owned() }
}

pub(crate) fn order(id: &str, value: &str, status: OrderStatus) -> Order {
    Order {
        order_id: id.to_owned(),
        value: value.parse().expect("an amount"),
        currency: "EUR".parse().expect("a currency"),
        items: 2,
        status,
        refunded: "0".parse().expect("an amount"),
    }
}

pub(crate) fn consent(purpose: &str, channel: Option<&str>, decision: Decision, ms: i64) -> Consent {
    Consent {
        purpose: purpose.to_owned(),
        decision,
        basis: None,
        jurisdiction: None,
        time: at(ms),
        wording: None,
        channel: channel.map(str::to_owned),
        expires: None,
        signal: None,
        confirmed: false,
    }
}

pub(crate) fn engagement(action: &str, sentiment: Option<f64>) -> Option<Engagement> {
    Some(Engagement { campaign: None, action: Some(action.to_owned()), sentiment })
}

pub(crate) fn keys() -> Keys {
    Keys::new(&Secret::new(b"0123456789abcdef").expect("long enough"))
}

/// Somebody who lives in Dresden and was seen once.
pub(crate) fn profile() -> UnifiedProfile {
    UnifiedProfile {
        person_id: PersonId::new([1; 16]),
        version: 0,
        identifiers: Vec::new(),
        attributes: [attribute("city", "Dresden"), attribute("street", "Lange Str. 5")].into(),
        metrics: Metrics { touchpoints: 1, ..Metrics::default() },
        timeline: Vec::new(),
        consents: Vec::new(),
        segments: Vec::new(),
        aliases: Vec::new(),
        restricted: None,
        standard: Standard::default(),
        interests: Vec::new(),
        value: None,
        lifecycle: None,
        changed: Vec::new(),
        truncated: Vec::new(),
    }
}

pub(crate) fn attribute(name: &str, value: &str) -> (String, Attribute) {
    (name.to_owned(), Attribute::once(value, "crm", Timestamp::default()))
}
