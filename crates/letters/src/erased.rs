//! Who was ever erased. In: the records of `erasure`, as they come, those that were read before among them. Out: the identifiers with
//! their marks, and whether a record tells of one that was not known, or of another mark. Most do not: restrictions are told there,
//! too, and each new sighting of somebody who was erased long ago.

use std::collections::BTreeMap;

use kinfold_model::privacy::Ruling;
use kinfold_model::{Mark, NodeId};
use kinfold_wire::{WireError, decode_inner};

use crate::named::learn;

/// The identifiers of a deployment that were ever erased, as far as one has read.
#[derive(Clone, Default)]
pub struct Erased {
    marks: BTreeMap<NodeId, Mark>,
}

impl Erased {
    /// Takes the value of a record; whether it tells of an identifier, or of a mark, that was not known.
    ///
    /// # Errors
    /// When it is no record of ours.
    pub fn take(&mut self, value: &[u8]) -> Result<bool, WireError> {
        Ok(match decode_inner(value)? {
            Ruling::Erased(erasure) => learn(&erasure, &mut self.marks),
            Ruling::Restricted(_) => false,
        })
    }

    /// Whether taking the value of a record would tell anything.
    ///
    /// # Errors
    /// When it is no record of ours.
    pub fn is_news(&self, value: &[u8]) -> Result<bool, WireError> {
        let Ruling::Erased(erasure) = decode_inner(value)? else { return Ok(false) };
        let known = erasure.marks.iter().filter_map(|(node, _)| Some((node, self.marks.get(&node)?.clone())));
        Ok(learn(&erasure, &mut known.collect()))
    }

    /// All of them.
    #[must_use]
    pub fn marks(&self) -> &BTreeMap<NodeId, Mark> {
        &self.marks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::named::tests::{keys, mark, node};
    use kinfold_model::privacy::{Erasure, Restriction, Ticket};
    use kinfold_model::{Marks, Timestamp};
    use kinfold_wire::encode_inner;

    fn erasure(of: NodeId, identifier: NodeId) -> Vec<u8> {
        let marks = Marks::alone(identifier, mark());
        encode_inner(&Ruling::Erased(Erasure { node: of, marks, ticket: None })).expect("encodes")
    }

    #[test]
    fn only_an_identifier_that_was_not_erased_before_is_news() {
        let (ann, bea) = (node("email:ann@example.org"), node("email:bea@example.org"));
        let mut erased = Erased::default();
        let of_ann = erasure(ann, ann);
        assert_eq!(erased.is_news(&of_ann), Ok(true));
        assert_eq!((erased.take(&of_ann), erased.is_news(&of_ann)), (Ok(true), Ok(false)));
        let ticket = Ticket { request_id: "r-1".to_owned(), desk: 0, asked_by: bea };
        let (received, latest) = (Timestamp::MIN, Timestamp::MIN);
        let restriction = Restriction { node: bea, stands: true, received, latest, ticket };
        let restricted = encode_inner(&Ruling::Restricted(restriction)).expect("encodes");
        let sighting = keys().sighting(&[ann, bea]);
        for value in [restricted, erasure(sighting, ann), of_ann] {
            assert_eq!((erased.is_news(&value), erased.take(&value)), (Ok(false), Ok(false)));
        }
        assert!(erased.marks().keys().eq([&ann]));
        assert_eq!(erased.take(&erasure(sighting, bea)), Ok(true));
        assert_eq!(erased.marks().len(), 2);
        assert!(erased.is_news(b"garbage").is_err() && erased.take(b"garbage").is_err());
    }
}
