//! The shortest way between two identifiers through everything that is stored, also through what does not link.
//!
//! Both ends are searched from in turn, because an identifier with too many sightings knows none of them: such a
//! one is found as the place where the two searches meet.

use std::collections::{BTreeMap, VecDeque};

use kinfold_model::{Fault, NodeId};

use super::graph::Graph;

/// How many nodes are looked at: some seconds of reading.
const NODES_MAX: usize = 10_000;

/// What a search came to.
pub(super) enum Found {
    /// Identifiers and sightings in turn, from the first to the second.
    Way(Vec<NodeId>),
    /// There is none.
    Nothing,
    /// There was more to look at than is looked at.
    TooMuch,
}

/// The search from one end.
struct Front {
    /// Each node that was reached, with the one it was reached from; the end itself from itself.
    reached: BTreeMap<NodeId, NodeId>,
    open: VecDeque<NodeId>,
}

impl Front {
    fn at(end: NodeId) -> Self {
        Self { reached: BTreeMap::from([(end, end)]), open: VecDeque::from([end]) }
    }

    /// From a node back to the end.
    fn back(&self, mut node: NodeId) -> Vec<NodeId> {
        let mut way = vec![node];
        while let Some(before) = self.reached.get(&node).filter(|before| **before != node) {
            node = *before;
            way.push(node);
        }
        way
    }
}

impl Graph<'_> {
    pub(super) fn search(&self, from: NodeId, to: NodeId) -> Result<Found, Fault> {
        let mut fronts = [Front::at(from), Front::at(to)];
        let mut turn = 0;
        while fronts.iter().any(|front| !front.open.is_empty()) {
            if fronts.iter().map(|front| front.reached.len()).sum::<usize>() > NODES_MAX {
                return Ok(Found::TooMuch);
            }
            let [first, second] = &mut fronts;
            let (own, other) = if turn == 0 { (first, second) } else { (second, first) };
            turn = 1 - turn;
            let Some(node) = own.open.pop_front() else { continue };
            for next in self.neighbours(node)? {
                if own.reached.contains_key(&next) {
                    continue;
                }
                own.reached.insert(next, node);
                own.open.push_back(next);
                if other.reached.contains_key(&next) {
                    return Ok(Found::Way(way(&fronts, next)));
                }
            }
        }
        Ok(Found::Nothing)
    }

    fn neighbours(&self, id: NodeId) -> Result<Vec<NodeId>, Fault> {
        if !id.is_sighting() {
            return self.sightings_of(id);
        }
        let node = self.node(id)?;
        let company = node.as_ref().and_then(|node| node.company());
        Ok(company
            .map(|company| company.identifiers.iter().map(|seen| seen.node).collect())
            .unwrap_or_default())
    }
}

fn way(fronts: &[Front; 2], meeting: NodeId) -> Vec<NodeId> {
    let mut way = fronts[0].back(meeting);
    way.reverse();
    way.extend(fronts[1].back(meeting).into_iter().skip(1));
    way
}
