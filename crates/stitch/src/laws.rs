//! The laws of the identity graph as functions: what must hold of the stored state once no message is on its way.
//! Tests and the simulation call them after every run.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::{Fault, Keys, NodeId, State};

use crate::component::Component;
use crate::desk::{Desk, Table};
use crate::node::Node;

/// The state of all partitions at rest.
pub struct AtRest {
    /// By id.
    pub nodes: BTreeMap<NodeId, Node>,
    /// By root.
    pub components: BTreeMap<NodeId, Component>,
}

impl AtRest {
    /// Reads the state of all partitions.
    ///
    /// # Errors
    /// Those of [`State::scan`], and [`Fault::Corrupt`].
    pub fn read<'a>(partitions: impl IntoIterator<Item = &'a dyn State>) -> Result<Self, Fault> {
        let (mut nodes, mut components) = (BTreeMap::new(), BTreeMap::new());
        for state in partitions {
            let mut desk = Desk::default();
            for id in Table::Node.ids(state)? {
                nodes.extend(desk.node(id, state)?.cloned().map(|node| (id, node)));
            }
            for root in Table::Component.ids(state)? {
                components.extend(desk.component(root, state)?.cloned().map(|component| (root, component)));
            }
        }
        Ok(Self { nodes, components })
    }

    /// Every broken law, as a sentence; empty when all is well.
    #[must_use]
    pub fn broken_laws(&self, keys: &Keys) -> Vec<String> {
        let mut broken = Vec::new();
        self.custody(&mut broken);
        self.pointers(keys, &mut broken);
        self.edges(&mut broken);
        broken
    }

    /// A node is in exactly one component record, and that is its root's.
    fn custody(&self, broken: &mut Vec<String>) {
        let mut seen = BTreeSet::new();
        for (root, component) in &self.components {
            for (id, member) in &component.members {
                if !seen.insert(*id) {
                    broken.push(format!("node {id} is in two components, one of them that of {root}"));
                }
                match self.nodes.get(id) {
                    None => broken.push(format!("component {root} holds node {id}, which does not exist")),
                    Some(node) if node.person != member.person => {
                        broken.push(format!("node {id} and its component {root} disagree about its person"));
                    }
                    Some(node) if node.quarantined != member.quarantined => {
                        broken.push(format!(
                            "node {id} and its component {root} disagree about its quarantine"
                        ));
                    }
                    Some(_) => {}
                }
            }
        }
        for (id, node) in &self.nodes {
            if !seen.contains(id) {
                broken.push(format!("node {id} is in no component"));
            }
            if node.person.is_none() {
                broken.push(format!("node {id} has no person"));
            }
        }
    }

    /// A pointer leads to the node itself or upwards, and ends at a root with a record that holds the node.
    fn pointers(&self, keys: &Keys, broken: &mut Vec<String>) {
        for (id, node) in &self.nodes {
            if node.root != *id && keys.rank(node.root) <= keys.rank(*id) {
                broken.push(format!("node {id} points downwards to {}", node.root));
                continue;
            }
            let mut root = node.root;
            while let Some(next) = self.nodes.get(&root).map(|node| node.root).filter(|next| *next != root) {
                root = next;
            }
            if !self.components.get(&root).is_some_and(|component| component.members.contains_key(id)) {
                broken.push(format!("node {id} leads to {root}, whose component does not hold it"));
            }
        }
    }

    /// An edge has both ends in its component, and none is quarantined.
    fn edges(&self, broken: &mut Vec<String>) {
        for (root, component) in &self.components {
            for edge in component.edges.keys() {
                let whole = component.members.contains_key(&edge.identifier)
                    && component.members.contains_key(&edge.sighting);
                if !whole || component.is_quarantined(edge.identifier) {
                    broken
                        .push(format!("component {root} holds an edge of {} that is void", edge.identifier));
                }
            }
        }
    }
}
