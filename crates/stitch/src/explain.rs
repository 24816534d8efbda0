//! Why: what is known of an identifier, and what connects two of them or keeps them apart.
//!
//! In go the states of all partitions, the rules and the keys; out come a [`Portrait`], a [`Path`] or a [`Sketch`].
//! Only what a question touches is read: nodes, links, commands, and the component of the first identifier, whose
//! people are decided once more. Nothing is changed, and identifiers stay node ids: who has their values adds them.

pub mod answer;
mod chain;
mod dispute;
mod graph;
mod path;
mod portrait;
mod search;
mod sketch;

pub use answer::{
    Against, Answer, Claim, Dispute, Fate, Hindrance, Line, LineKind, Meeting, Mute, Name, Path, Portrait,
    Rule, Said, Sighting, Sketch, Stand, Step,
};
pub use graph::Graph;
