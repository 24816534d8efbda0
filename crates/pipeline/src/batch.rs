//! What a batch amounts to: records for the log and writes for the store, to be committed together.

use std::collections::BTreeMap;
use std::sync::Arc;

use kinfold_capture::Outcome;
use kinfold_model::{RefusalKind, SourceQuality};

use crate::brake::Verdict;
use crate::overlay::Writes;
use crate::record::{Origin, OutRecord};

/// The effects of a batch. Dropping them undoes the batch.
#[derive(Default)]
#[must_use = "a batch has to be committed, or counted as aborted"]
pub struct Batch {
    /// For the log, in order.
    pub outputs: Vec<OutRecord>,
    /// For the store and its changelog.
    pub writes: Writes,
    /// What became of the records; to be counted once the batch is committed.
    pub tally: Tally,
    /// What became of each record of a source, in order. Records that were sent again are not among them: what somebody
    /// replays too early is not the source's doing.
    pub verdicts: BTreeMap<Arc<str>, Vec<Verdict>>,
}

impl std::fmt::Debug for Batch {
    /// How much it is; neither records nor state are printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "batch of {} records and {} writes", self.outputs.len(), self.writes.len())
    }
}

/// Every record is accounted for: `consumed = passed + Σ refused`. A record of which several parts were refused is refused
/// once, for the first; the others are counted beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many were read from where.
    pub consumed: BTreeMap<Origin, u64>,
    /// How many were handled without a refusal. A record may have given one touchpoint, many, or rightly none.
    pub passed: u64,
    /// How many became dead letters, and why.
    pub refused: BTreeMap<RefusalKind, u64>,
    /// The refusals of parts after the first one of their record.
    pub parts_refused: BTreeMap<RefusalKind, u64>,
    /// What became of the parts of records that have a mapping, by source.
    pub mapped: BTreeMap<(String, Outcome), u64>,
    /// How many attributes were dropped, by source and by the name under which they are counted.
    pub dropped: BTreeMap<(String, String), u64>,
    /// What operators want to hear of, by name, and how often it happened.
    pub notes: BTreeMap<&'static str, u64>,
    /// What sources sent, by the place where it was read and the name that it gives. See [`Tally::source`].
    pub sources: BTreeMap<(Origin, String), SourceQuality>,
}

/// Sources are counted apart up to this many: beyond it a field is taken for a source that is none.
const SOURCES_MAX: usize = 200;

/// Stands for all sources beyond [`SOURCES_MAX`].
const OTHERS: &str = "(others)";

impl Tally {
    /// What a source sent, to be counted on.
    pub fn source(&mut self, origin: &Origin, name: &str) -> &mut SourceQuality {
        let mut key = (origin.clone(), name.to_owned());
        if self.sources.len() >= SOURCES_MAX && !self.sources.contains_key(&key) {
            key.1 = OTHERS.to_owned();
        }
        self.sources.entry(key).or_default()
    }

    /// Adds another tally.
    pub fn add(&mut self, other: &Self) {
        for (origin, count) in &other.consumed {
            *self.consumed.entry(origin.clone()).or_default() += count;
        }
        self.passed += other.passed;
        for (kind, count) in &other.refused {
            *self.refused.entry(*kind).or_default() += count;
        }
        for (kind, count) in &other.parts_refused {
            *self.parts_refused.entry(*kind).or_default() += count;
        }
        for (what, count) in &other.mapped {
            *self.mapped.entry(what.clone()).or_default() += count;
        }
        for (what, count) in &other.dropped {
            *self.dropped.entry(what.clone()).or_default() += count;
        }
        for (note, count) in &other.notes {
            *self.notes.entry(note).or_default() += count;
        }
        for ((origin, name), quality) in &other.sources {
            self.source(origin, name).add(quality);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_counted_apart_up_to_a_limit_and_none_is_lost() {
        let origin = Origin::Raw("web".into());
        let (mut tally, mut sum) = (Tally::default(), Tally::default());
        for index in 0..2 * SOURCES_MAX {
            tally.source(&origin, &format!("s{index}")).touchpoint(&[]);
        }
        sum.add(&tally);
        sum.add(&tally);
        assert!(sum.sources.len() <= SOURCES_MAX + 1);
        let touchpoints: u64 = sum.sources.values().map(|quality| quality.touchpoints).sum();
        assert_eq!(touchpoints, 4 * SOURCES_MAX as u64);
    }
}
