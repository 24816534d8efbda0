//! Copies of stores in an object store: S3, Google Cloud Storage, Azure, or a folder.
//!
//! In goes a folder that nobody writes to, as RocksDB's checkpoints are; out comes the same folder, on any machine. Files
//! are kept under the hash of their content, so a copy costs only what is new since the last one. A manifest lists the
//! files of one copy and says how far the store was; it is written last, so that a copy is there as a whole or not at all.

mod depot;
mod manifest;

pub use depot::{COPIES, Depot, DepotError, LEFTOVER_AGE, Saved};
pub use manifest::{Manifest, Piece, Place};
