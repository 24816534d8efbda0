//! Stitch: messages of capture become people, on one partition. A first pass over the touchpoints builds the
//! people. A second pass over the same ones finds everything known, as when a log is read again or somebody clicks
//! on within the granularity of evidence. A third pass, a season later, only moves the times of the evidence:
//! customers who come back.

use std::collections::BTreeMap;

use kinfold_cli::commands::Failure;
use kinfold_model::Partition;
use kinfold_pipeline::{InRecord, StitchPort, Store, Task};
use kinfold_store::{Memory, RocksStore};
use kinfold_wire::Topic;

use crate::harness::{Bench, RUNS, timed};
use crate::material::{self, BATCH};

const TOUCHPOINTS: usize = 200_000;
const PEOPLE: usize = 20_000;
/// What the configuration gives a process unless it says otherwise.
const CACHE_BYTES: usize = 256 << 20;

/// On a map in memory.
pub(crate) fn in_memory(bench: &mut Bench) -> Result<(), Failure> {
    passes(bench, || Ok(((), BTreeMap::new())))
}

/// On a RocksDB database in a temporary folder, which goes when the passes are done.
pub(crate) fn on_rocksdb(bench: &mut Bench) -> Result<(), Failure> {
    passes(bench, || {
        let folder = tempfile::tempdir().map_err(Failure::file(&std::env::temp_dir()))?;
        let store = RocksStore::open(folder.path(), &Memory::new(CACHE_BYTES)).map_err(Failure::fault)?;
        Ok((folder, store))
    })
}

/// The passes, on a new store each time. `open` gives what the store stands on, and the store.
fn passes<F, S: Store>(bench: &mut Bench, open: impl Fn() -> Result<(F, S), Failure>) -> Result<(), Failure> {
    let port = material::stitch()?;
    let ops = material::identity_ops(TOUCHPOINTS, PEOPLE, 0)?;
    let later = material::identity_ops(TOUCHPOINTS, PEOPLE, 1)?;
    bench.ready();
    let names = ["first pass", "the same again", "a season later"];
    let mut seconds = [[0.0; RUNS]; 3];
    let mut handled = [0; 3];
    (0..RUNS).try_for_each(|run| {
        // Dropped in the opposite order: the folder outlives its store.
        let (_ground, mut store) = open()?;
        for (place, ops) in [&ops, &ops, &later].into_iter().enumerate() {
            (seconds[place][run], handled[place]) = timed(|| pass(&port, &mut store, ops))?;
        }
        Ok::<(), Failure>(())
    })?;
    for (name, (seconds, handled)) in names.into_iter().zip(seconds.into_iter().zip(handled)) {
        let note = format!("{:.2} messages each", handled as f64 / ops.len() as f64);
        bench.row(name, ops.len(), seconds, &note);
    }
    Ok(())
}

/// Takes the messages and all that they bring about, in batches. Returns how many that were.
fn pass(port: &StitchPort, store: &mut impl Store, ops: &[InRecord]) -> Result<u64, Failure> {
    let mut task = Task::new(port, Partition::ONLY);
    let (mut own, mut coming, mut handled) = (Vec::new(), ops, 0);
    while !(own.is_empty() && coming.is_empty()) {
        let (now, later) = coming.split_at(BATCH.saturating_sub(own.len()).min(coming.len()));
        coming = later;
        let expected = own.len() + now.len();
        for record in own.iter().chain(now) {
            task.step(store, record).map_err(Failure::fault)?;
        }
        let batch = task.finish(store).map_err(Failure::fault)?;
        material::all_passed(batch.tally.passed, expected)?;
        store.commit(batch.writes).map_err(Failure::fault)?;
        handled += batch.tally.passed;
        own = material::read(batch.outputs, Topic::IdentityOp, material::read_at()?).collect();
    }
    Ok(handled)
}
