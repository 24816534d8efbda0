//! A machine: a disk that outlives the worker, and the board on which the worker tells how it is.

use std::cell::RefCell;
use std::collections::BTreeSet;

use kinfold_pipeline::worker::{Observer, Report, Standing, Worker};
use kinfold_pipeline::{Port, Stores};

use crate::cluster::{Disks, Member, SimulatedLink};

/// Where one worker of one stage runs.
pub(super) struct Machine {
    pub(super) member: Member,
    pub(super) disks: Disks,
    pub(super) board: Board,
}

/// What a worker told last.
#[derive(Default)]
pub(super) struct Board(RefCell<Report>);

impl Board {
    /// Forgets what was told.
    pub(super) fn wipe(&self) {
        self.0.take();
    }

    /// The partitions that stand still, and why.
    pub(super) fn stopped(&self) -> Vec<(u32, String)> {
        let report = self.0.borrow();
        let stopped = report.partitions.iter().filter_map(|(partition, standing)| match standing {
            Standing::Stopped(why) => Some((*partition, why.clone())),
            _ => None,
        });
        stopped.collect()
    }

    /// A partition that is not at work, and how it is.
    pub(super) fn idle(&self) -> Option<(u32, Standing)> {
        let report = self.0.borrow();
        let mut idle = report.partitions.iter().filter(|(_, one)| !matches!(one, Standing::AtWork(_)));
        idle.next().map(|(partition, standing)| (*partition, standing.clone()))
    }

    /// The partitions at work.
    pub(super) fn at_work(&self) -> BTreeSet<u32> {
        let report = self.0.borrow();
        let at_work = report.partitions.iter().filter(|(_, one)| matches!(one, Standing::AtWork(_)));
        at_work.map(|(partition, _)| *partition).collect()
    }

    /// The partitions whose changelog is to be read.
    pub(super) fn following(&self) -> BTreeSet<u32> {
        let report = self.0.borrow();
        let restoring = report.partitions.iter().filter(|(_, one)| matches!(one, Standing::Restoring(_)));
        restoring.map(|(partition, _)| partition).chain(report.standbys.keys()).copied().collect()
    }
}

impl Observer for Board {
    fn report(&self, report: &Report) {
        self.0.replace(report.clone());
    }

    fn not_ready(&self, _: &str) {
        self.0.take();
    }

    fn beat(&self) {}
}

/// A worker of any stage.
pub(super) trait Turn {
    /// One turn; the reason when the worker is worth nothing any more.
    fn turn(&mut self) -> Result<(), String>;
    /// Lets go of the sources that it holds.
    fn release(&mut self) -> Result<(), String>;
    /// The partitions whose changelog is read.
    fn followed(&self) -> BTreeSet<u32>;
    /// Whether the group would take offsets from it.
    fn is_believed(&self) -> bool;
}

impl<P: Port, S: Stores> Turn for Worker<'_, P, SimulatedLink<'_>, S> {
    fn turn(&mut self) -> Result<(), String> {
        Worker::turn(self).map_err(|lost| lost.to_string())
    }

    fn release(&mut self) -> Result<(), String> {
        Worker::release(self).map_err(|lost| lost.to_string())
    }

    fn followed(&self) -> BTreeSet<u32> {
        self.link().followed()
    }

    fn is_believed(&self) -> bool {
        self.link().is_believed()
    }
}
