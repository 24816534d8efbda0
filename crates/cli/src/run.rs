//! A local run: a store, the stages on it, and touchpoints that are fed in rounds.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use kinfold_daemon::config::Config;
use kinfold_model::{Keys, Timestamp};
use kinfold_pipeline::{InRecord, Listener, Local, LocalPorts, Origin, OutRecord, StageName};
use kinfold_store::{Memory, RocksStore};
use kinfold_wire::Topic;

use crate::avro_json::AvroJson;
use crate::commands::Failure;
use crate::secret;

/// How many records are taken through the stages at once: enough that stages and store work in bulk, few enough that
/// a round fits the processor's cache and the progress bar moves.
const ROUND: usize = 4096;

/// The ports of a run. They outlive it.
pub struct Setup {
    ports: LocalPorts,
    config: Config,
}

impl Setup {
    /// The stages as configured. `state` is the folder that keeps the secret and the store, if it is kept.
    ///
    /// # Errors
    /// When the secret cannot be read or made.
    pub fn new(config: Config, state: Option<&Path>) -> Result<Self, Failure> {
        if let Some(state) = state {
            std::fs::create_dir_all(state).map_err(Failure::file(state))?;
        }
        let keys = Keys::new(&secret::of(&config, state)?);
        Ok(Self { ports: LocalPorts::new(&keys, &config.rules, config.capture.clone()), config })
    }

    /// Goes on with the store in a folder.
    ///
    /// # Errors
    /// When the store cannot be opened or read.
    pub fn begin(&self, store: &Path) -> Result<Run<'_>, Failure> {
        let memory = Memory::new(self.config.state.cache_bytes);
        let store = RocksStore::open(store, &memory).map_err(Failure::fault)?;
        let local = Local::open(&self.ports, store).map_err(Failure::fault)?;
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(since_1970.as_millis()).ok().and_then(|ms| Timestamp::from_millis(ms).ok());
        Ok(Run {
            local,
            now: now.unwrap_or(Timestamp::MAX),
            began: Instant::now(),
            round: Vec::with_capacity(ROUND),
            heard: Heard::default(),
        })
    }
}

/// The stages at work.
pub struct Run<'s> {
    /// The stages and their store.
    pub local: Local<'s, RocksStore>,
    /// What passed on the topics that are not kept.
    pub heard: Heard,
    /// When it began.
    pub began: Instant,
    now: Timestamp,
    round: Vec<InRecord>,
}

/// The records of public topics that are events, as they passed.
#[derive(Default)]
pub struct Heard {
    /// The values of `touchpoint-refused`.
    pub refused: Vec<Vec<u8>>,
    /// The values of `identity-change`.
    pub changes: Vec<Vec<u8>>,
    /// How many records each public topic got.
    pub written: BTreeMap<Topic, u64>,
}

impl Listener for Heard {
    fn written(&mut self, record: &OutRecord) {
        *self.written.entry(record.topic).or_default() += 1;
        match (record.topic, &record.value) {
            (Topic::TouchpointRefused, Some(value)) => self.refused.push(value.clone()),
            (Topic::IdentityChange, Some(value)) => self.changes.push(value.clone()),
            _ => {}
        }
    }
}

impl Run<'_> {
    /// Adds a record of a source; a full round is worked off at once.
    ///
    /// # Errors
    /// A fault of a stage or the store.
    pub fn feed(&mut self, source: &Arc<str>, offset: i64, record: Vec<u8>) -> Result<(), Failure> {
        self.round.push(InRecord {
            origin: Origin::Raw(Arc::clone(source)),
            partition: 0,
            offset,
            time: self.now,
            key: None,
            value: Some(record),
            trace: None,
        });
        if self.round.len() < ROUND { Ok(()) } else { self.work() }
    }

    /// Works off what was fed.
    ///
    /// # Errors
    /// A fault of a stage or the store.
    pub fn work(&mut self) -> Result<(), Failure> {
        let round = std::mem::take(&mut self.round);
        self.local.feed(&round, &mut self.heard).map_err(Failure::fault)
    }

    /// Works off the rest and publishes everybody who changed.
    ///
    /// # Errors
    /// A fault of a stage or the store.
    pub fn publish(&mut self) -> Result<(), Failure> {
        self.work()?;
        self.local.publish(&mut self.heard).map_err(Failure::fault)
    }

    /// How many records were read and how many of them refused.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        let tally = self.local.tally(StageName::Capture);
        (tally.consumed_total(), tally.refused_total())
    }

    /// How often people changed in which way.
    ///
    /// # Errors
    /// When a record that was just written cannot be read.
    pub fn changes_by_kind(&self) -> Result<BTreeMap<String, u64>, Failure> {
        let reader = AvroJson::new(Topic::IdentityChange)?;
        let mut kinds = BTreeMap::new();
        for value in &self.heard.changes {
            let kind =
                reader.read(value)?.get("kind").and_then(|kind| kind.as_str()).unwrap_or_default().to_owned();
            *kinds.entry(kind).or_default() += 1;
        }
        Ok(kinds)
    }
}
