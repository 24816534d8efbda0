//! What a copy consists of, and whose it is.

use std::fmt;

use kinfold_pipeline::StageName;
use kinfold_pipeline::changelog::{Mark, Stamp};
use serde::{Deserialize, Serialize};

/// Whose copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Of which stage.
    pub stage: StageName,
    /// Of which partition.
    pub partition: u32,
}

impl fmt::Display for Place {
    /// `stage/partition`, as the folders of stores are named.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.stage, self.partition)
    }
}

/// One copy of a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// To which changelog the store belongs.
    pub stamp: Stamp,
    /// How far it was.
    pub mark: Mark,
    /// Its files, by name.
    pub pieces: Vec<Piece>,
}

/// A file of a copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// In the store's folder.
    pub name: String,
    /// How large it is.
    pub bytes: u64,
    /// BLAKE3 of its content, in hex: its name in the object store.
    pub hash: String,
}

impl Manifest {
    /// How large the copy is.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.bytes).sum()
    }
}
