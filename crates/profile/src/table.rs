//! Keys and values of the state: which tables there are, and how an entry becomes bytes and comes back.
//!
//! A key is the table's tag, then ids of fixed length, then texts, each but the last with an end that no text has; so keys of one
//! table never run into each other and a prefix of ids is a prefix of keys. Values are as [`stored`] makes them.

use kinfold_model::versioned::Versioned;
use kinfold_model::{Fault, stored};
use serde::de::DeserializeOwned;

/// The tables of both stages. The tags are part of the format: they are never given to another table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// Of facets. Node → its facet, its person and the version it was last sent with.
    Node,
    /// Of facets. Sighting, how often it was forgotten, source and touchpoint id → what the touchpoint counts for.
    Seen,
    /// Of people. Person and node → version and member, or only the version once the node has left.
    Member,
    /// Of people. Person → what was last published.
    Publication,
    /// Of people. Time and person → nothing: then a consent of theirs ends.
    Timer,
    /// Of facets. Node and how often it was forgotten before → nothing: ids of touchpoints of that time are still there.
    Doomed,
    /// Of people. One entry: under which terms people were published, and how far a look at all of them has got.
    Revision,
}

impl Table {
    /// All tables, in the order of their tags.
    pub const ALL: [Self; 7] =
        [Self::Node, Self::Seen, Self::Member, Self::Publication, Self::Timer, Self::Doomed, Self::Revision];

    /// The name in errors and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Seen => "seen",
            Self::Member => "member",
            Self::Publication => "publication",
            Self::Timer => "timer",
            Self::Doomed => "doomed",
            Self::Revision => "revision",
        }
    }

    /// The first byte of each key.
    #[must_use]
    pub fn tag(self) -> u8 {
        match self {
            Self::Node => 1,
            Self::Seen => 2,
            Self::Member => 3,
            Self::Publication => 4,
            Self::Timer => 5,
            Self::Doomed => 6,
            Self::Revision => 7,
        }
    }

    /// The tag, then the parts as they are.
    pub(crate) fn key(self, parts: &[&[u8]]) -> Vec<u8> {
        let mut key = Vec::with_capacity(1 + parts.iter().map(|part| part.len()).sum::<usize>());
        key.push(self.tag());
        for part in parts {
            key.extend_from_slice(part);
        }
        key
    }

    /// A whole value, whichever form it has.
    pub(crate) fn decode<T: Versioned>(self, bytes: &[u8]) -> Result<T, Fault> {
        stored::decode(self.as_str(), bytes)
    }

    /// The first field of a value, without the cost of the rest.
    pub(crate) fn decode_head<T: Versioned, H: DeserializeOwned>(self, bytes: &[u8]) -> Result<H, Fault> {
        stored::decode_head::<T, H>(self.as_str(), bytes)
    }

    /// An entry of this table that makes no sense.
    pub(crate) fn corrupt(self, why: impl Into<String>) -> Fault {
        Fault::Corrupt { what: self.as_str(), why: why.into() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn tags_and_names_are_distinct_and_do_not_drift() {
        let tables: Vec<_> = Table::ALL.iter().map(|table| (table.tag(), table.as_str())).collect();
        let expected = [
            (1, "node"),
            (2, "seen"),
            (3, "member"),
            (4, "publication"),
            (5, "timer"),
            (6, "doomed"),
            (7, "revision"),
        ];
        assert_eq!(tables, expected);
        assert_eq!(Table::ALL.iter().collect::<BTreeSet<_>>().len(), Table::ALL.len());
    }
}
