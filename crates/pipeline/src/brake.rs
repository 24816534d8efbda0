//! The brake: a source of whose last records too many were refused is held, and the others go on. In: what became of each
//! record of committed batches, in order. Out: the sources to hold, each with a sentence for an operator.
//!
//! Records are counted and never time, so that the same records hold the same source on a slow machine and on a quick one. What
//! was refused was refused; nothing that is decided here changes any data.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use kinfold_model::RefusalKind;

/// What became of a record: why it was refused, or `None` when it passed.
pub type Verdict = Option<RefusalKind>;

/// When a source is held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BrakeLimits {
    /// When more than this part of the last records was refused; above 0, below 1.
    pub ratio: f64,
    /// How many records that are. Before so many have come, nothing is held. At least 1.
    pub records: usize,
}

/// The brake of one worker.
pub(crate) struct Brake {
    /// `None`: nothing is ever held.
    limits: Option<BrakeLimits>,
    windows: BTreeMap<Arc<str>, Window>,
    held: BTreeMap<Arc<str>, String>,
}

/// The last records of a source: one byte for each, because an operator wants to know what most were refused for.
#[derive(Default)]
struct Window {
    last: VecDeque<Verdict>,
    refused: usize,
}

impl Brake {
    pub(crate) fn new(limits: Option<BrakeLimits>) -> Self {
        Self { limits, windows: BTreeMap::new(), held: BTreeMap::new() }
    }

    /// Takes what became of the next records of a source; says whether it is to be held from now on, and why.
    pub(crate) fn see(&mut self, source: &Arc<str>, verdicts: &[Verdict]) -> Option<&str> {
        let limits = self.limits.filter(|_| !self.held.contains_key(source))?;
        let window = self.windows.entry(Arc::clone(source)).or_default();
        verdicts.iter().find(|verdict| window.push(**verdict, limits))?;
        let why = window.sentence(source, limits);
        self.windows.remove(source);
        Some(self.held.entry(Arc::clone(source)).or_insert(why))
    }

    /// Lets go of all sources, whose windows begin anew.
    pub(crate) fn release(&mut self) -> BTreeMap<Arc<str>, String> {
        self.windows.clear();
        std::mem::take(&mut self.held)
    }

    /// The sources that are held, each with the reason.
    pub(crate) fn held(&self) -> &BTreeMap<Arc<str>, String> {
        &self.held
    }
}

impl Window {
    /// Adds a record; whether too many of the last were refused.
    fn push(&mut self, verdict: Verdict, limits: BrakeLimits) -> bool {
        if self.last.len() == limits.records {
            let oldest = self.last.pop_front().flatten();
            self.refused -= usize::from(oldest.is_some());
        }
        self.last.push_back(verdict);
        self.refused += usize::from(verdict.is_some());
        self.last.len() == limits.records && self.refused as f64 > limits.ratio * limits.records as f64
    }

    fn sentence(&self, source: &str, limits: BrakeLimits) -> String {
        let mut kinds = BTreeMap::<RefusalKind, usize>::new();
        self.last.iter().flatten().for_each(|kind| *kinds.entry(*kind).or_default() += 1);
        let most = kinds.iter().max_by_key(|(kind, count)| (**count, std::cmp::Reverse(**kind)));
        let most = most.map(|(kind, count)| format!(", {count} of them as {kind}")).unwrap_or_default();
        let (refused, BrakeLimits { ratio, records }) = (self.refused, limits);
        format!(
            "source {source} is paused: {refused} of its last {records} records were refused{most}, and [capture] brake_ratio \
             is {ratio}. Nothing is lost: its next records wait in raw.{source}. `kinfold dead list --source {source}` shows \
             what was refused; mend the source, its mapping or the configuration. A SIGHUP, which reads mappings again, or a \
             restart lets go, and `kinfold dead replay --source {source}` sends back what was refused"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: BrakeLimits = BrakeLimits { ratio: 0.5, records: 10 };
    const BAD: Verdict = Some(RefusalKind::BadTime);

    fn brake() -> Brake {
        Brake::new(Some(LIMITS))
    }

    fn source(name: &str) -> Arc<str> {
        Arc::from(name)
    }

    /// After how many records the source is held; `None` if it is not.
    fn held_after(verdicts: &[Verdict], batch: usize) -> bool {
        let mut brake = brake();
        verdicts.chunks(batch).for_each(|batch| drop(brake.see(&source("web"), batch).map(str::to_owned)));
        !brake.held().is_empty()
    }

    #[test]
    fn a_source_is_held_when_more_than_its_ratio_of_a_full_window_was_refused_and_not_before() {
        let (bad, good) = (vec![BAD; 9], vec![None; 5]);
        assert!(!held_after(&bad, 1), "the window is not full");
        assert!(held_after(&[&bad[..], &[None]].concat(), 1));
        assert!(!held_after(&[&good[..], &bad[..5]].concat(), 1), "half is not more than half");
        assert!(held_after(&[&good[..], &bad[..6]].concat(), 1));
        assert!(!held_after(&[BAD, None].repeat(1000), 1));
    }

    #[test]
    fn where_batches_end_makes_no_difference() {
        let mut verdicts = vec![None; 30];
        verdicts.extend([BAD; 6]);
        verdicts.extend([None; 30]);
        for batch in [1, 2, 7, 66] {
            assert!(held_after(&verdicts, batch), "in batches of {batch}");
        }
    }

    #[test]
    fn sources_are_counted_apart_and_after_a_release_the_window_begins_anew() {
        let mut brake = brake();
        assert!(brake.see(&source("web"), &[BAD; 10]).is_some());
        assert!(brake.see(&source("web"), &[BAD; 10]).is_none(), "it is held already");
        assert!(brake.see(&source("crm"), &[None; 20]).is_none());
        assert_eq!(brake.held().keys().map(AsRef::as_ref).collect::<Vec<&str>>(), ["web"]);
        assert_eq!(brake.release().len(), 1);
        assert!(brake.see(&source("web"), &[BAD; 9]).is_none() && brake.held().is_empty());
        assert!(brake.see(&source("web"), &[None]).is_some());
    }

    #[test]
    fn without_limits_nothing_is_held_and_nothing_is_counted() {
        let mut brake = Brake::new(None);
        assert!(brake.see(&source("web"), &[BAD; 5000]).is_none());
        assert!(brake.windows.is_empty());
    }

    #[test]
    fn the_sentence_names_source_ratio_kind_and_what_to_do() {
        let mut brake = brake();
        let verdicts = [[Some(RefusalKind::MappingLimit); 3].as_slice(), &[BAD; 4], &[None; 3]].concat();
        let why = brake.see(&source("web"), &verdicts).expect("is held").to_owned();
        for part in
            ["source web", "7 of its last 10", "4 of them as bad_time", "brake_ratio is 0.5", "SIGHUP"]
        {
            assert!(why.contains(part), "{part} is missing in: {why}");
        }
        assert!(
            why.contains("kinfold dead list --source web")
                && why.contains("kinfold dead replay --source web")
        );
    }
}
