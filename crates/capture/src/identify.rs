//! Normalised identifiers become nodes, and what was stated becomes a touchpoint.

use kinfold_model::{Flag, Identifier, Keys, NodeId, Rules, Touchpoint, TouchpointIdentifier};

use crate::validate::Stated;

/// What capture has found out so far.
pub(crate) struct Found {
    pub(crate) identifiers: Vec<Identifier>,
    /// Sorted and distinct.
    pub(crate) flags: Vec<Flag>,
}

/// The touchpoint, which must have its id. Its identifiers are sorted by node and distinct; its sighting is that of their nodes.
pub(crate) fn touchpoint(stated: Stated<'_>, found: Found, rules: &Rules, keys: &Keys) -> Touchpoint {
    let identifiers = nodes(found.identifiers, rules, keys);
    Touchpoint {
        touchpoint_id: stated.touchpoint_id.unwrap_or_default(),
        time: stated.time,
        source: stated.source,
        channel: stated.channel,
        r#type: stated.r#type,
        sighting: sighting(&identifiers, keys),
        identifiers,
        attributes: stated.attributes,
        consents: stated.consents,
        consent_signals: stated.consent_signals,
        order: stated.order,
        engagement: stated.engagement,
        flags: found.flags,
        verified: stated.verified,
    }
}

/// The node of what was seen together; two identifiers with one node, an e-mail and its hash, count once.
pub(crate) fn sighting(identifiers: &[TouchpointIdentifier], keys: &Keys) -> NodeId {
    let mut nodes: Vec<NodeId> = identifiers.iter().map(|identifier| identifier.node).collect();
    nodes.sort_unstable();
    nodes.dedup();
    keys.sighting(&nodes)
}

fn nodes(identifiers: Vec<Identifier>, rules: &Rules, keys: &Keys) -> Vec<TouchpointIdentifier> {
    let mut nodes: Vec<_> = identifiers
        .into_iter()
        .map(|identifier| TouchpointIdentifier {
            node: keys.identifier(&identifier, rules),
            namespace: identifier.namespace,
            value: identifier.value,
        })
        .collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes
}
