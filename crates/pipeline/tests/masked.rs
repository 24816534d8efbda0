//! What is printed of records and state for somebody who debugs tells nothing of anybody: samples in which every key and value is
//! unmistakable are printed in both ways and searched.

use std::collections::BTreeMap;
use std::fmt::Debug;

use kinfold_model::Timestamp;
use kinfold_pipeline::changelog::{Chunk, Entry, Replay, Stamp};
use kinfold_pipeline::link::{Commit, Polled, Tailed};
use kinfold_pipeline::{Batch, InRecord, Origin, OutRecord, Writes};
use kinfold_wire::{Topic, Trace};

/// In every key and every value.
const MARK: &str = "Extraordinary";

fn bytes() -> Vec<u8> {
    MARK.as_bytes().to_vec()
}

/// Bytes are printed as a list of numbers, in the second way with one in each line.
#[track_caller]
fn is_masked(sample: &impl Debug) {
    let numbers = MARK.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(",");
    for mut printed in [format!("{sample:?}"), format!("{sample:#?}")] {
        printed.retain(|c| !c.is_whitespace());
        let shows = printed.contains(MARK) || printed.contains(&numbers);
        assert!(!shows && !printed.is_empty(), "{printed}");
    }
}

#[test]
fn records_and_what_is_made_of_them_are_printed_without_keys_and_values() {
    let read = InRecord {
        origin: Origin::Raw("crm".into()),
        partition: 1,
        offset: 2,
        time: Timestamp::default(),
        key: Some(bytes()),
        value: Some(bytes()),
        trace: None,
        first: None,
    };
    assert_eq!(format!("{read:?}"), "record of 26 bytes at raw.crm-1@2");
    is_masked(&Polled::Record(read));
    let written = OutRecord {
        topic: Topic::Touchpoint,
        output: None,
        partition: 1,
        key: bytes(),
        value: Some(bytes()),
        trace: Trace::of_source("raw.crm", 1, 2),
    };
    assert_eq!(format!("{written:?}"), "record of 26 bytes for touchpoint-1");
    let writes: Writes = BTreeMap::from([(bytes(), Some(bytes()))]);
    let (outputs, offsets) = (vec![written], BTreeMap::new());
    let commit = Commit {
        partition: 1,
        outputs: &outputs,
        writes: &writes,
        marker: Some(bytes()),
        offsets: &offsets,
        number: 1,
    };
    is_masked(&commit);
    is_masked(&Batch { outputs, writes, ..Batch::default() });
}

#[test]
fn a_changelog_and_who_reads_it_are_printed_without_state() {
    is_masked(&Tailed::Entry(Entry { offset: 0, key: bytes(), value: Some(bytes()) }));
    let stamp = Stamp { cluster: "c".to_owned(), topic: "t".to_owned(), partition: 0 };
    let chunk = Chunk { changes: 9, bytes: 999 };
    let store: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::from([(bytes(), bytes())]);
    let mut replay = Replay::begin(store, &stamp, Timestamp::default(), chunk).expect("it begins");
    let entry = Entry { offset: 0, key: bytes(), value: Some(bytes()) };
    replay.take(entry, Timestamp::default()).expect("it is taken");
    is_masked(&replay);
}
