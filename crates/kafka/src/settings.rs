//! What every client of Kafka is told. The reasons stand beside the settings that are not the client's defaults.

use std::collections::BTreeMap;
use std::time::Duration;

use kinfold_pipeline::StageName;
use kinfold_wire::raw_topic;
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

/// How to reach Kafka, and how to work with it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `host:port`, comma separated.
    pub bootstrap: String,
    /// Before the name of every topic, group and transactional id.
    pub prefix: String,
    /// Stable over restarts, so that a successor ends its dead predecessor's transaction at once.
    pub instance: String,
    /// The sources whose `raw.*` topics capture reads.
    pub sources: Vec<String>,
    /// A batch is gathered for this time at most.
    pub commit_interval: Duration,
    /// After this time without a heartbeat a member is taken for dead.
    pub session_timeout: Duration,
    /// Bounds how long a successor waits for a dead worker's transaction.
    pub transaction_timeout: Duration,
    /// How many bytes a worker fetches ahead.
    pub queue_bytes_max: usize,
    /// How many deaths of other workers the partitions are kept warm for.
    pub standbys: u32,
    /// What to do about records that were deleted before they were read.
    pub lost_records: LostRecords,
    /// Passed on to librdkafka: security, compression, … .
    pub properties: BTreeMap<String, String>,
}

/// What to do about records that were deleted before they were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LostRecords {
    /// Nothing is read until somebody has decided.
    #[default]
    Fail,
    /// Reading goes on at the first record that is there.
    Skip,
}

impl LostRecords {
    /// Both, as the configuration names them.
    pub const ALL: [Self; 2] = [Self::Fail, Self::Skip];

    /// The name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Skip => "skip",
        }
    }
}

/// Which worker of this instance.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// Of which stage.
    pub stage: StageName,
    /// From 0.
    pub worker: u32,
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

    /// The name of a worker: as a member of its group, and of its transactions. Stable over restarts.
    #[must_use]
    pub fn member(&self, identity: &Identity) -> String {
        let Identity { stage, worker } = identity;
        format!("{}{stage}-{}-{worker}", self.prefix, self.instance)
    }

    /// The full names of the topics that a stage reads.
    #[must_use]
    pub fn inputs(&self, stage: StageName) -> Vec<String> {
        let raw = self.sources.iter().map(|source| raw_topic(source));
        let own = stage.inputs().iter().map(|topic| topic.as_str().to_owned());
        let names: Vec<String> = if stage.is_stateful() { own.collect() } else { raw.collect() };
        names.iter().map(|name| self.topic(name)).collect()
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

    pub(crate) fn consumer(&self, identity: &Identity) -> ClientConfig {
        let mut config = self.reader();
        config
            .set("group.id", self.group(identity.stage))
            // Who comes back within the session's time-out gets its partitions at once, and nobody else is disturbed.
            .set("group.instance.id", self.member(identity))
            .set("client.id", self.member(identity))
            .set("session.timeout.ms", self.session_timeout.as_millis().to_string())
            // Facets reads two topics whose partitions belong together: only `range` gives equal numbers to one member.
            .set("partition.assignment.strategy", "range")
            .set("statistics.interval.ms", "1000");
        config
    }

    pub(crate) fn producer(&self, identity: &Identity) -> ClientConfig {
        self.transactional(&self.member(identity))
    }

    /// Of whoever sends dead letters back; there is one in a deployment.
    pub(crate) fn replayer(&self) -> ClientConfig {
        self.transactional(&self.topic("dead-replay"))
    }

    fn transactional(&self, id: &str) -> ClientConfig {
        let mut config = self.client();
        config
            .set("transactional.id", id)
            .set("transaction.timeout.ms", self.transaction_timeout.as_millis().to_string())
            .set("message.max.bytes", MESSAGE_BYTES_MAX.to_string())
            .set("compression.type", "lz4")
            // Whoever does not hear of a broken connection cannot fence what is left on it.
            .set("log.connection.close", "true")
            .set("socket.max.fails", "1")
            .set_log_level(RDKafkaLogLevel::Info)
            // A batch is sent as a whole; waiting for more would only delay its commit.
            .set("linger.ms", "1");
        config
    }
}
