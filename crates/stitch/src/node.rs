//! What the owner of an identifier or a sighting remembers about it.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::{Namespace, NodeId, PersonId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::component::Evidence;
use crate::limits::SOURCES_MAX;
use crate::op::Seen;

/// A node of the identity graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Itself, when it keeps a component record; else a node of higher rank, which leads to the root.
    pub root: NodeId,
    /// `None` for a sighting.
    pub namespace: Option<Namespace>,
    /// Least time at which it was seen.
    pub first_seen: Timestamp,
    /// The epoch of the last pointer it took; 0 before the first.
    pub epoch: u64,
    /// The person it was last told; `None` until then.
    pub person: Option<PersonId>,
    /// An identifier with too many neighbours links nothing.
    pub quarantined: bool,
    /// What a sighting knows; `None` for an identifier.
    pub sighting: Option<Sighting>,
}

/// The evidence of a set of identifiers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// When they were seen together.
    pub evidence: Evidence,
    /// Who said so.
    pub sources: BTreeSet<String>,
    /// The identifiers, sorted by node.
    pub identifiers: Vec<Seen>,
}

impl Node {
    /// A node that nobody has joined yet.
    #[must_use]
    pub fn new(id: NodeId, namespace: Option<Namespace>, first_seen: Timestamp) -> Self {
        Self { root: id, namespace, first_seen, epoch: 0, person: None, quarantined: false, sighting: None }
    }
}

impl Sighting {
    /// The evidence of a first time; its source is still to be added.
    #[must_use]
    pub fn new(evidence: Evidence, identifiers: Vec<Seen>) -> Self {
        Self { evidence, sources: BTreeSet::new(), identifiers }
    }

    /// Whether a touchpoint would add nothing: the common case.
    #[must_use]
    pub fn knows(&self, seen: Evidence, source: &str) -> bool {
        let crowded_out = self.sources.len() >= SOURCES_MAX
            && self.sources.last().is_some_and(|greatest| greatest.as_str() < source);
        self.evidence.union(seen) == self.evidence && (crowded_out || self.sources.contains(source))
    }

    /// Adds a touchpoint's evidence; whether its times are new. Commutative, associative and idempotent.
    pub fn observe(&mut self, seen: Evidence, source: &str) -> bool {
        self.sources.insert(source.to_owned());
        if self.sources.len() > SOURCES_MAX {
            self.sources.pop_last();
        }
        let union = self.evidence.union(seen);
        std::mem::replace(&mut self.evidence, union) != union
    }
}

/// The others that an identifier was seen with, stored only up to the limit that quarantines it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbours(pub BTreeMap<NodeId, Namespace>);

impl Neighbours {
    /// Adds those that are new; whether there were any.
    pub fn add<'a>(&mut self, own: NodeId, others: impl IntoIterator<Item = &'a Seen>) -> bool {
        let before = self.0.len();
        for other in others {
            if other.node != own && !self.0.contains_key(&other.node) {
                self.0.insert(other.node, other.namespace.clone());
            }
        }
        self.0.len() > before
    }

    /// Whether there are more than the rule of the identifier's namespace allows.
    #[must_use]
    pub fn exceed(&self, limit: &kinfold_model::rules::NeighbourLimit) -> bool {
        let of = |namespace: &Namespace| self.0.values().filter(|other| *other == namespace).count();
        self.0.len() > limit.total as usize
            || limit.of.iter().any(|(namespace, most)| of(namespace) > *most as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms).expect("in range")
    }

    fn sighting() -> Sighting {
        let evidence = Evidence { first_seen: at(10), last_seen: at(10) };
        let mut sighting = Sighting::new(evidence, Vec::new());
        sighting.observe(evidence, "crm");
        sighting
    }

    #[test]
    fn the_same_evidence_again_is_known() {
        let mut sighting = sighting();
        let (seen, later) = (sighting.evidence, Evidence { last_seen: at(11), ..sighting.evidence });
        assert!(
            sighting.knows(seen, "crm") && !sighting.knows(seen, "till") && !sighting.knows(later, "crm")
        );
        assert!(!sighting.observe(seen, "till") && sighting.observe(later, "crm"));
        assert!(sighting.knows(later, "till"));
    }

    #[test]
    fn the_sources_that_are_kept_do_not_depend_on_their_order() {
        let names: Vec<String> = (0..40).map(|n| format!("source-{n:02}")).collect();
        let (mut forward, mut backward) = (sighting(), sighting());
        let seen = forward.evidence;
        for name in &names {
            forward.observe(seen, name);
        }
        for name in names.iter().rev() {
            backward.observe(seen, name);
        }
        assert_eq!(forward, backward);
        assert_eq!(forward.sources.len(), SOURCES_MAX);
        assert!(forward.knows(seen, "source-99"));
    }
}
