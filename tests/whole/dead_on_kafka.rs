//! `kinfold dead` on a real Apache Kafka: what capture refused is listed, shown, and sent back exactly once, also when replays
//! are killed, when two run at once, and when one is run again.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use kinfold_daemon::config::Config;
use kinfold_daemon::process::kafka_settings;
use kinfold_kafka::Settings;
use kinfold_kafka::client::produce;
use kinfold_kafka::reader::{Isolation, Reader, Stored, read};
use kinfold_testkit::broker::Broker;
use kinfold_wire::{ORIGINAL_HEADER, TRACE_HEADER, Topic, Trace};

use crate::command_line::get;
use crate::on_kafka::free_address;
use crate::programs::{Running, program};

/// How long anything may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(120);
const RECORDS: usize = 10_000;
/// Enough for ten transactions of a replay, so that one that is stopped in its first or second is far from its end.
const REFUSED: usize = RECORDS / 2;
/// What a replay makes one transaction.
const BATCH: usize = 500;

/// A deployment with one source, of which only capture runs.
pub(crate) struct Deployment {
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) settings: Settings,
}

impl Deployment {
    pub(crate) fn new(broker: &Broker) -> Self {
        let variables: BTreeMap<String, String> = [
            ("KINFOLD_SECRET", "a secret that only tests use"),
            ("KINFOLD_KAFKA__BOOTSTRAP", &broker.address),
            ("KINFOLD_KAFKA__SESSION_TIMEOUT_MS", "10000"),
            ("KINFOLD_KAFKA__TRANSACTION_TIMEOUT_MS", "8000"),
            ("KINFOLD_TOPICS__PARTITIONS", "2"),
            ("KINFOLD_TOPICS__SOURCES", "web"),
            // Half of what comes is refused.
            ("KINFOLD_CAPTURE__BRAKE_RATIO", "0"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let config = Config::load(None, variables.clone().into_iter()).expect("the settings are right");
        Self { variables, settings: kafka_settings(&config) }
    }

    pub(crate) fn kinfold(&self, arguments: &[&str]) -> Output {
        program("kinfold").args(arguments).envs(&self.variables).output().expect("runs")
    }

    /// What `kinfold` says when it succeeds.
    pub(crate) fn said(&self, arguments: &[&str]) -> String {
        let output = self.kinfold(arguments);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        said
    }

    pub(crate) fn capture(&self, unknown_members: &str, folder: &Path) -> (String, Running) {
        let address = free_address();
        let log = std::fs::File::options().create(true).append(true).open(folder.join("capture.log"));
        let child = program("kinfold-capture")
            .envs(&self.variables)
            .env("KINFOLD_CAPTURE__UNKNOWN_MEMBERS", unknown_members)
            .env("KINFOLD_HTTP__LISTEN", &address)
            .stderr(Stdio::from(log.expect("a file")))
            .spawn();
        (address, Running(child.expect("capture starts")))
    }

    pub(crate) fn read(&self, topic: &str) -> Vec<Stored> {
        read(&self.settings, topic, Isolation::Committed).expect("the topic is read")
    }

    /// Waits until capture has read as many records as there are.
    pub(crate) fn await_capture(&self, address: &str, records: usize) {
        let begin = "kinfold_records_consumed_total{";
        let deadline = Instant::now() + PATIENCE;
        loop {
            let metrics = get(address, "/metrics").unwrap_or_default();
            let lines = metrics.lines().filter(|line| line.starts_with(begin));
            let sum: usize = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok()).sum();
            if sum >= records {
                assert_eq!(sum, records);
                return;
            }
            assert!(Instant::now() < deadline, "capture has read {sum} of {records} records");
            thread::sleep(Duration::from_millis(200));
        }
    }
}

fn header(record: &Stored, name: &str) -> Option<String> {
    let (_, value) = record.headers.iter().find(|(key, _)| key == name)?;
    Some(String::from_utf8_lossy(value).into_owned())
}

/// How often each trace is among records.
fn traces(records: &[Stored]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for trace in records.iter().filter_map(|record| header(record, TRACE_HEADER)) {
        *counts.entry(trace).or_default() += 1;
    }
    counts
}

fn records() -> impl Iterator<Item = (String, Vec<u8>)> {
    (0..RECORDS).map(|number| {
        let stranger = if number % 2 == 0 { r#","shoe_size":44"# } else { "" };
        let record = format!(
            r#"{{"time":1772360100000,"source":"web","identifiers":[{{"namespace":"cookie","value":"c-{number}"}}]{stranger}}}"#
        );
        ("raw.web".to_owned(), record.into_bytes())
    })
}

#[test]
fn what_was_refused_is_sent_back_exactly_once_though_replays_are_killed_and_run_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = Broker::start(&folder.path().join("broker"));
    let deployment = Deployment::new(&broker);
    deployment.said(&["topics", "apply"]);
    assert!(deployment.said(&["dead", "list"]).contains("no such dead letter stands open"));
    produce(&deployment.settings, records()).expect("records arrive");
    let (address, capture) = deployment.capture("refuse", folder.path());
    deployment.await_capture(&address, RECORDS);
    assert_eq!(capture.stop(), Some(0));

    let listed: serde_json::Value =
        serde_json::from_str(&deployment.said(&["dead", "list", "--json", "--limit", "100000"]))
            .expect("JSON");
    let letters = listed.as_array().expect("an array");
    assert_eq!(letters.len(), REFUSED);
    assert!(
        letters.iter().all(|letter| letter["kind"] == "unknown_member" && letter["member"] == "shoe_size")
    );
    let one = letters[0]["coordinates"].as_str().expect("text").to_owned();
    assert!(!deployment.said(&["dead", "show", &one]).contains("identifiers"), "the payload is asked for");
    assert!(deployment.said(&["dead", "show", &one, "--payload"]).contains("\"namespace\":\"cookie\""));
    assert!(
        deployment.said(&["dead", "list", "--kind", "bad_time"]).contains("no such dead letter stands open")
    );
    assert!(deployment.said(&["dead", "replay", "--dry-run"]).contains(&format!("{REFUSED} of web")));
    assert_eq!(deployment.read("raw.web").len(), RECORDS, "nothing was sent yet");

    send_back(&deployment, &one);

    let back: Vec<Stored> = deployment
        .read("raw.web")
        .into_iter()
        .filter(|record| header(record, ORIGINAL_HEADER).is_some())
        .collect();
    let mut places: Vec<String> = back
        .iter()
        .filter_map(|record| Some(header(record, ORIGINAL_HEADER)?.split_once('@')?.0.to_owned()))
        .collect();
    let mut expected: Vec<&str> =
        letters.iter().filter_map(|letter| letter["coordinates"].as_str()).collect();
    places.sort();
    expected.sort_unstable();
    assert!(places == expected, "{} records went back for {} letters", places.len(), expected.len());
    assert_eq!(deployment.dealt_with(), REFUSED);

    // Nothing was mended yet: all are refused again, under the coordinates of the first time.
    let (address, capture) = deployment.capture("refuse", folder.path());
    deployment.await_capture(&address, REFUSED);
    assert_eq!(capture.stop(), Some(0));
    let again: serde_json::Value =
        serde_json::from_str(&deployment.said(&["dead", "list", "--json", "--limit", "100000"]))
            .expect("JSON");
    assert_eq!(&again, &listed, "the same letters stand open");

    deployment.said(&["dead", "replay"]);
    let (address, capture) = deployment.capture("drop", folder.path());
    deployment.await_capture(&address, REFUSED);
    assert_eq!(capture.stop(), Some(0));
    let touchpoints = traces(&deployment.read(Topic::Touchpoint.as_str()));
    let raw = deployment.read("raw.web");
    let firsts = raw.iter().filter(|record| header(record, ORIGINAL_HEADER).is_none());
    let expected: BTreeMap<String, usize> = firsts
        .map(|record| (Trace::of_source("raw.web", record.partition, record.offset).to_string(), 1))
        .collect();
    assert!(touchpoints == expected, "each record is one touchpoint, with the trace of the first time");
    assert!(deployment.said(&["dead", "list"]).contains("no such dead letter stands open"));
}

/// Sends all letters back: one alone, some in replays that are killed in mid-transaction, the rest in two at once.
fn send_back(deployment: &Deployment, one: &str) {
    deployment.said(&["dead", "replay", one]);
    let gone = deployment.kinfold(&["dead", "replay", one]);
    assert_eq!(gone.status.code(), Some(1), "it was dealt with");
    assert!(String::from_utf8_lossy(&gone.stderr).contains(one));
    // In the transaction after one that was committed, in the first, and once more in the second.
    for written in [BATCH + 1, 1, BATCH + 1] {
        let before = deployment.dealt_with();
        let mut running = deployment.replay_that_wrote(written);
        running.0.kill().expect("it runs");
        let code = running.0.wait().expect("it was started").code();
        assert_eq!(code, None, "the replay ended before it was killed");
        let after = deployment.dealt_with();
        assert!((before + written - 1..REFUSED).contains(&after), "{before} were dealt with, then {after}");
    }

    // It stands still with a transaction open or about to begin, while another one sends all that it has not committed.
    let mut earlier = deployment.replay_that_wrote(1);
    signal(&earlier, "STOP");
    let later = deployment.said(&["dead", "replay"]);
    assert!(later.contains("sent: "), "the earlier one had ended before the later one began: {later}");
    signal(&earlier, "CONT");
    let mut complaint = String::new();
    let mut stderr = earlier.0.stderr.take().expect("it is a pipe");
    stderr.read_to_string(&mut complaint).expect("it is text");
    assert_eq!(earlier.0.wait().expect("it was started").code(), Some(1), "{complaint}");
    assert!(complaint.contains("another `kinfold dead replay` of this deployment has begun"), "{complaint}");
    assert!(deployment.said(&["dead", "replay"]).contains("nothing is to be sent"));
}

fn signal(running: &Running, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), running.0.id().to_string()]).status();
    assert!(sent.expect("kill runs").success());
}

impl Deployment {
    /// How many records the committed tombstones say are dealt with.
    fn dealt_with(&self) -> usize {
        let refused = self.read(Topic::TouchpointRefused.as_str());
        refused.iter().filter(|record| record.value.is_none()).count()
    }

    /// A replay of all that stands open, which has written so many tombstones by now, committed or not.
    fn replay_that_wrote(&self, tombstones: usize) -> Running {
        let refused = Topic::TouchpointRefused.as_str();
        let written =
            Reader::from_end(&self.settings, refused, Isolation::Uncommitted).expect("the topic is read");
        let child = program("kinfold")
            .args(["dead", "replay"])
            .envs(&self.variables)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let running = Running(child.expect("a replay starts"));
        let (deadline, mut seen) = (Instant::now() + PATIENCE, 0);
        while seen < tombstones {
            assert!(Instant::now() < deadline, "the replay has written {seen} of {tombstones} tombstones");
            let record = written.next(Duration::from_secs(1)).expect("the topic is read");
            seen += usize::from(record.is_some_and(|record| record.value.is_none()));
        }
        running
    }
}
