//! The simulated cluster at work: several instances of all stages, each driven by the very loop that production
//! runs, while processes end, stand still and come back, connections are lost, disks fill and are swapped, partitions
//! move, and changelogs are compacted. Then the faults cease, and what was sent has to come to rest.

mod driver;
mod laws;
mod machine;

use kinfold_model::Timestamp;
use kinfold_pipeline::Metrics;

use crate::simulation::{Input, Outcome};

/// How a run goes.
#[derive(Clone, Copy, Debug)]
pub struct Disorder {
    /// Chooses everything.
    pub seed: u64,
    /// When it begins, by the cluster's clock.
    pub begin: Timestamp,
    /// Of every topic.
    pub partitions: u32,
    /// Whether everything that happens is told on standard error.
    pub is_told: bool,
}

/// Runs records through all stages until nothing is on its way. `None` when a transaction was torn, which the protocol of Kafka's older transactions allows: then some partition stands still.
///
/// # Errors
/// The first law of the loop that did not hold.
pub fn run(input: &Input<'_>, disorder: &Disorder, metrics: &Metrics) -> Result<Option<Outcome>, String> {
    driver::run(input, disorder, metrics)
}
