//! Keys of the state: the table's tag, the length of the request's id and the id, then ids of nodes. So a request's entries
//! stand together.

use kinfold_model::versioned::Versioned;
use kinfold_model::{Fault, NodeId, stored};

/// The tables. The tags are part of the format: they are never given to another table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    /// Request → [`crate::case::Case`].
    Case,
    /// Request, who asked, who was asked → [`crate::case::Piece`], as long as the request is being carried out.
    Piece,
}

impl Table {
    fn tag(self) -> u8 {
        match self {
            Self::Case => 1,
            Self::Piece => 2,
        }
    }

    /// The key of an entry, or what the keys of all entries of a request begin with.
    pub(crate) fn key(self, request_id: &str, nodes: &[NodeId]) -> Vec<u8> {
        let length = u16::try_from(request_id.len()).unwrap_or(u16::MAX).to_be_bytes();
        let mut key = vec![self.tag()];
        key.extend_from_slice(&length);
        key.extend_from_slice(request_id.as_bytes());
        nodes.iter().for_each(|node| key.extend_from_slice(node.as_bytes()));
        key
    }

    pub(crate) fn decode<T: Versioned>(self, bytes: &[u8]) -> Result<T, Fault> {
        stored::decode(
            match self {
                Self::Case => "request",
                Self::Piece => "piece of a request",
            },
            bytes,
        )
    }
}
