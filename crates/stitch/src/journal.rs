//! What one record changed in sum: assignments and changes of people, told once, however many messages it took.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::take;

use kinfold_model::privacy::{Erasure, Report, Restriction, Ruling};
use kinfold_model::{
    Assignment, ChangeKind, IdentityChange, Move, Namespace, NodeId, PersonId, RulesVersion,
};

use crate::node::Node;
use crate::op::Cause;
use crate::sets::DisjointSets;

/// Something that operators want to hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Note {
    /// An identifier has too many neighbours, and links nothing any more.
    Quarantined,
    /// An identifier is blocked, and links nothing any more.
    Blocked,
    /// An identifier was taken out of a component that had grown too large.
    Shed,
    /// An identifier links again.
    Freed,
    /// An identifier is erased, and links nothing any more.
    Erased,
    /// An identifier that was erased came back by a consent, and links again.
    Returned,
}

impl Note {
    /// All notes, as metrics name them.
    pub const ALL: [Self; 6] =
        [Self::Quarantined, Self::Blocked, Self::Shed, Self::Freed, Self::Erased, Self::Returned];

    /// The name in metrics and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quarantined => "quarantined",
            Self::Blocked => "blocked",
            Self::Shed => "shed",
            Self::Freed => "freed",
            Self::Erased => "erased",
            Self::Returned => "returned",
        }
    }
}

/// A node's person before and after.
struct Turn {
    namespace: Option<Namespace>,
    was: Option<PersonId>,
    is: Option<PersonId>,
}

/// Collects, and tells at the end.
#[derive(Default)]
pub(crate) struct Journal {
    /// By node: what was published before, and what is now.
    pointed: BTreeMap<NodeId, Turn>,
    /// By node of a component in which anything changed.
    settled: BTreeMap<NodeId, Turn>,
    notes: Vec<(NodeId, Note)>,
    rulings: Vec<Ruling>,
    /// The last assignments of nodes that were erased.
    farewells: BTreeMap<NodeId, Assignment>,
    /// Nodes with a pointer whose last assignment, perhaps one of an earlier record, said that they are erased.
    anew: BTreeSet<NodeId>,
    reports: Vec<Report>,
}

impl Journal {
    /// A node took a pointer.
    pub(crate) fn pointed(
        &mut self,
        id: NodeId,
        namespace: Option<Namespace>,
        was: Option<PersonId>,
        is: Option<PersonId>,
    ) {
        self.pointed.entry(id).or_insert_with(|| Turn { namespace, was, is }).is = is;
    }

    /// A root decided who a node is. Nodes that stay who they were belong here too, as witnesses.
    pub(crate) fn settled(
        &mut self,
        id: NodeId,
        namespace: Option<&Namespace>,
        was: Option<PersonId>,
        is: Option<PersonId>,
    ) {
        let turn = self.settled.entry(id);
        turn.or_insert_with(|| Turn { namespace: namespace.cloned(), was, is }).is = is;
    }

    /// A node that took a pointer was last told to be erased: it is told anew, whoever it is.
    pub(crate) fn is_anew(&mut self, id: NodeId) {
        self.anew.insert(id);
    }

    /// Nothing, or less, counts any more that was said at a node, or what is said from some time on counts again. Whether its last
    /// assignment says that it is erased.
    pub(crate) fn erased(&mut self, erasure: Erasure, node: &Node) -> bool {
        let person = node.person.filter(|_| erasure.marks.counts_from().is_none());
        if let Some(person_id) = person {
            let namespace = node.namespace().cloned();
            let farewell = Assignment { node: erasure.node, namespace, person_id, erased: true };
            self.farewells.insert(erasure.node, farewell);
        }
        self.rulings.push(Ruling::Erased(erasure));
        person.is_some()
    }

    /// An identifier is restricted, or is not any more.
    pub(crate) fn restricted(&mut self, restriction: Restriction) {
        self.rulings.push(Ruling::Restricted(restriction));
    }

    /// Something to tell about a request.
    pub(crate) fn report(&mut self, report: Report) {
        self.reports.push(report);
    }

    /// What facets is told because somebody asked, and what is told about requests.
    pub(crate) fn asked_for(&mut self) -> (Vec<Ruling>, Vec<Report>) {
        let Self { rulings, reports, .. } = self;
        (take(rulings), take(reports))
    }

    /// An identifier begins or ceases to link.
    pub(crate) fn note(&mut self, id: NodeId, note: Note) {
        self.notes.push((id, note));
    }

    /// The notes so far.
    pub(crate) fn notes(&mut self) -> Vec<(NodeId, Note)> {
        take(&mut self.notes)
    }

    /// The last assignments of nodes of which nothing was left; behind them, so that whoever reads those of a node in order knows why,
    /// the assignments that differ from what was published, in the order of nodes, without one for a node that belongs to nobody any
    /// more. Who was erased and is the same again differs from what their last assignment said.
    pub(crate) fn assignments(&mut self) -> impl Iterator<Item = (NodeId, Option<Assignment>)> + use<> {
        let (farewells, mut pointed) = (take(&mut self.farewells), take(&mut self.pointed));
        let anew = take(&mut self.anew);
        pointed.retain(|node, turn| turn.was != turn.is || anew.contains(node));
        let now = pointed.into_iter().map(|(node, Turn { namespace, is, .. })| {
            (node, is.map(|person_id| Assignment { node, namespace, person_id, erased: false }))
        });
        farewells.into_iter().map(|(node, farewell)| (node, Some(farewell))).chain(now)
    }

    /// How people changed: one change for each set of people that exchanged nodes.
    pub(crate) fn changes(&mut self, cause: &Cause, rules: RulesVersion) -> Vec<IdentityChange> {
        let settled = take(&mut self.settled);
        if settled.values().all(|turn| turn.was == turn.is) {
            return Vec::new();
        }
        let rules_version = rules.to_string();
        clusters(settled)
            .into_iter()
            .filter_map(|moves| change(moves, cause, rules_version.clone()))
            .collect()
    }
}

/// Groups nodes whose people, before or after, are connected.
fn clusters(settled: BTreeMap<NodeId, Turn>) -> Vec<Vec<Move>> {
    let people: Vec<PersonId> = {
        let distinct: BTreeSet<_> =
            settled.values().flat_map(|turn| turn.was.iter().chain(&turn.is)).collect();
        distinct.into_iter().copied().collect()
    };
    let index = |person: &PersonId| people.binary_search(person).unwrap_or_default();
    let mut sets = DisjointSets::new(people.len());
    for turn in settled.values() {
        if let (Some(was), Some(is)) = (&turn.was, &turn.is) {
            sets.union(index(was), index(is));
        }
    }
    let mut clusters: BTreeMap<usize, Vec<Move>> = BTreeMap::new();
    for (node, Turn { namespace, was, is }) in settled {
        if let Some(person) = is.or(was) {
            let moves = clusters.entry(sets.find(index(&person))).or_default();
            moves.push(Move { node, namespace, before: was, after: is });
        }
    }
    clusters.into_values().collect()
}

fn change(all: Vec<Move>, cause: &Cause, rules_version: String) -> Option<IdentityChange> {
    let before: BTreeSet<PersonId> = all.iter().filter_map(|turn| turn.before).collect();
    let after: BTreeSet<PersonId> = all.iter().filter_map(|turn| turn.after).collect();
    let moves: Vec<Move> =
        all.into_iter().filter(|turn| turn.before.is_some() && turn.before != turn.after).collect();
    let kind = match (before.len(), after.len()) {
        (0, _) => ChangeKind::Created,
        (_, 0) => ChangeKind::Retired,
        (_, 1) if before.len() > 1 => ChangeKind::Merged,
        (1, _) if after.len() > 1 => ChangeKind::Split,
        _ if moves.is_empty() => return None,
        _ => ChangeKind::Moved,
    };
    Some(IdentityChange {
        kind,
        person_ids_before: before.into_iter().collect(),
        person_ids_after: after.into_iter().collect(),
        moved: moves.iter().map(|turn| turn.node).collect(),
        cause: cause.node,
        time: cause.time,
        rule: cause.rule,
        rules_version,
        command_id: cause.command_id.clone(),
        moves,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::{Part, Standing};
    use kinfold_model::{ChangeRule, Mark, Marks, NodeKind, Reach, Rules, Timestamp};

    fn node(n: u8) -> NodeId {
        NodeId::new([n * 2; 16], NodeKind::Identifier)
    }

    fn person(n: u8) -> PersonId {
        PersonId::new([n; 16])
    }

    fn kinds(moves: &[(u8, Option<u8>, Option<u8>)]) -> Vec<ChangeKind> {
        let mut journal = Journal::default();
        for (id, was, is) in moves {
            journal.settled(node(*id), None, was.map(person), is.map(person));
        }
        let cause =
            Cause { node: node(1), time: Timestamp::default(), rule: ChangeRule::Evidence, command_id: None };
        journal.changes(&cause, Rules::default().version()).iter().map(|change| change.kind).collect()
    }

    #[test]
    fn each_kind_of_change_is_told_apart() {
        assert_eq!(kinds(&[(1, None, Some(1)), (2, None, Some(1))]), [ChangeKind::Created]);
        assert_eq!(kinds(&[(1, Some(1), Some(1)), (2, Some(2), Some(1))]), [ChangeKind::Merged]);
        assert_eq!(kinds(&[(1, Some(1), Some(1)), (2, Some(1), Some(2))]), [ChangeKind::Split]);
        assert_eq!(kinds(&[(1, Some(1), Some(2)), (2, None, Some(2))]), [ChangeKind::Moved]);
        let exchange = [(1, Some(1), Some(1)), (2, Some(2), Some(2)), (3, Some(1), Some(2))];
        assert_eq!(kinds(&exchange), [ChangeKind::Moved]);
        assert_eq!(kinds(&[(1, Some(1), None)]), [ChangeKind::Retired]);
        assert_eq!(kinds(&[(1, Some(1), Some(1)), (2, Some(1), None)]), [ChangeKind::Moved]);
    }

    #[test]
    fn a_newcomer_to_a_known_person_is_no_change_of_people() {
        assert_eq!(kinds(&[(1, Some(1), Some(1)), (2, None, Some(1))]), []);
    }

    #[test]
    fn what_was_undone_within_one_record_is_not_told() {
        let mut journal = Journal::default();
        journal.pointed(node(1), None, Some(person(1)), Some(person(2)));
        journal.pointed(node(1), None, Some(person(2)), Some(person(1)));
        assert_eq!(journal.assignments().count(), 0);
    }

    #[test]
    fn who_is_erased_and_back_within_one_record_is_assigned_again() {
        let mut erased = Mark::default();
        erased.erase(Reach::Everything, Timestamp::default());
        let standing = Standing::new(Namespace::new("email"), false);
        let known = Node { person: Some(person(1)), ..Node::new(node(1), Part::Identifier(standing)) };
        let mut journal = Journal::default();
        let marks = Marks::alone(node(1), erased);
        assert!(journal.erased(Erasure { node: node(1), marks, ticket: None }, &known));
        journal.is_anew(node(1));
        journal.pointed(node(1), None, Some(person(1)), None);
        journal.pointed(node(1), None, None, Some(person(1)));
        let told = journal.assignments().map(|(_, one)| one.map(|one| (one.person_id, one.erased)));
        assert_eq!(told.collect::<Vec<_>>(), [Some((person(1), true)), Some((person(1), false))]);
    }

    #[test]
    fn strangers_who_change_at_once_are_told_apart() {
        assert_eq!(kinds(&[(1, None, Some(1)), (2, Some(3), Some(4))]).len(), 2);
    }
}
