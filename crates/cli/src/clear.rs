//! The values behind nodes: stitch knows none, but whoever keeps the facets can look them up.

use std::collections::BTreeMap;

use kinfold_model::{Fault, Identifier, Namespace, NodeId, Rules};
use kinfold_profile::facets;

use crate::argument::Named;

/// The clear values of nodes, as far as they were found.
pub(crate) struct Clear<'r> {
    rules: &'r Rules,
    values: BTreeMap<NodeId, Identifier>,
}

impl<'r> Clear<'r> {
    /// Nothing is found yet.
    pub(crate) fn new(rules: &'r Rules) -> Self {
        Self { rules, values: BTreeMap::new() }
    }

    /// Notes what somebody said who knows.
    pub(crate) fn tell(&mut self, node: NodeId, identifier: Identifier) {
        self.values.insert(node, identifier);
    }

    /// Looks at an entry of the state of facets for nodes that are wanted.
    pub(crate) fn see(
        &mut self,
        key: &[u8],
        value: &[u8],
        is_wanted: impl Fn(NodeId) -> bool,
    ) -> Result<(), Fault> {
        for seen in facets::identifiers(key, value)?.into_iter().filter(|seen| is_wanted(seen.node)) {
            // A hash has the node of what it is the hash of, and says less.
            let is_clear = self.rules.node_namespace(&seen.namespace) == seen.namespace;
            if is_clear || !self.values.contains_key(&seen.node) {
                self.values.insert(seen.node, Identifier { namespace: seen.namespace, value: seen.value });
            }
        }
        Ok(())
    }

    /// The identifier behind a node, as touchpoints had it; `None` when it was not found.
    pub(crate) fn identifier(&self, node: NodeId) -> Option<&Identifier> {
        self.values.get(&node)
    }

    /// How an identifier is shown: clear if it is known, else by its node.
    pub(crate) fn name(&self, node: NodeId, namespace: &Namespace) -> Named {
        let (namespace, value) = match self.identifier(node) {
            Some(Identifier { namespace, value }) => (namespace.clone(), Some(value.clone())),
            None => (namespace.clone(), None),
        };
        Named { node, namespace, value }
    }
}
