//! The simulated driver: all stages on many partitions in one thread. A seed chooses which partition takes the next
//! step, how long its batch is, and which records come twice; nothing else is random, so a seed repeats a run.

use std::collections::BTreeMap;

use fastrand::Rng;
use kinfold_capture::{Capture, Settings};
use kinfold_model::{Fault, Keys, Partition, Rules, State, Timestamp};
use kinfold_pipeline::{
    Base, CapturePort, FacetsPort, InRecord, Origin, OutRecord, Overlay, PeoplePort, Port, StageName,
    StitchPort, Store, Tally, Task, Topology, Writes,
};
use kinfold_stitch::laws::AtRest;
use kinfold_wire::Topic;

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// A batch takes at most this many records.
const BATCH_MAX: usize = 8;
/// More steps than any simulated world needs: beyond it the protocol runs in circles.
const STEPS_MAX: usize = 2_000_000;

/// How a run differs from the simplest one.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// Chooses everything.
    pub seed: u64,
    /// Of every topic.
    pub partitions: u32,
    /// Of a hundred records, how many come twice.
    pub repeated_percent: u8,
}

/// What there is when nothing is on its way any more.
pub struct Outcome {
    /// Every record that was ever written, by topic and in the order of writing.
    pub written: BTreeMap<Topic, Vec<OutRecord>>,
    /// What became of the records that each stage read.
    pub tallies: BTreeMap<StageName, Tally>,
    /// The state of stitch.
    pub graph: AtRest,
}

impl Outcome {
    /// The last record of each key of a compacted topic; tombstones are left out.
    #[must_use]
    pub fn table(&self, topic: Topic) -> Map {
        let mut table = Map::new();
        for record in self.written.get(&topic).into_iter().flatten() {
            match &record.value {
                Some(value) => table.insert(record.key.clone(), value.clone()),
                None => table.remove(&record.key),
            };
        }
        table
    }
}

/// The ports of all stages on a log with equal partitions.
struct Ports {
    capture: CapturePort,
    stitch: StitchPort,
    facets: FacetsPort,
    people: PeoplePort,
}

/// The log: records by topic and partition, never removed. Raw records are the input of capture's only lane.
#[derive(Default)]
struct Log {
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
        queue.push(InRecord { origin, partition, offset, time: now, key, value, trace: None });
    }
}

/// One stage on all its partitions.
trait Lane {
    /// The partitions that have something to read.
    fn waiting(&self, log: &Log) -> Vec<u32>;
    /// One batch on one of them.
    fn work(
        &mut self,
        partition: u32,
        log: &mut Log,
        rng: &mut Rng,
        schedule: &Schedule,
    ) -> Result<(), Fault>;
    /// What became of the records.
    fn tally(&self) -> (StageName, Tally);
    /// The state of the partitions.
    fn stores(&self) -> &[Map];
}

struct Seats<'p, P: Port> {
    tasks: Vec<Task<'p, P>>,
    stores: Vec<Map>,
    inputs: Vec<Origin>,
    cursors: BTreeMap<(Origin, u32), usize>,
    tally: Tally,
}

impl<'p, P: Port> Seats<'p, P> {
    fn new(port: &'p P, partitions: u32, inputs: Vec<Origin>) -> Self {
        let task = |index| Task::new(port, Partition { index, count: partitions });
        Self {
            tasks: (0..partitions).map(task).collect(),
            stores: (0..partitions).map(|_| Map::new()).collect(),
            inputs,
            cursors: BTreeMap::new(),
            tally: Tally::default(),
        }
    }

    fn unread<'l>(&self, origin: &Origin, partition: u32, log: &'l Log) -> &'l [InRecord] {
        let place = (origin.clone(), partition);
        let cursor = self.cursors.get(&place).copied().unwrap_or_default();
        log.records.get(&place).and_then(|records| records.get(cursor..)).unwrap_or_default()
    }
}

impl<P: Port> Lane for Seats<'_, P> {
    fn waiting(&self, log: &Log) -> Vec<u32> {
        let partitions = 0..u32::try_from(self.tasks.len()).unwrap_or(u32::MAX);
        partitions
            .filter(|p| self.inputs.iter().any(|origin| !self.unread(origin, *p, log).is_empty()))
            .collect()
    }

    fn work(
        &mut self,
        partition: u32,
        log: &mut Log,
        rng: &mut Rng,
        schedule: &Schedule,
    ) -> Result<(), Fault> {
        let ready: Vec<Origin> = self
            .inputs
            .iter()
            .filter(|origin| !self.unread(origin, partition, log).is_empty())
            .cloned()
            .collect();
        let Some(origin) = rng.choice(&ready) else { return Ok(()) };
        let unread = self.unread(origin, partition, log);
        let batch: Vec<InRecord> = unread[..unread.len().min(rng.usize(1..=BATCH_MAX))].to_vec();
        *self.cursors.entry((origin.clone(), partition)).or_default() += batch.len();
        let (task, store) = (&mut self.tasks[partition as usize], &mut self.stores[partition as usize]);
        for record in &batch {
            task.step(store, record)?;
            if rng.u8(0..100) < schedule.repeated_percent {
                task.step(store, record)?;
            }
        }
        let batch_time = batch.last().map_or(Timestamp::MIN, |record| record.time);
        let effects = task.finish(store)?;
        store.commit(effects.writes)?;
        self.tally.add(&effects.tally);
        for output in effects.outputs {
            log.written.entry(output.topic).or_default().push(output.clone());
            let OutRecord { topic, partition, key, value, .. } = output;
            log.append(Origin::Topic(topic), partition, Some(key), value, batch_time);
        }
        Ok(())
    }

    fn tally(&self) -> (StageName, Tally) {
        (P::NAME, self.tally.clone())
    }

    fn stores(&self) -> &[Map] {
        &self.stores
    }
}

/// Runs records through all stages until nothing is on its way.
///
/// # Errors
/// A fault of a stage, or a run that does not end.
pub fn run(
    records: &[Vec<u8>],
    now: Timestamp,
    keys: &Keys,
    rules: &Rules,
    schedule: &Schedule,
) -> Result<Outcome, Fault> {
    let ports = ports(keys, rules, schedule.partitions);
    let raw = Origin::Raw("simulated".into());
    let own = |stage: StageName| stage.inputs().iter().copied().map(Origin::Topic).collect();
    let mut lanes: [Box<dyn Lane + '_>; 4] = [
        Box::new(Seats::new(&ports.capture, schedule.partitions, vec![raw.clone()])),
        Box::new(Seats::new(&ports.stitch, schedule.partitions, own(StageName::Stitch))),
        Box::new(Seats::new(&ports.facets, schedule.partitions, own(StageName::Facets))),
        Box::new(Seats::new(&ports.people, schedule.partitions, own(StageName::People))),
    ];
    let mut rng = Rng::with_seed(schedule.seed);
    let mut log = Log::default();
    let mut coming = records.iter();
    for _ in 0..STEPS_MAX {
        if coming.len() > 0 && rng.u8(0..4) == 0 {
            let partition = rng.u32(0..schedule.partitions);
            log.append(raw.clone(), partition, None, coming.next().cloned(), now);
            continue;
        }
        let waiting: Vec<(usize, u32)> = (lanes.iter().enumerate())
            .flat_map(|(lane, seats)| seats.waiting(&log).into_iter().map(move |partition| (lane, partition)))
            .collect();
        match rng.choice(&waiting) {
            Some((lane, partition)) => lanes[*lane].work(*partition, &mut log, &mut rng, schedule)?,
            None if coming.len() == 0 => return outcome(&lanes, log),
            None => {}
        }
    }
    Err(Fault::Protocol(format!("the run did not end in {STEPS_MAX} steps")))
}

fn ports(keys: &Keys, rules: &Rules, partitions: u32) -> Ports {
    let topology = Topology::uniform(partitions);
    let stage = Capture::new(keys.clone(), rules.clone(), Settings::default());
    Ports {
        capture: CapturePort { stage, rules: rules.clone(), topology: topology.clone() },
        stitch: StitchPort { keys: keys.clone(), rules: rules.clone(), topology: topology.clone() },
        facets: FacetsPort { topology: topology.clone() },
        people: PeoplePort { keys: keys.clone(), topology },
    }
}

fn outcome(lanes: &[Box<dyn Lane + '_>; 4], log: Log) -> Result<Outcome, Fault> {
    let mut unwritten: Vec<Writes> = lanes[1].stores().iter().map(|_| Writes::new()).collect();
    let states: Vec<Overlay<'_>> = lanes[1]
        .stores()
        .iter()
        .zip(&mut unwritten)
        .map(|(store, writes)| Overlay::new(store as &dyn Base, writes))
        .collect();
    let graph = AtRest::read(states.iter().map(|state| state as &dyn State))?;
    Ok(Outcome { written: log.written, tallies: lanes.iter().map(|lane| lane.tally()).collect(), graph })
}
