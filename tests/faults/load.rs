//! Touchpoints that are fed while a fault happens: a seeded sample, and a thread that writes it at a steady pace.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use kinfold_cli::generate::{Generated, Plan};
use kinfold_kafka::WorkerError;
use kinfold_kafka::client::produce;
use kinfold_model::Timestamp;
use kinfold_wire::raw_topic;

use crate::case::{Outcome, wrong};
use crate::deployment::Deployment;

/// A sample of touchpoints.
pub(crate) struct Load {
    pub(crate) records: Vec<Generated>,
}

impl Load {
    /// Realistic touchpoints of a few hundred people, one in a hundred of them damaged.
    pub(crate) fn new(seed: u64, touchpoints: usize) -> Outcome<Self> {
        let start = Timestamp::from_millis(1_767_225_600_000)?;
        let plan = Plan { seed, people: touchpoints.div_ceil(20), touchpoints, start, days: 60 };
        Ok(Self { records: plan.generate().collect() })
    }

    /// The records of both.
    pub(crate) fn and(&self, other: &Self) -> Self {
        Self { records: [self.records.as_slice(), &other.records].concat() }
    }

    /// Begins to write so many records a second.
    pub(crate) fn feed(&self, deployment: &Deployment<'_>, per_second: u32) -> Feeding {
        let (settings, records, stop) = (deployment.settings.clone(), self.records.clone(), Arc::default());
        let stopped: Arc<AtomicBool> = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let began = Instant::now();
            let paced = (0_u32..).zip(records).map_while(|(number, generated)| {
                let due = began + Duration::from_secs_f64(f64::from(number) / f64::from(per_second));
                thread::sleep(due.saturating_duration_since(Instant::now()));
                let is_wanted = !stopped.load(Ordering::Relaxed);
                is_wanted.then(|| (raw_topic(generated.source), generated.record))
            });
            produce(&settings, paced)
        });
        Feeding { stop, thread: Some(thread) }
    }

    /// Writes all of it, as fast as the broker takes it.
    pub(crate) fn feed_at_once(&self, deployment: &Deployment<'_>) -> Outcome<()> {
        let records = self.records.iter().cloned();
        Ok(produce(&deployment.settings, records.map(|one| (raw_topic(one.source), one.record)))?)
    }
}

/// Touchpoints that are being fed. Dropping it ends that early.
pub(crate) struct Feeding {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<(), WorkerError>>>,
}

impl Feeding {
    /// Waits until the last record has arrived.
    pub(crate) fn done(mut self) -> Outcome<()> {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(fed)) => Ok(fed?),
            _ => wrong("the thread that feeds panicked"),
        }
    }
}

impl Drop for Feeding {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(self.thread.take().map(JoinHandle::join));
    }
}
