//! What other rules would make of the stored evidence: the identity graph is revised in a draft, and assignments
//! before and after are compared.
//!
//! In go a store that is only read and the ports with the new rules; out comes which people would exchange nodes
//! with which, and how many identifiers would get another person.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::{Assignment, ChangeRule, Fault, IdentityChange, Namespace, NodeId, PersonId};
use kinfold_pipeline::{Draft, Listener, Local, LocalPorts, OutRecord, Shelf, Store, Writes};
use kinfold_wire::{SchemaIds, Topic, decode};

use crate::commands::Failure;
use crate::run::{now, revise};

/// How many of the largest new people are told.
const LARGEST: usize = 5;

/// What would become of a group of people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    Merged,
    Split,
    /// Identifiers go from somebody to somebody else, or to nobody, or come from nobody.
    Moved,
    Created,
    Retired,
    /// The same nodes under another id.
    Renamed,
}

impl Fate {
    /// All, in the order in which they are told.
    pub(crate) const ALL: [Self; 6] =
        [Self::Merged, Self::Split, Self::Moved, Self::Created, Self::Retired, Self::Renamed];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Merged => "merged",
            Self::Split => "split",
            Self::Moved => "moved",
            Self::Created => "created",
            Self::Retired => "retired",
            Self::Renamed => "renamed",
        }
    }
}

/// People who would exchange nodes among each other, and with nobody else.
pub(crate) struct Group {
    pub(crate) fate: Fate,
    /// Sorted.
    pub(crate) before: Vec<PersonId>,
    /// Each with the number of its identifiers; sorted.
    pub(crate) after: Vec<(PersonId, u64)>,
    /// How many identifiers are concerned.
    pub(crate) identifiers: u64,
    /// How many of them get another person.
    pub(crate) moved: u64,
    /// What made the difference, and the node where it was made; `None` when no record tells.
    pub(crate) because: Option<(ChangeRule, NodeId)>,
}

/// The difference that other rules would make.
pub(crate) struct Difference {
    /// In the order of their people.
    pub(crate) groups: Vec<Group>,
}

impl Difference {
    /// How many groups share a fate.
    pub(crate) fn count(&self, fate: Fate) -> usize {
        self.groups.iter().filter(|group| group.fate == fate).count()
    }

    /// How many identifiers get another person, or one for the first time, or none any more.
    pub(crate) fn identifiers_moved(&self) -> u64 {
        self.groups.iter().map(|group| group.moved).sum()
    }

    /// The people with the most identifiers among those who are put together anew.
    pub(crate) fn largest(&self) -> Vec<(PersonId, u64)> {
        let anew = self.groups.iter().filter(|group| group.fate != Fate::Renamed);
        let mut people: Vec<(PersonId, u64)> = anew.flat_map(|group| group.after.iter().copied()).collect();
        people.sort_by_key(|(person, identifiers)| (std::cmp::Reverse(*identifiers), *person));
        people.truncate(LARGEST);
        people
    }
}

/// Revises in a draft above `store` and compares.
pub(crate) fn compare<S: Store>(store: &S, ports: &LocalPorts) -> Result<Difference, Failure> {
    let mut local = Local::open(ports, Draft::new(store, Writes::new())).map_err(Failure::fault)?;
    let mut heard = Heard::default();
    revise(&mut local, now(), &mut heard)?;
    let changes =
        heard.changes.iter().map(|value| decode(Topic::IdentityChange, &SchemaIds::default(), value));
    let changes: Vec<IdentityChange> = changes.collect::<Result<_, _>>().map_err(Failure::fault)?;
    let flows = flows(store, &local, &heard.assigned).map_err(Failure::fault)?;
    Ok(Difference { groups: groups(&flows, &because(&changes)) })
}

/// What passed while the draft was made.
#[derive(Default)]
struct Heard {
    /// The keys of `identity-assignment`.
    assigned: BTreeSet<Vec<u8>>,
    /// The values of `identity-change`.
    changes: Vec<Vec<u8>>,
}

impl Listener for Heard {
    fn written(&mut self, record: &OutRecord) {
        match (record.topic, &record.value) {
            (Topic::IdentityAssignment, _) => drop(self.assigned.insert(record.key.clone())),
            (Topic::IdentityChange, Some(value)) => self.changes.push(value.clone()),
            _ => {}
        }
    }
}

/// Whose a node was, and whose it is.
type Way = (Option<PersonId>, Option<PersonId>);

/// How many identifiers went which way; people that only sightings belong to have a way with 0.
type Flows = BTreeMap<Way, u64>;

/// The ways of all nodes of people who gain or lose one. Memory grows with the difference, not with the store.
fn flows<S: Store>(
    store: &S,
    local: &Local<'_, Draft<'_, S>>,
    assigned: &BTreeSet<Vec<u8>>,
) -> Result<Flows, Fault> {
    let shelf = Shelf::Topic(Topic::IdentityAssignment);
    let mut moved = BTreeSet::new();
    let mut flows = Flows::new();
    for key in assigned {
        let before = store.get(&[shelf.prefix(), key.clone()].concat())?;
        let before = before.map(|value| assignment(&value)).transpose()?;
        let after = local.last(Topic::IdentityAssignment, key)?;
        let after = after.map(|value| assignment(&value)).transpose()?;
        let person = |one: &Option<Assignment>| one.as_ref().map(|one| one.person_id);
        let way = (person(&before), person(&after));
        if way.0 != way.1 {
            let namespace = |one: Option<Assignment>| one.and_then(|one| one.namespace);
            count(&mut flows, way, namespace(after).or(namespace(before)));
            moved.insert(key.clone());
        }
    }
    let concerned: BTreeSet<PersonId> =
        flows.keys().flat_map(|(before, after)| before.iter().chain(after).copied()).collect();
    let mut fault = None;
    local.visit(shelf, &mut |key, value| match assignment(value) {
        Ok(stays) if concerned.contains(&stays.person_id) && !moved.contains(key) => {
            count(&mut flows, (Some(stays.person_id), Some(stays.person_id)), stays.namespace);
        }
        Ok(_) => {}
        Err(error) => fault = Some(error),
    })?;
    fault.map_or(Ok(flows), Err)
}

fn assignment(value: &[u8]) -> Result<Assignment, Fault> {
    let read = decode(Topic::IdentityAssignment, &SchemaIds::default(), value);
    read.map_err(|error| Fault::Corrupt { what: "assignment", why: error.to_string() })
}

fn count(flows: &mut Flows, way: Way, namespace: Option<Namespace>) {
    *flows.entry(way).or_default() += u64::from(namespace.is_some());
}

/// The first record that tells of each person.
fn because(changes: &[IdentityChange]) -> BTreeMap<PersonId, (ChangeRule, NodeId)> {
    let mut because = BTreeMap::new();
    for change in changes {
        for person in change.person_ids_before.iter().chain(&change.person_ids_after) {
            because.entry(*person).or_insert((change.rule, change.cause));
        }
    }
    because
}

/// A person before or after; the same id on both sides is two.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Before(PersonId),
    After(PersonId),
}

/// People who are connected by the ways of their nodes.
fn groups(flows: &Flows, because: &BTreeMap<PersonId, (ChangeRule, NodeId)>) -> Vec<Group> {
    let mut ways: BTreeMap<Side, Vec<Way>> = BTreeMap::new();
    for way in flows.keys() {
        for side in sides(*way) {
            ways.entry(side).or_default().push(*way);
        }
    }
    let mut seen: BTreeSet<Side> = BTreeSet::new();
    let mut groups = Vec::new();
    for first in ways.keys() {
        let (mut open, mut members) = (vec![*first], BTreeSet::new());
        while let Some(side) = open.pop() {
            if seen.insert(side) {
                members.insert(side);
                open.extend(ways[&side].iter().flat_map(|way| sides(*way)));
            }
        }
        if !members.is_empty() {
            let own: BTreeSet<Way> = members.iter().flat_map(|side| ways[side].iter().copied()).collect();
            let own: Flows = own.into_iter().map(|way| (way, flows[&way])).collect();
            groups.push(group(&own, because));
        }
    }
    groups
}

fn sides((before, after): Way) -> impl Iterator<Item = Side> {
    before.map(Side::Before).into_iter().chain(after.map(Side::After))
}

fn group(flows: &Flows, because: &BTreeMap<PersonId, (ChangeRule, NodeId)>) -> Group {
    let before: BTreeSet<PersonId> = flows.keys().filter_map(|(before, _)| *before).collect();
    let mut after: BTreeMap<PersonId, u64> = BTreeMap::new();
    for ((_, person), identifiers) in flows {
        if let Some(person) = person {
            *after.entry(*person).or_default() += identifiers;
        }
    }
    let with_nobody = flows.keys().any(|(before, after)| before.is_none() || after.is_none());
    let fate = match (before.len(), after.len()) {
        (0, _) => Fate::Created,
        (_, 0) => Fate::Retired,
        (1, 1) if !with_nobody => Fate::Renamed,
        (1, 1) => Fate::Moved,
        (_, 1) => Fate::Merged,
        (1, _) => Fate::Split,
        _ => Fate::Moved,
    };
    let moved = flows.iter().filter(|((before, after), _)| before != after).map(|(_, count)| count).sum();
    let because = before.iter().chain(after.keys()).find_map(|person| because.get(person)).copied();
    Group {
        fate,
        identifiers: flows.values().sum(),
        moved,
        because,
        before: before.into_iter().collect(),
        after: after.into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(n: u8) -> PersonId {
        PersonId::new([n; 16])
    }

    fn fates(flows: &[(Option<u8>, Option<u8>, u64)]) -> Vec<(Fate, u64, u64)> {
        let flows: Flows = flows
            .iter()
            .map(|(before, after, count)| ((before.map(person), after.map(person)), *count))
            .collect();
        let groups = groups(&flows, &BTreeMap::new());
        groups.iter().map(|group| (group.fate, group.identifiers, group.moved)).collect()
    }

    #[test]
    fn each_fate_is_told_apart_and_counts_its_identifiers() {
        let (one, two, three) = (Some(1), Some(2), Some(3));
        assert_eq!(fates(&[(one, one, 3), (two, one, 2)]), [(Fate::Merged, 5, 2)]);
        assert_eq!(fates(&[(one, one, 3), (one, two, 2)]), [(Fate::Split, 5, 2)]);
        assert_eq!(fates(&[(one, one, 3), (one, two, 2), (two, two, 4)]), [(Fate::Moved, 9, 2)]);
        assert_eq!(fates(&[(one, three, 3)]), [(Fate::Renamed, 3, 3)]);
        assert_eq!(fates(&[(None, one, 3)]), [(Fate::Created, 3, 3)]);
        assert_eq!(fates(&[(one, None, 3)]), [(Fate::Retired, 3, 3)]);
        assert_eq!(fates(&[(one, one, 1), (None, one, 1)]), [(Fate::Moved, 2, 1)]);
    }

    #[test]
    fn people_who_exchange_nothing_are_told_apart() {
        let fates = fates(&[(Some(1), Some(2), 1), (Some(2), Some(3), 1), (Some(4), None, 1)]);
        assert_eq!(fates, [(Fate::Renamed, 1, 1), (Fate::Renamed, 1, 1), (Fate::Retired, 1, 1)]);
    }
}
