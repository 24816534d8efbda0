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

/// How long a worker may be silent.
#[derive(Clone, Copy, Debug)]
pub struct Promise {
    /// And still count as ready.
    pub ready: Duration,
    /// And still count as alive.
    pub live: Duration,
}

struct Beat {
    last: Instant,
    promise: Promise,
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

    /// The worker lives, and promises to say so again in time.
    pub fn heartbeat(&self, worker: &str, promise: Promise) {
        let beat = Beat { last: Instant::now(), promise };
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
        let silent = inner.silent(|promise| promise.live);
        verdict("live", silent.is_empty(), json!(silent))
    }

    /// Whether all stages are ready, and no worker is silent, and the body of `/ready`.
    #[must_use]
    pub fn ready(&self) -> (bool, Value) {
        let inner = self.lock();
        let mut reasons = inner.silent(|promise| promise.ready);
        let told =
            inner.stages.iter().filter_map(|(stage, state)| Some((stage.as_str(), state.reason.clone()?)));
        reasons.extend(told);
        if inner.stages.is_empty() {
            reasons.insert("process", "starting: no stage has reported yet".to_owned());
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

    /// Whether a worker that does its work has this partition, by its last facts.
    #[must_use]
    pub fn holds(&self, partition: u32) -> bool {
        let partition = partition.to_string();
        let holds =
            |stage: &Stage| stage.reason.is_none() && stage.facts["partitions"].get(&partition).is_some();
        self.lock().stages.values().any(holds)
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

    /// The workers that have been silent for longer than the part of their promise that `limit` takes.
    fn silent(&self, limit: impl Fn(Promise) -> Duration) -> BTreeMap<&str, String> {
        let broken = self.workers.iter().filter_map(|(worker, beat)| {
            let (silence, limit) = (beat.last.elapsed(), limit(beat.promise));
            let (seconds, promised) = (silence.as_secs_f64(), limit.as_secs_f64());
            let sentence =
                || format!("silent for {seconds:.1} s, longer than {promised:.1} s: it waits for the broker, or hangs");
            (silence > limit).then(|| (worker.as_str(), sentence()))
        });
        broken.collect()
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
        let (short, long) = (Duration::ZERO, Duration::from_secs(60));
        assert!(health.live().0);
        health.heartbeat("stitch-0", Promise { ready: short, live: short });
        std::thread::sleep(Duration::from_millis(2));
        assert!(!health.live().0);
        assert!(health.live().1["reasons"]["stitch-0"].as_str().expect("a reason").contains("silent for"));
        health.heartbeat("stitch-0", Promise { ready: long, live: long });
        assert!(health.live().0);
        health.heartbeat("stitch-0", Promise { ready: short, live: short });
        health.retire("stitch-0");
        assert!(health.live().0);
    }

    #[test]
    fn a_worker_that_is_silent_is_not_ready_long_before_it_is_taken_for_dead() {
        let health = Health::new();
        health.set_ready("stitch-0");
        health.heartbeat("stitch-0", Promise { ready: Duration::ZERO, live: Duration::from_secs(60) });
        std::thread::sleep(Duration::from_millis(2));
        assert!(health.live().0);
        assert!(health.ready().1["reasons"]["stitch-0"].as_str().expect("a reason").contains("silent for"));
    }

    #[test]
    fn a_partition_is_held_while_the_worker_that_has_it_is_at_work() {
        let health = Health::new();
        assert!(!health.holds(0));
        health.set_ready("capture-0");
        assert!(!health.holds(0), "it has told of none");
        health.set_facts("capture-0", json!({"partitions": {"0": {"commit": 1}}}));
        assert!(health.holds(0) && !health.holds(1));
        health.set_not_ready("capture-0", "the broker is away");
        assert!(!health.holds(0));
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
