//! How identifiers on different partitions meet: who sends what to whom, and the handling of one record.
//!
//! Why it ends and is right:
//! - A pointer leads to the node itself or to a node of higher rank, so following pointers ends.
//! - A node is in the custody of exactly one component record, or of one that is on its way. Each handing on
//!   raises the epoch, so that a late pointer is recognised.
//! - What a node says of itself carries a version, so that a root recognises what is out of date; a message that
//!   asks for a join carries it along, so that no root judges a join by what the node was before.
//! - One owner's messages to one partition arrive in order, so a message that is sent back to a node arrives
//!   after the pointer that was sent to it before.
//! - A node that a sighting brought into being waits for its first edge before it becomes a person. Wherever
//!   such an edge is given up, [`Step::stand_alone`] tells the sighting, so that nobody waits for ever.

use std::collections::{BTreeSet, VecDeque};

use kinfold_model::{ChangeRule, Fault, Keys, Namespace, NodeId, Partition, Rules, RulesVersion, View};

use crate::at_root::Arrival;
use crate::component::Component;
use crate::desk::Desk;
use crate::journal::Journal;
use crate::limits::{HOPS_AT_ONCE, HOPS_MAX, STEPS_MAX};
use crate::node::Node;
use crate::op::{Body, Cause, Errand, Op};

/// What does not change from one message to the next.
pub(crate) struct Law {
    pub(crate) keys: Keys,
    pub(crate) rules: Rules,
    pub(crate) version: RulesVersion,
    pub(crate) partition: Partition,
    /// The values on the block list, as nodes. Patterns are known to capture only.
    blocked: BTreeSet<NodeId>,
}

impl Law {
    pub(crate) fn new(keys: Keys, rules: Rules, partition: Partition) -> Self {
        let version = rules.version();
        let blocked = crate::blocked::nodes(&rules, &keys);
        Self { keys, rules, version, partition, blocked }
    }

    /// Whether a value on the block list has this node.
    pub(crate) fn lists(&self, id: NodeId) -> bool {
        self.blocked.contains(&id)
    }

    /// How many sightings are stored of an identifier of this namespace.
    pub(crate) fn max_sightings(&self, namespace: &Namespace) -> u32 {
        self.rules.namespace(namespace).map_or(u32::MAX, |rules| rules.max_sightings())
    }
}

/// The handling of one record: its message, and all messages to this partition that follow from it.
pub(crate) struct Step<'a> {
    pub(crate) law: &'a Law,
    pub(crate) desk: &'a mut Desk,
    pub(crate) state: &'a dyn View,
    pub(crate) journal: &'a mut Journal,
    pub(crate) cause: Cause,
    /// Messages to this partition.
    here: VecDeque<Op>,
    /// Messages for the log, in order.
    away: Vec<Op>,
    hops: u16,
}

impl<'a> Step<'a> {
    pub(crate) fn new(
        law: &'a Law,
        desk: &'a mut Desk,
        state: &'a dyn View,
        journal: &'a mut Journal,
        cause: Cause,
    ) -> Self {
        Self { law, desk, state, journal, cause, here: VecDeque::new(), away: Vec::new(), hops: 0 }
    }

    /// Handles a message and its consequences on this partition; returns the messages for the log, and what made a
    /// difference in the end. A message for a node of another partition, as a steward's command may be, goes there.
    pub(crate) fn run(mut self, op: Op) -> Result<(Vec<Op>, Cause), Fault> {
        if self.is_here(op.to) {
            self.here.push_back(op)
        } else {
            self.away.push(op)
        }
        self.work_off()
    }

    /// Looks at a node again under the rules of now.
    pub(crate) fn run_again(mut self, id: NodeId) -> Result<(Vec<Op>, Cause), Fault> {
        self.revise(id)?;
        self.work_off()
    }

    fn work_off(mut self) -> Result<(Vec<Op>, Cause), Fault> {
        for _ in 0..STEPS_MAX {
            match self.here.pop_front() {
                Some(op) => self.deliver(op)?,
                None => return Ok((self.away, self.cause)),
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
            Body::Observe(observation) => self.observe(op.to, observation),
            Body::Command(command) => self.command(op.to, *command),
            Body::Link(news) => self.link(op.to, news),
            Body::Blocked { identifier, stands } => self.blocked(op.to, identifier, stands),
            Body::Distrust { identifier, source, stands } => {
                self.distrust(op.to, identifier, &source, stands)
            }
            Body::Shed => self.shed(op.to),
            Body::Demand { demand, latest, ticket } => self.demanded(op.to, demand, latest, ticket),
            Body::Erase { reach, latest, ticket } => self.erase(op.to, reach, latest, &ticket),
            Body::Erased { identifier, mark, ticket } => self.erased(op.to, identifier, mark, ticket),
            Body::Agreed { time } => self.lift(op.to, time),
            Body::Errand(errand) => self.errand(op.to, errand),
            Body::SentBack(errand) => self.sent_back(errand),
            Body::Absorb { from, component, edge, asked } => {
                self.absorb(op.to, Arrival { from, component, edge, asked })
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
    pub(crate) fn pass_on(&mut self, to: NodeId, body: Body) {
        self.post(to, self.hops + 1, body);
    }

    fn post(&mut self, to: NodeId, hops: u16, body: Body) {
        let op = Op { to, hops, cause: self.cause.clone(), body };
        if self.is_here(to) && hops <= HOPS_AT_ONCE { self.here.push_back(op) } else { self.away.push(op) }
    }

    fn is_here(&self, id: NodeId) -> bool {
        let Partition { index, count } = self.law.partition;
        id.partition(count) == index
    }

    /// From here on something other than new evidence makes a difference; a command or new rules remain what they are.
    pub(crate) fn because(&mut self, rule: ChangeRule) {
        if self.cause.rule == ChangeRule::Evidence {
            self.cause.rule = rule;
        }
    }

    /// An edge of this sighting came to nothing: if it has no other, it is a person by itself.
    pub(crate) fn stand_alone(&mut self, sighting: NodeId) {
        self.send(sighting, Body::SentBack(Errand::Settle { node: sighting, told: None }));
    }

    pub(crate) fn known(&mut self, id: NodeId) -> Result<&Node, Fault> {
        self.desk.node(id, self.state)?.ok_or_else(|| unknown(id))
    }

    pub(crate) fn known_mut(&mut self, id: NodeId) -> Result<&mut Node, Fault> {
        self.desk.node_mut(id, self.state)?.as_mut().ok_or_else(|| unknown(id))
    }

    pub(crate) fn component(&mut self, root: NodeId) -> Result<&Component, Fault> {
        self.desk.component(root, self.state)?.ok_or_else(|| without_record(root))
    }

    pub(crate) fn component_mut(&mut self, root: NodeId) -> Result<&mut Component, Fault> {
        self.desk.component_mut(root, self.state)?.as_mut().ok_or_else(|| without_record(root))
    }
}

fn unknown(id: NodeId) -> Fault {
    Fault::Protocol(format!("a message came to node {id}, which nobody has seen"))
}

pub(crate) fn without_record(root: NodeId) -> Fault {
    Fault::Protocol(format!("root {root} has no component record"))
}
