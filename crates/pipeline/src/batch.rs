//! What a batch amounts to: records for the log and writes for the store, to be committed together.

use std::collections::BTreeMap;

use kinfold_model::RefusalKind;

use crate::overlay::Writes;
use crate::record::{Origin, OutRecord};

/// The effects of a batch. Dropping them undoes the batch.
#[derive(Debug, Default)]
#[must_use = "a batch has to be committed, or counted as aborted"]
pub struct Batch {
    /// For the log, in order.
    pub outputs: Vec<OutRecord>,
    /// For the store and its changelog.
    pub writes: Writes,
    /// What became of the records; to be counted once the batch is committed.
    pub tally: Tally,
}

/// Every record is accounted for: `consumed = passed + Σ refused`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many were read from where.
    pub consumed: BTreeMap<Origin, u64>,
    /// How many were handled.
    pub passed: u64,
    /// How many became dead letters, and why.
    pub refused: BTreeMap<RefusalKind, u64>,
    /// What operators want to hear of, by name, and how often it happened.
    pub notes: BTreeMap<&'static str, u64>,
}

impl Tally {
    /// Adds another tally.
    pub fn add(&mut self, other: &Self) {
        for (origin, count) in &other.consumed {
            *self.consumed.entry(origin.clone()).or_default() += count;
        }
        self.passed += other.passed;
        for (kind, count) in &other.refused {
            *self.refused.entry(*kind).or_default() += count;
        }
        for (note, count) in &other.notes {
            *self.notes.entry(note).or_default() += count;
        }
    }

    /// All that were read.
    #[must_use]
    pub fn consumed_total(&self) -> u64 {
        self.consumed.values().sum()
    }

    /// All that became dead letters.
    #[must_use]
    pub fn refused_total(&self) -> u64 {
        self.refused.values().sum()
    }
}
