//! A simulated cluster, as honest as it takes to break the loop: a transactional log, consumer groups, the connections
//! of workers to them, and the disks of the workers' machines. One seed decides everything that happens.

mod audit;
mod coordinator;
mod disk;
mod group;
mod link;
mod log;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use fastrand::Rng;
use kinfold_model::Timestamp;
use kinfold_pipeline::{InRecord, Origin, OutRecord, StageName};
use kinfold_profile::{Table, timer_of};
use kinfold_wire::{Topic, Trace};

use audit::Audit;
use coordinator::{Late, Producer};
use group::Group;
use log::{Record, Shelves};

pub(crate) use disk::{Disks, Harm};
pub(crate) use link::{Meanwhile, SimulatedLink};

/// The source of all raw records.
pub(crate) const SOURCE: &str = "simulated";
/// No clock of an instance is further than this from the cluster's.
const SKEW_MAX_MS: i64 = 30_000;

/// A worker of a stage on a machine: its name in the group, and of its transactions.
pub(crate) type Member = (StageName, u32);

/// A partition of a topic.
pub(crate) type Place = (Name, u32);

/// A topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Name {
    Raw,
    Topic(Topic),
    Changelog(StageName),
}

impl Name {
    /// The topics that a stage reads.
    pub(crate) fn inputs(stage: StageName) -> Vec<Self> {
        match stage {
            StageName::Capture => vec![Self::Raw],
            _ => stage.inputs().iter().copied().map(Self::Topic).collect(),
        }
    }

    fn origin(self) -> Option<Origin> {
        match self {
            Self::Raw => Some(Origin::Raw(SOURCE.into())),
            Self::Topic(topic) => Some(Origin::Topic(topic)),
            Self::Changelog(_) => None,
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Raw => f.write_str("raw"),
            Self::Topic(topic) => topic.fmt(f),
            Self::Changelog(stage) => write!(f, "{stage}-changelog"),
        }
    }
}

/// Why the cluster does not do what it was asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    /// A successor took the producer's place.
    Fenced,
    /// The sender is not a member, or of another generation.
    Generation,
    /// There is no such transaction.
    State,
}

/// How often something goes wrong, in one of so many cases as are given: 0 for never.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// A process ends, at each effect.
    pub(crate) crash: f64,
    /// A request or its answer is lost, at each effect.
    pub(crate) loss: f64,
    /// A process stands still while others go on, at each effect.
    pub(crate) freeze: f64,
    /// Nobody knows how a transaction ended, at each transaction.
    pub(crate) doubt: f64,
    /// The connection breaks at the end of a transaction and the client asks again on another, while its first request is
    /// late; at each transaction.
    pub(crate) repeat: f64,
    /// The client does not hear of it. Nothing protects the next transaction from the late request then.
    pub(crate) is_deaf: bool,
}

/// A process: what it was started as, and whether it still lives.
pub(crate) struct Process {
    pub(crate) member: Member,
    /// Later ones have greater numbers.
    pub(crate) incarnation: u64,
    pub(crate) is_dead: Cell<bool>,
    skew_ms: i64,
}

/// All that instances share.
pub(crate) struct Cluster {
    pub(crate) rng: Rng,
    /// In milliseconds since 1970.
    pub(crate) now: i64,
    pub(crate) faults: Faults,
    /// After this time deletions are forgotten by compaction.
    pub(crate) retention_ms: i64,
    /// Whether standbys are kept.
    pub(crate) has_standbys: bool,
    /// Of every topic.
    pub(crate) partitions: u32,
    /// Rises with everything that changes the log or what is committed.
    pub(crate) version: u64,
    shelves: Shelves,
    producers: BTreeMap<Member, Producer>,
    groups: BTreeMap<StageName, Group>,
    late: Vec<Late>,
    audit: Audit,
    incarnations: u64,
    is_told: bool,
}

pub(crate) type Shared = Rc<RefCell<Cluster>>;

impl Cluster {
    pub(crate) fn new(rng: Rng, begin: Timestamp, partitions: u32, is_told: bool) -> Self {
        Self {
            rng,
            now: begin.millis(),
            faults: Faults::default(),
            retention_ms: i64::MAX / 4,
            has_standbys: false,
            partitions,
            version: 0,
            shelves: Shelves::default(),
            producers: BTreeMap::new(),
            groups: BTreeMap::new(),
            late: Vec::new(),
            audit: Audit::default(),
            incarnations: 0,
            is_told,
        }
    }

    /// A new process.
    pub(crate) fn process(&mut self, member: Member) -> Rc<Process> {
        self.incarnations += 1;
        let skew_ms = self.rng.i64(-SKEW_MAX_MS..=SKEW_MAX_MS);
        Rc::new(Process { member, incarnation: self.incarnations, is_dead: Cell::new(false), skew_ms })
    }

    /// Tells what happens to somebody who looks for a fault.
    #[expect(clippy::print_stderr, reason = "asked for by somebody who looks for a fault")]
    pub(crate) fn tell(&self, line: impl FnOnce() -> String) {
        if self.is_told {
            eprintln!("{:>12}  {}", self.now % 1_000_000_000, line());
        }
    }

    /// Whether something happens that happens so often, 0 to 1.
    pub(crate) fn strikes(&mut self, often: f64) -> bool {
        often > 0.0 && self.rng.f64() < often
    }

    /// What was found to be against a law.
    pub(crate) fn broken(&self) -> Option<&str> {
        self.audit.broken.first().map(String::as_str)
    }

    /// Whether part of a transaction was committed without the rest.
    pub(crate) fn is_torn(&self) -> bool {
        self.audit.is_torn
    }

    /// Whether a partition's changelog and offsets are not of the same commit.
    pub(crate) fn is_torn_at(&self, desk: Member) -> bool {
        self.audit.is_torn(desk)
    }

    /// Notes what is against a law.
    pub(crate) fn break_law(&mut self, how: String) {
        self.audit.broken.push(how);
    }

    /// How the content of a store that is at rest differs from the fold of its changelog.
    pub(crate) fn difference(&self, desk: Member, content: &crate::simulation::Map) -> Option<String> {
        self.audit.difference(desk, content)
    }

    /// The state of a stage's partition, as its changelog tells it.
    pub(crate) fn fold(&self, desk: Member) -> crate::simulation::Map {
        self.audit.fold(desk).map(|fold| fold.content.clone()).unwrap_or_default()
    }

    /// A record of somebody who uses no transactions.
    pub(crate) fn send(&mut self, place: Place, key: Option<Vec<u8>>, value: Option<Vec<u8>>) {
        let record = Record {
            offset: 0,
            time: self.now,
            key,
            value,
            trace: None,
            output: None,
            open: None,
            horizon: None,
        };
        self.append(place, record);
    }

    /// The committed records of a topic, partition after partition.
    pub(crate) fn committed(&self, topic: Topic) -> Vec<OutRecord> {
        let shelves = self.shelves.iter().filter(|((name, _), _)| *name == Name::Topic(topic));
        let records = shelves.flat_map(|((_, partition), shelf)| {
            shelf.committed(0, i64::MAX).map(|record| OutRecord {
                topic,
                output: record.output.clone(),
                partition: *partition,
                key: record.key.clone().unwrap_or_default(),
                value: record.value.clone(),
                trace: record.trace.unwrap_or_else(|| Trace::of_source("", 0, 0)),
            })
        });
        records.collect()
    }

    /// The traces that touchpoints have by the raw records that they were made from.
    pub(crate) fn raw_traces(&self) -> Vec<Trace> {
        let shelves = self.shelves.iter().filter(|((name, _), _)| *name == Name::Raw);
        let traces = shelves.flat_map(|(place, shelf)| {
            let records = shelf.committed(0, i64::MAX);
            records.filter_map(|record| in_record(*place, record)).map(|record| record.trace())
        });
        traces.collect()
    }

    /// A transaction that is not at its end.
    pub(crate) fn is_unended(&self) -> Option<String> {
        let unended = self.unended_transactions();
        let (stage, machine) = unended.first()?;
        Some(format!("a transaction of {stage}-{machine} is not at its end everywhere"))
    }

    /// Inputs that were not read to their end, and transactions that were not ended: why nothing is at rest.
    pub(crate) fn unrest(&self) -> Option<String> {
        if let Some(why) = self.is_unended() {
            return Some(why);
        }
        for stage in StageName::ALL {
            for name in Name::inputs(stage) {
                for partition in 0..self.partitions {
                    let place = (name, partition);
                    let Some(shelf) = self.shelves.get(place) else { continue };
                    let read = self.groups.get(&stage).and_then(|group| group.offsets.get(&place));
                    let read = read.map_or(0, |(offset, _)| *offset);
                    if shelf.next(read).is_some() {
                        return Some(format!("{stage} has read {name} {partition} to offset {read} only"));
                    }
                }
            }
        }
        let is_due = |key: &Vec<u8>| timer_of(key).is_some_and(|time| time.millis() <= self.now);
        let waits = |partition: &u32| self.fold((StageName::People, *partition)).keys().any(is_due);
        let is_doomed = |key: &Vec<u8>| key.first() == Some(&Table::Doomed.tag());
        let forgets = |partition: &u32| self.fold((StageName::Facets, *partition)).keys().any(is_doomed);
        if let Some(partition) = (0..self.partitions).find(forgets) {
            return Some(format!("facets {partition} has more to forget"));
        }
        let waiting = (0..self.partitions).find(waits);
        waiting.map(|partition| {
            format!("people {partition} has not looked again at somebody whose time has come")
        })
    }

    /// Compacts the changelogs of a stage.
    pub(crate) fn compact(&mut self, stage: StageName) {
        let (now, retention_ms) = (self.now, self.retention_ms);
        let changelogs = self.shelves.iter_mut().filter(|((name, _), _)| *name == Name::Changelog(stage));
        changelogs.for_each(|(_, shelf)| shelf.compact(now, retention_ms));
    }

    /// Takes a member for dead.
    pub(crate) fn expel(&mut self, (stage, machine): Member) {
        if self.group(stage).expel(machine) {
            self.tell(|| format!("{stage}-{machine} is taken for dead"));
        }
    }

    /// The members that a group waits for.
    pub(crate) fn awaited(&mut self, stage: StageName) -> Vec<u32> {
        self.group(stage).awaited()
    }

    /// Who has a partition.
    pub(crate) fn owner(&mut self, stage: StageName, partition: u32) -> Option<u32> {
        self.group(stage).owner(partition)
    }

    fn append(&mut self, place: Place, record: Record) -> i64 {
        self.version += 1;
        self.shelves.of(place).append(record)
    }

    fn group(&mut self, stage: StageName) -> &mut Group {
        let partitions = self.partitions;
        self.groups.entry(stage).or_insert_with(|| Group::new(partitions))
    }
}

/// A record as a stage reads it.
fn in_record((name, partition): Place, record: &Record) -> Option<InRecord> {
    Some(InRecord {
        origin: name.origin()?,
        partition,
        offset: record.offset,
        time: Timestamp::from_millis(record.time).unwrap_or(Timestamp::MIN),
        key: record.key.clone(),
        value: record.value.clone(),
        trace: record.trace,
        first: None,
    })
}
