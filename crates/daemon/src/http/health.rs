//! How a process is. In: what its workers say of themselves. Out: whether it lives (no worker has been silent for
//! longer than it promised), whether it is ready (each stage says so), and facts for `/status`.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Shared by the workers, which write, and the HTTP server, which reads.
///
/// A stage is named by its worker, for example `stitch-0`. A process without stages is not ready.
#[derive(Default)]
pub struct Health {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    stages: BTreeMap<String, Stage>,
    workers: BTreeMap<String, Beat>,
}

#[derive(Default)]
struct Stage {
    /// Why it is not ready; `None` when it is.
    reason: Option<String>,
    facts: Value,
}

struct Beat {
    last: Instant,
    deadline: Duration,
}

impl Health {
    /// A process that is alive and not yet ready.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The stage does its work.
    pub fn set_ready(&self, stage: &str) {
        self.lock().stage(stage).reason = None;
    }

    /// The stage does not do its work, for this reason: restoring, paused, fenced, … . No personal data.
    pub fn set_not_ready(&self, stage: &str, reason: impl Into<String>) {
        self.lock().stage(stage).reason = Some(reason.into());
    }

    /// Replaces what `/status` tells about the stage.
    pub fn set_facts(&self, stage: &str, facts: Value) {
        self.lock().stage(stage).facts = facts;
    }

    /// The worker lives, and will say so again before `deadline` has passed.
    pub fn heartbeat(&self, worker: &str, deadline: Duration) {
        let beat = Beat { last: Instant::now(), deadline };
        let mut inner = self.lock();
        match inner.workers.get_mut(worker) {
            Some(known) => *known = beat,
            None => {
                inner.workers.insert(worker.to_owned(), beat);
            }
        }
    }

    /// The worker has ended as it should: its silence is no fault.
    pub fn retire(&self, worker: &str) {
        self.lock().workers.remove(worker);
    }

    /// Whether no worker has been silent for too long, and the body of `/live`.
    #[must_use]
    pub fn live(&self) -> (bool, Value) {
        let inner = self.lock();
        let silent: BTreeMap<&str, String> = inner
            .workers
            .iter()
            .map(|(worker, beat)| (worker.as_str(), beat.last.elapsed(), beat.deadline))
            .filter(|(_, silence, deadline)| silence > deadline)
            .map(|(worker, silence, deadline)| {
                let (silence, deadline) = (silence.as_millis(), deadline.as_millis());
                (worker, format!("silent for {silence} ms, which is more than the {deadline} ms it promised"))
            })
            .collect();
        verdict("live", silent.is_empty(), json!(silent))
    }

    /// Whether all stages are ready, and the body of `/ready`.
    #[must_use]
    pub fn ready(&self) -> (bool, Value) {
        let inner = self.lock();
        let mut reasons: BTreeMap<&str, &str> = inner
            .stages
            .iter()
            .filter_map(|(stage, state)| Some((stage.as_str(), state.reason.as_deref()?)))
            .collect();
        if inner.stages.is_empty() {
            reasons.insert("process", "starting: no stage has reported yet");
        }
        verdict("ready", reasons.is_empty(), json!(reasons))
    }

    /// The body of `/status`: liveness, readiness, and the facts of each stage.
    #[must_use]
    pub fn status(&self) -> Value {
        let ((live, _), (ready, _)) = (self.live(), self.ready());
        let inner = self.lock();
        let stages: BTreeMap<&str, Value> = inner
            .stages
            .iter()
            .map(|(name, stage)| {
                let facts =
                    json!({"ready": stage.reason.is_none(), "reason": stage.reason, "facts": stage.facts});
                (name.as_str(), facts)
            })
            .collect();
        json!({"live": live, "ready": ready, "version": env!("CARGO_PKG_VERSION"), "stages": stages})
    }

    /// A worker that panicked while it reported leaves a report that is still whole.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn stage(&mut self, name: &str) -> &mut Stage {
        self.stages.entry(name.to_owned()).or_default()
    }
}

fn verdict(name: &str, good: bool, reasons: Value) -> (bool, Value) {
    let body = if good { json!({name: true}) } else { json!({name: false, "reasons": reasons}) };
    (good, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_ready_when_every_stage_is() {
        let health = Health::new();
        assert!(!health.ready().0);
        health.set_ready("stitch-0");
        health.set_not_ready("stitch-1", "restoring partition 3");
        let reasons = json!({"ready": false, "reasons": {"stitch-1": "restoring partition 3"}});
        assert_eq!(health.ready(), (false, reasons));
        health.set_ready("stitch-1");
        assert_eq!(health.ready(), (true, json!({"ready": true})));
    }

    #[test]
    fn a_worker_that_breaks_its_promise_is_not_alive_until_it_speaks_again_or_retires() {
        let health = Health::new();
        assert!(health.live().0);
        health.heartbeat("stitch-0", Duration::ZERO);
        std::thread::sleep(Duration::from_millis(2));
        assert!(!health.live().0);
        assert!(health.live().1["reasons"]["stitch-0"].as_str().expect("a reason").contains("silent for"));
        health.heartbeat("stitch-0", Duration::from_secs(60));
        assert!(health.live().0);
        health.heartbeat("stitch-0", Duration::ZERO);
        health.retire("stitch-0");
        assert!(health.live().0);
    }

    #[test]
    fn the_status_tells_the_facts_of_each_stage() {
        let health = Health::new();
        health.set_ready("capture-0");
        health.set_facts("capture-0", json!({"lag": 12}));
        assert_eq!(
            health.status()["stages"]["capture-0"],
            json!({"ready": true, "reason": null, "facts": {"lag": 12}})
        );
    }
}
