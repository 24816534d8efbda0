//! What leaves for a purpose: a folded profile and an output in, the profile with only what may leave there out, and how long it
//! stays so.
//!
//! A person is there while each purpose of the output is allowed for them, and a part of them while each purpose that the part
//! needs is allowed and permits it. What is older than one of these purposes may use is left out; what is left out is empty, 0,
//! or null. A sum is as old as the oldest thing in it. A person who is restricted is nowhere, whatever is allowed.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use kinfold_model::output::OUTPUTS_MAX;
use kinfold_model::profile::{
    Attribute, Interest, Metrics, ProfileIdentifier, ProfileLifecycle, ProfileValue, TimelineEntry,
};
use kinfold_model::{
    EffectiveConsent, Field, Metric, Output, Outputs, PersonId, Purpose, Purposes, Timestamp, UnifiedProfile,
};
use serde::{Deserialize, Serialize};

use crate::allowed::is_allowed;
use crate::edition::{Edition, Telling};
use crate::people::Published;
use crate::revision::Revision;
use crate::room::fit;
use crate::standard::standard;

/// What an output was last sent of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sent {
    edition: Edition,
    /// The number that the output had: under another one its topic may be empty.
    number: u64,
}

impl Sent {
    /// That there was something, and no word of what.
    fn forgotten(&self) -> Self {
        Self { edition: self.edition.forgotten(), number: self.number }
    }

    /// The last edition, as far as it counts for an output that has this number.
    fn edition_under(&self, number: u64) -> Edition {
        if self.number == number { self.edition.clone() } else { self.edition.forgotten() }
    }
}

#[cfg(test)]
impl Sent {
    /// This edition, under a number.
    pub(crate) fn sample(edition: Edition) -> Self {
        Self { edition, number: 2 }
    }
}

/// By output, all that have the person, also such as were taken out of the configuration: one that comes back with its old topic
/// takes away whom it may not have any more.
pub(crate) type SentOutputs = BTreeMap<String, Sent>;

/// Where profiles leave to, and on which terms.
#[derive(Clone, Copy)]
pub(crate) struct Exits<'e> {
    pub(crate) outputs: &'e Outputs,
    pub(crate) purposes: &'e Purposes,
    /// It numbers the outputs.
    pub(crate) revision: &'e Revision,
    pub(crate) telling: Telling<'e>,
}

/// What all outputs amount to for one person at one time.
pub(crate) struct Leaving {
    /// Where something is another than was sent.
    pub(crate) records: Vec<Published>,
    /// What was sent, with these records.
    pub(crate) sent: SentOutputs,
    /// When something becomes too old next.
    pub(crate) next: Option<Timestamp>,
    /// The last time at which something became too old.
    pub(crate) ended: Option<Timestamp>,
}

/// Looks at every output. `before` is what they were sent.
pub(crate) fn leave(
    profile: &UnifiedProfile,
    exits: Exits<'_>,
    before: &SentOutputs,
    now: Timestamp,
) -> Leaving {
    let Exits { outputs, purposes, revision, telling } = exits;
    let sent = unspoken_of(outputs, before);
    let mut leaving = Leaving { records: Vec::new(), sent, next: None, ended: None };
    for (name, output) in outputs.iter() {
        let view = view(profile, output, purposes, now);
        leaving.next = leaving.next.into_iter().chain(view.next).min();
        leaving.ended = leaving.ended.max(view.ended);
        match (view.profile, before.get(&**name)) {
            (Some(shown), before) => {
                let (mut shown, number) = (fit(shown), revision.number(name));
                let last = before.map(|sent| sent.edition_under(number)).unwrap_or_default();
                let next = last.follow(&mut shown, telling);
                if next.is_some() {
                    let (output, profile) = (Arc::clone(name), Box::new(shown));
                    leaving.records.push(Published::Shared { output, profile });
                }
                leaving.sent.insert(name.to_string(), Sent { edition: next.unwrap_or(last), number });
            }
            (None, Some(_)) => {
                let (output, person) = (Arc::clone(name), profile.person_id);
                leaving.records.push(Published::Unshared { output, person });
            }
            (None, None) => {}
        }
    }
    leaving
}

/// The outputs that may have somebody, whose whole profile this is, at this time.
pub fn recipients<'o>(
    profile: &UnifiedProfile,
    outputs: &'o Outputs,
    purposes: &Purposes,
    now: Timestamp,
) -> impl Iterator<Item = (&'o str, &'o Output)> {
    let have =
        move |(_, output): &(&Arc<str>, &Output)| view(profile, output, purposes, now).profile.is_some();
    outputs.iter().filter(have).map(|(name, output)| (&**name, output))
}

/// Takes somebody away from every output that has them, and tells which are not configured and have them still.
pub(crate) fn withdraw(
    person: PersonId,
    outputs: &Outputs,
    before: &SentOutputs,
) -> (Vec<Published>, SentOutputs) {
    let has = |name: &&Arc<str>| before.contains_key(&***name);
    let names = outputs.names().filter(has).cloned();
    let records = names.map(|output| Published::Unshared { output, person }).collect();
    (records, unspoken_of(outputs, before))
}

/// That outputs which are not configured now have the person, and nothing that was made of the data: nobody would take away there what
/// is erased or goes to somebody else. Of too many the least names are kept.
fn unspoken_of(outputs: &Outputs, before: &SentOutputs) -> SentOutputs {
    let unspoken_of = before.iter().filter(|(name, _)| outputs.get(name).is_none());
    unspoken_of.take(OUTPUTS_MAX).map(|(name, sent)| (name.clone(), sent.forgotten())).collect()
}

/// A person as one output may have them, with version 0.
struct View {
    /// `None`: not at all.
    profile: Option<UnifiedProfile>,
    next: Option<Timestamp>,
    ended: Option<Timestamp>,
}

fn view(profile: &UnifiedProfile, output: &Output, purposes: &Purposes, now: Timestamp) -> View {
    let mut gate = Gate::new(profile, output, purposes, now);
    // Also of somebody who is restricted it is known what became too old, so that nothing is young again once that is lifted.
    let shown = if gate.lets_person() { Some(gate.profile()) } else { None };
    let shown = shown.filter(|_| profile.restricted.is_none());
    View { profile: shown, next: gate.next, ended: gate.ended }
}

/// A purpose that an output names, and whether it is allowed for the person.
struct Named<'g> {
    declared: Cow<'g, Purpose>,
    is_allowed: bool,
}

/// What everything has to pass on its way to an output.
struct Gate<'g> {
    all: &'g UnifiedProfile,
    output: &'g Output,
    purposes: BTreeMap<&'g str, Named<'g>>,
    now: Timestamp,
    next: Option<Timestamp>,
    ended: Option<Timestamp>,
}

impl<'g> Gate<'g> {
    fn new(all: &'g UnifiedProfile, output: &'g Output, purposes: &'g Purposes, now: Timestamp) -> Self {
        let named = |name: &'g str| {
            let declared =
                purposes.declared(name).map_or_else(|| Cow::Owned(Purpose::default()), Cow::Borrowed);
            let is_allowed = is_allowed(name, &declared, output.channel.as_deref(), all);
            (name, Named { declared, is_allowed })
        };
        let purposes = output.named().into_iter().map(named).collect();
        Self { all, output, purposes, now, next: None, ended: None }
    }

    /// Whether the person is there. An output without a purpose is for nothing, and has nobody.
    fn lets_person(&mut self) -> bool {
        let output = self.output;
        let needs = output.purposes.iter().map(String::as_str);
        !output.purposes.is_empty() && self.lets(needs, None, self.all.metrics.last_seen)
    }

    /// Whether a part of that time passes.
    fn lets_part(&mut self, part: &Field, time: Timestamp) -> bool {
        let needs: Vec<&'g str> = self.needs(part);
        self.lets(needs.into_iter(), Some(part), time)
    }

    fn needs(&self, part: &Field) -> Vec<&'g str> {
        let named = self.purposes.keys().copied();
        let needed = |name: &&'g str| self.output.needs(part).any(|needed| needed == *name);
        named.filter(needed).collect()
    }

    fn lets(
        &mut self,
        mut needs: impl Iterator<Item = &'g str>,
        part: Option<&Field>,
        time: Timestamp,
    ) -> bool {
        let mut end: Option<Timestamp> = None;
        let may = needs.all(|name| {
            let Some(named) = self.purposes.get(name) else { return false };
            end = end.into_iter().chain(named.declared.outdated(time)).min();
            named.is_allowed && part.is_none_or(|part| named.declared.permits(part))
        });
        if !may {
            return false;
        }
        match end {
            Some(end) if end <= self.now => {
                self.ended = self.ended.max(Some(end));
                false
            }
            Some(end) => {
                self.next = self.next.into_iter().chain([end]).min();
                true
            }
            None => true,
        }
    }

    /// Whether a part that is asked for by name passes.
    fn gives(&mut self, part: &Field, time: Timestamp) -> bool {
        self.output.fields.contains(part) && self.lets_part(part, time)
    }

    fn profile(&mut self) -> UnifiedProfile {
        let all = self.all;
        let last = all.metrics.last_seen;
        let (identifiers, attributes) = (self.identifiers(), self.attributes());
        UnifiedProfile {
            person_id: all.person_id,
            version: 0,
            standard: standard(&identifiers, &attributes),
            identifiers,
            attributes,
            interests: self.interests(),
            metrics: self.metrics(),
            timeline: self.timeline(),
            consents: all.consents.iter().filter(|consent| self.is_about(consent)).cloned().collect(),
            segments: if self.gives(&Field::Segments, last) { all.segments.clone() } else { Vec::new() },
            aliases: if self.gives(&Field::Aliases, last) { all.aliases.clone() } else { Vec::new() },
            restricted: None,
            value: self.value(),
            lifecycle: self.lifecycle(),
            changed: Vec::new(),
            truncated: Vec::new(),
        }
    }

    fn identifiers(&mut self) -> Vec<ProfileIdentifier> {
        let (all, output) = (self.all, self.output);
        let mut shown: BTreeMap<_, ProfileIdentifier> = BTreeMap::new();
        for one in &all.identifiers {
            let part = Field::Identifier(one.namespace.clone());
            let Some(form) = output.identifiers.get(&one.namespace) else { continue };
            if !self.lets_part(&part, one.last_seen) {
                continue;
            }
            // Its times are data too, and may be older than the identifier may be.
            let first_seen =
                if self.lets_part(&part, one.first_seen) { one.first_seen } else { one.last_seen };
            let undeliverable = one.undeliverable.filter(|time| self.lets_part(&part, *time));
            let verified = one.verified.filter(|time| self.lets_part(&part, *time));
            // It tells when that was.
            let verify_again = one.verify_again.filter(|_| verified.is_some());
            let leaves = form.of(&one.namespace, &one.value);
            let (namespace, value) = (leaves.namespace, leaves.value);
            // The hash of an address and one that somebody stated are the same identifier.
            let known = shown.entry((namespace.clone(), value.clone())).or_insert(ProfileIdentifier {
                namespace,
                value,
                first_seen,
                last_seen: one.last_seen,
                undeliverable,
                verified,
                verify_again,
                stale: one.stale,
            });
            known.first_seen = known.first_seen.min(first_seen);
            // Whether it is stale tells that of the two which was seen last.
            (known.last_seen, known.stale) = (known.last_seen, known.stale).max((one.last_seen, one.stale));
            known.undeliverable = known.undeliverable.max(undeliverable);
            (known.verified, known.verify_again) =
                (known.verified, known.verify_again).max((verified, verify_again));
        }
        shown.into_values().collect()
    }

    fn attributes(&mut self) -> BTreeMap<String, Attribute> {
        let (all, output) = (self.all, self.output);
        let mut shown = BTreeMap::new();
        for part in &output.fields {
            if let Field::Attribute(name) = part
                && let Some(attribute) = all.attributes.get(name)
                && self.lets_part(part, attribute.time)
            {
                // It may have been verified long before it was stated last, and other values are as old as they are.
                let mut attribute = attribute.clone();
                attribute.verified = attribute.verified.filter(|time| self.lets_part(part, *time));
                attribute.verify_again = attribute.verify_again.filter(|_| attribute.verified.is_some());
                attribute.values.retain(|one| self.lets_part(part, one.time));
                shown.insert(name.clone(), attribute);
            }
        }
        shown
    }

    /// An interest needs what its attribute needs, too. It is a sum, and as old as the oldest thing in it.
    fn interests(&mut self) -> Vec<Interest> {
        let all = self.all;
        let mut shown = Vec::new();
        for one in &all.interests {
            let part = Field::Attribute(one.name.clone());
            if self.gives(&Field::Interests, one.first_seen) && self.lets_part(&part, one.first_seen) {
                shown.push(one.clone());
            }
        }
        shown
    }

    /// Each entry is as old as its touchpoint.
    fn timeline(&mut self) -> Vec<TimelineEntry> {
        let all = self.all;
        let entries = all.timeline.iter();
        entries.filter(|entry| self.gives(&Field::Timeline, entry.time)).cloned().collect()
    }

    /// As old as the first touchpoint, as all sums are: the first purchase is part of it.
    fn value(&mut self) -> Option<ProfileValue> {
        let value = self.all.value.as_ref()?;
        self.gives(&Field::Value, self.all.metrics.first_seen).then(|| value.clone())
    }

    /// Likewise: stages count from the first touchpoint on.
    fn lifecycle(&mut self) -> Option<ProfileLifecycle> {
        let lifecycle = self.all.lifecycle.as_ref()?;
        self.gives(&Field::Lifecycle, self.all.metrics.first_seen).then(|| lifecycle.clone())
    }

    fn metrics(&mut self) -> Metrics {
        let all = &self.all.metrics;
        let mut shown = Metrics::default();
        for metric in Metric::ALL {
            let time = match metric {
                Metric::FirstOrder => all.first_order,
                Metric::LastOrder => all.last_order,
                Metric::LastSeen => Some(all.last_seen),
                _ => Some(all.first_seen),
            };
            let Some(time) = time else { continue };
            if !self.gives(&Field::Metric(metric), time) {
                continue;
            }
            match metric {
                Metric::Touchpoints => shown.touchpoints = all.touchpoints,
                Metric::Channels => shown.channels.clone_from(&all.channels),
                Metric::ChannelSeen => shown.channel_seen.clone_from(&all.channel_seen),
                Metric::Types => shown.types.clone_from(&all.types),
                Metric::Orders => shown.orders = all.orders,
                Metric::Items => shown.items = all.items,
                Metric::Revenue => shown.revenue.clone_from(&all.revenue),
                Metric::Returns => shown.returns = all.returns,
                Metric::Cancellations => shown.cancellations = all.cancellations,
                Metric::AverageOrderValue => {
                    shown.average_order_value.clone_from(&all.average_order_value);
                }
                Metric::DaysBetweenOrders => shown.days_between_orders = all.days_between_orders,
                Metric::FirstOrder => shown.first_order = all.first_order,
                Metric::LastOrder => shown.last_order = all.last_order,
                Metric::Opens => shown.opens = all.opens,
                Metric::Clicks => shown.clicks = all.clicks,
                Metric::Replies => shown.replies = all.replies,
                Metric::Sentiment => shown.sentiment = all.sentiment,
                Metric::Sessions => shown.sessions = all.sessions,
                Metric::PreferredChannel => shown.preferred_channel.clone_from(&all.preferred_channel),
                Metric::PreferredHour => shown.preferred_hour = all.preferred_hour,
                Metric::FirstSeen => shown.first_seen = all.first_seen,
                Metric::LastSeen => shown.last_seen = all.last_seen,
            }
        }
        shown
    }

    /// Decisions about the purposes of the output, so that whoever reads it sees on what it rests and what to heed: with a channel
    /// those about it and the general ones, else all.
    fn is_about(&self, consent: &EffectiveConsent) -> bool {
        let is_by_another = self.output.channel.is_some() && consent.channel.is_some();
        self.output.purposes.contains(&consent.purpose)
            && (!is_by_another || consent.channel == self.output.channel)
    }
}
