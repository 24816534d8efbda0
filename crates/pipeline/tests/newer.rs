//! What a newer version of the program wrote is not refused: the partition stands still before it, and nothing is lost.

mod log;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use kinfold_model::versioned::{Newer, Versioned};
use kinfold_model::{Context, Fault, Halt, Keys, Partition, Secret, Stage, Timestamp, first_forms, stored};
use kinfold_pipeline::changelog::{MARK_KEY, Mark};
use kinfold_pipeline::worker::{BatchLimits, Equipment, Observer, Report, Standing, Worker};
use kinfold_pipeline::{
    InRecord, Metrics, Origin, OutRecord, PeoplePort, Port, StageName, Stores, Task, Topology,
};
use kinfold_profile::PeopleInput;
use kinfold_wire::{INNER_VERSION, Topic, Trace};
use serde::{Deserialize, Serialize};

use crate::log::Log;

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

/// What a stage knows of a key.
#[derive(Serialize, Deserialize)]
struct Known(u8);

first_forms! {
    Known: "what is known",
}

/// Reads what it knows of the key of a record.
struct Reader;

impl Stage for Reader {
    type Input = Vec<u8>;
    type Output = Vec<u8>;

    fn handle(&mut self, key: Vec<u8>, context: &mut Context<'_, Vec<u8>>) -> Result<(), Halt> {
        if let Some(bytes) = context.state.get(&key)? {
            let Known(said) = stored::decode("what is known", &bytes)?;
            context.send(vec![said]);
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut Context<'_, Vec<u8>>) -> Result<(), Fault> {
        Ok(())
    }
}

struct ReaderPort(Topology);

impl Port for ReaderPort {
    type Stage = Reader;
    const NAME: StageName = StageName::People;

    fn topology(&self) -> &Topology {
        &self.0
    }

    fn stage(&self, _: Partition) -> Reader {
        Reader
    }

    fn read(&self, record: &InRecord) -> Result<Vec<u8>, Halt> {
        Ok(record.key.clone().unwrap_or_default())
    }

    fn write(&self, output: Vec<u8>, trace: Trace, records: &mut Vec<OutRecord>) -> Result<(), Fault> {
        let known = Known(output.first().copied().unwrap_or_default());
        records.push(Topology::inner(Topic::ProfileFacet, 0, Vec::new(), &known, trace)?);
        Ok(())
    }
}

/// The stores of two partitions, of which the first has something of a newer program.
struct Prepared {
    newer: (Vec<u8>, Vec<u8>),
    set_aside: Cell<u32>,
}

impl Stores for Prepared {
    type Store = BTreeMap<Vec<u8>, Vec<u8>>;

    fn open(&self, partition: u32) -> Result<Self::Store, Fault> {
        let entries = [(b"a".to_vec(), stored::encode(&Known(7)))];
        let newer = (partition == 0).then(|| self.newer.clone());
        Ok(entries.into_iter().chain(newer).collect())
    }

    fn set_aside(&self, _: u32) -> Result<(), Fault> {
        self.set_aside.set(self.set_aside.get() + 1);
        Ok(())
    }
}

/// Remembers how the worker was last.
#[derive(Default)]
struct Witness(RefCell<Report>);

impl Observer for Witness {
    fn report(&self, report: &Report) {
        *self.0.borrow_mut() = report.clone();
    }

    fn not_ready(&self, _: &str) {}
    fn beat(&self) {}
}

/// The same value, as a program wrote it that knows one form more: it begins with what stands around it, then with the form's number.
fn renewed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes[1] += 1;
    bytes
}

/// How a worker leaves two partitions, of which the first finds this in its store.
fn left(newer: (Vec<u8>, Vec<u8>)) -> (BTreeMap<u32, Standing>, Vec<OutRecord>) {
    let port = ReaderPort(Topology::uniform(2));
    let stores = Prepared { newer, set_aside: Cell::new(0) };
    let of = |partition: u32| InRecord { partition, key: Some(b"a".to_vec()), ..record(b"") };
    let mut log = Log::of(vec![vec![of(0)], vec![of(1)]]);
    let metrics = Metrics::new("test", &[ReaderPort::NAME]).expect("the names are known");
    let witness = Witness::default();
    let equipment = Equipment {
        port: &port,
        stores: &stores,
        partitions: 2,
        limits: BatchLimits { records: 10, bytes: usize::MAX },
        brake: None,
        metrics: &metrics,
        observer: &witness,
    };
    let mut worker = Worker::new(equipment, &mut log);
    for _ in 0..20 {
        match worker.turn() {
            Ok(()) => {}
            Err(never) => match never {},
        }
    }
    drop(worker);
    assert_eq!(stores.set_aside.get(), 0, "no store is set aside");
    (witness.0.into_inner().partitions, log.committed)
}

#[test]
fn a_partition_whose_store_is_of_a_newer_program_stands_still_and_the_others_go_on() {
    for newer in [
        (b"a".to_vec(), renewed(stored::encode(&Known(7)))),
        (MARK_KEY.to_vec(), renewed(Mark::default().encode())),
    ] {
        let (partitions, committed) = left(newer);
        let Some(Standing::Stopped(why)) = partitions.get(&0) else { panic!("{partitions:?}") };
        assert!(why.contains("has form 2, and this version of the program reads forms up to 1"), "{why}");
        assert!(matches!(partitions.get(&1), Some(Standing::AtWork(_))), "{partitions:?}");
        assert_eq!(committed.len(), 1, "what the other partition says, and no dead letter");
    }
}
