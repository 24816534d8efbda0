//! What one record changed in sum: assignments and changes of people, told once, however many messages it took.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::{Assignment, ChangeKind, IdentityChange, Namespace, NodeId, PersonId};

use crate::op::Cause;

/// Collects, and tells at the end.
#[derive(Default)]
pub(crate) struct Journal {
    /// By node: namespace, the person published before, the person now.
    pointed: BTreeMap<NodeId, (Option<Namespace>, Option<PersonId>, PersonId)>,
    /// By node of a component in which anything changed: the person before, the person now.
    settled: BTreeMap<NodeId, (Option<PersonId>, PersonId)>,
}

impl Journal {
    /// A node took a pointer.
    pub(crate) fn pointed(
        &mut self,
        id: NodeId,
        namespace: Option<&Namespace>,
        was: Option<PersonId>,
        is: PersonId,
    ) {
        self.pointed.entry(id).or_insert_with(|| (namespace.cloned(), was, is)).2 = is;
    }

    /// A root decided who a node is. Nodes that stay who they were belong here too, as witnesses.
    pub(crate) fn settled(&mut self, id: NodeId, was: Option<PersonId>, is: PersonId) {
        self.settled.entry(id).or_insert((was, is)).1 = is;
    }

    /// The assignments that differ from what was published, in the order of nodes.
    pub(crate) fn assignments(&mut self) -> impl Iterator<Item = Assignment> + use<> {
        std::mem::take(&mut self.pointed)
            .into_iter()
            .filter(|(_, (_, was, is))| *was != Some(*is))
            .map(|(node, (namespace, _, person_id))| Assignment { node, namespace, person_id })
    }

    /// How people changed: one change for each set of people that exchanged nodes.
    pub(crate) fn changes(&mut self, cause: Cause) -> Vec<IdentityChange> {
        let settled = std::mem::take(&mut self.settled);
        if settled.values().all(|(was, is)| *was == Some(*is)) {
            return Vec::new();
        }
        clusters(&settled).into_iter().filter_map(|nodes| change(&nodes, cause)).collect()
    }
}

type Moves = Vec<(NodeId, Option<PersonId>, PersonId)>;

/// Groups nodes whose people, before or after, are connected.
fn clusters(settled: &BTreeMap<NodeId, (Option<PersonId>, PersonId)>) -> Vec<Moves> {
    let people: Vec<PersonId> = {
        let distinct: BTreeSet<_> = settled.values().flat_map(|(was, is)| was.iter().chain([is])).collect();
        distinct.into_iter().copied().collect()
    };
    let index = |person: &PersonId| people.binary_search(person).unwrap_or_default();
    let mut sets = crate::people::DisjointSets::new(people.len());
    for (was, is) in settled.values() {
        if let Some(was) = was {
            sets.union(index(was), index(is));
        }
    }
    let mut clusters: BTreeMap<usize, Moves> = BTreeMap::new();
    for (node, (was, is)) in settled {
        clusters.entry(sets.find(index(is))).or_default().push((*node, *was, *is));
    }
    clusters.into_values().collect()
}

fn change(nodes: &[(NodeId, Option<PersonId>, PersonId)], cause: Cause) -> Option<IdentityChange> {
    let before: BTreeSet<PersonId> = nodes.iter().filter_map(|(_, was, _)| *was).collect();
    let after: BTreeSet<PersonId> = nodes.iter().map(|(_, _, is)| *is).collect();
    let moved: Vec<NodeId> = nodes
        .iter()
        .filter(|(_, was, is)| was.is_some_and(|was| was != *is))
        .map(|(node, ..)| *node)
        .collect();
    let kind = match (before.len(), after.len()) {
        (0, _) => ChangeKind::Created,
        (_, 1) if before.len() > 1 => ChangeKind::Merged,
        (1, _) if after.len() > 1 => ChangeKind::Split,
        _ if moved.is_empty() => return None,
        _ => ChangeKind::Moved,
    };
    Some(IdentityChange {
        kind,
        person_ids_before: before.into_iter().collect(),
        person_ids_after: after.into_iter().collect(),
        moved,
        cause: cause.node,
        time: cause.time,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kinfold_model::{NodeKind, Timestamp};

    fn node(n: u8) -> NodeId {
        NodeId::new([n * 2; 16], NodeKind::Identifier)
    }

    fn person(n: u8) -> PersonId {
        PersonId::new([n; 16])
    }

    fn kinds(moves: &[(u8, Option<u8>, u8)]) -> Vec<ChangeKind> {
        let mut journal = Journal::default();
        for (id, was, is) in moves {
            journal.settled(node(*id), was.map(person), person(*is));
        }
        let cause = Cause { node: node(1), time: Timestamp::default() };
        journal.changes(cause).iter().map(|change| change.kind).collect()
    }

    #[test]
    fn each_kind_of_change_is_told_apart() {
        assert_eq!(kinds(&[(1, None, 1), (2, None, 1)]), [ChangeKind::Created]);
        assert_eq!(kinds(&[(1, Some(1), 1), (2, Some(2), 1)]), [ChangeKind::Merged]);
        assert_eq!(kinds(&[(1, Some(1), 1), (2, Some(1), 2)]), [ChangeKind::Split]);
        assert_eq!(kinds(&[(1, Some(1), 2), (2, None, 2)]), [ChangeKind::Moved]);
        assert_eq!(kinds(&[(1, Some(1), 1), (2, Some(2), 2), (3, Some(1), 2)]), [ChangeKind::Moved]);
    }

    #[test]
    fn a_newcomer_to_a_known_person_is_no_change_of_people() {
        assert_eq!(kinds(&[(1, Some(1), 1), (2, None, 1)]), []);
    }

    #[test]
    fn what_was_undone_within_one_record_is_not_told() {
        let mut journal = Journal::default();
        journal.pointed(node(1), None, Some(person(1)), person(2));
        journal.pointed(node(1), None, Some(person(2)), person(1));
        assert_eq!(journal.assignments().count(), 0);
    }

    #[test]
    fn strangers_who_change_at_once_are_told_apart() {
        assert_eq!(kinds(&[(1, None, 1), (2, Some(3), 4)]).len(), 2);
    }
}
