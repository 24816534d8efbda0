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

use kinfold_model::{Command, Contested, Keys, Namespace, NodeId, PersonId, Rules};

use super::evidence::{Evidence, Marks, Observation};

/// What stitch must end with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Every identifier, every sighting and every steward's link that belongs to somebody.
    pub person: BTreeMap<NodeId, PersonId>,
    /// Identifiers that were seen with too many others.
    pub quarantined: BTreeSet<NodeId>,
    /// Identifiers that two or more people share on stronger grounds.
    pub contested: BTreeSet<NodeId>,
    /// Identifier and sighting of each edge that was not joined because a rule or a steward forbade it.
    pub refused: BTreeSet<(NodeId, NodeId)>,
}

/// The people behind these observations.
///
/// # Panics
/// When an observation carries a namespace that the rules do not name; capture refuses such a record.
#[must_use]
pub fn people(observations: &[Observation], rules: &Rules, keys: &Keys) -> Expected {
    commanded(observations, &[], rules, keys)
}

/// The people behind these observations and commands of stewards.
///
/// # Panics
/// As [`people`].
#[must_use]
pub fn commanded(observations: &[Observation], commands: &[Command], rules: &Rules, keys: &Keys) -> Expected {
    remembered(observations, commands, &Marks::new(), rules, keys)
}

/// The people behind these observations and commands of stewards, where some identifiers are erased.
///
/// # Panics
/// As [`people`].
#[must_use]
pub fn remembered(
    observations: &[Observation],
    commands: &[Command],
    marks: &Marks,
    rules: &Rules,
    keys: &Keys,
) -> Expected {
    let evidence = Evidence::of(observations, commands, marks, rules, keys);
    let case = Case { evidence, keys };
    let edges = case.edges();
    let first = case.join(&edges, &BTreeSet::new());
    let contested = case.contested(&edges, &first);
    let edges: Vec<Edge> = edges.into_iter().filter(|edge| !case.left_out(edge, &contested)).collect();
    let groups = case.join(&edges, &contested);
    let together = |edge: &&Edge| groups.of[&edge.identifier] == groups.of[&edge.sighting];
    Expected {
        person: case.persons(&groups),
        refused: edges
            .iter()
            .filter(|edge| !together(edge))
            .map(|edge| (edge.identifier, edge.sighting))
            .collect(),
        quarantined: case.evidence.quarantined,
        contested,
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

/// What counts, and the order of ranks.
struct Case<'a> {
    evidence: Evidence<'a>,
    keys: &'a Keys,
}

impl Case<'_> {
    fn edges(&self) -> Vec<Edge> {
        let of_sightings = self.evidence.together.iter().flat_map(|(sighting, identifiers)| {
            identifiers.iter().map(|identifier| Edge { identifier: *identifier, sighting: *sighting })
        });
        let of_bonds = self
            .evidence
            .bonds
            .iter()
            .flat_map(|(bond, (a, b))| [*a, *b].map(|identifier| Edge { identifier, sighting: *bond }));
        let links = |edge: &Edge| {
            (self.is_bond(edge) || self.evidence.named.contains(&(edge.sighting, edge.identifier)))
                && !self.evidence.quarantined.contains(&edge.identifier)
                && !self.evidence.blocked.contains(&edge.identifier)
        };
        of_sightings.chain(of_bonds).filter(links).collect()
    }

    fn is_bond(&self, edge: &Edge) -> bool {
        self.evidence.bonds.contains_key(&edge.sighting)
    }

    /// Joins stewards' links first, then the strongest edges, those of contested identifiers last of all, unless a
    /// rule or a steward forbids it.
    fn join(&self, edges: &[Edge], contested: &BTreeSet<NodeId>) -> Groups {
        let mut groups = Groups { of: BTreeMap::new(), members: Vec::new() };
        let nodes: BTreeSet<NodeId> = (self.evidence.first_seen.keys().copied())
            .chain(edges.iter().flat_map(|edge| [edge.identifier, edge.sighting]))
            .collect();
        for (index, node) in nodes.iter().enumerate() {
            groups.of.insert(*node, index);
            groups.members.push(vec![*node]);
        }
        let mut edges = edges.to_vec();
        edges.sort_by_key(|edge| {
            (
                !self.is_bond(edge) && contested.contains(&edge.identifier),
                if self.is_bond(edge) { 0 } else { self.evidence.rules_of(edge.identifier).priority },
                Reverse(self.evidence.newest[&edge.sighting]),
                Reverse(self.keys.rank(edge.identifier)),
                Reverse(self.keys.rank(edge.sighting)),
            )
        });
        for edge in edges {
            let (from, to) = (groups.of[&edge.sighting], groups.of[&edge.identifier]);
            if from != to && self.allowed(&edge, &groups.members[from], &groups.members[to]) {
                let moved = std::mem::take(&mut groups.members[from]);
                groups.of.extend(moved.iter().map(|node| (*node, to)));
                groups.members[to].extend(moved);
            }
        }
        groups
    }

    /// Whether one person may have the identifiers of both.
    fn allowed(&self, edge: &Edge, some: &[NodeId], others: &[NodeId]) -> bool {
        let within = |(a, b): &(NodeId, NodeId)| {
            (some.contains(a) && others.contains(b)) || (some.contains(b) && others.contains(a))
        };
        if self.evidence.apart.keys().any(within) {
            return false;
        }
        if self.is_bond(edge) {
            return true;
        }
        let count = |nodes: &[NodeId]| {
            let mut values: BTreeMap<Namespace, u32> = BTreeMap::new();
            for namespace in nodes.iter().filter_map(|node| self.evidence.namespace.get(node)) {
                *values.entry(namespace.clone()).or_default() += 1;
            }
            values
        };
        let rules = self.evidence.rules;
        let (some, others) = (count(some), count(others));
        let fits = |(namespace, here): (&Namespace, &u32)| {
            let Some(there) = others.get(namespace) else { return true };
            let most = rules.namespace(namespace).and_then(|rules| rules.max_per_person);
            most.is_none_or(|most| here + there <= most) && !rules.guard.namespaces.contains(namespace)
        };
        let least = some.values().sum::<u32>().min(others.values().sum());
        some.iter().all(fits) && (rules.guard.identifiers == 0 || least < rules.guard.identifiers)
    }

    /// Identifiers whose sightings belong to two or more people on the strength of stronger, uncontested ones.
    fn contested(&self, edges: &[Edge], groups: &Groups) -> BTreeSet<NodeId> {
        let mut sightings: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
        let mut identifiers: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
        for edge in edges.iter().filter(|edge| !self.is_bond(edge)) {
            sightings.entry(edge.identifier).or_default().push(edge.sighting);
            identifiers.entry(edge.sighting).or_default().push(edge.identifier);
        }
        let mut strongest_first: Vec<NodeId> = sightings.keys().copied().collect();
        strongest_first.sort_by_key(|identifier| self.evidence.rules_of(*identifier).priority);
        let mut contested = BTreeSet::new();
        for identifier in strongest_first {
            let priority = self.evidence.rules_of(identifier).priority;
            let held = |sighting: &&NodeId| {
                identifiers[*sighting].iter().any(|other| {
                    self.evidence.rules_of(*other).priority < priority
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
        !self.is_bond(edge)
            && contested.contains(&edge.identifier)
            && self.evidence.rules_of(edge.identifier).contested == Contested::Apart
    }

    /// The anchor is the node that was seen first; of several, the one of highest rank. A group of which nothing that
    /// counts was seen is nobody.
    fn persons(&self, groups: &Groups) -> BTreeMap<NodeId, PersonId> {
        let mut persons = BTreeMap::new();
        for members in &groups.members {
            let seen = members.iter().filter_map(|node| Some((*self.evidence.first_seen.get(node)?, node)));
            let anchor = seen.min_by_key(|(time, node)| (*time, Reverse(self.keys.rank(**node))));
            if let Some((_, anchor)) = anchor {
                persons.extend(members.iter().map(|node| (*node, self.keys.person(*anchor))));
            }
        }
        persons
    }
}

#[cfg(test)]
mod tests;
