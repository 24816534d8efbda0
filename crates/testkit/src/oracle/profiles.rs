//! What is known of each person: one fold over all of that person's touchpoints.
//!
//! In go canonical touchpoints and the people that the oracle found in them; out comes one profile, of version 0,
//! for each person to whom at least one touchpoint belongs. Neither order nor repetition of touchpoints matters.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::consent::ConsentState;
use kinfold_model::profile::{Attribute, Metrics, ProfileIdentifier};
use kinfold_model::{
    Amount, Decision, EffectiveConsent, Keys, Namespace, NodeId, PersonId, Timestamp, Touchpoint,
    UnifiedProfile,
};

use super::people::Expected;

/// The profiles of all people, by person.
#[must_use]
pub fn profiles(
    touchpoints: &[Touchpoint],
    expected: &Expected,
    keys: &Keys,
) -> BTreeMap<PersonId, UnifiedProfile> {
    let mut of_person: BTreeMap<PersonId, Vec<&Touchpoint>> = BTreeMap::new();
    for touchpoint in touchpoints {
        if let Some(person) = expected.person.get(&touchpoint.sighting) {
            of_person.entry(*person).or_default().push(touchpoint);
        }
    }
    of_person
        .into_iter()
        .map(|(person_id, touchpoints)| (person_id, profile(person_id, &touchpoints, expected, keys)))
        .collect()
}

fn profile(
    person_id: PersonId,
    touchpoints: &[&Touchpoint],
    expected: &Expected,
    keys: &Keys,
) -> UnifiedProfile {
    UnifiedProfile {
        person_id,
        version: 0,
        identifiers: identifiers(person_id, touchpoints, expected),
        attributes: attributes(touchpoints),
        metrics: metrics(touchpoints),
        consents: consents(touchpoints),
        segments: Vec::new(),
        aliases: aliases(person_id, expected, keys),
    }
}

/// Those of the touchpoints' identifiers that belong to the person. A kiosk's cookie, for example, does not.
fn identifiers(
    person_id: PersonId,
    touchpoints: &[&Touchpoint],
    expected: &Expected,
) -> Vec<ProfileIdentifier> {
    let mut found: BTreeMap<(Namespace, String), ProfileIdentifier> = BTreeMap::new();
    for touchpoint in touchpoints {
        for identifier in &touchpoint.identifiers {
            if expected.person.get(&identifier.node) != Some(&person_id) {
                continue;
            }
            let (namespace, value) = (identifier.namespace.clone(), identifier.value.clone());
            let entry = found.entry((namespace.clone(), value.clone())).or_insert(ProfileIdentifier {
                namespace,
                value,
                first_seen: touchpoint.time,
                last_seen: touchpoint.time,
                undeliverable: undeliverable(identifier.node, touchpoints),
            });
            entry.first_seen = entry.first_seen.min(touchpoint.time);
            entry.last_seen = entry.last_seen.max(touchpoint.time);
        }
    }
    found.into_values().collect()
}

/// When the newest of the events about an address tells that mail does not arrive; of several of one time, when any does.
/// An event about two addresses is about neither.
fn undeliverable(address: NodeId, touchpoints: &[&Touchpoint]) -> Option<Timestamp> {
    let tells = |touchpoint: &&&Touchpoint| {
        let is_address = |name: &Namespace| name.as_str().starts_with("email");
        let of = touchpoint.identifiers.iter().filter(|one| is_address(&one.namespace));
        of.map(|one| one.node).collect::<BTreeSet<_>>() == BTreeSet::from([address])
    };
    let events = touchpoints.iter().filter(tells).filter_map(|touchpoint| {
        let action = touchpoint.engagement.as_ref()?.action.as_deref()?;
        let bounced = ["bounce", "cleaned"].contains(&action);
        (bounced || ["open", "click", "delivered"].contains(&action)).then_some((touchpoint.time, bounced))
    });
    events.max().filter(|(_, bounced)| *bounced).map(|(time, _)| time)
}

/// The newest value of each; of several of one time that of the greatest touchpoint id, value and source.
fn attributes(touchpoints: &[&Touchpoint]) -> BTreeMap<String, Attribute> {
    let names: BTreeSet<&String> =
        touchpoints.iter().flat_map(|touchpoint| touchpoint.attributes.keys()).collect();
    let newest = |name: &String| {
        touchpoints
            .iter()
            .filter_map(|t| t.attributes.get(name).map(|value| (t.time, &t.touchpoint_id, value, &t.source)))
            .max()
            .map(|(time, _, value, source)| Attribute { value: value.clone(), source: source.clone(), time })
    };
    names.into_iter().filter_map(|name| newest(name).map(|attribute| (name.clone(), attribute))).collect()
}

fn metrics(touchpoints: &[&Touchpoint]) -> Metrics {
    let times = || touchpoints.iter().map(|touchpoint| touchpoint.time);
    let mut metrics = Metrics {
        touchpoints: 0,
        channels: BTreeMap::new(),
        orders: 0,
        items: 0,
        revenue: BTreeMap::new(),
        first_seen: times().min().unwrap_or_default(),
        last_seen: times().max().unwrap_or_default(),
    };
    for channel in channels(touchpoints).into_values() {
        metrics.touchpoints += 1;
        if let Some(channel) = channel {
            *metrics.channels.entry(channel.clone()).or_default() += 1;
        }
    }
    for (value, currency, items) in orders(touchpoints) {
        metrics.orders += 1;
        metrics.items += items;
        *metrics.revenue.entry(currency).or_default() += value;
    }
    metrics
}

/// The channel of each touchpoint: of several copies of one touchpoint, the least that any of them names.
fn channels<'a>(touchpoints: &[&'a Touchpoint]) -> BTreeMap<(NodeId, &'a String), Option<&'a String>> {
    let mut channels: BTreeMap<_, Option<&String>> = BTreeMap::new();
    for touchpoint in touchpoints {
        let least = channels.entry((touchpoint.sighting, &touchpoint.touchpoint_id)).or_default();
        *least = [*least, touchpoint.channel.as_ref()].into_iter().flatten().min();
    }
    channels
}

/// Value, currency and articles of each order, as the newest of its reports has them.
fn orders(touchpoints: &[&Touchpoint]) -> Vec<(Amount, String, i64)> {
    let mut reports: BTreeMap<&String, BTreeSet<_>> = BTreeMap::new();
    for touchpoint in touchpoints {
        if let Some(order) = &touchpoint.order {
            let report = (
                touchpoint.time,
                &touchpoint.touchpoint_id,
                order.value,
                order.currency.to_string(),
                order.items,
            );
            reports.entry(&order.order_id).or_default().insert(report);
        }
    }
    let newest = reports.into_values().filter_map(|reports| reports.into_iter().next_back());
    newest.map(|(_, _, value, currency, items)| (value, currency, items)).collect()
}

/// The newest decision for each purpose; of several of one time the most cautious.
fn consents(touchpoints: &[&Touchpoint]) -> Vec<EffectiveConsent> {
    let stated = || touchpoints.iter().flat_map(|t| t.consents.iter().map(|consent| (&t.source, consent)));
    let purposes: BTreeSet<&String> = stated().map(|(_, consent)| &consent.purpose).collect();
    let newest = |purpose: &String| {
        stated()
            .filter(|(_, c)| c.purpose == *purpose)
            .map(|(source, c)| (Reverse(c.time), c.decision, source, &c.basis, &c.jurisdiction, &c.wording))
            .min()
    };
    let effective = |purpose: &String| {
        newest(purpose).map(|(Reverse(since), decision, source, basis, jurisdiction, _)| EffectiveConsent {
            purpose: purpose.clone(),
            state: if decision == Decision::Granted { ConsentState::Granted } else { ConsentState::Denied },
            since,
            jurisdiction: jurisdiction.clone(),
            basis: basis.clone(),
            source: source.clone(),
        })
    };
    purposes.into_iter().filter_map(effective).collect()
}

/// Whoever was known by one of these identifiers alone had the id that has this identifier as its anchor.
fn aliases(person_id: PersonId, expected: &Expected, keys: &Keys) -> Vec<PersonId> {
    let mine = expected.person.iter().filter(|(node, person)| **person == person_id && !node.is_sighting());
    let ids: BTreeSet<PersonId> = mine.map(|(node, _)| keys.person(*node)).collect();
    ids.into_iter().filter(|id| *id != person_id).collect()
}

#[cfg(test)]
mod tests;
