//! The audit: laws that hold at every moment of a run, whatever fails. It sees each transaction at the moment at which
//! it is decided that it is committed, and each store after each of its commits.
//!
//! - What is committed of an input is read without a gap and without a repetition.
//! - The commits of a partition are numbered without a gap, in the offsets as in the changelog, on one lineage.
//! - A store is never ahead of its changelog; at its last commit, it is the fold of it, of whole commits only.
//!
//! A transaction may be torn: then inputs may come twice, and it counts that nobody goes on as if nothing had happened.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_pipeline::changelog::{MARK_KEY, Mark};
use kinfold_pipeline::{StageName, Writes};

use super::Place;
use super::group::Pending;
use super::log::{Record, Shelves};
use crate::simulation::Map;

/// A partition of a stage.
pub(super) type Desk = (StageName, u32);

/// What should be in a store.
#[derive(Default)]
pub(super) struct Fold {
    pub(super) content: Map,
    /// Of a commit without a marker.
    begun: Writes,
    commit: u64,
    lineage: u128,
}

/// What has been seen so far.
#[derive(Default)]
pub(super) struct Audit {
    /// What was found to be against a law, in the order of finding.
    pub(super) broken: Vec<String>,
    /// Whether part of a transaction was committed without the rest.
    pub(super) is_torn: bool,
    folds: BTreeMap<Desk, Fold>,
    /// By stage and input, where reading goes on.
    read: BTreeMap<(StageName, Place), i64>,
    /// Of the last commit, as the offsets' metadata tell.
    numbers: BTreeMap<Desk, u64>,
}

impl Audit {
    /// What a store should be when it is at rest.
    pub(super) fn fold(&self, desk: Desk) -> Option<&Fold> {
        self.folds.get(&desk)
    }

    /// Whether a partition's changelog and offsets are not of the same commit.
    pub(super) fn is_torn(&self, desk: Desk) -> bool {
        let number = self.numbers.get(&desk).copied().unwrap_or_default();
        self.folds.get(&desk).is_some_and(|fold| fold.commit != number || !fold.begun.is_empty())
    }

    /// A transaction's part in a changelog.
    pub(super) fn changelog<'r>(&mut self, desk: Desk, records: impl Iterator<Item = &'r Record>) {
        let (stage, partition) = desk;
        let fold = self.folds.entry(desk).or_default();
        for record in records {
            let key = record.key.clone().unwrap_or_default();
            if key != MARK_KEY {
                fold.begun.insert(key, record.value.clone());
                continue;
            }
            let Ok(mark) = Mark::decode(record.value.as_deref().unwrap_or_default()) else {
                self.broken.push(format!("{stage} {partition}: a commit marker cannot be read"));
                return;
            };
            let is_next =
                mark.commit == fold.commit + 1 && (fold.commit == 0 || mark.lineage == fold.lineage);
            if !is_next && !self.is_torn {
                self.broken.push(format!(
                    "{stage} {partition}: commit {} of the changelog comes after commit {}, or is of another lineage",
                    mark.commit, fold.commit
                ));
            }
            (fold.commit, fold.lineage) = (mark.commit, mark.lineage);
            for (key, value) in std::mem::take(&mut fold.begun) {
                match value {
                    Some(value) => fold.content.insert(key, value),
                    None => fold.content.remove(&key),
                };
            }
        }
        if !fold.begun.is_empty() && !self.is_torn {
            self.broken.push(format!(
                "{stage} {partition}: what was committed to the changelog ends without a marker"
            ));
        }
    }

    /// A transaction's offsets.
    pub(super) fn offsets(&mut self, stage: StageName, pending: &Pending, shelves: &Shelves) {
        let mut numbers: BTreeMap<u32, u64> = BTreeMap::new();
        for ((name, partition), (offset, number)) in &pending.offsets {
            let place = (*name, *partition);
            numbers.insert(*partition, *number);
            let from = self.read.insert((stage, place), *offset).unwrap_or_default();
            let there = shelves.get(place).into_iter().flat_map(|shelf| shelf.committed(from, *offset));
            let there: BTreeSet<i64> = there.map(|record| record.offset).collect();
            let read: BTreeSet<i64> =
                pending.reads.iter().filter(|(of, _)| *of == place).map(|(_, offset)| *offset).collect();
            if there != read && !self.is_torn {
                self.broken.push(format!(
                    "{stage} {partition}: the commit takes {name} from {from} to {offset}, which is {there:?}, but \
                     {read:?} was read"
                ));
            }
        }
        for (partition, number) in numbers {
            let last = self.numbers.insert((stage, partition), number).unwrap_or_default();
            if number != last + 1 && !self.is_torn {
                self.broken.push(format!(
                    "{stage} {partition}: offsets of commit {number} come after those of {last}"
                ));
            }
        }
    }

    /// A store after a commit.
    pub(super) fn stored(&mut self, desk: Desk, content: &Map) {
        let Some(mark) = content.get(MARK_KEY).and_then(|value| Mark::decode(value).ok()) else { return };
        let (stage, partition) = desk;
        let commit = self.folds.get(&desk).map_or(0, |fold| fold.commit);
        if mark.commit > commit {
            self.broken.push(format!(
                "{stage} {partition}: the store is at commit {}, of which the log knows {commit}",
                mark.commit
            ));
        } else if mark.commit == commit
            // What compaction removed for the sake of part of a commit, nobody brings back: the partition has to stand still.
            && !self.is_torn(desk)
            && let Some(difference) = self.difference(desk, content)
        {
            self.broken.push(format!("{stage} {partition}: at commit {commit} the store {difference}"));
        }
    }

    /// How a store's content differs from the fold of its changelog.
    pub(super) fn difference(&self, desk: Desk, content: &Map) -> Option<String> {
        let empty = Map::new();
        let should = self.folds.get(&desk).map_or(&empty, |fold| &fold.content);
        // Keys of stages begin with a letter; what is below belongs to the loop.
        let is = content.range(b"\x01".to_vec()..);
        if is.clone().eq(should.iter()) {
            return None;
        }
        let is: Map = is.map(|(key, value)| (key.clone(), value.clone())).collect();
        let text = |key: &Vec<u8>| key.escape_ascii().to_string();
        let too_many: Vec<_> = is.keys().filter(|key| !should.contains_key(*key)).map(text).collect();
        let missing: Vec<_> = should.keys().filter(|key| !is.contains_key(*key)).map(text).collect();
        let others: Vec<_> =
            should.iter().filter(|(key, value)| is.get(*key).is_some_and(|one| one != *value)).collect();
        let others: Vec<_> = others.into_iter().map(|(key, _)| text(key)).collect();
        Some(format!("has {too_many:?} too many, lacks {missing:?}, and has other values of {others:?}"))
    }
}
