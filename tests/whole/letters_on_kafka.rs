//! Dead letters go by themselves, on a real Apache Kafka with the three consumers: those that their source lets be kept for no longer,
//! and, when a portal's request was carried out, those that name whoever was erased. Nobody calls `kinfold`; the others stay.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use kinfold_cli::run::now;
use kinfold_daemon::config::Config;
use kinfold_daemon::process::kafka_settings;
use kinfold_kafka::client::{Outgoing, produce_keyed, read_table, send};
use kinfold_model::privacy::{PrivacyKind, PrivacyScope};
use kinfold_model::{Identifier, PrivacyRequest};
use kinfold_privacy::verify::{public_key, sign, to_hex};
use kinfold_testkit::broker::Broker;
use kinfold_wire::{Coordinates, Framing, ORIGINAL_HEADER, Original, Topic, encode, raw_topic};
use serde_json::{Value, json};

use crate::command_line::get;
use crate::dead_on_kafka::Deployment;
use crate::deployed::{start, until, variables};
use crate::erasure_scene::{PATIENCE, touchpoint};

const HOUR_MS: i64 = 3_600_000;
const DESK: [u8; 32] = [7; 32];

/// A deployment of two sources, whose dead letters are swept every hour. `till` keeps its own for half an hour, `web` says nothing of them.
fn deployment(broker: &Broker, folder: &Path) -> Deployment {
    let sources = folder.join("sources");
    std::fs::create_dir_all(sources.join("till.cases")).expect("is made");
    for (name, text) in [
        ("till.toml", "format = \"json\"\nrefused_retention_ms = 1_800_000\n"),
        ("till.jq", "empty\n"),
        ("till.cases/one.json", "{}"),
        ("till.cases/one.out.json", r#"{"touchpoints": [], "refused": [], "dropped": {}}"#),
    ] {
        std::fs::write(sources.join(name), text).expect("is written");
    }
    let variables = variables(
        broker,
        &[
            ("KINFOLD_TOPICS__SOURCES", "web,till"),
            ("KINFOLD_CAPTURE__SOURCES_DIR", &sources.display().to_string()),
            ("KINFOLD_CAPTURE__SWEEP_INTERVAL_MS", "3600000"),
            ("KINFOLD_CAPTURE__BRAKE_RATIO", "0"),
            ("KINFOLD_PRIVACY__VERIFIERS__DESK__PUBLIC_KEY", &to_hex(&public_key(&DESK))),
        ],
    );
    let config = Config::load(None, variables.clone().into_iter()).expect("the settings are right");
    Deployment { variables, settings: kafka_settings(&config) }
}

/// The same, while nothing is swept.
fn unswept(deployment: &Deployment) -> Deployment {
    let mut variables = deployment.variables.clone();
    variables.insert("KINFOLD_CAPTURE__SWEEP_INTERVAL_MS".to_owned(), "0".to_owned());
    Deployment { variables, settings: deployment.settings.clone() }
}

/// How many letters stand open, by source.
fn open(deployment: &Deployment) -> BTreeMap<String, usize> {
    let listed: Value = serde_json::from_str(&deployment.said(&["dead", "list", "--json"])).expect("JSON");
    let mut counts = BTreeMap::new();
    for letter in listed.as_array().expect("an array") {
        *counts.entry(letter["source"].as_str().expect("a source").to_owned()).or_default() += 1;
    }
    counts
}

fn counts(expected: &[(&str, usize)]) -> BTreeMap<String, usize> {
    expected.iter().map(|(source, count)| ((*source).to_owned(), *count)).collect()
}

/// A record that nobody can read, and that names somebody.
fn unreadable(source: &str, name: &str) -> Outgoing {
    Outgoing {
        topic: format!("raw.{source}"),
        value: Some(format!("{{ \"to\": \"{name}@example.org\"").into_bytes()),
        ..Outgoing::default()
    }
}

/// The same, which stood in its topic an hour ago and was sent back since: the broker's time is that of now.
fn from_an_hour_ago(source: &str, name: &str) -> Outgoing {
    let coordinates = Coordinates { topic: raw_topic(source), partition: 0, offset: 1_000_000 };
    let first = Original { coordinates, time: now().plus_millis(-HOUR_MS) };
    let headers = vec![(ORIGINAL_HEADER.to_owned(), first.to_string().into_bytes())];
    Outgoing { headers, ..unreadable(source, name) }
}

/// A request to forget Ann, as a portal writes it.
fn request() -> Vec<u8> {
    let mut request = PrivacyRequest {
        request_id: "portal-1".to_owned(),
        kind: PrivacyKind::Erase,
        scope: PrivacyScope::Person,
        identifiers: vec![Identifier::new("email", "ann@example.org").into()],
        time: now(),
        verifier: Some("desk".to_owned()),
        signature: None,
    };
    request.signature = Some(sign(&request, &DESK));
    encode(Topic::PrivacyRequest, Framing::SingleObject, &request).expect("encodes")
}

#[test]
fn letters_go_when_their_time_is_over_and_when_who_they_name_is_erased_though_nobody_asks() {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = Broker::start(&folder.path().join("broker"));
    let deployment = deployment(&broker, folder.path());
    deployment.said(&["topics", "apply"]);
    let unswept = unswept(&deployment);
    let (address, capture) = unswept.capture("refuse", folder.path());
    let others =
        ["kinfold-stitch", "kinfold-profile"].map(|one| start(one, &deployment.variables, folder.path()));

    let ann = touchpoint(
        "a-1",
        1,
        &[("email", "ann@example.org")],
        &json!({ "attributes": { "city": "Dresden" } }),
    );
    let records = [
        from_an_hour_ago("till", "bea"),
        unreadable("till", "bea"),
        from_an_hour_ago("web", "bea"),
        unreadable("web", "ann"),
        Outgoing { topic: "raw.web".to_owned(), value: Some(ann), ..Outgoing::default() },
    ];
    send(&deployment.settings, records.into_iter()).expect("they arrive");
    unswept.await_capture(&address, 5);
    let all = counts(&[("till", 2), ("web", 2)]);
    until("the letters to be there", PATIENCE, || open(&deployment) == all);
    assert_eq!(capture.stop(), Some(0));
    // The first sweep comes soon after the start and the next in an hour: what goes in between goes because somebody was erased.
    let (address, capture) = deployment.capture("refuse", folder.path());
    until("the letter of an hour ago to go", PATIENCE, || {
        open(&deployment) == counts(&[("till", 1), ("web", 2)])
    });
    until("Ann to be published", PATIENCE, || {
        let profiles = read_table(&deployment.settings, Topic::UnifiedProfile.as_str());
        !profiles.expect("is read").is_empty()
    });

    let requests = Topic::PrivacyRequest.as_str();
    produce_keyed(&deployment.settings, requests, "portal-1", request()).expect("it arrives");
    until("the request to be done", PATIENCE, || {
        let answer = deployment.kinfold(&["privacy", "status", "portal-1", "--json"]);
        serde_json::from_slice::<Value>(&answer.stdout).is_ok_and(|receipt| receipt["status"] == "done")
    });
    let without_ann = |open: &BTreeMap<String, usize>| open.get("web") == Some(&1);
    until("the letter that names Ann to go", PATIENCE, || without_ann(&open(&deployment)));
    let kept = deployment.said(&["dead", "replay", "--dry-run"]);
    assert!(kept.contains("1 of web"), "the letter that names Bea stays, however old: {kept}");

    let has = |metrics: &str, reason: &str| {
        let line = format!("kinfold_letters_removed_total{{reason=\"{reason}\"}} 1");
        metrics.lines().any(|one| one == line)
    };
    until("the removals to be counted", Duration::from_secs(10), || {
        let metrics = get(&address, "/metrics").unwrap_or_default();
        ["erasure", "retention"].iter().all(|reason| has(&metrics, reason))
    });
    assert_eq!(capture.stop(), Some(0));
    others.into_iter().for_each(|one| assert_eq!(one.stop(), Some(0)));
    let log = std::fs::read_to_string(folder.path().join("capture.log")).expect("it was written");
    assert!(log.contains("dead letters were removed"), "{log}");
    assert!(!log.contains("example.org"), "a value is in the log");
}
