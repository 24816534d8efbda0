//! The values behind nodes: stitch knows none, but whoever keeps the facets can look them up.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::{Fault, Namespace, NodeId};

use crate::argument::Named;

/// The clear values of some nodes, as far as they were found.
#[derive(Default)]
pub(crate) struct Clear {
    wanted: BTreeSet<NodeId>,
    values: BTreeMap<NodeId, (Namespace, String)>,
    fault: Option<Fault>,
}

impl Clear {
    /// Nothing is found yet.
    pub(crate) fn of(wanted: BTreeSet<NodeId>) -> Self {
        Self { wanted, ..Self::default() }
    }

    /// Looks at an entry of the state of facets. An e-mail is preferred to its hash, which has the same node.
    pub(crate) fn see(&mut self, key: &[u8], value: &[u8]) {
        match kinfold_profile::facets::identifiers(key, value) {
            Ok(identifiers) => {
                for one in identifiers.into_iter().filter(|one| self.wanted.contains(&one.node)) {
                    let new = (one.namespace, one.value);
                    let known = self.values.entry(one.node).or_insert_with(|| new.clone());
                    if new < *known {
                        *known = new;
                    }
                }
            }
            Err(fault) => self.fault = Some(fault),
        }
    }

    /// What was found, if everything could be read.
    pub(crate) fn checked(self) -> Result<Self, Fault> {
        match self.fault {
            Some(fault) => Err(fault),
            None => Ok(self),
        }
    }

    /// How an identifier is shown: clear if it is known, else by its node.
    pub(crate) fn name(&self, node: NodeId, namespace: &Namespace) -> Named {
        let (namespace, value) = match self.values.get(&node) {
            Some((namespace, value)) => (namespace.clone(), Some(value.clone())),
            None => (namespace.clone(), None),
        };
        Named { node, namespace, value }
    }
}
