//! The worker: poll a batch, handle it against overlays, commit it as one transaction, apply it to the stores. One
//! worker is one thread with a set of partitions; what drives it calls [`Worker::turn`] again and again.
//!
//! - Nothing uncommitted reaches a store: a partition's writes are applied after their transaction, at once.
//! - A partition works only when its store is where the changelog is, and the changelog where the offsets are.
//! - What goes wrong with one partition's state concerns that partition; the others go on.
//! - A source of which too much is refused is held, and the others go on.
//! - After a transaction that failed, or of which nobody knows, everything begins again from what was committed.

mod assign;
mod hold;
mod report;
mod restore;
mod seat;
mod warm;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use kinfold_model::{Fault, Partition, Timestamp};

use crate::batch::Batch;
use crate::brake::{Brake, BrakeLimits};
use crate::changelog::{Mark, Replay};
use crate::link::{Commit, Link, Polled};
use crate::metrics::Metrics;
use crate::overlay::Store;
use crate::port::Port;
use crate::record::{InRecord, Origin};
use crate::stores::Stores;

pub use report::{Observer, Report, Standing};
use seat::Seat;

/// How many steps of work that no record asks for a partition does between two commits, while nothing else waits.
const IDLE_STEPS: usize = 2000;

/// What bounds a batch.
#[derive(Clone, Copy, Debug)]
pub struct BatchLimits {
    /// At most so many records.
    pub records: usize,
    /// Records are added until they are this large together.
    pub bytes: usize,
}

/// What a worker is made of.
pub struct Equipment<'w, P, S> {
    /// Between the log and the stage.
    pub port: &'w P,
    /// Where the stage keeps its state.
    pub stores: &'w S,
    /// Of each input.
    pub partitions: u32,
    /// Of a batch.
    pub limits: BatchLimits,
    /// When a source is held; `None`: never.
    pub brake: Option<BrakeLimits>,
    /// Counted at each commit.
    pub metrics: &'w Metrics,
    /// Told of every change.
    pub observer: &'w dyn Observer,
}

/// One stage on a set of partitions.
pub struct Worker<'w, P: Port, L, S: Stores> {
    equipment: Equipment<'w, P, S>,
    link: L,
    /// The partitions that are ours.
    seats: BTreeMap<u32, Seat<'w, P, S::Store>>,
    /// Stores that are not at work: of partitions that were ours a moment ago, or that are kept warm for others.
    shelf: BTreeMap<u32, Replay<S::Store>>,
    /// Partitions that are to be kept warm, and when to try to open their stores.
    cold: BTreeMap<u32, Timestamp>,
    buffer: Vec<InRecord>,
    /// How many records a batch may have now: fewer after a failure, because a transaction that is too large for its
    /// time-out fails again and again.
    records_max: usize,
    brake: Brake,
}

/// A partition's batch, and where its inputs go on after it.
struct Handled {
    batch: Batch,
    offsets: BTreeMap<Origin, i64>,
    mark: Mark,
    /// Whether work that no record asks for is in it.
    has_steps: bool,
}

impl<'w, P: Port, L: Link, S: Stores> Worker<'w, P, L, S> {
    /// A worker that owns nothing yet.
    pub fn new(equipment: Equipment<'w, P, S>, link: L) -> Self {
        equipment.observer.not_ready("joining the consumer group");
        let (records_max, brake) = (equipment.limits.records, Brake::new(equipment.brake));
        Self {
            equipment,
            link,
            seats: BTreeMap::new(),
            shelf: BTreeMap::new(),
            cold: BTreeMap::new(),
            buffer: Vec::new(),
            records_max,
            brake,
        }
    }

    /// One batch, or a pause without any. Nothing is open between two turns.
    ///
    /// # Errors
    /// When the link is lost. Nothing is half done then: a new worker begins from the last commit.
    pub fn turn(&mut self) -> Result<(), L::Error> {
        self.equipment.observer.beat();
        self.gather()?;
        self.restore()?;
        let now = self.link.now();
        self.tend(now);
        let has_work = |seat: &Seat<'_, P, S::Store>| seat.at_work().is_some_and(|seat| seat.has_work(now));
        if self.buffer.is_empty() && !self.seats.values().any(has_work) { Ok(()) } else { self.commit() }
    }

    /// Lets the stores that are here be looked after.
    fn tend(&self, now: Timestamp) {
        let at_work =
            self.seats.iter().filter_map(|(partition, seat)| Some((partition, &seat.at_work()?.store)));
        let warm = self.shelf.iter().map(|(partition, replay)| (partition, replay.store()));
        at_work.chain(warm).for_each(|(partition, store)| self.equipment.stores.tend(*partition, store, now));
    }

    /// The link, for what is particular to it.
    pub fn link(&self) -> &L {
        &self.link
    }

    fn gather(&mut self) -> Result<(), L::Error> {
        let BatchLimits { bytes, .. } = self.equipment.limits;
        let wait = !self.is_restoring();
        let mut size = 0;
        while self.buffer.len() < self.records_max && size < bytes {
            match self.link.poll(wait)? {
                Polled::Record(record) => {
                    size += record.bytes();
                    self.buffer.push(record);
                }
                Polled::Assigned(claims) => self.assign(claims)?,
                Polled::Revoked => self.give_up()?,
                Polled::Enough => break,
            }
        }
        Ok(())
    }

    /// Handles what was gathered and makes it one transaction.
    fn commit(&mut self) -> Result<(), L::Error> {
        let began = Instant::now();
        let handled = self.handle()?;
        if handled.is_empty() {
            return Ok(());
        }
        let commits: Vec<Commit<'_>> =
            handled.iter().map(|(partition, one)| one.commit(*partition, P::NAME.is_stateful())).collect();
        let markers = match self.link.transact(&commits) {
            Ok(markers) => markers,
            Err(error) => {
                tracing::warn!(stage = %P::NAME, %error, "a transaction failed; what it held is done again");
                return self.recover();
            }
        };
        self.records_max = self.records_max.saturating_mul(2).min(self.equipment.limits.records);
        let metrics = self.equipment.metrics;
        metrics.transaction_seconds(P::NAME).observe(began.elapsed().as_secs_f64());
        metrics.committed(P::NAME, handled.values().map(|one| &one.batch), self.link.now());
        self.judge(&handled)?;
        self.apply(handled, &markers)?;
        self.report();
        Ok(())
    }

    /// Handles what was gathered, each partition's part by itself. A partition whose state fails is taken out.
    fn handle(&mut self) -> Result<BTreeMap<u32, Handled>, L::Error> {
        let now = self.link.now();
        let mut failed: BTreeMap<u32, Fault> = BTreeMap::new();
        let mut offsets: BTreeMap<u32, BTreeMap<Origin, i64>> = BTreeMap::new();
        let mut taken: BTreeMap<u32, usize> = BTreeMap::new();
        // Partitions of which more was gathered than is handled: it has to come again.
        let mut beyond: BTreeSet<u32> = BTreeSet::new();
        let records = std::mem::take(&mut self.buffer);
        for record in &records {
            let partition = record.partition;
            let Some(seat) = self.seats.get_mut(&partition).and_then(Seat::at_work_mut) else { continue };
            let taken = taken.entry(partition).or_default();
            if failed.contains_key(&partition) || *taken >= seat.records_max {
                beyond.insert(partition);
                continue;
            }
            *taken += 1;
            match seat.task.step(&seat.store, record) {
                Ok(()) => {
                    let next = record.offset + 1;
                    offsets.entry(partition).or_default().insert(record.origin.clone(), next);
                }
                Err(fault) => drop(failed.insert(partition, fault)),
            }
        }
        let most = if offsets.is_empty() { IDLE_STEPS } else { IDLE_STEPS / 10 };
        // Fewer after a transaction that failed, as of records: it may have been too large.
        let most = most.min(self.records_max);
        let mut handled = BTreeMap::new();
        // How many steps partitions did of work that no record asks for.
        let mut steps: BTreeMap<u32, usize> = BTreeMap::new();
        for (partition, seat) in &mut self.seats {
            let Some(seat) = seat.at_work_mut().filter(|_| !failed.contains_key(partition)) else { continue };
            let read = offsets.remove(partition);
            if read.is_none() && !seat.has_work(now) {
                continue;
            }
            let most = most.min(seat.steps_max);
            if seat.has_work(now) {
                steps.insert(*partition, most);
            }
            match seat.finish(read.unwrap_or_default(), now, most, self.equipment.metrics) {
                Ok(one) => drop(handled.insert(*partition, one)),
                Err(fault) => drop(failed.insert(*partition, fault)),
            }
        }
        for (partition, mut fault) in failed {
            let taken = taken.get(&partition).copied().unwrap_or_default();
            let theirs: Vec<&InRecord> =
                records.iter().filter(|record| record.partition == partition).take(taken).collect();
            if let (Fault::TooLarge { .. }, Some(steps)) = (&fault, steps.get(&partition)) {
                // No record is refused for what none asked for, and no such work waits for what records amount to.
                if theirs.is_empty() {
                    self.lighten(partition, &fault, steps / 2);
                    self.begin_again(partition)?;
                    continue;
                }
                match self.handle_alone(partition, &theirs) {
                    Ok(one) => {
                        self.lighten(partition, &fault, steps / 2);
                        handled.extend(one.map(|one| (partition, one)));
                        continue;
                    }
                    Err(alone) => fault = alone,
                }
            }
            match (&fault, theirs.as_slice()) {
                (Fault::TooLarge { .. }, [record]) => match self.refuse(record, &fault) {
                    Ok(one) => handled.extend(one.map(|one| (partition, one))),
                    Err(fault) => self.fail(partition, &fault)?,
                },
                (Fault::TooLarge { .. }, [_, ..]) => self.divide(partition, &fault, taken / 2)?,
                _ => self.fail(partition, &fault)?,
            }
        }
        for partition in beyond {
            if let Some(one) = handled.get(&partition) {
                self.link.rewind(partition, &one.offsets)?;
                self.link.resume(partition)?;
            }
        }
        for one in handled.values_mut().filter(|one| one.mark.lineage == 0) {
            one.mark.lineage = self.link.draw();
        }
        Ok(handled)
    }

    /// Handles records once more without the work that none of them asked for, and so tells which of the two amounted to too much.
    fn handle_alone(&mut self, partition: u32, records: &[&InRecord]) -> Result<Option<Handled>, Fault> {
        let now = self.link.now();
        let Some(seat) = self.seats.get_mut(&partition).and_then(Seat::at_work_mut) else { return Ok(None) };
        seat.task.abort();
        let mut read = BTreeMap::new();
        for record in records {
            seat.task.step(&seat.store, record)?;
            read.insert(record.origin.clone(), record.offset + 1);
        }
        seat.finish(read, now, 0, self.equipment.metrics).map(Some)
    }

    /// Makes a batch of the refusal of its only record, which amounts to more than can be written.
    fn refuse(&mut self, record: &InRecord, why: &Fault) -> Result<Option<Handled>, Fault> {
        let now = self.link.now();
        let Some(seat) = self.seats.get_mut(&record.partition).and_then(Seat::at_work_mut) else {
            return Ok(None);
        };
        tracing::warn!(stage = %P::NAME, partition = record.partition, offset = record.offset, %why, "a record is refused");
        seat.task.refuse_alone(record, why)?;
        let read = BTreeMap::from([(record.origin.clone(), record.offset + 1)]);
        seat.finish(read, now, 0, self.equipment.metrics).map(Some)
    }

    /// Writes what was committed to the stores.
    fn apply(
        &mut self,
        handled: BTreeMap<u32, Handled>,
        markers: &BTreeMap<u32, i64>,
    ) -> Result<(), L::Error> {
        let now = self.link.now();
        for (partition, Handled { mut batch, offsets, mark, has_steps }) in handled {
            let Some(seat) = self.seats.get_mut(&partition).and_then(Seat::at_work_mut) else { continue };
            seat.offsets = offsets;
            seat.relax(has_steps);
            seat.mark = Mark { offset: markers.get(&partition).copied(), ..mark };
            if !P::NAME.is_stateful() {
                continue;
            }
            batch.writes.extend([seat.mark.write()]);
            let applied = match seat.mark.offset {
                Some(_) => seat.store.commit(batch.writes),
                None => Err(Fault::State("nobody knows where the commit stands in the changelog".to_owned())),
            };
            match applied {
                Ok(()) => {
                    self.equipment.stores.committed(partition, &seat.store, now);
                    self.look_ahead(partition)?;
                }
                Err(fault) => self.fail(partition, &fault)?,
            }
        }
        Ok(())
    }

    /// After a failed transaction: goes back to what is committed, whichever way the transaction ended.
    fn recover(&mut self) -> Result<(), L::Error> {
        self.records_max = (self.records_max / 2).max(1);
        self.equipment.metrics.aborted(P::NAME);
        self.equipment.metrics.fault(P::NAME, "kafka");
        self.equipment.observer.not_ready("a transaction failed; the broker is asked what is committed");
        let claims = self.link.renew()?;
        self.give_up()?;
        self.assign(claims)
    }

    fn partition(&self, index: u32) -> Partition {
        Partition { index, count: self.equipment.partitions }
    }
}

impl<P: Port, L, S: Stores> Drop for Worker<'_, P, L, S> {
    /// A worker that ended owns nothing any more.
    fn drop(&mut self) {
        self.count(0);
        self.brake.held().keys().for_each(|source| self.equipment.metrics.source_held(source, -1));
    }
}

impl Handled {
    fn commit(&self, partition: u32, is_stateful: bool) -> Commit<'_> {
        Commit {
            partition,
            outputs: &self.batch.outputs,
            writes: &self.batch.writes,
            marker: is_stateful.then(|| self.mark.encode()),
            offsets: &self.offsets,
            number: self.mark.commit,
        }
    }
}
