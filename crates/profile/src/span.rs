//! From when to when: of all touchpoints of a facet, and of each identifier as it was written.
//!
//! Least and greatest are commutative, associative and idempotent; a repeated touchpoint changes nothing.

use std::collections::BTreeMap;

use kinfold_model::{NodeId, Timestamp, TouchpointIdentifier};
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

/// The identifiers of touchpoints as they were written, each with its own times: an e-mail and its hash share a node,
/// and a sighting may have been stated now by the one, now by the other.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Carried(BTreeMap<TouchpointIdentifier, Span>);

impl Carried {
    /// Notes that an identifier was carried then; says whether that is news.
    pub(crate) fn carry(&mut self, identifier: &TouchpointIdentifier, span: Span) -> bool {
        match self.0.get_mut(identifier) {
            Some(known) => known.cover(span),
            None => self.0.insert(identifier.clone(), span).is_none(),
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
        for (identifier, span) in other.0 {
            self.0.entry(identifier).and_modify(|known| _ = known.cover(span)).or_insert(span);
        }
    }

    pub(crate) fn identifiers(&self) -> impl Iterator<Item = &TouchpointIdentifier> {
        self.0.keys()
    }

    pub(crate) fn spans(&self) -> impl Iterator<Item = Span> {
        self.0.values().copied()
    }

    pub(crate) fn into_iter(self) -> impl Iterator<Item = (TouchpointIdentifier, Span)> {
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
}
