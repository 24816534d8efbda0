//! The person of an identifier as a drawing: its surroundings, and where they were refused to others.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use kinfold_model::{Fault, NodeId};

use super::answer::{Line, LineKind, Name, Sketch};
use super::graph::{Case, Graph};
use crate::component::Edge;

impl Graph<'_> {
    /// Draws at most `most` identifiers and sightings of the identifier's person, the nearest first, each refused
    /// edge up to its other end, and what an identifier that links nothing was seen with.
    ///
    /// # Errors
    /// Those of reading the state.
    pub fn sketch(&self, id: NodeId, most: usize) -> Result<Sketch, Fault> {
        let edges = self.edges_around(id, self.case(id)?.as_ref())?;
        let (drawn, left_out) = nearest(id, &edges, most);
        let mut sketch = Sketch { left_out, ..Sketch::default() };
        for node in &drawn {
            if let Some(sighting) = self.sighting(*node)? {
                sketch.sightings.push(sighting);
            } else if let Some(namespace) =
                self.node(*node)?.as_ref().and_then(|node| node.namespace()).cloned()
            {
                sketch.identifiers.push(Name { node: *node, namespace });
            }
        }
        let shown: BTreeSet<NodeId> = drawn.into_iter().collect();
        let ends = |edge: &Edge| shown.contains(&edge.identifier) && shown.contains(&edge.sighting);
        let lines = edges.into_iter().filter(|(edge, _)| ends(edge));
        sketch.lines = lines.map(|(edge, kind)| Line { edge, kind }).collect();
        Ok(sketch)
    }

    /// The edges of the identifier's person, and those to sightings that nothing joins it with.
    fn edges_around(&self, id: NodeId, case: Option<&Case>) -> Result<BTreeMap<Edge, LineKind>, Fault> {
        let mut edges = BTreeMap::new();
        for edge in case.iter().flat_map(|case| case.component.edges.iter().map(move |edge| (*case, edge))) {
            let (case, edge) = edge;
            if !case.together(id, edge.identifier) && !case.together(id, edge.sighting) {
                continue;
            }
            let kind = case.people.refused.get(edge).cloned().map_or(LineKind::Joined, LineKind::Refused);
            edges.insert(*edge, kind);
        }
        for sighting in self.sightings_of(id)? {
            edges.entry(Edge { identifier: id, sighting }).or_insert(LineKind::Void);
        }
        Ok(edges)
    }
}

/// The nodes to draw, and how many more could be reached. Nothing is drawn beyond an edge that joins nobody.
fn nearest(id: NodeId, edges: &BTreeMap<Edge, LineKind>, most: usize) -> (Vec<NodeId>, usize) {
    let mut next: BTreeMap<NodeId, Vec<(NodeId, bool)>> = BTreeMap::new();
    for (edge, kind) in edges {
        let joins = *kind == LineKind::Joined;
        next.entry(edge.identifier).or_default().push((edge.sighting, joins));
        next.entry(edge.sighting).or_default().push((edge.identifier, joins));
    }
    let mut reached = BTreeSet::from([id]);
    let mut open = VecDeque::from([id]);
    let mut drawn = vec![id];
    while let Some(node) = open.pop_front() {
        for (other, joins) in next.get(&node).into_iter().flatten() {
            if reached.insert(*other) {
                drawn.push(*other);
                if *joins {
                    open.push_back(*other);
                }
            }
        }
    }
    let left_out = drawn.len().saturating_sub(most);
    drawn.truncate(most);
    (drawn, left_out)
}
