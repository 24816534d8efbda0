//! The three consumers as processes of a deployment on a real Apache Kafka. In: settings as variables, and a folder. Out: processes that
//! log to that folder and keep their state in it, and are ended with the test.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use kinfold_testkit::broker::Broker;

use crate::on_kafka::free_address;
use crate::programs::{Running, program};

const CONSUMERS: [&str; 3] = ["kinfold-capture", "kinfold-stitch", "kinfold-profile"];

/// The settings of a deployment of two partitions, and more.
pub(crate) fn variables(broker: &Broker, more: &[(&str, &str)]) -> BTreeMap<String, String> {
    let always = [
        ("KINFOLD_SECRET", "a secret that only tests use"),
        ("KINFOLD_KAFKA__BOOTSTRAP", broker.address.as_str()),
        ("KINFOLD_KAFKA__SESSION_TIMEOUT_MS", "10000"),
        ("KINFOLD_KAFKA__TRANSACTION_TIMEOUT_MS", "8000"),
        ("KINFOLD_TOPICS__PARTITIONS", "2"),
    ];
    always.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Starts one consumer. Its log is `<consumer>.log` in the folder, and its state is below `state`.
pub(crate) fn start(consumer: &str, variables: &BTreeMap<String, String>, folder: &Path) -> Running {
    let log = std::fs::File::options().create(true).append(true).open(folder.join(format!("{consumer}.log")));
    let child = program(consumer)
        .envs(variables)
        .env("KINFOLD_HTTP__LISTEN", free_address())
        .env("KINFOLD_STATE__DIR", folder.join("state"))
        .stderr(Stdio::from(log.expect("a file")))
        .spawn();
    Running(child.expect("a consumer starts"))
}

/// One process of each consumer.
pub(crate) struct Consumers([Running; 3]);

impl Consumers {
    pub(crate) fn start(variables: &BTreeMap<String, String>, folder: &Path) -> Self {
        Self(CONSUMERS.map(|consumer| start(consumer, variables, folder)))
    }

    /// Asks all of them to stop, and waits until they have.
    pub(crate) fn stop(self) {
        for (consumer, running) in CONSUMERS.into_iter().zip(self.0) {
            assert_eq!(running.stop(), Some(0), "{consumer}");
        }
    }
}

/// Waits until something holds, and fails when that takes longer than it may.
pub(crate) fn until(what: &str, patience: Duration, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + patience;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(200));
    }
}
