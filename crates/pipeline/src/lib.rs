//! The loop, written once: records in, effects out, whatever log and store carry them.
//!
//! A [`Task`] is one partition of one stage. It reads records through a [`Port`] (bytes ↔ the stage's messages),
//! lets the stage work on an [`Overlay`] above committed state, and hands its driver a [`Batch`]: what to write to
//! the log and what to write to the store, to be committed together or not at all. Drivers are the Kafka worker,
//! the simulated driver of the tests, and [`Local`], which runs all stages in one process.

mod batch;
mod brake;
pub mod changelog;
mod dead_letter;
mod ledger;
pub mod link;
mod local;
mod metrics;
mod overlay;
mod port;
mod ports;
mod record;
mod stores;
mod task;
pub mod worker;

pub use batch::{Batch, Tally};
pub use brake::{BrakeLimits, Verdict};
pub use ledger::sources;
pub use local::{Listener, Local, LocalPorts, Shelf, Shelved};
pub use metrics::{FAULT_KINDS, MetricName, Metrics};
pub use overlay::{Draft, Overlay, Store, Writes};
pub use port::{Port, StageName, Topology};
pub use ports::{CapturePort, FacetsPort, PeoplePort, PrivacyPort, StitchPort, UNKNOWN_SOURCE};
pub use record::{First, InRecord, Origin, OutRecord};
pub use stores::{NoState, Stores};
pub use task::Task;
