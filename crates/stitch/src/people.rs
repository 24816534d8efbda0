//! People: a pure function of one component and the rules.
//!
//! In goes the whole evidence of a component, out comes the anchor of each node's person, and why what was not
//! joined was not. Edges are joined greedily, stewards' links first, then strongest namespace and newest sighting
//! first, as Kruskal (1956) joins a forest by weight; a join that would break a rule is refused. Then the
//! identifiers that two people share on stronger grounds are found, and if there are any, the joining is done once
//! more with their edges last, or not at all.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::{Contested, Keys, Namespace, NodeId, Rank, Rules, Timestamp};

use crate::component::{Component, Edge};
use crate::groups::{Groups, Refused};

/// What the evidence of a component amounts to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct People {
    /// Of each node, the anchor of its person: the first seen node, of several the one of highest rank. `None` for
    /// the nodes of a group of which nothing counts that says it was seen.
    pub anchors: BTreeMap<NodeId, Option<NodeId>>,
    /// The edges that joined people, in the order of joining: the strongest chain between two nodes of a person
    /// is the path along these.
    pub joined: Vec<Edge>,
    /// The edges that were not joined, and why.
    pub refused: BTreeMap<Edge, Refused>,
    /// The identifiers that two or more people share on stronger grounds.
    pub contested: BTreeSet<NodeId>,
}

impl People {
    /// Whether every edge was joined.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.refused.is_empty() && self.contested.is_empty()
    }
}

/// The people of a component.
#[must_use]
pub fn decide(component: &Component, rules: &Rules, keys: &Keys) -> People {
    let graph = Graph::new(component, rules, keys);
    let mut groups = graph.join(&BTreeSet::new());
    let contested = graph.contested(&mut groups);
    if !contested.is_empty() {
        groups = graph.join(&contested);
    }
    graph.people(groups, &contested)
}

/// A component with dense indices instead of ids, and its edges in the order in which they are joined.
pub(crate) struct Graph<'a> {
    pub(crate) nodes: Vec<Vertex<'a>>,
    /// Strongest first.
    pub(crate) edges: Vec<Link>,
    /// Pairs that a steward keeps apart.
    pub(crate) apart: Vec<(usize, usize)>,
    pub(crate) rules: &'a Rules,
}

pub(crate) struct Vertex<'a> {
    pub(crate) id: NodeId,
    rank: Rank,
    /// `None` for a sighting.
    pub(crate) namespace: Option<&'a Namespace>,
    /// Of its namespace.
    priority: u8,
    /// A steward's link.
    pub(crate) bond: bool,
    first_seen: Option<Timestamp>,
    last_seen: Timestamp,
}

#[derive(Clone, Copy)]
pub(crate) struct Link {
    pub(crate) identifier: usize,
    pub(crate) sighting: usize,
}

impl<'a> Graph<'a> {
    fn new(component: &'a Component, rules: &'a Rules, keys: &Keys) -> Self {
        let vertex = |(id, member): (&NodeId, &'a crate::component::Member)| Vertex {
            id: *id,
            rank: keys.rank(*id),
            namespace: member.namespace.as_ref(),
            priority: priority(rules, member.namespace.as_ref()),
            bond: member.told.bond,
            first_seen: member.told.first_seen,
            last_seen: member.told.last_seen,
        };
        let nodes: Vec<Vertex<'a>> = component.members.iter().map(vertex).collect();
        let index = |id: &NodeId| nodes.binary_search_by_key(id, |vertex| vertex.id).ok();
        let mut weighted: Vec<_> = component
            .edges
            .iter()
            .filter_map(|edge| {
                let link = Link { identifier: index(&edge.identifier)?, sighting: index(&edge.sighting)? };
                let (identifier, sighting) = (&nodes[link.identifier], &nodes[link.sighting]);
                let priority = if sighting.bond { 0 } else { identifier.priority };
                Some(((priority, Reverse((sighting.last_seen, identifier.rank, sighting.rank))), link))
            })
            .collect();
        weighted.sort_unstable_by_key(|(weight, _)| *weight);
        let edges: Vec<Link> = weighted.into_iter().map(|(_, link)| link).collect();
        let apart = apart(component, &nodes, &edges);
        Self { nodes, edges, apart, rules }
    }

    /// Joins the edges in order; those of contested identifiers come last, or not at all.
    fn join(&self, contested: &BTreeSet<usize>) -> Groups<'_> {
        let mut groups = Groups::new(self);
        let mut last = Vec::new();
        for link in &self.edges {
            if self.nodes[link.sighting].bond || !contested.contains(&link.identifier) {
                groups.join(*link);
            } else if self.contested_rule(link.identifier) == Contested::Newest {
                last.push(*link);
            }
        }
        for link in last {
            groups.join(link);
        }
        groups
    }

    /// The identifiers whose sightings belong to two or more people on the strength of a stronger identifier
    /// that is not contested itself. Stewards' links contest nothing.
    fn contested(&self, groups: &mut Groups<'_>) -> BTreeSet<usize> {
        if groups.refused.is_empty() {
            // All sightings of each identifier belong to one person.
            return BTreeSet::new();
        }
        let mut sightings: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut identifiers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for link in self.edges.iter().filter(|link| !self.nodes[link.sighting].bond) {
            sightings.entry(link.identifier).or_default().push(link.sighting);
            identifiers.entry(link.sighting).or_default().push(link.identifier);
        }
        let mut by_strength: Vec<usize> = sightings.keys().copied().collect();
        by_strength.sort_by_key(|identifier| self.priority(*identifier));
        let mut contested = BTreeSet::new();
        for identifier in by_strength {
            let mut owners = BTreeSet::new();
            for sighting in &sightings[&identifier] {
                let owner = groups.find(*sighting);
                let claimed = identifiers[sighting].iter().any(|other| {
                    self.priority(*other) < self.priority(identifier)
                        && !contested.contains(other)
                        && groups.find(*other) == owner
                });
                if claimed {
                    owners.insert(owner);
                }
            }
            if owners.len() > 1 {
                contested.insert(identifier);
            }
        }
        contested
    }

    fn people(&self, mut groups: Groups<'_>, contested: &BTreeSet<usize>) -> People {
        let anchors = self.anchors(&mut groups);
        let edge = |link: &Link| Edge {
            identifier: self.nodes[link.identifier].id,
            sighting: self.nodes[link.sighting].id,
        };
        let mut refused: BTreeMap<Edge, Refused> =
            groups.refused.iter().map(|(link, why)| (edge(link), why.clone())).collect();
        for link in &self.edges {
            if contested.contains(&link.identifier)
                && groups.find(link.identifier) != groups.find(link.sighting)
            {
                refused.entry(edge(link)).or_insert(Refused::Contested);
            }
        }
        People {
            anchors,
            joined: groups.joined.iter().map(edge).collect(),
            refused,
            contested: contested.iter().map(|index| self.nodes[*index].id).collect(),
        }
    }

    fn anchors(&self, groups: &mut Groups<'_>) -> BTreeMap<NodeId, Option<NodeId>> {
        let mut anchors: BTreeMap<usize, usize> = BTreeMap::new();
        let seniority = |index: usize| (self.nodes[index].first_seen, Reverse(self.nodes[index].rank));
        for (index, vertex) in self.nodes.iter().enumerate() {
            if vertex.first_seen.is_some() {
                let anchor = anchors.entry(groups.find(index)).or_insert(index);
                if seniority(index) < seniority(*anchor) {
                    *anchor = index;
                }
            }
        }
        let mut anchor = |index| anchors.get(&groups.find(index)).map(|anchor| self.nodes[*anchor].id);
        (0..self.nodes.len()).map(|index| (self.nodes[index].id, anchor(index))).collect()
    }

    fn priority(&self, node: usize) -> u8 {
        self.nodes[node].priority
    }

    fn contested_rule(&self, node: usize) -> Contested {
        let rules = self.nodes[node].namespace.and_then(|namespace| self.rules.namespace(namespace));
        rules.map_or(Contested::Newest, |rules| rules.contested)
    }
}

/// The pairs that a steward keeps apart, unless a newer command links just these two.
fn apart(component: &Component, nodes: &[Vertex<'_>], edges: &[Link]) -> Vec<(usize, usize)> {
    let index = |id: &NodeId| nodes.binary_search_by_key(id, |vertex| vertex.id).ok();
    let kept = component.members.iter().flat_map(|(id, member)| {
        member.told.apart.iter().filter_map(move |(other, time)| Some((index(id)?, index(other)?, *time)))
    });
    let kept: Vec<(usize, usize, Timestamp)> = kept.collect();
    if kept.is_empty() {
        return Vec::new();
    }
    let mut linked: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for link in edges.iter().filter(|link| nodes[link.sighting].bond) {
        linked.entry(link.sighting).or_default().insert(link.identifier);
    }
    let is_linked_since = |a: usize, b: usize, time: Timestamp| {
        linked
            .iter()
            .any(|(bond, ends)| nodes[*bond].last_seen > time && ends.contains(&a) && ends.contains(&b))
    };
    let stands = kept.into_iter().filter(|(a, b, time)| !is_linked_since(*a, *b, *time));
    stands.map(|(a, b, _)| (a, b)).collect()
}

/// A namespace that the rules no longer name is the weakest of all.
pub(crate) fn priority(rules: &Rules, namespace: Option<&Namespace>) -> u8 {
    namespace.and_then(|namespace| rules.namespace(namespace)).map_or(u8::MAX, |rules| rules.priority)
}
