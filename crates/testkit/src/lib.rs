//! What tests need and nothing else may use: the oracle, random worlds, and data that nobody here wrote.
//!
//! A seed or a folder goes in; worlds, data sets and the truth about them come out. The oracle shares no code
//! with the stages that it judges but the figures of a value, which are held in `value/tests`.

pub mod broker;
mod cluster;
mod commands;
pub mod crashes;
pub mod data;
pub mod oracle;
pub mod requests;
mod signals;
pub mod simulation;
pub mod terms;
mod trace;
pub mod workspace;
pub mod world;
