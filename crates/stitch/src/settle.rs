//! Settling: after each change a root brings its component, its people and its nodes' pointers in line.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::{ChangeRule, Fault, NodeId, PersonId};

use crate::component::Component;
use crate::op::Body;
use crate::people::{decide, priority};
use crate::plain::{anchor, is_plain};
use crate::protocol::{Law, Step, without_record};

/// Nodes that have just come from another root.
#[derive(Default)]
pub(crate) struct Arrivals {
    pub(crate) nodes: BTreeSet<NodeId>,
    /// Whether nothing connects them with the nodes that were here.
    pub(crate) loose: bool,
}

/// A node with the person it was told and the person it is.
type Decided = (NodeId, Option<PersonId>, Option<PersonId>);

impl Step<'_> {
    /// The last pointer of those who arrived may have been ignored, so they get a new one whatever it says.
    pub(crate) fn settle(&mut self, root: NodeId, arrived: &Arrivals) -> Result<(), Fault> {
        let shed = self.shed_until_it_fits(root)?;
        let law = self.law;
        let component = self.component_mut(root)?;
        let dropped = component.drop_void_edges();
        // It was connected when it was last settled.
        let mut groups =
            if arrived.loose || shed || dropped { component.groups(&law.keys) } else { BTreeMap::new() };
        groups.remove(&root);
        if !arrived.nodes.is_empty() || !groups.is_empty() {
            component.epoch += 1;
        }
        let parts: Vec<(NodeId, Component)> =
            groups.into_iter().map(|(highest, group)| (highest, component.split_off(&group))).collect();
        let changed = self.decide_own(root, arrived, !parts.is_empty())?;
        for (highest, part) in parts {
            self.hand_on(highest, part);
        }
        let epoch = self.component(root)?.epoch;
        for (id, person) in changed {
            self.send(id, Body::Point { root, epoch, person });
        }
        Ok(())
    }

    /// Hands a group to its highest node. The others are pointed there at once, else a message for one of them
    /// would go to and fro between it and this root until the new root has spoken.
    fn hand_on(&mut self, highest: NodeId, mut part: Component) {
        let epoch = part.epoch;
        let decided = people(&mut part, self.law);
        self.record(&part, &decided);
        for (id, _, is) in &decided {
            if let Some(member) = part.members.get_mut(id) {
                member.person = *is;
            }
        }
        self.send(highest, Body::Seed { component: part });
        // The highest itself is not: pointed to itself, it would be a root before its record arrives.
        for (id, _, person) in decided.into_iter().filter(|(id, ..)| *id != highest) {
            self.send(id, Body::Point { root: highest, epoch, person });
        }
    }

    /// Takes the best-connected identifiers of the weakest namespaces out of a component that is too large, until
    /// what remains connected fits; whether there were any.
    fn shed_until_it_fits(&mut self, root: NodeId) -> Result<bool, Fault> {
        let law = self.law;
        let most = law.rules.max_component as usize;
        let mut any = false;
        while let Some(id) = one_too_many(self.component_mut(root)?, law, most) {
            if let Some(member) = self.component_mut(root)?.members.get_mut(&id) {
                member.told.silent = true;
            }
            self.because(ChangeRule::MaxComponent);
            self.send(id, Body::Shed);
            any = true;
        }
        Ok(any)
    }

    /// Decides the people of what is left at the root; returns the nodes that have to be told. Where something fell
    /// out, those who stay are witnesses: without them a split would look as if everybody had moved.
    fn decide_own(
        &mut self,
        root: NodeId,
        arrived: &Arrivals,
        fell_apart: bool,
    ) -> Result<Vec<(NodeId, Option<PersonId>)>, Fault> {
        let law = self.law;
        let taken = self.desk.component_mut(root, self.state)?.take();
        let mut component = taken.ok_or_else(|| without_record(root))?;
        let decided = people(&mut component, law);
        if fell_apart || decided.iter().any(|(_, was, is)| was != is) {
            self.record(&component, &decided);
        }
        let changed: Vec<(NodeId, Option<PersonId>)> = decided
            .into_iter()
            .filter(|(id, was, is)| was != is || arrived.nodes.contains(id))
            .map(|(id, _, is)| (id, is))
            .collect();
        if !changed.is_empty() && arrived.nodes.is_empty() {
            component.epoch += 1;
        }
        for (id, person) in &changed {
            if let Some(member) = component.members.get_mut(id) {
                member.person = *person;
            }
        }
        *self.desk.component_mut(root, self.state)? = Some(component);
        Ok(changed)
    }

    fn record(&mut self, component: &Component, decided: &[Decided]) {
        for (id, was, is) in decided {
            let namespace = component.members.get(id).and_then(|member| member.namespace.as_ref());
            self.journal.settled(*id, namespace, *was, *is);
        }
    }
}

/// Each node with the person it was told and the person it is.
fn people(component: &mut Component, law: &Law) -> Vec<Decided> {
    component.plain = is_plain(component, &law.rules);
    let told = component.members.iter().map(|(id, member)| (*id, member.person));
    if component.plain {
        let person = anchor(component, &law.keys).map(|anchor| law.keys.person(anchor));
        return told.map(|(id, was)| (id, was, person)).collect();
    }
    let anchors = decide(component, &law.rules, &law.keys).anchors;
    let mut persons: BTreeMap<NodeId, PersonId> = BTreeMap::new();
    let mut person = |anchor| *persons.entry(anchor).or_insert_with(|| law.keys.person(anchor));
    told.map(|(id, was)| (id, was, anchors.get(&id).copied().flatten().map(&mut person))).collect()
}

/// The identifier to take out next, while a connected group is larger than it may be.
fn one_too_many(component: &mut Component, law: &Law, most: usize) -> Option<NodeId> {
    if component.members.len() <= most {
        return None;
    }
    component.drop_void_edges();
    let largest = component.groups(&law.keys).into_values().max_by_key(BTreeSet::len)?;
    if largest.len() <= most {
        return None;
    }
    let mut degrees: BTreeMap<NodeId, usize> = BTreeMap::new();
    for edge in component.edges.iter().filter(|edge| largest.contains(&edge.identifier)) {
        *degrees.entry(edge.identifier).or_default() += 1;
    }
    let weakness = |(id, degree): &(NodeId, usize)| {
        let namespace = component.members.get(id).and_then(|member| member.namespace.as_ref());
        (priority(&law.rules, namespace), *degree, law.keys.rank(*id))
    };
    degrees.into_iter().max_by_key(weakness).map(|(id, _)| id)
}
