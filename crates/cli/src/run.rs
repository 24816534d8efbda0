//! A local run: a store, the stages on it, and touchpoints that are fed in rounds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use kinfold_daemon::config::Config;
use kinfold_daemon::valuation;
use kinfold_mapping::sources::ByName;
use kinfold_mapping::{Source, Sources};
use kinfold_model::{Command, IdentityChange, Keys, PersonId, PrivacyRequest, Timestamp};
use kinfold_pipeline::{InRecord, Listener, Local, LocalPorts, Origin, OutRecord, StageName, Store};
use kinfold_store::{Memory, RocksStore};
use kinfold_wire::{Framing, SchemaIds, Topic, decode, encode};
use serde::Serialize;

use crate::avro_json::AvroJson;
use crate::commands::Failure;
use crate::secret;

pub use kinfold_daemon::clock::now;

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
    /// When the secret cannot be read or made, or the model cannot be read.
    pub fn new(config: Config, state: Option<&Path>) -> Result<Self, Failure> {
        if let Some(state) = state {
            std::fs::create_dir_all(state).map_err(Failure::file(state))?;
        }
        let keys = Keys::new(&secret::of(&config, state)?);
        let ports = LocalPorts::new(&keys, &config.rules, config.capture.clone());
        let ports = ports.with_purposes(Arc::new(config.purposes.clone()));
        let ports = ports.with_outputs(Arc::new(config.outputs.clone()));
        let ports = ports.with_survivorship(Arc::new(config.survivorship.clone()));
        let profile = valuation::settings(&config).map_err(|fault| Failure::Usage(fault.to_string()))?;
        let ports = ports.with_profile(Arc::new(profile));
        let ports = ports.with_returning(&Arc::new(config.privacy.returning.clone()));
        Ok(Self { ports, config })
    }

    /// The same, with a mapping for the records of one source.
    #[must_use]
    pub fn with_source(self, source: Source) -> Self {
        let name = source.name().to_owned();
        self.with_sources([(name, Arc::new(source))].into())
    }

    /// The same, with mappings for the records of several sources, by their names.
    #[must_use]
    pub fn with_sources(self, sources: ByName) -> Self {
        Self { ports: self.ports.with_sources(Arc::new(Sources::new(sources))), ..self }
    }

    /// Goes on with the store in a folder. What earlier rules decided there is looked at again under those of today.
    ///
    /// # Errors
    /// When the store cannot be opened, read or written.
    pub fn begin(&self, store: &Path) -> Result<Run<'_>, Failure> {
        let memory = Memory::new(self.config.state.cache_bytes);
        let store = RocksStore::open(store, &memory).map_err(Failure::fault)?;
        let mut local = Local::open(&self.ports, store).map_err(Failure::fault)?;
        let (now, began, mut heard) = (now(), Instant::now(), Heard::default());
        revise(&mut local, now, &mut heard)?;
        let revised = heard.people_changed()?;
        let rules_version = self.config.rules.version().to_string();
        let outputs = self.config.outputs.names().cloned().collect();
        let round = Vec::with_capacity(ROUND);
        Ok(Run { local, heard, began, revised, rules_version, outputs, now, round })
    }
}

/// Looks again at what earlier rules decided, with a line on the terminal that says how far that has got.
///
/// # Errors
/// When the store cannot be read or written.
pub fn revise<S: Store>(
    local: &mut Local<'_, S>,
    now: Timestamp,
    listener: &mut dyn Listener,
) -> Result<(), Failure> {
    const STEPS: u64 = 1000;
    let mut bar: Option<ProgressBar> = None;
    let template = "{wide_bar} {percent:>3} %  looking again under the new rules  {eta} left";
    let style = || ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let progress = &mut |done: f64| {
        let bar = bar.get_or_insert_with(|| ProgressBar::new(STEPS).with_style(style()));
        bar.set_position((done * STEPS as f64) as u64);
    };
    let revised = local.revise(now, listener, progress).map_err(Failure::fault);
    bar.iter().for_each(ProgressBar::finish_and_clear);
    revised
}

/// The stages at work.
pub struct Run<'s> {
    /// The stages and their store.
    pub local: Local<'s, RocksStore>,
    /// What passed on the topics that are not kept.
    pub heard: Heard,
    /// When it began.
    pub began: Instant,
    /// How many people are other ones than under the rules that decided before this run.
    pub revised: usize,
    /// Of the rules in force.
    pub rules_version: String,
    /// The names of the outputs that are configured, in order.
    pub outputs: Vec<Arc<str>>,
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
    /// The values of `privacy-receipt`.
    pub receipts: Vec<Vec<u8>>,
    /// How many records each public topic got.
    pub written: BTreeMap<Topic, u64>,
}

impl Listener for Heard {
    fn written(&mut self, record: &OutRecord) {
        *self.written.entry(record.topic).or_default() += 1;
        match (record.topic, &record.value) {
            (Topic::TouchpointRefused, Some(value)) => self.refused.push(value.clone()),
            (Topic::IdentityChange, Some(value)) => self.changes.push(value.clone()),
            (Topic::PrivacyReceipt, Some(value)) => self.receipts.push(value.clone()),
            _ => {}
        }
    }
}

impl Heard {
    /// The records of `identity-change`, in the order in which they passed.
    ///
    /// # Errors
    /// When a record that was just written cannot be read.
    pub fn changes(&self) -> Result<Vec<IdentityChange>, Failure> {
        let read = |value: &Vec<u8>| decode(Topic::IdentityChange, &SchemaIds::default(), value);
        self.changes.iter().map(read).collect::<Result<_, _>>().map_err(Failure::fault)
    }

    fn people_changed(&self) -> Result<usize, Failure> {
        let changes = self.changes()?;
        let people =
            changes.iter().flat_map(|change| change.person_ids_before.iter().chain(&change.person_ids_after));
        Ok(people.collect::<BTreeSet<&PersonId>>().len())
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
            first: None,
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

    /// Carries out a steward's command.
    ///
    /// # Errors
    /// A fault of a stage or the store.
    pub fn command(&mut self, command: &Command) -> Result<(), Failure> {
        self.order(Topic::IdentityCommand, &command.command_id, command)
    }

    /// Carries out what somebody asks for about their data.
    ///
    /// # Errors
    /// A fault of a stage or the store.
    pub fn request(&mut self, request: &PrivacyRequest) -> Result<(), Failure> {
        self.order(Topic::PrivacyRequest, &request.request_id, request)
    }

    fn order<T: Serialize>(&mut self, topic: Topic, key: &str, value: &T) -> Result<(), Failure> {
        let value = encode(topic, Framing::SingleObject, value).map_err(Failure::fault)?;
        self.round.push(InRecord {
            origin: Origin::Topic(topic),
            partition: 0,
            offset: 0,
            time: self.now,
            key: Some(key.as_bytes().to_vec()),
            value: Some(value),
            trace: None,
            first: None,
        });
        self.work()
    }

    /// Works off the rest and publishes everybody who changed.
    ///
    /// # Errors
    /// A fault of a stage or the store.
    pub fn publish(&mut self) -> Result<(), Failure> {
        self.work()?;
        self.local.publish(self.now, &mut self.heard).map_err(Failure::fault)
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
