//! Workers under supervision: one that fails is thrown away and a new one is made, after a pause that grows.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use kinfold_capture::Capture;
use kinfold_kafka::{Identity, KafkaLink, Settings, WorkerError, World, demands};
use kinfold_mapping::Sources;
use kinfold_model::Keys;
use kinfold_pipeline::worker::{BatchLimits, Equipment, Worker};
use kinfold_pipeline::{
    CapturePort, FacetsPort, Metrics, NoState, PeoplePort, Port, PrivacyPort, StageName, StitchPort, Stores,
};
use kinfold_privacy::PrivacyTerms;
use kinfold_store::Memory;

use crate::config::Config;
use crate::copies::Copies;
use crate::folders::Folders;
use crate::http::Health;
use crate::registry::{RegistryError, register};
use crate::reporter::Reporter;

/// The first pause after a failure; it doubles with each failure that follows.
const PAUSE_MIN: Duration = Duration::from_millis(500);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// A worker that lived this long had recovered: the next pause is short again.
const RECOVERED: Duration = Duration::from_secs(60);

/// What all workers of a process share.
pub(crate) struct Supervisor<'c> {
    pub(crate) config: &'c Config,
    pub(crate) settings: Settings,
    pub(crate) memory: Memory,
    pub(crate) copies: Option<Copies>,
    pub(crate) metrics: Metrics,
    pub(crate) health: Arc<Health>,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) sources: Arc<Sources>,
    /// How people are folded.
    pub(crate) profile: Arc<kinfold_profile::Settings>,
    /// Rises when sources that are held are to be read again.
    pub(crate) releases: Arc<AtomicU64>,
}

/// Why a worker is not at work.
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
    /// Keeps a worker at work until the process is asked to stop.
    pub(crate) fn supervise(&self, identity: Identity) {
        let _ends_together = StopOnPanic(&self.stop);
        let reporter = Reporter::new(identity, &self.health);
        let mut pause = PAUSE_MIN;
        while !self.stopping() {
            let began = Instant::now();
            let Err(error) = self.attempt(identity, &reporter) else { break };
            if began.elapsed() > RECOVERED {
                pause = PAUSE_MIN;
            }
            self.metrics.fault(identity.stage, error.kind());
            reporter.stands_still(&error.to_string());
            let Identity { stage, worker } = identity;
            tracing::error!(%stage, worker, %error, again_in_ms = pause.as_millis(), "the worker stands still");
            self.rest(&reporter, pause);
            pause = (pause * 2).min(PAUSE_MAX);
        }
        reporter.retire();
    }

    fn attempt(&self, identity: Identity, reporter: &Reporter<'_>) -> Result<(), StageError> {
        reporter.alive();
        let stage = identity.stage;
        let world = World::observe(&self.settings)?;
        let Settings { sources, outputs, .. } = &self.settings;
        let mut topology = world.topology(stage, sources, outputs).map_err(WorkerError::from)?;
        demands::check(&self.settings, stage)?;
        if let Some(url) = &self.config.registry.url {
            register(url, &self.settings.prefix, &mut topology)?;
        }
        let keys = Keys::new(self.config.require_secret()?);
        let rules = self.config.rules.clone();
        let returning = Arc::new(self.config.privacy.returning.clone());
        let desk = Desk { supervisor: self, identity, reporter, partitions: world.inputs(stage) };
        match stage {
            StageName::Capture => {
                self.settings.sources.iter().for_each(|source| self.metrics.source_held(source, 0));
                let stage = Capture::new(keys.clone(), rules.clone(), self.config.capture.clone())
                    .with_sources(Arc::clone(&self.sources));
                desk.work(&CapturePort { stage, keys, rules, returning, topology }, &NoState)
            }
            StageName::Stitch => desk.keep(&StitchPort { keys, rules, topology }),
            StageName::Facets => desk.keep(&FacetsPort { returning, topology }),
            StageName::People => {
                let purposes = Arc::new(self.config.purposes.clone());
                let outputs = Arc::new(self.config.outputs.clone());
                let survivorship = Arc::new(self.config.survivorship.clone());
                let settings = Arc::clone(&self.profile);
                desk.keep(&PeoplePort { keys, purposes, outputs, survivorship, settings, topology })
            }
            StageName::Privacy => {
                let capture = Capture::new(keys, rules, self.config.capture.clone());
                let verifiers = Arc::new(self.config.privacy.verifiers.clone());
                let last_copy_after_ms = self.config.last_copy_after_ms();
                let terms = PrivacyTerms { capture, verifiers, last_copy_after_ms };
                desk.keep(&PrivacyPort { terms, topology })
            }
        }
    }

    fn rest(&self, reporter: &Reporter<'_>, pause: Duration) {
        let until = Instant::now() + pause;
        while !self.stopping() && Instant::now() < until {
            reporter.alive();
            thread::sleep(Duration::from_millis(50).min(pause));
        }
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Where one worker works.
struct Desk<'d> {
    supervisor: &'d Supervisor<'d>,
    identity: Identity,
    reporter: &'d Reporter<'d>,
    /// Of each input.
    partitions: u32,
}

impl Desk<'_> {
    /// Works on a port whose stage keeps state.
    fn keep<P: Port>(&self, port: &P) -> Result<(), StageError> {
        let Supervisor { config, memory, copies, .. } = self.supervisor;
        let (state, copies) = (&config.state, copies.clone());
        let folders = Folders::new(&state.dir, P::NAME, memory.clone(), copies, state.rewrite_interval_ms);
        self.work(port, &folders)
    }

    fn work<P: Port, S: Stores>(&self, port: &P, stores: &S) -> Result<(), StageError> {
        let Supervisor { config, settings, metrics, .. } = self.supervisor;
        let limits = BatchLimits { records: config.kafka.batch_records, bytes: config.kafka.batch_bytes_max };
        let (partitions, observer, brake) = (self.partitions, self.reporter, config.brake);
        let released = || self.supervisor.releases.load(Ordering::Acquire);
        let mut releases = released();
        let link = KafkaLink::join(settings, self.identity, partitions, metrics)?;
        let equipment = Equipment { port, stores, partitions, limits, brake, metrics, observer };
        let mut worker = Worker::new(equipment, link);
        while !self.supervisor.stopping() {
            if std::mem::replace(&mut releases, released()) != releases {
                worker.release()?;
            }
            worker.turn()?;
        }
        Ok(())
    }
}

/// A thread that panics takes the workers with it: half a process looks alive from outside.
pub(crate) struct StopOnPanic<'s>(pub(crate) &'s AtomicBool);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}
