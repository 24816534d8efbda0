//! The fold: the members of a person in, the profile out. A pure function of the set of members, and of the time, which only
//! consents that end and values that become stale ask for.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::profile::{Attribute, ProfileIdentifier};
use kinfold_model::{Keys, NodeId, PersonId, Purposes, Survivorship, Timestamp, UnifiedProfile};

use crate::attributes::Attributes;
use crate::delivery::Deliveries;
use crate::facet::Facet;
use crate::facets::Member;
use crate::interests::interests;
use crate::metrics::metrics;
use crate::settings::Settings;
use crate::span::Carried;
use crate::standard::standard;
use crate::survivor::Contest;
use crate::values::Values;
use crate::weigh::weigh;

/// What the rules of a deployment have to do with a fold.
#[derive(Clone, Copy)]
pub struct Terms<'t> {
    /// They give the ids under which a person might have been known.
    pub keys: &'t Keys,
    /// By them decisions are weighed.
    pub purposes: &'t Purposes,
    /// By it values of attributes survive.
    pub survivorship: &'t Survivorship,
    /// Whose word of an order counts, by which clock hours are told, and how much is shown.
    pub settings: &'t Settings,
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
    let metrics = metrics(&said, terms.settings);
    let timeline = said.timeline.newest().take(terms.settings.timeline).cloned().collect();
    let Facet { identifiers, attributes, deliveries, .. } = said;
    let identifiers = profile_identifiers(identifiers, &own, &deliveries);
    let interests = interests(&attributes, terms.survivorship);
    let attributes = survivors(&attributes, terms.survivorship, now);
    Some(UnifiedProfile {
        person_id: person,
        version: 0,
        standard: standard(&identifiers, &attributes),
        identifiers,
        attributes,
        metrics,
        timeline,
        consents,
        segments: Vec::new(),
        aliases: aliases.into_iter().collect(),
        restricted,
        interests,
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
        .map(|(identifier, carriage)| ProfileIdentifier {
            namespace: identifier.namespace,
            value: identifier.value,
            first_seen: carriage.span.first,
            last_seen: carriage.span.last,
            verified: carriage.verified,
            undeliverable: deliveries.undeliverable(identifier.node),
        })
        .collect();
    // Facets keep them by node. A node follows from namespace and value, so there are no two alike.
    shown.sort_unstable();
    shown
}

/// Of each attribute the value that survives by its rule.
fn survivors(
    attributes: &Attributes,
    declared: &Survivorship,
    now: Timestamp,
) -> BTreeMap<String, Attribute> {
    let survivor = |(name, values): (&str, &Values)| {
        let beyond = values.beyond();
        let attribute = Contest::new(values, &beyond, declared.of(name)).attribute(now)?;
        Some((name.to_owned(), attribute))
    };
    attributes.least().filter_map(survivor).collect()
}
