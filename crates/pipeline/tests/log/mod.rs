//! A log in memory for tests of the worker: records by partition in, what was committed out. It has an empty changelog, promises that no call
//! fails, and each look at it takes a tenth of a second.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use kinfold_model::Timestamp;
use kinfold_pipeline::link::{Claim, Commit, Link, Polled, Tailed};
use kinfold_pipeline::{InRecord, Origin, OutRecord};

/// A log that commits everything. A partition is read in order, and all of them in turns.
#[derive(Default)]
pub(crate) struct Log {
    partitions: Vec<Vec<InRecord>>,
    is_assigned: bool,
    turn: usize,
    positions: Vec<usize>,
    pub(crate) committed: Vec<OutRecord>,
    /// Whose changelog, which is empty, is to be read to its end.
    followed: Vec<u32>,
}

impl Log {
    /// With these partitions, of which nothing was read yet.
    pub(crate) fn of(partitions: Vec<Vec<InRecord>>) -> Self {
        Self { partitions, ..Self::default() }
    }
}

impl Link for &mut Log {
    type Error = Infallible;

    fn cluster(&self) -> &str {
        ""
    }

    fn changelog(&self) -> &str {
        ""
    }

    fn keeps_deletions_since(&self) -> Timestamp {
        Timestamp::MIN
    }

    fn now(&self) -> Timestamp {
        Timestamp::default().plus_millis(100 * i64::try_from(self.turn).expect("a few"))
    }

    fn draw(&mut self) -> u128 {
        1
    }

    fn poll(&mut self, _: bool) -> Result<Polled, Infallible> {
        let count = self.partitions.len();
        if !std::mem::replace(&mut self.is_assigned, true) {
            self.positions = vec![0; count];
            let claims = (0..).take(count).map(|partition| Claim { partition, ..Claim::default() });
            return Ok(Polled::Assigned(claims.collect()));
        }
        self.turn += 1;
        for partition in (0..count).map(|step| (self.turn + step) % count) {
            if let Some(record) = self.partitions[partition].get(self.positions[partition]) {
                self.positions[partition] += 1;
                return Ok(Polled::Record(record.clone()));
            }
        }
        Ok(Polled::Enough)
    }

    fn resume(&mut self, _: u32) -> Result<(), Infallible> {
        Ok(())
    }

    fn rewind(&mut self, partition: u32, offsets: &BTreeMap<Origin, i64>) -> Result<(), Infallible> {
        let offset = offsets.values().next().copied().unwrap_or_default();
        self.positions[partition as usize] = usize::try_from(offset).expect("not negative");
        Ok(())
    }

    fn hold(&mut self, _: &Origin) -> Result<(), Infallible> {
        Ok(())
    }

    fn release(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn transact(&mut self, commits: &[Commit<'_>]) -> Result<BTreeMap<u32, i64>, Infallible> {
        self.committed.extend(commits.iter().flat_map(|commit| commit.outputs).cloned());
        Ok(commits.iter().map(|commit| (commit.partition, 0)).collect())
    }

    fn renew(&mut self) -> Result<Vec<Claim>, Infallible> {
        Ok(Vec::new())
    }

    fn follow(&mut self, partition: u32, _: Option<i64>) -> Result<(), Infallible> {
        self.followed.push(partition);
        Ok(())
    }

    fn unfollow(&mut self, _: u32) -> Result<(), Infallible> {
        Ok(())
    }

    fn tail(&mut self, _: bool) -> Result<Option<(u32, Tailed)>, Infallible> {
        Ok(self.followed.pop().map(|partition| (partition, Tailed::End)))
    }

    fn remaining(&self, _: u32) -> i64 {
        0
    }

    fn standbys(&mut self) -> Result<BTreeSet<u32>, Infallible> {
        Ok(BTreeSet::new())
    }
}
