//! The oracle: what must come out, computed from all the evidence at once.
//!
//! In go observations or touchpoints, as a list without order; out come people, profiles, what outputs may have of
//! them, and what records have to say of changes. No partitions, no messages, no state, nothing shared with the
//! stages that it judges but the figures of a value, which are held in `value/tests`, and no care for speed.

mod attributes;
pub mod components;
mod evidence;
mod feed;
mod metrics;
pub mod outputs;
pub mod people;
pub mod profiles;
mod worth;

pub use components::components;
pub use evidence::{Erased, Mark, Marks, Observation, counting};
pub use feed::{Told, follows};
pub use outputs::{Shared, shared};
pub use people::{Expected, commanded, people, remembered};
pub use profiles::{Terms, profiles, revenue};
