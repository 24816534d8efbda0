//! What holds of every touchpoint that capture accepts: as functions, for tests and for simulation.

use kinfold_model::touchpoint::ConsentSignals;
use kinfold_model::{Amount, Consent, Decision, Keys, Rules, Timestamp, Touchpoint};
use serde_json::{Map, Value, json};

use crate::block::Blocks;
use crate::settings::Settings;
use crate::{identify, limits, text};

/// What a touchpoint was made with.
pub struct Circumstances<'a> {
    /// The secret of the deployment.
    pub keys: &'a Keys,
    /// Its namespaces.
    pub rules: &'a Rules,
    /// What the operator chose.
    pub settings: &'a Settings,
    /// The time of the step.
    pub now: Timestamp,
}

/// The first law that a touchpoint breaks.
///
/// # Errors
/// The law, as a sentence.
pub fn check(touchpoint: &Touchpoint, given: &Circumstances<'_>) -> Result<(), &'static str> {
    let latest = given.now.plus_millis(given.settings.max_future_ms);
    let identifiers = &touchpoint.identifiers;
    let blocks = Blocks::new(given.rules);
    let holds = [
        (!identifiers.is_empty(), "a touchpoint has an identifier"),
        (identifiers.len() <= limits::IDENTIFIERS_MAX, "a touchpoint has no more identifiers than allowed"),
        (
            identifiers.is_sorted_by(|a, b| a < b),
            "identifiers are sorted by node, namespace, value, and distinct",
        ),
        (
            identifiers.iter().all(|identifier| given.rules.namespace(&identifier.namespace).is_some()),
            "every namespace is one that the rules know",
        ),
        (
            identifiers.iter().any(|identifier| !blocks.hold(&identifier.namespace, &identifier.value)),
            "an identifier is not on the block list",
        ),
        (
            identifiers.iter().all(|identifier| !identifier.node.is_sighting()),
            "identifiers have nodes of their kind",
        ),
        (
            touchpoint.sighting == identify::sighting(identifiers, given.keys),
            "the sighting is that of the distinct nodes",
        ),
        (
            touchpoint.attributes.len() <= limits::ATTRIBUTES_MAX,
            "a touchpoint has no more attributes than allowed",
        ),
        (touchpoint.time <= latest, "no touchpoint lies beyond the latest time"),
        (
            touchpoint.consents.iter().all(|consent| consent.time <= latest),
            "no consent lies beyond the latest time",
        ),
        (
            touchpoint.consents.iter().all(|consent| {
                let is_yes = consent.decision == Decision::Granted;
                consent.expires.is_none_or(|end| is_yes && end >= consent.time)
            }),
            "only a yes ends, and none before it was said",
        ),
        (
            touchpoint.consents.iter().all(|one| !one.confirmed || one.decision == Decision::Granted),
            "only a yes is confirmed",
        ),
        (
            touchpoint.order.iter().all(|order| {
                let nothing = Amount::default();
                (nothing..=order.value.max(nothing)).contains(&order.refunded)
            }),
            "no more is paid back than an order was worth",
        ),
        (
            touchpoint.order.iter().all(|order| (0..=limits::ITEMS_MAX).contains(&order.items)),
            "an order has some articles, and not too many",
        ),
        (texts(touchpoint).all(is_clean), "every text is NFC, trimmed and not empty"),
        (touchpoint.verified.is_sorted_by(|a, b| a < b), "what is verified is sorted and distinct"),
        (touchpoint.verified.len() <= limits::ELEMENTS_MAX, "no more is verified than allowed"),
        (touchpoint.flags.is_sorted_by(|a, b| a < b), "flags are sorted by kind and member, and distinct"),
        (touchpoint.flags.len() <= limits::FLAGS_MAX, "a touchpoint has no more flags than allowed"),
    ];
    holds.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, law)| Err(law))
}

/// A touchpoint without the flags of members that a second capture finds in order, because the first one mended them: an id
/// that was missing, an attribute that it left out or stripped. What is captured of [`record`] is equal in these terms.
#[must_use]
pub fn mended(touchpoint: &Touchpoint) -> Touchpoint {
    let mut mended = touchpoint.clone();
    mended.flags.retain(|flag| match flag.member.strip_prefix("attributes.") {
        Some(name) => name != "url" && touchpoint.attributes.contains_key(name),
        None => flag.member != "touchpoint_id",
    });
    mended
}

/// A touchpoint as the canonical JSON of a record. Captured again, with the same rules of signals, it is the same touchpoint,
/// but for the flags of what capture itself [`mended`].
#[must_use]
pub fn record(touchpoint: &Touchpoint) -> Vec<u8> {
    let mut members = Map::new();
    members.insert("touchpoint_id".into(), json!(touchpoint.touchpoint_id));
    members.insert("time".into(), json!(touchpoint.time));
    members.insert("source".into(), json!(touchpoint.source));
    members.insert("channel".into(), json!(touchpoint.channel));
    members.insert("type".into(), json!(touchpoint.r#type));
    members.insert("identifiers".into(), identifiers(touchpoint));
    members.insert("attributes".into(), json!(touchpoint.attributes));
    members.insert("consents".into(), consents(touchpoint));
    members.insert("consent_signals".into(), json!(touchpoint.consent_signals));
    members.insert("order".into(), json!(touchpoint.order));
    members.insert("engagement".into(), json!(touchpoint.engagement));
    members.insert("verified".into(), json!(touchpoint.verified));
    Value::Object(members).to_string().into_bytes()
}

/// Without the nodes, which a record does not state.
fn identifiers(touchpoint: &Touchpoint) -> Value {
    let identifiers = touchpoint.identifiers.iter();
    identifiers
        .map(|identifier| json!({"namespace": identifier.namespace, "value": identifier.value}))
        .collect()
}

/// Without the signals from which they were read, which a record does not state.
fn consents(touchpoint: &Touchpoint) -> Value {
    let consents = touchpoint.consents.iter();
    let stated = consents.map(|consent| {
        let mut members = json!(consent);
        if let Some(members) = members.as_object_mut() {
            members.remove("signal");
        }
        members
    });
    stated.collect()
}

fn is_clean(text: &str) -> bool {
    !text.is_empty() && text.trim().len() == text.len() && *text::nfc(text.into()) == *text
}

/// Every text of a touchpoint.
fn texts(touchpoint: &Touchpoint) -> impl Iterator<Item = &str> {
    let signals = touchpoint.consent_signals.iter();
    let strings = signals.clone().flat_map(|signals| {
        let ConsentSignals { tcf, gpp, us_privacy, email, .. } = signals;
        [tcf, gpp, us_privacy, email]
    });
    let by_name = signals.flat_map(|signals| {
        let categories = signals.segment.iter().flat_map(|segment| segment.category_preferences.keys());
        signals.consent_mode.iter().flat_map(|(name, state)| [name, state]).chain(categories)
    });
    let engagement =
        touchpoint.engagement.iter().flat_map(|engagement| [&engagement.campaign, &engagement.action]);
    let consents = touchpoint.consents.iter();
    let optional = [&touchpoint.channel, &touchpoint.r#type]
        .into_iter()
        .chain(strings)
        .chain(engagement)
        .chain(consents.clone().flat_map(|consent| {
            let Consent { basis, jurisdiction, wording, channel, signal, .. } = consent;
            [basis, jurisdiction, wording, channel, signal]
        }))
        .flatten();
    [&touchpoint.touchpoint_id, &touchpoint.source]
        .into_iter()
        .chain(touchpoint.identifiers.iter().map(|identifier| &identifier.value))
        .chain(touchpoint.attributes.iter().flat_map(|(name, value)| [name, value]))
        .chain(consents.map(|consent| &consent.purpose))
        .chain(touchpoint.order.iter().map(|order| &order.order_id))
        .chain(&touchpoint.verified)
        .chain(by_name)
        .chain(optional)
        .map(String::as_str)
}
