//! The fold: the members of a person in; out come the profile, and how long it stays as it is. A pure function of the set of members,
//! and of the time, for which consents that end ask, values that become stale or are to be verified again, the worth of purchases, and the
//! lifecycle.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use kinfold_model::profile::{Attribute, ProfileIdentifier};
use kinfold_model::{Keys, NodeId, PersonId, Purposes, Survivorship, Timestamp, UnifiedProfile};

use crate::attributes::Attributes;
use crate::delivery::Deliveries;
use crate::ends::Ends;
use crate::facets::Member;
use crate::interests::interests;
use crate::metrics::metrics;
use crate::settings::Settings;
use crate::span::Carried;
use crate::standard::standard;
use crate::survivor::{Contest, beyond};
use crate::values::Values;
use crate::weigh::{last_end, next_end, weigh};
use crate::worth::{standing, worth};

/// What the rules of a deployment have to do with a fold.
#[derive(Clone, Copy)]
pub struct Terms<'t> {
    /// They give the ids under which a person might have been known.
    pub keys: &'t Keys,
    /// By them decisions are weighed.
    pub purposes: &'t Purposes,
    /// By it values of attributes survive.
    pub survivorship: &'t Survivorship,
    /// Whose word of an order counts, by which clock hours are told, how much is shown, what purchases are worth, and which stages
    /// there are.
    pub settings: &'t Settings,
}

/// A profile, and how long it is as it is if nothing more is said.
pub struct Folded {
    /// With version 0.
    pub profile: UnifiedProfile,
    /// The last time at which a part of it became other by the passing of time; not later than that of the fold.
    pub since: Option<Timestamp>,
    /// When a part of it becomes other next; later than the time of the fold.
    pub until: Option<Timestamp>,
}

/// What the members of a person amount to at that time; `None` when nothing was said of the person yet.
#[must_use]
pub fn fold(
    person: PersonId,
    members: Vec<(NodeId, Member)>,
    terms: Terms<'_>,
    now: Timestamp,
) -> Option<Folded> {
    let own: BTreeSet<NodeId> =
        members.iter().map(|(node, _)| *node).filter(|node| !node.is_sighting()).collect();
    let consents = weigh(&members, &own, terms.purposes, now);
    let restricted = members.iter().filter_map(|(_, member)| member.restricted).min();
    let mut said = members.into_iter().filter_map(|(_, member)| member.facet).reduce(|mut all, facet| {
        all.merge(facet);
        all
    })?;
    let aliases: BTreeSet<PersonId> =
        own.iter().map(|node| terms.keys.person(*node)).filter(|alias| *alias != person).collect();
    let metrics = metrics(&said, terms.settings);
    let timeline = said.timeline.newest().take(terms.settings.timeline).cloned().collect();
    let mut ends = Ends::at(now);
    let carried =
        Own { carried: mem::take(&mut said.identifiers), nodes: &own, deliveries: &said.deliveries };
    let identifiers = carried.identifiers(terms.survivorship, &mut ends);
    let interests = interests(&said.attributes, terms.survivorship);
    let attributes = survivors(&said.attributes, terms.survivorship, &mut ends);
    let worth = worth(&said.orders, terms.settings, now);
    let standing = standing(&said, &identifiers, terms.settings, now);
    let profile = UnifiedProfile {
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
        value: worth.what,
        lifecycle: Some(standing.what),
        changed: Vec::new(),
        truncated: Vec::new(),
    };
    let next = [next_end(&profile.consents), ends.until, worth.until, standing.until];
    Some(Folded {
        since: last_end(&profile.consents).max(ends.since).max(worth.since).max(standing.since),
        until: next.into_iter().flatten().min(),
        profile,
    })
}

/// What was carried at the members of a person, and which of it is theirs.
struct Own<'m> {
    carried: Carried,
    nodes: &'m BTreeSet<NodeId>,
    deliveries: &'m Deliveries,
}

impl Own<'_> {
    /// Only identifiers that are members: a sighting may also carry some that are blocked, quarantined or somebody else's.
    fn identifiers(self, declared: &Survivorship, ends: &mut Ends) -> Vec<ProfileIdentifier> {
        let Self { carried, nodes, deliveries } = self;
        let own = carried.into_iter().filter(|(identifier, _)| nodes.contains(&identifier.node));
        let mut shown: Vec<ProfileIdentifier> = own
            .map(|(identifier, carriage)| {
                let ageing = declared.ageing_of(&identifier.namespace);
                ProfileIdentifier {
                    undeliverable: deliveries.undeliverable(identifier.node),
                    verify_again: ends.passed(carriage.verified.and_then(|time| ageing.verify_again(time))),
                    stale: ends.passed(ageing.stale(carriage.span.last)),
                    namespace: identifier.namespace,
                    value: identifier.value,
                    first_seen: carriage.span.first,
                    last_seen: carriage.span.last,
                    verified: carriage.verified,
                }
            })
            .collect();
        // Facets keep them by node. A node follows from namespace and value, so there are no two alike.
        shown.sort_unstable();
        shown
    }
}

/// Of each attribute the value that survives by its rule.
fn survivors(
    attributes: &Attributes,
    declared: &Survivorship,
    ends: &mut Ends,
) -> BTreeMap<String, Attribute> {
    let survivor = |(name, values): (&str, &Values)| {
        let rule = declared.of(name);
        let beyond = beyond(values, rule);
        let attribute = Contest::new(name, values, &beyond, rule, ends.now).attribute(ends)?;
        Some((name.to_owned(), attribute))
    };
    attributes.least().filter_map(survivor).collect()
}
