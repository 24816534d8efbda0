//! Capture: canonical JSON to touchpoints, alone and with all that a consumer does around it but the log.

use std::collections::BTreeMap;
use std::hint::black_box;

use kinfold_cli::commands::Failure;
use kinfold_model::Partition;
use kinfold_pipeline::{InRecord, Task};

use crate::harness::Bench;
use crate::material::{self, BATCH};

const TOUCHPOINTS: usize = 50_000;
const PEOPLE: usize = 5_000;

/// Both.
pub(crate) fn run(bench: &mut Bench) -> Result<(), Failure> {
    let records = material::raw(material::records(TOUCHPOINTS, PEOPLE)?)?;
    bench.ready();
    bench.repeat("JSON → touchpoint", records.len(), || touchpoints(&records))?;
    let bytes: usize = records.iter().filter_map(|record| record.value.as_ref()).map(Vec::len).sum();
    bench.note(format!("{} bytes of JSON each", bytes / records.len().max(1)));
    bench.repeat("JSON → records of the log", records.len(), || batches(&records))?;
    Ok(())
}

fn touchpoints(records: &[InRecord]) -> Result<(), Failure> {
    let port = material::capture()?;
    for record in records {
        let json = record.value.as_deref().unwrap_or_default();
        black_box(
            port.stage.touchpoint(json, record.time).map_err(|refusal| Failure::Fault(refusal.sentence))?,
        );
    }
    Ok(())
}

fn batches(records: &[InRecord]) -> Result<(), Failure> {
    let port = material::capture()?;
    let mut task = Task::new(&port, Partition::ONLY);
    let nothing = BTreeMap::new();
    let mut passed = 0;
    for batch in records.chunks(BATCH) {
        for record in batch {
            task.step(&nothing, record).map_err(Failure::fault)?;
        }
        let done = task.finish(&nothing).map_err(Failure::fault)?;
        passed += done.tally.passed;
        black_box(done.outputs);
    }
    material::all_passed(passed, records.len())
}
