//! A schema that was published stays readable, and every change of it is a new file.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use apache_avro::schema_compatibility::SchemaCompatibility;
use kinfold_model::RefusalKind;
use kinfold_model::assignment::ChangeKind;
use kinfold_wire::{Contract, Topic};
use serde_json::{Value, json};

use crate::independent::parse;

#[test]
fn the_schema_of_a_topic_is_its_highest_published_version() {
    for contract in contracts() {
        let (topic, current) = (contract.topic(), contract.current());
        let json =
            fs::read_to_string(schemas().join(format!("{topic}.avsc"))).expect("a schema for the topic");
        assert!(
            json == current.json(),
            "schemas/{topic}.avsc is not its published version {0}: a published version never changes, so copy the \
             schema to schemas/published/{topic}/{1}.avsc and add that file in crates/wire/src/contract.rs",
            current.number(),
            current.number() + 1,
        );
    }
}

#[test]
fn a_published_version_never_changes() {
    // Computed by another program, from the text of the Avro specification.
    let published = [
        "touchpoint/1 2a69a31280e3f0bf",
        "touchpoint-refused/1 c90c5116520cdad8",
        "identity-assignment/1 6aa2cde6b2cb9f74",
        "identity-change/1 8315ea5b3f3599b7",
        "unified-profile/1 e439ecf4165a1068",
        "consent-change/1 bf1712e48f14f1d1",
    ];
    let now: Vec<_> = contracts()
        .flat_map(Contract::versions)
        .map(|version| {
            let fingerprint = u64::from_le_bytes(version.fingerprint());
            format!("{}/{} {fingerprint:016x}", version.topic(), version.number())
        })
        .collect();
    assert_eq!(now, published, "add a line for a new version, leave the others as they are");
}

#[test]
fn every_published_file_is_part_of_the_program() {
    for contract in contracts() {
        let folder = schemas().join("published").join(contract.topic().as_str());
        let files: BTreeSet<_> = fs::read_dir(&folder)
            .expect("a folder for the topic")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        let embedded: BTreeSet<_> =
            contract.versions().iter().map(|version| format!("{}.avsc", version.number())).collect();
        assert_eq!(files, embedded, "{}: list every file in crates/wire/src/contract.rs", folder.display());
    }
}

#[test]
fn old_and_new_readers_understand_old_and_new_records() {
    for contract in contracts() {
        let current = parse(contract.current().json());
        for version in contract.versions() {
            SchemaCompatibility::mutual_read(&parse(version.json()), &current).unwrap_or_else(|error| {
                panic!(
                    "{}/{} and the current version do not read each other: give new fields a default, and neither \
                     rename nor retype old ones ({error})",
                    contract.topic(),
                    version.number()
                )
            });
        }
    }
}

#[test]
fn exactly_the_public_topics_have_a_schema_file() {
    let files: BTreeSet<_> = fs::read_dir(schemas())
        .expect("the folder of schemas")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter_map(|name| name.strip_suffix(".avsc").map(str::to_owned))
        .collect();
    let topics: BTreeSet<_> = contracts().map(|contract| contract.topic().to_string()).collect();
    assert_eq!(files, topics);
}

#[test]
fn every_record_field_and_enum_says_what_it_means() {
    for contract in contracts() {
        let schema: Value = serde_json::from_str(contract.current().json()).expect("JSON");
        assert_eq!(schema["namespace"], "org.kinfold");
        assert_documented(&schema, contract.topic());
    }
}

#[test]
fn the_kinds_of_the_schema_are_those_of_the_model() {
    let symbols = |topic: Topic| {
        let schema: Value =
            serde_json::from_str(topic.schema().expect("public").current().json()).expect("JSON");
        let fields = schema["fields"].as_array().expect("fields").clone();
        let kind = fields.into_iter().find(|field| field["name"] == "kind").expect("a kind");
        kind["type"]["symbols"].clone()
    };
    assert_eq!(symbols(Topic::TouchpointRefused), json!(RefusalKind::ALL));
    assert_eq!(symbols(Topic::IdentityChange), json!(ChangeKind::ALL));
}

fn assert_documented(node: &Value, topic: Topic) {
    match node {
        Value::Array(nodes) => nodes.iter().for_each(|node| assert_documented(node, topic)),
        Value::Object(members) => {
            if let Some(name) = members.get("name") {
                assert!(members.contains_key("doc"), "schemas/{topic}.avsc: {name} has no doc");
            }
            members.values().for_each(|node| assert_documented(node, topic));
        }
        _ => {}
    }
}

fn contracts() -> impl Iterator<Item = &'static Contract> {
    Topic::ALL.into_iter().filter_map(Topic::schema)
}

fn schemas() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../schemas")
}
