//! Data that nobody here wrote: where it lies, and how to judge what was found in it.
//!
//! In goes the name of a data set and a seed; out come canonical JSON records in an order of the seed's choice,
//! with the truth beside them. No record tells its cluster: ids that would give it away are left out, and the
//! record's place after shuffling takes their stead.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use kinfold_model::rules::NeighbourLimit;
use kinfold_model::{Contested, Namespace, NamespaceRules, Normaliser, Rules};
use serde_json::{Value, json};

use crate::workspace::workspace;

mod tables;

pub use tables::{
    Merge, StitchedView, easylink, fake_1000, febrl_c, febrl4, hubspot_merges, kanoniv, snowplow,
    snowplow_stitched,
};

/// 2026-03-01T00:00:00Z: the first record of a table whose rows have no time; each later one is a second younger.
const BEGIN_MS: i64 = 1_772_323_200_000;

/// A folder of the test data, or `None` where there is none, which a test takes as leave to end.
///
/// # Panics
/// Where there is none and the environment says `CI`: there, nothing may be skipped.
#[must_use]
#[expect(clippy::print_stderr, reason = "a skipped test must say so, and a test has no other voice")]
pub fn test_data(folder: &str) -> Option<PathBuf> {
    match locate(std::env::var_os("KINFOLD_TEST_DATA"), folder) {
        Ok(path) => Some(path),
        Err(sentence) => {
            assert!(std::env::var_os("CI").is_none(), "{sentence}");
            eprintln!("{sentence}");
            None
        }
    }
}

fn locate(configured: Option<OsString>, folder: &str) -> Result<PathBuf, String> {
    let default = || workspace().join("../shared/data");
    let path = configured.map_or_else(default, PathBuf::from).join(folder);
    if path.is_dir() {
        Ok(path)
    } else {
        Err(format!("skipped: no test data at {}; set KINFOLD_TEST_DATA", path.display()))
    }
}

/// A shuffled data set.
pub struct DataSet {
    /// Canonical touchpoints as JSON. Record `n` carries the identifier `record_id` with the value [`record_id`]`(n)`,
    /// by which its person can be looked up.
    pub records: Vec<Vec<u8>>,
    /// The true cluster of each record, numbered from 0; empty when nobody knows the truth.
    pub clusters: Vec<usize>,
}

/// The value of the `record_id` that record `index` alone carries.
#[must_use]
pub fn record_id(index: usize) -> String {
    format!("r{index:06}")
}

/// The rules that data sets need: the defaults, and namespaces of their own.
///
/// - `record_id` is in one record only, so that it links nothing;
/// - `national_id` is strong but not unique: people have typing errors in it;
/// - `account_id` is what one system calls its customer, of which a person may have several;
/// - `telephone` is a number as digits: those of made-up people are in no numbering plan.
#[must_use]
pub fn rules() -> Rules {
    let mut rules = Rules::default();
    for (name, priority) in [("national_id", 2), ("account_id", 2), ("telephone", 4), ("record_id", 9)] {
        let rule = NamespaceRules {
            block: kinfold_model::BlockList::default(),
            priority,
            max_per_person: None,
            max_neighbours: NeighbourLimit::total(1000),
            contested: Contested::Newest,
            normalise: Normaliser::Text,
        };
        rules.namespaces.insert(Namespace::new(name), rule);
    }
    rules
}

/// How well a grouping agrees with the truth, over the unordered pairs of records.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quality {
    /// Which part of the pairs that were found are true; 1 when none was found.
    pub precision: f64,
    /// Which part of the true pairs was found; 1 when there are none.
    pub recall: f64,
    /// The harmonic mean of both.
    pub f1: f64,
}

/// Compares two groupings of the same records, given as one label per record.
///
/// # Panics
/// When the two are of different length.
#[must_use]
pub fn quality<F: Ord, T: Ord>(found: &[F], truth: &[T]) -> Quality {
    assert_eq!(found.len(), truth.len(), "both groupings must name a label for each record");
    let both = pairs(found.iter().zip(truth));
    let part = |whole: u64| if whole == 0 { 1.0 } else { both as f64 / whole as f64 };
    let (precision, recall) = (part(pairs(found)), part(pairs(truth)));
    let sum = precision + recall;
    Quality { precision, recall, f1: if sum == 0.0 { 0.0 } else { 2.0 * precision * recall / sum } }
}

fn pairs<L: Ord>(labels: impl IntoIterator<Item = L>) -> u64 {
    let mut sizes: BTreeMap<L, u64> = BTreeMap::new();
    for label in labels {
        *sizes.entry(label).or_default() += 1;
    }
    sizes.values().map(|size| size * (size - 1) / 2).sum()
}

/// What a reader takes from one row of a table. Empty texts state nothing.
#[derive(Default)]
struct Row {
    /// The truth; empty when unknown.
    cluster: String,
    source: &'static str,
    /// RFC 3339; empty when the table has none.
    time: String,
    /// Empty when the table has none that keeps the truth to itself.
    touchpoint_id: String,
    identifiers: Vec<(&'static str, String)>,
    attributes: Vec<(&'static str, String)>,
    /// Id, value and currency.
    order: Option<(String, String, String)>,
}

fn assemble(mut rows: Vec<Row>, seed: u64) -> DataSet {
    fastrand::Rng::with_seed(seed).shuffle(&mut rows);
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    let mut set = DataSet { records: Vec::with_capacity(rows.len()), clusters: Vec::new() };
    for (index, row) in rows.into_iter().enumerate() {
        set.records.push(record(index, &row).to_string().into_bytes());
        if !row.cluster.is_empty() {
            let next = numbers.len();
            set.clusters.push(*numbers.entry(row.cluster).or_insert(next));
        }
    }
    set
}

fn record(index: usize, row: &Row) -> Value {
    let id = record_id(index);
    let own = [("record_id", &id)];
    let stated = row.identifiers.iter().map(|(namespace, value)| (*namespace, value));
    let identifiers: Vec<Value> = own
        .into_iter()
        .chain(stated)
        .filter(|(_, value)| !value.is_empty())
        .map(|(namespace, value)| json!({"namespace": namespace, "value": value}))
        .collect();
    let attributes: BTreeMap<&str, &String> = row
        .attributes
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (*name, value))
        .collect();
    let seconds = i64::try_from(index).unwrap_or_default();
    let mut record = json!({
        "touchpoint_id": if row.touchpoint_id.is_empty() { &id } else { &row.touchpoint_id },
        "time": if row.time.is_empty() { json!(BEGIN_MS + seconds * 1000) } else { json!(row.time) },
        "source": row.source,
        "identifiers": identifiers,
        "attributes": attributes,
    });
    if let Some((order_id, value, currency)) = &row.order {
        record["order"] = json!({"order_id": order_id, "value": value, "currency": currency});
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quality_counts_pairs() {
        let quality = quality(&[1, 1, 1, 2, 3], &['a', 'a', 'b', 'b', 'c']);
        assert_eq!((quality.precision, quality.recall), (1.0 / 3.0, 0.5));
        assert!((quality.f1 - 0.4).abs() < 1e-9);
    }

    #[test]
    fn who_finds_nothing_is_precise_and_worthless() {
        assert_eq!(quality(&[1, 2], &[1, 1]), Quality { precision: 1.0, recall: 0.0, f1: 0.0 });
    }

    #[test]
    fn missing_data_is_named_with_the_remedy() {
        let sentence = locate(Some("/nowhere".into()), "febrl").expect_err("there is no such folder");
        assert_eq!(sentence, "skipped: no test data at /nowhere/febrl; set KINFOLD_TEST_DATA");
    }
}
