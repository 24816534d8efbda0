//! What a worker tells of itself becomes health, and facts for `/status`.

use std::time::Duration;

use kinfold_kafka::Identity;
use kinfold_pipeline::worker::{Observer, Report, Standing};
use serde_json::{Map, Value, json};

use crate::http::{Health, Promise};

/// How long a worker may be silent. What it waits for is nearly always the broker: for the end of a transaction, which
/// may take as long as a transaction may last, or for the slowest member in a rebalance. Who is silent for minutes hangs.
const PROMISE: Promise = Promise { ready: Duration::from_secs(15), live: Duration::from_secs(300) };

/// Speaks for one worker.
pub(crate) struct Reporter<'h> {
    /// For example `stitch-0`.
    name: String,
    health: &'h Health,
}

impl<'h> Reporter<'h> {
    pub(crate) fn new(identity: Identity, health: &'h Health) -> Self {
        let Identity { stage, worker } = identity;
        Self { name: format!("{stage}-{worker}"), health }
    }

    /// The worker failed, for this reason, and will be made anew: it has no partitions.
    pub(crate) fn stands_still(&self, reason: &str) {
        self.health.set_empty(&self.name, reason);
    }

    /// The worker, or whoever is about to make it, is alive.
    pub(crate) fn alive(&self) {
        self.health.heartbeat(&self.name, PROMISE);
    }

    /// The worker has ended as it should.
    pub(crate) fn retire(&self) {
        self.health.retire(&self.name);
    }
}

impl Observer for Reporter<'_> {
    fn report(&self, report: &Report) {
        let mut idle = Vec::new();
        let mut partitions = Map::new();
        for (partition, standing) in &report.partitions {
            let (fact, reason) = match standing {
                Standing::AtWork(commit) => (json!({ "commit": commit }), None),
                Standing::Restoring(remaining) => (
                    json!({ "restoring_remaining_records": remaining }),
                    Some(format!("is being restored, {remaining} records are ahead")),
                ),
                Standing::Waiting(why) => {
                    (json!({ "waits": why }), Some(format!("waits for its store: {why}")))
                }
                Standing::Stopped(why) => {
                    (json!({ "stands_still": why }), Some(format!("stands still: {why}")))
                }
            };
            partitions.insert(partition.to_string(), fact);
            idle.extend(reason.map(|reason| format!("partition {partition} {reason}")));
        }
        let standby =
            |(partition, commit): (&u32, &u64)| (partition.to_string(), json!({ "commit": commit }));
        let standbys: Map<String, Value> = report.standbys.iter().map(standby).collect();
        self.health.set_facts(
            &self.name,
            json!({ "partitions": partitions, "standbys": standbys, "paused_sources": report.held }),
        );
        if idle.is_empty() {
            self.health.set_ready(&self.name);
        } else {
            self.health.set_not_ready(&self.name, idle.join("; "));
        }
    }

    fn not_ready(&self, reason: &str) {
        self.stands_still(reason);
    }

    fn beat(&self) {
        self.alive();
    }
}
