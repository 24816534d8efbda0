//! After a change of the rules, every node is looked at again, in the order of ids, some at a time. Where the look
//! has got to is part of the state, so that a crash or a rebalance does not begin it anew.

use kinfold_model::stored::{decode, encode};
use kinfold_model::{Fault, NodeId, RulesVersion, State};
use serde::{Deserialize, Serialize};

use crate::table::Table;

/// How far the look has got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Revision {
    /// Under which rules.
    version: RulesVersion,
    /// The last node that was looked at; `None` before the first.
    at: Option<NodeId>,
    done: bool,
}

#[cfg(test)]
impl Revision {
    /// One of which every field says something.
    pub(crate) fn sample(version: RulesVersion, at: NodeId) -> Self {
        Self { version, at: Some(at), done: true }
    }
}

impl Revision {
    /// The look under these rules, as far as it has got. Where there is no node yet, there is nothing to look at: what comes
    /// is decided under these rules.
    pub(crate) fn begin(version: RulesVersion, state: &mut dyn State) -> Result<Self, Fault> {
        let key = Table::Revision.key(&[]);
        let stored = state.get(&key)?;
        let stored: Option<Self> =
            stored.map(|bytes| decode(Table::Revision.as_str(), &bytes)).transpose()?;
        if let Some(same) = stored.filter(|revision| revision.version == version) {
            return Ok(same);
        }
        let nodes = Table::Node.key(&[]);
        let done = state.page(&nodes, &nodes, 1)?.is_empty();
        let revision = Self { version, at: None, done };
        if done {
            state.put(key, encode(&revision));
        }
        Ok(revision)
    }

    pub(crate) fn is_done(&self) -> bool {
        self.done
    }

    /// Nodes are spread evenly over all ids, so the place of the last one tells how much is done: 0 to 1.
    pub(crate) fn progress(&self) -> f64 {
        match self.at {
            _ if self.done => 1.0,
            None => 0.0,
            Some(id) => {
                let [a, b, c, d, ..] = *id.as_bytes();
                f64::from(u32::from_be_bytes([a, b, c, d])) / f64::from(u32::MAX)
            }
        }
    }

    /// The next nodes, at most this many. Without any left the look is done.
    pub(crate) fn advance(&mut self, most: usize, state: &mut dyn State) -> Result<Vec<NodeId>, Fault> {
        let after = self.at.map_or_else(Vec::new, |id| Table::Node.key(&[id]));
        let page = state.page(&Table::Node.key(&[]), &after, most)?;
        let nodes: Vec<NodeId> =
            page.iter().map(|(key, _)| Table::Node.last_id(key)).collect::<Result<_, _>>()?;
        self.at = nodes.last().copied().or(self.at);
        self.done = nodes.is_empty();
        state.put(Table::Revision.key(&[]), encode(self));
        Ok(nodes)
    }
}
