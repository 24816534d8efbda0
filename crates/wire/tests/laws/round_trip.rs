//! What was written is read back, in either framing.

use std::fmt::Debug;

use kinfold_model::Assignment;
use kinfold_wire::{Framing, SchemaIds, Topic, WireError, decode, encode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::samples::{self, Check};

#[test]
fn every_record_survives_both_framings() {
    struct RoundTrip(SchemaIds);
    impl Check for RoundTrip {
        fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(&mut self, topic: Topic, record: &T) {
            self.0.insert(-5, topic, topic.schema().expect("public").current().number());
            for framing in [Framing::SingleObject, Framing::Confluent { schema_id: -5 }] {
                let bytes = encode(topic, framing, record).expect("encodes");
                assert_eq!(decode::<T>(topic, &self.0, &bytes).as_ref(), Ok(record), "{topic} {framing:?}");
            }
        }
    }
    samples::for_each(&mut RoundTrip(SchemaIds::default()));
}

#[test]
fn the_header_is_what_the_standards_say() {
    let record = samples::bare_touchpoint();
    let single = encode(Topic::Touchpoint, Framing::SingleObject, &record).expect("encodes");
    let confluent =
        encode(Topic::Touchpoint, Framing::Confluent { schema_id: 258 }, &record).expect("encodes");
    let fingerprint = Topic::Touchpoint.schema().expect("public").current().fingerprint();
    assert_eq!(single[..2], [0xc3, 0x01]);
    assert_eq!(single[2..10], fingerprint);
    assert_eq!(confluent[..5], [0, 0, 0, 1, 2]);
    assert_eq!(single[10..], confluent[5..]);
}

#[test]
fn a_record_of_one_topic_is_not_read_as_that_of_another() {
    let bytes =
        encode(Topic::Touchpoint, Framing::SingleObject, &samples::bare_touchpoint()).expect("encodes");
    let read = decode::<Assignment>(Topic::IdentityAssignment, &SchemaIds::default(), &bytes);
    assert!(matches!(read, Err(WireError::UnknownFingerprint { .. })));
}

#[test]
fn a_value_that_is_not_of_the_schema_is_not_written() {
    let written = encode(Topic::IdentityAssignment, Framing::SingleObject, &samples::bare_touchpoint());
    assert_eq!(written, Err(WireError::Unencodable { topic: Topic::IdentityAssignment, version: 2 }));
}

#[test]
fn a_record_that_nobody_could_read_is_not_written() {
    let mut record = samples::bare_touchpoint();
    record.attributes.insert("diary".to_owned(), "x".repeat(kinfold_wire::limits::RECORD_BYTES_MAX));
    let written = encode(Topic::Touchpoint, Framing::SingleObject, &record);
    assert!(matches!(written, Err(WireError::TooLarge { .. })));
}
