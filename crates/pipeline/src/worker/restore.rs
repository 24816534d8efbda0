//! How a store is brought up from the changelog between batches, and when its partition begins to work.

use std::collections::BTreeMap;
use std::fmt;

use kinfold_model::Fault;

use super::Worker;
use super::seat::Seat;
use crate::changelog::{Mark, Replay, Unfit};
use crate::link::{Claim, Link, Tailed};
use crate::port::Port;
use crate::record::Origin;
use crate::stores::Stores;

/// At most so many records of the changelog are applied between two batches.
const SLICE: usize = 20_000;
/// The changelog may show a commit later than the offsets do, because the broker marks the end of a transaction in each
/// partition by itself. It takes longer than this only where the transaction was torn.
const PATIENCE_MS: i64 = 60_000;

/// Changelog and offsets are not of the same transaction.
struct Torn {
    offsets: u64,
    changelog: u64,
}

impl fmt::Display for Torn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offsets, changelog } = self;
        write!(
            f,
            "torn transaction: the group's offsets are of commit {offsets}, the changelog is of commit {changelog}; \
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
        let mut wait = self.is_restoring() && self.buffer.is_empty();
        let mut applied = 0;
        for _ in 0..SLICE {
            let Some((partition, tailed)) = self.link.tail(wait)? else { break };
            wait = false;
            applied += u64::from(matches!(tailed, Tailed::Entry(_)));
            self.tailed(partition, tailed)?;
        }
        self.equipment.metrics.restored(P::NAME).inc_by(applied);
        self.lose_patience();
        if applied > 0 {
            self.observe_restore();
        }
        Ok(())
    }

    pub(super) fn follow(&mut self, claim: Claim, mut replay: Replay<S::Store>) -> Result<(), L::Error> {
        replay.rewind();
        self.link.follow(claim.partition, replay.from())?;
        self.seats.insert(claim.partition, Seat::Restoring { claim, replay, behind_since: None });
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

    fn tailed(&mut self, partition: u32, tailed: Tailed) -> Result<(), L::Error> {
        let oldest = self.link.keeps_deletions_since();
        let replay = match self.seats.get_mut(&partition) {
            Some(Seat::Restoring { replay, .. }) => Some(replay),
            _ => self.shelf.get_mut(&partition),
        };
        let Some(replay) = replay else { return Ok(()) };
        let taken = match tailed {
            Tailed::Entry(entry) => {
                return replay.take(entry, oldest).or_else(|unfit| self.unfit(partition, unfit));
            }
            Tailed::End => replay.catch_up(),
            Tailed::Gone => Err(Unfit::Foreign("the place of its last commit is not there".to_owned())),
        };
        match taken {
            Ok(()) => self.at_end(partition),
            Err(unfit) => self.unfit(partition, unfit),
        }
    }

    /// The changelog has no more: begins to work, if that is where the offsets are.
    fn at_end(&mut self, partition: u32) -> Result<(), L::Error> {
        let now = self.link.now();
        let Some(Seat::Restoring { claim, replay, behind_since }) = self.seats.get_mut(&partition) else {
            return Ok(());
        };
        let changelog = replay.mark().commit;
        let never_committed = claim.commit == 0 && claim.offsets.is_empty();
        if changelog < claim.commit {
            behind_since.get_or_insert(now);
            return Ok(());
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
            claim.offsets = self.inputs(&mark);
            claim.commit = changelog;
            self.link.rewind(partition, &claim.offsets)?;
        }
        if changelog > claim.commit {
            self.stop(partition, &Torn { offsets: claim.commit, changelog });
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

    /// Stops the partitions whose changelog never came to where the offsets are.
    fn lose_patience(&mut self) {
        let now = self.link.now();
        let torn = |(partition, seat): (&u32, &Seat<'_, P, S::Store>)| match seat {
            Seat::Restoring { claim, replay, behind_since: Some(since) }
                if since.plus_millis(PATIENCE_MS) < now && replay.mark().commit < claim.commit =>
            {
                Some((*partition, Torn { offsets: claim.commit, changelog: replay.mark().commit }))
            }
            _ => None,
        };
        for (partition, torn) in self.seats.iter().filter_map(torn).collect::<Vec<_>>() {
            self.stop(partition, &torn);
        }
    }

    fn unfit(&mut self, partition: u32, unfit: Unfit) -> Result<(), L::Error> {
        self.link.unfollow(partition)?;
        let Some(Seat::Restoring { claim, replay, .. }) = self.seats.remove(&partition) else {
            // Kept warm for others: it is made anew when it is needed.
            drop(self.shelf.remove(&partition));
            tracing::warn!(stage = %P::NAME, partition, %unfit, "the partition is not kept warm any more");
            return Ok(());
        };
        let is_fresh = replay.is_fresh();
        drop(replay);
        match unfit {
            Unfit::Fault(fault @ (Fault::State(_) | Fault::Protocol(_))) => self.wait(claim, &fault),
            unfit if is_fresh => self.stop(partition, &format!("the changelog cannot be followed: {unfit}")),
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
