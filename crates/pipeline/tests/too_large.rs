//! A record that amounts to more than can be written is refused alone, and the others go on.

mod log;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kinfold_capture::limits;
use kinfold_model::touchpoint::{Engagement, Order};
use kinfold_model::{
    Consent, Context, Decision, Fault, Halt, Namespace, NodeId, OrderStatus, Partition, PersonId,
    RefusalKind, Stage, Timestamp, Touchpoint, TouchpointIdentifier, View, first_forms,
};
use kinfold_pipeline::worker::{BatchLimits, Equipment, Observer, Report, Worker};
use kinfold_pipeline::{
    FacetsPort, InRecord, Metrics, NoState, Origin, OutRecord, Port, StageName, Task, Topology,
};
use kinfold_profile::{Cause, Facet, FacetMessage, Member};
use kinfold_wire::limits::WRITTEN_BYTES_MAX;
use kinfold_wire::{Topic, Trace, decode_inner};
use serde::{Deserialize, Serialize};

use crate::log::Log;

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

/// What the stage sends, as it stands in a record.
#[derive(Serialize, Deserialize)]
struct Said(Vec<u8>);

first_forms! {
    Said: "what was said",
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

    fn read(&self, record: &InRecord) -> Result<(Vec<u8>, Vec<u8>), Halt> {
        Ok((record.key.clone().unwrap_or_default(), record.value.clone().unwrap_or_default()))
    }

    fn write(&self, output: Vec<u8>, trace: Trace, records: &mut Vec<OutRecord>) -> Result<(), Fault> {
        records.push(Topology::inner(Topic::ProfileFacet, 0, Vec::new(), &Said(output), trace)?);
        Ok(())
    }
}

/// Passes records on at the end of the batch, and has work of its own: one step for each number up to [`STEPS`]. That of [`HEAVY`]
/// amounts to too much until it is mended.
struct Idler {
    held: Vec<Vec<u8>>,
    done: Vec<u8>,
    is_mended: bool,
    mended: Timestamp,
}

const STEPS: u8 = 10;
const HEAVY: u8 = 7;

impl Idler {
    fn next(state: &dyn View) -> Result<u8, Fault> {
        Ok(state.get(b"next")?.and_then(|value| value.first().copied()).unwrap_or_default())
    }
}

impl Stage for Idler {
    type Input = Vec<u8>;
    type Output = Vec<u8>;

    fn handle(&mut self, value: Vec<u8>, _: &mut Context<'_, Vec<u8>>) -> Result<(), Halt> {
        self.held.push(value);
        Ok(())
    }

    fn due(&self, state: &dyn View) -> Result<Option<Timestamp>, Fault> {
        Ok((Self::next(state)? < STEPS).then_some(Timestamp::MIN))
    }

    fn idle(&mut self, most: usize, context: &mut Context<'_, Vec<u8>>) -> Result<Option<f64>, Fault> {
        let next = Self::next(context.state)?;
        self.is_mended = context.now >= self.mended;
        self.done = (next..STEPS).take(most).collect();
        let next = self.done.last().map_or(next, |last| last + 1);
        context.state.put(b"next".to_vec(), vec![next]);
        Ok((next < STEPS).then_some(0.5))
    }

    fn finish(&mut self, context: &mut Context<'_, Vec<u8>>) -> Result<(), Fault> {
        self.held.drain(..).for_each(|held| context.send(held));
        for step in std::mem::take(&mut self.done) {
            let bytes = if step == HEAVY && !self.is_mended { WRITTEN_BYTES_MAX + 1 } else { 1 };
            context.send(vec![step; bytes]);
        }
        Ok(())
    }
}

struct IdlerPort {
    topology: Topology,
    mended: Timestamp,
}

impl Port for IdlerPort {
    type Stage = Idler;
    const NAME: StageName = StageName::People;

    fn topology(&self) -> &Topology {
        &self.topology
    }

    fn stage(&self, _: Partition) -> Idler {
        Idler { held: Vec::new(), done: Vec::new(), is_mended: false, mended: self.mended }
    }

    fn read(&self, record: &InRecord) -> Result<Vec<u8>, Halt> {
        Ok(record.value.clone().unwrap_or_default())
    }

    fn write(&self, output: Vec<u8>, trace: Trace, records: &mut Vec<OutRecord>) -> Result<(), Fault> {
        records.push(Topology::inner(Topic::ProfileFacet, 0, Vec::new(), &Said(output), trace)?);
        Ok(())
    }
}

struct Nobody;

impl Observer for Nobody {
    fn report(&self, _: &Report) {}
    fn not_ready(&self, _: &str) {}
    fn beat(&self) {}
}

fn record(partition: u32, offset: i64, key: &[u8], bytes: usize) -> InRecord {
    InRecord {
        origin: Origin::Raw("shop".into()),
        partition,
        offset,
        time: Timestamp::default(),
        key: Some(key.to_vec()),
        value: Some(vec![b'x'; bytes]),
        trace: None,
        first: None,
    }
}

/// A partition of 20 records, of which those with these numbers amount to too much.
fn partition(index: u32, large: &[usize]) -> Vec<InRecord> {
    let too_much = 2 * WRITTEN_BYTES_MAX + 2;
    let sizes = (0..20).map(|number| if large.contains(&number) { too_much } else { 2 });
    (0..).zip(sizes).map(|(offset, bytes)| record(index, offset, b"", bytes)).collect()
}

/// What a worker commits of these partitions in so many turns: the keys of what it refused, and how many outputs.
fn worked_off(partitions: Vec<Vec<InRecord>>, turns: usize) -> (Vec<String>, usize) {
    let port = EchoPort(Topology::uniform(u32::try_from(partitions.len()).expect("a few")));
    let committed = committed(&port, partitions, turns);
    let (refused, passed): (Vec<OutRecord>, Vec<OutRecord>) =
        committed.into_iter().partition(|record| record.topic == Topic::TouchpointRefused);
    let keys = refused.into_iter().map(|record| String::from_utf8(record.key).expect("a key is text"));
    (keys.collect(), passed.len())
}

/// All that a worker commits of these partitions in so many turns.
fn committed<P: Port>(port: &P, partitions: Vec<Vec<InRecord>>, turns: usize) -> Vec<OutRecord> {
    let count = u32::try_from(partitions.len()).expect("a few");
    let mut log = Log::of(partitions);
    let metrics = Metrics::new("test", &[P::NAME]).expect("the names are known");
    let equipment = Equipment {
        port,
        stores: &NoState,
        partitions: count,
        limits: BatchLimits { records: 10, bytes: usize::MAX },
        brake: None,
        metrics: &metrics,
        observer: &Nobody,
    };
    let mut worker = Worker::new(equipment, &mut log);
    for _ in 0..turns {
        match worker.turn() {
            Ok(()) => {}
            Err(never) => match never {},
        }
    }
    drop(worker);
    log.committed
}

#[test]
fn a_record_that_amounts_to_too_much_is_refused_and_the_others_go_on() {
    let (refused, passed) = worked_off(vec![partition(0, &[6, 7, 15])], 200);
    assert_eq!(refused, ["raw.shop/0/6", "raw.shop/0/7", "raw.shop/0/15"]);
    assert_eq!(passed, 2 * (20 - 3));
}

#[test]
fn other_partitions_neither_wait_for_one_that_amounts_to_too_much_nor_keep_it_from_going_on() {
    // The other partition is never at its end.
    let endless = (0..5000).map(|offset| record(1, offset, b"", 2)).collect();
    let (refused, passed) = worked_off(vec![partition(0, &[0, 6, 7, 15]), endless], 100);
    assert_eq!(refused, ["raw.shop/0/0", "raw.shop/0/6", "raw.shop/0/7", "raw.shop/0/15"]);
    assert!(passed > 2 * 400, "{passed} outputs");
}

#[test]
fn an_entry_of_state_that_its_changelog_could_not_take_is_noticed_before_it_is_sent() {
    let port = EchoPort(Topology::uniform(1));
    let base: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let mut task = Task::new(&port, Partition { index: 0, count: 1 });
    let large = record(0, 0, b"large", 2);
    task.step(&base, &large).expect("it can be handled");
    let fault = task.finish(&base).expect_err("it cannot be written");
    assert!(matches!(&fault, Fault::TooLarge { bytes, .. } if *bytes == WRITTEN_BYTES_MAX + 5), "{fault}");
    task.refuse_alone(&large, &fault).expect("it can be refused");
    let batch = task.finish(&base).expect("nothing is left of it");
    assert_eq!((batch.outputs.len(), batch.writes.len()), (1, 0));
    assert_eq!(batch.tally.refused, BTreeMap::from([(RefusalKind::RecordTooLarge, 1)]));
}

/// What a worker commits of these records and of work that is mended at a time, in so many turns: the keys of what it refused, how many
/// records it passed on, and the steps that it did.
fn worked_beside(records: Vec<InRecord>, mended: Timestamp, turns: usize) -> (Vec<String>, usize, Vec<u8>) {
    let port = IdlerPort { topology: Topology::uniform(1), mended };
    let (refused, passed): (Vec<OutRecord>, Vec<OutRecord>) = committed(&port, vec![records], turns)
        .into_iter()
        .partition(|record| record.topic == Topic::TouchpointRefused);
    let keys = refused.into_iter().map(|record| String::from_utf8(record.key).expect("a key is text"));
    let said = |one: &OutRecord| {
        decode_inner::<Said>(one.value.as_deref().expect("a value")).expect("we wrote it").0
    };
    let (steps, passed): (Vec<Vec<u8>>, Vec<Vec<u8>>) =
        passed.iter().map(said).partition(|value| value[0] < STEPS);
    (keys.collect(), passed.len(), steps.iter().map(|step| step[0]).collect())
}

fn steps(up_to: u8) -> Vec<u8> {
    (0..up_to).collect()
}

#[test]
fn work_that_no_record_asks_for_and_that_amounts_to_too_much_neither_stops_a_partition_nor_costs_a_record() {
    let records: Vec<InRecord> = (0..200).map(|offset| record(0, offset, b"", 3)).collect();
    let done = worked_beside(records, Timestamp::MAX, 200);
    assert_eq!(
        done,
        (Vec::new(), 200, steps(HEAVY)),
        "all records are handled, once, and what can be done is done"
    );
}

#[test]
fn work_that_amounts_to_too_much_is_tried_again_after_a_minute() {
    let records = || -> Vec<InRecord> { (0..20).map(|offset| record(0, offset, b"", 3)).collect() };
    let soon = Timestamp::default().plus_millis(30_000);
    assert_eq!(worked_beside(records(), soon, 500), (Vec::new(), 20, steps(HEAVY)), "a minute is not over");
    assert_eq!(worked_beside(records(), soon, 1000), (Vec::new(), 20, steps(STEPS)));
}

#[test]
fn a_record_that_amounts_to_too_much_is_refused_beside_work_that_no_record_asks_for_which_does_not_wait() {
    let bytes = |offset: i64| if offset == 10 { WRITTEN_BYTES_MAX + 1 } else { 3 };
    let records = (0..20).map(|offset| record(0, offset, b"", bytes(offset))).collect();
    let done = worked_beside(records, Timestamp::MIN, 40);
    assert_eq!(done, (vec!["raw.shop/0/10".to_owned()], 19, steps(STEPS)));
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
        channel: Some(name(0)),
        expires: Some(time),
        signal: Some("consent_mode".to_owned()),
        confirmed: true,
    };
    Touchpoint {
        touchpoint_id: text("t", limits::ID_BYTES_MAX),
        time,
        source: text("", limits::NAME_BYTES_MAX),
        channel: Some(text("c", limits::NAME_BYTES_MAX)),
        r#type: Some(text("k", limits::NAME_BYTES_MAX)),
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
            status: OrderStatus::Returned,
            refunded: "999999999999.9999".parse().expect("an amount"),
        }),
        engagement: Some(Engagement {
            campaign: None,
            action: Some(text("a", limits::NAME_BYTES_MAX)),
            sentiment: Some(1.0),
        }),
        flags: Vec::new(),
        verified: Vec::new(),
    }
}

#[test]
fn the_largest_facet_can_be_written() {
    let mut facet = Facet::new(&largest_touchpoint(0), &BTreeSet::new());
    for number in 1..12_000 {
        facet.absorb(&largest_touchpoint(number), &BTreeSet::new(), true);
    }
    assert!(facet.is_full());
    let (person, node) = (PersonId::from_bytes([2; 16]), NodeId::from_bytes([1; 16]));
    let member = Some(Member { facet: Some(facet), restricted: None });
    let message = FacetMessage { person, node, version: u64::MAX, cause: Cause::Touchpoint, member };
    let mut records = Vec::new();
    let port = FacetsPort { returning: Arc::default(), topology: Topology::uniform(1) };
    port.write(message.into(), Trace::of_source("", 0, 0), &mut records).expect("it can be written");
    let bytes = records.iter().map(|record| record.value.as_ref().map_or(0, Vec::len)).sum::<usize>();
    assert!(bytes > WRITTEN_BYTES_MAX / 2, "{bytes} bytes are not the largest");
}
