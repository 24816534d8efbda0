//! The fold: the members of a person in, the profile out. A pure function of the set of members.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::consent::EffectiveConsent;
use kinfold_model::profile::{Attribute, Metrics, ProfileIdentifier};
use kinfold_model::{Amount, ConsentState, Decision, Keys, NodeId, PersonId, UnifiedProfile};

use crate::counts::Counts;
use crate::delivery::Deliveries;
use crate::facet::Facet;
use crate::facets::Member;
use crate::span::{Carried, Span};
use crate::winners::{StatedAttribute, StatedConsent, StatedOrder, Winners};

/// What the members of a person amount to, with version 0; `None` when nothing was said of the person yet.
#[must_use]
pub fn fold(person: PersonId, members: Vec<(NodeId, Member)>, keys: &Keys) -> Option<UnifiedProfile> {
    let own: BTreeSet<NodeId> =
        members.iter().map(|(node, _)| *node).filter(|node| !node.is_sighting()).collect();
    let said = members.into_iter().filter_map(|(_, member)| member.facet).reduce(|mut all, facet| {
        all.merge(facet);
        all
    })?;
    let aliases: BTreeSet<PersonId> =
        own.iter().map(|node| keys.person(*node)).filter(|alias| *alias != person).collect();
    let Facet { span, counts, identifiers, attributes, orders, consents, deliveries } = said;
    Some(UnifiedProfile {
        person_id: person,
        version: 0,
        identifiers: profile_identifiers(identifiers, &own, &deliveries),
        attributes: attributes.into_least().map(|(name, stated)| (name, attribute(stated))).collect(),
        metrics: metrics(span, counts, &orders),
        consents: consents.into_least().map(|(purpose, stated)| effective(purpose, stated)).collect(),
        segments: Vec::new(),
        aliases: aliases.into_iter().collect(),
    })
}

/// Only identifiers that are members: a sighting may also carry some that are blocked, quarantined or somebody else's.
fn profile_identifiers(
    carried: Carried,
    own: &BTreeSet<NodeId>,
    deliveries: &Deliveries,
) -> Vec<ProfileIdentifier> {
    let mut shown: Vec<ProfileIdentifier> = carried
        .into_iter()
        .filter(|(identifier, _)| own.contains(&identifier.node))
        .map(|(identifier, span)| ProfileIdentifier {
            namespace: identifier.namespace,
            value: identifier.value,
            first_seen: span.first,
            last_seen: span.last,
            undeliverable: deliveries.undeliverable(identifier.node),
        })
        .collect();
    // Facets keep them by node. A node follows from namespace and value, so there are no two alike.
    shown.sort_unstable();
    shown
}

fn attribute(stated: StatedAttribute) -> Attribute {
    Attribute { value: stated.value, source: stated.source, time: stated.time }
}

/// Each order counts once, as the winner among its reports says.
fn metrics(span: Span, counts: Counts, orders: &Winners<StatedOrder>) -> Metrics {
    let mut revenue: BTreeMap<String, Amount> = BTreeMap::new();
    let mut items = 0_i64;
    for order in orders.values() {
        *revenue.entry(order.currency.to_string()).or_default() += order.value;
        items = items.saturating_add(order.items);
    }
    Metrics {
        touchpoints: to_i64(counts.touchpoints()),
        channels: counts.into_channels().map(|(channel, n)| (channel, to_i64(n))).collect(),
        orders: to_i64(orders.len() as u64),
        items,
        revenue,
        first_seen: span.first,
        last_seen: span.last,
    }
}

/// A withdrawn consent is denied. Nobody who never decided is in here, hence nothing is unknown.
fn effective(purpose: String, stated: StatedConsent) -> EffectiveConsent {
    EffectiveConsent {
        purpose,
        state: match stated.decision {
            Decision::Granted => ConsentState::Granted,
            Decision::Denied | Decision::Withdrawn => ConsentState::Denied,
        },
        since: stated.time,
        jurisdiction: stated.jurisdiction,
        basis: stated.basis,
        source: stated.source,
    }
}

fn to_i64(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
