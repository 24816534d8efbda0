//! Who was ever erased. In: the records of `erasure`, as they come, those that were read before among them. Out: the identifiers, and
//! whether a record tells of one that was not known. Most do not: restrictions are told there, too, and each new sighting of somebody
//! who was erased long ago.

use std::collections::BTreeSet;

use kinfold_model::NodeId;
use kinfold_model::privacy::Ruling;
use kinfold_wire::{WireError, decode_inner};

use crate::named::identifier_of;

/// The identifiers of a deployment that were ever erased, as far as one has read.
#[derive(Clone, Default)]
pub struct Erased {
    nodes: BTreeSet<NodeId>,
}

impl Erased {
    /// Takes the value of a record; whether it tells of an identifier that was not among them.
    ///
    /// # Errors
    /// When it is no record of ours.
    pub fn take(&mut self, value: &[u8]) -> Result<bool, WireError> {
        Ok(identifier(value)?.is_some_and(|node| self.nodes.insert(node)))
    }

    /// Whether the value of a record tells of an identifier that is not among them.
    ///
    /// # Errors
    /// When it is no record of ours.
    pub fn is_news(&self, value: &[u8]) -> Result<bool, WireError> {
        Ok(identifier(value)?.is_some_and(|node| !self.nodes.contains(&node)))
    }

    /// All of them.
    #[must_use]
    pub fn nodes(&self) -> &BTreeSet<NodeId> {
        &self.nodes
    }
}

fn identifier(value: &[u8]) -> Result<Option<NodeId>, WireError> {
    Ok(match decode_inner(value)? {
        Ruling::Erased(erasure) => identifier_of(&erasure),
        Ruling::Restricted(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::named::tests::{keys, node};
    use kinfold_model::Timestamp;
    use kinfold_model::privacy::{Erasure, Extent, Restriction, Ticket};
    use kinfold_wire::encode_inner;

    fn record(ruling: &Ruling) -> Vec<u8> {
        encode_inner(ruling).expect("encodes")
    }

    fn erasure(node: NodeId, extent: Extent) -> Vec<u8> {
        record(&Ruling::Erased(Erasure { node, extent, ticket: None }))
    }

    #[test]
    fn only_an_identifier_that_was_not_erased_before_is_news() {
        let (ann, bea) = (node("email:ann@example.org"), node("email:bea@example.org"));
        let mut erased = Erased::default();
        let of_ann = erasure(ann, Extent::Everything);
        assert_eq!(erased.is_news(&of_ann), Ok(true));
        assert_eq!((erased.take(&of_ann), erased.is_news(&of_ann)), (Ok(true), Ok(false)));
        let ticket = Ticket { request_id: "r-1".to_owned(), desk: 0, asked_by: bea };
        let restriction = Restriction { node: bea, stands: true, received: Timestamp::MIN, ticket };
        let sighting = keys().sighting(&[ann, bea]);
        for value in [
            record(&Ruling::Restricted(restriction)),
            erasure(sighting, Extent::Identifier(ann)),
            erasure(sighting, Extent::Everything),
            of_ann,
        ] {
            assert_eq!((erased.is_news(&value), erased.take(&value)), (Ok(false), Ok(false)));
        }
        assert!(erased.nodes().iter().eq([&ann]));
        assert_eq!(erased.take(&erasure(sighting, Extent::Identifier(bea))), Ok(true));
        assert_eq!(erased.nodes().len(), 2);
        assert!(erased.is_news(b"garbage").is_err() && erased.take(b"garbage").is_err());
    }
}
