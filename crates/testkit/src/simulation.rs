//! The simulated driver: all stages on many partitions in one thread. A seed chooses which partition takes the next
//! step, how long its batch is, which records come twice, and when new rules come into force; nothing else is random,
//! so a seed repeats a run.

use std::collections::BTreeMap;
use std::sync::Arc;

use fastrand::Rng;
use kinfold_capture::{Capture, Settings};
use kinfold_model::{Command, Fault, Keys, Partition, PrivacyRequest, Returning, Rules, Timestamp, View};
use kinfold_pipeline::{
    CapturePort, FacetsPort, InRecord, Origin, OutRecord, PeoplePort, Port, PrivacyPort, StageName,
    StitchPort, Store, Tally, Task, Topology,
};
use kinfold_privacy::{PrivacyTerms, Verifiers};
use kinfold_stitch::laws::AtRest;
use kinfold_wire::{Framing, Topic, encode, keyed};
use serde::Serialize;

use crate::signals;
use crate::terms::{earlier_terms, outputs, profile_settings, purposes, survivorship};
use crate::trace::line;
use crate::world::AFTER_MS;

/// Keys with their values.
pub type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// The purpose by a consent to which somebody who is erased comes back.
pub const RETURN: &str = "return";
/// The time of every record, unless a run has another: no touchpoint of a world is from its future. Of the consents that end
/// after it, some still hold then.
const NOW_MS: i64 = AFTER_MS + 10_000;
/// So long old copies live; nothing here is so old.
const LAST_COPY_AFTER_MS: i64 = 14 * 86_400_000;
/// A batch takes at most this many records.
const BATCH_MAX: usize = 8;
/// More steps than any simulated world needs: beyond it the protocol runs in circles.
const STEPS_MAX: usize = 2_000_000;

/// At most this many records of a stage come twice on one partition. Each repetition sets off all that follows again, and
/// without an end repetitions of messages that are being passed on would become ever more.
const REPEATED_MAX: usize = 100;
/// At most this many nodes are looked at again in one step.
const REVISED_MAX: usize = 4;

/// What goes into a run.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// For capture, in the order of arrival.
    pub records: &'a [Vec<u8>],
    /// Of stewards; they arrive in between.
    pub commands: &'a [Command],
    /// Of people who want to be forgotten or restricted; they arrive in between, too, unless they wait.
    pub requests: &'a [PrivacyRequest],
    /// Whether requests come when all the rest has come to its end, one after the other.
    pub requests_wait: bool,
    /// Of the deployment.
    pub keys: &'a Keys,
    /// In force at the end.
    pub rules: &'a Rules,
    /// In force until some records have come, and with them all else by which people are folded; `None` for the same throughout.
    pub earlier_rules: Option<&'a Rules>,
    /// The time of every record but of requests, which come a moment later, one after the other, and that at the end. A run with
    /// crashes goes on until then at least.
    pub now: Timestamp,
    /// For capture, when all the rest has come to its end, at another time: those that bring back who was erased, and those that
    /// come when these have been dealt with.
    pub later: Option<Later<'a>>,
}

/// What comes after erasures.
#[derive(Clone, Copy)]
pub struct Later<'a> {
    /// Records that bring somebody back.
    pub returning: &'a [Vec<u8>],
    /// Records that come when these were dealt with, also old ones again.
    pub after: &'a [Vec<u8>],
    /// The time of all of them.
    pub now: Timestamp,
}

impl<'a> Input<'a> {
    /// Under the same rules throughout.
    #[must_use]
    pub fn new(records: &'a [Vec<u8>], commands: &'a [Command], keys: &'a Keys, rules: &'a Rules) -> Self {
        let now = Timestamp::from_millis(NOW_MS).unwrap_or_default();
        let (requests, earlier_rules, later): (&[_], _, _) = (&[], None, None);
        Self { records, commands, requests, requests_wait: false, keys, rules, earlier_rules, now, later }
    }
}

/// How a run differs from the simplest one.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// Chooses everything.
    pub seed: u64,
    /// Of every topic.
    pub partitions: u32,
    /// Of a hundred records, how many come twice.
    pub repeated_percent: u8,
    /// Whether each record is told on standard error as it is handled.
    pub told: bool,
}

/// What there is when nothing is on its way any more.
pub struct Outcome {
    /// Every record that was ever written, by topic and in the order of writing.
    pub written: BTreeMap<Topic, Vec<OutRecord>>,
    /// What became of the records that each stage read.
    pub tallies: BTreeMap<StageName, Tally>,
    /// The state of stitch.
    pub graph: AtRest,
    /// The same as it is stored, by partition.
    pub stores: Vec<Map>,
    /// What the stages after it store, of all partitions.
    pub kept: BTreeMap<StageName, Vec<Map>>,
}

impl Outcome {
    /// The last record of each key of a compacted topic; tombstones are left out.
    #[must_use]
    pub fn table(&self, topic: Topic) -> Map {
        Self::last(self.written.get(&topic).into_iter().flatten())
    }

    /// What an output has: the last record of each person who was not taken away.
    #[must_use]
    pub fn output(&self, name: &str) -> Map {
        let records = self.written.get(&Topic::ProfileOutput).into_iter().flatten();
        Self::last(records.filter(|record| record.output.as_deref() == Some(name)))
    }

    fn last<'r>(records: impl Iterator<Item = &'r OutRecord>) -> Map {
        let mut table = Map::new();
        for record in records {
            match &record.value {
                Some(value) => table.insert(record.key.clone(), value.clone()),
                None => table.remove(&record.key),
            };
        }
        table
    }
}

/// The ports of all stages on a log with equal partitions.
pub(crate) struct Ports {
    pub(crate) capture: CapturePort,
    pub(crate) stitch: StitchPort,
    pub(crate) facets: FacetsPort,
    pub(crate) people: PeoplePort,
    pub(crate) privacy: PrivacyPort,
}

/// The log: records by topic and partition, never removed. Raw records are the input of capture's only lane.
#[derive(Default)]
struct Log {
    now: Timestamp,
    records: BTreeMap<(Origin, u32), Vec<InRecord>>,
    written: BTreeMap<Topic, Vec<OutRecord>>,
}

impl Log {
    fn append(
        &mut self,
        origin: Origin,
        partition: u32,
        key: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
        now: Timestamp,
    ) {
        let queue = self.records.entry((origin.clone(), partition)).or_default();
        let offset = i64::try_from(queue.len()).unwrap_or(i64::MAX);
        queue.push(InRecord { origin, partition, offset, time: now, key, value, trace: None, first: None });
    }
}

/// One stage on all its partitions.
trait Lane {
    /// The partitions that have something to do.
    fn waiting(&self, log: &Log) -> Vec<u32>;
    /// One batch on one of them.
    fn work(
        &mut self,
        partition: u32,
        log: &mut Log,
        rng: &mut Rng,
        schedule: &Schedule,
    ) -> Result<(), Fault>;
    /// What survives when its processes end.
    fn leave(self: Box<Self>) -> Estate;
    /// The same, to look at.
    fn estate(&self) -> &Estate;
}

/// What survives the processes of a stage.
struct Estate {
    stage: StageName,
    stores: Vec<Map>,
    cursors: BTreeMap<(Origin, u32), usize>,
    tally: Tally,
}

struct Seats<'p, P: Port> {
    tasks: Vec<Task<'p, P>>,
    /// By partition, whether the rules, or the purposes, may be other ones than those under which its state came about.
    revising: Vec<bool>,
    /// By partition, how many records have come twice.
    repeated: Vec<usize>,
    inputs: Vec<Origin>,
    estate: Estate,
}

impl<'p, P: Port> Seats<'p, P> {
    fn new(port: &'p P, partitions: u32, inputs: Vec<Origin>, estate: Option<Estate>) -> Self {
        let task = |index| Task::new(port, Partition { index, count: partitions });
        let estate = estate.unwrap_or_else(|| Estate {
            stage: P::NAME,
            stores: (0..partitions).map(|_| Map::new()).collect(),
            cursors: BTreeMap::new(),
            tally: Tally::default(),
        });
        let revising = estate.stores.iter().map(|store| !store.is_empty()).collect();
        let repeated = vec![0; estate.stores.len()];
        Self { tasks: (0..partitions).map(task).collect(), revising, repeated, inputs, estate }
    }

    fn unread<'l>(&self, origin: &Origin, partition: u32, log: &'l Log) -> &'l [InRecord] {
        let place = (origin.clone(), partition);
        let cursor = self.estate.cursors.get(&place).copied().unwrap_or_default();
        log.records.get(&place).and_then(|records| records.get(cursor..)).unwrap_or_default()
    }

    fn ready(&self, partition: u32, log: &Log) -> Vec<Origin> {
        let unread = |origin: &&Origin| !self.unread(origin, partition, log).is_empty();
        self.inputs.iter().filter(unread).cloned().collect()
    }

    /// Whether something in the state has waited for its time, which has come.
    fn is_due(&self, index: usize, now: Timestamp) -> Result<bool, Fault> {
        let due = self.tasks[index].due(&self.estate.stores[index])?;
        Ok(due.is_some_and(|due| due <= now))
    }
}

impl<P: Port> Lane for Seats<'_, P> {
    fn waiting(&self, log: &Log) -> Vec<u32> {
        let partitions = 0..u32::try_from(self.tasks.len()).unwrap_or(u32::MAX);
        let has_work = |index: usize| self.revising[index] || self.is_due(index, log.now).unwrap_or(true);
        partitions.filter(|p| has_work(*p as usize) || !self.ready(*p, log).is_empty()).collect()
    }

    fn work(
        &mut self,
        partition: u32,
        log: &mut Log,
        rng: &mut Rng,
        schedule: &Schedule,
    ) -> Result<(), Fault> {
        let mut batch: Vec<InRecord> = Vec::new();
        if let Some(origin) = rng.choice(&self.ready(partition, log)) {
            let unread = self.unread(origin, partition, log);
            batch.extend_from_slice(&unread[..unread.len().min(rng.usize(1..=BATCH_MAX))]);
            *self.estate.cursors.entry((origin.clone(), partition)).or_default() += batch.len();
        }
        let index = partition as usize;
        let is_due = self.is_due(index, log.now)?;
        let (task, store) = (&mut self.tasks[index], &mut self.estate.stores[index]);
        for record in &batch {
            if schedule.told {
                tell(&line(P::NAME, record));
            }
            task.step(store, record)?;
            if rng.u8(0..100) < schedule.repeated_percent && self.repeated[index] < REPEATED_MAX {
                self.repeated[index] += 1;
                task.step(store, record)?;
            }
        }
        let batch_time = batch.last().map_or(Timestamp::MIN, |record| record.time);
        if self.revising[index] || is_due {
            let is_left = task.idle(store, log.now, rng.usize(1..=REVISED_MAX))?.is_some();
            self.revising[index] &= is_left;
        }
        let effects = task.finish(store)?;
        store.commit(effects.writes)?;
        self.estate.tally.add(&effects.tally);
        for output in effects.outputs {
            log.written.entry(output.topic).or_default().push(output.clone());
            let OutRecord { topic, partition, key, value, .. } = output;
            log.append(Origin::Topic(topic), partition, Some(key), value, batch_time);
        }
        Ok(())
    }

    fn leave(self: Box<Self>) -> Estate {
        self.estate
    }

    fn estate(&self) -> &Estate {
        &self.estate
    }
}

#[expect(clippy::print_stderr, reason = "asked for by somebody who looks for a fault")]
fn tell(line: &str) {
    eprintln!("{line}");
}

type Lanes<'p> = Vec<Box<dyn Lane + 'p>>;

/// All stages; they take over what their predecessors left.
fn lanes<'p>(ports: &'p Ports, partitions: u32, estates: Vec<Estate>) -> Lanes<'p> {
    let raw = Origin::Raw("simulated".into());
    let own = |stage: StageName| stage.inputs().iter().copied().map(Origin::Topic).collect();
    let mut estates = estates.into_iter();
    let mut next = || estates.next();
    vec![
        Box::new(Seats::new(&ports.capture, partitions, vec![raw], next())),
        Box::new(Seats::new(&ports.stitch, partitions, own(StageName::Stitch), next())),
        Box::new(Seats::new(&ports.facets, partitions, own(StageName::Facets), next())),
        Box::new(Seats::new(&ports.people, partitions, own(StageName::People), next())),
        Box::new(Seats::new(&ports.privacy, partitions, own(StageName::Privacy), next())),
    ]
}

/// Runs records through all stages until nothing is on its way.
///
/// # Errors
/// A fault of a stage, or a run that does not end.
pub fn run(input: &Input<'_>, schedule: &Schedule) -> Result<Outcome, Fault> {
    let mut rng = Rng::with_seed(schedule.seed);
    let mut course = Course {
        log: Log { now: input.now, ..Log::default() },
        records: input.records.iter(),
        commands: input.commands.iter(),
        requests: input.requests.iter(),
        requests_wait: input.requests_wait,
        asked: 0,
    };
    let mut estates = Vec::new();
    if let Some(earlier) = input.earlier_rules {
        let left = rng.usize(0..=input.records.len());
        let ports = earlier_ports(input.keys, earlier, schedule.partitions);
        let mut lanes = lanes(&ports, schedule.partitions, Vec::new());
        course.advance(&mut lanes, &mut rng, schedule, left)?;
        estates = lanes.into_iter().map(Lane::leave).collect();
    }
    let ports = ports(input.keys, input.rules, schedule.partitions);
    let mut lanes = lanes(&ports, schedule.partitions, estates);
    course.advance(&mut lanes, &mut rng, schedule, 0)?;
    while !course.is_done(&lanes) {
        course.advance(&mut lanes, &mut rng, schedule, 0)?;
    }
    for records in input.later.iter().flat_map(|later| [later.returning, later.after]) {
        course.records = records.iter();
        course.log.now = input.later.map_or(input.now, |later| later.now);
        while !course.is_done(&lanes) {
            course.advance(&mut lanes, &mut rng, schedule, 0)?;
        }
    }
    outcome(lanes, course.log)
}

/// What is on its way, and what is still to come.
struct Course<'a> {
    log: Log,
    records: std::slice::Iter<'a, Vec<u8>>,
    commands: std::slice::Iter<'a, Command>,
    requests: std::slice::Iter<'a, PrivacyRequest>,
    requests_wait: bool,
    /// How many requests have come. Each is written a millisecond after the one before.
    asked: i64,
}

impl Course<'_> {
    fn is_done(&self, lanes: &Lanes<'_>) -> bool {
        self.records.len() == 0
            && self.commands.len() == 0
            && self.requests.len() == 0
            && lanes.iter().all(|lane| lane.waiting(&self.log).is_empty())
    }

    /// Goes on until at most `left` records are still to come; with none left, until nothing is on its way.
    fn advance(
        &mut self,
        lanes: &mut Lanes<'_>,
        rng: &mut Rng,
        schedule: &Schedule,
        left: usize,
    ) -> Result<(), Fault> {
        for _ in 0..STEPS_MAX {
            if left > 0 && self.records.len() <= left || self.is_done(lanes) {
                return Ok(());
            }
            let is_at_rest = lanes.iter().all(|lane| lane.waiting(&self.log).is_empty());
            if rng.u8(0..4) == 0 {
                self.arrive(rng, schedule, is_at_rest)?;
                continue;
            }
            let waiting: Vec<(usize, u32)> = (lanes.iter().enumerate())
                .flat_map(|(lane, seats)| {
                    seats.waiting(&self.log).into_iter().map(move |partition| (lane, partition))
                })
                .collect();
            if let Some((lane, partition)) = rng.choice(&waiting) {
                lanes[*lane].work(*partition, &mut self.log, rng, schedule)?;
            }
        }
        Err(Fault::Protocol(format!("the run did not end in {STEPS_MAX} steps")))
    }

    /// A record comes, a steward's command, or a request.
    fn arrive(&mut self, rng: &mut Rng, schedule: &Schedule, is_at_rest: bool) -> Result<(), Fault> {
        let partition = rng.u32(0..schedule.partitions);
        let (records, commands) = (self.records.len(), self.commands.len());
        let waits = self.requests_wait && (records + commands > 0 || !is_at_rest);
        let requests = if waits { 0 } else { self.requests.len() };
        if records + commands + requests == 0 {
            return Ok(());
        }
        let chosen = rng.usize(0..records + commands + requests);
        if chosen < records {
            let record = self.records.next().cloned();
            self.log.append(Origin::Raw("simulated".into()), partition, None, record, self.log.now);
        } else if chosen < records + commands {
            let of = self.commands.next().map(|command| (command.command_id.clone(), command));
            self.told(Topic::IdentityCommand, partition, of, self.log.now)?;
        } else {
            let of = self.requests.next().map(|request| (request.request_id.clone(), request));
            let key = of.as_ref().map_or(&[] as &[u8], |(id, _)| id.as_bytes());
            self.asked += 1;
            let time = self.log.now.plus_millis(self.asked);
            self.told(Topic::PrivacyRequest, keyed(key, schedule.partitions), of, time)?;
        }
        Ok(())
    }

    /// Somebody writes to a public topic.
    fn told<T: Serialize>(
        &mut self,
        topic: Topic,
        partition: u32,
        record: Option<(String, T)>,
        time: Timestamp,
    ) -> Result<(), Fault> {
        let Some((key, value)) = record else { return Ok(()) };
        let value = encode(topic, Framing::SingleObject, &value)
            .map_err(|error| Fault::Protocol(error.to_string()))?;
        let (key, value) = (Some(key.into_bytes()), Some(value));
        self.log.append(Origin::Topic(topic), partition, key, value, time);
        Ok(())
    }
}

pub(crate) fn ports(keys: &Keys, rules: &Rules, partitions: u32) -> Ports {
    let topology = Topology::uniform(partitions);
    // When a record came is another time in each kind of run; what is said of a touchpoint must not tell.
    let settings = Settings { stale_after_ms: i64::MAX, ..signals::settings() };
    let stage = Capture::new(keys.clone(), rules.clone(), settings);
    let (keys, rules) = (keys.clone(), rules.clone());
    // No touchpoint of a world states a consent to it, unless it is meant to bring somebody back.
    let returning: Arc<Returning> = Arc::new(Returning::by([RETURN.to_owned()], &purposes()));
    let verifiers = Arc::new(Verifiers::none_needed());
    let terms = PrivacyTerms { capture: stage.clone(), verifiers, last_copy_after_ms: LAST_COPY_AFTER_MS };
    Ports {
        capture: CapturePort {
            stage,
            keys: keys.clone(),
            rules: rules.clone(),
            returning: Arc::clone(&returning),
            topology: topology.clone(),
        },
        stitch: StitchPort { keys: keys.clone(), rules, topology: topology.clone() },
        facets: FacetsPort { returning, topology: topology.clone() },
        people: PeoplePort {
            keys,
            purposes: Arc::new(purposes()),
            outputs: Arc::new(outputs()),
            survivorship: Arc::new(survivorship()),
            settings: Arc::new(profile_settings()),
            topology: topology.clone(),
        },
        privacy: PrivacyPort { terms, topology },
    }
}

/// The ports of the same deployment before its rules changed, and with them all else by which people are folded.
pub(crate) fn earlier_ports(keys: &Keys, rules: &Rules, partitions: u32) -> Ports {
    let ports = ports(keys, rules, partitions);
    let (purposes, outputs, survivorship, settings) = earlier_terms();
    let (purposes, outputs) = (Arc::new(purposes), Arc::new(outputs));
    let (survivorship, settings) = (Arc::new(survivorship), Arc::new(settings));
    let people = PeoplePort { purposes, outputs, survivorship, settings, ..ports.people };
    Ports { people, ..ports }
}

fn outcome(lanes: Lanes<'_>, log: Log) -> Result<Outcome, Fault> {
    let stores = lanes[1].estate().stores.clone();
    let graph = graph(&stores)?;
    let estates = || lanes.iter().map(|lane| lane.estate());
    let tallies = estates().map(|estate| (estate.stage, estate.tally.clone())).collect();
    let kept = estates().map(|estate| (estate.stage, estate.stores.clone())).collect();
    Ok(Outcome { written: log.written, tallies, graph, stores, kept })
}

/// What the stores of stitch's partitions hold together.
pub(crate) fn graph(stores: &[Map]) -> Result<AtRest, Fault> {
    AtRest::read(stores.iter().map(|store| store as &dyn View))
}
