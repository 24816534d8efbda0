//! People with whom somebody was once one, and from whom they have been parted since. In: identifiers, and `identity-change` of a
//! deployment from its beginning. Out: one identifier of each of those people who are still there, by its node.
//!
//! Changes tell of people and not of everything that people consisted of, so that this errs towards too many: whoever had evidence of
//! somebody who was parted from them counts, too.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_daemon::config::Config;
use kinfold_daemon::process::kafka_settings;
use kinfold_kafka::Settings;
use kinfold_kafka::reader::{Isolation, Reader, Stored};
use kinfold_model::privacy::RequestIdentifier;
use kinfold_model::{Assignment, IdentityChange, Namespace, NodeId, PersonId};
use kinfold_wire::{SchemaIds, Topic, decode};

use super::request::by_node;
use crate::commands::Failure;

/// Somebody who was found, by one of their identifiers.
pub(crate) type Found = BTreeMap<PersonId, RequestIdentifier>;

/// How people changed, without what they consist of.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    /// When it was written, and where it lies: the order in which changes came about.
    place: (i64, i32, i64),
    people: BTreeSet<PersonId>,
    after: BTreeSet<PersonId>,
    /// From whom to whom evidence went.
    flows: BTreeSet<(PersonId, PersonId)>,
}

/// Looks for the people with whom those of these identifiers were once one.
///
/// # Errors
/// When a topic cannot be read to its end.
pub(crate) fn look(config: &Config, nodes: &BTreeSet<NodeId>) -> Result<Found, Failure> {
    let log = Log::new(config)?;
    let mut people = BTreeMap::new();
    log.assignments(&mut |node, assignment| {
        if nodes.contains(&node) {
            match assignment {
                Some(assignment) => _ = people.insert(node, assignment.person_id),
                None => _ = people.remove(&node),
            }
        }
    })?;
    let people: BTreeSet<PersonId> = people.into_values().collect();
    if people.is_empty() {
        return Ok(Found::new());
    }
    let former = former(&people, &log.turns()?);
    let mut known: BTreeMap<NodeId, (PersonId, Namespace)> = BTreeMap::new();
    log.assignments(&mut |node, assignment| {
        let assignment = assignment.filter(|one| !one.erased && former.contains(&one.person_id));
        match assignment.and_then(|one| Some((one.person_id, one.namespace?))) {
            Some(named) => drop(known.insert(node, named)),
            None => drop(known.remove(&node)),
        }
    })?;
    Ok(known.iter().map(|(node, (person, namespace))| (*person, by_node(namespace, *node))).collect())
}

/// Those with whom `people` were once one, of changes in the order in which they came about.
fn former(people: &BTreeSet<PersonId>, turns: &[Turn]) -> BTreeSet<PersonId> {
    // The newest first: under which ids was their evidence before, and who had some of it afterwards?
    let mut own = people.clone();
    let mut parted = Vec::with_capacity(turns.len());
    for turn in turns.iter().rev() {
        if turn.people.is_disjoint(&own) {
            parted.push(BTreeSet::new());
            continue;
        }
        parted.push(turn.after.difference(&own).copied().collect());
        let before: Vec<PersonId> =
            turn.flows.iter().filter(|(_, to)| own.contains(to)).map(|(from, _)| *from).collect();
        own.extend(before);
    }
    // The oldest first: who has the evidence of those today?
    let mut gone = BTreeSet::new();
    for (turn, parted) in turns.iter().zip(parted.into_iter().rev()) {
        let after: Vec<PersonId> =
            turn.flows.iter().filter(|(from, _)| gone.contains(from)).map(|(_, to)| *to).collect();
        gone.extend(after);
        gone.extend(parted);
    }
    gone.difference(people).copied().collect()
}

impl Turn {
    fn new(change: &IdentityChange, place: (i64, i32, i64)) -> Self {
        let (before, after) = (&change.person_ids_before, &change.person_ids_after);
        let moved = change.moves.iter().filter_map(|turn| Some((turn.before?, turn.after?)));
        let mut flows: BTreeSet<(PersonId, PersonId)> = moved.filter(|(from, to)| from != to).collect();
        if change.moves.is_empty() {
            // A record of the first version does not say what went where.
            let all = before.iter().flat_map(|from| after.iter().map(move |to| (*from, *to)));
            flows.extend(all.filter(|(from, to)| from != to));
        }
        Self {
            place,
            people: before.iter().chain(after).copied().collect(),
            after: after.iter().copied().collect(),
            flows,
        }
    }
}

/// The topics of a deployment that tell whose an identifier is and was.
struct Log {
    settings: Settings,
    assignment_ids: SchemaIds,
    change_ids: SchemaIds,
}

impl Log {
    fn new(config: &Config) -> Result<Self, Failure> {
        let ids =
            |topic| config.registry.schema_ids(&config.deployment.prefix, topic).map_err(Failure::Fault);
        Ok(Self {
            settings: kafka_settings(config),
            assignment_ids: ids(Topic::IdentityAssignment)?,
            change_ids: ids(Topic::IdentityChange)?,
        })
    }

    /// Shows each record of a node, the last one last; `None` where the node is nobody's.
    fn assignments(&self, see: &mut dyn FnMut(NodeId, Option<Assignment>)) -> Result<(), Failure> {
        let topic = Topic::IdentityAssignment;
        self.each(topic, &mut |record| {
            let key = record.key.as_deref().and_then(|key| std::str::from_utf8(key).ok());
            if let Some(node) = key.and_then(|key| key.parse::<NodeId>().ok()) {
                let value = record.value.map(|value| decode(topic, &self.assignment_ids, &value));
                see(node, value.transpose().map_err(Failure::fault)?);
            }
            Ok(())
        })
    }

    /// The changes that more than one person had a part in, in the order in which they came about.
    fn turns(&self) -> Result<Vec<Turn>, Failure> {
        let topic = Topic::IdentityChange;
        let mut turns = Vec::new();
        self.each(topic, &mut |record| {
            let Some(value) = &record.value else { return Ok(()) };
            let change: IdentityChange = decode(topic, &self.change_ids, value).map_err(Failure::fault)?;
            let place = (record.time_ms.unwrap_or_default(), record.partition, record.offset);
            turns.extend(Some(Turn::new(&change, place)).filter(|turn| turn.people.len() > 1));
            Ok(())
        })?;
        turns.sort();
        Ok(turns)
    }

    fn each(&self, topic: Topic, see: &mut dyn FnMut(Stored) -> Result<(), Failure>) -> Result<(), Failure> {
        let reader = Reader::from_beginning(&self.settings, topic.as_str(), Isolation::Committed);
        reader.map_err(Failure::fault)?.each(see)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kinfold_model::{ChangeKind, ChangeRule, Move, NodeKind, Timestamp};

    /// Who there was, who there is, and from whom to whom evidence went.
    type Change = (&'static [u8], &'static [u8], &'static [(u8, u8)]);

    fn person(number: u8) -> PersonId {
        PersonId::new([number; 16])
    }

    fn people(numbers: &[u8]) -> Vec<PersonId> {
        let mut people: Vec<PersonId> = numbers.iter().map(|number| person(*number)).collect();
        people.sort();
        people
    }

    fn turns(changes: &[Change]) -> Vec<Turn> {
        let node = NodeId::new([9; 16], NodeKind::Identifier);
        let turn = |(offset, (before, after, moves)): (i64, &Change)| {
            let moved = |(from, to): &(u8, u8)| Move {
                node,
                namespace: None,
                before: Some(person(*from)),
                after: Some(person(*to)),
            };
            let change = IdentityChange {
                kind: ChangeKind::Moved,
                person_ids_before: people(before),
                person_ids_after: people(after),
                moved: Vec::new(),
                cause: node,
                time: Timestamp::MIN,
                rule: ChangeRule::Evidence,
                rules_version: String::new(),
                command_id: None,
                moves: moves.iter().map(moved).collect(),
            };
            Turn::new(&change, (0, 0, offset))
        };
        (0..).zip(changes).map(turn).collect()
    }

    fn formers(of: u8, changes: &[Change]) -> Vec<PersonId> {
        former(&[person(of)].into(), &turns(changes)).into_iter().collect()
    }

    #[test]
    fn whoever_was_parted_from_somebody_is_found_whichever_of_them_kept_the_id() {
        let split: [Change; 1] = [(&[1], &[1, 2], &[(1, 2)])];
        assert_eq!(formers(1, &split), people(&[2]));
        assert_eq!(formers(2, &split), people(&[1]));
    }

    #[test]
    fn a_merge_alone_parts_nobody() {
        assert_eq!(formers(1, &[(&[1, 2], &[1], &[(2, 1)])]), people(&[]));
    }

    #[test]
    fn whoever_merged_and_was_parted_again_is_found_under_the_id_of_today() {
        let changes: [Change; 3] =
            [(&[1, 2], &[1], &[(2, 1)]), (&[1], &[1, 3], &[(1, 3)]), (&[3, 4], &[4], &[(3, 4)])];
        assert_eq!(formers(1, &changes), people(&[3, 4]), "3 is gone, and has no identifier any more");
    }

    #[test]
    fn what_was_parted_from_those_whom_somebody_became_later_counts_too() {
        let changes: [Change; 2] = [(&[2], &[2, 3], &[(2, 3)]), (&[1, 2], &[1], &[(2, 1)])];
        assert_eq!(formers(1, &changes), people(&[3]));
    }

    #[test]
    fn strangers_are_not_found() {
        let changes: [Change; 3] =
            [(&[5], &[5, 6], &[(5, 6)]), (&[1], &[1, 2], &[(1, 2)]), (&[6, 7], &[6], &[(7, 6)])];
        assert_eq!(formers(1, &changes), people(&[2]));
    }

    #[test]
    fn a_record_that_does_not_say_what_went_where_is_read_as_if_all_had_gone_everywhere() {
        let changes: [Change; 1] = [(&[1], &[1, 2], &[])];
        assert_eq!(formers(2, &changes), people(&[1]));
    }
}
