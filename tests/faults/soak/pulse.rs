//! The longest time in which people did not commit, taken from outside while a soak runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use kinfold_kafka::reader::{Isolation, Reader};
use kinfold_pipeline::StageName;

use crate::case::Outcome;
use crate::deployment::Deployment;
use crate::watch::trail;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);

pub(super) struct Pulse {
    worst_ms: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Pulse {
    /// Begins to listen.
    pub(super) fn of_people(deployment: &Deployment<'_>) -> Outcome<Self> {
        let reader = Reader::from_end(&deployment.settings, &trail(StageName::People), Isolation::Committed)?;
        let (worst_ms, is_over): (Arc<AtomicU64>, Arc<AtomicBool>) = Default::default();
        let thread = thread::spawn({
            let (worst_ms, is_over) = (Arc::clone(&worst_ms), Arc::clone(&is_over));
            move || {
                let mut last = Instant::now();
                while !is_over.load(Ordering::Relaxed) {
                    if let Ok(Some(_)) = reader.next(LOOK) {
                        last = Instant::now();
                    }
                    let silence = u64::try_from(last.elapsed().as_millis()).unwrap_or(u64::MAX);
                    worst_ms.fetch_max(silence, Ordering::Relaxed);
                }
            }
        });
        Ok(Self { worst_ms, is_over, thread: Some(thread) })
    }

    /// The longest by now.
    pub(super) fn worst(self) -> Duration {
        Duration::from_millis(self.worst_ms.load(Ordering::Relaxed))
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        drop(self.thread.take().map(JoinHandle::join));
    }
}
