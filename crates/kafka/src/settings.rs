//! What every client of Kafka is told. The reasons stand beside the settings that are not the client's defaults.

use std::collections::BTreeMap;
use std::time::Duration;

use kinfold_pipeline::StageName;
use rdkafka::ClientConfig;

/// How to reach Kafka, and how to work with it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `host:port`, comma separated.
    pub bootstrap: String,
    /// Before the name of every topic, group and transactional id.
    pub prefix: String,
    /// Stable over restarts, so that a successor ends its dead predecessor's transaction at once.
    pub instance: String,
    /// A batch is committed at the latest after this time.
    pub commit_interval: Duration,
    /// A batch is committed at the latest with this many records.
    pub batch_records: usize,
    /// After this time without a heartbeat a member is taken for dead.
    pub session_timeout: Duration,
    /// Bounds how long a successor waits for a dead worker's transaction.
    pub transaction_timeout: Duration,
    /// How many bytes a worker fetches ahead.
    pub queue_bytes_max: usize,
    /// Passed on to librdkafka: security, compression, … .
    pub properties: BTreeMap<String, String>,
}

/// The largest record that is written: a component on its way may be that large.
pub(crate) const MESSAGE_BYTES_MAX: usize = kinfold_wire::limits::RECORD_BYTES_MAX;

impl Settings {
    /// A topic's full name.
    #[must_use]
    pub fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// The changelog of a stage, without the prefix.
    #[must_use]
    pub fn changelog(stage: StageName) -> String {
        format!("{stage}-changelog")
    }

    /// The consumer group of a stage.
    #[must_use]
    pub fn group(&self, stage: StageName) -> String {
        format!("{}{stage}", self.prefix)
    }

    /// A client without a role, for metadata and administration.
    #[must_use]
    pub fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        for (key, value) in &self.properties {
            config.set(key, value);
        }
        config.set("bootstrap.servers", &self.bootstrap);
        config
    }

    pub(crate) fn reader(&self) -> ClientConfig {
        let mut config = self.client();
        config
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            // A silent reset is silent loss; where to begin is decided by us.
            .set("auto.offset.reset", "error")
            .set("isolation.level", "read_committed")
            .set("check.crcs", "true")
            .set("queued.max.messages.kbytes", (self.queue_bytes_max / 1024).to_string())
            // Else fetching pauses for a second whenever the queue is full.
            .set("fetch.queue.backoff.ms", "20")
            .set("fetch.message.max.bytes", MESSAGE_BYTES_MAX.to_string());
        config
    }

    pub(crate) fn consumer(&self, stage: StageName) -> ClientConfig {
        let mut config = self.reader();
        config
            .set("group.id", self.group(stage))
            .set("client.id", format!("{}{stage}-{}", self.prefix, self.instance))
            .set("session.timeout.ms", self.session_timeout.as_millis().to_string())
            // Facets reads two topics whose partitions belong together: only `range` gives equal numbers to one member.
            .set("partition.assignment.strategy", "range")
            .set("statistics.interval.ms", "1000");
        config
    }

    pub(crate) fn producer(&self, stage: StageName) -> ClientConfig {
        let mut config = self.client();
        config
            .set("transactional.id", format!("{}{stage}-{}", self.prefix, self.instance))
            .set("transaction.timeout.ms", self.transaction_timeout.as_millis().to_string())
            .set("message.max.bytes", MESSAGE_BYTES_MAX.to_string())
            .set("compression.type", "lz4")
            // A batch is sent as a whole; waiting for more would only delay its commit.
            .set("linger.ms", "1");
        config
    }
}
