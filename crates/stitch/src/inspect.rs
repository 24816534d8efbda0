//! What a person may ask of the stored state: a node, whether touchpoints ever named it, and the commands that
//! stewards gave. In goes the state of one partition; nothing is changed.

use kinfold_model::stored::decode;
use kinfold_model::{Command, Fault, NodeId, View};

use crate::node::Node;
use crate::table::Table;
use crate::witness::{Testimony, TouchpointMark, Witness};

/// A node; `None` when neither a touchpoint nor a command has named it.
///
/// # Errors
/// Those of [`View::get`], and [`Fault::Corrupt`].
pub fn node(id: NodeId, state: &dyn View) -> Result<Option<Node>, Fault> {
    let bytes = state.get(&Table::Node.key(&[id]))?;
    bytes.map(|bytes| decode(Table::Node.as_str(), &bytes)).transpose()
}

/// Whether a touchpoint ever named it: a command makes a node too, and says nothing about whether there is such a one.
#[must_use]
pub fn was_seen(node: &Node) -> bool {
    let Witness { sources, rest, .. } = &node.witness;
    let with_others = node.standing().is_some_and(|standing| standing.sightings > 0 || standing.overflowed);
    !sources.is_empty() || rest.is_some() || with_others
}

/// What is known of one touchpoint at a set of identifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It has come, and can be taken back.
    Apart,
    /// Its source said so much here that its touchpoints are not told apart any more.
    Merged,
    /// It has not come.
    No,
}

/// What `node`, a set of identifiers or the only identifier, knows of a touchpoint of `source`.
#[must_use]
pub fn touchpoint(node: &Node, source: &str, mark: TouchpointMark) -> Known {
    match node.witness.sources.get(source) {
        Some(Testimony::Few(touchpoints)) if touchpoints.contains_key(&mark) => Known::Apart,
        Some(Testimony::Few(_)) => Known::No,
        Some(Testimony::Many(_)) => Known::Merged,
        None if node.witness.rest.is_some() => Known::Merged,
        None => Known::No,
    }
}

/// All commands that were given, each as its last word left it, in the order of nodes.
///
/// # Errors
/// Those of [`View::scan`], and [`Fault::Corrupt`].
pub fn commands(state: &dyn View) -> Result<Vec<Command>, Fault> {
    let entries = state.scan(&Table::Command.key(&[]))?.into_iter();
    entries.map(|(_, bytes)| decode(Table::Command.as_str(), &bytes)).collect()
}
