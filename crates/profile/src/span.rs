//! From when to when: of all touchpoints of a facet, and of each identifier as it was written, which may also be verified.
//!
//! Least and greatest are commutative, associative and idempotent; a repeated touchpoint changes nothing.

use std::collections::BTreeMap;

use kinfold_model::{NodeId, Timestamp, Touchpoint, TouchpointIdentifier};
use serde::{Deserialize, Serialize};

/// The least and the greatest of at least one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Span {
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
}

impl Span {
    pub(crate) fn at(time: Timestamp) -> Self {
        Self { first: time, last: time }
    }

    /// Widens to hold the other; says whether that changed anything.
    pub(crate) fn cover(&mut self, other: Self) -> bool {
        let wider = Self { first: self.first.min(other.first), last: self.last.max(other.last) };
        std::mem::replace(self, wider) != wider
    }

    /// Whether the other lies inside.
    pub(crate) fn holds(self, other: Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }
}

/// What touchpoints say of an identifier that they carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Carriage {
    pub(crate) span: Span,
    /// When a source last said that it has verified it.
    pub(crate) verified: Option<Timestamp>,
}

impl Carriage {
    /// What one touchpoint says. What it verifies of a namespace, it does of all its identifiers of that namespace.
    pub(crate) fn of(identifier: &TouchpointIdentifier, touchpoint: &Touchpoint) -> Self {
        let is_verified = touchpoint.verifies(identifier.namespace.as_str());
        Self { span: Span::at(touchpoint.time), verified: is_verified.then_some(touchpoint.time) }
    }

    /// Takes in what else was said; says whether that changed anything.
    fn cover(&mut self, other: Self) -> bool {
        let verified = self.verified.max(other.verified);
        self.span.cover(other.span) | (std::mem::replace(&mut self.verified, verified) != verified)
    }

    /// Every time of it.
    pub(crate) fn times(self) -> impl Iterator<Item = Timestamp> {
        [self.span.first, self.span.last].into_iter().chain(self.verified)
    }
}

/// The identifiers of touchpoints as they were written, each with its own times: an e-mail and its hash share a node,
/// and a sighting may have been stated now by the one, now by the other.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Carried(BTreeMap<TouchpointIdentifier, Carriage>);

impl Carried {
    /// Notes that an identifier was carried; says whether that is news.
    pub(crate) fn carry(&mut self, identifier: &TouchpointIdentifier, carriage: Carriage) -> bool {
        match self.0.get_mut(identifier) {
            Some(known) => known.cover(carriage),
            None => self.0.insert(identifier.clone(), carriage).is_none(),
        }
    }

    /// Takes out an identifier, however it was written; says whether it was there.
    pub(crate) fn strike(&mut self, node: NodeId) -> bool {
        let before = self.0.len();
        self.0.retain(|identifier, _| identifier.node != node);
        self.0.len() < before
    }

    /// When an identifier was carried first, however it was written; `None` when it never was.
    pub(crate) fn first_seen(&self, node: NodeId) -> Option<Timestamp> {
        let of_node = self.0.iter().filter(|(identifier, _)| identifier.node == node);
        of_node.map(|(_, span)| span.first).min()
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for (identifier, carriage) in other.0 {
            self.0.entry(identifier).and_modify(|known| _ = known.cover(carriage)).or_insert(carriage);
        }
    }

    pub(crate) fn identifiers(&self) -> impl Iterator<Item = &TouchpointIdentifier> {
        self.0.keys()
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = Carriage> {
        self.0.values().copied()
    }

    pub(crate) fn into_iter(self) -> impl Iterator<Item = (TouchpointIdentifier, Carriage)> {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Span {
        Span::at(Timestamp::from_millis(ms).expect("in range"))
    }

    #[test]
    fn a_span_widens_to_both_sides_and_a_time_inside_is_no_news() {
        let mut span = at(5);
        assert!(span.cover(at(9)));
        assert!(span.cover(at(1)));
        assert!(!span.cover(at(5)));
        assert!(span.holds(at(1)) && span.holds(at(9)) && !span.holds(at(10)));
    }

    #[test]
    fn the_last_verification_stays_and_is_news() {
        let verified = |ms: i64| Carriage { span: at(ms), verified: Some(at(ms).first) };
        let mut carriage = Carriage { span: at(1), verified: None };
        assert!(carriage.cover(verified(1)) && !carriage.cover(verified(1)));
        assert!(carriage.cover(verified(5)) && !carriage.cover(verified(3)));
        assert_eq!((carriage.verified, carriage.span.first), (Some(at(5).first), at(1).first));
    }
}
