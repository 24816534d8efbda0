//! The block list as nodes. Stitch knows no values, but it can tell the nodes that listed values would have.

use std::collections::BTreeSet;

use kinfold_model::{Identifier, Keys, NodeId, Rules};

/// The nodes of all values on the block list, as they stand there and as programs often write them.
pub(crate) fn nodes(rules: &Rules, keys: &Keys) -> BTreeSet<NodeId> {
    let mut nodes = BTreeSet::new();
    for (namespace, of_namespace) in &rules.namespaces {
        for value in rules.block.values().iter().chain(of_namespace.block.values()) {
            for written in [value.to_owned(), value.to_uppercase(), capitalised(value)] {
                nodes.insert(keys.identifier(&Identifier::new(namespace.as_str(), &written), rules));
            }
        }
    }
    nodes
}

fn capitalised(value: &str) -> String {
    let mut letters = value.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
