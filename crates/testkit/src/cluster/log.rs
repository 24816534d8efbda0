//! A partition of a log: records of transactions that are open, those that were committed, and what readers see of it.
//!
//! Readers stop before the first record of an open transaction. Records of aborted transactions vanish; the mark that
//! ends a transaction takes an offset, and no reader is handed it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kinfold_wire::Trace;

use super::{Member, Place};

/// A record as it stands in a partition.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) offset: i64,
    /// By the broker's clock, in milliseconds since 1970.
    pub(super) time: i64,
    pub(super) key: Option<Vec<u8>>,
    /// `None` for a tombstone.
    pub(super) value: Option<Vec<u8>>,
    pub(super) trace: Option<Trace>,
    /// Of which output; all outputs share the partitions of one topic here, which is never compacted.
    pub(super) output: Option<Arc<str>>,
    /// Whose transaction it is part of, while that is open.
    pub(super) open: Option<Member>,
    /// Of a tombstone that compaction has passed over: when it is removed.
    pub(super) horizon: Option<i64>,
}

/// One partition of a topic.
#[derive(Default)]
pub(super) struct Shelf {
    /// In the order of offsets, not without gaps.
    records: Vec<Record>,
    end: i64,
    /// The first offset of each open transaction.
    open: BTreeMap<Member, i64>,
}

impl Shelf {
    /// Adds a record and tells its offset.
    pub(super) fn append(&mut self, record: Record) -> i64 {
        let offset = self.end;
        if let Some(writer) = record.open {
            self.open.entry(writer).or_insert(offset);
        }
        self.records.push(Record { offset, ..record });
        self.end += 1;
        offset
    }

    /// Where readers stop: the first offset that belongs to an open transaction, or the end.
    pub(super) fn stable(&self) -> i64 {
        self.open.values().min().copied().unwrap_or(self.end)
    }

    /// The mark at the end of a transaction.
    pub(super) fn mark(&mut self, writer: Member, is_commit: bool) {
        self.end += 1;
        if self.open.remove(&writer).is_none() {
            return;
        }
        if is_commit {
            self.records.iter_mut().filter(|one| one.open == Some(writer)).for_each(|one| one.open = None);
        } else {
            self.records.retain(|one| one.open != Some(writer));
        }
    }

    /// What a transaction wrote here so far.
    pub(super) fn written_by(&self, writer: Member) -> impl Iterator<Item = &Record> {
        let begin = self.open.get(&writer).map_or(self.records.len(), |first| self.place(*first));
        self.records[begin..].iter().filter(move |one| one.open == Some(writer))
    }

    /// The next record that a reader is handed, from an offset on.
    pub(super) fn next(&self, from: i64) -> Option<&Record> {
        self.records.get(self.place(from)).filter(|one| one.offset < self.stable())
    }

    /// All records that were committed, from an offset to before another.
    pub(super) fn committed(&self, from: i64, to: i64) -> impl Iterator<Item = &Record> {
        self.records[self.place(from)..]
            .iter()
            .take_while(move |one| one.offset < to)
            .filter(|one| one.open.is_none())
    }

    /// Keeps the last record of each key of what readers see. A tombstone stays for the time of retention after the
    /// first compaction that passes over it, as Kafka has it: so that whoever has read what it deletes will read it.
    pub(super) fn compact(&mut self, now: i64, retention_ms: i64) {
        let stable = self.stable();
        let mut later: BTreeSet<Option<Vec<u8>>> = BTreeSet::new();
        let mut kept = Vec::with_capacity(self.records.len());
        for mut record in std::mem::take(&mut self.records).into_iter().rev() {
            if record.offset < stable {
                let is_superseded = !later.insert(record.key.clone());
                let is_forgotten = record.horizon.is_some_and(|horizon| horizon <= now);
                if is_superseded || is_forgotten {
                    continue;
                }
                if record.value.is_none() {
                    record.horizon.get_or_insert(now + retention_ms);
                }
            }
            kept.push(record);
        }
        kept.reverse();
        self.records = kept;
    }

    /// The place among the records of the first one from an offset on.
    fn place(&self, offset: i64) -> usize {
        self.records.partition_point(|one| one.offset < offset)
    }
}

/// All partitions that anything was written to.
#[derive(Default)]
pub(super) struct Shelves(BTreeMap<Place, Shelf>);

impl Shelves {
    pub(super) fn of(&mut self, place: Place) -> &mut Shelf {
        self.0.entry(place).or_default()
    }

    pub(super) fn get(&self, place: Place) -> Option<&Shelf> {
        self.0.get(&place)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Place, &Shelf)> {
        self.0.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&Place, &mut Shelf)> {
        self.0.iter_mut()
    }
}
