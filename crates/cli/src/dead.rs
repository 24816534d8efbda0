//! Dead letters of a deployment: which stand open, what is in them, and how they are sent back.
//!
//! A letter on `touchpoint-refused` is dealt with when a later record of its key is a tombstone. Everything here is folded from
//! that topic; nothing is kept beside it.

pub mod letters;
pub mod replay;
pub mod selection;
pub mod shelf;
mod tables;

pub(crate) use tables::{json, listed, passport};
