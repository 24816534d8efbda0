//! A record that amounts to more than can be written is refused alone, and the others go on.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use kinfold_capture::limits;
use kinfold_model::touchpoint::Order;
use kinfold_model::{
    Consent, Context, Decision, Fault, Halt, Namespace, NodeId, Partition, PersonId, Refusal, RefusalKind,
    Stage, Timestamp, Touchpoint, TouchpointIdentifier,
};
use kinfold_pipeline::link::{Claim, Commit, Link, Polled, Tailed};
use kinfold_pipeline::worker::{BatchLimits, Equipment, Observer, Report, Worker};
use kinfold_pipeline::{
    FacetsPort, InRecord, Metrics, NoState, Origin, OutRecord, Port, StageName, Task, Topology,
};
use kinfold_profile::{Cause, Facet, FacetMessage, Member};
use kinfold_wire::limits::WRITTEN_BYTES_MAX;
use kinfold_wire::{Topic, Trace};

/// Writes each record in two halves: at once, and at the end of the batch. One whose key is `large` leaves a state that
/// no changelog could take.
#[derive(Default)]
struct Echo {
    held: Vec<Vec<u8>>,
}

impl Stage for Echo {
    type Input = (Vec<u8>, Vec<u8>);
    type Output = Vec<u8>;

    fn handle(&mut self, (key, value): Self::Input, context: &mut Context<'_, Vec<u8>>) -> Result<(), Halt> {
        if key == b"large" {
            context.state.put(key, vec![0; WRITTEN_BYTES_MAX]);
        }
        let (now, later) = value.split_at(value.len() / 2);
        context.send(now.to_vec());
        self.held.push(later.to_vec());
        Ok(())
    }

    fn finish(&mut self, context: &mut Context<'_, Vec<u8>>) -> Result<(), Fault> {
        self.held.drain(..).for_each(|held| context.send(held));
        Ok(())
    }
}

struct EchoPort(Topology);

impl Port for EchoPort {
    type Stage = Echo;
    const NAME: StageName = StageName::Capture;

    fn topology(&self) -> &Topology {
        &self.0
    }

    fn stage(&self, _: Partition) -> Echo {
        Echo::default()
    }

    fn read(&self, record: &InRecord) -> Result<(Vec<u8>, Vec<u8>), Refusal> {
        Ok((record.key.clone().unwrap_or_default(), record.value.clone().unwrap_or_default()))
    }

    fn write(&self, output: Vec<u8>, trace: Trace, records: &mut Vec<OutRecord>) -> Result<(), Fault> {
        records.push(Topology::inner(Topic::ProfileFacet, 0, Vec::new(), &output, trace)?);
        Ok(())
    }
}

/// A log of one partition that commits everything.
struct Log {
    records: Vec<InRecord>,
    is_assigned: bool,
    position: usize,
    committed: RefCell<Vec<OutRecord>>,
}

impl Link for &mut Log {
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
        if !std::mem::replace(&mut self.is_assigned, true) {
            return Ok(Polled::Assigned(vec![Claim::default()]));
        }
        let record = self.records.get(self.position).cloned();
        self.position += usize::from(record.is_some());
        Ok(record.map_or(Polled::Enough, Polled::Record))
    }

    fn resume(&mut self, _: u32) -> Result<(), Infallible> {
        Ok(())
    }

    fn rewind(&mut self, _: u32, offsets: &BTreeMap<Origin, i64>) -> Result<(), Infallible> {
        self.position =
            offsets.values().next().map_or(0, |offset| usize::try_from(*offset).expect("not negative"));
        Ok(())
    }

    fn hold(&mut self, _: &Origin) -> Result<(), Infallible> {
        Ok(())
    }

    fn release(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn transact(&mut self, commits: &[Commit<'_>]) -> Result<BTreeMap<u32, i64>, Infallible> {
        self.committed.borrow_mut().extend(commits.iter().flat_map(|commit| commit.outputs).cloned());
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

struct Nobody;

impl Observer for Nobody {
    fn report(&self, _: &Report) {}
    fn not_ready(&self, _: &str) {}
    fn beat(&self) {}
}

fn record(offset: i64, key: &[u8], bytes: usize) -> InRecord {
    InRecord {
        origin: Origin::Raw("shop".into()),
        partition: 0,
        offset,
        time: Timestamp::default(),
        key: Some(key.to_vec()),
        value: Some(vec![b'x'; bytes]),
        trace: None,
        first: None,
    }
}

#[test]
fn a_record_that_amounts_to_too_much_is_refused_and_the_others_go_on() {
    let too_much = 2 * WRITTEN_BYTES_MAX + 2;
    let sizes: Vec<usize> =
        (0..20).map(|number| if [6, 7, 15].contains(&number) { too_much } else { 2 }).collect();
    let records = sizes.iter().zip(0..).map(|(bytes, offset)| record(offset, b"", *bytes)).collect();
    let mut log = Log { records, is_assigned: false, position: 0, committed: RefCell::default() };
    let metrics = Metrics::new("test", &[StageName::Capture]).expect("the names are known");
    let port = EchoPort(Topology::uniform(1));
    let equipment = Equipment {
        port: &port,
        stores: &NoState,
        partitions: 1,
        limits: BatchLimits { records: 10, bytes: usize::MAX },
        brake: None,
        metrics: &metrics,
        observer: &Nobody,
    };
    let mut worker = Worker::new(equipment, &mut log);
    for _ in 0..200 {
        match worker.turn() {
            Ok(()) => {}
            Err(never) => match never {},
        }
    }
    drop(worker);
    let committed = log.committed.into_inner();
    let refused: Vec<&str> = committed
        .iter()
        .filter(|record| record.topic == Topic::TouchpointRefused)
        .map(|record| std::str::from_utf8(&record.key).expect("a key is text"))
        .collect();
    assert_eq!(refused, ["raw.shop/0/6", "raw.shop/0/7", "raw.shop/0/15"]);
    let halves = committed.iter().filter(|record| record.topic == Topic::ProfileFacet).count();
    assert_eq!(halves, 2 * (20 - 3));
}

#[test]
fn an_entry_of_state_that_its_changelog_could_not_take_is_noticed_before_it_is_sent() {
    let port = EchoPort(Topology::uniform(1));
    let base: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let mut task = Task::new(&port, Partition { index: 0, count: 1 });
    let large = record(0, b"large", 2);
    task.step(&base, &large).expect("it can be handled");
    let fault = task.finish(&base).expect_err("it cannot be written");
    assert!(matches!(&fault, Fault::TooLarge { bytes, .. } if *bytes == WRITTEN_BYTES_MAX + 5), "{fault}");
    task.refuse_alone(&large, &fault).expect("it can be refused");
    let batch = task.finish(&base).expect("nothing is left of it");
    assert_eq!((batch.outputs.len(), batch.writes.len()), (1, 0));
    assert_eq!(batch.tally.refused, BTreeMap::from([(RefusalKind::RecordTooLarge, 1)]));
}

/// As large as capture lets each part of a touchpoint be.
fn largest_touchpoint(number: usize) -> Touchpoint {
    let text =
        |prefix: &str, bytes: usize| format!("{prefix}{number:05}{}", "x".repeat(bytes - 5 - prefix.len()));
    let name = |which: usize| format!("{which:02}{}", text("", limits::NAME_BYTES_MAX - 2));
    let identifiers = (0_u8..16).map(|which| {
        let value = format!("{which:02}{}", "x".repeat(limits::IDENTIFIER_BYTES_MAX - 2));
        let namespace = Namespace::new(&"n".repeat(limits::NAME_BYTES_MAX));
        TouchpointIdentifier { node: NodeId::from_bytes([which; 16]), namespace, value }
    });
    let time = Timestamp::from_millis(1_772_323_200_000).expect("in range");
    let consent = |which| Consent {
        purpose: name(which),
        decision: Decision::Granted,
        basis: Some(name(0)),
        jurisdiction: Some(name(0)),
        time,
        wording: Some(text("", limits::ID_BYTES_MAX)),
    };
    Touchpoint {
        touchpoint_id: text("t", limits::ID_BYTES_MAX),
        time,
        source: text("", limits::NAME_BYTES_MAX),
        channel: Some(text("c", limits::NAME_BYTES_MAX)),
        r#type: None,
        sighting: NodeId::from_bytes([1; 16]),
        identifiers: identifiers.collect(),
        attributes: (0..limits::ATTRIBUTES_MAX)
            .map(|which| (name(which), "x".repeat(limits::ATTRIBUTE_BYTES_MAX)))
            .collect(),
        consents: (0..limits::CONSENTS_MAX).map(consent).collect(),
        consent_signals: None,
        order: Some(Order {
            order_id: text("o", limits::ID_BYTES_MAX),
            value: "999999999999.9999".parse().expect("an amount"),
            currency: "EUR".parse().expect("a currency"),
            items: limits::ITEMS_MAX,
        }),
        engagement: None,
        flags: Vec::new(),
    }
}

#[test]
fn the_largest_facet_can_be_written() {
    let mut facet = Facet::new(&largest_touchpoint(0));
    for number in 1..12_000 {
        facet.absorb(&largest_touchpoint(number), true);
    }
    assert!(facet.is_full());
    let (person, node) = (PersonId::from_bytes([2; 16]), NodeId::from_bytes([1; 16]));
    let member = Some(Member { facet: Some(facet) });
    let message = FacetMessage { person, node, version: u64::MAX, cause: Cause::Touchpoint, member };
    let mut records = Vec::new();
    let port = FacetsPort { topology: Topology::uniform(1) };
    port.write(message.into(), Trace::of_source("", 0, 0), &mut records).expect("it can be written");
    let bytes = records.iter().map(|record| record.value.as_ref().map_or(0, Vec::len)).sum::<usize>();
    assert!(bytes > WRITTEN_BYTES_MAX / 2, "{bytes} bytes are not the largest");
}
