//! Random worlds: people, what they own, what they share, and what their touchpoints say about them.
//!
//! In goes a seed; out come canonical touchpoints, as capture would make them, and the same touchpoints as JSON
//! records. The same seed gives the same world. Every value is already as its normaliser would leave it, so that
//! a record that went through capture equals its touchpoint.

use std::collections::BTreeSet;

use fastrand::Rng;
use kinfold_model::rules::NeighbourLimit;
use kinfold_model::touchpoint::{Engagement, Order};
use kinfold_model::{
    Amount, BlockList, Consent, Contested, Decision, Flag, FlagKind, Guard, Identifier, Keys, Namespace,
    OrderStatus, Rules, Secret, Timestamp, Touchpoint, TouchpointIdentifier,
};
use serde_json::{Value, json};

use crate::oracle::Observation;
use crate::signals;

pub(crate) const HOUR_MS: i64 = 3_600_000;
/// Some tell that mail arrives, some that it does not, some neither.
const ACTIONS: [&str; 8] =
    ["bounce", "cleaned", "open", "click", "delivered", "soft_bounce", "reply", "Opened"];
/// What people are interested in.
const TOPICS: [&str; 4] = ["garden", "bicycles", "books", "tea"];
/// 2026-03-01T00:00:00Z: before everything that a world tells of.
pub const BEGIN_MS: i64 = 1_772_323_200_000;
/// 2026-04-01T00:00:00Z: after everything that a world tells of. Some consents end in the 20 s that begin here.
pub const AFTER_MS: i64 = 1_775_001_600_000;
/// Three days later, but for half an hour: then no stage of anybody begins within the hour, so that clocks need not agree.
pub const LATER_MS: i64 = AFTER_MS + 72 * HOUR_MS - HOUR_MS / 2;

/// The keys of tests. Their secret is no secret.
#[must_use]
pub fn keys() -> Keys {
    Keys::new(&Secret::new(b"a secret for tests only").expect("longer than 16 bytes"))
}

/// Touchpoints of one seed, in the order in which they were made, which is not that of time.
pub struct World {
    /// Some have the same id and the same identifiers: of one source they are copies, which may differ in everything else; of two
    /// sources, which number alike, they are two touchpoints.
    pub touchpoints: Vec<Touchpoint>,
}

impl World {
    /// Five to forty people in families, 30 to 400 touchpoints within a few days, many at the same time.
    #[must_use]
    pub fn new(seed: u64, keys: &Keys) -> Self {
        let mut rng = Rng::with_seed(seed);
        let persons = *pick(&mut rng, &[5, 12, 40]);
        let count = *pick(&mut rng, &[30, 120, 400]);
        Self::sized(&mut rng, persons, count, keys)
    }

    /// As [`World::new`], of a size of the caller's choice.
    #[must_use]
    pub fn sized(rng: &mut Rng, persons: usize, count: usize, keys: &Keys) -> Self {
        let rules = Rules::default();
        let mut touchpoints: Vec<Touchpoint> = Vec::with_capacity(count);
        for index in 0..count {
            let person = rng.usize(..persons);
            let mut touchpoint = touchpoint(rng, index, person, persons);
            signals::add(&mut touchpoint, index);
            let identifiers = match touchpoints.last() {
                Some(last) if rng.f64() < 0.02 => {
                    touchpoint.touchpoint_id.clone_from(&last.touchpoint_id);
                    // Not drawn, so that a seed keeps the world that it had; the others have the source of the last now and then.
                    if index.is_multiple_of(2) {
                        touchpoint.source.clone_from(&last.source);
                    }
                    last.identifiers.clone()
                }
                _ => nodes(&identifiers(rng, person, persons), &rules, keys),
            };
            touchpoint.identifiers = identifiers;
            touchpoint.verified = verified(&touchpoint, index);
            touchpoint.sighting = Observation::of(&touchpoint, &rules).sighting(keys);
            touchpoints.push(touchpoint);
        }
        Self { touchpoints }
    }

    /// What the touchpoints say about identity.
    #[must_use]
    pub fn observations(&self) -> Vec<Observation> {
        let rules = Rules::default();
        self.touchpoints.iter().map(|touchpoint| Observation::of(touchpoint, &rules)).collect()
    }

    /// The touchpoints as canonical JSON, one record each.
    #[must_use]
    pub fn records(&self) -> Vec<Vec<u8>> {
        self.touchpoints.iter().map(|touchpoint| record(touchpoint).to_string().into_bytes()).collect()
    }
}

/// Rules so strict that small worlds know quarantine, contested identifiers and refused joins. Namespaces and
/// normalisers are those of [`Rules::default`].
#[must_use]
pub fn tight_rules(seed: u64) -> Rules {
    let mut rng = Rng::with_seed(seed ^ 0x7167_6874);
    let evidence_granularity_ms = *pick(&mut rng, &[1, 60_000, HOUR_MS, 6 * HOUR_MS, 24 * HOUR_MS]);
    let mut rules = Rules { evidence_granularity_ms, ..Rules::default() };
    let names: Vec<Namespace> = rules.namespaces.keys().cloned().collect();
    let mut rules_guarded = BTreeSet::new();
    for (name, rule) in &mut rules.namespaces {
        rule.max_neighbours = NeighbourLimit::total(rng.u32(3..=6));
        if rng.f64() < 0.3 {
            rule.max_neighbours.of.insert(pick(&mut rng, &names).clone(), rng.u32(1..=4));
        }
        rule.max_per_person = if rng.f64() < 0.7 { Some(rng.u32(1..=3)) } else { None };
        rule.contested = *pick(&mut rng, &Contested::ALL);
        if rng.f64() < 0.05 {
            rules_guarded.insert(name.clone());
        }
        if rng.f64() < 0.1 {
            rule.priority = rng.u8(1..=9);
        }
    }
    rules.guard = Guard { identifiers: *pick(&mut rng, &[0, 0, 2, 3]), namespaces: rules_guarded };
    let junk = ["nobody@example.org", "kiosk-0", "tablet-0", "c-1"];
    let listed = junk.iter().filter(|_| rng.f64() < 0.1).map(|value| (*value).to_owned()).collect();
    rules.block = BlockList::new(listed, BTreeSet::new()).expect("without patterns");
    let email = rules.namespaces["email"].clone();
    if let Some(hashed) = rules.namespaces.get_mut("email_sha256") {
        *hashed = kinfold_model::NamespaceRules { normalise: hashed.normalise, ..email };
    }
    rules
}

/// The canonical JSON of a touchpoint; members that state nothing are absent, and so is what its signals mean, which capture
/// adds.
#[must_use]
pub fn record(touchpoint: &Touchpoint) -> Value {
    let identifiers: Vec<Value> = touchpoint
        .identifiers
        .iter()
        .map(|identifier| json!({"namespace": identifier.namespace, "value": identifier.value}))
        .collect();
    let mut record = json!({
        "touchpoint_id": touchpoint.touchpoint_id,
        "time": touchpoint.time.to_string(),
        "source": touchpoint.source,
        "identifiers": identifiers,
    });
    let mut add = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            record[name] = value;
        }
    };
    add("channel", touchpoint.channel.as_ref().map(|channel| json!(channel)));
    add("type", touchpoint.r#type.as_ref().map(|kind| json!(kind)));
    add("attributes", (!touchpoint.attributes.is_empty()).then(|| json!(touchpoint.attributes)));
    let meant = signals::meant(touchpoint);
    let stated = touchpoint.consents.iter().filter(|consent| !meant.contains(consent));
    let consents: Vec<Value> = stated.map(consent_record).collect();
    add("consents", (!consents.is_empty()).then(|| json!(consents)));
    add("consent_signals", touchpoint.consent_signals.as_ref().map(|signals| json!(signals)));
    add("engagement", touchpoint.engagement.as_ref().map(|engagement| json!(engagement)));
    add("verified", (!touchpoint.verified.is_empty()).then(|| json!(touchpoint.verified)));
    add("order", touchpoint.order.as_ref().map(|order| json!(order)));
    record
}

fn consent_record(consent: &Consent) -> Value {
    let mut record = json!({
        "purpose": consent.purpose,
        "decision": consent.decision,
        "time": consent.time.millis(),
    });
    let optional = [
        ("basis", &consent.basis),
        ("jurisdiction", &consent.jurisdiction),
        ("wording", &consent.wording),
        ("channel", &consent.channel),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            record[name] = json!(value);
        }
    }
    if let Some(end) = consent.expires {
        record["expires"] = json!(end.to_string());
    }
    if consent.confirmed {
        record["confirmed"] = json!(true);
    }
    record
}

/// What one person carries at one moment: own things, the family's, those of a kiosk, and sometimes junk.
fn identifiers(rng: &mut Rng, person: usize, persons: usize) -> Vec<Identifier> {
    let (family, email) = (person / 3, format!("p{person}-{}@example.org", rng.u8(..2)));
    let mut found = Vec::new();
    let mut add = |namespace: &str, value: String| found.push(Identifier::new(namespace, &value));
    if rng.f64() < 0.3 {
        // Now and then somebody at the till types the number of another customer.
        let customer = if rng.f64() < 0.03 { rng.usize(..persons) } else { person };
        add("customer_id", format!("C-{customer}"));
    }
    if rng.f64() < 0.1 {
        add("loyalty_id", format!("L-{person}"));
    }
    if rng.f64() < 0.1 {
        add("email_sha256", kinfold_model::keys::sha256_hex(&email));
    }
    if rng.f64() < 0.45 {
        add("email", email);
    }
    if rng.f64() < 0.25 {
        add("phone", format!("+1201555{:04}", 100 + family % 9900));
    }
    if rng.f64() < 0.15 {
        add("device_id", format!("tablet-{family}"));
    }
    if rng.f64() < 0.5 {
        let own = rng.f64() < 0.85;
        let number = rng.u8(..3);
        add("cookie", if own { format!("browser-{person}-{number}") } else { format!("kiosk-{number}") });
    }
    if rng.f64() < 0.03 {
        add("email", "nobody@example.org".to_owned());
    }
    if found.is_empty() {
        found.push(Identifier::new("cookie", &format!("browser-{person}-0")));
    }
    found
}

fn nodes(identifiers: &[Identifier], rules: &Rules, keys: &Keys) -> Vec<TouchpointIdentifier> {
    let mut nodes: Vec<TouchpointIdentifier> = identifiers
        .iter()
        .map(|identifier| TouchpointIdentifier {
            node: keys.identifier(identifier, rules),
            namespace: identifier.namespace.clone(),
            value: identifier.value.clone(),
        })
        .collect();
    nodes.sort();
    nodes.dedup();
    nodes
}

/// Everything but the identifiers.
fn touchpoint(rng: &mut Rng, index: usize, person: usize, persons: usize) -> Touchpoint {
    let time = moment(rng);
    let channel = *pick(rng, &[None, Some("web"), Some("till"), Some("email"), Some("call")]);
    let order = (rng.f64() < 0.25).then(|| order(rng, person));
    let mut attributes = std::collections::BTreeMap::new();
    for name in ["given_name", "language", "city"] {
        if rng.f64() < 0.25 {
            attributes.insert(name.to_owned(), attribute(name, rng.usize(..persons)));
        }
    }
    // Not drawn, so that a seed keeps the world that it had without them.
    if index.is_multiple_of(5) {
        attributes.insert("country".to_owned(), ["US", "DE", "CH"][person % 3].to_owned());
    }
    if index.is_multiple_of(3) {
        attributes
            .insert("newsletter_topic".to_owned(), TOPICS[(index / 3 + person) % TOPICS.len()].to_owned());
    }
    // Of more values than are weighed, so that it is not the alphabet that says which count.
    if index.is_multiple_of(2) {
        attributes.insert("category".to_owned(), format!("category {}", index * 37 % 300 / 2));
    }
    if index.is_multiple_of(4) {
        attributes.insert("birth_date".to_owned(), format!("19{}-02-1{}", 50 + person % 40, index / 4 % 3));
        attributes.insert("street".to_owned(), format!("Street {}", "I".repeat(1 + index / 4 % 5)));
    }
    // Types and moods are drawn apart, for the same reason.
    let mut apart = rng.clone().fork();
    let kind = match &order {
        Some(_) => Some("order"),
        None => *pick(&mut apart, &[None, None, Some("visit"), Some("message")]),
    };
    let sentiment = *pick(&mut apart, &[None, None, Some(-1.0), Some(0.25), Some(0.3333), Some(0.9996)]);
    let missing = [("channel", channel.is_none()), ("type", kind.is_none())];
    let odd =
        order.as_ref().filter(|order| order.value < Amount::default() && order.status != OrderStatus::Placed);
    let odd = odd.map(|_| Flag { kind: FlagKind::Implausible, member: "order.status".to_owned() });
    Touchpoint {
        touchpoint_id: format!("t-{index:05}"),
        time,
        source: (*pick(rng, &["webshop", "crm", "till"])).to_owned(),
        channel: channel.map(str::to_owned),
        r#type: kind.map(str::to_owned),
        sighting: kinfold_model::NodeId::from_bytes([0; 16]),
        identifiers: Vec::new(),
        attributes,
        consents: (0..rng.usize(..3))
            .flat_map(|_| if rng.f64() < 0.3 { Some(consent(rng, time)) } else { None })
            .collect(),
        consent_signals: None,
        order,
        engagement: (rng.f64() < 0.3)
            .then(|| (*pick(rng, &ACTIONS)).to_owned())
            .map(Some)
            .or_else(|| sentiment.map(|_| None))
            .map(|action| Engagement { action, sentiment, ..Engagement::default() }),
        verified: Vec::new(),
        flags: missing
            .into_iter()
            .filter(|(_, is_missing)| *is_missing)
            .map(|(member, _)| Flag { kind: FlagKind::Missing, member: member.to_owned() })
            .chain(odd)
            .collect(),
    }
}

/// Some of what the touchpoint states.
fn verified(touchpoint: &Touchpoint, index: usize) -> Vec<String> {
    let namespaces = touchpoint.identifiers.iter().map(|identifier| identifier.namespace.as_str());
    let stated: BTreeSet<&str> = touchpoint.attributes.keys().map(String::as_str).chain(namespaces).collect();
    let some = stated.into_iter().filter(|name| (index + name.len()).is_multiple_of(4));
    some.map(str::to_owned).collect()
}

/// One of many values, in the form that the normaliser of its name leaves.
fn attribute(name: &str, number: usize) -> String {
    let letter = |number: usize| char::from(b'a' + u8::try_from(number % 26).unwrap_or_default());
    match name {
        "given_name" => format!("Ann{}{}", letter(number / 26), letter(number)),
        "language" => format!("{}{}", letter(number / 26), letter(number)),
        _ => format!("{name} {number}"),
    }
}

/// Within five days; mostly one of 30 moments, so that many touchpoints happen at the same time. Nothing happens in the last of every
/// four hours, see [`LATER_MS`].
fn moment(rng: &mut Rng) -> Timestamp {
    let coarse = i64::from(rng.u8(..30)) * 4 * HOUR_MS;
    let fine = if rng.f64() < 0.3 { rng.i64(0..4 * HOUR_MS).min(3 * HOUR_MS) } else { 0 };
    Timestamp::from_millis(BEGIN_MS + coarse + fine).expect("in the year 2026")
}

/// One of a few orders of this person, so that several sources report the same one, not always with one value.
fn order(rng: &mut Rng, person: usize) -> Order {
    let order_id = format!("O-{person}-{}", rng.u8(..6));
    let value = *pick(rng, &["10.00", "19.90", "7.5", "120", "-10.00", "0.01"]);
    // What became of it is drawn apart, so that a seed keeps the world that it had without it.
    let mut apart = rng.clone().fork();
    let returned = OrderStatus::Returned;
    let status =
        *pick(&mut apart, &[OrderStatus::Placed, OrderStatus::Placed, OrderStatus::Cancelled, returned]);
    let refunded = if value.starts_with('-') { "0" } else { *pick(&mut apart, &["0", "0", "0.01", value]) };
    Order {
        order_id,
        value: value.parse().expect("an amount"),
        currency: pick(rng, &["EUR", "EUR", "GBP"]).parse().expect("a currency"),
        items: rng.i64(0..4),
        status,
        refunded: refunded.parse().expect("an amount"),
    }
}

fn consent(rng: &mut Rng, time: Timestamp) -> Consent {
    let text = |chosen: Option<&str>| chosen.map(str::to_owned);
    // Channel, end and both steps of a double opt-in are drawn apart, so that a seed keeps the world that it had without them.
    let mut apart = rng.clone().fork();
    let after = Timestamp::from_millis(AFTER_MS + apart.i64(0..20_000)).expect("in the year 2026");
    let expires = *pick(&mut apart, &[None, None, Some(time.plus_millis(24 * HOUR_MS)), Some(after)]);
    let mut consent = Consent {
        purpose: (*pick(rng, &["marketing", "analytics"])).to_owned(),
        decision: *pick(rng, &[Decision::Granted, Decision::Granted, Decision::Denied, Decision::Withdrawn]),
        basis: text(*pick(rng, &[None, Some("consent"), Some("contract")])),
        jurisdiction: text(*pick(rng, &[None, Some("gdpr"), Some("ccpa")])),
        time: if rng.bool() { time } else { moment(rng) },
        wording: text(*pick(rng, &[None, Some("v1"), Some("v2")])),
        channel: text(*pick(&mut apart, &[None, None, Some("email"), Some("phone")])),
        expires: None,
        signal: None,
        confirmed: false,
    };
    if apart.u8(..3) == 0 {
        consent.purpose = "newsletter".to_owned();
    }
    if apart.u8(..5) == 0 {
        consent.decision = Decision::Requested;
    }
    if consent.decision == Decision::Granted {
        consent.expires = expires.map(|end| end.max(consent.time));
        consent.confirmed = apart.bool();
    }
    consent
}

pub(crate) fn pick<'a, T>(rng: &mut Rng, choices: &'a [T]) -> &'a T {
    &choices[rng.usize(..choices.len())]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kinfold_capture::Capture;

    use super::*;
    use crate::oracle::{components, people};

    #[test]
    fn the_same_seed_gives_the_same_world_and_another_seed_another() {
        let keys = keys();
        assert_eq!(World::new(7, &keys).records(), World::new(7, &keys).records());
        assert_ne!(World::new(7, &keys).records(), World::new(8, &keys).records());
        assert_eq!(tight_rules(7), tight_rules(7));
    }

    #[test]
    fn a_record_that_goes_through_capture_is_its_touchpoint() {
        let capture = Capture::new(keys(), Rules::default(), signals::settings());
        let now = Timestamp::from_millis(BEGIN_MS).expect("in range").plus_millis(240 * HOUR_MS);
        for seed in 0..20 {
            let world = World::new(seed, &keys());
            for (record, touchpoint) in world.records().iter().zip(&world.touchpoints) {
                assert_eq!(capture.touchpoint(record, now).as_ref(), Ok(touchpoint), "seed {seed}");
            }
        }
    }

    #[test]
    fn under_tight_rules_quarantine_contest_and_refusal_are_common() {
        let keys = keys();
        let (mut quarantined, mut contested, mut refused) = (0, 0, 0);
        for seed in 0..200 {
            let expected = people(&World::new(seed, &keys).observations(), &tight_rules(seed), &keys);
            quarantined += u32::from(!expected.quarantined.is_empty());
            contested += u32::from(!expected.contested.is_empty());
            refused += u32::from(!expected.refused.is_empty());
        }
        assert!(
            [quarantined, contested, refused].iter().all(|n| *n >= 40),
            "{quarantined} {contested} {refused}"
        );
    }

    #[test]
    fn a_person_never_reaches_beyond_a_component() {
        let keys = keys();
        for seed in 0..50 {
            let observations = World::new(seed, &keys).observations();
            let expected = people(&observations, &tight_rules(seed), &keys);
            let mut seen = BTreeSet::new();
            for component in components(&observations) {
                let persons: BTreeSet<_> = component.iter().map(|node| expected.person[node]).collect();
                assert!(persons.iter().all(|person| seen.insert(*person)), "seed {seed}");
            }
        }
    }

    #[test]
    fn order_and_repetition_do_not_matter() {
        let keys = keys();
        for seed in 0..50 {
            let mut observations = World::new(seed, &keys).observations();
            let expected = people(&observations, &tight_rules(seed), &keys);
            observations.extend(observations.clone().into_iter().step_by(3));
            Rng::with_seed(seed).shuffle(&mut observations);
            assert_eq!(people(&observations, &tight_rules(seed), &keys), expected, "seed {seed}");
        }
    }
}
