//! What the benchmarks work on. In: how many touchpoints of how many people. Out: generated records, all sound, the
//! touchpoints in them, and what capture says of them to stitch. The same on every machine.

use std::sync::Arc;

use kinfold_capture::{Capture, Settings};
use kinfold_cli::commands::Failure;
use kinfold_cli::generate::Plan;
use kinfold_model::{Keys, Partition, Rules, Secret, Timestamp};
use kinfold_pipeline::{
    CapturePort, FacetsPort, InRecord, Origin, OutRecord, PeoplePort, StitchPort, Task, Topology,
};
use kinfold_wire::Topic;

/// Stands for a deployment's own.
pub(crate) const SECRET: &str = "only for benchmarks, where nothing is secret";

/// A batch is committed after this many records.
pub(crate) const BATCH: usize = 2000;

/// 2026-01-01T00:00:00Z.
pub(crate) const START_MS: i64 = 1_767_225_600_000;
const DAYS: u32 = 90;
const SEASON_MS: i64 = DAYS as i64 * 86_400_000;

/// Sound records, in rough order of time.
pub(crate) fn records(touchpoints: usize, people: usize) -> Result<impl Iterator<Item = Vec<u8>>, Failure> {
    Ok(records_of(touchpoints, people, start()?))
}

/// The records with the same identifiers in every season; only their times differ.
fn records_of(touchpoints: usize, people: usize, start: Timestamp) -> impl Iterator<Item = Vec<u8>> {
    // About one record in a hundred is damaged and left out, so a few more are asked for.
    let plan = Plan { seed: 1, people, touchpoints: touchpoints + touchpoints / 20 + 100, start, days: DAYS };
    plan.generate().filter(|generated| generated.sound).map(|generated| generated.record).take(touchpoints)
}

fn start() -> Result<Timestamp, Failure> {
    Timestamp::from_millis(START_MS).map_err(Failure::fault)
}

/// The time at which they are read: after both seasons.
pub(crate) fn read_at() -> Result<Timestamp, Failure> {
    let start = start()?;
    Ok(start.plus_millis(2 * SEASON_MS))
}

/// Of a deployment with the rules that are there without a configuration.
pub(crate) fn keys() -> Result<Keys, Failure> {
    Ok(Keys::new(&Secret::new(SECRET.as_bytes()).map_err(Failure::fault)?))
}

/// Capture on a log with one partition for each topic.
pub(crate) fn capture() -> Result<CapturePort, Failure> {
    let rules = Rules::default();
    let keys = keys()?;
    let stage = Capture::new(keys.clone(), rules.clone(), Settings::default());
    Ok(CapturePort { stage, keys, rules, returning: Arc::default(), topology: Topology::uniform(1) })
}

/// Stitch on the same log.
pub(crate) fn stitch() -> Result<StitchPort, Failure> {
    Ok(StitchPort { keys: keys()?, rules: Rules::default(), topology: Topology::uniform(1) })
}

/// Facets on the same log.
pub(crate) fn facets() -> FacetsPort {
    FacetsPort { returning: Arc::default(), topology: Topology::uniform(1) }
}

/// People on the same log, without outputs, by the settings that are there without a configuration.
pub(crate) fn people() -> Result<PeoplePort, Failure> {
    Ok(PeoplePort {
        keys: keys()?,
        purposes: Arc::default(),
        outputs: Arc::default(),
        survivorship: Arc::default(),
        settings: Arc::default(),
        topology: Topology::uniform(1),
    })
}

/// Records as capture reads them.
pub(crate) fn raw(records: impl Iterator<Item = Vec<u8>>) -> Result<Vec<InRecord>, Failure> {
    let now = read_at()?;
    let origin = Origin::Raw("benchmark".into());
    let read = |(offset, value): (i64, Vec<u8>)| InRecord {
        origin: origin.clone(),
        partition: 0,
        offset,
        time: now,
        key: None,
        value: Some(value),
        trace: None,
        first: None,
    };
    Ok((0..).zip(records).map(read).collect())
}

/// What capture tells stitch: one message for each touchpoint. In another season, the same people do the same again.
pub(crate) fn identity_ops(touchpoints: usize, people: usize, season: i64) -> Result<Vec<InRecord>, Failure> {
    let start = start()?;
    let records = records_of(touchpoints, people, start.plus_millis(season * SEASON_MS));
    let port = capture()?;
    let mut task = Task::new(&port, Partition::ONLY);
    let nothing = std::collections::BTreeMap::new();
    let mut ops = Vec::with_capacity(touchpoints);
    let now = read_at()?;
    for record in raw(records)? {
        task.step(&nothing, &record).map_err(Failure::fault)?;
        ops.extend(read(task.flush().outputs, Topic::IdentityOp, now));
    }
    Ok(ops)
}

/// Those among some records that went to a topic, as the next stage reads them.
pub(crate) fn read(written: Vec<OutRecord>, topic: Topic, time: Timestamp) -> impl Iterator<Item = InRecord> {
    written.into_iter().filter(move |record| record.topic == topic).map(move |record| InRecord {
        origin: Origin::Topic(record.topic),
        partition: record.partition,
        offset: 0,
        time,
        key: Some(record.key),
        value: record.value,
        trace: Some(record.trace),
        first: None,
    })
}

/// Complains of records that should have been handled.
pub(crate) fn all_passed(passed: u64, expected: usize) -> Result<(), Failure> {
    if passed == expected as u64 {
        return Ok(());
    }
    Err(Failure::Fault(format!(
        "{passed} of {expected} records passed; the generator and the stage disagree"
    )))
}
