//! Settling: after each change a root brings its component, its people and its nodes' pointers in line.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::{Fault, NodeId, PersonId};

use crate::component::Component;
use crate::op::{Body, Errand};
use crate::people;
use crate::protocol::{Law, Step};

impl Step<'_> {
    /// `arrived` are nodes that have just come from another root: their last pointer may have been ignored,
    /// so they get a new one whatever it says.
    pub(crate) fn settle(&mut self, root: NodeId, arrived: &BTreeSet<NodeId>) -> Result<(), Fault> {
        let sent_on = self.send_on_dangling_edges(root)?;
        let law = self.law;
        let component = self.component_mut(root)?;
        let dropped = component.drop_quarantined_edges();
        // It was connected when it was last settled, and what was added came with an edge.
        let mut groups = if sent_on || dropped { component.groups(&law.keys) } else { BTreeMap::new() };
        groups.remove(&root);
        if !arrived.is_empty() || !groups.is_empty() {
            component.epoch += 1;
        }
        let parts: Vec<(NodeId, Component)> =
            groups.into_iter().map(|(highest, group)| (highest, component.split_off(&group))).collect();
        let changed = self.decide_own(root, arrived)?;
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
        let decided = people(&part, self.law);
        for (id, was, is) in &decided {
            self.journal.settled(*id, *was, *is);
            if let Some(member) = part.members.get_mut(id) {
                member.person = Some(*is);
            }
        }
        self.send(highest, Body::Seed { component: part });
        // The highest itself is not: pointed to itself, it would be a root before its record arrives.
        for (id, _, person) in decided.into_iter().filter(|(id, ..)| *id != highest) {
            self.send(id, Body::Point { root: highest, epoch, person });
        }
    }

    /// Edges whose other end is not here are joined again, from that end; whether there were any.
    fn send_on_dangling_edges(&mut self, root: NodeId) -> Result<bool, Fault> {
        let dangling = self.component_mut(root)?.take_dangling();
        let any = !dangling.is_empty();
        for (edge, evidence) in dangling {
            let component = self.component(root)?;
            let (here, there) = if component.members.contains_key(&edge.identifier) {
                (edge.identifier, edge.sighting)
            } else {
                (edge.sighting, edge.identifier)
            };
            if component.is_quarantined(here) {
                self.stand_alone(there, evidence);
            } else {
                let join = Errand::Join { node: there, other: here, evidence, other_root: None };
                self.send(there, Body::SentBack(join));
            }
        }
        Ok(any)
    }

    /// Decides the people of what is left at the root; returns the nodes that have to be told.
    fn decide_own(
        &mut self,
        root: NodeId,
        arrived: &BTreeSet<NodeId>,
    ) -> Result<Vec<(NodeId, PersonId)>, Fault> {
        let law = self.law;
        let decided = people(self.component(root)?, law);
        let differs = decided.iter().any(|(_, was, is)| *was != Some(*is));
        if differs {
            for (id, was, is) in &decided {
                self.journal.settled(*id, *was, *is);
            }
        }
        let changed: Vec<(NodeId, PersonId)> = decided
            .into_iter()
            .filter(|(id, was, is)| *was != Some(*is) || arrived.contains(id))
            .map(|(id, _, is)| (id, is))
            .collect();
        let component = self.component_mut(root)?;
        if !changed.is_empty() && arrived.is_empty() {
            component.epoch += 1;
        }
        for (id, person) in &changed {
            if let Some(member) = component.members.get_mut(id) {
                member.person = Some(*person);
            }
        }
        Ok(changed)
    }
}

/// Each node with the person it was told and the person it is.
fn people(component: &Component, law: &Law) -> Vec<(NodeId, Option<PersonId>, PersonId)> {
    let anchors = people::anchors(component, &law.rules, &law.keys);
    let told = |id| component.members.get(&id).and_then(|member| member.person);
    anchors.into_iter().map(|(id, anchor)| (id, told(id), law.keys.person(anchor))).collect()
}
