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
    Restoring { claim: Claim, replay: Replay<St>, patience: Patience },
    /// It is at work.
    AtWork(Box<AtWork<'w, P, St>>),
    /// It stands still until somebody has looked at it.
    Stopped(String),
}

/// How long a changelog has ended before what the offsets or the store tell of: the broker marks the end of a transaction
/// in each partition by itself, and shows nothing behind the first transaction that is open. Only ends that were seen
/// count: a broker that is silent has said nothing, and whoever stood still, or whose clock was set, has not waited.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Patience {
    waited_ms: i64,
    /// When the end was seen last; `None` while nothing is missing.
    seen: Option<Timestamp>,
    /// Whether the end was asked for since.
    is_asking: bool,
}

impl Patience {
    /// The end was seen, and something is missing.
    pub(super) fn see(&mut self, now: Timestamp) {
        if let Some(before) = self.seen.replace(now) {
            self.waited_ms += now.millis().saturating_sub(before.millis()).clamp(0, STEP_MAX_MS);
        }
        self.is_asking = false;
    }

    /// Asks for the end again, if that is due: says so once, until it was seen.
    pub(super) fn asks(&mut self, now: Timestamp) -> bool {
        let is_fresh = |seen: Timestamp| (seen..seen.plus_millis(STEP_MS)).contains(&now);
        let is_due = !self.is_asking && self.seen.is_some_and(|seen| !is_fresh(seen));
        self.is_asking |= is_due;
        is_due
    }

    /// Whether something is missing.
    pub(super) fn has_begun(self) -> bool {
        self.seen.is_some()
    }

    /// Whether what is missing will not come.
    pub(super) fn is_over(self) -> bool {
        self.waited_ms > PATIENCE_MS
    }
}

/// It takes longer than this only where the transaction was torn: a transaction that is open is aborted before.
const PATIENCE_MS: i64 = 60_000;
/// Between two looks.
const STEP_MS: i64 = 500;
/// At most so much time counts between two looks.
const STEP_MAX_MS: i64 = 2000;

/// A partition at work.
pub(super) struct AtWork<'w, P: Port, St> {
    pub(super) task: Task<'w, P>,
    pub(super) store: St,
    /// Of the last commit.
    pub(super) mark: Mark,
    /// Where the inputs go on after it.
    pub(super) offsets: BTreeMap<Origin, i64>,
    /// A batch may have so many of its records now: fewer after one that amounted to more than can be written.
    pub(super) records_max: usize,
    /// So many steps of work that no record asks for may be done at once now: fewer after those that amounted to more than can be written.
    pub(super) steps_max: usize,
    /// Until when there are none, because a single one amounted to that; `None`: none did.
    pub(super) pause: Option<Timestamp>,
    /// Whether the stage may have work that no record asks for.
    pub(super) is_idling: bool,
    /// When the stage has such work again, as of the last commit.
    pub(super) due: Option<Timestamp>,
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

    /// Whether there is work that no record asks for.
    pub(super) fn has_work(&self, now: Timestamp) -> bool {
        let is_paused = self.pause.is_some_and(|until| until > now);
        !is_paused && (self.is_idling || self.due.is_some_and(|due| due <= now))
    }

    /// The batch is committed, with work that no record asks for or without. What amounted to more than can be written may have been
    /// mended by now, or be done.
    pub(super) fn relax(&mut self, has_steps: bool) {
        self.records_max = self.records_max.saturating_mul(2);
        if has_steps {
            self.pause = None;
            self.steps_max = self.steps_max.saturating_mul(2);
        }
    }

    /// Ends the batch, after the inputs in it were read to these offsets, with at most so many steps of work that no record asks for.
    pub(super) fn finish(
        &mut self,
        read: BTreeMap<Origin, i64>,
        now: Timestamp,
        most: usize,
        metrics: &Metrics,
    ) -> Result<Handled, Fault> {
        let works = most > 0 && self.has_work(now);
        let progress = if works { self.task.idle(&self.store, now, most)? } else { None };
        let batch: Batch = self.task.finish(&self.store)?;
        if works && self.is_idling {
            self.is_idling = progress.is_some();
            let labels = [P::NAME.as_str(), &self.task.partition().index.to_string()];
            metrics.revision.with_label_values(&labels).set(progress.unwrap_or(1.0));
        }
        let mut offsets = self.offsets.clone();
        offsets.extend(read);
        let inputs = offsets.iter().map(|(origin, offset)| (origin.to_string(), *offset)).collect();
        let Mark { lineage, commit, .. } = self.mark;
        let mark = Mark { lineage, commit: commit + 1, offset: None, time: now, inputs };
        Ok(Handled { batch, offsets, mark, has_steps: works })
    }
}
