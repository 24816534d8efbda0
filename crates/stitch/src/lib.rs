//! Stitch: evidence becomes people.
//!
//! Identifiers that were seen together meet in components, although each lives on its own partition; people
//! are a pure function of a component. Open [`stage`] first, then `protocol` (how nodes meet) and [`people`]
//! (what a component means). No name, address or number of anybody is known here, only node ids.

mod at_node;
mod at_root;
mod blocked;
mod change;
pub mod component;
mod desk;
mod erase;
pub mod explain;
mod folder;
mod forms;
pub mod groups;
pub mod inspect;
mod journal;
pub mod laws;
pub mod limits;
pub mod node;
pub mod op;
pub mod order;
pub mod people;
mod plain;
mod protocol;
mod restrict;
pub mod review;
mod revision;
mod sets;
mod settle;
pub mod stage;
mod table;
pub mod witness;

pub use journal::Note;
pub use op::Op;
pub use stage::{Stitch, Stitched};
pub use table::node_of_entry;
