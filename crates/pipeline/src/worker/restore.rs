//! How a store is brought up from the changelog between batches, and when its partition begins to work.

use std::collections::BTreeMap;
use std::fmt;

use kinfold_model::Fault;

use super::Worker;
use super::seat::{Patience, Seat};
use crate::changelog::{Mark, Replay, Unfit};
use crate::link::{Claim, Link, Tailed};
use crate::port::Port;
use crate::record::Origin;
use crate::stores::Stores;

/// At most so many records of the changelog are applied between two batches.
const SLICE: usize = 20_000;

/// Changelog and offsets are not of the same transaction.
struct Torn {
    offsets: u64,
    changelog: u64,
    /// Whether the changelog ends with a marker.
    is_whole: bool,
}

impl fmt::Display for Torn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offsets, changelog, is_whole } = self;
        let rest = if *is_whole { "" } else { " and part of another one" };
        write!(
            f,
            "torn transaction: the group's offsets are of commit {offsets}, the changelog is of commit {changelog}{rest}; \
             the partition stands still, and nothing was lost or repeated yet. If somebody reset the group's \
             offsets, reset the changelog topic too, and the partition is made anew from there"
        )
    }
}

impl<P: Port, L: Link, S: Stores> Worker<'_, P, L, S> {
    /// Whether a partition of ours reads its changelog.
    pub(super) fn is_restoring(&self) -> bool {
        self.seats.values().any(|seat| matches!(seat, Seat::Restoring { .. }))
    }

    /// Goes on with all stores that are not where they should be.
    pub(super) fn restore(&mut self) -> Result<(), L::Error> {
        self.try_again()?;
        self.warm_up()?;
        let mut wait = self.is_restoring() && self.buffer.is_empty();
        let mut applied = 0;
        for _ in 0..SLICE {
            let Some((partition, tailed)) = self.link.tail(wait)? else { break };
            wait = false;
            applied += u64::from(self.is_news(partition, &tailed));
            self.tailed(partition, tailed)?;
        }
        self.equipment.metrics.restored(P::NAME).inc_by(applied);
        self.look_again()?;
        if applied > 0 {
            self.observe_restore();
        }
        Ok(())
    }

    pub(super) fn follow(&mut self, claim: Claim, mut replay: Replay<S::Store>) -> Result<(), L::Error> {
        replay.rewind();
        self.link.follow(claim.partition, replay.from())?;
        let patience = Patience::default();
        self.seats.insert(claim.partition, Seat::Restoring { claim, replay, patience });
        Ok(())
    }

    fn try_again(&mut self) -> Result<(), L::Error> {
        let now = self.link.now();
        let due = |seat: &Seat<'_, P, S::Store>| matches!(seat, Seat::Waiting { until, .. } if *until <= now);
        let due: Vec<u32> =
            self.seats.iter().filter(|(_, seat)| due(seat)).map(|(partition, _)| *partition).collect();
        for partition in due {
            let Some(Seat::Waiting { claim, .. }) = self.seats.remove(&partition) else { continue };
            match self.open(partition) {
                Ok(replay) => self.follow(claim, replay)?,
                Err(fault) => self.wait_on(claim, &fault),
            }
            self.report();
        }
        Ok(())
    }

    /// Whether it is a record that the store does not hold: its own marker is always read again.
    fn is_news(&self, partition: u32, tailed: &Tailed) -> bool {
        let replay = match self.seats.get(&partition) {
            Some(Seat::Restoring { replay, .. }) => Some(replay),
            _ => self.shelf.get(&partition),
        };
        matches!(tailed, Tailed::Entry(entry) if replay.is_some_and(|replay| replay.from() != Some(entry.offset)))
    }

    fn tailed(&mut self, partition: u32, tailed: Tailed) -> Result<(), L::Error> {
        let (oldest, now) = (self.link.keeps_deletions_since(), self.link.now());
        let (replay, claimed) = match self.seats.get_mut(&partition) {
            Some(Seat::Restoring { claim, replay, .. }) => (replay, Some(claim.commit)),
            _ => match self.shelf.get_mut(&partition) {
                Some(replay) => (replay, None),
                None => return Ok(()),
            },
        };
        // What the store is at may not be shown yet; what nobody committed will never be.
        let may_come = !replay.is_known() && claimed.is_none_or(|commit| replay.mark().commit <= commit);
        let taken = match tailed {
            Tailed::Entry(entry) => {
                return replay.take(entry, oldest).or_else(|unfit| self.unfit(partition, unfit));
            }
            Tailed::End if may_come => return self.missing(partition),
            Tailed::Gone if may_come && claimed.is_some() => return self.missing(partition),
            Tailed::End => replay.catch_up(now),
            Tailed::Gone => Err(Unfit::Missing),
        };
        match taken {
            Ok(()) => self.at_end(partition),
            Err(unfit) => self.unfit(partition, unfit),
        }
    }

    /// The changelog ends too early, at least for now.
    fn missing(&mut self, partition: u32) -> Result<(), L::Error> {
        let now = self.link.now();
        let Some(Seat::Restoring { claim, replay, patience }) = self.seats.get_mut(&partition) else {
            return Ok(());
        };
        patience.see(now);
        if !patience.is_over() {
            return Ok(());
        }
        if !replay.is_known() {
            return self.unfit(partition, Unfit::Missing);
        }
        let (changelog, is_whole) = (replay.mark().commit, replay.is_whole());
        let torn = Torn { offsets: claim.commit, changelog, is_whole };
        self.link.unfollow(partition)?;
        self.stop(partition, &torn);
        Ok(())
    }

    /// Reads the changelogs again that ended too early.
    fn look_again(&mut self) -> Result<(), L::Error> {
        let now = self.link.now();
        for (partition, seat) in &mut self.seats {
            if let Seat::Restoring { replay, patience, .. } = seat
                && patience.asks(now)
            {
                replay.rewind();
                self.link.follow(*partition, replay.from())?;
            }
        }
        Ok(())
    }

    /// The changelog has no more: begins to work, if that is where the offsets are.
    fn at_end(&mut self, partition: u32) -> Result<(), L::Error> {
        let Some(Seat::Restoring { claim, replay, .. }) = self.seats.get(&partition) else {
            return Ok(());
        };
        let (changelog, is_whole) = (replay.mark().commit, replay.is_whole());
        let never_committed = claim.commit == 0 && claim.offsets.is_empty();
        if changelog < claim.commit {
            return self.missing(partition);
        }
        self.link.unfollow(partition)?;
        let Some(Seat::Restoring { mut claim, replay, .. }) = self.seats.remove(&partition) else {
            return Ok(());
        };
        let (store, mark) = replay.into_parts();
        if never_committed && changelog > 0 {
            tracing::warn!(
                stage = %P::NAME, partition, "the group has no offsets any more; those of the changelog are taken"
            );
            claim.offsets = self.link.surviving(partition, self.inputs(&mark))?;
            claim.commit = changelog;
            self.link.rewind(partition, &claim.offsets)?;
        }
        if changelog > claim.commit || !is_whole {
            self.stop(partition, &Torn { offsets: claim.commit, changelog, is_whole });
            return Ok(());
        }
        tracing::info!(stage = %P::NAME, partition, commit = changelog, "took a partition");
        self.begin_work(claim, store, mark)?;
        self.report();
        Ok(())
    }

    /// The offsets that a mark tells of, for the inputs of this stage.
    fn inputs(&self, mark: &Mark) -> BTreeMap<Origin, i64> {
        let origins = P::NAME.inputs().iter().map(|topic| Origin::Topic(*topic));
        origins.filter_map(|origin| Some((origin.clone(), *mark.inputs.get(&origin.to_string())?))).collect()
    }

    fn unfit(&mut self, partition: u32, unfit: Unfit) -> Result<(), L::Error> {
        self.link.unfollow(partition)?;
        let Some(Seat::Restoring { claim, replay, .. }) = self.seats.remove(&partition) else {
            self.grow_cold(partition, &unfit);
            return Ok(());
        };
        drop(replay);
        match unfit {
            Unfit::Fault(fault) if !matches!(fault, Fault::Corrupt { .. }) => self.wait(claim, &fault),
            unfit @ Unfit::Broken(_) => self.stop(partition, &unfit),
            unfit => self.set_aside(claim, &unfit),
        }
        Ok(())
    }

    fn observe_restore(&self) {
        for (partition, seat) in &self.seats {
            if matches!(seat, Seat::Restoring { .. }) {
                let labels = [P::NAME.as_str(), &partition.to_string()];
                let remaining = self.link.remaining(*partition);
                self.equipment.metrics.restore_remaining.with_label_values(&labels).set(remaining);
            }
        }
        self.report();
    }
}
