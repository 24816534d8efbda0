//! Merges that wait for a steward: joins that the guard refused, found again in the stored components.
//!
//! In goes one component, or the state of one partition, which is read component by component; out come the two
//! identifiers that a steward would link, or keep apart, to decide each of them.

use std::collections::BTreeMap;

use kinfold_model::{Fault, Keys, Namespace, NodeId, PersonId, Rules, View};

use crate::component::Component;
use crate::folder::Folder;
use crate::groups::Refused;
use crate::people::decide;
use crate::table::Table;

/// How many hex digits name a held merge.
const ID_DIGITS: usize = 12;

/// A merge that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Names it as long as it waits: the same two identifiers have the same name on every machine of a deployment.
    pub id: String,
    /// Of the one person: the identifier that evidence would join with the other.
    pub identifier: NodeId,
    /// Of the other person: the identifier through which that evidence belongs to them.
    pub other: NodeId,
    /// Of the two identifiers, in this order.
    pub namespaces: [Namespace; 2],
    /// The two people, in this order.
    pub people: [PersonId; 2],
    /// How many identifiers each of them has.
    pub sizes: [usize; 2],
    /// Which rule asks for a steward.
    pub why: Refused,
}

/// The merges that wait within a component, in the order of their identifiers.
///
/// Of the identifiers through which a sighting belongs to its person, the one that was joined first is chosen: it is
/// there whenever a join of that sighting can be held, so that keeping it apart always answers the question.
#[must_use]
pub fn held(component: &Component, rules: &Rules, keys: &Keys) -> Vec<Held> {
    let people = decide(component, rules, keys);
    let mut joined_first: BTreeMap<NodeId, NodeId> = BTreeMap::new();
    for edge in &people.joined {
        joined_first.entry(edge.sighting).or_insert(edge.identifier);
    }
    let namespace = |id: &NodeId| component.members.get(id).and_then(|member| member.namespace.clone());
    let anchor = |id: &NodeId| people.anchors.get(id).copied().flatten();
    let size = |of: NodeId| {
        let identifiers = component.members.iter().filter(|(_, member)| member.namespace.is_some());
        identifiers.filter(|(id, _)| anchor(id) == Some(of)).count()
    };
    let mut held = BTreeMap::new();
    for (edge, why) in people.refused.iter().filter(|(_, why)| why.is_for_review()) {
        let Some(other) = joined_first.get(&edge.sighting) else { continue };
        let (Some(one), Some(two)) = (anchor(&edge.identifier), anchor(other)) else { continue };
        let (Some(of_one), Some(of_two)) = (namespace(&edge.identifier), namespace(other)) else { continue };
        let pair = [edge.identifier.min(*other), edge.identifier.max(*other)];
        if one == two || held.contains_key(&pair) {
            continue;
        }
        let id: String = keys.bond(&pair).to_string().chars().take(ID_DIGITS).collect();
        let people = [keys.person(one), keys.person(two)];
        let sizes = [size(one), size(two)];
        let (identifier, namespaces, why) = (edge.identifier, [of_one, of_two], why.clone());
        held.insert(pair, Held { id, identifier, other: *other, namespaces, people, sizes, why });
    }
    held.into_values().collect()
}

/// Shows the merges that wait in the state of a partition, holding one component at a time.
///
/// # Errors
/// Those of [`View`], and [`Fault::Corrupt`].
pub fn each_held(
    state: &dyn View,
    rules: &Rules,
    keys: &Keys,
    see: &mut dyn FnMut(Held),
) -> Result<(), Fault> {
    let all = Table::Component.key(&[]);
    let mut after = Vec::new();
    while let Some((key, _)) = state.page(&all, &after, 1)?.into_iter().next() {
        let root = Table::Component.id_at(&key, 1)?;
        if let Some(component) = Folder::read(root, state)?.value {
            held(&component, rules, keys).into_iter().for_each(&mut *see);
        }
        // Greater than every key of this root: none goes on with a byte like this.
        after = Table::Component.key(&[root]);
        after.push(u8::MAX);
    }
    Ok(())
}
