//! A component: identifiers and sightings that evidence connects, kept by the node of highest rank among them.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::{Keys, Namespace, NodeId, PersonId, Timestamp};
use serde::{Deserialize, Serialize};

/// What a node says of itself to its root. Of two, the one with the higher version is the later one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Rises whenever anything below changes.
    pub version: u64,
    /// The version with which all edges that it had were void, whether it speaks again by now or not; 0: none ever was. Its root may
    /// hear only of what it has become since.
    pub cut: u64,
    /// Least time at which it was seen. `None`: nothing that counts says that it exists, so nobody is anybody by it.
    pub first_seen: Option<Timestamp>,
    /// Of a sighting, greatest time, cut to the evidence granularity; of an identifier always 1970.
    pub last_seen: Timestamp,
    /// Its edges are void: it is quarantined or blocked, or nothing says any more that it was seen.
    pub silent: bool,
    /// A steward's link, which is stronger than any sighting.
    pub bond: bool,
    /// The identifiers that a steward keeps apart from this one, each with the time of the newest command. Either of
    /// two such identifiers is enough to say so.
    pub apart: BTreeMap<NodeId, Timestamp>,
}

impl Told {
    /// Whether an edge that was asked for when the node had this version is void.
    #[must_use]
    pub fn voids(&self, asked: u64) -> bool {
        self.cut > asked || (self.silent && self.version >= asked)
    }

    /// Whether both say the same, whenever they said it.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        let Self { version: _, cut: _, first_seen, last_seen, silent, bond, apart } = self;
        (first_seen, last_seen, silent, bond, apart)
            == (&other.first_seen, &other.last_seen, &other.silent, &other.bond, &other.apart)
    }
}

/// The versions of both ends of an edge as they were when the identifier asked for it, whoever passes that on. If all edges of either
/// were void since, it is not added: the identifier asks anew, if it still holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Of the identifier: its own.
    pub identifier: u64,
    /// Of the sighting: the one that the identifier had heard of.
    pub sighting: u64,
}

impl Asked {
    /// Of one of the ends.
    #[must_use]
    pub fn of(self, end: NodeId) -> u64 {
        if end.is_sighting() { self.sighting } else { self.identifier }
    }
}

/// A node, as its component knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// `None` for a sighting.
    pub namespace: Option<Namespace>,
    /// What it last said of itself.
    pub told: Told,
    /// The person it was told; `None` while nothing connects it and nothing says that it stands alone, and for a
    /// node that belongs to nobody.
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
    /// Whether everybody in here is one person whatever the order of joining, so that it need not be looked at.
    pub plain: bool,
    /// By node.
    pub members: BTreeMap<NodeId, Member>,
    /// Between members.
    pub edges: BTreeSet<Edge>,
}

impl Component {
    /// A node by itself.
    #[must_use]
    pub fn lone(id: NodeId, namespace: Option<Namespace>, told: Told) -> Self {
        let member = Member { namespace, told, person: None };
        Self { members: BTreeMap::from([(id, member)]), ..Self::default() }
    }

    /// Takes over all of another component.
    pub fn union(&mut self, other: Self) {
        for (id, arrived) in other.members {
            match self.members.get_mut(&id) {
                None => drop(self.members.insert(id, arrived)),
                Some(known) => {
                    if arrived.told.version > known.told.version {
                        known.told = arrived.told;
                    }
                    known.person = arrived.person.or(known.person);
                }
            }
        }
        self.edges.extend(other.edges);
        for (root, epoch) in other.absorbed {
            let known = self.absorbed.entry(root).or_default();
            *known = epoch.max(*known);
        }
        self.epoch = self.epoch.max(other.epoch) + 1;
    }

    /// Whether this node is here and its edges are void.
    #[must_use]
    pub fn is_silent(&self, id: NodeId) -> bool {
        self.members.get(&id).is_some_and(|member| member.told.silent)
    }

    /// Adds an edge if both of its ends are here; whether they are.
    pub fn insert(&mut self, edge: Edge) -> bool {
        let whole = [edge.identifier, edge.sighting].iter().all(|id| self.members.contains_key(id));
        if whole {
            self.edges.insert(edge);
        }
        whole
    }

    /// Removes the edges of silent nodes; whether there were any.
    pub fn drop_void_edges(&mut self) -> bool {
        let silent = |(id, member): (&NodeId, &Member)| member.told.silent.then_some(*id);
        let silent: BTreeSet<NodeId> = self.members.iter().filter_map(silent).collect();
        if silent.is_empty() {
            return false;
        }
        let before = self.edges.len();
        self.edges.retain(|edge| !silent.contains(&edge.identifier) && !silent.contains(&edge.sighting));
        self.edges.len() < before
    }

    /// The connected groups, each under its node of highest rank.
    #[must_use]
    pub fn groups(&self, keys: &Keys) -> BTreeMap<NodeId, BTreeSet<NodeId>> {
        let ids: Vec<NodeId> = self.members.keys().copied().collect();
        let mut sets = crate::sets::DisjointSets::new(ids.len());
        for edge in &self.edges {
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

    /// Takes a connected group out, with its edges and at the same epoch. Which roots were absorbed stays noted with the rest,
    /// where a repeated `absorb` would arrive.
    #[must_use]
    pub fn split_off(&mut self, group: &BTreeSet<NodeId>) -> Self {
        let members = self.members.extract_if(.., |id, _| group.contains(id)).collect();
        let edges = self.edges.extract_if(.., |edge| group.contains(&edge.identifier)).collect();
        Self { epoch: self.epoch, members, edges, ..Self::default() }
    }
}

fn highest(group: &BTreeSet<NodeId>, keys: &Keys) -> Option<NodeId> {
    match group.len() {
        1 => group.first().copied(),
        _ => group.iter().copied().max_by_key(|id| keys.rank(*id)),
    }
}
