//! Touchpoints for a case: a seeded sample, or a thread that writes at a steady pace while a fault happens.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use kinfold_cli::generate::{Generated, Plan};
use kinfold_kafka::client::produce;
use kinfold_model::Timestamp;
use kinfold_pipeline::StageName;
use kinfold_wire::raw_topic;

use crate::case::{Outcome, wrong};
use crate::deployment::Deployment;

/// The stages that touchpoints keep at work. Nobody asks to be forgotten here.
pub(crate) const FED: [StageName; 4] =
    [StageName::Capture, StageName::Stitch, StageName::Facets, StageName::People];

/// A sample of touchpoints.
pub(crate) struct Load {
    pub(crate) records: Vec<Generated>,
}

impl Load {
    /// Realistic touchpoints of a few hundred people, one in a hundred of them damaged.
    pub(crate) fn new(seed: u64, touchpoints: usize) -> Outcome<Self> {
        Ok(Self { records: plan(seed, touchpoints.div_ceil(20), touchpoints)?.generate().collect() })
    }

    /// The records of both.
    pub(crate) fn and(&self, other: &Self) -> Self {
        Self { records: [self.records.as_slice(), &other.records].concat() }
    }

    /// Writes all of it, as fast as the broker takes it.
    pub(crate) fn feed_at_once(&self, deployment: &Deployment<'_>) -> Outcome<()> {
        let records = self.records.iter().cloned();
        Ok(produce(&deployment.settings, records.map(|one| (raw_topic(one.source), one.record)))?)
    }
}

/// Touchpoints that are being fed, for as long as a case needs them: a stage that works again is known by its commits, and
/// makes none when nothing comes any more.
pub(crate) struct Feeding {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Outcome<Load>>>,
}

/// Of those who are fed.
const PEOPLE: usize = 300;
/// More than any case takes; two hours of the fastest.
const TOUCHPOINTS_MAX: usize = 2_000_000;

impl Feeding {
    /// Begins to write so many records a second.
    pub(crate) fn begin(deployment: &Deployment<'_>, seed: u64, per_second: u32) -> Outcome<Self> {
        let generator = plan(seed, PEOPLE, TOUCHPOINTS_MAX)?.generate();
        let (settings, stop) = (deployment.settings.clone(), Arc::default());
        let stopped: Arc<AtomicBool> = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let (began, mut records) = (Instant::now(), Vec::new());
            let paced = (0_u32..).zip(generator).map_while(|(number, generated)| {
                let due = began + Duration::from_secs_f64(f64::from(number) / f64::from(per_second));
                thread::sleep(due.saturating_duration_since(Instant::now()));
                if stopped.load(Ordering::Relaxed) {
                    return None;
                }
                records.push(generated.clone());
                Some((raw_topic(generated.source), generated.record))
            });
            produce(&settings, paced)?;
            Ok(Load { records })
        });
        Ok(Self { stop, thread: Some(thread) })
    }

    /// Writes no more, and waits until the last record has arrived; gives all that were written.
    pub(crate) fn done(mut self) -> Outcome<Load> {
        self.stop.store(true, Ordering::Relaxed);
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(fed)) => fed,
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

fn plan(seed: u64, people: usize, touchpoints: usize) -> Outcome<Plan> {
    Ok(Plan { seed, people, touchpoints, start: Timestamp::from_millis(1_767_225_600_000)?, days: 60 })
}
