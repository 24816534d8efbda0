//! Random worlds: people, what they own, what they share, and what their touchpoints say about them.
//!
//! In goes a seed; out come canonical touchpoints, as capture would make them, and the same touchpoints as JSON
//! records. The same seed gives the same world. Every value is already as its normaliser would leave it, so that
//! a record that went through capture equals its touchpoint.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use kinfold_model::rules::NeighbourLimit;
use kinfold_model::touchpoint::{Engagement, Order};
use kinfold_model::{
    Amount, AttributeRule, Basis, BlockList, Consent, Contested, Decision, Field, Flag, FlagKind, Form,
    Guard, Identifier, Keys, MergePolicy, Namespace, OrderStatus, Output, Outputs, Purpose, Purposes, Rules,
    Secret, Silence, SurvivorRule, Survivorship, Timestamp, Touchpoint, TouchpointIdentifier,
};
use kinfold_profile::{Settings, Valuation};
use kinfold_value::lifecycle::{RevenueMin, Stage};
use kinfold_value::{LifecycleRules, Model, Refresh};
use serde_json::{Value, json};

use crate::oracle::Observation;
use crate::signals;

const HOUR_MS: i64 = 3_600_000;
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
    /// Some have the same id and the same identifiers: copies, which may differ in everything else.
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

/// How old data of a world may be for `analytics`: shorter than from the last touchpoint to [`AFTER_MS`], so that nothing becomes
/// too old while consents end.
pub const RETENTION_MS: i64 = 25 * 24 * HOUR_MS;

/// By which values of attributes of a world survive: every rule has an attribute, and of two all that was said is stale before
/// [`AFTER_MS`].
#[must_use]
pub fn survivorship() -> Survivorship {
    let by = |rule| AttributeRule { rule, ..AttributeRule::default() };
    let ageing = |rule| AttributeRule { stale_after_ms: Some(RETENTION_MS), ..by(rule) };
    let sources = ["crm", "erp", "till"].map(str::to_owned).into();
    let rules = [
        ("given_name", by(SurvivorRule::VerifiedFirst)),
        ("language", AttributeRule { sources, ..by(SurvivorRule::SourcePriority) }),
        ("city", by(SurvivorRule::MostFrequent)),
        ("newsletter_topic", by(SurvivorRule::Union)),
        ("birth_date", ageing(SurvivorRule::Oldest)),
        ("street", by(SurvivorRule::Longest)),
        ("country", ageing(SurvivorRule::Newest)),
    ];
    let rules = rules.into_iter().map(|(name, rule)| (name.to_owned(), rule)).collect();
    let interests = Survivorship::INTERESTS.map(str::to_owned).into();
    Survivorship::new(SurvivorRule::Newest, rules).with_interests(interests, 3)
}

/// What the purchases of a world are worth.
const MODEL: &str = r#"
version = 1
fitted_until = "2026-02-28"
[meaning]
currency = "EUR"
period_days = 7
horizon_days = 90
discount_per_year = 0.1
[fitted_from]
customers = 100
repeat_customers = 40
paying_customers = 40
repeat_purchases = 90
[bg_nbd]
log_likelihood = -1.0
[bg_nbd.parameters]
r = 0.243
alpha = 4.414
a = 0.793
b = 2.426
[gamma_gamma]
log_likelihood = -1.0
[gamma_gamma.parameters]
p = 6.25
q = 3.74
v = 15.44
[quintiles]
recency_days = [26, 27, 28, 29]
frequency = [1, 1, 2, 3]
monetary = ["0.01", "7.50", "10.00", "40.00"]
"#;

/// How the people of a world are folded: two of its three sources have a place among those that report orders, hours are told by
/// a clock that is not that of UTC, and few touchpoints are shown. Values are made anew every second day, and stages are so short that
/// some begin while a world is told, and some between [`AFTER_MS`] and [`LATER_MS`].
///
/// # Panics
/// Never: the model and the stages are sound.
#[must_use]
pub fn profile_settings() -> Settings {
    let model = Model::from_toml(MODEL).expect("the model is sound");
    let refresh = Refresh::new(2).expect("a number of days");
    Settings {
        order_sources: ["till", "crm"].map(str::to_owned).into(),
        utc_offset_minutes: 90,
        timeline: 3,
        valuation: Some(Valuation { model, refresh }),
        lifecycle: LifecycleRules::new(stages()).expect("the stages are sound"),
        ..Settings::default()
    }
}

fn stages() -> Vec<Stage> {
    let stage = |name: &str| Stage { name: name.to_owned(), ..Stage::default() };
    let orders = |name, orders_min| Stage { orders_min: Some(orders_min), ..stage(name) };
    let amount = "30.00".parse().expect("an amount");
    let revenue_min = Some(RevenueMin { currency: "EUR".parse().expect("a currency"), amount });
    vec![
        stage("new"),
        Stage { identified: Some(true), ..stage("known") },
        orders("buyer", 1),
        Stage { revenue_min, ..orders("spender", 1) },
        Stage { days_since_seen_max: Some(0), ..orders("busy", 2) },
        Stage { days_since_seen_min: Some(1), days_since_order_max: Some(1), ..stage("resting") },
        Stage { age_days_min: Some(30), orders_max: Some(0), ..stage("onlooker") },
        Stage { days_since_order_min: Some(27), ..stage("at_risk") },
        Stage { days_since_order_min: Some(29), ..stage("lapsed") },
    ]
}

/// By which the decisions of a world are weighed: one policy for each of its purposes, and one of them has an end. Of that one
/// nothing may be old either, and silence about it is a no; about the other it depends on the law. A third asks for a double opt-in.
#[must_use]
pub fn purposes() -> Purposes {
    let marketing = Purpose {
        merge: MergePolicy::Newest,
        defaults: ["us", "ccpa"].map(|law| (law.to_owned(), Silence::OptOut)).into(),
        ..Purpose::default()
    };
    let analytics = Purpose {
        valid_for_ms: Some(60 * HOUR_MS),
        retention_ms: Some(RETENTION_MS),
        fields: Some(
            ["city", "metrics", "aliases", "timeline", "value", "lifecycle", "identifiers.email"]
                .map(part)
                .into(),
        ),
        ..Purpose::default()
    };
    let service = Purpose { basis: Basis::Contract, retention_ms: Some(RETENTION_MS), ..Purpose::default() };
    let newsletter = Purpose { double_opt_in: true, ..Purpose::default() };
    let named = [
        ("marketing", marketing),
        ("analytics", analytics),
        ("service", service),
        ("newsletter", newsletter),
    ];
    named.into_iter().map(|(name, purpose)| (name.to_owned(), purpose)).collect()
}

/// What was declared before the rules of a run changed: everything is weighed and lasts otherwise, one output asks for other parts,
/// one was not there yet, and one is not there any more; of every attribute another value survived, no source was believed of orders
/// before another, hours were those of UTC, nothing was said of values, and stages were those of everybody.
#[must_use]
pub fn earlier_terms() -> (Purposes, Outputs, Survivorship, Settings) {
    let marketing = Purpose { valid_for_ms: Some(200 * HOUR_MS), ..Purpose::default() };
    let analytics = Purpose { merge: MergePolicy::Newest, ..Purpose::default() };
    let named = [("marketing", marketing), ("analytics", analytics)];
    let purposes = named.into_iter().map(|(name, purpose)| (name.to_owned(), purpose)).collect();
    let output = |purpose: &str, parts: &[&str]| Output {
        purposes: [purpose.to_owned()].into(),
        fields: parts.iter().copied().map(part).collect(),
        ..Output::default()
    };
    let named = [
        ("ads", output("marketing", &["family_name", "segments"])),
        ("mail", output("analytics", &["language"])),
        ("gone", output("analytics", &["city"])),
    ];
    let outputs = named.into_iter().map(|(name, output)| (name.to_owned(), output)).collect();
    (purposes, outputs, Survivorship::new(SurvivorRule::Oldest, BTreeMap::new()), Settings::default())
}

/// To which profiles of a world leave: one output for which people have to agree, and of whose parts some need more; one about
/// a channel; one that people have to object to, of which things become too old.
#[must_use]
pub fn outputs() -> Outputs {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<String>>();
    let form = |name: &str, form| (Namespace::new(name), form);
    let metrics = Field::Metrics.parts();
    let ads = Output {
        purposes: set(&["marketing"]),
        fields: [
            "given_name",
            "city",
            "aliases",
            "interests",
            "newsletter_topic",
            "street",
            "timeline",
            "value",
            "lifecycle",
        ]
        .map(part)
        .into_iter()
        .chain(metrics.clone())
        .collect(),
        identifiers: [
            form("email", Form::Sha256),
            form("email_sha256", Form::Clear),
            form("phone", Form::Sha256Digits),
        ]
        .into(),
        more: [
            ("city", "analytics"),
            ("metrics.revenue", "analytics"),
            ("metrics.sessions", "analytics"),
            ("timeline", "analytics"),
            ("value", "analytics"),
            ("identifiers.email", "analytics"),
            ("given_name", "newsletter"),
        ]
        .map(|(name, purpose)| (part(name), set(&[purpose])))
        .into(),
        ..Output::default()
    };
    let mail = Output {
        purposes: set(&["marketing"]),
        channel: Some("email".to_owned()),
        fields: ["language"].map(part).into(),
        identifiers: [form("email", Form::Clear)].into(),
        ..Output::default()
    };
    let service = Output {
        purposes: set(&["service"]),
        fields: [
            "language",
            "city",
            "interests",
            "newsletter_topic",
            "birth_date",
            "timeline",
            "value",
            "lifecycle",
        ]
        .map(part)
        .into_iter()
        .chain(metrics)
        .collect(),
        identifiers: [form("customer_id", Form::Clear), form("phone", Form::Sha256)].into(),
        ..Output::default()
    };
    let named = [("ads", ads), ("mail", mail), ("service", service)];
    named.into_iter().map(|(name, output)| (name.to_owned(), output)).collect()
}

fn part(name: &str) -> Field {
    name.parse().expect("the name of a part")
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
