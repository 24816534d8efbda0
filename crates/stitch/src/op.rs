//! The messages of `identity-op`. Each is addressed to a node, and handled by the partition that owns it.

use kinfold_model::privacy::{Demand, Restriction, Ticket};
use kinfold_model::{
    ChangeRule, Command, CommandKind, Keys, Mark, Namespace, NodeId, PersonId, Reach, Refusal, Timestamp,
    Touchpoint,
};
use serde::{Deserialize, Serialize};

use crate::component::{Asked, Component, Edge, Told};
use crate::order;
use crate::witness::TouchpointMark;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Op {
    /// The node it is for; its owner is the partition of this id.
    pub to: NodeId,
    /// How often it was passed on.
    pub hops: u16,
    /// What set it off; every message it sets off carries the same.
    pub cause: Cause,
    /// What it says.
    pub body: Body,
}

/// What brought something about, and when that was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The sighting, or the identifier that was seen alone; of a command, the node that it speaks about.
    pub node: NodeId,
    /// The time of the touchpoint or the command.
    pub time: Timestamp,
    /// What made a difference.
    pub rule: ChangeRule,
    /// The steward's command, or the request about somebody's data.
    pub command_id: Option<String>,
}

/// An identifier as stitch knows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Seen {
    /// Its node.
    pub node: NodeId,
    /// The namespace of that node.
    pub namespace: Namespace,
    /// Whether capture found it on the block list.
    pub blocked: bool,
}

/// A touchpoint as stitch knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// When.
    pub time: Timestamp,
    /// Who says so.
    pub source: String,
    /// Which touchpoint.
    pub mark: TouchpointMark,
    /// Sorted, distinct, at least one.
    pub identifiers: Vec<Seen>,
    /// The time of a consent that brings back whom it names, if they are erased; `None` when it states none.
    pub consented: Option<Timestamp>,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// To a sighting: a touchpoint had these identifiers.
    Observe(Observation),
    /// To a node: a steward says this.
    Command(Box<Command>),
    /// To an identifier: this sighting, or steward's link, contains you.
    Link(LinkNews),
    /// To a sighting: this identifier of yours is blocked, or is not any more.
    Blocked {
        /// The identifier.
        identifier: NodeId,
        /// Whether it is.
        stands: bool,
    },
    /// To a sighting: what this source says of this identifier of yours counts for nothing, or counts again.
    Distrust {
        /// The identifier.
        identifier: NodeId,
        /// The source.
        source: String,
        /// Whether it counts for nothing.
        stands: bool,
    },
    /// To an identifier: your component is too large without you being taken out.
    Shed,
    /// To an identifier: somebody asks about their data and names you.
    Demand {
        /// For what.
        demand: Demand,
        /// No touchpoint that came before has a later time.
        latest: Timestamp,
        /// Names the identifier itself as who asks.
        ticket: Ticket,
    },
    /// To an identifier: you are erased.
    Erase {
        /// How far.
        reach: Reach,
        /// As of [`Self::Demand`]: only a later consent lifts it.
        latest: Timestamp,
        /// Who wants to know when it is done.
        ticket: Ticket,
    },
    /// To a sighting: this identifier of yours is erased, or came back.
    Erased {
        /// The identifier.
        identifier: NodeId,
        /// How far, and from which time on it counts again.
        mark: Mark,
        /// Who wants to know when it is done; `None` when the sighting came after the erasure, and when the mark is lifted.
        ticket: Option<Ticket>,
    },
    /// To an identifier that is erased: somebody who was named by you agreed to be known again.
    Agreed {
        /// When.
        time: Timestamp,
    },
    /// To a root: do this for one of your nodes.
    Errand(Errand),
    /// To the node that an errand is about: the one it was sent to is not, or no longer, your root.
    SentBack(Errand),
    /// To a root: take over this component; this edge connects it with yours.
    Absorb {
        /// Its root until now.
        from: NodeId,
        /// All of it.
        component: Component,
        /// The edge.
        edge: Edge,
        /// The versions of its ends when it was asked for.
        asked: Asked,
    },
    /// To a node: this is your root and your person.
    Point {
        /// The root.
        root: NodeId,
        /// Which of two such messages is the later one.
        epoch: u64,
        /// The person; `None` for a node that belongs to nobody.
        person: Option<PersonId>,
    },
    /// To the highest node of a group that fell out of a component: be its root.
    Seed {
        /// All of the group.
        component: Component,
    },
}

/// What an identifier is told of a sighting that contains it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkNews {
    /// The sighting, or the steward's link.
    pub sighting: NodeId,
    /// When it was first seen; `None` for a steward's link and for one that does not stand.
    pub first_seen: Option<Timestamp>,
    /// Whether it counts.
    pub stands: bool,
    /// Whether a steward made it.
    pub bond: bool,
    /// The version of what it told its root at that time.
    pub version: u64,
    /// The time of the last erasure of the receiver that it knows of; `None` when it knows of none.
    pub knows: Option<Timestamp>,
    /// All of its identifiers, the receiver among them.
    pub identifiers: Vec<Seen>,
}

/// Something that the root of a node has to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Errand {
    /// Connect `node` with `other`; one of them is a sighting, the other one of its identifiers.
    Join {
        /// The end that the receiver should hold.
        node: NodeId,
        /// The other end.
        other: NodeId,
        /// The root that holds `other`, as far as the sender knows.
        other_root: Option<NodeId>,
        /// The versions of both when the edge was asked for.
        asked: Asked,
        /// What `node` said of itself when the message passed it last; `None` if it has not yet.
        told: Option<Told>,
    },
    /// The node has changed.
    Tell {
        /// The node.
        node: NodeId,
        /// What it is now.
        told: Told,
    },
    /// See that the node has a person.
    Settle {
        /// The node.
        node: NodeId,
        /// As of [`Self::Join`].
        told: Option<Told>,
    },
    /// Erase the person to whom the node belongs.
    Erase {
        /// An identifier.
        node: NodeId,
        /// As of [`Body::Demand`].
        latest: Timestamp,
        /// Who wants to know.
        ticket: Ticket,
    },
    /// Restrict the person to whom the node belongs, or do so no more.
    Restrict(Restriction),
}

impl Errand {
    /// The node it is about.
    #[must_use]
    pub fn node(&self) -> NodeId {
        match self {
            Self::Join { node, .. }
            | Self::Tell { node, .. }
            | Self::Settle { node, .. }
            | Self::Erase { node, .. } => *node,
            Self::Restrict(restriction) => restriction.node,
        }
    }
}

impl Op {
    /// What a touchpoint means to stitch. `identifiers` must be sorted and distinct by node; `consented` is the time of a consent in
    /// it that brings back who is erased.
    #[must_use]
    pub fn observe(
        touchpoint: &Touchpoint,
        identifiers: Vec<Seen>,
        consented: Option<Timestamp>,
        keys: &Keys,
    ) -> Self {
        let (to, time) = (touchpoint.sighting, touchpoint.time);
        let mark = TouchpointMark(keys.touchpoint_mark(&touchpoint.touchpoint_id));
        let source = touchpoint.source.clone();
        let observation = Observation { time, source, mark, identifiers, consented };
        let cause = Cause { node: to, time, rule: ChangeRule::Evidence, command_id: None };
        Self { to, hops: 0, cause, body: Body::Observe(observation) }
    }

    /// What a request means to stitch that was written to the log at this time. The ticket is that of the identifier; no touchpoint
    /// that came before has a time after `latest`.
    #[must_use]
    pub fn demand(demand: Demand, ticket: Ticket, time: Timestamp, latest: Timestamp) -> Self {
        let to = ticket.asked_by;
        let command_id = Some(ticket.request_id.clone());
        // A restriction changes nobody, so that no change is ever told with this rule but one by an erasure.
        let cause = Cause { node: to, time, rule: ChangeRule::Erasure, command_id };
        Self { to, hops: 0, cause, body: Body::Demand { demand, latest, ticket } }
    }

    /// What a steward's command means to stitch.
    ///
    /// # Errors
    /// A refusal that names the member at fault and the remedy.
    pub fn command(command: Command, keys: &Keys) -> Result<Self, Refusal> {
        order::check(&command)?;
        let nodes: Vec<NodeId> = command.identifiers.iter().map(|identifier| identifier.node).collect();
        let to = match command.kind {
            CommandKind::Link => keys.bond(&nodes),
            CommandKind::Unlink | CommandKind::Block | CommandKind::Release => nodes[0],
            CommandKind::Forget => keys.sighting(&nodes),
        };
        let cause = Cause {
            node: to,
            time: command.time,
            rule: ChangeRule::Command,
            command_id: Some(command.command_id.clone()),
        };
        Ok(Self { to, hops: 0, cause, body: Body::Command(Box::new(command)) })
    }
}
