//! What every client of Kafka is told. The reasons stand beside the settings that are not the client's defaults.
//!
//! What a guarantee rests on is set after the operator's properties, and the configuration refuses it there; what only serves
//! better than librdkafka's default gives way to them.

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
    /// The outputs to whose topics people are written.
    pub outputs: Vec<String>,
    /// Whether raw records and requests of people must have the broker's time, and not that of whoever wrote them.
    pub broker_time: bool,
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

/// What librdkafka calls otherwise too, of what we prefer. Were both names given, chance would choose between their values.
const ALIASES: [(&str, &str); 3] = [
    ("compression.type", "compression.codec"),
    ("fetch.message.max.bytes", "max.partition.fetch.bytes"),
    ("linger.ms", "queue.buffering.max.ms"),
];

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

    /// Sets what serves better than librdkafka's default, and no guarantee rests on: only where the operator says nothing.
    fn prefer(&self, config: &mut ClientConfig, property: &str, value: impl Into<String>) {
        let other = ALIASES.iter().find(|(name, _)| *name == property).map(|(_, other)| *other);
        let mut names = std::iter::once(property).chain(other);
        if !names.any(|name| self.properties.contains_key(name)) {
            config.set(property, value);
        }
    }

    pub(crate) fn reader(&self) -> ClientConfig {
        let mut config = self.client();
        // Else fetching pauses for a second whenever the queue is full.
        self.prefer(&mut config, "fetch.queue.backoff.ms", "20");
        // The largest record is fetched at once; with less librdkafka finds out that it needs more, and asks again.
        self.prefer(&mut config, "fetch.message.max.bytes", MESSAGE_BYTES_MAX.to_string());
        config
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            // A silent reset is silent loss; where to begin is decided by us.
            .set("auto.offset.reset", "error")
            .set("isolation.level", "read_committed")
            .set("check.crcs", "true")
            .set("queued.max.messages.kbytes", (self.queue_bytes_max / 1024).to_string());
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
            // The lag is counted from them, and what hangs is seen in them.
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

    /// Of whoever writes as a source does.
    pub(crate) fn sender(&self) -> ClientConfig {
        let mut config = self.client();
        // Whatever a topic of ours takes can be sent.
        self.prefer(&mut config, "message.max.bytes", MESSAGE_BYTES_MAX.to_string());
        // A leader that was away is looked for again soon, and not after librdkafka's five minutes.
        self.prefer(&mut config, "topic.metadata.refresh.interval.ms", "5000");
        config.set("enable.idempotence", "true");
        config
    }

    fn transactional(&self, id: &str) -> ClientConfig {
        let mut config = self.client();
        // Fast, and every client can read it.
        self.prefer(&mut config, "compression.type", "lz4");
        // A batch is sent as a whole; waiting for more would only delay its commit.
        self.prefer(&mut config, "linger.ms", "1");
        config
            .set("transactional.id", id)
            .set("transaction.timeout.ms", self.transaction_timeout.as_millis().to_string())
            // What a batch writes may be so large, and one that cannot be written would be tried for ever.
            .set("message.max.bytes", MESSAGE_BYTES_MAX.to_string())
            // Whoever does not hear of a broken connection cannot fence what is left on it.
            .set("log.connection.close", "true")
            .set("socket.max.fails", "1")
            .set_log_level(RDKafkaLogLevel::Info);
        config
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const IDENTITY: Identity = Identity { stage: StageName::Stitch, worker: 0 };

    /// Where nobody answers.
    pub(crate) fn settings(properties: &[(&str, &str)]) -> Settings {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Settings {
            bootstrap: "127.0.0.1:1".to_owned(),
            prefix: "test.".to_owned(),
            instance: "1".to_owned(),
            sources: vec!["shop".to_owned()],
            commit_interval: Duration::from_millis(100),
            session_timeout: Duration::from_secs(45),
            transaction_timeout: Duration::from_secs(15),
            queue_bytes_max: 16_777_216,
            standbys: 0,
            outputs: Vec::new(),
            broker_time: false,
            lost_records: LostRecords::Fail,
            properties: properties.iter().map(owned).collect(),
        }
    }

    /// What a consumer, a worker's producer and a sender are told of a property.
    fn told(settings: &Settings, property: &str) -> [Option<String>; 3] {
        let configs = [settings.consumer(&IDENTITY), settings.producer(&IDENTITY), settings.sender()];
        configs.map(|config| {
            assert!(config.create_native_config().is_ok(), "librdkafka accepts it");
            config.get(property).map(str::to_owned)
        })
    }

    #[test]
    fn what_we_prefer_is_set_where_the_operator_says_nothing() {
        let settings = settings(&[]);
        let large = Some(MESSAGE_BYTES_MAX.to_string());
        let some = |value: &str| Some(value.to_owned());
        assert_eq!(told(&settings, "fetch.queue.backoff.ms"), [some("20"), None, None]);
        assert_eq!(told(&settings, "fetch.message.max.bytes"), [large.clone(), None, None]);
        assert_eq!(told(&settings, "compression.type"), [None, some("lz4"), None]);
        assert_eq!(told(&settings, "linger.ms"), [None, some("1"), None]);
        assert_eq!(told(&settings, "message.max.bytes"), [None, large.clone(), large]);
    }

    #[test]
    fn what_the_operator_says_takes_the_place_of_what_we_prefer_under_either_of_its_names() {
        for (ours, theirs, value) in [
            ("compression.type", "compression.type", "zstd"),
            ("compression.type", "compression.codec", "zstd"),
            ("fetch.message.max.bytes", "fetch.message.max.bytes", "4096"),
            ("fetch.message.max.bytes", "max.partition.fetch.bytes", "4096"),
            ("fetch.queue.backoff.ms", "fetch.queue.backoff.ms", "7"),
            ("linger.ms", "linger.ms", "50"),
            ("linger.ms", "queue.buffering.max.ms", "50"),
            ("topic.metadata.refresh.interval.ms", "topic.metadata.refresh.interval.ms", "9000"),
        ] {
            let settings = settings(&[(theirs, value)]);
            assert_eq!(told(&settings, theirs), [(); 3].map(|()| Some(value.to_owned())), "{theirs}");
            let of_ours = told(&settings, ours);
            assert!(of_ours.iter().flatten().all(|set| set == value), "{theirs}: {of_ours:?}");
        }
    }

    #[test]
    fn what_a_guarantee_rests_on_is_as_it_must_be_whatever_the_properties_say() {
        let (lag, large) = ("statistics.interval.ms", "message.max.bytes");
        let settings = settings(&[(lag, "0"), (large, "1000"), ("isolation.level", "read_uncommitted")]);
        assert_eq!(told(&settings, lag)[0].as_deref(), Some("1000"));
        assert_eq!(told(&settings, large)[1], Some(MESSAGE_BYTES_MAX.to_string()));
        assert_eq!(told(&settings, "isolation.level")[0].as_deref(), Some("read_committed"));
    }
}
