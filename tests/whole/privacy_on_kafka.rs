//! `kinfold privacy` on a real Apache Kafka without the stages: requests arrive signed, nobody waits for ever, and dead letters that
//! name whoever was erased are removed, and no others.

use kinfold_cli::run::now;
use kinfold_daemon::config::Config;
use kinfold_kafka::client::{Outgoing, produce, send};
use kinfold_kafka::reader::Stored;
use kinfold_model::privacy::{Erasure, Ruling};
use kinfold_model::{Identifier, Keys, Mark, Marks, PrivacyRequest, Reach};
use kinfold_privacy::Verifiers;
use kinfold_privacy::verify::{from_hex, public_key};
use kinfold_testkit::broker::Broker;
use kinfold_wire::{SchemaIds, TRACE_HEADER, Topic, Trace, decode, encode_inner};

use crate::dead_on_kafka::Deployment;
use crate::steward::said;

/// How many letters stand open.
fn open(deployment: &Deployment) -> usize {
    let listed = deployment.said(&["dead", "list", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    listed.as_array().expect("an array").len()
}

/// Stitch marks the node of an e-mail address as erased.
fn erased(deployment: &Deployment, address: &str) {
    let config =
        Config::load(None, deployment.variables.clone().into_iter()).expect("the settings are right");
    let keys = Keys::new(config.require_secret().expect("there is one"));
    let node = keys.identifier(&Identifier::new("email", address), &config.rules);
    let mut mark = Mark::default();
    mark.erase(Reach::Everything, now());
    let ruling = Ruling::Erased(Erasure { node, marks: Marks::alone(node, mark), ticket: None });
    let outgoing = Outgoing {
        topic: Topic::Erasure.as_str().to_owned(),
        key: Some(node.as_bytes().to_vec()),
        value: Some(encode_inner(&ruling).expect("encodes")),
        ..Outgoing::default()
    };
    send(&deployment.settings, std::iter::once(outgoing)).expect("it arrives");
}

#[test]
fn letters_that_name_whoever_was_erased_are_removed_and_no_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = Broker::start(&folder.path().join("broker"));
    let deployment = Deployment::new(&broker);
    deployment.said(&["topics", "apply"]);
    let refused = |address: &str| {
        format!(
            r#"{{"time":1772360100000,"source":"web","identifiers":[{{"namespace":"email","value":"{address}"}}],"shoe_size":44}}"#
        )
    };
    let records = [
        refused(" Ann@Example.org "),
        refused("bea@example.org"),
        "{ \"to\": \"ann@example.org\"".to_owned(),
    ];
    let raw = records.into_iter().map(|record| ("raw.web".to_owned(), record.into_bytes()));
    produce(&deployment.settings, raw).expect("records arrive");
    let (address, capture) = deployment.capture("refuse", folder.path());
    deployment.await_capture(&address, 3);
    assert_eq!(capture.stop(), Some(0));

    assert!(deployment.said(&["privacy", "sweep"]).contains("removed: none"), "nobody was erased");
    erased(&deployment, "ann@example.org");
    assert!(deployment.said(&["privacy", "sweep", "--dry-run"]).contains("would be removed: 2 of web"));
    assert_eq!(open(&deployment), 3, "it was only asked");
    let told = deployment.said(&["privacy", "sweep"]);
    assert!(told.contains("removed: 2 of web") && !told.contains("example.org"), "{told}");
    assert_eq!(open(&deployment), 1);
    assert!(deployment.said(&["privacy", "sweep"]).contains("removed: none"));
    assert!(deployment.said(&["dead", "replay", "--dry-run"]).contains("1 of web"), "another one is let be");
}

#[test]
fn a_request_arrives_signed_and_whoever_waits_is_told_when_it_takes_too_long() {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = Broker::start(&folder.path().join("broker"));
    let deployment = Deployment::new(&broker);
    deployment.said(&["topics", "apply"]);
    let key = folder.path().join("desk.key").display().to_string();
    deployment.said(&["privacy", "keygen", &key]);
    let erase =
        ["privacy", "erase", "email:Ann@example.org", "--request-id", "r-1", "--verifier", "desk", "--key"];
    let answer = deployment.kinfold(&[&erase[..], &[key.as_str(), "--wait", "1"]].concat());
    assert_eq!(answer.status.code(), Some(1), "{}", said(&answer.stdout));
    assert!(said(&answer.stderr).contains("request r-1 is not done yet"), "{}", said(&answer.stderr));

    let records = deployment.read(Topic::PrivacyRequest.as_str());
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].key.as_deref(), Some(&b"r-1"[..]));
    let value = records[0].value.as_deref().expect("is no tombstone");
    let request: PrivacyRequest =
        decode(Topic::PrivacyRequest, &SchemaIds::default(), value).expect("is a request");
    assert_eq!(request.identifiers[0].value, "ann@example.org", "as capture would have it");
    let secret = std::fs::read_to_string(&key).expect("it was written");
    let mut verifiers = Verifiers::default();
    let secret = from_hex(secret.trim()).expect("is a key");
    verifiers.add("desk", &public_key(&secret)).expect("is a key");
    assert_eq!(verifiers.check(&request), Ok(()));
    let trace = |record: &Stored| {
        let header = record.headers.iter().find(|(name, _)| name == TRACE_HEADER);
        Trace::from_header(&header.expect("by which its receipt is known").1).expect("is one")
    };
    let first = trace(&records[0]);

    let answer = deployment.kinfold(&["privacy", "status", "r-1"]);
    assert_eq!(answer.status.code(), Some(1));
    assert!(said(&answer.stderr).contains("there is no receipt for r-1"), "{}", said(&answer.stderr));

    let answer = deployment.kinfold(&[&erase[..], &[key.as_str(), "--wait", "0", "--json"]].concat());
    let told = said(&answer.stdout);
    assert_eq!(answer.status.code(), Some(0), "{told}");
    assert!(told.contains("\"request_id\": \"r-1\"") && told.contains("\"status\": null"), "{told}");
    let records = deployment.read(Topic::PrivacyRequest.as_str());
    assert_eq!(records.len(), 2);
    assert!(trace(&records[1]) != first, "each has a trace of its own");
}
