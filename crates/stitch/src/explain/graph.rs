//! The identity graph as it is stored, read piece by piece, and a component with the people in it.

use std::collections::BTreeMap;

use kinfold_model::stored::decode;
use kinfold_model::{Command, Fault, Keys, NodeId, PersonId, Rules, View};

use super::answer::{Name, Said, Sighting};
use crate::component::Component;
use crate::folder::Folder;
use crate::limits::HOPS_MAX;
use crate::node::{Link, Node, Part};
use crate::people::{People, decide, priority};
use crate::sets::DisjointSets;
use crate::table::Table;
use crate::witness::{Evidence, Testimony, Witness};

/// The state of stitch on all its partitions, to be asked questions.
pub struct Graph<'a> {
    /// By partition; `None` for one that is kept elsewhere.
    states: Vec<Option<&'a dyn View>>,
    pub(super) rules: &'a Rules,
    pub(super) keys: &'a Keys,
}

/// A component, and what its evidence amounts to.
pub(super) struct Case {
    pub(super) component: Component,
    pub(super) people: People,
    /// Of each node, a node that stands for all those it was joined with.
    groups: BTreeMap<NodeId, NodeId>,
}

impl<'a> Graph<'a> {
    /// `states` has one entry for each partition of `identity-op`, `None` for one that is kept elsewhere; `rules` and
    /// `keys` are those of the deployment.
    #[must_use]
    pub fn new(states: Vec<Option<&'a dyn View>>, rules: &'a Rules, keys: &'a Keys) -> Self {
        Self { states, rules, keys }
    }

    /// The sightings and stewards' links that an identifier is part of; none when they are not kept.
    ///
    /// # Errors
    /// Those of reading the state.
    pub fn sightings_of(&self, identifier: NodeId) -> Result<Vec<NodeId>, Fault> {
        Ok(self.links(identifier)?.into_iter().map(|(sighting, _)| sighting).collect())
    }

    pub(super) fn node(&self, id: NodeId) -> Result<Option<Node>, Fault> {
        let bytes = self.state(id)?.get(&Table::Node.key(&[id]))?;
        bytes.map(|bytes| decode(Table::Node.as_str(), &bytes)).transpose()
    }

    pub(super) fn links(&self, id: NodeId) -> Result<Vec<(NodeId, Link)>, Fault> {
        let read = |(key, bytes): (Vec<u8>, Vec<u8>)| {
            Ok((Table::Link.last_id(&key)?, decode(Table::Link.as_str(), &bytes)?))
        };
        self.state(id)?.scan(&Table::Link.key(&[id]))?.into_iter().map(read).collect()
    }

    /// The commands that are kept with a node.
    pub(super) fn commands(&self, id: NodeId) -> Result<Vec<Command>, Fault> {
        let read = |(_, bytes): (Vec<u8>, Vec<u8>)| decode(Table::Command.as_str(), &bytes);
        self.state(id)?.scan(&Table::Command.key(&[id]))?.into_iter().map(read).collect()
    }

    /// The component that holds a node; `None` while it is on its way from one root to another.
    pub(super) fn case(&self, id: NodeId) -> Result<Option<Case>, Fault> {
        let mut root = id;
        for _ in 0..HOPS_MAX {
            match self.node(root)? {
                Some(node) if node.root == root => break,
                Some(node) => root = node.root,
                None => return Ok(None),
            }
        }
        let component = Folder::read(root, self.state(root)?)?.value;
        let holds = |component: &Component| component.members.contains_key(&id);
        Ok(component.filter(holds).map(|component| Case::new(component, self.rules, self.keys)))
    }

    /// A sighting or a steward's link; `None` when this is not the node of one.
    pub(super) fn sighting(&self, id: NodeId) -> Result<Option<Sighting>, Fault> {
        let Some(node) = self.node(id)? else { return Ok(None) };
        let Some(company) = node.company() else { return Ok(None) };
        let name = |seen: &crate::op::Seen| Name { node: seen.node, namespace: seen.namespace.clone() };
        Ok(Some(Sighting {
            node: id,
            bond: matches!(node.part, Part::Bond(_)),
            identifiers: company.identifiers.iter().map(name).collect(),
            said: said(&node.witness),
            counts: !node.told.silent,
            commands: self.commands(id)?,
        }))
    }

    pub(super) fn priority(&self, name: &Name) -> u8 {
        priority(self.rules, Some(&name.namespace))
    }

    fn state(&self, id: NodeId) -> Result<&'a dyn View, Fault> {
        let count = u32::try_from(self.states.len()).unwrap_or(u32::MAX);
        let partition = id.partition(count);
        self.states.get(partition as usize).copied().flatten().ok_or_else(|| {
            Fault::State(format!(
                "partition {partition} of {count} is not here; ask where its consumer runs, or bring the folders together"
            ))
        })
    }
}

/// What each source said, in the order of names.
pub(super) fn said(witness: &Witness) -> Vec<Said> {
    let all = |testimony: &Testimony| match testimony {
        Testimony::Many(evidence) => Some(*evidence),
        Testimony::Few(touchpoints) => touchpoints.values().copied().reduce(Evidence::union),
    };
    let of_source = |(source, testimony): (&String, &Testimony)| {
        let counting = witness.of_source(source);
        let evidence = counting.or_else(|| all(testimony))?;
        Some(Said { source: Some(source.clone()), evidence, counts: counting.is_some() })
    };
    let rest = witness.rest.map(|evidence| Said { source: None, evidence, counts: true });
    witness.sources.iter().filter_map(of_source).chain(rest).collect()
}

impl Case {
    fn new(component: Component, rules: &Rules, keys: &Keys) -> Self {
        let people = decide(&component, rules, keys);
        let ids: Vec<NodeId> = component.members.keys().copied().collect();
        let mut sets = DisjointSets::new(ids.len());
        for edge in &people.joined {
            if let (Ok(a), Ok(b)) = (ids.binary_search(&edge.identifier), ids.binary_search(&edge.sighting)) {
                sets.union(a, b);
            }
        }
        let groups = ids.iter().enumerate().map(|(index, id)| (*id, ids[sets.find(index)])).collect();
        Self { component, people, groups }
    }

    /// Whether both are here and one person.
    pub(super) fn together(&self, a: NodeId, b: NodeId) -> bool {
        self.groups.get(&a).is_some_and(|group| self.groups.get(&b) == Some(group))
    }

    /// The person that a node is.
    pub(super) fn person(&self, id: NodeId, keys: &Keys) -> Option<PersonId> {
        self.people.anchors.get(&id).copied().flatten().map(|anchor| keys.person(anchor))
    }

    /// The identifiers of a node's person.
    pub(super) fn identifiers_with(&self, id: NodeId) -> impl Iterator<Item = Name> {
        let members = self.component.members.iter().filter(move |(other, _)| self.together(**other, id));
        members.filter_map(|(node, member)| Some(Name { node: *node, namespace: member.namespace.clone()? }))
    }

    /// An identifier of this component.
    pub(super) fn name(&self, id: NodeId) -> Option<Name> {
        let namespace = self.component.members.get(&id)?.namespace.clone()?;
        Some(Name { node: id, namespace })
    }
}
