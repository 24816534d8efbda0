//! Stitch: evidence becomes people.
//!
//! Identifiers that were seen together meet in components, although each lives on its own partition; people
//! are a pure function of a component. Open [`stage`] first, then `protocol` (how nodes meet) and [`people`]
//! (what a component means). No name, address or number of anybody is known here, only node ids.

pub mod component;
mod desk;
mod journal;
pub mod laws;
pub mod limits;
pub mod node;
pub mod op;
pub mod people;
mod protocol;
mod settle;
pub mod stage;

pub use desk::node;
pub use op::Op;
pub use stage::{Stitch, Stitched};
