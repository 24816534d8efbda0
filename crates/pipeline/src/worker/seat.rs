//! A partition that is ours: from the claim to the work.

use std::collections::BTreeMap;

use kinfold_model::{Fault, Timestamp};

use super::Handled;
use crate::batch::Batch;
use crate::changelog::{Mark, Replay};
use crate::link::Claim;
use crate::metrics::Metrics;
use crate::port::Port;
use crate::record::Origin;
use crate::task::Task;

/// How far a partition is.
pub(super) enum Seat<'w, P: Port, St> {
    /// Its store cannot be had now.
    Waiting { claim: Claim, why: String, until: Timestamp },
    /// Its store is being brought up.
    Restoring {
        claim: Claim,
        replay: Replay<St>,
        /// Since when the changelog has no more, although the offsets tell of a later commit.
        behind_since: Option<Timestamp>,
    },
    /// It is at work.
    AtWork(Box<AtWork<'w, P, St>>),
    /// It stands still until somebody has looked at it.
    Stopped(String),
}

/// A partition at work.
pub(super) struct AtWork<'w, P: Port, St> {
    pub(super) task: Task<'w, P>,
    pub(super) store: St,
    /// Of the last commit.
    pub(super) mark: Mark,
    /// Where the inputs go on after it.
    pub(super) offsets: BTreeMap<Origin, i64>,
    /// Whether the stage may have work that no record asks for.
    pub(super) is_idling: bool,
}

impl<'w, P: Port, St> Seat<'w, P, St> {
    pub(super) fn at_work(&self) -> Option<&AtWork<'w, P, St>> {
        if let Self::AtWork(seat) = self { Some(seat) } else { None }
    }

    pub(super) fn at_work_mut(&mut self) -> Option<&mut AtWork<'w, P, St>> {
        if let Self::AtWork(seat) = self { Some(seat) } else { None }
    }
}

impl<P: Port, St: crate::overlay::Store> AtWork<'_, P, St> {
    /// What the seat was claimed with, as of its last commit.
    pub(super) fn claim(&self) -> Claim {
        let partition = self.task.partition().index;
        Claim { partition, commit: self.mark.commit, offsets: self.offsets.clone() }
    }

    /// Ends the batch, after the inputs in it were read to these offsets.
    pub(super) fn finish(
        &mut self,
        read: BTreeMap<Origin, i64>,
        now: Timestamp,
        most: usize,
        metrics: &Metrics,
    ) -> Result<Handled, Fault> {
        if self.is_idling {
            let progress = self.task.idle(&self.store, now, most)?;
            self.is_idling = progress.is_some();
            let labels = [P::NAME.as_str(), &self.task.partition().index.to_string()];
            metrics.revision.with_label_values(&labels).set(progress.unwrap_or(1.0));
        }
        let batch: Batch = self.task.finish(&self.store)?;
        let mut offsets = self.offsets.clone();
        offsets.extend(read);
        let inputs = offsets.iter().map(|(origin, offset)| (origin.to_string(), *offset)).collect();
        let Mark { lineage, commit, .. } = self.mark;
        let mark = Mark { lineage, commit: commit + 1, offset: None, time: now, inputs };
        Ok(Handled { batch, offsets, mark })
    }
}
