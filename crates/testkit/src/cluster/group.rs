//! A consumer group: who is in it, which partitions each has, and what was committed.
//!
//! Members are static: a successor takes its predecessor's place without disturbing anybody. Whoever comes anew, or is
//! expelled, has all others give up their partitions and join again; then the generation rises, and the partitions are
//! handed out in order, as the assignor `range` does.

use std::collections::{BTreeMap, BTreeSet};

use super::{Member, Place};

/// What a member hears when it asks.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Word {
    Nothing,
    /// It has nothing any more.
    Revoked,
    /// It has these partitions.
    Assigned(u32, BTreeSet<u32>),
    /// Somebody has taken its place.
    Fenced,
}

/// Offsets that belong to a transaction which is not at its end.
#[derive(Clone, Default)]
pub(super) struct Pending {
    /// With the number of the commit, by place.
    pub(super) offsets: BTreeMap<Place, (i64, u64)>,
    /// What the member was handed since its last commit: for the audit, not for the protocol.
    pub(super) reads: BTreeSet<(Place, i64)>,
}

struct Membership {
    incarnation: u64,
    /// In the generation that is being formed.
    has_joined: bool,
}

/// The group of one stage.
#[derive(Default)]
pub(super) struct Group {
    partitions: u32,
    generation: u32,
    /// By machine.
    members: BTreeMap<u32, Membership>,
    assigned: BTreeMap<u32, BTreeSet<u32>>,
    is_forming: bool,
    pub(super) offsets: BTreeMap<Place, (i64, u64)>,
    pub(super) pending: BTreeMap<Member, Pending>,
}

impl Group {
    pub(super) fn new(partitions: u32) -> Self {
        Self { partitions, ..Self::default() }
    }

    /// A member asks, which has the partitions of generation `known`.
    pub(super) fn hear(&mut self, machine: u32, incarnation: u64, known: Option<u32>) -> Word {
        match self.members.get_mut(&machine) {
            Some(there) if there.incarnation > incarnation => return Word::Fenced,
            Some(there) if there.incarnation == incarnation => {
                let is_current = !self.is_forming && known == Some(self.generation);
                let waits = self.is_forming && there.has_joined;
                match known {
                    _ if is_current || waits => return Word::Nothing,
                    Some(_) => return Word::Revoked,
                    None => there.has_joined = true,
                }
            }
            Some(there) => *there = Membership { incarnation, has_joined: true },
            None if known.is_some() => return Word::Revoked,
            None => {
                self.disturb();
                self.members.insert(machine, Membership { incarnation, has_joined: true });
            }
        }
        self.complete();
        if self.is_forming {
            return Word::Nothing;
        }
        Word::Assigned(self.generation, self.assigned.get(&machine).cloned().unwrap_or_default())
    }

    /// Whether offsets are taken from a member that believes in this generation.
    pub(super) fn admits(&self, machine: u32, incarnation: u64, generation: Option<u32>) -> bool {
        generation == Some(self.generation)
            && self.members.get(&machine).is_some_and(|there| there.incarnation == incarnation)
    }

    /// Takes a member for dead.
    pub(super) fn expel(&mut self, machine: u32) -> bool {
        if self.members.remove(&machine).is_none() {
            return false;
        }
        self.disturb();
        self.complete();
        true
    }

    /// The machines that others wait for.
    pub(super) fn awaited(&self) -> Vec<u32> {
        let late = self.members.iter().filter(|(_, there)| self.is_forming && !there.has_joined);
        late.map(|(machine, _)| *machine).collect()
    }

    /// Who has a partition, as far as the group knows.
    pub(super) fn owner(&self, partition: u32) -> Option<u32> {
        let owns = |machine: &&u32| self.assigned.get(*machine).is_some_and(|own| own.contains(&partition));
        self.members.keys().find(owns).copied().filter(|_| !self.is_forming)
    }

    /// Whether none of what is committed of a partition may change by a transaction that is not at its end.
    pub(super) fn is_stable(&self, partition: u32) -> bool {
        !self.pending.values().any(|one| one.offsets.keys().any(|(_, index)| *index == partition))
    }

    fn disturb(&mut self) {
        if !self.is_forming {
            self.is_forming = true;
            self.members.values_mut().for_each(|there| there.has_joined = false);
        }
    }

    fn complete(&mut self) {
        if !self.is_forming || self.members.values().any(|there| !there.has_joined) {
            return;
        }
        self.is_forming = false;
        self.generation += 1;
        self.assigned.clear();
        let count = u32::try_from(self.members.len()).unwrap_or(u32::MAX).max(1);
        let (each, more) = (self.partitions / count, self.partitions % count);
        let mut begin = 0;
        for (place, machine) in (0..).zip(self.members.keys()) {
            let end = begin + each + u32::from(place < more);
            self.assigned.insert(*machine, (begin..end).collect());
            begin = end;
        }
    }
}
