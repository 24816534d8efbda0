//! Plain components: those in which no join could be refused, in whatever order. All of one is one person, which is
//! nearly always the case and much quicker to see than [`crate::people::decide`] would find out.

use std::collections::BTreeMap;

use kinfold_model::{Keys, Namespace, NodeId, Rules};

use crate::component::Component;

/// Whether no limit per person, guard or word of a steward could stand against any join within this component.
pub(crate) fn is_plain(component: &Component, rules: &Rules) -> bool {
    let mut values: BTreeMap<&Namespace, usize> = BTreeMap::new();
    for namespace in component.members.values().filter_map(|member| member.namespace.as_ref()) {
        *values.entry(namespace).or_default() += 1;
    }
    let within_limit = |(namespace, count): (&&Namespace, &usize)| {
        let limit = rules.namespace(namespace).and_then(|rules| rules.max_per_person);
        limit.is_none_or(|limit| *count <= limit as usize)
    };
    let guard = &rules.guard;
    let identifiers: usize = values.values().sum();
    let both_large = guard.identifiers > 0 && identifiers >= 2 * guard.identifiers as usize;
    let both_have =
        guard.namespaces.iter().any(|namespace| values.get(namespace).is_some_and(|count| *count > 1));
    let apart = || component.members.values().any(|member| !member.told.apart.is_empty());
    values.iter().all(within_limit) && !both_large && !both_have && !apart()
}

/// The node of a connected component that was seen first, of several the one of highest rank; `None` if nothing that
/// counts says that any was.
pub(crate) fn anchor(component: &Component, keys: &Keys) -> Option<NodeId> {
    let seen = || component.members.iter().filter_map(|(id, member)| Some((*id, member.told.first_seen?)));
    let first = seen().map(|(_, time)| time).min()?;
    let mut firsts: Vec<NodeId> = seen().filter(|(_, time)| *time == first).map(|(id, _)| id).collect();
    match firsts[..] {
        [only] => Some(only),
        _ => firsts.drain(..).max_by_key(|id| keys.rank(*id)),
    }
}
