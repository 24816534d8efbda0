//! The strongest chain between two nodes of a component.
//!
//! Edges that joined are a forest, in which Kruskal left the strongest path between any two nodes of a person. Between
//! people the path crosses as few refused edges as it can.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use kinfold_model::NodeId;

use super::graph::Case;
use crate::component::Edge;

/// What a way costs: refused edges first, then edges.
type Cost = (u32, u32);

/// The edges from `from` to `to`; `None` when there are none that lead there.
pub(super) fn strongest(case: &Case, from: NodeId, to: NodeId) -> Option<Vec<Edge>> {
    let mut edges: BTreeMap<NodeId, Vec<(NodeId, u32)>> = BTreeMap::new();
    let joined = case.people.joined.iter().map(|edge| (edge, 0));
    for (edge, refusals) in joined.chain(case.people.refused.keys().map(|edge| (edge, 1))) {
        edges.entry(edge.identifier).or_default().push((edge.sighting, refusals));
        edges.entry(edge.sighting).or_default().push((edge.identifier, refusals));
    }
    let mut best: BTreeMap<NodeId, (Cost, NodeId)> = BTreeMap::from([(from, ((0, 0), from))]);
    let mut open = BinaryHeap::from([Reverse(((0, 0), from))]);
    while let Some(Reverse((cost, node))) = open.pop() {
        if node == to {
            return Some(backwards(&best, from, to));
        }
        if best.get(&node).is_some_and(|(known, _)| *known < cost) {
            continue;
        }
        for (next, refusals) in edges.get(&node).into_iter().flatten() {
            let cost = (cost.0 + refusals, cost.1 + 1);
            if best.get(next).is_none_or(|(known, _)| cost < *known) {
                best.insert(*next, (cost, node));
                open.push(Reverse((cost, *next)));
            }
        }
    }
    None
}

fn backwards(best: &BTreeMap<NodeId, (Cost, NodeId)>, from: NodeId, to: NodeId) -> Vec<Edge> {
    let mut edges = Vec::new();
    let mut node = to;
    while node != from {
        let Some((_, before)) = best.get(&node) else { break };
        edges.push(Edge::between(*before, node));
        node = *before;
    }
    edges.reverse();
    edges
}
