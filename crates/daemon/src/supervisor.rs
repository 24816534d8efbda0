//! A stage under supervision: a worker that fails is thrown away and a new one is made, after a pause that grows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use kinfold_capture::Capture;
use kinfold_kafka::{NoState, Observer, Settings, Stores, Worker, WorkerError, World};
use kinfold_model::Keys;
use kinfold_pipeline::{CapturePort, FacetsPort, Metrics, PeoplePort, Port, StageName, StitchPort};
use kinfold_store::Memory;
use serde_json::json;

use crate::config::Config;
use crate::folders::Folders;
use crate::http::Health;
use crate::registry::{RegistryError, register};

/// The first pause after a failure; it doubles with each failure that follows.
const PAUSE_MIN: Duration = Duration::from_millis(500);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// A worker that lived this long had recovered: the next pause is short again.
const RECOVERED: Duration = Duration::from_secs(60);
/// A worker that says nothing for so long hangs. A commit may wait for the coordinator as long as a transaction
/// may last, and a rebalance for the slowest member.
const SILENCE_MAX: Duration = Duration::from_secs(300);

/// What all stages of a process share.
pub(crate) struct Supervisor<'c> {
    pub(crate) config: &'c Config,
    pub(crate) settings: Settings,
    pub(crate) memory: Memory,
    pub(crate) metrics: Metrics,
    pub(crate) health: Arc<Health>,
    pub(crate) stop: Arc<AtomicBool>,
}

/// Why a stage is not at work.
#[derive(Debug, thiserror::Error)]
enum StageError {
    #[error(transparent)]
    Worker(#[from] WorkerError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Config(#[from] crate::config::SecretMissing),
}

impl StageError {
    fn kind(&self) -> &'static str {
        match self {
            Self::Worker(error) => error.kind(),
            Self::Registry(_) | Self::Config(_) => "other",
        }
    }
}

impl Supervisor<'_> {
    /// Keeps a stage at work until the process is asked to stop.
    pub(crate) fn supervise(&self, stage: StageName) {
        let _ends_together = StopOnPanic(&self.stop);
        let mut pause = PAUSE_MIN;
        while !self.stopping() {
            let began = Instant::now();
            let Err(error) = self.attempt(stage) else { break };
            if began.elapsed() > RECOVERED {
                pause = PAUSE_MIN;
            }
            self.metrics.fault(stage, error.kind());
            self.metrics.aborted(stage);
            self.health.set_not_ready(stage.as_str(), error.to_string());
            self.metrics.ready.set(0.0);
            tracing::error!(%stage, %error, again_in_ms = pause.as_millis(), "the stage stands still");
            self.rest(stage, pause);
            pause = (pause * 2).min(PAUSE_MAX);
        }
        self.health.retire(stage.as_str());
    }

    fn attempt(&self, stage: StageName) -> Result<(), StageError> {
        self.health.heartbeat(stage.as_str(), SILENCE_MAX);
        let world = World::observe(&self.settings)?;
        let mut topology = world.topology(stage, &self.config.topics.sources).map_err(WorkerError::from)?;
        if let Some(url) = &self.config.registry.url {
            register(url, &self.settings.prefix, &mut topology)?;
        }
        let keys = Keys::new(self.config.require_secret()?);
        let rules = self.config.rules.clone();
        match stage {
            StageName::Capture => {
                let stage = Capture::new(keys.clone(), rules.clone(), self.config.capture.clone());
                self.work(&CapturePort { stage, keys, rules, topology }, &NoState, &world)
            }
            StageName::Stitch => self.keep(&StitchPort { keys, rules, topology }, &world),
            StageName::Facets => self.keep(&FacetsPort { topology }, &world),
            StageName::People => self.keep(&PeoplePort { keys, topology }, &world),
        }
    }

    /// Works on a port whose stage keeps state.
    fn keep<P: Port>(&self, port: &P, world: &World) -> Result<(), StageError> {
        self.work(port, &Folders::new(&self.config.state.dir, P::NAME, self.memory.clone()), world)
    }

    fn work<P: Port, S: Stores>(&self, port: &P, stores: &S, world: &World) -> Result<(), StageError> {
        let observer = Reporter { stage: P::NAME, health: &self.health, metrics: &self.metrics };
        let worker = Worker {
            port,
            settings: &self.settings,
            stores,
            sources: &self.config.topics.sources,
            metrics: &self.metrics,
            observer: &observer,
        };
        Ok(worker.run(world, &self.stop)?)
    }

    fn rest(&self, stage: StageName, pause: Duration) {
        let until = Instant::now() + pause;
        while !self.stopping() && Instant::now() < until {
            self.health.heartbeat(stage.as_str(), SILENCE_MAX);
            thread::sleep(Duration::from_millis(50).min(pause));
        }
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// A stage that panics takes the others with it: half a process looks alive from outside.
struct StopOnPanic<'s>(&'s AtomicBool);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// Tells health and metrics what a worker tells.
struct Reporter<'h> {
    stage: StageName,
    health: &'h Health,
    metrics: &'h Metrics,
}

impl Observer for Reporter<'_> {
    fn at_work(&self, partitions: &BTreeMap<u32, u64>) {
        let commits: serde_json::Map<String, serde_json::Value> =
            partitions.iter().map(|(partition, commit)| (partition.to_string(), json!(commit))).collect();
        self.health.set_facts(self.stage.as_str(), json!({ "commits_by_partition": commits }));
        self.health.set_ready(self.stage.as_str());
        self.metrics.ready.set(if self.health.ready().0 { 1.0 } else { 0.0 });
    }

    fn not_ready(&self, reason: &str) {
        self.health.set_not_ready(self.stage.as_str(), reason);
        self.metrics.ready.set(0.0);
    }

    fn beat(&self) {
        self.health.heartbeat(self.stage.as_str(), SILENCE_MAX);
    }
}
