//! What a newer version of the program wrote is not refused: the partition stands still before it, and nothing is lost.

use std::collections::BTreeMap;
use std::sync::Arc;

use kinfold_model::versioned::{Newer, Versioned};
use kinfold_model::{Fault, Keys, Partition, Secret, Timestamp};
use kinfold_pipeline::{InRecord, Origin, PeoplePort, Task, Topology};
use kinfold_profile::PeopleInput;
use kinfold_wire::{INNER_VERSION, Topic};

fn port() -> PeoplePort {
    PeoplePort {
        keys: Keys::new(&Secret::new(&[7; 32]).expect("long enough")),
        purposes: Arc::default(),
        outputs: Arc::default(),
        survivorship: Arc::default(),
        settings: Arc::default(),
        topology: Topology::uniform(1),
    }
}

fn record(value: &[u8]) -> InRecord {
    InRecord {
        origin: Origin::Topic(Topic::ProfileFacet),
        partition: 0,
        offset: 0,
        time: Timestamp::default(),
        key: None,
        value: Some(value.to_vec()),
        trace: None,
        first: None,
    }
}

#[test]
fn a_record_of_a_newer_form_is_no_dead_letter_but_a_fault_that_names_both_forms() {
    let port = port();
    let base: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let mut task = Task::new(&port, Partition::ONLY);
    let (what, known) = (PeopleInput::NAME, PeopleInput::VERSION);
    let newer = Newer { what, found: known + 1, known };
    assert_eq!(task.step(&base, &record(&[INNER_VERSION, known + 1, 0])), Err(Fault::Newer(newer)));
    let format = task.step(&base, &record(&[INNER_VERSION + 1, known, 0]));
    assert!(matches!(format, Err(Fault::Newer(_))), "{format:?}");
    task.abort();
    task.step(&base, &record(&[INNER_VERSION - 1, known, 0])).expect("it is refused");
    let batch = task.finish(&base).expect("nothing is left of it");
    assert_eq!(batch.tally.refused.values().sum::<u64>(), 1, "what nobody writes any more is a dead letter");
}
