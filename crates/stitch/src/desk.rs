//! The desk: nodes and components that a batch works on, decoded once, written back once.
//!
//! A component is stored as many small entries under its root's prefix; only entries that changed are written.

use std::collections::BTreeMap;

use kinfold_model::stored::{decode, encode};
use kinfold_model::{Fault, NodeId, State};

use crate::component::{Component, Edge};
use crate::node::{Neighbours, Node};

/// The first byte of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Table {
    /// `n`, id → [`Node`].
    Node,
    /// `b`, id → [`Neighbours`].
    Neighbours,
    /// `c`, root, entry → header, member or edge of a component.
    Component,
}

impl Table {
    /// The byte that begins its keys.
    pub(crate) fn tag(self) -> u8 {
        match self {
            Self::Node => b'n',
            Self::Neighbours => b'b',
            Self::Component => b'c',
        }
    }

    /// The name in messages.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Neighbours => "neighbours",
            Self::Component => "component",
        }
    }

    /// The ids that have an entry, in order.
    pub(crate) fn ids(self, state: &dyn State) -> Result<Vec<NodeId>, Fault> {
        let mut ids = Vec::new();
        for (key, _) in state.scan(&[self.tag()])? {
            let id = key.get(1..17).map_or_else(|| Err(bad_key()), node_id)?;
            if ids.last() != Some(&id) {
                ids.push(id);
            }
        }
        Ok(ids)
    }

    fn key(self, id: NodeId) -> Vec<u8> {
        let mut key = Vec::with_capacity(50);
        key.push(self.tag());
        key.extend_from_slice(id.as_bytes());
        key
    }
}

/// The node in an entry of this stage's state; `None` where the entry is something else.
///
/// # Errors
/// [`Fault::Corrupt`].
pub fn node(key: &[u8], value: &[u8]) -> Result<Option<Node>, Fault> {
    let is_node = key.first() == Some(&Table::Node.tag());
    is_node.then(|| decode(Table::Node.as_str(), value)).transpose()
}

const HEADER: u8 = 0;
const MEMBER: u8 = 1;
const EDGE: u8 = 2;

/// What is on the desk.
#[derive(Default)]
pub(crate) struct Desk {
    nodes: BTreeMap<NodeId, Sheet<Node>>,
    neighbours: BTreeMap<NodeId, Sheet<Neighbours>>,
    components: BTreeMap<NodeId, Folder>,
}

/// A value and whether it must be written.
struct Sheet<T> {
    value: Option<T>,
    changed: bool,
}

/// A component, and the entries of it that are stored.
struct Folder {
    value: Option<Component>,
    stored: BTreeMap<Vec<u8>, Vec<u8>>,
    changed: bool,
}

impl Desk {
    /// A node, if it exists.
    pub(crate) fn node(&mut self, id: NodeId, state: &dyn State) -> Result<Option<&Node>, Fault> {
        Ok(sheet(&mut self.nodes, Table::Node, id, state)?.value.as_ref())
    }

    /// A node that is about to change.
    pub(crate) fn node_mut(&mut self, id: NodeId, state: &dyn State) -> Result<&mut Option<Node>, Fault> {
        let sheet = sheet(&mut self.nodes, Table::Node, id, state)?;
        sheet.changed = true;
        Ok(&mut sheet.value)
    }

    /// A node that the state does not know, and its component: nothing is read.
    pub(crate) fn appear(&mut self, id: NodeId, node: Node, component: Component) {
        self.nodes.insert(id, Sheet { value: Some(node), changed: true });
        self.neighbours.insert(id, Sheet { value: None, changed: false });
        let folder = Folder { value: Some(component), stored: BTreeMap::new(), changed: true };
        self.components.insert(id, folder);
    }

    /// The neighbours of an identifier, about to change; empty when it has none yet.
    pub(crate) fn neighbours_mut(&mut self, id: NodeId, state: &dyn State) -> Result<&mut Neighbours, Fault> {
        let sheet = sheet(&mut self.neighbours, Table::Neighbours, id, state)?;
        sheet.changed = true;
        Ok(sheet.value.get_or_insert_default())
    }

    /// The component record of a root, if there is one.
    pub(crate) fn component(&mut self, root: NodeId, state: &dyn State) -> Result<Option<&Component>, Fault> {
        Ok(self.folder(root, state)?.value.as_ref())
    }

    /// A component record that is about to change, appear or go.
    pub(crate) fn component_mut(
        &mut self,
        root: NodeId,
        state: &dyn State,
    ) -> Result<&mut Option<Component>, Fault> {
        let folder = self.folder(root, state)?;
        folder.changed = true;
        Ok(&mut folder.value)
    }

    /// Writes what changed and clears the desk.
    pub(crate) fn put_away(&mut self, state: &mut dyn State) {
        put_away(std::mem::take(&mut self.nodes), Table::Node, state);
        put_away(std::mem::take(&mut self.neighbours), Table::Neighbours, state);
        for (root, folder) in std::mem::take(&mut self.components) {
            if folder.changed {
                folder.put_away(root, state);
            }
        }
    }

    fn folder(&mut self, root: NodeId, state: &dyn State) -> Result<&mut Folder, Fault> {
        use std::collections::btree_map::Entry;
        match self.components.entry(root) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => Ok(entry.insert(Folder::read(root, state)?)),
        }
    }
}

fn sheet<'d, T: serde::de::DeserializeOwned>(
    sheets: &'d mut BTreeMap<NodeId, Sheet<T>>,
    table: Table,
    id: NodeId,
    state: &dyn State,
) -> Result<&'d mut Sheet<T>, Fault> {
    use std::collections::btree_map::Entry;
    match sheets.entry(id) {
        Entry::Occupied(entry) => Ok(entry.into_mut()),
        Entry::Vacant(entry) => {
            let bytes = state.get(&table.key(id))?;
            let value = bytes.map(|bytes| decode(table.as_str(), &bytes)).transpose()?;
            Ok(entry.insert(Sheet { value, changed: false }))
        }
    }
}

fn put_away<T: serde::Serialize>(sheets: BTreeMap<NodeId, Sheet<T>>, table: Table, state: &mut dyn State) {
    for (id, sheet) in sheets {
        if let (true, Some(value)) = (sheet.changed, sheet.value) {
            state.put(table.key(id), encode(&value));
        }
    }
}

impl Folder {
    fn read(root: NodeId, state: &dyn State) -> Result<Self, Fault> {
        let prefix = Table::Component.key(root);
        let stored: BTreeMap<Vec<u8>, Vec<u8>> = state.scan(&prefix)?.into_iter().collect();
        let mut value: Option<Component> = None;
        for (key, bytes) in &stored {
            let component = value.get_or_insert_default();
            let what = Table::Component.as_str();
            match key[prefix.len()..] {
                [HEADER] => (component.epoch, component.absorbed) = decode(what, bytes)?,
                [MEMBER, ref id @ ..] => {
                    component.members.insert(node_id(id)?, decode(what, bytes)?);
                }
                [EDGE, ref ids @ ..] if ids.len() == 32 => {
                    let edge = Edge { identifier: node_id(&ids[..16])?, sighting: node_id(&ids[16..])? };
                    component.edges.insert(edge, decode(what, bytes)?);
                }
                _ => return Err(bad_key()),
            }
        }
        Ok(Self { value, stored, changed: false })
    }

    fn put_away(self, root: NodeId, state: &mut dyn State) {
        let mut stored = self.stored;
        if let Some(component) = &self.value {
            for (key, bytes) in entries(root, component) {
                if stored.remove(&key).as_ref() != Some(&bytes) {
                    state.put(key, bytes);
                }
            }
        }
        for key in stored.into_keys() {
            state.delete(key);
        }
    }
}

fn entries(root: NodeId, component: &Component) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    let key = move |kind, ids: &[NodeId]| {
        let mut key = Table::Component.key(root);
        key.push(kind);
        ids.iter().for_each(|id| key.extend_from_slice(id.as_bytes()));
        key
    };
    let header = std::iter::once((key(HEADER, &[]), encode(&(component.epoch, &component.absorbed))));
    let members = component.members.iter().map(move |(id, member)| (key(MEMBER, &[*id]), encode(member)));
    let edges = component
        .edges
        .iter()
        .map(move |(edge, evidence)| (key(EDGE, &[edge.identifier, edge.sighting]), encode(evidence)));
    header.chain(members).chain(edges)
}

fn node_id(bytes: &[u8]) -> Result<NodeId, Fault> {
    bytes.try_into().map(NodeId::from_bytes).map_err(|_| bad_key())
}

fn bad_key() -> Fault {
    Fault::Corrupt { what: Table::Component.as_str(), why: "its key has a length of its own".to_owned() }
}
