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
    Waiting { claim: Claim, why: String, until: Timestamp, patience: Patience },
    /// Its store is being brought up.
    Restoring { claim: Claim, replay: Replay<St>, patience: Patience },
    /// It is at work.
    AtWork(Box<AtWork<'w, P, St>>),
    /// It stands still until somebody has looked at it.
    Stopped(String),
}

/// How long a changelog has shown less than the offsets or the store tell of: the broker marks the end of a transaction
/// in each partition by itself, and shows nothing behind the first transaction that is open.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Patience {
    waited_ms: i64,
    /// When it was looked at last; `None` while nothing is missing.
    looked: Option<Timestamp>,
}

impl Patience {
    /// Looks again. Time in which nobody looked hardly counts: whoever stood still, or whose clock was set, has not waited.
    pub(super) fn look(&mut self, now: Timestamp) {
        if let Some(before) = self.looked.replace(now) {
            self.waited_ms += now.millis().saturating_sub(before.millis()).clamp(0, LOOK_MAX_MS);
        }
    }

    /// Whether it was waited for.
    pub(super) fn has_begun(self) -> bool {
        self.looked.is_some()
    }

    /// Whether what is missing will not come.
    pub(super) fn is_over(self) -> bool {
        self.waited_ms > PATIENCE_MS
    }
}

/// It takes longer than this only where the transaction was torn: a transaction that is open is aborted before.
const PATIENCE_MS: i64 = 60_000;
/// Between two looks at most so much time is counted.
const LOOK_MAX_MS: i64 = 2000;

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
