//! The first stage: touchpoints and assignments in, both keyed by node; facets on their way to people out, and word of
//! touchpoints that were sent again.
//!
//! The facet of a sighting is joined with the person its node is assigned to, whichever came first. It is sent whole,
//! with a version that rises with each message of its node. When a node changes its person, the new one is told
//! before the old one, so that a facet may for a moment be with two people but is with none only while its node
//! belongs to nobody. Several changes of a node within a batch give one message, or one to each of the two people, in
//! the order of nodes.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::mem;

use kinfold_model::stored::encode;
use kinfold_model::{
    Assignment, Context, Fault, Halt, NodeId, PersonId, Stage, State, Touchpoint, TouchpointIdentifier,
};
use serde::{Deserialize, Serialize};

use crate::facet::Facet;
use crate::laws;
use crate::table::Table;

/// What the stage reads.
#[derive(Debug)]
pub enum FacetsInput {
    /// What was said; belongs to the node of its sighting.
    Touchpoint(Box<Touchpoint>),
    /// Whom a node belongs to from now on.
    Assignment(Assignment),
    /// The node belongs to nobody from now on, until it is assigned again.
    Unassigned(NodeId),
}

/// What the stage sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Joined {
    /// A facet for its person.
    Facet(FacetMessage),
    /// For whoever counts: a touchpoint whose id this sighting had already.
    Repeated {
        /// The system that reported it.
        source: String,
    },
}

impl From<FacetMessage> for Joined {
    fn from(message: FacetMessage) -> Self {
        Self::Facet(message)
    }
}

/// The record of the inner topic `profile-facet`, keyed by person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FacetMessage {
    /// To whom.
    pub person: PersonId,
    /// Whose facet: a sighting's or an identifier's.
    pub node: NodeId,
    /// Rises with each message of this node, whoever the person is; begins at 1.
    pub version: u64,
    /// Why it is sent.
    pub cause: Cause,
    /// What is with the person from now on; `None` when the node has left.
    pub member: Option<Member>,
}

/// A node as part of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// `None` when nothing was said at exactly this set of identifiers.
    pub facet: Option<Facet>,
}

/// Why a facet is sent. The cause of a change of consent is told from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Cause {
    /// Something was said at a node that this person has already.
    Touchpoint,
    /// The node has a person, and had none before.
    Arrived,
    /// The node comes from another person.
    MovedIn,
    /// The node went to another person.
    Left,
    /// The node belongs to nobody any more.
    Unassigned,
}

/// The stage. Holds the nodes that the current batch has touched; all else is in the state.
#[derive(Default)]
pub struct Facets {
    touched: BTreeMap<NodeId, Touched>,
}

/// A node as it is stored. Its kind is in its id.
#[derive(Default, Serialize, Deserialize)]
struct Node {
    /// Of the last message; 0 when none was sent.
    version: u64,
    /// `None` until the first assignment, and while the node belongs to nobody.
    person: Option<PersonId>,
    /// `None` until the first touchpoint.
    facet: Option<Facet>,
}

/// A node, and what the batch has done to it.
struct Touched {
    node: Node,
    person_before: Option<PersonId>,
    facet_changed: bool,
}

/// The identifiers in an entry of this stage's state, clear and as nodes; none where the entry is not of a sighting.
///
/// # Errors
/// [`Fault::Corrupt`].
pub fn identifiers(key: &[u8], value: &[u8]) -> Result<Vec<TouchpointIdentifier>, Fault> {
    if key.first() != Some(&Table::Node.tag()) {
        return Ok(Vec::new());
    }
    let node: Node = Table::Node.decode(value)?;
    Ok(node.facet.map(|facet| facet.identifiers().cloned().collect()).unwrap_or_default())
}

/// The key under which this stage's state has the facet of a node.
#[must_use]
pub fn node_key(id: NodeId) -> Vec<u8> {
    Table::Node.key(&[id.as_bytes()])
}

impl Stage for Facets {
    type Input = FacetsInput;
    type Output = Joined;

    fn handle(&mut self, input: FacetsInput, context: &mut Context<'_, Joined>) -> Result<(), Halt> {
        match input {
            FacetsInput::Touchpoint(touchpoint) => self.absorb(&touchpoint, context)?,
            FacetsInput::Assignment(assignment) => {
                self.touch(assignment.node, context.state)?.node.person = Some(assignment.person_id);
            }
            FacetsInput::Unassigned(node) => self.touch(node, context.state)?.node.person = None,
        }
        Ok(())
    }

    fn finish(&mut self, context: &mut Context<'_, Joined>) -> Result<(), Fault> {
        for (id, touched) in mem::take(&mut self.touched) {
            touched.settle(id, context);
        }
        Ok(())
    }
}

impl Facets {
    /// Takes a touchpoint into its facet. It counts once by its id, for the least channel that any of its
    /// copies names, so that it does not matter which copy came first.
    fn absorb(&mut self, touchpoint: &Touchpoint, context: &mut Context<'_, Joined>) -> Result<(), Fault> {
        let state = &mut *context.state;
        let key = Table::Seen.key(&[touchpoint.sighting.as_bytes(), touchpoint.touchpoint_id.as_bytes()]);
        let counted =
            state.get(&key)?.map(|bytes| Table::Seen.decode::<Option<String>>(&bytes)).transpose()?;
        if counted.is_some() {
            context.output.push(Joined::Repeated { source: touchpoint.source.clone() });
        }
        let touched = self.touch(touchpoint.sighting, state)?;
        match (&mut touched.node.facet, counted) {
            (Some(facet), Some(counted)) => {
                touched.facet_changed |= facet.absorb(touchpoint, false);
                if !outranks(touchpoint.channel.as_deref(), counted.as_deref()) {
                    return Ok(());
                }
                facet.recount(counted.as_deref(), touchpoint.channel.as_deref());
            }
            (Some(facet), None) => _ = facet.absorb(touchpoint, true),
            (facet @ None, None) => *facet = Some(Facet::new(touchpoint)),
            (None, Some(_)) => {
                return Err(Table::Seen.corrupt("it counts a touchpoint of a node without facet"));
            }
        }
        touched.facet_changed = true;
        state.put(key, encode(&touchpoint.channel));
        Ok(())
    }

    /// The node as the batch has left it so far, else as it is stored.
    fn touch(&mut self, id: NodeId, state: &dyn State) -> Result<&mut Touched, Fault> {
        match self.touched.entry(id) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                let stored = state.get(&node_key(id))?;
                let node: Node = stored.map_or_else(|| Ok(Node::default()), |b| Table::Node.decode(&b))?;
                Ok(entry.insert(Touched { person_before: node.person, node, facet_changed: false }))
            }
        }
    }
}

impl Touched {
    /// Stores the node and tells those whom the change concerns. Somebody to whom the node came and from whom it went
    /// again within the batch never learns of it.
    fn settle(self, id: NodeId, context: &mut Context<'_, Joined>) {
        let Self { mut node, person_before, facet_changed } = self;
        if !facet_changed && node.person == person_before {
            return;
        }
        debug_assert_eq!(node.facet.as_ref().map_or(Ok(()), laws::facet), Ok(()));
        let Some(person) = node.person else {
            node.version += u64::from(person_before.is_some());
            context.state.put(node_key(id), encode(&node));
            if let Some(person) = person_before {
                let (version, cause) = (node.version, Cause::Unassigned);
                context.send(FacetMessage { person, node: id, version, cause, member: None });
            }
            return;
        };
        let left = person_before.filter(|before| *before != person);
        let cause = match person_before {
            None => Cause::Arrived,
            Some(_) if left.is_some() => Cause::MovedIn,
            Some(_) => Cause::Touchpoint,
        };
        let version = node.version + 1;
        node.version = version + u64::from(left.is_some());
        context.state.put(node_key(id), encode(&node));
        let member = Some(Member { facet: node.facet });
        context.send(FacetMessage { person, node: id, version, cause, member });
        if let Some(person) = left {
            let message =
                FacetMessage { person, node: id, version: node.version, cause: Cause::Left, member: None };
            context.send(message);
        }
    }
}

/// Whether a touchpoint that counted for one channel counts for this one instead.
fn outranks(channel: Option<&str>, counted: Option<&str>) -> bool {
    match (channel, counted) {
        (Some(channel), Some(counted)) => channel < counted,
        (channel, None) => channel.is_some(),
        (None, Some(_)) => false,
    }
}
