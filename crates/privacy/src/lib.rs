//! Requests of people about their data.
//!
//! [`Privacy`] is a stage: requests go in and receipts come out. In between it asks stitch, and every stage that forgets
//! something reports to it. [`verify`] says whose requests are carried out.

mod case;
mod forms;
pub mod stage;
mod table;
pub mod verify;

pub use stage::{Privacy, PrivacyInput, PrivacyOutput, PrivacyTerms};
pub use verify::Verifiers;
