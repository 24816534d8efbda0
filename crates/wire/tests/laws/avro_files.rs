//! Avro's own interoperability files, in the folder that `KINFOLD_TEST_DATA` names.

use std::fs::{self, File};

use apache_avro::reader::Reader;
use serde::Deserialize;
use serde_avro_fast::Schema;
use serde_json::Value;

use crate::data;
use crate::independent::fingerprint as fingerprint_of;

#[test]
fn a_single_object_message_that_java_wrote_is_read() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct TestMessage {
        id: i64,
        name: String,
        tags: Vec<String>,
    }
    let Some(folder) = data::found("avro/data") else { return };
    let schema: Schema = text(&folder, "messageV1/test_schema.avsc").parse().expect("a schema");
    let message = fs::read(folder.join("messageV1/test_message.bin")).expect("a message");
    assert_eq!(message[..2], [0xc3, 0x01]);
    assert_eq!(message[2..10], *schema.rabin_fingerprint());
    let expected = TestMessage {
        id: 42,
        name: "Bill".to_owned(),
        tags: vec!["dog_lover".to_owned(), "cat_hater".to_owned()],
    };
    assert_eq!(
        serde_avro_fast::from_datum_slice::<TestMessage>(&message[10..], &schema).expect("a datum"),
        expected
    );
}

#[test]
fn fingerprints_are_those_that_java_computes() {
    let Some(folder) = data::found("avro/data") else { return };
    let mut cases = 0;
    for (schema, fingerprint) in fingerprint_cases(&text(&folder, "schema-tests.txt")) {
        assert_eq!(fingerprint_of(&schema), fingerprint.to_le_bytes(), "{schema}");
        // What a topic cannot have as its schema, a union without branches, our library does not parse.
        if let Ok(ours) = schema.parse::<Schema>() {
            assert_eq!(ours.rabin_fingerprint(), &fingerprint.to_le_bytes(), "{schema}");
            cases += 1;
        }
    }
    assert!(cases >= 20, "only {cases} schemas were compared");
}

#[test]
fn files_are_read_whatever_their_compression() {
    let Some(folder) = data::found("avro/data") else { return };
    let expected: Vec<Value> = text(&folder, "weather.json")
        .lines()
        .map(|line| serde_json::from_str(line).expect("one object a line"))
        .collect();
    for name in ["weather.avro", "weather-deflate.avro", "weather-snappy.avro"] {
        let file = File::open(folder.join(name)).expect("a file");
        let records = Reader::new(file).expect("an Avro file");
        let records: Vec<Value> =
            records.map(|record| record.expect("a record").try_into().expect("has a JSON form")).collect();
        assert_eq!(records, expected, "{name}");
    }
}

/// The pairs of `<<INPUT` (on its line, or up to a line `INPUT`) and the `<<fingerprint` that follows it.
fn fingerprint_cases(text: &str) -> Vec<(String, i64)> {
    let (mut cases, mut lines, mut input) = (Vec::new(), text.lines(), String::new());
    while let Some(line) = lines.next() {
        if let Some(schema) = line.strip_prefix("<<INPUT") {
            input = schema.trim().to_owned();
            if input.is_empty() {
                input = lines.by_ref().take_while(|line| *line != "INPUT").collect();
            }
        } else if let Some(fingerprint) = line.strip_prefix("<<fingerprint ") {
            cases.push((input.clone(), fingerprint.trim().parse().expect("a number")));
        }
    }
    cases
}

fn text(folder: &std::path::Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).expect("a text file")
}
