//! The laws of the identity graph as functions: what must hold of the stored state once no message is on its way.
//! Tests and the simulation call them after every run.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::stored::image;
use kinfold_model::{Fault, Keys, NodeId, Rules, View};

use crate::component::{Component, Told};
use crate::desk::Desk;
use crate::node::{Link, Node};
use crate::people::decide;
use crate::table::Table;

/// The state of all partitions at rest.
#[derive(Default)]
pub struct AtRest {
    /// By id.
    pub nodes: BTreeMap<NodeId, Node>,
    /// By identifier and sighting.
    pub links: BTreeMap<(NodeId, NodeId), Link>,
    /// By root.
    pub components: BTreeMap<NodeId, Component>,
}

impl AtRest {
    /// Reads the state of all partitions.
    ///
    /// # Errors
    /// Those of [`View::scan`], and [`Fault::Corrupt`].
    pub fn read<'a>(partitions: impl IntoIterator<Item = &'a dyn View>) -> Result<Self, Fault> {
        let mut all = Self::default();
        for state in partitions {
            let mut desk = Desk::default();
            for id in Table::Node.ids(state)? {
                all.nodes.extend(desk.node(id, state)?.cloned().map(|node| (id, node)));
                let links = desk.links(id, state)?;
                all.links.extend(links.map(|(sighting, link)| ((id, sighting), link.clone())));
            }
            for root in Table::Component.ids(state)? {
                all.components.extend(desk.component(root, state)?.cloned().map(|one| (root, one)));
            }
        }
        Ok(all)
    }

    /// What the state says, without the traces of how it came to say so: versions, epochs, pointers, and nodes of which
    /// nothing says any more that they were ever seen. Two states that say the same have the same bytes.
    #[must_use]
    pub fn image(&self) -> Vec<u8> {
        let stands = |id: &NodeId| {
            let linked = |(identifier, _): &&(NodeId, NodeId)| identifier == id;
            let mut links = self.links.iter().filter(|(ends, _)| linked(ends));
            self.nodes.get(id).is_some_and(|node| {
                node.witness.evidence().is_some()
                    || links.any(|(_, link)| link.stands)
                    || node.company().is_some_and(|company| company.since.is_some())
            })
        };
        let nodes: BTreeMap<_, _> = self.nodes.iter().filter(|(id, _)| stands(id)).collect();
        let nodes = nodes.iter().map(|(id, node)| {
            let told = Told { version: 0, cut: 0, ..node.told.clone() };
            (id, told, node.witness.evidence(), node.namespace(), node.is_quarantined(), node.person)
        });
        let links = self.links.iter().filter(|(_, link)| link.stands);
        let links = links.map(|(ends, link)| (ends, link.first_seen, link.bond));
        let components = self.components.iter().filter(|(root, _)| stands(root));
        let components = components.map(|(root, component)| {
            let members: Vec<_> = component.members.iter().map(|(id, member)| (id, member.person)).collect();
            (root, members, &component.edges)
        });
        image(&(nodes.collect::<Vec<_>>(), links.collect::<Vec<_>>(), components.collect::<Vec<_>>()))
    }

    /// Every broken law, as a sentence; empty when all is well.
    #[must_use]
    pub fn broken_laws(&self, rules: &Rules, keys: &Keys) -> Vec<String> {
        let mut broken = Vec::new();
        self.custody(&mut broken);
        self.pointers(keys, &mut broken);
        self.edges(&mut broken);
        self.people(rules, keys, &mut broken);
        broken
    }

    /// A node is in exactly one component record, which knows what it last said and whom it belongs to.
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
                    Some(node) if node.told != member.told => {
                        broken.push(format!("component {root} has not heard what node {id} has become"));
                    }
                    Some(node) if !node.telling().says_the_same(&node.told) => {
                        broken.push(format!("node {id} has not told what it has become"));
                    }
                    Some(_) => {}
                }
            }
        }
        for id in self.nodes.keys().filter(|id| !seen.contains(id)) {
            broken.push(format!("node {id} is in no component"));
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

    /// An edge has both ends in its component, and neither is silent. Every link between two that are not is an edge.
    fn edges(&self, broken: &mut Vec<String>) {
        let silent = |id| self.nodes.get(id).is_none_or(|node| node.told.silent);
        let mut edges = BTreeSet::new();
        for (root, component) in &self.components {
            for edge in &component.edges {
                let whole = component.members.contains_key(&edge.identifier)
                    && component.members.contains_key(&edge.sighting);
                if !whole || silent(&edge.identifier) || silent(&edge.sighting) {
                    broken
                        .push(format!("component {root} holds an edge of {} that is void", edge.identifier));
                }
                edges.insert((edge.identifier, edge.sighting));
            }
        }
        for ((identifier, sighting), link) in &self.links {
            let speak = link.stands && !silent(identifier) && !silent(sighting);
            if speak && !edges.contains(&(*identifier, *sighting)) {
                broken.push(format!("identifier {identifier} is not joined with sighting {sighting}"));
            }
        }
    }

    /// The people of a component are those that its evidence amounts to.
    fn people(&self, rules: &Rules, keys: &Keys, broken: &mut Vec<String>) {
        for (root, component) in &self.components {
            for (id, anchor) in decide(component, rules, keys).anchors {
                let person = anchor.map(|anchor| keys.person(anchor));
                if component.members.get(&id).is_none_or(|member| member.person != person) {
                    broken.push(format!("node {id} of component {root} does not belong to whom it should"));
                }
            }
        }
    }
}
