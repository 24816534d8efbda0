//! People: a pure function of one component and the rules.
//!
//! In goes the whole evidence of a component, out comes the anchor of each node's person. Edges are joined
//! greedily, strongest namespace and newest sighting first, as Kruskal (1956) joins a forest by weight; a join
//! that would break a rule is refused. Then the identifiers that two people share on stronger grounds are
//! found, and if there are any, the joining is done once more with their edges last, or not at all.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::{Contested, Keys, Namespace, NodeId, Rank, Rules, Timestamp};

use crate::component::Component;

/// The anchor of the person of each node: its first seen node, of several the one of highest rank.
#[must_use]
pub fn anchors(component: &Component, rules: &Rules, keys: &Keys) -> BTreeMap<NodeId, NodeId> {
    if let [(id, _)] = component.members.iter().collect::<Vec<_>>()[..] {
        return BTreeMap::from([(*id, *id)]);
    }
    let graph = Graph::new(component, rules, keys);
    let mut groups = graph.join(&BTreeSet::new());
    let contested = graph.contested(&mut groups);
    if !contested.is_empty() {
        groups = graph.join(&contested);
    }
    graph.anchors(groups)
}

/// A component with dense indices instead of ids, and its edges in the order in which they are joined.
struct Graph<'a> {
    nodes: Vec<Vertex<'a>>,
    /// Strongest first.
    edges: Vec<Link>,
    rules: &'a Rules,
}

struct Vertex<'a> {
    id: NodeId,
    rank: Rank,
    /// `None` for a sighting.
    namespace: Option<&'a Namespace>,
    first_seen: Timestamp,
}

#[derive(Clone, Copy)]
struct Link {
    identifier: usize,
    sighting: usize,
}

impl<'a> Graph<'a> {
    fn new(component: &'a Component, rules: &'a Rules, keys: &Keys) -> Self {
        let nodes: Vec<Vertex<'a>> = component
            .members
            .iter()
            .map(|(id, member)| Vertex {
                id: *id,
                rank: keys.rank(*id),
                namespace: member.namespace.as_ref(),
                first_seen: member.first_seen,
            })
            .collect();
        let index = |id| nodes.binary_search_by_key(id, |vertex| vertex.id).ok();
        let mut weighted: Vec<_> = component
            .edges
            .iter()
            .filter_map(|(edge, evidence)| {
                let link = Link { identifier: index(&edge.identifier)?, sighting: index(&edge.sighting)? };
                let (identifier, sighting) = (&nodes[link.identifier], &nodes[link.sighting]);
                let priority = priority(rules, identifier.namespace);
                Some(((priority, Reverse((evidence.last_seen, identifier.rank, sighting.rank))), link))
            })
            .collect();
        weighted.sort_unstable_by_key(|(weight, _)| *weight);
        let edges = weighted.into_iter().map(|(_, link)| link).collect();
        Self { nodes, edges, rules }
    }

    /// Joins the edges in order; those of contested identifiers come last, or not at all.
    fn join(&self, contested: &BTreeSet<usize>) -> DisjointSets {
        let mut groups = Groups::new(self);
        let mut last = Vec::new();
        for link in &self.edges {
            if !contested.contains(&link.identifier) {
                groups.join(*link);
            } else if self.contested_rule(link.identifier) == Contested::Newest {
                last.push(*link);
            }
        }
        for link in last {
            groups.join(link);
        }
        groups.sets
    }

    /// The identifiers whose sightings belong to two or more people on the strength of a stronger identifier
    /// that is not contested itself.
    fn contested(&self, groups: &mut DisjointSets) -> BTreeSet<usize> {
        let mut sightings: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut identifiers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for link in &self.edges {
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

    fn anchors(&self, mut groups: DisjointSets) -> BTreeMap<NodeId, NodeId> {
        let mut anchors: BTreeMap<usize, usize> = BTreeMap::new();
        let seniority = |index: usize| (self.nodes[index].first_seen, Reverse(self.nodes[index].rank));
        for index in 0..self.nodes.len() {
            let anchor = anchors.entry(groups.find(index)).or_insert(index);
            if seniority(index) < seniority(*anchor) {
                *anchor = index;
            }
        }
        let anchor = |groups: &mut DisjointSets, index| self.nodes[anchors[&groups.find(index)]].id;
        (0..self.nodes.len()).map(|index| (self.nodes[index].id, anchor(&mut groups, index))).collect()
    }

    fn priority(&self, node: usize) -> u8 {
        priority(self.rules, self.nodes[node].namespace)
    }

    fn contested_rule(&self, node: usize) -> Contested {
        let rules = self.nodes[node].namespace.and_then(|namespace| self.rules.namespace(namespace));
        rules.map_or(Contested::Newest, |rules| rules.contested)
    }
}

/// A namespace that the rules no longer name is the weakest of all.
fn priority(rules: &Rules, namespace: Option<&Namespace>) -> u8 {
    namespace.and_then(|namespace| rules.namespace(namespace)).map_or(u8::MAX, |rules| rules.priority)
}

/// Groups that count how many values of each limited namespace they hold.
struct Groups<'g> {
    sets: DisjointSets,
    /// Of the group under each representative; sorted by namespace.
    values: Vec<Vec<(&'g Namespace, u32)>>,
    rules: &'g Rules,
}

impl<'g> Groups<'g> {
    fn new(graph: &'g Graph<'_>) -> Self {
        let limited = |vertex: &'g Vertex<'_>| {
            let namespace = vertex.namespace?;
            graph.rules.namespace(namespace)?.max_per_person.map(|_| (namespace, 1))
        };
        let values = graph.nodes.iter().map(|vertex| limited(vertex).into_iter().collect()).collect();
        Self { sets: DisjointSets::new(graph.nodes.len()), values, rules: graph.rules }
    }

    /// Joins the groups of both ends, unless the result would break a rule.
    fn join(&mut self, link: Link) {
        let (a, b) = (self.sets.find(link.identifier), self.sets.find(link.sighting));
        if a == b {
            return;
        }
        let mut together: BTreeMap<&Namespace, u32> = self.values[a].iter().copied().collect();
        for (namespace, count) in &self.values[b] {
            *together.entry(namespace).or_default() += count;
        }
        let most = |namespace| self.rules.namespace(namespace).and_then(|rules| rules.max_per_person);
        if together.iter().any(|(namespace, count)| most(namespace).is_some_and(|most| *count > most)) {
            return;
        }
        let joined = self.sets.union(a, b);
        self.values[joined] = together.into_iter().collect();
    }
}

/// Disjoint sets of the numbers below a bound, with union by size and path halving (Tarjan and van Leeuwen, 1984).
pub(crate) struct DisjointSets {
    parent: Vec<usize>,
    size: Vec<u32>,
}

impl DisjointSets {
    pub(crate) fn new(bound: usize) -> Self {
        Self { parent: (0..bound).collect(), size: vec![1; bound] }
    }

    pub(crate) fn find(&mut self, mut x: usize) -> usize {
        while self.parent[x] != x {
            self.parent[x] = self.parent[self.parent[x]];
            x = self.parent[x];
        }
        x
    }

    /// Joins the sets of both; returns the representative.
    pub(crate) fn union(&mut self, a: usize, b: usize) -> usize {
        let (a, b) = (self.find(a), self.find(b));
        if a == b {
            return a;
        }
        let (small, large) = if self.size[a] < self.size[b] { (a, b) } else { (b, a) };
        self.parent[small] = large;
        self.size[large] += self.size[small];
        large
    }
}
