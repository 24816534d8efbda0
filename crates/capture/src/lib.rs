//! The first stage: the bytes of a record go in, and a [`Touchpoint`](kinfold_model::Touchpoint) or a
//! [`Refusal`](kinfold_model::Refusal) comes out, or several where the record is of a source that has a mapping.
//!
//! It is a function of the record, the rules, the secret and the time of the step, and keeps no state. No input
//! makes it panic, and no sentence of a refusal repeats a value of the record. Open [`stage`] first.

pub mod block;
mod captured;
mod identify;
mod json;
pub mod laws;
pub mod limits;
mod normalise;
mod path;
mod quality;
pub mod settings;
mod signals;
pub mod stage;
mod text;
mod validate;

pub use block::Blocks;
pub use captured::{Captured, Outcome, RawRecord, SourceTally};
pub use settings::{Cleaning, IpPolicy, Settings, UnknownMembers};
pub use stage::Capture;
