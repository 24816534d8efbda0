//! Identifiers that join half the world: stitch on RocksDB while one cookie is in a million touchpoints, one e-mail on
//! a hundred thousand devices, and a hundred thousand people hang together in a chain.
//!
//! Each row is one slice of one run, cut in three: what a touchpoint costs at the beginning, and what it costs at the
//! end. Where the cost is bounded, the two agree.

use std::time::Instant;

use kinfold_cli::commands::Failure;
use kinfold_model::Partition;
use kinfold_pipeline::{CapturePort, InRecord, StitchPort, Store, Task};
use kinfold_store::{Memory, RocksStore};
use kinfold_wire::Topic;

use crate::harness::{Bench, RUNS};
use crate::material::{self, BATCH};

const CACHE_BYTES: usize = 256 << 20;

/// One cookie beside a million customers, of whom each comes twice.
pub(crate) fn cookie(bench: &mut Bench) -> Result<(), Failure> {
    course(bench, 1_000_000, |n| {
        [("cookie", "kiosk".to_owned()), ("customer_id", format!("C-{}", n % 500_000))]
    })
}

/// One e-mail on a hundred thousand devices, each seen once alone with it.
pub(crate) fn email(bench: &mut Bench) -> Result<(), Failure> {
    course(bench, 100_000, |n| [("email", "shared@example.org".to_owned()), ("device_id", format!("d-{n}"))])
}

/// Each touchpoint adds a link to a chain that never ends: cookie, e-mail, cookie, e-mail, …
pub(crate) fn chain(bench: &mut Bench) -> Result<(), Failure> {
    course(bench, 100_000, |n| {
        [("cookie", format!("browser-{}", n.div_ceil(2))), ("email", format!("p{}@example.org", n / 2))]
    })
}

/// Runs touchpoints through capture and stitch, and times the first and the last tenth.
fn course(
    bench: &mut Bench,
    touchpoints: usize,
    identifiers: impl Fn(usize) -> [(&'static str, String); 2],
) -> Result<(), Failure> {
    let folder = tempfile::tempdir().map_err(Failure::file(&std::env::temp_dir()))?;
    let mut store = RocksStore::open(folder.path(), &Memory::new(CACHE_BYTES)).map_err(Failure::fault)?;
    let (capture, stitch) = (material::capture()?, material::stitch()?);
    let mut run =
        Run { capture: Task::new(&capture, Partition::ONLY), stitch: Task::new(&stitch, Partition::ONLY) };
    bench.ready();
    let slice = touchpoints / 10 / RUNS;
    let mut at = 0;
    let mut advance = |to: usize| {
        let began = Instant::now();
        while at < to {
            let end = to.min(at + BATCH);
            let records = (at..end).map(|n| record(n, &identifiers(n)));
            run.take(material::raw(records)?, &mut store)?;
            at = end;
        }
        Ok::<f64, Failure>(began.elapsed().as_secs_f64())
    };
    let (mut first, mut last) = ([0.0; RUNS], [0.0; RUNS]);
    for (index, seconds) in first.iter_mut().enumerate() {
        *seconds = advance(slice * (index + 1))?;
    }
    advance(touchpoints - slice * RUNS)?;
    for (index, seconds) in last.iter_mut().enumerate() {
        *seconds = advance(touchpoints - slice * (RUNS - 1 - index))?;
    }
    bench.row("the first tenth", slice, first, "capture and stitch");
    bench.row("the last tenth", slice, last, "");
    let (mut entries, mut bytes) = (0_u64, 0_usize);
    let see = &mut |key: &[u8], value: &[u8]| {
        entries += 1;
        bytes += key.len() + value.len();
    };
    store.visit(b"", see).map_err(Failure::fault)?;
    bench.note(format!(
        "{:.0} bytes of state a touchpoint, {entries} entries",
        bytes as f64 / touchpoints as f64
    ));
    Ok(())
}

/// Both stages at work.
struct Run<'p> {
    capture: Task<'p, CapturePort>,
    stitch: Task<'p, StitchPort>,
}

impl Run<'_> {
    fn take(&mut self, records: Vec<InRecord>, store: &mut RocksStore) -> Result<(), Failure> {
        let now = material::read_at()?;
        for record in &records {
            self.capture.step(store, record).map_err(Failure::fault)?;
        }
        let captured = self.capture.flush();
        material::all_passed(captured.tally.passed, records.len())?;
        let mut ops: Vec<InRecord> = material::read(captured.outputs, Topic::IdentityOp, now).collect();
        while !ops.is_empty() {
            for op in &ops {
                self.stitch.step(store, op).map_err(Failure::fault)?;
            }
            let batch = self.stitch.finish(store).map_err(Failure::fault)?;
            store.commit(batch.writes).map_err(Failure::fault)?;
            ops = material::read(batch.outputs, Topic::IdentityOp, now).collect();
        }
        Ok(())
    }
}

fn record(n: usize, identifiers: &[(&str, String); 2]) -> Vec<u8> {
    let [(a, one), (b, other)] = identifiers;
    format!(
        "{{\"touchpoint_id\":\"t-{n}\",\"time\":{},\"source\":\"web\",\"identifiers\":[\
         {{\"namespace\":\"{a}\",\"value\":\"{one}\"}},{{\"namespace\":\"{b}\",\"value\":\"{other}\"}}]}}",
        1_767_225_600_000_u64 + n as u64 * 1000,
    )
    .into_bytes()
}
