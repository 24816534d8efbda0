//! Letters are swept without being asked: now and then, and soon after somebody was erased. In: a deployment whose capture this process
//! works for. Out: tombstones, counts, and a line of the log that tells them by source; never a value.
//!
//! It happens on a thread of its own, beside the workers, in the process that holds the first partition of capture's group: there is one,
//! and while that changes there may be two or none, which harms nothing. A fault is told once, and tried again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use kinfold_kafka::Settings;
use kinfold_letters::Reason;
use kinfold_mapping::Sources;
use kinfold_model::Keys;
use kinfold_pipeline::Metrics;

use super::shelf::LettersError;
use super::sweep::{Call, Mode, Sweeper, Swept};
use crate::clock::now;
use crate::config::Config;
use crate::http::Health;
use crate::process::kafka_settings;
use crate::supervisor::StopOnPanic;

/// Workers have joined their group by then, as a rule.
const FIRST: Duration = Duration::from_secs(10);
/// So often it is looked whether somebody was erased.
const LOOK: Duration = Duration::from_secs(60);
/// A sweep is followed by so many times its own length without one, so that many erasures do not make it a steady load.
const REST: u32 = 9;
/// How long a stop waits for a sweep, which asks after each record whether to end. One that waits for the broker is left alone:
/// nothing is half done.
const STOP_MAX: Duration = Duration::from_secs(2);
/// Between two looks whether to stop.
const POLL: Duration = Duration::from_millis(100);
/// Who holds it sweeps.
const PARTITION: u32 = 0;

/// What sweeping needs of a process.
pub(crate) struct Rounds {
    pub(crate) config: Config,
    pub(crate) keys: Keys,
    pub(crate) interval: Duration,
    pub(crate) sources: Arc<Sources>,
    pub(crate) health: Arc<Health>,
    pub(crate) metrics: Metrics,
    pub(crate) stop: Arc<AtomicBool>,
}

/// The thread.
pub(crate) struct UnderWay(JoinHandle<()>);

impl Rounds {
    /// Begins.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn begin(self) -> std::io::Result<UnderWay> {
        thread::Builder::new().name("letters".to_owned()).spawn(move || self.go()).map(UnderWay)
    }

    fn go(&self) {
        let _ends_together = StopOnPanic(&self.stop);
        let mut sweeper = Sweeper::new(&self.config, &self.keys);
        let settings = kafka_settings(&self.config);
        let (mut rest, mut last, mut is_failing) = (FIRST.min(self.interval), None, false);
        while self.rests(rest) {
            rest = LOOK.min(self.interval);
            if !self.health.holds(PARTITION) {
                continue;
            }
            let began = Instant::now();
            match self.round(&mut sweeper, &settings, last) {
                Ok(None) => {}
                Ok(Some(swept)) => {
                    self.tell(&swept);
                    last = Some(Instant::now());
                    rest = rest.max(began.elapsed() * REST).min(self.interval);
                }
                Err(LettersError::Stopped) => return,
                Err(error) if is_failing => {
                    tracing::debug!(%error, "dead letters still cannot be swept");
                    continue;
                }
                Err(error) => {
                    is_failing = true;
                    tracing::warn!(
                        %error,
                        again_in_s = rest.as_secs(),
                        "dead letters could not be swept: those that nobody may keep stay until they are. It is tried again; \
                         `kinfold privacy sweep` does the same by hand"
                    );
                    continue;
                }
            }
            if std::mem::take(&mut is_failing) {
                tracing::info!("dead letters can be swept again");
            }
        }
    }

    /// Sweeps, if it is time to or somebody was erased since.
    fn round(
        &self,
        sweeper: &mut Sweeper,
        settings: &Settings,
        last: Option<Instant>,
    ) -> Result<Option<Swept>, LettersError> {
        let is_due = last.is_none_or(|last| last.elapsed() >= self.interval);
        if !is_due && !sweeper.has_news(settings)? {
            return Ok(None);
        }
        let is_stopped = || self.is_stopped();
        let sources = self.sources.current();
        sweeper.sweep(&Call { sources, now: now(), mode: Mode::Remove, is_stopped: &is_stopped }).map(Some)
    }

    fn tell(&self, swept: &Swept) {
        for (reason, by_source) in &swept.counts {
            self.metrics.letters_removed(*reason, by_source.values().sum());
        }
        if !swept.counts.is_empty() {
            let (erasure, retention) = (swept.list(Reason::Erasure), swept.list(Reason::Retention));
            tracing::info!(%erasure, %retention, letters = swept.letters, "dead letters were removed");
        }
    }

    /// Waits; whether to go on.
    fn rests(&self, rest: Duration) -> bool {
        let until = Instant::now() + rest;
        while !self.is_stopped() && Instant::now() < until {
            thread::sleep(POLL.min(rest));
        }
        !self.is_stopped()
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

impl UnderWay {
    /// Waits for the end, but not for long.
    ///
    /// # Errors
    /// When it panicked.
    pub(crate) fn end(self) -> thread::Result<()> {
        let until = Instant::now() + STOP_MAX;
        while !self.0.is_finished() && Instant::now() < until {
            thread::sleep(POLL);
        }
        if self.0.is_finished() { self.0.join() } else { Ok(()) }
    }
}
