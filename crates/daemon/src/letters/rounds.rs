//! Letters are swept without being asked: now and then, and soon after somebody was erased. In: a deployment whose capture this process
//! works for. Out: tombstones, counts, and a line of the log that tells them by source; never a value.
//!
//! It happens on a thread of its own, beside the workers, in the process that holds the first partition of capture's group: there is one,
//! and while that changes there may be two or none, which harms nothing. A fault is told once, and tried again; that
//! nothing has been swept for long is told once, too.

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
/// Nothing was swept for long if it is so many intervals ago, and at least so long.
const LATE: u32 = 3;
const LATE_MIN: Duration = Duration::from_secs(600);

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
        let (mut wait, mut unreadable) = (Wait::begin(Instant::now()), 0);
        while self.rests(rest) {
            rest = LOOK.min(self.interval);
            if wait.is_late(Instant::now(), (self.interval * LATE).max(LATE_MIN)) {
                tracing::warn!(
                    "no dead letters have been swept for long: those that nobody may keep stay. The broker does not answer, or no \
                     worker here has the first partition; `/status` tells how the workers are, and `kinfold privacy sweep` does the same by hand"
                );
            }
            if !self.health.holds(PARTITION) {
                // While all is well here, another process has it.
                if self.health.ready().0 {
                    wait = Wait::begin(Instant::now());
                }
                continue;
            }
            let began = Instant::now();
            match self.round(&mut sweeper, &settings, last) {
                Ok(None) => {}
                Ok(Some(swept)) => {
                    self.tell(&swept, unreadable);
                    unreadable = swept.unreadable;
                    wait = Wait::begin(Instant::now());
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
        let is_stopped = || self.is_stopped();
        let sources = self.sources.current();
        let call = Call { sources, now: now(), mode: Mode::Remove, is_stopped: &is_stopped };
        let is_due = last.is_none_or(|last| last.elapsed() >= self.interval);
        if !is_due && !sweeper.has_news(settings, &call)? {
            return Ok(None);
        }
        sweeper.sweep(&call).map(Some)
    }

    /// Tells what was swept, and of records that cannot be read if there were fewer of them the last time.
    fn tell(&self, swept: &Swept, unreadable: u64) {
        if swept.unreadable > unreadable {
            tracing::warn!(
                records = swept.unreadable,
                "records of touchpoint-refused cannot be read as letters: whom they name nobody knows, and they stay as long as the \
                 topic keeps them"
            );
        }
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

/// How long nothing has been swept that this process may have to sweep.
struct Wait {
    since: Instant,
    is_told: bool,
}

impl Wait {
    fn begin(now: Instant) -> Self {
        Self { since: now, is_told: false }
    }

    /// Whether it has been for longer than this; once.
    fn is_late(&mut self, now: Instant, longest: Duration) -> bool {
        let is_late = !self.is_told && now.duration_since(self.since) > longest;
        self.is_told |= is_late;
        is_late
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_nothing_was_swept_for_long_is_told_once() {
        let (begin, longest) = (Instant::now(), Duration::from_secs(600));
        let mut wait = Wait::begin(begin);
        let at = |seconds| begin + Duration::from_secs(seconds);
        let told = [600, 601, 3600].map(|seconds| wait.is_late(at(seconds), longest));
        assert_eq!(told, [false, true, false]);
        wait = Wait::begin(at(3600));
        assert!(!wait.is_late(at(4200), longest) && wait.is_late(at(4201), longest));
    }
}
