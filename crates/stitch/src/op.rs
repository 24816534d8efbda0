//! The messages of `identity-op`. Each is addressed to a node, and handled by the partition that owns it.

use kinfold_model::{Namespace, NodeId, PersonId, Timestamp, Touchpoint};
use serde::{Deserialize, Serialize};

use crate::component::{Component, Evidence};

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Op {
    /// The node it is for; its owner is the partition of this id.
    pub to: NodeId,
    /// How often it was passed on.
    pub hops: u16,
    /// The evidence that set it off; every message it sets off carries the same.
    pub cause: Cause,
    /// What it says.
    pub body: Body,
}

/// Which evidence brought something about, and when that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The sighting, or the identifier that was seen alone.
    pub node: NodeId,
    /// The time of the touchpoint.
    pub time: Timestamp,
}

/// An identifier as stitch knows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Seen {
    /// Its node.
    pub node: NodeId,
    /// The namespace of that node.
    pub namespace: Namespace,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// To a sighting: a touchpoint had these identifiers.
    Observe {
        /// When.
        time: Timestamp,
        /// Who says so.
        source: String,
        /// Sorted, distinct, at least one.
        identifiers: Vec<Seen>,
    },
    /// To an identifier: this sighting contains you, and these are all its identifiers.
    Link {
        /// The sighting.
        sighting: NodeId,
        /// When it was seen.
        evidence: Evidence,
        /// All of its identifiers, the receiver among them.
        identifiers: Vec<Seen>,
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
        /// The identifier of the edge.
        identifier: NodeId,
        /// The sighting of the edge.
        sighting: NodeId,
        /// The edge's evidence.
        evidence: Evidence,
    },
    /// To a node: this is your root and your person.
    Point {
        /// The root.
        root: NodeId,
        /// Which of two such messages is the later one.
        epoch: u64,
        /// The person.
        person: PersonId,
    },
    /// To the highest node of a group that fell out of a component: be its root.
    Seed {
        /// All of the group.
        component: Component,
    },
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
        /// The edge's evidence.
        evidence: Evidence,
        /// The root that holds `other`, as far as the sender knows.
        other_root: Option<NodeId>,
    },
    /// The node was seen at this time; see that it has a person.
    FirstSeen {
        /// The node.
        node: NodeId,
        /// When.
        time: Timestamp,
    },
    /// The identifier has too many neighbours; take out its edges.
    Quarantine {
        /// The identifier.
        node: NodeId,
    },
}

impl Errand {
    /// The node it is about.
    #[must_use]
    pub fn node(&self) -> NodeId {
        match self {
            Self::Join { node, .. } | Self::FirstSeen { node, .. } | Self::Quarantine { node } => *node,
        }
    }
}

impl Op {
    /// What a touchpoint means to stitch. `identifiers` must be sorted and distinct by node.
    #[must_use]
    pub fn observe(touchpoint: &Touchpoint, identifiers: Vec<Seen>) -> Self {
        let (to, time) = (touchpoint.sighting, touchpoint.time);
        let body = Body::Observe { time, source: touchpoint.source.clone(), identifiers };
        Self { to, hops: 0, cause: Cause { node: to, time }, body }
    }
}
