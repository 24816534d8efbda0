//! Keys of stitch's state: which tables there are, and which ids their keys hold.

use kinfold_model::stored::decode;
use kinfold_model::{Fault, NodeId, View};

use crate::node::Node;

/// The first byte of a key. The tags are part of the format: they are never given to another table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Table {
    /// `n`, id → [`Node`].
    Node,
    /// `l`, identifier, sighting → [`crate::node::Link`].
    Link,
    /// `o`, id, command id → [`kinfold_model::Command`].
    Command,
    /// `c`, root, entry → header, member or edge of a component.
    Component,
    /// `r` → [`crate::revision::Revision`].
    Revision,
}

impl Table {
    /// The byte that begins its keys.
    pub(crate) fn tag(self) -> u8 {
        match self {
            Self::Node => b'n',
            Self::Link => b'l',
            Self::Command => b'o',
            Self::Component => b'c',
            Self::Revision => b'r',
        }
    }

    /// The name in messages.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Link => "link",
            Self::Command => "command",
            Self::Component => "component",
            Self::Revision => "revision",
        }
    }

    /// The first ids of its keys, each once, in order.
    pub(crate) fn ids(self, state: &dyn View) -> Result<Vec<NodeId>, Fault> {
        let mut ids = Vec::new();
        for (key, _) in state.scan(&[self.tag()])? {
            let id = self.id_at(&key, 1)?;
            if ids.last() != Some(&id) {
                ids.push(id);
            }
        }
        Ok(ids)
    }

    /// The tag, then ids.
    pub(crate) fn key(self, ids: &[NodeId]) -> Vec<u8> {
        let mut key = Vec::with_capacity(50);
        key.push(self.tag());
        ids.iter().for_each(|id| key.extend_from_slice(id.as_bytes()));
        key
    }

    /// The key of a command.
    pub(crate) fn command_key(id: NodeId, command_id: &str) -> Vec<u8> {
        let mut key = Self::Command.key(&[id]);
        key.extend_from_slice(command_id.as_bytes());
        key
    }

    /// The id that a key ends with.
    pub(crate) fn last_id(self, key: &[u8]) -> Result<NodeId, Fault> {
        self.id_at(key, key.len().saturating_sub(16))
    }

    /// The id that begins at this byte of a key.
    pub(crate) fn id_at(self, key: &[u8], begin: usize) -> Result<NodeId, Fault> {
        let id = key.get(begin..begin + 16).and_then(|id| <[u8; 16]>::try_from(id).ok());
        id.map(NodeId::from_bytes).ok_or_else(|| self.bad_key())
    }

    pub(crate) fn bad_key(self) -> Fault {
        Fault::Corrupt { what: self.as_str(), why: "its key has a length of its own".to_owned() }
    }
}

/// The node in an entry of this stage's state; `None` where the entry is something else.
///
/// # Errors
/// [`Fault::Corrupt`].
pub fn node_of_entry(key: &[u8], value: &[u8]) -> Result<Option<Node>, Fault> {
    let is_node = key.first() == Some(&Table::Node.tag());
    is_node.then(|| decode(Table::Node.as_str(), value)).transpose()
}
