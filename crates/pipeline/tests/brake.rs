//! A source of which too much is refused is held; the others go on, and after a release it goes on where it stood.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use kinfold_model::{Context, Fault, Halt, Partition, Refusal, RefusalKind, Stage, Timestamp, first_forms};
use kinfold_pipeline::link::{Claim, Commit, Link, Polled, Tailed};
use kinfold_pipeline::worker::{BatchLimits, Equipment, Observer, Report, Worker};
use kinfold_pipeline::{
    BrakeLimits, First, InRecord, Metrics, NoState, Origin, OutRecord, Port, StageName, Topology,
};
use kinfold_wire::{Topic, Trace};
use serde::{Deserialize, Serialize};

/// Refuses what says `bad`, and passes everything else on.
struct Picky;

impl Stage for Picky {
    type Input = Vec<u8>;
    type Output = Vec<u8>;

    fn handle(&mut self, value: Vec<u8>, context: &mut Context<'_, Vec<u8>>) -> Result<(), Halt> {
        if value == b"bad" {
            return Err(Halt::Refused(Refusal::new(RefusalKind::Unmappable, "", "is bad")));
        }
        context.send(value);
        Ok(())
    }

    fn finish(&mut self, _: &mut Context<'_, Vec<u8>>) -> Result<(), Fault> {
        Ok(())
    }
}

/// What the stage sends, as it stands in a record.
#[derive(Serialize, Deserialize)]
struct Said(Vec<u8>);

first_forms! {
    Said: "what was said",
}

struct PickyPort(Topology);

impl Port for PickyPort {
    type Stage = Picky;
    const NAME: StageName = StageName::Capture;

    fn topology(&self) -> &Topology {
        &self.0
    }

    fn stage(&self, _: Partition) -> Picky {
        Picky
    }

    fn read(&self, record: &InRecord) -> Result<Vec<u8>, Halt> {
        Ok(record.value.clone().unwrap_or_default())
    }

    fn write(&self, output: Vec<u8>, trace: Trace, records: &mut Vec<OutRecord>) -> Result<(), Fault> {
        records.push(Topology::inner(Topic::ProfileFacet, 0, Vec::new(), &Said(output), trace)?);
        Ok(())
    }
}

/// A log with one partition of each input, read in turns. It commits everything, and can lose the assignment.
#[derive(Default)]
struct Log {
    inputs: BTreeMap<Origin, Vec<InRecord>>,
    positions: BTreeMap<Origin, i64>,
    held: BTreeSet<Origin>,
    is_assigned: bool,
    is_resumed: bool,
    turn: usize,
    /// Where each input goes on, as of the last commit.
    committed: BTreeMap<Origin, i64>,
    refused: Vec<String>,
    passed: usize,
}

/// The log in the hands of a worker, while the test looks at it.
struct Hand<'l>(&'l RefCell<Log>);

impl Link for Hand<'_> {
    type Error = Infallible;

    fn cluster(&self) -> &str {
        ""
    }

    fn changelog(&self) -> &str {
        ""
    }

    fn keeps_deletions_since(&self) -> Timestamp {
        Timestamp::MIN
    }

    fn now(&self) -> Timestamp {
        Timestamp::default()
    }

    fn draw(&mut self) -> u128 {
        1
    }

    fn poll(&mut self, _: bool) -> Result<Polled, Infallible> {
        let log = &mut *self.0.borrow_mut();
        if !std::mem::replace(&mut log.is_assigned, true) {
            log.is_resumed = false;
            log.positions = log.committed.clone();
            return Ok(Polled::Assigned(vec![Claim {
                partition: 0,
                commit: 0,
                offsets: log.committed.clone(),
            }]));
        }
        log.turn += 1;
        let names: Vec<Origin> = log.inputs.keys().cloned().collect();
        for index in 0..names.len() {
            let origin = &names[(log.turn + index) % names.len()];
            if !log.is_resumed || log.held.contains(origin) {
                continue;
            }
            let position = log.positions.entry(origin.clone()).or_default();
            let next = usize::try_from(*position).ok().and_then(|position| log.inputs[origin].get(position));
            if let Some(record) = next {
                *position += 1;
                return Ok(Polled::Record(record.clone()));
            }
        }
        Ok(Polled::Enough)
    }

    fn resume(&mut self, _: u32) -> Result<(), Infallible> {
        self.0.borrow_mut().is_resumed = true;
        Ok(())
    }

    fn rewind(&mut self, _: u32, offsets: &BTreeMap<Origin, i64>) -> Result<(), Infallible> {
        let log = &mut *self.0.borrow_mut();
        log.is_resumed = false;
        log.positions = offsets.clone();
        Ok(())
    }

    fn hold(&mut self, input: &Origin) -> Result<(), Infallible> {
        self.0.borrow_mut().held.insert(input.clone());
        Ok(())
    }

    fn release(&mut self) -> Result<(), Infallible> {
        self.0.borrow_mut().held.clear();
        Ok(())
    }

    fn transact(&mut self, commits: &[Commit<'_>]) -> Result<BTreeMap<u32, i64>, Infallible> {
        let log = &mut *self.0.borrow_mut();
        for commit in commits {
            log.committed.extend(commit.offsets.clone());
            for output in commit.outputs {
                match output.topic {
                    Topic::TouchpointRefused => {
                        log.refused.push(String::from_utf8_lossy(&output.key).into_owned())
                    }
                    _ => log.passed += 1,
                }
            }
        }
        Ok(BTreeMap::new())
    }

    fn renew(&mut self) -> Result<Vec<Claim>, Infallible> {
        Ok(Vec::new())
    }

    fn follow(&mut self, _: u32, _: Option<i64>) -> Result<(), Infallible> {
        Ok(())
    }

    fn unfollow(&mut self, _: u32) -> Result<(), Infallible> {
        Ok(())
    }

    fn tail(&mut self, _: bool) -> Result<Option<(u32, Tailed)>, Infallible> {
        Ok(None)
    }

    fn remaining(&self, _: u32) -> i64 {
        0
    }

    fn standbys(&mut self) -> Result<BTreeSet<u32>, Infallible> {
        Ok(BTreeSet::new())
    }
}

/// Remembers which sources were held in the last report.
#[derive(Default)]
struct Board {
    held: RefCell<BTreeMap<String, String>>,
    was_not_ready: Cell<bool>,
}

impl Observer for Board {
    fn report(&self, report: &Report) {
        self.held.replace(report.held.clone());
        self.was_not_ready.set(false);
    }

    fn not_ready(&self, _: &str) {
        self.was_not_ready.set(true);
    }

    fn beat(&self) {}
}

fn origin(source: &str) -> Origin {
    Origin::Raw(source.into())
}

fn input(source: &str, values: &[&str]) -> (Origin, Vec<InRecord>) {
    let record = |(offset, value): (i64, &&str)| InRecord {
        origin: origin(source),
        partition: 0,
        offset,
        time: Timestamp::default(),
        key: None,
        value: Some(value.as_bytes().to_vec()),
        trace: None,
        first: None,
    };
    (origin(source), (0..).zip(values).map(record).collect())
}

/// Runs a worker over a log, turn by turn.
fn with_worker(log: &RefCell<Log>, batch: usize, act: impl FnOnce(&mut dyn FnMut(usize), &dyn Fn(), &Board)) {
    let metrics = Metrics::new("test", &[StageName::Capture]).expect("the names are known");
    let (port, board) = (PickyPort(Topology::uniform(1)), Board::default());
    let equipment = Equipment {
        port: &port,
        stores: &NoState,
        partitions: 1,
        limits: BatchLimits { records: batch, bytes: usize::MAX },
        brake: Some(BrakeLimits { ratio: 0.5, records: 20 }),
        metrics: &metrics,
        observer: &board,
    };
    let worker = RefCell::new(Worker::new(equipment, Hand(log)));
    let mut turns = |count: usize| {
        for _ in 0..count {
            match worker.borrow_mut().turn() {
                Ok(()) => {}
                Err(never) => match never {},
            }
        }
    };
    let release = || match worker.borrow_mut().release() {
        Ok(()) => {}
        Err(never) => match never {},
    };
    act(&mut turns, &release, &board);
}

fn log_of_two() -> RefCell<Log> {
    let bad = [vec!["good"; 30], vec!["bad"; 100], vec!["good"; 50]].concat();
    let inputs = [input("web", &bad), input("crm", &["good"; 300])].into();
    RefCell::new(Log { inputs, ..Log::default() })
}

#[test]
fn a_source_is_held_by_itself_and_goes_on_where_it_stood() {
    for batch in [1, 7, 50] {
        let log = log_of_two();
        with_worker(&log, batch, |turns, release, board| {
            turns(1000);
            let (web, crm) = (log.borrow().committed[&origin("web")], log.borrow().committed[&origin("crm")]);
            // The eleventh of twenty that is bad; what was in the same batch is handled, too.
            assert!(
                (41..41 + i64::try_from(batch).expect("is small")).contains(&web),
                "batches of {batch}: {web}"
            );
            assert_eq!(crm, 300, "the other source goes on");
            assert_eq!(board.held.borrow().keys().collect::<Vec<_>>(), ["web"]);
            assert!(!board.was_not_ready.get(), "a worker that holds a source is ready");

            log.borrow_mut().is_assigned = false;
            turns(100);
            assert_eq!(log.borrow().committed[&origin("web")], web, "a rebalance lets nothing go");

            let mut releases = 0;
            while !board.held.borrow().is_empty() {
                release();
                assert!(board.held.borrow().is_empty());
                turns(200);
                releases += 1;
            }
            assert!(releases > 1, "what is still bad is held again");
        });
        let log = log.into_inner();
        assert_eq!(log.committed, [(origin("web"), 180), (origin("crm"), 300)].into());
        let expected: Vec<String> = (30..130).map(|offset| format!("raw.web/0/{offset}")).collect();
        assert_eq!(log.refused, expected, "each was refused once, in order");
        assert_eq!(log.passed, 300 + 80);
    }
}

#[test]
fn records_that_were_sent_again_do_not_hold_their_source() {
    let (name, mut records) = input("web", &["bad"; 100]);
    for record in &mut records {
        record.first = Some(First { partition: 0, offset: record.offset, time: record.time });
    }
    let log = RefCell::new(Log { inputs: [(name, records)].into(), ..Log::default() });
    with_worker(&log, 7, |turns, _, board| {
        turns(100);
        assert!(board.held.borrow().is_empty());
    });
    assert_eq!(log.into_inner().refused.len(), 100);
}
