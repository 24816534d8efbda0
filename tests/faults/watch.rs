//! Watches a stage from outside, by what it writes: when does it commit again, and is a transaction open?

use std::time::{Duration, Instant};

use kinfold_kafka::reader::{Isolation, Reader, committed, ends};
use kinfold_kafka::{Settings, WorkerError};
use kinfold_pipeline::StageName;
use kinfold_wire::Topic;

use crate::case::Outcome;
use crate::checker::PATIENCE;
use crate::deployment::Deployment;
use crate::patience::until;

/// A commit may take so long on a machine that is very busy.
const COMMIT: Duration = Duration::from_secs(120);
/// A stage that has written nothing for so long has nothing left to do.
const REST: Duration = Duration::from_secs(3);
/// So many ends of transactions may stand behind the last record of a partition.
const MARKERS: i64 = 8;

/// The topic that gets something with every commit of a stage that handled records.
pub(crate) fn trail(stage: StageName) -> String {
    if stage.is_stateful() { Settings::changelog(stage) } else { Topic::Touchpoint.as_str().to_owned() }
}

/// A look out for the first commit after now.
pub(crate) struct Watch {
    stage: StageName,
    began: Instant,
    reader: Reader,
}

impl Watch {
    /// The fault was at `began`; what was committed by now does not count.
    pub(crate) fn from(deployment: &Deployment<'_>, stage: StageName, began: Instant) -> Outcome<Self> {
        let reader =
            patiently(|| Reader::from_end(&deployment.settings, &trail(stage), Isolation::Committed))?;
        Ok(Self { stage, began, reader })
    }

    /// How long it took from the fault. What is expected of a machine at rest a case says itself.
    pub(crate) fn first_commit(self) -> Outcome<Duration> {
        until(COMMIT, format_args!("a commit of {}", self.stage), || {
            Ok(self.reader.next(Duration::from_millis(200))?.map(|_| self.began.elapsed()))
        })
    }
}

/// How many records of a stage's trail nobody who reads committed records can see: those of an open transaction.
pub(crate) fn hidden(deployment: &Deployment<'_>, stage: StageName) -> Outcome<i64> {
    let ends = patiently(|| ends(&deployment.settings, &trail(stage)))?;
    Ok(ends.values().map(|ends| ends.high_watermark - ends.last_stable).sum())
}

/// The topics on which a transaction is open.
pub(crate) fn open_transactions(deployment: &Deployment<'_>) -> Outcome<Vec<String>> {
    let mut open = Vec::new();
    for topic in deployment.topics() {
        let ends = patiently(|| ends(&deployment.settings, &topic))?;
        if ends.values().any(|ends| ends.last_stable < ends.high_watermark) {
            open.push(topic);
        }
    }
    Ok(open)
}

/// How far a stage's trail is, all partitions together. It rises with every commit.
pub(crate) fn position(deployment: &Deployment<'_>, stage: StageName) -> Outcome<i64> {
    let ends = patiently(|| ends(&deployment.settings, &trail(stage)))?;
    Ok(ends.values().map(|ends| ends.last_stable).sum())
}

/// Waits until a stage has nothing left to do; gives the time when it wrote last.
pub(crate) fn rest(deployment: &Deployment<'_>, stage: StageName, patience: Duration) -> Outcome<Instant> {
    let (mut last, mut since) = (position(deployment, stage)?, Instant::now());
    until(patience, format_args!("{stage} to have nothing left to do"), || {
        let now = position(deployment, stage)?;
        if now != last {
            (last, since) = (now, Instant::now());
        }
        let is_at_rest = now > 0 && since.elapsed() > REST && has_read_all(deployment, stage)?;
        Ok(is_at_rest.then_some(since))
    })
}

/// Whether a stage has committed its inputs to their ends, give or take the ends of transactions, which are no records.
fn has_read_all(deployment: &Deployment<'_>, stage: StageName) -> Outcome<bool> {
    let inputs: Vec<String> = stage.inputs().iter().map(|topic| topic.as_str().to_owned()).collect();
    let read = patiently(|| committed(&deployment.settings, stage, &inputs))?;
    for input in inputs {
        for (partition, ends) in patiently(|| ends(&deployment.settings, &input))? {
            let offset = read.get(&(input.clone(), partition)).map_or(0, |committed| committed.offset);
            if ends.last_stable - offset > MARKERS {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Asks again while the broker, just started, does not lead all of its partitions yet.
fn patiently<T>(mut ask: impl FnMut() -> Result<T, WorkerError>) -> Outcome<T> {
    until(PATIENCE, "an answer about the ends of partitions", || Ok(ask().ok()))
}
