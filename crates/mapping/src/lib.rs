//! The bytes of a raw record of a source go in; canonical touchpoints as JSON values, or refusals, come out.
//!
//! A source is a folder's three things: `<name>.toml` (how its records are read, and what may pass), `<name>.jq` (what a
//! payload says, as a touchpoint) and `<name>.cases/` (examples that must come out as written). The same record gives the
//! same result on every machine: programs know no clock, no environment and no randomness, and their limits are counted in
//! steps. No program and no record makes this crate panic, and no sentence of a refusal repeats a value of the record.
//! Open [`source`] first, then [`program`].

pub mod allow;
pub mod cases;
pub mod decode;
pub mod limits;
mod meter;
pub mod program;
pub mod source;
pub mod sources;
pub mod value;

pub use cases::{CaseFault, CaseFiles};
pub use program::Program;
pub use source::{Mapped, Source, SourceFaults, SourceFiles};
pub use sources::Sources;
pub use value::Value;
