//! Connected components: what exact matching alone would call a person.
//!
//! In go observations, out come sets of identifiers, each set sorted and the list sorted. No rule is applied, so
//! this is the floor that a data set's truth is compared with.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::NodeId;

use super::evidence::Observation;

/// The identifiers that are connected by being seen together, in as many steps as it takes.
#[must_use]
pub fn components(observations: &[Observation]) -> Vec<BTreeSet<NodeId>> {
    let mut next: BTreeMap<NodeId, BTreeSet<NodeId>> = BTreeMap::new();
    for observation in observations {
        let nodes: Vec<NodeId> = observation.identifiers.iter().map(|(node, _)| *node).collect();
        for node in &nodes {
            next.entry(*node).or_default().extend(&nodes);
        }
    }
    let mut left: BTreeSet<NodeId> = next.keys().copied().collect();
    let mut components = Vec::new();
    while let Some(start) = left.pop_first() {
        let (mut component, mut border) = (BTreeSet::from([start]), vec![start]);
        while let Some(node) = border.pop() {
            for neighbour in &next[&node] {
                if component.insert(*neighbour) {
                    left.remove(neighbour);
                    border.push(*neighbour);
                }
            }
        }
        components.push(component);
    }
    components
}

#[cfg(test)]
mod tests {
    use kinfold_model::{Namespace, NodeKind, Timestamp};

    use super::*;

    fn node(number: u8) -> NodeId {
        NodeId::new([number; 16], NodeKind::Identifier)
    }

    fn seen(numbers: &[u8]) -> Observation {
        let identifiers = numbers.iter().map(|number| (node(*number), Namespace::new("email"))).collect();
        Observation { time: Timestamp::MIN, identifiers, ..Observation::default() }
    }

    #[test]
    fn a_chain_of_sightings_is_one_component_and_a_stranger_another() {
        let found = components(&[seen(&[10, 20]), seen(&[50]), seen(&[30, 40]), seen(&[20, 30])]);
        assert_eq!(found, [BTreeSet::from([10, 20, 30, 40].map(node)), BTreeSet::from([node(50)])]);
    }

    #[test]
    fn nothing_has_no_component() {
        assert_eq!(components(&[]), Vec::<BTreeSet<NodeId>>::new());
    }
}
