//! The desk: nodes and components that a batch works on, decoded once, written back once.
//!
//! A component is stored as many small entries under its root's prefix, the links of an identifier as one entry
//! each; only entries that changed are written.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::stored::{decode, encode};
use kinfold_model::versioned::Versioned;
use kinfold_model::{Command, Fault, NodeId, State, View};

use crate::component::Component;
use crate::folder::Folder;
use crate::node::{Link, Node};
use crate::order::Commands;
use crate::table::Table;

/// What is on the desk.
#[derive(Default)]
pub(crate) struct Desk {
    nodes: BTreeMap<NodeId, Sheet<Node>>,
    links: BTreeMap<NodeId, Links>,
    commands: BTreeMap<NodeId, Commands>,
    /// Commands that are to go, by node and id.
    forgotten: BTreeSet<(NodeId, String)>,
    components: BTreeMap<NodeId, Folder>,
}

/// A value and whether it must be written.
struct Sheet<T> {
    value: Option<T>,
    changed: bool,
}

/// The links of one identifier.
#[derive(Default)]
struct Links {
    /// Whether all of them were read.
    complete: bool,
    /// Those that were read, or changed. `None`: there is none, or none any more.
    read: BTreeMap<NodeId, Sheet<Link>>,
}

impl Desk {
    /// A node, if it exists.
    pub(crate) fn node(&mut self, id: NodeId, state: &dyn View) -> Result<Option<&Node>, Fault> {
        Ok(self.sheet(id, state)?.value.as_ref())
    }

    /// A node that is about to change.
    pub(crate) fn node_mut(&mut self, id: NodeId, state: &dyn View) -> Result<&mut Option<Node>, Fault> {
        let sheet = self.sheet(id, state)?;
        sheet.changed = true;
        Ok(&mut sheet.value)
    }

    /// A node that the state does not know, and its component: nothing is read.
    pub(crate) fn appear(&mut self, id: NodeId, node: Node) {
        let component = Component::lone(id, node.namespace().cloned(), node.told.clone());
        self.nodes.insert(id, Sheet { value: Some(node), changed: true });
        self.begin_links(id);
        self.components.insert(id, Folder::new(component));
    }

    /// The links of an identifier that the state does not know: nothing is read.
    pub(crate) fn begin_links(&mut self, id: NodeId) {
        self.links.entry(id).or_default().complete = true;
    }

    /// One link of an identifier.
    pub(crate) fn link(
        &mut self,
        id: NodeId,
        sighting: NodeId,
        state: &dyn View,
    ) -> Result<Option<&Link>, Fault> {
        let links = self.links.entry(id).or_default();
        let sheet = match links.read.entry(sighting) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let bytes =
                    if links.complete { None } else { state.get(&Table::Link.key(&[id, sighting]))? };
                let value = bytes.map(|bytes| decode(Table::Link.as_str(), &bytes)).transpose()?;
                entry.insert(Sheet { value, changed: false })
            }
        };
        Ok(sheet.value.as_ref())
    }

    /// All links of an identifier, by sighting.
    pub(crate) fn links(
        &mut self,
        id: NodeId,
        state: &dyn View,
    ) -> Result<impl Iterator<Item = (NodeId, &Link)>, Fault> {
        let links = self.links.entry(id).or_default();
        if !links.complete {
            for (key, bytes) in state.scan(&Table::Link.key(&[id]))? {
                let sighting = Table::Link.last_id(&key)?;
                if let Entry::Vacant(entry) = links.read.entry(sighting) {
                    let value = Some(decode(Table::Link.as_str(), &bytes)?);
                    entry.insert(Sheet { value, changed: false });
                }
            }
            links.complete = true;
        }
        Ok(links.read.iter().filter_map(|(sighting, sheet)| Some((*sighting, sheet.value.as_ref()?))))
    }

    /// Sets a link of an identifier, or takes it out.
    pub(crate) fn put_link(&mut self, id: NodeId, sighting: NodeId, link: Option<Link>) {
        let links = self.links.entry(id).or_default();
        links.read.insert(sighting, Sheet { value: link, changed: true });
    }

    /// The commands that were given to a node.
    pub(crate) fn commands(&mut self, id: NodeId, state: &dyn View) -> Result<&mut Commands, Fault> {
        match self.commands.entry(id) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                let what = Table::Command.as_str();
                let read = |(_, bytes): (Vec<u8>, Vec<u8>)| {
                    decode(what, &bytes).map(|command: Command| (command.command_id.clone(), command))
                };
                let commands = state.scan(&Table::Command.key(&[id]))?.into_iter().map(read);
                Ok(entry.insert(commands.collect::<Result<_, _>>()?))
            }
        }
    }

    /// Forgets those of the commands that were given to a node that are to go.
    pub(crate) fn forget_commands(
        &mut self,
        id: NodeId,
        goes: impl Fn(&Command) -> bool,
        state: &dyn View,
    ) -> Result<(), Fault> {
        let commands = self.commands(id, state)?;
        let (gone, left): (Commands, Commands) =
            std::mem::take(commands).into_iter().partition(|(_, command)| goes(command));
        *commands = left;
        self.forgotten.extend(gone.into_keys().map(|command_id| (id, command_id)));
        Ok(())
    }

    /// The component record of a root, if there is one.
    pub(crate) fn component(&mut self, root: NodeId, state: &dyn View) -> Result<Option<&Component>, Fault> {
        Ok(self.folder(root, state)?.value.as_ref())
    }

    /// A component record that is about to change, appear or go.
    pub(crate) fn component_mut(
        &mut self,
        root: NodeId,
        state: &dyn View,
    ) -> Result<&mut Option<Component>, Fault> {
        let folder = self.folder(root, state)?;
        folder.changed = true;
        Ok(&mut folder.value)
    }

    /// Writes what changed and clears the desk.
    pub(crate) fn put_away(&mut self, state: &mut dyn State) {
        for (id, sheet) in std::mem::take(&mut self.nodes) {
            put_away(Table::Node.key(&[id]), &sheet, state);
        }
        for (id, links) in std::mem::take(&mut self.links) {
            for (sighting, sheet) in links.read {
                put_away(Table::Link.key(&[id, sighting]), &sheet, state);
            }
        }
        for (id, command_id) in std::mem::take(&mut self.forgotten) {
            state.delete(Table::command_key(id, &command_id));
        }
        for (id, commands) in std::mem::take(&mut self.commands) {
            for (command_id, command) in commands {
                state.put(Table::command_key(id, &command_id), encode(&command));
            }
        }
        for (root, folder) in std::mem::take(&mut self.components) {
            if folder.changed {
                folder.put_away(root, state);
            }
        }
    }

    fn sheet(&mut self, id: NodeId, state: &dyn View) -> Result<&mut Sheet<Node>, Fault> {
        match self.nodes.entry(id) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                let bytes = state.get(&Table::Node.key(&[id]))?;
                let value = bytes.map(|bytes| decode(Table::Node.as_str(), &bytes)).transpose()?;
                Ok(entry.insert(Sheet { value, changed: false }))
            }
        }
    }

    fn folder(&mut self, root: NodeId, state: &dyn View) -> Result<&mut Folder, Fault> {
        match self.components.entry(root) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => Ok(entry.insert(Folder::read(root, state)?)),
        }
    }
}

fn put_away<T: Versioned + serde::Serialize>(key: Vec<u8>, sheet: &Sheet<T>, state: &mut dyn State) {
    match &sheet.value {
        _ if !sheet.changed => {}
        Some(value) => state.put(key, encode(value)),
        None => state.delete(key),
    }
}
