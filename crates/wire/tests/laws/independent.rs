//! Another Avro library reads what we write, and we read what it writes: value for value.

use std::fmt::Debug;

use apache_avro::Schema;
use apache_avro::rabin::Rabin;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use kinfold_wire::{Framing, SchemaIds, Topic, decode, encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::samples::{self, Check};

#[test]
fn both_libraries_read_each_others_records() {
    struct Both;
    impl Check for Both {
        fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(&mut self, topic: Topic, record: &T) {
            let ours = encode(topic, Framing::SingleObject, record).expect("encodes");
            let (header, datum) = ours.split_at(10);
            let value = read(&current(topic), datum);
            let plain = serde_json::to_value(record).expect("has a JSON form");
            assert_eq!(Json::try_from(value.clone()).ok(), Some(plain), "{topic}: they read another value");

            let theirs = [header, &write(&current(topic), value)].concat();
            let decoded = decode::<T>(topic, &SchemaIds::default(), &theirs);
            assert_eq!(decoded.as_ref(), Ok(record), "{topic}: we read another value than they wrote");
        }
    }
    samples::for_each(&mut Both);
}

#[test]
fn both_libraries_compute_the_same_fingerprints() {
    for version in Topic::ALL.into_iter().filter_map(Topic::schema).flat_map(|contract| contract.versions()) {
        let theirs = fingerprint(version.json());
        assert_eq!(theirs, version.fingerprint(), "{}/{}", version.topic(), version.number());
    }
}

pub(crate) fn read(schema: &Schema, mut datum: &[u8]) -> Value {
    let reader = GenericDatumReader::builder(schema).build().expect("a schema");
    let value = reader.read_value(&mut datum).expect("a datum");
    assert!(datum.is_empty(), "they leave {} bytes unread", datum.len());
    value
}

/// What a reader who has another version of the schema makes of a datum.
pub(crate) fn read_as(reader: &Schema, writer: &Schema, mut datum: &[u8]) -> Value {
    let reader = GenericDatumReader::builder(writer).reader_schema(reader).build().expect("schemas");
    reader.read_value(&mut datum).expect("a datum")
}

pub(crate) fn write(schema: &Schema, value: Value) -> Vec<u8> {
    let writer = GenericDatumWriter::builder(schema).build().expect("a schema");
    writer.write_value_to_vec(value).expect("encodes")
}

pub(crate) fn current(topic: Topic) -> Schema {
    parse(topic.schema().expect("a public topic").current().json())
}

pub(crate) fn parse(json: &str) -> Schema {
    Schema::parse_str(json).expect("a schema")
}

/// Their fingerprint. They keep `order` in the canonical form, and write a type that had a `logicalType` as an
/// object, both unlike the specification and Java; so these two are taken out first.
pub(crate) fn fingerprint(json: &str) -> [u8; 8] {
    fn plain(node: &mut Json) {
        match node {
            Json::Array(nodes) => nodes.iter_mut().for_each(plain),
            Json::Object(members) => {
                members.remove("logicalType");
                members.remove("order");
                members.values_mut().for_each(plain);
            }
            _ => {}
        }
    }
    let mut schema = serde_json::from_str(json).expect("JSON");
    plain(&mut schema);
    let fingerprint = Schema::parse(&schema).expect("a schema").fingerprint::<Rabin>();
    fingerprint.bytes.try_into().expect("a Rabin fingerprint has eight bytes")
}
