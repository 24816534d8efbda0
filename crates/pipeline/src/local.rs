//! The local driver: all stages in one process, one partition each, on an embedded log.
//!
//! Touchpoints go in by rounds. Within a round each stage takes what the stage before it sent; at its end
//! everything the round changed is written to the store at once. The log itself is kept where it matters: the
//! compacted topics as tables, the others as they pass, for a [`Listener`]. People are published once, at the end
//! of a run, so that the result does not show in which order the touchpoints came.

use std::collections::BTreeMap;
use std::sync::Arc;

use kinfold_capture::{Capture, Settings};
use kinfold_mapping::Sources;
use kinfold_model::seam::Entries;
use kinfold_model::{
    ConsentChange, Fault, Keys, Outputs, Partition, Purposes, Returning, Rules, Survivorship, Timestamp, View,
};
use kinfold_privacy::{PrivacyTerms, Verifiers};
use kinfold_wire::{Topic, decode};

use crate::batch::{Batch, Tally};
use crate::ledger;
use crate::overlay::{Overlay, Store, Writes};
use crate::port::{Port, StageName, Topology};
use crate::ports::{CapturePort, FacetsPort, PeoplePort, PrivacyPort, StitchPort};
use crate::record::{InRecord, Origin, OutRecord};
use crate::task::Task;

/// How many nodes, and how many people, are looked at again between two commits.
const REVISED_AT_ONCE: usize = 2000;

/// Sees every record of a public topic as it is written.
pub trait Listener {
    /// A record was written.
    fn written(&mut self, record: &OutRecord);
}

/// The ports of a log with one partition for each topic.
pub struct LocalPorts {
    capture: CapturePort,
    stitch: StitchPort,
    facets: FacetsPort,
    people: PeoplePort,
    privacy: PrivacyPort,
}

impl LocalPorts {
    /// What the stages need to know.
    #[must_use]
    pub fn new(keys: &Keys, rules: &Rules, settings: Settings) -> Self {
        let topology = Topology::uniform(1);
        let stage = Capture::new(keys.clone(), rules.clone(), settings);
        // Whoever has the state decides, and no log keeps a copy.
        let verifiers = Arc::new(Verifiers::none_needed());
        let terms = PrivacyTerms { capture: stage.clone(), verifiers, last_copy_after_ms: 0 };
        Self {
            capture: CapturePort {
                stage,
                keys: keys.clone(),
                rules: rules.clone(),
                returning: Arc::default(),
                topology: topology.clone(),
            },
            stitch: StitchPort { keys: keys.clone(), rules: rules.clone(), topology: topology.clone() },
            facets: FacetsPort { returning: Arc::default(), topology: topology.clone() },
            people: PeoplePort {
                keys: keys.clone(),
                purposes: Arc::default(),
                outputs: Arc::default(),
                survivorship: Arc::default(),
                settings: Arc::default(),
                topology: topology.clone(),
            },
            privacy: PrivacyPort { terms, topology },
        }
    }

    /// The same ports, of which capture has mappings for some sources.
    #[must_use]
    pub fn with_sources(mut self, sources: Arc<Sources>) -> Self {
        self.capture.stage = self.capture.stage.with_sources(sources);
        self
    }

    /// The same ports, of which people weigh decisions by these purposes.
    #[must_use]
    pub fn with_purposes(self, purposes: Arc<Purposes>) -> Self {
        Self { people: PeoplePort { purposes, ..self.people }, ..self }
    }

    /// The same ports, of which people fold by these settings.
    #[must_use]
    pub fn with_profile(self, settings: Arc<kinfold_profile::Settings>) -> Self {
        Self { people: PeoplePort { settings, ..self.people }, ..self }
    }

    /// The same ports, to which somebody who is erased may come back by these consents.
    #[must_use]
    pub fn with_returning(mut self, returning: &Arc<Returning>) -> Self {
        self.capture.returning = Arc::clone(returning);
        self.facets.returning = Arc::clone(returning);
        self
    }

    /// The same ports, of which people leave to these outputs.
    #[must_use]
    pub fn with_outputs(self, outputs: Arc<Outputs>) -> Self {
        Self { people: PeoplePort { outputs, ..self.people }, ..self }
    }

    /// The same ports, of which people let values of attributes survive by these rules.
    #[must_use]
    pub fn with_survivorship(self, survivorship: Arc<Survivorship>) -> Self {
        Self { people: PeoplePort { survivorship, ..self.people }, ..self }
    }
}

/// Where things stand in the one store: a tag, then the stage's or the topic's own key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shelf {
    /// The state of a stage.
    Stage(StageName),
    /// The last record of each key of a topic.
    Topic(Topic),
    /// The last record of each person of all outputs, by output.
    Outputs,
    /// What each source sent, by its name.
    Quality,
    /// There as long as people wait for being published.
    Unpublished,
}

impl Shelf {
    /// What its keys begin with.
    #[must_use]
    pub fn prefix(self) -> Vec<u8> {
        match self {
            Self::Stage(stage) => format!("stage/{stage}/").into_bytes(),
            Self::Topic(topic) => format!("topic/{topic}/").into_bytes(),
            Self::Outputs => b"output/".to_vec(),
            Self::Quality => b"quality/".to_vec(),
            Self::Unpublished => b"unpublished".to_vec(),
        }
    }

    /// Shows its entries in a store, in the order of keys, without its prefix.
    ///
    /// # Errors
    /// Those of reading the store.
    pub fn visit(self, store: &impl Store, see: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), Fault> {
        visit(store, &self.prefix(), see)
    }
}

/// Shows the entries whose key begins with `prefix`, in the order of keys, without it.
fn visit(store: &impl Store, prefix: &[u8], see: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), Fault> {
    store.visit(prefix, &mut |key, value| see(key.get(prefix.len()..).unwrap_or_default(), value))
}

/// All stages at work on one store.
pub struct Local<'p, S> {
    capture: Task<'p, CapturePort>,
    stitch: Task<'p, StitchPort>,
    facets: Task<'p, FacetsPort>,
    people: Task<'p, PeoplePort>,
    privacy: Task<'p, PrivacyPort>,
    store: S,
    round: Round,
    tallies: BTreeMap<StageName, Tally>,
}

/// What one round has made so far.
#[derive(Default)]
struct Round {
    now: Timestamp,
    writes: Writes,
    queues: BTreeMap<Topic, Vec<InRecord>>,
    offsets: BTreeMap<Topic, i64>,
}

impl<'p, S: Store> Local<'p, S> {
    /// Goes on from what is in the store.
    ///
    /// # Errors
    /// Those of reading the store.
    pub fn open(ports: &'p LocalPorts, store: S) -> Result<Self, Fault> {
        let mut local = Self {
            capture: Task::new(&ports.capture, Partition::ONLY),
            stitch: Task::new(&ports.stitch, Partition::ONLY),
            facets: Task::new(&ports.facets, Partition::ONLY),
            people: Task::new(&ports.people, Partition::ONLY),
            privacy: Task::new(&ports.privacy, Partition::ONLY),
            store,
            round: Round::default(),
            tallies: BTreeMap::new(),
        };
        if local.store.get(&Shelf::Unpublished.prefix())?.is_some() {
            local.people.stage_mut().recall();
        }
        Ok(local)
    }

    /// Takes records of `raw.*`, `identity-command` and `privacy-request` through all stages and writes what they changed.
    ///
    /// # Errors
    /// After a fault the store is as it was before the round; open it anew to go on.
    pub fn feed(&mut self, records: &[InRecord], listener: &mut dyn Listener) -> Result<(), Fault> {
        let Some(last) = records.last() else { return Ok(()) };
        self.round.now = last.time;
        let (raw, own): (Vec<&InRecord>, Vec<&InRecord>) =
            records.iter().partition(|record| matches!(record.origin, Origin::Raw(_)));
        let batch = work(&mut self.capture, raw, &self.round.above(&self.store), End::Finish)?;
        self.take(StageName::Capture, batch, listener)?;
        for record in own {
            if let Origin::Topic(topic) = record.origin {
                self.round.queues.entry(topic).or_default().push(record.clone());
            }
        }
        self.flow(listener)
    }

    /// Looks again at what earlier rules decided, and tells how much of that is done, 0 to 1, after each step.
    ///
    /// # Errors
    /// As [`Local::feed`].
    pub fn revise(
        &mut self,
        now: Timestamp,
        listener: &mut dyn Listener,
        progress: &mut dyn FnMut(f64),
    ) -> Result<(), Fault> {
        self.round.now = now;
        loop {
            let base = Shelved { store: &self.store, shelf: Shelf::Stage(StageName::Stitch) };
            let done = self.stitch.idle(&base, now, REVISED_AT_ONCE)?;
            let batch = self.stitch.finish(&base)?;
            self.take(StageName::Stitch, batch, listener)?;
            self.flow(listener)?;
            let Some(done) = done else { return Ok(()) };
            progress(done);
        }
    }

    /// Takes what waits before stitch through the other stages, and writes what all of it changed.
    fn flow(&mut self, listener: &mut dyn Listener) -> Result<(), Fault> {
        self.round.writes.insert(Shelf::Unpublished.prefix(), Some(Vec::new()));
        // What is asked is done and confirmed within the round, so that no crash comes in between.
        let is_asked = self.round.queues.contains_key(&Topic::PrivacyRequest);
        self.answer(listener)?;
        loop {
            let mut ops = self.round.queues.remove(&Topic::IdentityOp).unwrap_or_default();
            ops.extend(self.round.queues.remove(&Topic::IdentityCommand).unwrap_or_default());
            if ops.is_empty() {
                break;
            }
            let batch = work(&mut self.stitch, &ops, &self.round.above(&self.store), End::Finish)?;
            self.take(StageName::Stitch, batch, listener)?;
        }
        let mut said = self.round.queues.remove(&Topic::Touchpoint).unwrap_or_default();
        said.extend(self.round.queues.remove(&Topic::IdentityAssignment).unwrap_or_default());
        said.extend(self.round.queues.remove(&Topic::Erasure).unwrap_or_default());
        let batch = work(&mut self.facets, &said, &self.round.above(&self.store), End::Finish)?;
        self.take(StageName::Facets, batch, listener)?;
        let facets = self.round.queues.remove(&Topic::ProfileFacet).unwrap_or_default();
        let end = if is_asked { End::Finish } else { End::Flush };
        let batch = work(&mut self.people, &facets, &self.round.above(&self.store), end)?;
        self.take(StageName::People, batch, listener)?;
        self.answer(listener)?;
        self.commit()
    }

    /// Answers what was asked about data, and carries it out.
    fn answer(&mut self, listener: &mut dyn Listener) -> Result<(), Fault> {
        let mut asked = self.round.queues.remove(&Topic::PrivacyRequest).unwrap_or_default();
        asked.extend(self.round.queues.remove(&Topic::PrivacyReport).unwrap_or_default());
        let batch = work(&mut self.privacy, &asked, &self.round.above(&self.store), End::Finish)?;
        self.take(StageName::Privacy, batch, listener)
    }

    /// Publishes the people who changed since the last time, or of whom a consent has ended by `now`; after a change of the terms
    /// by which they are folded all who differ.
    ///
    /// # Errors
    /// As [`Local::feed`].
    pub fn publish(&mut self, now: Timestamp, listener: &mut dyn Listener) -> Result<(), Fault> {
        loop {
            let base = Shelved { store: &self.store, shelf: Shelf::Stage(StageName::People) };
            let left = self.people.idle(&base, now, REVISED_AT_ONCE)?;
            let batch = self.people.finish(&base)?;
            self.take(StageName::People, batch, listener)?;
            self.commit()?;
            let base = Shelved { store: &self.store, shelf: Shelf::Stage(StageName::People) };
            if left.is_none() && self.people.due(&base)?.is_none_or(|due| due > now) {
                break;
            }
        }
        self.round.writes.insert(Shelf::Unpublished.prefix(), None);
        self.commit()
    }

    /// The store, as of the last round.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// What became of the records that each stage read since [`Local::open`].
    #[must_use]
    pub fn tally(&self, stage: StageName) -> Tally {
        self.tallies.get(&stage).cloned().unwrap_or_default()
    }

    /// Shows the entries of a shelf, in the order of keys, without the shelf's prefix.
    ///
    /// # Errors
    /// Those of reading the store.
    pub fn visit(&self, shelf: Shelf, see: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), Fault> {
        shelf.visit(&self.store, see)
    }

    /// Shows the last record of each person of an output, in the order of keys.
    ///
    /// # Errors
    /// Those of reading the store.
    pub fn visit_output(&self, output: &str, see: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), Fault> {
        let prefix = [Shelf::Outputs.prefix(), output_key(output, &[])].concat();
        visit(&self.store, &prefix, see)
    }

    /// The last record of a key on a topic's shelf.
    ///
    /// # Errors
    /// Those of reading the store.
    pub fn last(&self, topic: Topic, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        Shelved { store: &self.store, shelf: Shelf::Topic(topic) }.get(key)
    }

    fn take(&mut self, stage: StageName, batch: Batch, listener: &mut dyn Listener) -> Result<(), Fault> {
        self.tallies.entry(stage).or_default().add(&batch.tally);
        ledger::add(&batch.tally, &self.store, &mut self.round.writes)?;
        let prefix = Shelf::Stage(stage).prefix();
        let shelved = |(key, value): (Vec<u8>, _)| ([prefix.as_slice(), &key].concat(), value);
        self.round.writes.extend(batch.writes.into_iter().map(shelved));
        for record in batch.outputs {
            if record.topic.schema().is_some() {
                listener.written(&record);
            }
            self.round.append(record)?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Fault> {
        self.round.queues.clear();
        self.store.commit(std::mem::take(&mut self.round.writes))
    }
}

impl Round {
    /// The store, and above it what the round has written so far: a stage may work more than once in a round.
    fn above<'a, S: Store>(&'a self, store: &'a S) -> Overlay<'a, &'a Writes, S> {
        Overlay::new(store, &self.writes)
    }

    /// Appends a record to the log: to its table, to the queue of the stage that reads it, or to both.
    fn append(&mut self, record: OutRecord) -> Result<(), Fault> {
        let place = match (record.topic, &record.output, &record.value) {
            (_, Some(output), _) => Some((Shelf::Outputs, output_key(output, &record.key))),
            (topic, None, _) if topic.is_compacted() || topic == Topic::PrivacyReceipt => {
                Some((Shelf::Topic(topic), record.key.clone()))
            }
            (topic @ Topic::ConsentChange, None, Some(value)) => {
                Some((Shelf::Topic(topic), consent_key(value)?))
            }
            _ => None,
        };
        if let Some((shelf, key)) = place {
            let key = [shelf.prefix(), key].concat();
            self.writes.insert(key, record.value.clone());
        }
        if StageName::ALL.iter().any(|stage| stage.inputs().contains(&record.topic)) {
            let offset = self.offsets.entry(record.topic).or_default();
            let OutRecord { topic, partition, key, value, trace, .. } = record;
            self.queues.entry(topic).or_default().push(InRecord {
                origin: Origin::Topic(topic),
                partition,
                offset: *offset,
                time: self.now,
                key: Some(key),
                value,
                trace: Some(trace),
                first: None,
            });
            *offset += 1;
        }
        Ok(())
    }
}

/// Names of outputs have no slash: none is taken for the beginning of another.
fn output_key(output: &str, key: &[u8]) -> Vec<u8> {
    [output.as_bytes(), b"/", key].concat()
}

/// A person's consents are told one by one, so the last word on each purpose, and channel of it, has a place of its own.
fn consent_key(value: &[u8]) -> Result<Vec<u8>, Fault> {
    let topology = Topology::uniform(1);
    let change: ConsentChange = decode(Topic::ConsentChange, &topology.schema_ids, value)
        .map_err(|error| Fault::Protocol(format!("what was just written cannot be read: {error}")))?;
    let mut key = format!("{}/{}", change.person_id, change.purpose);
    if let Some(channel) = change.channel {
        // Names have no such character: no channel is taken for the end of a purpose.
        key.push('\0');
        key.push_str(&channel);
    }
    Ok(key.into_bytes())
}

#[derive(Clone, Copy)]
enum End {
    Finish,
    Flush,
}

fn work<'r, P: Port>(
    task: &mut Task<'_, P>,
    records: impl IntoIterator<Item = &'r InRecord>,
    store: &dyn View,
    end: End,
) -> Result<Batch, Fault> {
    let base = Shelved { store, shelf: Shelf::Stage(P::NAME) };
    for record in records {
        task.step(&base, record)?;
    }
    match end {
        End::Finish => task.finish(&base),
        End::Flush => Ok(task.flush()),
    }
}

/// One shelf of the store, seen without its prefix.
pub struct Shelved<'a> {
    /// All of the store.
    pub store: &'a dyn View,
    /// What is seen of it.
    pub shelf: Shelf,
}

impl View for Shelved<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        self.store.get(&[self.shelf.prefix().as_slice(), key].concat())
    }

    fn scan(&self, prefix: &[u8]) -> Result<Entries, Fault> {
        let shelf = self.shelf.prefix();
        let mut entries = self.store.scan(&[shelf.as_slice(), prefix].concat())?;
        entries.iter_mut().for_each(|(key, _)| drop(key.drain(..shelf.len())));
        Ok(entries)
    }

    fn page(&self, prefix: &[u8], after: &[u8], most: usize) -> Result<Entries, Fault> {
        let shelf = self.shelf.prefix();
        let [prefix, after] = [prefix, after].map(|part| [shelf.as_slice(), part].concat());
        let mut entries = self.store.page(&prefix, &after, most)?;
        entries.iter_mut().for_each(|(key, _)| drop(key.drain(..shelf.len())));
        Ok(entries)
    }
}
