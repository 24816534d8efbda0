//! What a root does with errands for its nodes, and how components meet, are absorbed and handed on.

use kinfold_model::{Fault, NodeId};

use crate::component::{Asked, Component, Edge, Told};
use crate::op::{Body, Errand};
use crate::protocol::{Step, without_record};
use crate::settle::Arrivals;

/// A component that gives itself up; see [`Body::Absorb`].
pub(crate) struct Arrival {
    pub(crate) from: NodeId,
    pub(crate) component: Component,
    pub(crate) edge: Edge,
    pub(crate) asked: Asked,
}

/// A join from the receiver's point of view.
struct Join {
    node: NodeId,
    other: NodeId,
    other_root: Option<NodeId>,
    asked: Asked,
}

impl Step<'_> {
    pub(crate) fn errand(&mut self, root: NodeId, errand: Errand) -> Result<(), Fault> {
        let next = self.known(root)?.root;
        if next != root {
            self.pass_on(next, Body::Errand(errand));
            return Ok(());
        }
        if !self.component(root)?.members.contains_key(&errand.node()) {
            let errand = self.without_void_join(root, errand)?;
            self.pass_on(errand.node(), Body::SentBack(errand));
            return Ok(());
        }
        match errand {
            Errand::Join { node, other, other_root, asked, told } => {
                if let Some(told) = told {
                    self.tell(root, node, told)?;
                }
                self.meet(root, Join { node, other, other_root, asked })
            }
            Errand::Tell { node, told } => self.tell(root, node, told),
            Errand::Settle { node, told } => {
                if let Some(told) = told {
                    self.tell(root, node, told)?;
                }
                self.settle_waiting(root, node)
            }
            Errand::Erase { node, latest, ticket } => self.erase_person(root, node, latest, &ticket),
            Errand::Restrict(restriction) => self.restrict_person(root, &restriction),
        }
    }

    /// A join whose other end is here and void comes to nothing, wherever its own end is: all that is left of it is what
    /// the node has become. Else joins would chase a node that is taken in and handed on again because of each of them.
    fn without_void_join(&mut self, root: NodeId, errand: Errand) -> Result<Errand, Fault> {
        Ok(match errand {
            Errand::Join { node, other, asked, told, .. }
                if self
                    .component(root)?
                    .members
                    .get(&other)
                    .is_some_and(|member| member.told.voids(asked.of(other))) =>
            {
                Errand::Settle { node, told }
            }
            errand => errand,
        })
    }

    /// Notes what a node has become, and settles where that may make a difference.
    fn tell(&mut self, root: NodeId, id: NodeId, told: Told) -> Result<(), Fault> {
        let component = self.component(root)?;
        let alone = component.members.len() == 1;
        let Some(member) = component.members.get(&id).filter(|member| told.version > member.told.version)
        else {
            return Ok(());
        };
        if told.cut > member.told.version && !told.silent {
            // That it fell silent in between was not heard here. What joined it until then is void all the same.
            let silent = Told { version: told.cut, silent: true, first_seen: None, ..told.clone() };
            self.tell(root, id, silent)?;
            if self.component(root)?.members.contains_key(&id) {
                return self.tell(root, id, told);
            }
            self.pass_on(id, Body::SentBack(Errand::Tell { node: id, told }));
            return Ok(());
        }
        let known = &member.told;
        // The time of a steward's link is also compared with that of a steward's word that two are apart.
        let same_order = !told.bond && (component.plain || !passes_another(component, id, known, &told));
        let same = Told { last_seen: told.last_seen, ..known.clone() }.says_the_same(&told);
        // A node that waits for its first edge is settled when that comes.
        let waits = alone && member.person.is_none() && !told.silent;
        if let Some(member) = self.component_mut(root)?.members.get_mut(&id) {
            member.told = told;
        }
        if waits || (same && same_order) { Ok(()) } else { self.settle(root, &Arrivals::default()) }
    }

    fn settle_waiting(&mut self, root: NodeId, id: NodeId) -> Result<(), Fault> {
        let waits = self.component(root)?.members.get(&id).is_some_and(|member| member.person.is_none());
        if waits { self.settle(root, &Arrivals::default()) } else { Ok(()) }
    }

    /// Adds an edge, if both ends are here. If the other one is elsewhere: ask where, give oneself up, or let the
    /// other side do so.
    fn meet(&mut self, root: NodeId, join: Join) -> Result<(), Fault> {
        let Join { node, other, other_root, asked } = join;
        // What the node has become may have made it part of another component.
        let component = self.component(root)?;
        let Some(own) = component.members.get(&node) else {
            let again = Errand::Join { node, other, other_root, asked, told: None };
            self.pass_on(node, Body::SentBack(again));
            return Ok(());
        };
        // What was asked for before all edges of either end were void is asked for anew, if it still holds.
        if own.told.silent || own.told.voids(asked.of(node)) {
            if !node.is_sighting() {
                self.stand_alone(other);
            }
            return Ok(());
        }
        let turned = Errand::Join { node: other, other: node, other_root: Some(root), asked, told: None };
        if let Some(member) = component.members.get(&other) {
            if member.told.version < asked.of(other) {
                // What the other has become meanwhile must not arrive after the edge and take it away again.
                self.pass_on(other, Body::SentBack(turned));
                return Ok(());
            }
            if member.told.voids(asked.of(other)) {
                return self.settle_waiting(root, node);
            }
            let is_new = self.component_mut(root)?.edges.insert(Edge::between(node, other));
            return if is_new { self.settle(root, &Arrivals::default()) } else { Ok(()) };
        }
        match other_root.filter(|other_root| *other_root != root) {
            None => self.pass_on(other, Body::SentBack(turned)),
            Some(other_root) if self.law.keys.rank(root) < self.law.keys.rank(other_root) => {
                let Some(component) = self.desk.component_mut(root, self.state)?.take() else {
                    return Err(without_record(root));
                };
                let own = self.known_mut(root)?;
                own.root = other_root;
                // Else a late pointer to itself would make it a root without a record.
                own.epoch = own.epoch.max(component.epoch);
                let edge = Edge::between(node, other);
                self.send(other_root, Body::Absorb { from: root, component, edge, asked });
            }
            Some(other_root) => self.pass_on(other_root, Body::Errand(turned)),
        }
        Ok(())
    }

    pub(crate) fn absorb(&mut self, id: NodeId, arrival: Arrival) -> Result<(), Fault> {
        let Arrival { from, component: arrived, edge, asked } = arrival;
        let root = self.known(id)?.root;
        if root != id {
            self.pass_on(root, Body::Absorb { from, component: arrived, edge, asked });
            return Ok(());
        }
        if self.component(id)?.absorbed.get(&from).is_some_and(|epoch| *epoch >= arrived.epoch) {
            return Ok(());
        }
        let nodes = arrived.members.keys().copied().collect();
        let component = self.component_mut(id)?;
        component.absorbed.insert(from, arrived.epoch);
        component.union(arrived);
        // As in a join that comes when both ends are here.
        let mut ends = [edge.identifier, edge.sighting]
            .into_iter()
            .filter_map(|end| Some((end, component.members.get(&end)?)));
        let is_void = ends.any(|(end, member)| member.told.voids(asked.of(end)));
        let loose = is_void || !component.insert(edge);
        if loose && !is_void {
            self.join_elsewhere(id, edge, asked)?;
        }
        self.settle(id, &Arrivals { nodes, loose })
    }

    /// Joins an edge again of which one end is not here any more, from that end. The other has just come, and was not
    /// silent when it set out.
    fn join_elsewhere(&mut self, root: NodeId, edge: Edge, asked: Asked) -> Result<(), Fault> {
        let Edge { identifier, sighting } = edge;
        let members = &self.component(root)?.members;
        let is_here = members.contains_key(&identifier);
        let (node, other) = if is_here { (sighting, identifier) } else { (identifier, sighting) };
        let join = Errand::Join { node, other, other_root: None, asked, told: None };
        self.send(node, Body::SentBack(join));
        Ok(())
    }

    pub(crate) fn seed(&mut self, id: NodeId, arrived: Component) -> Result<(), Fault> {
        let nodes = arrived.members.keys().copied().collect();
        let node = self.known(id)?;
        if arrived.epoch <= node.epoch {
            // It came before: whoever takes a seed is pointed at with a higher epoch than the seed's.
            return Ok(());
        }
        if node.root == id {
            self.component_mut(id)?.union(arrived);
        } else {
            let node = self.known_mut(id)?;
            node.root = id;
            node.epoch = node.epoch.max(arrived.epoch);
            *self.desk.component_mut(id, self.state)? = Some(arrived);
        }
        self.settle(id, &Arrivals { nodes, loose: false })
    }
}

/// Whether a sighting passes another one in the order of time.
fn passes_another(component: &Component, id: NodeId, was: &Told, is: &Told) -> bool {
    let (early, late) = (was.last_seen.min(is.last_seen), was.last_seen.max(is.last_seen));
    let mut others = component.members.iter().filter(|(other, _)| other.is_sighting() && **other != id);
    early != late && others.any(|(_, member)| (early..=late).contains(&member.told.last_seen))
}
