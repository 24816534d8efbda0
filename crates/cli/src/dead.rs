//! Dead letters of a deployment: which stand open, what is in them, and how they are sent back.
//!
//! A letter on `touchpoint-refused` is dealt with when a later record of its key is a tombstone. Which are is folded from that topic
//! by `kinfold_letters`; nothing is kept beside it.

pub mod replay;
#[cfg(test)]
mod samples;
pub mod selection;
mod tables;

pub(crate) use tables::{json, listed, passport};
