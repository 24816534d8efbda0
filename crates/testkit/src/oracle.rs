//! The oracle: what must come out, computed from all the evidence at once.
//!
//! In go observations or touchpoints, as a list without order; out come people and profiles. No partitions,
//! no messages, no state, nothing shared with the stages that it judges, and no care for speed.

pub mod components;
mod evidence;
pub mod people;
pub mod profiles;

pub use components::components;
pub use evidence::Observation;
pub use people::{Expected, commanded, people};
pub use profiles::{Terms, profiles};
