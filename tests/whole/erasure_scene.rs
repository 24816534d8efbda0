//! The scene in which Ann is erased: a deployment on a real Apache Kafka, what she and Bea have, and the questions that a proof asks. In: records
//! and requests. Out: who is published, and where a trace of her is: in a table, on the disk, in a segment of a log.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use kinfold_cli::run::now;
use kinfold_daemon::config::Config;
use kinfold_daemon::process::kafka_settings;
use kinfold_kafka::Settings;
use kinfold_kafka::client::{Outgoing, produce, read_table, send};
use kinfold_model::{Identifier, Keys, NodeId, Timestamp, UnifiedProfile};
use kinfold_pipeline::StageName;
use kinfold_testkit::broker::Broker;
use kinfold_wire::{SchemaIds, Topic, decode, output_topic};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::dead_on_kafka::Deployment;
use crate::deployed::{Consumers, until, variables};
use crate::traces::Traces;

/// How long anything may take on a machine that is busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);
const PARTITIONS: usize = 2;
/// Enough for each partition of each topic to have some of them, as good as certainly.
const MARKERS: usize = 16;

pub(crate) const CUSTOMER: &str = "K-QZ7741XA";
pub(crate) const EMAIL: &str = "zqanwhk7v@example.org";
pub(crate) const PHONE: &str = "+4915127394615";
/// Of a family, to which both belong.
pub(crate) const SHARED: &str = "+4915168249173";
pub(crate) const COOKIE: &str = "ck-vq83hzma1";
pub(crate) const LATE: &str = "ck-late-w5j0xq";
pub(crate) const GIVEN: &str = "Quirindalva";
pub(crate) const ORDER: &str = "O-7hq2wz9";
/// All that only she has, and her family's telephone; the shortest part of her address that is hers.
pub(crate) const ANN: [(&str, &str); 9] = [
    ("customer number", CUSTOMER),
    ("e-mail", EMAIL),
    ("mailbox", "zqanwhk7v"),
    ("telephone", PHONE),
    ("telephone of the family", SHARED),
    ("cookie", COOKIE),
    ("cookie of a late touchpoint", LATE),
    ("given name", GIVEN),
    ("order", ORDER),
];
pub(crate) const BEA_EMAIL: &str = "wkbeutj3x@example.org";
const BEA: [(&str, &str); 2] = [("mailbox", "wkbeutj3x"), ("given name", "Ombraletta")];
/// The stages whose state had what she said.
pub(crate) const STAGES: [StageName; 3] = [StageName::Stitch, StageName::Facets, StageName::People];

/// A deployment with an output, a verifier, and a broker that keeps old records no longer than it must.
pub(crate) struct Scene {
    pub(crate) deployment: Deployment,
    pub(crate) ann: Traces,
    bea: Traces,
    /// Of her identifiers.
    pub(crate) nodes: Vec<NodeId>,
    /// The verifier's.
    pub(crate) key: String,
    markers: Cell<usize>,
    // In this order: the broker is stopped before its folder goes.
    pub(crate) broker: Broker,
    pub(crate) folder: TempDir,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// The same with settings, `KINFOLD_…` and value.
    pub(crate) fn with(more: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let quick = [
            // What is searched for has to be legible.
            "compression.type=uncompressed",
            "log.roll.ms=1000",
            "log.cleaner.backoff.ms=500",
            "log.cleaner.min.cleanable.ratio=0.01",
            "log.segment.delete.delay.ms=1000",
        ];
        let broker = Broker::start_with(&folder.path().join("broker"), quick.map(str::to_owned).into())
            .unwrap_or_else(|said| panic!("no broker: {said}"));
        let mut variables = variables(
            &broker,
            &[
                ("KINFOLD_TOPICS__SOURCES", "web"),
                ("KINFOLD_CAPTURE__BRAKE_RATIO", "0"),
                ("KINFOLD_STATE__REWRITE_INTERVAL_MS", "1000"),
                // What `kinfold privacy` removes is looked at, and nobody else is to remove it.
                ("KINFOLD_CAPTURE__SWEEP_INTERVAL_MS", "0"),
                ("KINFOLD_PURPOSES__MARKETING__BASIS", "legitimate_interests"),
                ("KINFOLD_OUTPUTS__ADS__PURPOSES", "marketing"),
                ("KINFOLD_OUTPUTS__ADS__IDENTIFIERS__EMAIL", "clear"),
                ("KINFOLD_OUTPUTS__ADS__IDENTIFIERS__PHONE", "sha256"),
            ],
        );
        variables.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let config = Config::load(None, variables.clone().into_iter()).expect("the settings are right");
        let mut deployment = Deployment { variables, settings: kafka_settings(&config) };
        let key = folder.path().join("desk.key").display().to_string();
        let printed = deployment.said(&["privacy", "keygen", &key]);
        let public = printed.split('"').nth(1).expect("a public key").to_owned();
        deployment.variables.insert("KINFOLD_PRIVACY__VERIFIERS__DESK__PUBLIC_KEY".to_owned(), public);
        deployment.said(&["topics", "apply"]);
        let keys = Keys::new(config.require_secret().expect("there is one"));
        let node = |(namespace, value)| keys.identifier(&Identifier::new(namespace, value), &config.rules);
        let identifiers = [
            ("customer_id", CUSTOMER),
            ("email", EMAIL),
            ("phone", PHONE),
            ("phone", SHARED),
            ("cookie", COOKIE),
        ];
        Self {
            deployment,
            ann: Traces::of(&ANN),
            bea: Traces::of(&BEA),
            nodes: identifiers.map(node).into(),
            key,
            markers: Cell::new(0),
            broker,
            folder,
        }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.deployment.settings
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub(crate) fn consumers(&self) -> Consumers {
        Consumers::start(&self.deployment.variables, self.folder.path())
    }

    pub(crate) fn sends(&self, records: Vec<Vec<u8>>) {
        let records = records.into_iter().map(|record| ("raw.web".to_owned(), record));
        produce(self.settings(), records).expect("they arrive");
    }

    pub(crate) fn profiles(&self) -> Vec<UnifiedProfile> {
        let table = read_table(self.settings(), Topic::UnifiedProfile.as_str()).expect("is read");
        let read = |value: &Vec<u8>| decode(Topic::UnifiedProfile, &SchemaIds::default(), value);
        table.values().map(|value| read(value).expect("we wrote it")).collect()
    }

    /// Who has an identifier of this value.
    pub(crate) fn whose(&self, value: &str) -> Option<UnifiedProfile> {
        self.profiles().into_iter().find(|profile| profile.identifiers.iter().any(|one| one.value == value))
    }

    /// Others are seen on each partition of the source, until all of them are published: what came before is dealt with.
    pub(crate) fn goes_on(&self) {
        let first = self.markers.get();
        self.markers.set(first + MARKERS);
        let address = |number: usize| format!("m-{number}@example.net");
        let marker = |number: usize| Outgoing {
            topic: "raw.web".to_owned(),
            partition: i32::try_from(number % PARTITIONS).ok(),
            value: Some(touchpoint(
                &format!("m-{number}"),
                7,
                &[("email", address(number).as_str())],
                &json!({ "attributes": { "city": "Dresden" } }),
            )),
            ..Outgoing::default()
        };
        send(self.settings(), (first..first + MARKERS).map(marker)).expect("they arrive");
        until("the markers to be published", PATIENCE, || {
            let profiles = self.profiles();
            let seen: BTreeSet<&str> = profiles
                .iter()
                .flat_map(|profile| &profile.identifiers)
                .map(|one| one.value.as_str())
                .collect();
            (first..first + MARKERS).all(|number| seen.contains(address(number).as_str()))
        });
    }

    /// `kinfold privacy erase --json`: its exit code and the receipt.
    pub(crate) fn erases(
        &self,
        identifier: &str,
        request_id: &str,
        verifier: &str,
        key: &str,
    ) -> (Option<i32>, Value) {
        self.asks(["erase", identifier, "--request-id", request_id], verifier, key)
    }

    /// The same of another verb.
    pub(crate) fn asks(&self, what: [&str; 4], verifier: &str, key: &str) -> (Option<i32>, Value) {
        let signed = ["--verifier", verifier, "--key", key, "--wait", "180", "--json"];
        let answer = self.deployment.kinfold(&[&["privacy"], &what[..], &signed].concat());
        let told: Value = serde_json::from_slice(&answer.stdout).unwrap_or_default();
        (answer.status.code(), told[0].clone())
    }

    /// How many letters about raw records stand open.
    pub(crate) fn open_letters(&self) -> usize {
        let listed = self.deployment.said(&["dead", "list", "--json"]);
        let listed: Value = serde_json::from_str(&listed).expect("JSON");
        let is_raw =
            |letter: &&Value| letter["topic"].as_str().is_some_and(|topic| topic.ends_with("raw.web"));
        listed.as_array().expect("an array").iter().filter(is_raw).count()
    }

    /// She is in no table, and Bea is where she was.
    pub(crate) fn ann_is_nowhere(&self, bea: &UnifiedProfile, when: &str) {
        for topic in tables() {
            let table = read_table(self.settings(), &topic).expect("is read");
            let found: BTreeSet<&str> = table.values().flat_map(|value| self.ann.within(value)).collect();
            assert!(found.is_empty(), "{when}: {topic} has {found:?}");
            let hers = self.nodes.iter().find(|node| table.contains_key(node.to_string().as_bytes()));
            assert_eq!(hers, None, "{when}: {topic} has a node of hers");
        }
        let now = self.whose(BEA_EMAIL).unwrap_or_else(|| panic!("{when}: Bea is gone"));
        assert!(now.person_id == bea.person_id, "{when}: Bea is somebody else");
        assert!(remains(&now) == remains(bea), "{when}: Bea's profile changed");
    }

    /// Waits until the files of each store were written anew, stops the consumers, and searches all that they leave on the disk.
    pub(crate) fn ann_is_on_no_disk(&self, consumers: Consumers, when: &str) {
        let since = now();
        until("all stores to be written anew", PATIENCE, || {
            self.goes_on();
            STAGES
                .iter()
                .all(|stage| (0..PARTITIONS).all(|partition| self.rewritten(*stage, partition) > since))
        });
        consumers.stop();
        let aside: Vec<PathBuf> = STAGES
            .iter()
            .flat_map(|stage| std::fs::read_dir(self.state().join(stage.as_str())).expect("a folder"))
            .map(|entry| entry.expect("can be listed").path())
            .filter(|path| path.display().to_string().contains("set-aside"))
            .collect();
        assert!(aside.is_empty(), "{when}: stores were set aside: {aside:?}");
        let found = self.ann.below(&self.state(), &|_| true);
        assert!(found.is_empty(), "{when}: on the disk are {found:?}");
        // What is not looked for properly is not found either.
        for stage in [StageName::Facets, StageName::People] {
            let found = self.bea.below(&self.state().join(stage.as_str()), &|_| true);
            assert!(
                BEA.iter().all(|(name, _)| found.contains(name)),
                "{when}: of Bea {stage} has only {found:?}"
            );
        }
        let found = self
            .ann
            .below(self.folder.path(), &|name| name.starts_with("kinfold-") && name.ends_with(".log"));
        assert!(found.is_empty(), "{when}: the logs of the consumers have {found:?}");
    }

    /// When the files of a store were last written anew; the least of all times when they never were.
    fn rewritten(&self, stage: StageName, partition: usize) -> Timestamp {
        let path = self.state().join(stage.as_str()).join(format!("{partition}.rewritten"));
        let noted = std::fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<i64>().ok());
        noted.and_then(|ms| Timestamp::from_millis(ms).ok()).unwrap_or_default()
    }

    /// What the broker has of her in the segments of topics, by topic.
    pub(crate) fn in_segments(&self, topics: &[String]) -> BTreeMap<String, BTreeSet<&str>> {
        let data = self.folder.path().join("broker/data");
        let mut found: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for (topic, partition) in topics.iter().flat_map(|topic| (0..PARTITIONS).map(move |one| (topic, one)))
        {
            let folder = data.join(format!("{}-{partition}", self.settings().topic(topic)));
            let names = self.ann.below(&folder, &|name| name.contains(".log"));
            if !names.is_empty() {
                found.entry(topic.clone()).or_default().extend(names);
            }
        }
        found
    }
}

/// What a person is apart from the family's telephone, and from how often they were published.
fn remains(profile: &UnifiedProfile) -> UnifiedProfile {
    let mut profile = profile.clone();
    profile.identifiers.retain(|one| one.value != SHARED);
    profile.standard.phones.retain(|one| one.number != SHARED);
    (profile.version, profile.changed) = (0, Vec::new());
    profile.aliases.clear();
    profile
}

/// On a day in March, with these identifiers and more members.
pub(crate) fn touchpoint(id: &str, day: u8, identifiers: &[(&str, &str)], more: &Value) -> Vec<u8> {
    let identifiers =
        identifiers.iter().map(|(namespace, value)| json!({ "namespace": namespace, "value": value }));
    let mut record = json!({
        "touchpoint_id": id, "time": format!("2026-03-0{day}T10:00:00Z"), "source": "web",
        "identifiers": identifiers.collect::<Value>(),
    });
    if let (Some(record), Some(more)) = (record.as_object_mut(), more.as_object()) {
        record.extend(more.clone());
    }
    record.to_string().into_bytes()
}

/// The topics that show how things are.
fn tables() -> [String; 3] {
    let [assignments, profiles] =
        [Topic::IdentityAssignment, Topic::UnifiedProfile].map(|one| one.to_string());
    [assignments, profiles, output_topic("ads")]
}

/// The topics from which old records go by compaction.
pub(crate) fn compacted() -> Vec<String> {
    let stages = StageName::ALL.into_iter().filter(|stage| stage.is_stateful());
    tables().into_iter().chain(stages.map(Settings::changelog)).collect()
}

/// The topics from which nothing goes.
pub(crate) fn kept() -> Vec<String> {
    let topics = [
        Topic::IdentityOp,
        Topic::IdentityCommand,
        Topic::IdentityChange,
        Topic::ConsentChange,
        Topic::PrivacyReceipt,
        Topic::Erasure,
        Topic::PrivacyReport,
    ];
    topics.map(|topic| topic.to_string()).into()
}
