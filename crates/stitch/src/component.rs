//! A component: identifiers and sightings that evidence connects, kept by the node of highest rank among them.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::{Keys, Namespace, NodeId, PersonId, Timestamp};
use serde::{Deserialize, Serialize};

/// When the ends of an edge were seen together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Least time, exact.
    pub first_seen: Timestamp,
    /// Greatest time, cut to the evidence granularity.
    pub last_seen: Timestamp,
}

impl Evidence {
    /// One time of seeing.
    #[must_use]
    pub fn at(time: Timestamp, granularity_ms: i64) -> Self {
        Self { first_seen: time, last_seen: time.floor(granularity_ms) }
    }

    /// Both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self {
            first_seen: self.first_seen.min(other.first_seen),
            last_seen: self.last_seen.max(other.last_seen),
        }
    }
}

/// A node, as its component knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// `None` for a sighting.
    pub namespace: Option<Namespace>,
    /// Least time at which it was seen.
    pub first_seen: Timestamp,
    /// Its edges are void.
    pub quarantined: bool,
    /// The person it was told; `None` while nothing connects it and nothing says that it stands alone.
    pub person: Option<PersonId>,
}

/// An identifier and a sighting that contains it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Edge {
    /// The identifier.
    pub identifier: NodeId,
    /// The sighting.
    pub sighting: NodeId,
}

impl Edge {
    /// The edge between a sighting and an identifier, given in any order.
    #[must_use]
    pub fn between(a: NodeId, b: NodeId) -> Self {
        if a.is_sighting() {
            Self { identifier: b, sighting: a }
        } else {
            Self { identifier: a, sighting: b }
        }
    }
}

/// Nodes, edges, and how often custody of them was handed on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// Rises whenever nodes arrive, leave, or are told a person.
    pub epoch: u64,
    /// The roots whose records were absorbed, each with the epoch of its record: by this a repeated `absorb` is known.
    pub absorbed: BTreeMap<NodeId, u64>,
    /// By node.
    pub members: BTreeMap<NodeId, Member>,
    /// With their evidence.
    pub edges: BTreeMap<Edge, Evidence>,
}

impl Component {
    /// A node by itself.
    #[must_use]
    pub fn lone(id: NodeId, namespace: Option<Namespace>, first_seen: Timestamp) -> Self {
        let member = Member { namespace, first_seen, quarantined: false, person: None };
        Self { members: BTreeMap::from([(id, member)]), ..Self::default() }
    }

    /// Adds evidence to an edge; whether that changed anything.
    pub fn add_edge(&mut self, edge: Edge, evidence: Evidence) -> bool {
        match self.edges.get_mut(&edge) {
            Some(known) => {
                let union = known.union(evidence);
                std::mem::replace(known, union) != union
            }
            None => self.edges.insert(edge, evidence).is_none(),
        }
    }

    /// Takes over all of another component.
    pub fn union(&mut self, other: Self) {
        for (id, arrived) in other.members {
            match self.members.get_mut(&id) {
                None => drop(self.members.insert(id, arrived)),
                Some(known) => {
                    known.first_seen = known.first_seen.min(arrived.first_seen);
                    known.quarantined |= arrived.quarantined;
                    known.person = arrived.person.or(known.person);
                }
            }
        }
        for (edge, evidence) in other.edges {
            self.add_edge(edge, evidence);
        }
        for (root, epoch) in other.absorbed {
            let known = self.absorbed.entry(root).or_default();
            *known = epoch.max(*known);
        }
        self.epoch = self.epoch.max(other.epoch) + 1;
    }

    /// Whether this node is here and quarantined.
    #[must_use]
    pub fn is_quarantined(&self, id: NodeId) -> bool {
        self.members.get(&id).is_some_and(|member| member.quarantined)
    }

    /// Removes the edges that have only one end here, and returns them.
    pub fn take_dangling(&mut self) -> Vec<(Edge, Evidence)> {
        let members = &self.members;
        let here =
            |edge: &Edge| members.contains_key(&edge.identifier) && members.contains_key(&edge.sighting);
        self.edges.extract_if(.., |edge, _| !here(edge)).collect()
    }

    /// Removes the edges of quarantined identifiers; whether there were any.
    pub fn drop_quarantined_edges(&mut self) -> bool {
        let members = &self.members;
        let before = self.edges.len();
        self.edges.retain(|edge, _| !members.get(&edge.identifier).is_some_and(|member| member.quarantined));
        self.edges.len() < before
    }

    /// The connected groups, each under its node of highest rank.
    #[must_use]
    pub fn groups(&self, keys: &Keys) -> BTreeMap<NodeId, BTreeSet<NodeId>> {
        let ids: Vec<NodeId> = self.members.keys().copied().collect();
        let mut sets = crate::people::DisjointSets::new(ids.len());
        for edge in self.edges.keys() {
            if let (Ok(a), Ok(b)) = (ids.binary_search(&edge.identifier), ids.binary_search(&edge.sighting)) {
                sets.union(a, b);
            }
        }
        let mut groups: BTreeMap<usize, BTreeSet<NodeId>> = BTreeMap::new();
        for (index, id) in ids.iter().enumerate() {
            groups.entry(sets.find(index)).or_default().insert(*id);
        }
        groups.into_values().filter_map(|group| Some((highest(&group, keys)?, group))).collect()
    }

    /// Takes a connected group out, with its edges and at the same epoch.
    #[must_use]
    pub fn split_off(&mut self, group: &BTreeSet<NodeId>) -> Self {
        let members = self.members.extract_if(.., |id, _| group.contains(id)).collect();
        let edges = self.edges.extract_if(.., |edge, _| group.contains(&edge.identifier)).collect();
        Self { epoch: self.epoch, members, edges, ..Self::default() }
    }
}

fn highest(group: &BTreeSet<NodeId>, keys: &Keys) -> Option<NodeId> {
    match group.len() {
        1 => group.first().copied(),
        _ => group.iter().copied().max_by_key(|id| keys.rank(*id)),
    }
}
