//! How a worker comes to its partitions and leaves them, and what becomes of one whose state fails.

use std::fmt;

use kinfold_model::Fault;

use super::seat::{AtWork, Seat};
use super::{BatchLimits, Worker};
use crate::changelog::{Chunk, Mark, Replay, Stamp, Unfit};
use crate::link::{Claim, Link};
use crate::port::Port;
use crate::stores::Stores;
use crate::task::Task;

/// After this time a store that could not be had is tried again.
pub(super) const AGAIN_MS: i64 = 250;
/// Work that no record asks for, and that amounts to more than can be written, waits for so long.
const PAUSE_MS: i64 = 60_000;
/// A restore collects so many times as much as a batch before it writes to the store.
const CHUNK_BATCHES: usize = 4;

impl<'w, P: Port, L: Link, S: Stores> Worker<'w, P, L, S> {
    /// Takes these partitions, and no others.
    pub(super) fn assign(&mut self, claims: Vec<Claim>) -> Result<(), L::Error> {
        self.count(claims.len());
        self.leave_seats()?;
        for claim in claims {
            if !P::NAME.is_stateful() {
                let (store, mark) = (self.equipment.stores.open(claim.partition), Mark::default());
                match store {
                    Ok(store) => self.begin_work(claim, store, mark)?,
                    Err(fault) => self.wait(claim, &fault),
                }
                continue;
            }
            match self.shelf.remove(&claim.partition).map_or_else(|| self.open(claim.partition), Ok) {
                Ok(replay) => self.follow(claim, replay)?,
                Err(fault) => self.wait(claim, &fault),
            }
        }
        if P::NAME.is_stateful() {
            self.stand_by()?;
        }
        self.report();
        Ok(())
    }

    /// Gives up all partitions. Their stores stay open for a moment, because most come back with the next assignment.
    pub(super) fn give_up(&mut self) -> Result<(), L::Error> {
        self.count(0);
        self.leave_seats()?;
        self.equipment.observer.not_ready("no partitions are assigned");
        Ok(())
    }

    /// Puts the stores of all seats on the shelf.
    fn leave_seats(&mut self) -> Result<(), L::Error> {
        self.buffer.clear();
        self.cold.clear();
        let now = self.link.now();
        for (partition, seat) in std::mem::take(&mut self.seats) {
            self.equipment.metrics.left(P::NAME, partition);
            let replay = match seat {
                Seat::AtWork(seat) if P::NAME.is_stateful() => {
                    Replay::begin(seat.store, &self.stamp(partition), now, self.chunk()).ok()
                }
                Seat::Restoring { replay, .. } => {
                    self.link.unfollow(partition)?;
                    Some(replay)
                }
                _ => None,
            };
            self.shelf.extend(replay.map(|replay| (partition, replay)));
        }
        Ok(())
    }

    pub(super) fn begin_work(&mut self, claim: Claim, store: S::Store, mark: Mark) -> Result<(), L::Error> {
        let Claim { partition, commit, offsets } = claim;
        let task = Task::new(self.equipment.port, self.partition(partition));
        // Before the first commit there is no state to look at, and no offset to commit with it.
        self.equipment
            .metrics
            .restore_remaining
            .with_label_values(&[P::NAME.as_str(), &partition.to_string()])
            .set(0);
        let is_idling = P::NAME.revises_its_state() && commit > 0;
        let mark = Mark { commit, ..mark };
        let (records_max, steps_max) = (usize::MAX, usize::MAX);
        let seat =
            AtWork { task, store, mark, offsets, records_max, steps_max, pause: None, is_idling, due: None };
        self.seats.insert(partition, Seat::AtWork(Box::new(seat)));
        self.link.resume(partition)?;
        if commit > 0 { self.look_ahead(partition) } else { Ok(()) }
    }

    /// Notes when the stage has work that no record asks for.
    pub(super) fn look_ahead(&mut self, partition: u32) -> Result<(), L::Error> {
        let Some(seat) = self.seats.get_mut(&partition).and_then(Seat::at_work_mut) else { return Ok(()) };
        match seat.task.due(&seat.store) {
            Ok(due) => seat.due = due,
            Err(fault) => self.fail(partition, &fault)?,
        }
        Ok(())
    }

    /// A partition's state failed: it is left as it was committed, and taken up again.
    pub(super) fn fail(&mut self, partition: u32, fault: &Fault) -> Result<(), L::Error> {
        let Some(Seat::AtWork(seat)) = self.seats.remove(&partition) else { return Ok(()) };
        let claim = seat.claim();
        drop(seat);
        self.link.rewind(partition, &claim.offsets)?;
        match fault {
            Fault::Protocol(_) | Fault::TooLarge { .. } | Fault::Newer(_) => self.stop(partition, fault),
            Fault::Corrupt { .. } => self.set_aside(claim, fault),
            Fault::State(_) => self.wait(claim, fault),
        }
        Ok(())
    }

    /// A partition's batch amounts to more than can be written: it is done again with at most so many of its records, and at
    /// least one.
    pub(super) fn divide(&mut self, partition: u32, fault: &Fault, most: usize) -> Result<(), L::Error> {
        tracing::warn!(stage = %P::NAME, partition, %fault, "a batch is divided");
        if let Some(seat) = self.begin_again(partition)? {
            seat.records_max = most.max(1);
        }
        Ok(())
    }

    /// Work that no record asks for amounts to more than can be written: from now on at most so many steps of it are done at once. Where a
    /// single one amounts to too much the partition goes on without such work, and tries again after a while.
    pub(super) fn lighten(&mut self, partition: u32, fault: &Fault, most: usize) {
        let pause = (most == 0).then(|| self.link.now().plus_millis(PAUSE_MS));
        match pause {
            Some(_) => {
                self.equipment.metrics.fault(P::NAME, "other");
                tracing::error!(stage = %P::NAME, partition, %fault, "work that no record asks for waits; records go on");
            }
            None => {
                tracing::warn!(stage = %P::NAME, partition, %fault, "work that no record asks for is divided")
            }
        }
        if let Some(seat) = self.seats.get_mut(&partition).and_then(Seat::at_work_mut) {
            (seat.steps_max, seat.pause) = (most.max(1), pause);
        }
    }

    /// Goes back to the last commit of a partition at work, with the same limits.
    pub(super) fn begin_again(
        &mut self,
        partition: u32,
    ) -> Result<Option<&mut AtWork<'w, P, S::Store>>, L::Error> {
        let Some(Seat::AtWork(seat)) = self.seats.remove(&partition) else { return Ok(None) };
        let claim = seat.claim();
        self.link.rewind(partition, &claim.offsets)?;
        let AtWork { store, mark, records_max, steps_max, pause, .. } = *seat;
        self.begin_work(claim, store, mark)?;
        let mut seat = self.seats.get_mut(&partition).and_then(Seat::at_work_mut);
        if let Some(seat) = &mut seat {
            (seat.records_max, seat.steps_max, seat.pause) = (records_max, steps_max, pause);
        }
        Ok(seat)
    }

    /// The store of a partition cannot be had, and is tried again. One that a newer program has written stays what it is: then the
    /// partition stands still.
    pub(super) fn wait(&mut self, claim: Claim, fault: &Fault) {
        if matches!(fault, Fault::Newer(_)) {
            return self.stop(claim.partition, fault);
        }
        self.equipment.metrics.fault(P::NAME, "state");
        tracing::error!(stage = %P::NAME, partition = claim.partition, %fault, "the partition waits for its store");
        self.wait_on(claim, fault);
    }

    /// As [`Worker::wait`], once more and in silence.
    pub(super) fn wait_on(&mut self, claim: Claim, fault: &Fault) {
        if matches!(fault, Fault::Newer(_)) {
            return self.stop(claim.partition, fault);
        }
        let until = self.link.now().plus_millis(AGAIN_MS);
        self.seats.insert(claim.partition, Seat::Waiting { claim, why: fault.to_string(), until });
    }

    pub(super) fn set_aside(&mut self, claim: Claim, why: &dyn fmt::Display) {
        self.tell_set_aside(claim.partition, why);
        match self.equipment.stores.set_aside(claim.partition) {
            Ok(()) => {
                let (why, until) = ("the store is made anew".to_owned(), self.link.now());
                self.seats.insert(claim.partition, Seat::Waiting { claim, why, until });
            }
            Err(fault) => self.wait(claim, &fault),
        }
    }

    pub(super) fn stop(&mut self, partition: u32, why: &dyn fmt::Display) {
        self.equipment.metrics.fault(P::NAME, "state");
        tracing::error!(stage = %P::NAME, partition, %why, "the partition stands still");
        self.seats.insert(partition, Seat::Stopped(why.to_string()));
        self.report();
    }

    /// The store of a partition as it was left, or an empty one where that is worth nothing.
    pub(super) fn open(&self, partition: u32) -> Result<Replay<S::Store>, Fault> {
        let stores = self.equipment.stores;
        let begin = |store| Replay::begin(store, &self.stamp(partition), self.link.now(), self.chunk());
        match stores.open(partition).map_err(Unfit::from).and_then(begin) {
            Ok(replay) => Ok(replay),
            Err(Unfit::Fault(fault)) if !matches!(fault, Fault::Corrupt { .. }) => Err(fault),
            Err(unfit) => {
                self.tell_set_aside(partition, &unfit);
                stores.set_aside(partition)?;
                begin(stores.open(partition)?).map_err(|unfit| Fault::State(unfit.to_string()))
            }
        }
    }

    fn chunk(&self) -> Chunk {
        let BatchLimits { records, bytes } = self.equipment.limits;
        Chunk { changes: records.saturating_mul(CHUNK_BATCHES), bytes: bytes.saturating_mul(CHUNK_BATCHES) }
    }

    fn stamp(&self, partition: u32) -> Stamp {
        let (cluster, topic) = (self.link.cluster().to_owned(), self.link.changelog().to_owned());
        Stamp { cluster, topic, partition }
    }

    pub(super) fn tell_set_aside(&self, partition: u32, why: &dyn fmt::Display) {
        self.equipment.metrics.fault(P::NAME, "state");
        tracing::error!(stage = %P::NAME, partition, %why, "the store is set aside and made anew from the changelog");
    }
}
