//! How identifiers on different partitions meet: each message, and what its receiver does.
//!
//! Why it ends and is right:
//! - A pointer leads to the node itself or to a node of higher rank, so following pointers ends.
//! - A node is in the custody of exactly one component record, or of one that is on its way. Each handing on
//!   raises the epoch, so that a late pointer is recognised.
//! - One owner's messages to one partition arrive in order, so a message that is sent back to a node arrives
//!   after the pointer that was sent to it before.
//! - A node that a sighting brought into being waits for its first edge before it becomes a person. Wherever
//!   such an edge is given up, [`Step::stand_alone`] tells the sighting, so that nobody waits for ever.

use std::collections::{BTreeSet, VecDeque};

use kinfold_model::{Fault, Keys, Namespace, NodeId, Partition, PersonId, Rules, State, Timestamp};

use crate::component::{Component, Edge, Evidence};
use crate::desk::Desk;
use crate::journal::Journal;
use crate::limits::{HOPS_AT_ONCE, HOPS_MAX, STEPS_MAX};
use crate::node::{Node, Sighting};
use crate::op::{Body, Cause, Errand, Op, Seen};

/// What does not change from one message to the next.
pub(crate) struct Law {
    pub(crate) keys: Keys,
    pub(crate) rules: Rules,
    pub(crate) partition: Partition,
}

/// The handling of one record: its message, and all messages to this partition that follow from it.
pub(crate) struct Step<'a> {
    pub(crate) law: &'a Law,
    pub(crate) desk: &'a mut Desk,
    pub(crate) state: &'a dyn State,
    pub(crate) journal: &'a mut Journal,
    /// Messages to this partition.
    here: VecDeque<Op>,
    /// Messages for the log, in order.
    away: Vec<Op>,
    cause: Cause,
    hops: u16,
}

/// An edge as `join` carries it, from the receiver's point of view.
#[derive(Clone, Copy)]
struct Join {
    node: NodeId,
    other: NodeId,
    evidence: Evidence,
    other_root: Option<NodeId>,
}

impl<'a> Step<'a> {
    pub(crate) fn new(
        law: &'a Law,
        desk: &'a mut Desk,
        state: &'a dyn State,
        journal: &'a mut Journal,
        cause: Cause,
    ) -> Self {
        Self { law, desk, state, journal, here: VecDeque::new(), away: Vec::new(), cause, hops: 0 }
    }

    /// Handles a message and its consequences on this partition; returns the messages for the log.
    pub(crate) fn run(mut self, op: Op) -> Result<Vec<Op>, Fault> {
        self.here.push_back(op);
        for _ in 0..STEPS_MAX {
            match self.here.pop_front() {
                Some(op) => self.deliver(op)?,
                None => return Ok(self.away),
            }
        }
        Err(Fault::Protocol(format!("one record set off {STEPS_MAX} messages")))
    }

    fn deliver(&mut self, op: Op) -> Result<(), Fault> {
        if op.hops > HOPS_MAX {
            return Err(Fault::Protocol(format!("a message to {} was passed on {HOPS_MAX} times", op.to)));
        }
        self.hops = op.hops;
        match op.body {
            Body::Observe { time, source, identifiers } => self.observe(op.to, time, &source, identifiers),
            Body::Link { sighting, evidence, identifiers } => {
                self.link(op.to, sighting, evidence, &identifiers)
            }
            Body::Errand(errand) => self.errand(op.to, errand),
            Body::SentBack(errand) => self.sent_back(errand),
            Body::Absorb { from, component, identifier, sighting, evidence } => {
                self.absorb(op.to, from, component, (Edge { identifier, sighting }, evidence))
            }
            Body::Point { root, epoch, person } => self.point(op.to, root, epoch, person),
            Body::Seed { component } => self.seed(op.to, component),
        }
    }

    /// Sends a new message.
    pub(crate) fn send(&mut self, to: NodeId, body: Body) {
        self.post(to, 0, body);
    }

    /// Passes on a message that this node is not the right one for.
    fn pass_on(&mut self, to: NodeId, body: Body) {
        self.post(to, self.hops + 1, body);
    }

    fn post(&mut self, to: NodeId, hops: u16, body: Body) {
        let op = Op { to, hops, cause: self.cause, body };
        let Partition { index, count } = self.law.partition;
        let at_once = to.partition(count) == index && hops <= HOPS_AT_ONCE;
        if at_once { self.here.push_back(op) } else { self.away.push(op) }
    }

    // --- at a node

    fn observe(&mut self, id: NodeId, time: Timestamp, source: &str, ids: Vec<Seen>) -> Result<(), Fault> {
        if let [only] = &ids[..] {
            let namespace = only.namespace.clone();
            if self.appear(id, Some(namespace), time)? == Appeared::New {
                self.send(id, Body::Errand(Errand::FirstSeen { node: id, time }));
            }
            return Ok(());
        }
        let seen = Evidence::at(time, self.law.rules.evidence_granularity_ms);
        let known = self.desk.node(id, self.state)?.and_then(|node| node.sighting.as_ref());
        if known.is_some_and(|sighting| sighting.knows(seen, source)) {
            return Ok(());
        }
        self.appear(id, None, time)?;
        let Some(node) = self.desk.node_mut(id, self.state)? else { return Err(unknown(id)) };
        let is_new = node.sighting.is_none();
        let sighting = node.sighting.get_or_insert_with(|| Sighting::new(seen, ids));
        if sighting.observe(seen, source) || is_new {
            let (evidence, identifiers) = (sighting.evidence, sighting.identifiers.clone());
            for to in identifiers.iter().map(|seen| seen.node) {
                let identifiers = identifiers.clone();
                self.send(to, Body::Link { sighting: id, evidence, identifiers });
            }
        }
        Ok(())
    }

    fn link(&mut self, id: NodeId, sighting: NodeId, evidence: Evidence, ids: &[Seen]) -> Result<(), Fault> {
        let Some(own) = ids.iter().find(|seen| seen.node == id) else {
            return Err(Fault::Protocol(format!("{id} is not among the identifiers of sighting {sighting}")));
        };
        self.appear(id, Some(own.namespace.clone()), evidence.first_seen)?;
        let node = self.known(id)?;
        let (root, mut quarantined) = (node.root, node.quarantined);
        if !quarantined && self.has_too_many_neighbours(id, &own.namespace, ids)? {
            quarantined = true;
            if let Some(node) = self.desk.node_mut(id, self.state)? {
                node.quarantined = true;
            }
            self.send(root, Body::Errand(Errand::Quarantine { node: id }));
        }
        if quarantined {
            self.stand_alone(sighting, evidence);
        } else {
            let join = Errand::Join { node: id, other: sighting, evidence, other_root: None };
            self.send(root, Body::Errand(join));
        }
        Ok(())
    }

    fn has_too_many_neighbours(&mut self, id: NodeId, own: &Namespace, ids: &[Seen]) -> Result<bool, Fault> {
        let neighbours = self.desk.neighbours_mut(id, self.state)?;
        let added = neighbours.add(id, ids);
        let rules = self.law.rules.namespace(own);
        Ok(added && rules.is_some_and(|rules| neighbours.exceed(&rules.max_neighbours)))
    }

    /// Makes sure that the node exists. An earlier first time of a known node is told to its root.
    fn appear(
        &mut self,
        id: NodeId,
        namespace: Option<Namespace>,
        time: Timestamp,
    ) -> Result<Appeared, Fault> {
        match self.desk.node(id, self.state)? {
            Some(node) if node.first_seen <= time => return Ok(Appeared::Known),
            Some(node) => {
                let root = node.root;
                if let Some(node) = self.desk.node_mut(id, self.state)? {
                    node.first_seen = time;
                }
                self.send(root, Body::Errand(Errand::FirstSeen { node: id, time }));
                return Ok(Appeared::Known);
            }
            None => {}
        }
        let component = Component::lone(id, namespace.clone(), time);
        self.desk.appear(id, Node::new(id, namespace, time), component);
        Ok(Appeared::New)
    }

    /// An edge of this sighting came to nothing: if it has no other, it is a person by itself.
    pub(crate) fn stand_alone(&mut self, sighting: NodeId, evidence: Evidence) {
        let errand = Errand::FirstSeen { node: sighting, time: evidence.first_seen };
        self.send(sighting, Body::SentBack(errand));
    }

    fn point(&mut self, id: NodeId, root: NodeId, epoch: u64, person: PersonId) -> Result<(), Fault> {
        if epoch <= self.known(id)?.epoch {
            return Ok(());
        }
        let Some(node) = self.desk.node_mut(id, self.state)? else { return Err(unknown(id)) };
        let was = node.person.replace(person);
        node.epoch = epoch;
        if node.root != id {
            node.root = root;
        }
        self.journal.pointed(id, node.namespace.as_ref(), was, person);
        Ok(())
    }

    fn sent_back(&mut self, errand: Errand) -> Result<(), Fault> {
        let node = self.known(errand.node())?;
        let (root, quarantined) = (node.root, node.quarantined);
        match errand {
            Errand::Join { other, evidence, .. } if quarantined => self.stand_alone(other, evidence),
            errand => self.pass_on(root, Body::Errand(errand)),
        }
        Ok(())
    }

    // --- at a root

    fn errand(&mut self, root: NodeId, errand: Errand) -> Result<(), Fault> {
        let next = self.known(root)?.root;
        if next != root {
            self.pass_on(next, Body::Errand(errand));
            return Ok(());
        }
        if !self.component(root)?.members.contains_key(&errand.node()) {
            self.pass_on(errand.node(), Body::SentBack(errand));
            return Ok(());
        }
        match errand {
            Errand::Join { node, other, evidence, other_root } => {
                self.join(root, Join { node, other, evidence, other_root })
            }
            Errand::FirstSeen { node, time } => self.first_seen(root, node, time),
            Errand::Quarantine { node } => self.quarantine(root, node),
        }
    }

    fn first_seen(&mut self, root: NodeId, id: NodeId, time: Timestamp) -> Result<(), Fault> {
        let known = self.component(root)?.members.get(&id);
        if known.is_none_or(|member| member.first_seen <= time && member.person.is_some()) {
            return Ok(());
        }
        if let Some(member) = self.component_mut(root)?.members.get_mut(&id) {
            member.first_seen = member.first_seen.min(time);
        }
        self.settle(root, &BTreeSet::new())
    }

    fn quarantine(&mut self, root: NodeId, id: NodeId) -> Result<(), Fault> {
        if let Some(member) = self.component_mut(root)?.members.get_mut(&id) {
            member.quarantined = true;
        }
        self.settle(root, &BTreeSet::new())
    }

    fn join(&mut self, root: NodeId, join: Join) -> Result<(), Fault> {
        let component = self.component(root)?;
        if component.is_quarantined(join.node) {
            self.stand_alone(join.other, join.evidence);
            return Ok(());
        }
        match component.members.get(&join.other) {
            Some(other) if other.quarantined => {
                let waits = component.members.get(&join.node).is_some_and(|member| member.person.is_none());
                if waits { self.settle(root, &BTreeSet::new()) } else { Ok(()) }
            }
            Some(_) => {
                let edge = Edge::between(join.node, join.other);
                if self.component_mut(root)?.add_edge(edge, join.evidence) {
                    self.settle(root, &BTreeSet::new())?;
                }
                Ok(())
            }
            None => self.meet(root, join),
        }
    }

    /// The other end is elsewhere: ask where, give oneself up, or let the other side do so.
    fn meet(&mut self, root: NodeId, join: Join) -> Result<(), Fault> {
        let Join { node, other, evidence, .. } = join;
        let turned = Errand::Join { node: other, other: node, evidence, other_root: Some(root) };
        match join.other_root.filter(|other_root| *other_root != root) {
            None => self.pass_on(other, Body::SentBack(turned)),
            Some(other_root) if self.law.keys.rank(root) < self.law.keys.rank(other_root) => {
                let Some(component) = self.desk.component_mut(root, self.state)?.take() else {
                    return Err(Fault::Protocol(format!("root {root} has no component")));
                };
                let Some(own) = self.desk.node_mut(root, self.state)? else { return Err(unknown(root)) };
                own.root = other_root;
                // Else a late pointer to itself would make it a root without a record.
                own.epoch = own.epoch.max(component.epoch);
                let Edge { identifier, sighting } = Edge::between(node, other);
                self.send(other_root, Body::Absorb { from: root, component, identifier, sighting, evidence });
            }
            Some(other_root) => self.pass_on(other_root, Body::Errand(turned)),
        }
        Ok(())
    }

    fn absorb(
        &mut self,
        id: NodeId,
        from: NodeId,
        arrived: Component,
        (edge, evidence): (Edge, Evidence),
    ) -> Result<(), Fault> {
        let root = self.known(id)?.root;
        if root != id {
            let Edge { identifier, sighting } = edge;
            self.pass_on(root, Body::Absorb { from, component: arrived, identifier, sighting, evidence });
            return Ok(());
        }
        if self.component(id)?.absorbed.get(&from).is_some_and(|epoch| *epoch >= arrived.epoch) {
            return Ok(());
        }
        let newcomers = arrived.members.keys().copied().collect();
        let component = self.component_mut(id)?;
        component.absorbed.insert(from, arrived.epoch);
        component.union(arrived);
        component.add_edge(edge, evidence);
        self.settle(id, &newcomers)
    }

    fn seed(&mut self, id: NodeId, arrived: Component) -> Result<(), Fault> {
        let newcomers = arrived.members.keys().copied().collect();
        let node = self.known(id)?;
        if arrived.epoch <= node.epoch {
            // It came before: whoever takes a seed is pointed at with a higher epoch than the seed's.
            return Ok(());
        }
        if node.root == id {
            self.component_mut(id)?.union(arrived);
        } else if let Some(node) = self.desk.node_mut(id, self.state)? {
            node.root = id;
            node.epoch = node.epoch.max(arrived.epoch);
            *self.desk.component_mut(id, self.state)? = Some(arrived);
        }
        self.settle(id, &newcomers)
    }

    fn known(&mut self, id: NodeId) -> Result<&Node, Fault> {
        self.desk.node(id, self.state)?.ok_or_else(|| unknown(id))
    }

    pub(crate) fn component(&mut self, root: NodeId) -> Result<&Component, Fault> {
        self.desk.component(root, self.state)?.ok_or_else(|| without_record(root))
    }

    pub(crate) fn component_mut(&mut self, root: NodeId) -> Result<&mut Component, Fault> {
        self.desk.component_mut(root, self.state)?.as_mut().ok_or_else(|| without_record(root))
    }
}

/// Whether a node was there before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Appeared {
    New,
    Known,
}

fn unknown(id: NodeId) -> Fault {
    Fault::Protocol(format!("a message came to node {id}, which nobody has seen"))
}

fn without_record(root: NodeId) -> Fault {
    Fault::Protocol(format!("root {root} has no component record"))
}
