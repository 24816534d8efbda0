//! By what people of random worlds are folded, and what leaves of them: purposes, outputs, rules of survivorship, and the settings of
//! profiles; those of now, and others that were in force before.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::{
    Ageing, AttributeRule, Basis, Field, Form, MergePolicy, Namespace, Output, Outputs, Purpose, Purposes,
    Silence, SurvivorRule, Survivorship,
};
use kinfold_profile::{Settings, Valuation};
use kinfold_value::lifecycle::{RevenueMin, Stage};
use kinfold_value::{LifecycleRules, Model, Refresh};

use crate::world::HOUR_MS;
#[cfg(doc)]
use crate::world::{AFTER_MS, LATER_MS};

/// How old data of a world may be for `analytics`: shorter than from the last touchpoint to [`AFTER_MS`], so that nothing becomes
/// too old while consents end.
pub const RETENTION_MS: i64 = 25 * 24 * HOUR_MS;

/// By which values of attributes of a world survive: every rule has an attribute, and of some attributes and namespaces what was said or
/// verified early is stale, or to be verified again, at [`AFTER_MS`], and all of it at [`LATER_MS`].
#[must_use]
pub fn survivorship() -> Survivorship {
    let by = |rule| AttributeRule { rule, ..AttributeRule::default() };
    let for_long = Some(649 * HOUR_MS);
    let stale = Ageing { stale_after_ms: for_long, ..Ageing::default() };
    let verified = Ageing { verify_again_after_ms: for_long, ..Ageing::default() };
    let both = Ageing { stale_after_ms: for_long, verify_again_after_ms: for_long };
    let ageing = |rule, ageing| AttributeRule { ageing, ..by(rule) };
    let sources = ["crm", "erp", "till"].map(str::to_owned).into();
    let rules = [
        ("given_name", ageing(SurvivorRule::VerifiedFirst, verified)),
        ("language", AttributeRule { sources, ..by(SurvivorRule::SourcePriority) }),
        ("city", by(SurvivorRule::MostFrequent)),
        ("newsletter_topic", ageing(SurvivorRule::Union, stale)),
        ("category", by(SurvivorRule::MostFrequent)),
        ("birth_date", ageing(SurvivorRule::Oldest, both)),
        ("street", by(SurvivorRule::Longest)),
        ("country", ageing(SurvivorRule::Newest, stale)),
    ];
    let rules = rules.into_iter().map(|(name, rule)| (name.to_owned(), rule)).collect();
    let interests = Survivorship::INTERESTS.map(str::to_owned).into();
    let identifiers = [("email", both), ("phone", stale), ("social", verified)];
    let identifiers = identifiers.map(|(name, ageing)| (Namespace::new(name), ageing)).into();
    Survivorship::new(SurvivorRule::Newest, rules).with_interests(interests, 3).with_identifiers(identifiers)
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
    let revenue_min = revenue_min();
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

/// Nothing here asks when somebody was seen, so that of touchpoints without an order no time is one at which a stage may begin; a refund
/// takes revenue below its least all the same.
fn earlier_stages() -> Vec<Stage> {
    let stage = |name: &str| Stage { name: name.to_owned(), ..Stage::default() };
    vec![
        stage("new"),
        Stage { orders_min: Some(1), ..stage("buyer") },
        Stage { revenue_min: revenue_min(), ..stage("spender") },
    ]
}

fn revenue_min() -> Option<RevenueMin> {
    let amount = "30.00".parse().expect("an amount");
    Some(RevenueMin { currency: "EUR".parse().expect("a currency"), amount })
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
/// before another, hours were those of UTC, nothing was said of values, and stages were fewer.
///
/// # Panics
/// Never: the stages are sound.
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
    let lifecycle = LifecycleRules::new(earlier_stages()).expect("the stages are sound");
    let settings = Settings { lifecycle, ..Settings::default() };
    (purposes, outputs, Survivorship::new(SurvivorRule::Oldest, BTreeMap::new()), settings)
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
