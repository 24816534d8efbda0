//! What touchpoints said at exactly one set of identifiers: who saw them, when, and which statements were taken back.
//!
//! Everything here is merged by operations that do not care for order or repetition.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::{Agreements, NodeId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::limits::{SOURCES_MAX, TOUCHPOINTS_MAX};

/// When something was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Least time, exact.
    pub first_seen: Timestamp,
    /// Greatest time, cut to the evidence granularity.
    pub last_seen: Timestamp,
}

impl Evidence {
    /// One time of seeing.
    #[must_use]
    pub fn at(time: Timestamp, granularity_ms: i64) -> Self {
        Self { first_seen: time, last_seen: time.floor(granularity_ms) }
    }

    /// What of it is not before that time; `None` when nothing is for certain.
    #[must_use]
    pub fn since(self, time: Timestamp) -> Option<Self> {
        let later = Self { first_seen: self.first_seen.max(time), ..self };
        (self.first_seen >= time || self.last_seen >= time).then_some(later)
    }

    /// Both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self {
            first_seen: self.first_seen.min(other.first_seen),
            last_seen: self.last_seen.max(other.last_seen),
        }
    }
}

/// A touchpoint as stitch knows it: a keyed hash of its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TouchpointMark(pub u64);

/// All that was said at one set of identifiers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    /// By source: the least names, up to the limit.
    pub sources: BTreeMap<String, Testimony>,
    /// What all other sources said, if there are more.
    pub rest: Option<Evidence>,
    /// Touchpoints that a steward took back, by source, whether they have come or not.
    pub forgotten: BTreeSet<(String, TouchpointMark)>,
    /// Sources that a steward does not trust here, each with the identifiers of which that was said.
    pub distrusted: BTreeMap<String, BTreeSet<NodeId>>,
    /// When somebody agreed to be known again.
    pub agreed: Agreements,
}

/// What one source said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Testimony {
    /// Each touchpoint by itself, so that one can be taken back.
    Few(BTreeMap<TouchpointMark, Evidence>),
    /// More than are told apart.
    Many(Evidence),
}

impl Testimony {
    fn evidence(&self, is_forgotten: impl Fn(TouchpointMark) -> bool) -> Option<Evidence> {
        self.evidence_since(Timestamp::MIN, is_forgotten)
    }

    fn evidence_since(
        &self,
        time: Timestamp,
        is_forgotten: impl Fn(TouchpointMark) -> bool,
    ) -> Option<Evidence> {
        match self {
            Self::Many(evidence) => evidence.since(time),
            Self::Few(touchpoints) => touchpoints
                .iter()
                .filter(|(mark, _)| !is_forgotten(**mark))
                .filter_map(|(_, evidence)| evidence.since(time))
                .reduce(Evidence::union),
        }
    }

    /// What of it is not before that time; `None` when nothing is.
    fn since(self, time: Timestamp) -> Option<Self> {
        match self {
            Self::Many(evidence) => evidence.since(time).map(Self::Many),
            Self::Few(touchpoints) => {
                let later =
                    touchpoints.into_iter().filter_map(|(mark, seen)| Some((mark, seen.since(time)?)));
                let later: BTreeMap<_, _> = later.collect();
                (!later.is_empty()).then_some(Self::Few(later))
            }
        }
    }

    fn add(&mut self, mark: TouchpointMark, seen: Evidence) {
        match self {
            Self::Many(evidence) => *evidence = evidence.union(seen),
            Self::Few(touchpoints) => {
                touchpoints.entry(mark).and_modify(|known| *known = known.union(seen)).or_insert(seen);
                if touchpoints.len() > TOUCHPOINTS_MAX
                    && let Some(all) = self.evidence(|_| false)
                {
                    *self = Self::Many(all);
                }
            }
        }
    }

    fn knows(&self, mark: TouchpointMark, seen: Evidence) -> bool {
        let known = match self {
            Self::Many(evidence) => Some(evidence),
            Self::Few(touchpoints) => touchpoints.get(&mark),
        };
        known.is_some_and(|known| known.union(seen) == *known)
    }
}

impl Witness {
    /// Whether a touchpoint would add nothing: the common case.
    #[must_use]
    pub fn knows(&self, source: &str, mark: TouchpointMark, seen: Evidence) -> bool {
        match self.sources.get(source) {
            Some(testimony) => testimony.knows(mark, seen),
            None => self.is_crowded_out(source) && self.rest.is_some_and(|rest| rest.union(seen) == rest),
        }
    }

    /// Adds a touchpoint.
    pub fn testify(&mut self, source: &str, mark: TouchpointMark, seen: Evidence) {
        if self.is_crowded_out(source) {
            self.add_to_rest(Some(seen));
            return;
        }
        let few = || Testimony::Few(BTreeMap::new());
        self.sources.entry(source.to_owned()).or_insert_with(few).add(mark, seen);
        if self.sources.len() > SOURCES_MAX
            && let Some((_, greatest)) = self.sources.pop_last()
        {
            self.add_to_rest(greatest.evidence(|_| false));
        }
    }

    /// When they were seen, as far as that still counts; `None` when nothing says so.
    #[must_use]
    pub fn evidence(&self) -> Option<Evidence> {
        self.evidence_since(Timestamp::MIN)
    }

    /// The same, of touchpoints that are not before that time. Of many that are not told apart and lie on both sides of it, the
    /// time of the last decides, cut to the evidence granularity.
    #[must_use]
    pub fn evidence_since(&self, time: Timestamp) -> Option<Evidence> {
        let trusted = self.sources.iter().filter(|(source, _)| !self.distrusted.contains_key(*source));
        let said = trusted.filter_map(|(source, testimony)| {
            testimony.evidence_since(time, |mark| {
                !self.forgotten.is_empty() && self.forgotten.contains(&(source.clone(), mark))
            })
        });
        let rest = self.rest.and_then(|rest| rest.since(time));
        said.chain(rest).reduce(Evidence::union)
    }

    /// Forgets touchpoints before that time, and what was taken back of them; all of them without a time. Whom a steward does not
    /// trust remains so, or others would be joined by it.
    pub fn forget_before(&mut self, time: Option<Timestamp>) {
        match time {
            Some(Timestamp::MIN) => {}
            Some(time) => {
                let sources = std::mem::take(&mut self.sources).into_iter();
                self.sources = sources.filter_map(|(name, said)| Some((name, said.since(time)?))).collect();
                self.rest = self.rest.and_then(|rest| rest.since(time));
            }
            None => {
                self.sources.clear();
                self.rest = None;
                self.forgotten.clear();
            }
        }
    }

    /// When one source saw them, as far as that still counts.
    #[must_use]
    pub fn of_source(&self, source: &str) -> Option<Evidence> {
        let trusted = !self.distrusted.contains_key(source);
        let testimony = self.sources.get(source).filter(|_| trusted)?;
        testimony.evidence(|mark| self.forgotten.contains(&(source.to_owned(), mark)))
    }

    /// Notes whether a steward distrusts a source in what it says of this identifier.
    pub fn distrust(&mut self, source: &str, identifier: NodeId, stands: bool) {
        if stands {
            self.distrusted.entry(source.to_owned()).or_default().insert(identifier);
        } else if let Some(identifiers) = self.distrusted.get_mut(source) {
            identifiers.remove(&identifier);
            if identifiers.is_empty() {
                self.distrusted.remove(source);
            }
        }
    }

    fn is_crowded_out(&self, source: &str) -> bool {
        self.sources.len() >= SOURCES_MAX
            && self.sources.last_key_value().is_some_and(|(greatest, _)| greatest.as_str() < source)
    }

    fn add_to_rest(&mut self, seen: Option<Evidence>) {
        self.rest = self.rest.into_iter().chain(seen).reduce(Evidence::union);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Evidence {
        Evidence::at(Timestamp::from_millis(ms).expect("in range"), 1)
    }

    #[test]
    fn the_same_touchpoint_again_is_known() {
        let mut witness = Witness::default();
        witness.testify("crm", TouchpointMark(1), at(10));
        assert!(witness.knows("crm", TouchpointMark(1), at(10)));
        assert!(!witness.knows("till", TouchpointMark(1), at(10)));
        assert!(!witness.knows("crm", TouchpointMark(2), at(10)));
        assert!(!witness.knows("crm", TouchpointMark(1), at(11)));
    }

    #[test]
    fn what_was_taken_back_counts_for_nothing_whether_it_came_before_or_after() {
        let mut before = Witness::default();
        before.forgotten.insert(("crm".to_owned(), TouchpointMark(1)));
        before.testify("crm", TouchpointMark(1), at(10));
        let mut after = Witness::default();
        after.testify("crm", TouchpointMark(1), at(10));
        after.forgotten.insert(("crm".to_owned(), TouchpointMark(1)));
        assert_eq!((before.evidence(), &before), (None, &after));
    }

    #[test]
    fn sources_and_touchpoints_beyond_the_limits_are_merged_in_any_order() {
        let mut touchpoints: Vec<(String, u64)> = (0..40)
            .flat_map(|source| (0..12).map(move |mark| (format!("source-{source:02}"), mark)))
            .collect();
        let fold = |touchpoints: &[(String, u64)]| {
            let mut witness = Witness::default();
            for (source, mark) in touchpoints {
                witness.testify(
                    source,
                    TouchpointMark(*mark),
                    at(100 + i64::try_from(*mark).expect("small")),
                );
            }
            witness
        };
        let forward = fold(&touchpoints);
        touchpoints.reverse();
        assert_eq!(forward, fold(&touchpoints));
        assert_eq!(forward.sources.len(), SOURCES_MAX);
        assert_eq!(forward.evidence(), Some(at(100).union(at(111))));
        assert!(forward.knows("source-99", TouchpointMark(5), at(105)));
    }

    #[test]
    fn a_distrusted_source_is_heard_again_when_nobody_distrusts_it_any_more() {
        let mut witness = Witness::default();
        witness.testify("crm", TouchpointMark(1), at(10));
        let (one, other) = (NodeId::from_bytes([1; 16]), NodeId::from_bytes([3; 16]));
        witness.distrust("crm", one, true);
        witness.distrust("crm", other, true);
        witness.distrust("crm", one, false);
        assert_eq!(witness.evidence(), None);
        witness.distrust("crm", other, false);
        assert_eq!(witness.evidence(), Some(at(10)));
    }
}
