//! The fold: the members of a person in, the profile out. A pure function of the set of members, and of the time, which only
//! consents that end ask for.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::profile::{Attribute, Metrics, ProfileIdentifier};
use kinfold_model::{Amount, Keys, NodeId, PersonId, Purposes, Timestamp, UnifiedProfile};

use crate::counts::Counts;
use crate::delivery::Deliveries;
use crate::facet::Facet;
use crate::facets::Member;
use crate::span::{Carried, Span};
use crate::weigh::weigh;
use crate::winners::{StatedAttribute, StatedOrder, Winners};

/// What the rules of a deployment have to do with a fold.
#[derive(Clone, Copy)]
pub struct Terms<'t> {
    /// They give the ids under which a person might have been known.
    pub keys: &'t Keys,
    /// By them decisions are weighed.
    pub purposes: &'t Purposes,
}

/// What the members of a person amount to at that time, with version 0; `None` when nothing was said of the person yet.
#[must_use]
pub fn fold(
    person: PersonId,
    members: Vec<(NodeId, Member)>,
    terms: Terms<'_>,
    now: Timestamp,
) -> Option<UnifiedProfile> {
    let own: BTreeSet<NodeId> =
        members.iter().map(|(node, _)| *node).filter(|node| !node.is_sighting()).collect();
    let consents = weigh(&members, &own, terms.purposes, now);
    let restricted = members.iter().filter_map(|(_, member)| member.restricted).min();
    let said = members.into_iter().filter_map(|(_, member)| member.facet).reduce(|mut all, facet| {
        all.merge(facet);
        all
    })?;
    let aliases: BTreeSet<PersonId> =
        own.iter().map(|node| terms.keys.person(*node)).filter(|alias| *alias != person).collect();
    let Facet { span, counts, identifiers, attributes, orders, deliveries, .. } = said;
    Some(UnifiedProfile {
        person_id: person,
        version: 0,
        identifiers: profile_identifiers(identifiers, &own, &deliveries),
        attributes: attributes.into_least().map(|(name, stated)| (name, attribute(stated))).collect(),
        metrics: metrics(span, counts, &orders),
        consents,
        segments: Vec::new(),
        aliases: aliases.into_iter().collect(),
        restricted,
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

fn to_i64(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
