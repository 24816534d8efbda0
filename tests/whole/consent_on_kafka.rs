//! A yes that ends, on a real Apache Kafka: nobody says anything, and the end is told, once, although the people stage was
//! down when it passed. An output that needs the yes has the person until then.

use std::thread;
use std::time::{Duration, Instant};

use kinfold_cli::run::now;
use kinfold_daemon::config::Config;
use kinfold_daemon::process::kafka_settings;
use kinfold_kafka::Settings;
use kinfold_kafka::client::produce;
use kinfold_kafka::reader::{Isolation, read};
use kinfold_model::consent::ConsentCause;
use kinfold_model::{ConsentChange, ConsentState, Timestamp};
use kinfold_testkit::broker::Broker;
use kinfold_wire::{SchemaIds, Topic, decode, output_topic};

use crate::deployed::{start, variables};
use crate::programs::program;

/// How long anything may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(120);
/// From the decision to its end: longer than it takes to publish it, on any machine that is not at its limits.
const GRANTED_MS: i64 = 20_000;

/// What was told of consents so far.
fn told(settings: &Settings) -> Vec<ConsentChange> {
    let records = read(settings, Topic::ConsentChange.as_str(), Isolation::Committed).expect("is read");
    let value = |value: Vec<u8>| decode(Topic::ConsentChange, &SchemaIds::default(), &value);
    records.into_iter().filter_map(|record| record.value).map(|v| value(v).expect("we wrote it")).collect()
}

fn until_told(settings: &Settings, count: usize) -> Vec<ConsentChange> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let told = told(settings);
        if told.len() >= count {
            return told;
        }
        assert!(Instant::now() < deadline, "waited in vain for {count} changes: {told:?}");
        thread::sleep(Duration::from_millis(200));
    }
}

fn touchpoint(id: &str, time: Timestamp, rest: &str) -> (String, Vec<u8>) {
    let record = format!(
        r#"{{"touchpoint_id":"{id}","time":{},"source":"crm","identifiers":[{{"namespace":"customer_id","value":"C-1"}}]{rest}}}"#,
        time.millis()
    );
    ("raw.crm".to_owned(), record.into_bytes())
}

#[test]
fn a_yes_that_ends_while_nobody_is_there_is_told_afterwards_and_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = Broker::start(&folder.path().join("broker"));
    let more = [
        ("KINFOLD_TOPICS__SOURCES", "crm"),
        ("KINFOLD_PURPOSES__MARKETING__BASIS", "consent"),
        ("KINFOLD_OUTPUTS__ADS__PURPOSES", "marketing"),
    ];
    let variables = variables(&broker, &more);
    let config = Config::load(None, variables.clone().into_iter()).expect("the settings are right");
    let settings = kafka_settings(&config);
    let applied = program("kinfold").args(["topics", "apply"]).envs(&variables).output().expect("runs");
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    let [capture, stitch, profile] = ["kinfold-capture", "kinfold-stitch", "kinfold-profile"]
        .map(|consumer| start(consumer, &variables, folder.path()));

    // Once this is told all of them are at work.
    let granted = r#","consents":[{"purpose":"analytics","decision":"granted"}]"#;
    produce(&settings, [touchpoint("0", now(), granted)].into_iter()).expect("it arrives");
    until_told(&settings, 1);
    let end = now().plus_millis(GRANTED_MS);
    let consents =
        format!(r#","consents":[{{"purpose":"marketing","decision":"granted","expires":{}}}]"#, end.millis());
    produce(&settings, [touchpoint("1", now(), &consents)].into_iter()).expect("it arrives");
    until_told(&settings, 2);
    assert_eq!(profile.stop(), Some(0));
    while now() <= end {
        thread::sleep(Duration::from_millis(100));
    }
    let profile = start("kinfold-profile", &variables, folder.path());
    until_told(&settings, 3);
    // Another word on the person, and what follows from it, comes after whatever the end may have brought about twice.
    let newer = r#","consents":[{"purpose":"marketing","decision":"denied"}]"#;
    produce(&settings, [touchpoint("2", now(), newer)].into_iter()).expect("it arrives");
    let told: Vec<_> = until_told(&settings, 4)
        .into_iter()
        .skip(1)
        .map(|change| (change.before, change.after, change.cause, change.effective == Some(end)))
        .collect();
    let expected = [
        (ConsentState::Unknown, ConsentState::Granted, ConsentCause::Decision, false),
        (ConsentState::Granted, ConsentState::Expired, ConsentCause::Expiry, true),
        (ConsentState::Expired, ConsentState::Denied, ConsentCause::Decision, false),
    ];
    assert_eq!(told, expected);
    let shared = read(&settings, &output_topic("ads"), Isolation::Committed).expect("is read");
    let is_there: Vec<bool> = shared.into_iter().map(|record| record.value.is_some()).collect();
    assert_eq!(is_there, [true, false], "there with the yes, and taken away with its end");
    for consumer in [capture, stitch, profile] {
        assert_eq!(consumer.stop(), Some(0));
    }
}
