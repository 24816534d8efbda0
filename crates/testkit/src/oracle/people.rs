//! Who is who: the rules of identity as a function of all evidence.
//!
//! In go observations and the rules of every namespace that occurs in them; out comes a person for every
//! identifier and every sighting. The result depends neither on the order nor on the number of times that an
//! observation is given.
//!
//! Components are never computed: no edge crosses the border of one, so joining all edges in one order gives
//! each component what it would get alone.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::{
    Contested, Keys, Namespace, NamespaceRules, NodeId, PersonId, Rank, Rules, Timestamp, Touchpoint,
};

/// These identifiers were seen together at this time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// When.
    pub time: Timestamp,
    /// At least one; distinct nodes, each with the namespace that its node carries.
    pub identifiers: Vec<(NodeId, Namespace)>,
}

impl Observation {
    /// What a touchpoint says about identity.
    #[must_use]
    pub fn of(touchpoint: &Touchpoint, rules: &Rules) -> Self {
        let nodes: BTreeMap<NodeId, Namespace> = touchpoint
            .identifiers
            .iter()
            .map(|identifier| (identifier.node, rules.node_namespace(&identifier.namespace)))
            .collect();
        Self { time: touchpoint.time, identifiers: nodes.into_iter().collect() }
    }

    /// The node of this set of identifiers.
    #[must_use]
    pub fn sighting(&self, keys: &Keys) -> NodeId {
        let nodes: BTreeSet<NodeId> = self.identifiers.iter().map(|(node, _)| *node).collect();
        keys.sighting(&nodes.into_iter().collect::<Vec<_>>())
    }
}

/// What stitch must end with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Every identifier and every sighting.
    pub person: BTreeMap<NodeId, PersonId>,
    /// Identifiers that were seen with too many others.
    pub quarantined: BTreeSet<NodeId>,
    /// Identifiers that two or more people share on stronger grounds.
    pub contested: BTreeSet<NodeId>,
    /// Identifier and sighting of each edge that was not joined because a limit per person forbade it.
    pub refused: BTreeSet<(NodeId, NodeId)>,
}

/// The people behind these observations.
///
/// # Panics
/// When an observation carries a namespace that the rules do not name; capture refuses such a record.
#[must_use]
pub fn people(observations: &[Observation], rules: &Rules, keys: &Keys) -> Expected {
    let evidence = Evidence::of(observations, rules, keys);
    let quarantined = evidence.quarantined();
    let edges = evidence.edges(&quarantined);
    let first = evidence.join(&edges, &BTreeSet::new());
    let contested = evidence.contested(&edges, &first);
    let edges: Vec<Edge> = edges.into_iter().filter(|edge| !evidence.left_out(edge, &contested)).collect();
    let groups = evidence.join(&edges, &contested);
    Expected {
        person: evidence.persons(&groups, keys),
        quarantined,
        contested,
        refused: edges
            .iter()
            .filter(|edge| groups.of[&edge.identifier] != groups.of[&edge.sighting])
            .map(|edge| (edge.identifier, edge.sighting))
            .collect(),
    }
}

/// An identifier was part of a sighting.
#[derive(Clone, Copy)]
struct Edge {
    identifier: NodeId,
    sighting: NodeId,
}

/// A grouping of all nodes.
struct Groups {
    of: BTreeMap<NodeId, usize>,
    members: Vec<Vec<NodeId>>,
}

/// All evidence, merged.
struct Evidence<'a> {
    rules: &'a Rules,
    /// Of identifiers.
    namespace: BTreeMap<NodeId, Namespace>,
    /// Of all nodes.
    rank: BTreeMap<NodeId, Rank>,
    /// Of all nodes, exact.
    first_seen: BTreeMap<NodeId, Timestamp>,
    /// Of sightings of two or more, in steps of the granularity.
    newest: BTreeMap<NodeId, Timestamp>,
    /// The identifiers of sightings of two or more.
    together: BTreeMap<NodeId, BTreeSet<NodeId>>,
}

impl<'a> Evidence<'a> {
    fn of(observations: &[Observation], rules: &'a Rules, keys: &Keys) -> Self {
        let mut all = Self {
            rules,
            namespace: BTreeMap::new(),
            rank: BTreeMap::new(),
            first_seen: BTreeMap::new(),
            newest: BTreeMap::new(),
            together: BTreeMap::new(),
        };
        for observation in observations {
            let sighting = observation.sighting(keys);
            let identifiers: BTreeSet<NodeId> =
                observation.identifiers.iter().map(|(node, _)| *node).collect();
            for node in identifiers.iter().copied().chain([sighting]) {
                let first_seen = all.first_seen.entry(node).or_insert(observation.time);
                *first_seen = observation.time.min(*first_seen);
                all.rank.insert(node, keys.rank(node));
            }
            all.namespace.extend(observation.identifiers.iter().cloned());
            if identifiers.len() > 1 {
                let time = observation.time.floor(rules.evidence_granularity_ms);
                let newest = all.newest.entry(sighting).or_insert(time);
                *newest = time.max(*newest);
                all.together.insert(sighting, identifiers);
            }
        }
        all
    }

    fn rules_of(&self, identifier: NodeId) -> &NamespaceRules {
        let namespace = &self.namespace[&identifier];
        self.rules.namespace(namespace).expect("capture refuses namespaces that the rules do not name")
    }

    /// Identifiers seen with more distinct others than their namespace allows, in all or of one namespace.
    fn quarantined(&self) -> BTreeSet<NodeId> {
        let mut others: BTreeMap<NodeId, BTreeSet<NodeId>> = BTreeMap::new();
        for identifiers in self.together.values() {
            for identifier in identifiers {
                others
                    .entry(*identifier)
                    .or_default()
                    .extend(identifiers.iter().filter(|n| *n != identifier));
            }
        }
        let exceeds = |identifier: &NodeId, others: &BTreeSet<NodeId>| {
            let limit = &self.rules_of(*identifier).max_neighbours;
            let of = |namespace: &Namespace| {
                others.iter().filter(|other| self.namespace[*other] == *namespace).count()
            };
            others.len() > limit.total as usize
                || limit.of.iter().any(|(namespace, most)| of(namespace) > *most as usize)
        };
        others
            .iter()
            .filter(|(identifier, others)| exceeds(identifier, others))
            .map(|(node, _)| *node)
            .collect()
    }

    fn edges(&self, quarantined: &BTreeSet<NodeId>) -> Vec<Edge> {
        let of_sighting = |(sighting, identifiers): (&NodeId, &BTreeSet<NodeId>)| {
            let sighting = *sighting;
            identifiers.clone().into_iter().map(move |identifier| Edge { identifier, sighting })
        };
        self.together
            .iter()
            .flat_map(of_sighting)
            .filter(|edge| !quarantined.contains(&edge.identifier))
            .collect()
    }

    /// Joins the strongest edges first, those of contested identifiers last of all, unless a limit forbids it.
    fn join(&self, edges: &[Edge], contested: &BTreeSet<NodeId>) -> Groups {
        let mut groups = Groups { of: BTreeMap::new(), members: Vec::new() };
        for (index, node) in self.first_seen.keys().enumerate() {
            groups.of.insert(*node, index);
            groups.members.push(vec![*node]);
        }
        let mut edges = edges.to_vec();
        edges.sort_by_key(|Edge { identifier, sighting }| {
            (
                contested.contains(identifier),
                self.rules_of(*identifier).priority,
                Reverse(self.newest[sighting]),
                Reverse(self.rank[identifier]),
                Reverse(self.rank[sighting]),
            )
        });
        for edge in edges {
            let (from, to) = (groups.of[&edge.sighting], groups.of[&edge.identifier]);
            if from != to && self.allowed(&groups.members[from], &groups.members[to]) {
                let moved = std::mem::take(&mut groups.members[from]);
                groups.of.extend(moved.iter().map(|node| (*node, to)));
                groups.members[to].extend(moved);
            }
        }
        groups
    }

    /// Whether one person may have the identifiers of both.
    fn allowed(&self, some: &[NodeId], others: &[NodeId]) -> bool {
        let mut values: BTreeMap<&Namespace, u32> = BTreeMap::new();
        for namespace in some.iter().chain(others).filter_map(|node| self.namespace.get(node)) {
            *values.entry(namespace).or_default() += 1;
        }
        let limit =
            |namespace: &Namespace| self.rules.namespace(namespace).and_then(|rules| rules.max_per_person);
        values.into_iter().all(|(namespace, count)| limit(namespace).is_none_or(|most| count <= most))
    }

    /// Identifiers whose sightings belong to two or more people on the strength of stronger, uncontested ones.
    fn contested(&self, edges: &[Edge], groups: &Groups) -> BTreeSet<NodeId> {
        let mut sightings: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
        let mut identifiers: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
        for edge in edges {
            sightings.entry(edge.identifier).or_default().push(edge.sighting);
            identifiers.entry(edge.sighting).or_default().push(edge.identifier);
        }
        let mut strongest_first: Vec<NodeId> = sightings.keys().copied().collect();
        strongest_first.sort_by_key(|identifier| self.rules_of(*identifier).priority);
        let mut contested = BTreeSet::new();
        for identifier in strongest_first {
            let priority = self.rules_of(identifier).priority;
            let held = |sighting: &&NodeId| {
                identifiers[*sighting].iter().any(|other| {
                    self.rules_of(*other).priority < priority
                        && !contested.contains(other)
                        && groups.of[other] == groups.of[*sighting]
                })
            };
            let owners: BTreeSet<usize> =
                sightings[&identifier].iter().filter(held).map(|sighting| groups.of[sighting]).collect();
            if owners.len() > 1 {
                contested.insert(identifier);
            }
        }
        contested
    }

    fn left_out(&self, edge: &Edge, contested: &BTreeSet<NodeId>) -> bool {
        contested.contains(&edge.identifier) && self.rules_of(edge.identifier).contested == Contested::Apart
    }

    /// The anchor is the node that was seen first; of several, the one of highest rank.
    fn persons(&self, groups: &Groups, keys: &Keys) -> BTreeMap<NodeId, PersonId> {
        let mut persons = BTreeMap::new();
        for members in &groups.members {
            let anchor =
                members.iter().min_by_key(|node| (self.first_seen[*node], Reverse(self.rank[*node])));
            if let Some(anchor) = anchor {
                persons.extend(members.iter().map(|node| (*node, keys.person(*anchor))));
            }
        }
        persons
    }
}

#[cfg(test)]
mod tests;
