//! What each output has to have, and nothing more: the profiles that the oracle found, and what is declared of purposes and
//! outputs, in; the people of each output out.
//!
//! Every question is asked anew for every value, in the words of the documentation.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::keys::sha256_hex;
use kinfold_model::profile::{Attribute, Interest, Metrics, ProfileIdentifier, TimelineEntry};
use kinfold_model::{
    Basis, ConsentState, Form, Namespace, Output, Outputs, PersonId, Purpose, Purposes, Silence, Timestamp,
    UnifiedProfile,
};

use super::attributes::standard;

/// By output, the people that it has; all of version 0.
pub type Shared = BTreeMap<String, BTreeMap<PersonId, UnifiedProfile>>;

/// What all outputs have at that time.
#[must_use]
pub fn shared(
    profiles: &BTreeMap<PersonId, UnifiedProfile>,
    outputs: &Outputs,
    purposes: &Purposes,
    now: Timestamp,
) -> Shared {
    let of_output = |output: &Output| -> BTreeMap<PersonId, UnifiedProfile> {
        let one = |profile: &UnifiedProfile| Question { profile, output, purposes, now }.answer();
        profiles.iter().filter_map(|(person, profile)| Some((*person, one(profile)?))).collect()
    };
    outputs.iter().map(|(name, output)| (name.to_string(), of_output(output))).collect()
}

#[derive(Clone, Copy)]
struct Question<'q> {
    profile: &'q UnifiedProfile,
    output: &'q Output,
    purposes: &'q Purposes,
    now: Timestamp,
}

impl Question<'_> {
    fn answer(self) -> Option<UnifiedProfile> {
        let profile = self.profile;
        let last = profile.metrics.last_seen;
        if profile.restricted.is_some() || !self.may_use("", last) {
            return None;
        }
        let is_mine = |purpose: &String, channel: &Option<String>| {
            let channels = [None, self.output.channel.clone()];
            self.output.purposes.contains(purpose)
                && (self.output.channel.is_none() || channels.contains(channel))
        };
        let listed = |name: &str| self.is_asked_for(name) && self.may_use(name, last);
        let first = profile.metrics.first_seen;
        let sum = |name: &str| self.is_asked_for(name) && self.may_use(name, first);
        let (identifiers, attributes) = (self.identifiers(), self.attributes());
        let is_interest = |one: &&Interest| {
            let parts = ["interests", one.name.as_str()];
            self.is_asked_for("interests") && parts.iter().all(|part| self.may_use(part, one.first_seen))
        };
        Some(UnifiedProfile {
            person_id: profile.person_id,
            version: 0,
            standard: standard(&attributes, &identifiers),
            identifiers,
            attributes,
            interests: profile.interests.iter().filter(is_interest).cloned().collect(),
            metrics: self.metrics(),
            timeline: self.timeline(),
            consents: profile.consents.iter().filter(|c| is_mine(&c.purpose, &c.channel)).cloned().collect(),
            segments: Vec::new(),
            aliases: profile.aliases.iter().filter(|_| listed("aliases")).copied().collect(),
            restricted: None,
            value: profile.value.clone().filter(|_| sum("value")),
            lifecycle: profile.lifecycle.clone().filter(|_| sum("lifecycle")),
            changed: Vec::new(),
            truncated: Vec::new(),
        })
    }

    fn attributes(self) -> BTreeMap<String, Attribute> {
        let given = |name: &str, time| self.is_asked_for(name) && self.may_use(name, time);
        let all = self.profile.attributes.iter();
        let shown = all.filter(|(name, one)| given(name, one.time)).map(|(name, one)| {
            let values = one.values.iter().filter(|value| given(name, value.time)).cloned().collect();
            let verified = one.verified.filter(|time| given(name, *time));
            let verify_again = one.verify_again.filter(|_| verified.is_some());
            (name.clone(), Attribute { verified, verify_again, values, ..one.clone() })
        });
        shown.collect()
    }

    fn metrics(self) -> Metrics {
        let all = &self.profile.metrics;
        let given = |name: &str, time| {
            let name = format!("metrics.{name}");
            self.is_asked_for(&name) && self.may_use(&name, time)
        };
        let first = all.first_seen;
        let number = |name: &str, value: i64| if given(name, first) { value } else { 0 };
        let never = Timestamp::default();
        Metrics {
            touchpoints: number("touchpoints", all.touchpoints),
            channels: kept(&all.channels, given("channels", first)),
            channel_seen: kept(&all.channel_seen, given("channel_seen", first)),
            types: kept(&all.types, given("types", first)),
            orders: number("orders", all.orders),
            items: number("items", all.items),
            revenue: kept(&all.revenue, given("revenue", first)),
            returns: number("returns", all.returns),
            cancellations: number("cancellations", all.cancellations),
            average_order_value: kept(&all.average_order_value, given("average_order_value", first)),
            days_between_orders: all.days_between_orders.filter(|_| given("days_between_orders", first)),
            first_order: all.first_order.filter(|time| given("first_order", *time)),
            last_order: all.last_order.filter(|time| given("last_order", *time)),
            opens: number("opens", all.opens),
            clicks: number("clicks", all.clicks),
            replies: number("replies", all.replies),
            sentiment: all.sentiment.filter(|_| given("sentiment", first)),
            sessions: number("sessions", all.sessions),
            preferred_channel: all.preferred_channel.clone().filter(|_| given("preferred_channel", first)),
            preferred_hour: all.preferred_hour.filter(|_| given("preferred_hour", first)),
            first_seen: if given("first_seen", first) { first } else { never },
            last_seen: if given("last_seen", all.last_seen) { all.last_seen } else { never },
        }
    }

    fn timeline(self) -> Vec<TimelineEntry> {
        let entries = self.profile.timeline.iter();
        let may = |time| self.is_asked_for("timeline") && self.may_use("timeline", time);
        entries.filter(|entry| may(entry.time)).cloned().collect()
    }

    fn identifiers(self) -> Vec<ProfileIdentifier> {
        let mut found: BTreeMap<(String, String), ProfileIdentifier> = BTreeMap::new();
        for one in &self.profile.identifiers {
            let name = format!("identifiers.{}", one.namespace);
            let may = |time| self.may_use(&name, time);
            let (namespace, value) = match self.output.identifiers.get(&one.namespace) {
                None => continue,
                Some(_) if !may(one.last_seen) => continue,
                Some(Form::Clear) => (one.namespace.to_string(), one.value.clone()),
                Some(Form::Sha256) => (format!("{}_sha256", one.namespace), sha256_hex(&one.value)),
                Some(Form::Sha256Digits) => {
                    (format!("{}_sha256", one.namespace), sha256_hex(&one.value.replace('+', "")))
                }
            };
            let shown = ProfileIdentifier {
                namespace: Namespace::new(&namespace),
                value: value.clone(),
                first_seen: if may(one.first_seen) { one.first_seen } else { one.last_seen },
                last_seen: one.last_seen,
                undeliverable: one.undeliverable.filter(|time| may(*time)),
                verified: one.verified.filter(|time| may(*time)),
                verify_again: one.verify_again.filter(|_| one.verified.is_some_and(may)),
                stale: one.stale,
            };
            let known = found.entry((namespace, value)).or_insert_with(|| shown.clone());
            known.first_seen = known.first_seen.min(shown.first_seen);
            if shown.last_seen > known.last_seen {
                (known.last_seen, known.stale) = (shown.last_seen, shown.stale);
            } else if shown.last_seen == known.last_seen {
                known.stale = known.stale.max(shown.stale);
            }
            known.undeliverable = known.undeliverable.max(shown.undeliverable);
            if shown.verified > known.verified {
                (known.verified, known.verify_again) = (shown.verified, shown.verify_again);
            } else if shown.verified == known.verified {
                known.verify_again = known.verify_again.max(shown.verify_again);
            }
        }
        found.into_values().collect()
    }

    fn is_asked_for(self, name: &str) -> bool {
        self.output.fields.iter().any(|field| field.to_string() == name)
    }

    /// Whether each purpose that a part needs allows it and permits it, and it is not too old for any; `""` is the person.
    fn may_use(self, part: &str, time: Timestamp) -> bool {
        let mut needed: BTreeSet<&String> = self.output.purposes.iter().collect();
        for (field, purposes) in &self.output.more {
            if is_part_of(part, &field.to_string()) {
                needed.extend(purposes);
            }
        }
        !self.output.purposes.is_empty()
            && needed.into_iter().all(|name| {
                let declared = self.purposes.get(name);
                let is_fresh = declared.retention_ms.is_none_or(|ms| self.now.millis() < time.millis() + ms);
                let fields = declared.fields.iter().flatten();
                let names: Vec<String> = fields.map(ToString::to_string).collect();
                let is_permitted = part.is_empty()
                    || declared.fields.is_none()
                    || names.iter().any(|name| is_part_of(part, name));
                is_fresh && is_permitted && self.allows(name, &declared)
            })
    }

    fn allows(self, name: &str, declared: &Purpose) -> bool {
        let about = |channel: &Option<String>| {
            let mut consents = self.profile.consents.iter();
            consents.find(|consent| consent.purpose == name && consent.channel == *channel)
        };
        let decided = about(&self.output.channel).or_else(|| about(&None));
        let may_be_silent = || {
            let default = match declared.basis {
                Basis::Consent => Silence::OptIn,
                _ => Silence::OptOut,
            };
            let default = declared.default.unwrap_or(default);
            let in_place = |law: &str| {
                let whole = law.split('-').next().unwrap_or_default();
                let stated = [law, whole].into_iter().find_map(|law| declared.defaults.get(law));
                let begin = format!("{law}-");
                let parts = declared.defaults.iter().filter(|(name, _)| name.starts_with(&begin));
                let mut all = parts.map(|(_, one)| *one).chain([stated.copied().unwrap_or(default)]);
                all.all(|one| one == Silence::OptOut)
            };
            let anywhere = || {
                default == Silence::OptOut && declared.defaults.values().all(|one| *one == Silence::OptOut)
            };
            match decided.and_then(|decided| decided.jurisdiction.as_deref()) {
                // The worlds state this law, which no country has, and nothing else that is no law of a place.
                Some("ccpa") => match declared.defaults.get("ccpa") {
                    Some(stated) => *stated == Silence::OptOut,
                    None => anywhere(),
                },
                Some(law) => in_place(law),
                None => self.law().map_or_else(anywhere, |law| in_place(&law)),
            }
        };
        match decided.map(|decided| (decided.state, decided.basis.as_deref())) {
            Some((ConsentState::Denied, _)) => false,
            Some((ConsentState::Granted, basis)) if basis != Some("opt_out") => true,
            Some((ConsentState::Expired, _)) if declared.basis == Basis::Consent => false,
            _ => may_be_silent(),
        }
    }

    /// Of the countries that worlds know.
    fn law(self) -> Option<String> {
        let country = self.profile.attributes.get("country")?;
        Some(match country.value.as_str() {
            "DE" => "gdpr".to_owned(),
            other => other.to_lowercase(),
        })
    }
}

/// All of it, or nothing.
fn kept<V: Clone>(all: &BTreeMap<String, V>, is_given: bool) -> BTreeMap<String, V> {
    if is_given { all.clone() } else { BTreeMap::new() }
}

fn is_part_of(part: &str, whole: &str) -> bool {
    let is_group = ["metrics", "identifiers"].contains(&whole);
    part == whole || (is_group && part.starts_with(&format!("{whole}.")))
}
