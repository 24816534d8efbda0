//! A component on the desk, beside the entries of it that are stored.

use std::collections::BTreeMap;

use kinfold_model::stored::{decode, encode};
use kinfold_model::{Fault, NodeId, State, View};
use serde::{Deserialize, Serialize};

use crate::component::{Component, Edge};
use crate::table::Table;

/// What is stored of a component besides its members and edges.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    pub(crate) epoch: u64,
    pub(crate) absorbed: BTreeMap<NodeId, u64>,
    pub(crate) plain: bool,
}

const HEADER: u8 = 0;
const MEMBER: u8 = 1;
const EDGE: u8 = 2;

/// A component, and what is stored of it.
pub(crate) struct Folder {
    /// `None` when there is none, or none any more.
    pub(crate) value: Option<Component>,
    /// Whether it must be compared with what is stored.
    pub(crate) changed: bool,
    stored: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Folder {
    /// A component that is not stored yet.
    pub(crate) fn new(component: Component) -> Self {
        Self { value: Some(component), changed: true, stored: BTreeMap::new() }
    }

    pub(crate) fn read(root: NodeId, state: &dyn View) -> Result<Self, Fault> {
        let prefix = Table::Component.key(&[root]);
        let stored: BTreeMap<Vec<u8>, Vec<u8>> = state.scan(&prefix)?.into_iter().collect();
        let mut value: Option<Component> = None;
        for (key, bytes) in &stored {
            let component = value.get_or_insert_default();
            let what = Table::Component.as_str();
            match key[prefix.len()..] {
                [HEADER] => {
                    let Header { epoch, absorbed, plain } = decode(what, bytes)?;
                    (component.epoch, component.absorbed, component.plain) = (epoch, absorbed, plain);
                }
                [MEMBER, ..] => {
                    component.members.insert(Table::Component.last_id(key)?, decode(what, bytes)?);
                }
                [EDGE, ref ids @ ..] if ids.len() == 32 => {
                    let id = |begin| Table::Component.id_at(ids, begin);
                    component.edges.insert(Edge { identifier: id(0)?, sighting: id(16)? });
                }
                _ => return Err(Table::Component.bad_key()),
            }
        }
        Ok(Self { value, changed: false, stored })
    }

    /// Writes the entries that changed.
    pub(crate) fn put_away(self, root: NodeId, state: &mut dyn State) {
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
        let mut key = Table::Component.key(&[root]);
        key.push(kind);
        ids.iter().for_each(|id| key.extend_from_slice(id.as_bytes()));
        key
    };
    let Component { epoch, absorbed, plain, .. } = component;
    let header = encode(&Header { epoch: *epoch, absorbed: absorbed.clone(), plain: *plain });
    let members = component.members.iter().map(move |(id, member)| (key(MEMBER, &[*id]), encode(member)));
    // That it is there is all that an edge says.
    let edges =
        component.edges.iter().map(move |edge| (key(EDGE, &[edge.identifier, edge.sighting]), Vec::new()));
    std::iter::once((key(HEADER, &[]), header)).chain(members).chain(edges)
}
