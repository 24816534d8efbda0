//! The brake on a real Apache Kafka: a source whose records are refused is paused while another goes on, and a hang-up signal
//! lets go: then it goes on where it stood.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use kinfold_daemon::config::Config;
use kinfold_daemon::process::kafka_settings;
use kinfold_kafka::client::produce;
use kinfold_kafka::reader::{Isolation, read};
use kinfold_testkit::broker::Broker;
use kinfold_wire::Topic;

use crate::command_line::get;
use crate::on_kafka::free_address;
use crate::programs::{Running, program};

/// How long anything may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(120);

fn records(
    source: &'static str,
    count: usize,
    rest: &'static str,
) -> impl Iterator<Item = (String, Vec<u8>)> {
    (0..count).map(move |number| {
        let identifier = format!(r#"{{"namespace":"cookie","value":"{source}-{number}"}}"#);
        let record =
            format!(r#"{{"time":1772360100000,"source":"{source}","identifiers":[{identifier}]{rest}}}"#);
        (format!("raw.{source}"), record.into_bytes())
    })
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_source_that_is_refused_is_paused_while_another_goes_on_and_a_hangup_lets_go() {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = Broker::start(&folder.path().join("broker"));
    let address = free_address();
    let variables: BTreeMap<String, String> = [
        ("KINFOLD_SECRET", "a secret that only tests use"),
        ("KINFOLD_KAFKA__BOOTSTRAP", &broker.address),
        ("KINFOLD_KAFKA__SESSION_TIMEOUT_MS", "10000"),
        ("KINFOLD_KAFKA__TRANSACTION_TIMEOUT_MS", "8000"),
        ("KINFOLD_KAFKA__BATCH_RECORDS", "50"),
        ("KINFOLD_TOPICS__PARTITIONS", "2"),
        ("KINFOLD_TOPICS__SOURCES", "web,crm"),
        ("KINFOLD_CAPTURE__BRAKE_RECORDS", "100"),
        ("KINFOLD_HTTP__LISTEN", &address),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let config = Config::load(None, variables.clone().into_iter()).expect("the settings are right");
    let settings = kafka_settings(&config);
    let applied = program("kinfold").args(["topics", "apply"]).envs(&variables).output().expect("runs");
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    produce(&settings, records("web", 1000, r#","shoe_size":44"#)).expect("records arrive");
    let log = std::fs::File::create(folder.path().join("capture.log")).expect("a file");
    let child = program("kinfold-capture").envs(&variables).stderr(Stdio::from(log)).spawn();
    let capture = Running(child.expect("capture starts"));
    let count = |topic: Topic| read(&settings, topic.as_str(), Isolation::Committed).expect("is read").len();
    let metric = |line: &str| get(&address, "/metrics").unwrap_or_default().lines().any(|one| one == line);

    until("the source to be paused", || metric(r#"kinfold_source_paused{source="web"} 1"#));
    assert!(metric(r#"kinfold_source_paused{source="crm"} 0"#));
    let status = get(&address, "/status").unwrap_or_default();
    assert!(status.contains("source web is paused") && status.contains("unknown_member"), "{status}");
    assert!(get(&address, "/ready").is_some_and(|answer| answer.starts_with("HTTP/1.1 200")));
    produce(&settings, records("crm", 500, "")).expect("records arrive");
    until("the other source", || count(Topic::Touchpoint) == 500);
    let refused = count(Topic::TouchpointRefused);
    assert!((100..=150).contains(&refused), "{refused} records were refused before the brake");
    let lines = std::fs::read_to_string(folder.path().join("capture.log")).expect("a log");
    assert!(lines.contains("kinfold dead list --source web"), "{lines}");

    // What comes next is right, but a window of a hundred has to pass before anybody knows.
    produce(&settings, records("web", 200, "")).expect("records arrive");
    let mut hangups = 0;
    until("all records to be read", || {
        if metric(r#"kinfold_source_paused{source="web"} 1"#) {
            let asked = Command::new("kill").args(["-HUP", &capture.0.id().to_string()]).status();
            assert!(asked.expect("kill runs").success());
            hangups += 1;
        }
        count(Topic::Touchpoint) == 700 && count(Topic::TouchpointRefused) == 1000
    });
    assert!(hangups > 1, "it was paused again as long as most was refused");
    assert_eq!((count(Topic::Touchpoint), count(Topic::TouchpointRefused)), (700, 1000), "each record once");
    assert_eq!(capture.stop(), Some(0));
}
