//! What a worker tells of itself.

use std::collections::BTreeMap;

use super::Worker;
use super::seat::Seat;
use crate::link::Link;
use crate::port::Port;
use crate::stores::Stores;

/// How a partition is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is at work, and made so many commits.
    AtWork(u64),
    /// Its state is brought up, and so many records of the changelog are ahead.
    Restoring(i64),
    /// Its state cannot be had now, for this reason; it is tried again.
    Waiting(String),
    /// It stands still until somebody has looked at it, for this reason.
    Stopped(String),
}

/// How a worker is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Of the partitions that are ours.
    pub partitions: BTreeMap<u32, Standing>,
    /// Of the partitions kept warm for others: the commit that was read last.
    pub standbys: BTreeMap<u32, u64>,
    /// The sources that are not read for now, and why.
    pub held: BTreeMap<String, String>,
}

/// Who wants to know how a worker is doing.
pub trait Observer {
    /// How all partitions are, after one of them changed.
    fn report(&self, report: &Report);

    /// Nothing is at work, for this reason.
    fn not_ready(&self, reason: &str);

    /// The worker is alive.
    fn beat(&self);
}

impl<P: Port, L: Link, S: Stores> Worker<'_, P, L, S> {
    pub(super) fn report(&self) {
        let standing = |partition: u32, seat: &Seat<'_, P, S::Store>| match seat {
            Seat::AtWork(seat) => Standing::AtWork(seat.mark.commit),
            Seat::Restoring { patience, .. } if patience.has_begun() => Standing::Waiting(
                "the changelog does not show the last commit, behind a transaction that is open".to_owned(),
            ),
            Seat::Restoring { .. } => Standing::Restoring(self.link.remaining(partition)),
            Seat::Waiting { why, .. } => Standing::Waiting(why.clone()),
            Seat::Stopped(why) => Standing::Stopped(why.clone()),
        };
        let partitions = self.seats.iter().map(|(partition, seat)| (*partition, standing(*partition, seat)));
        let standbys = self.shelf.iter().map(|(partition, replay)| (*partition, replay.mark().commit));
        let held = self.brake.held().iter().map(|(source, why)| (source.to_string(), why.clone()));
        let (partitions, standbys) = (partitions.collect(), standbys.collect());
        let report = Report { partitions, standbys, held: held.collect() };
        self.equipment.observer.report(&report);
    }
}

impl<P: Port, L, S: Stores> Worker<'_, P, L, S> {
    /// Counts how many partitions are ours from now on.
    pub(super) fn count(&self, now: usize) {
        let count = |seats: usize| i64::try_from(seats).unwrap_or(i64::MAX);
        self.equipment.metrics.assigned(P::NAME, count(now) - count(self.seats.len()));
    }
}
