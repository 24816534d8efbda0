//! Bytes of any kind are read or refused; they neither panic nor take memory that they do not pay for.

use std::fmt::Debug;

use kinfold_model::{Assignment, IdentityChange, Refusal, Touchpoint};
use kinfold_wire::limits::{ELEMENTS_MAX, RECORD_BYTES_MAX};
use kinfold_wire::{Framing, SchemaIds, Topic, WireError, decode, encode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::samples::{self, Check};

const LONG_MIN: [u8; 10] = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];

#[test]
fn no_cut_record_is_read() {
    struct Cut;
    impl Check for Cut {
        fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(&mut self, topic: Topic, record: &T) {
            let bytes = encode(topic, Framing::SingleObject, record).expect("encodes");
            for end in 0..bytes.len() {
                let read = decode::<T>(topic, &SchemaIds::default(), &bytes[..end]);
                assert!(read.is_err(), "{topic} cut after {end} of {} bytes", bytes.len());
            }
        }
    }
    samples::for_each(&mut Cut);
}

#[test]
fn no_flipped_bit_panics() {
    struct Flip;
    impl Check for Flip {
        fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(&mut self, topic: Topic, record: &T) {
            let bytes = encode(topic, Framing::SingleObject, record).expect("encodes");
            for bit in 0..bytes.len() * 8 {
                let mut flipped = bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                let _ = decode::<T>(topic, &SchemaIds::default(), &flipped);
            }
        }
    }
    samples::for_each(&mut Flip);
}

#[test]
fn no_byte_replaced_by_an_extreme_number_panics() {
    struct Replace;
    impl Check for Replace {
        fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(&mut self, topic: Topic, record: &T) {
            let bytes = encode(topic, Framing::SingleObject, record).expect("encodes");
            for at in 10..bytes.len() {
                for number in [&LONG_MIN[..], &[0xfe, 0xff, 0xff, 0xff, 0x0f], &[0x01], &[0x80; 11]] {
                    let replaced = [&bytes[..at], number, &bytes[at + 1..]].concat();
                    let _ = decode::<T>(topic, &SchemaIds::default(), &replaced);
                }
            }
        }
    }
    samples::for_each(&mut Replace);
}

#[test]
fn trailing_bytes_are_an_error() {
    struct Trail;
    impl Check for Trail {
        fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(&mut self, topic: Topic, record: &T) {
            let mut bytes = encode(topic, Framing::SingleObject, record).expect("encodes");
            bytes.extend([0, 0]);
            let read = decode::<T>(topic, &SchemaIds::default(), &bytes);
            assert_eq!(read.err(), Some(WireError::TrailingBytes { extra: 2 }), "{topic}");
        }
    }
    samples::for_each(&mut Trail);
}

#[test]
fn a_list_that_claims_two_thousand_million_elements_is_refused() {
    let two_thousand_million = [0x80, 0xd0, 0xac, 0xf3, 0x0e];
    let read = change(&[&[0], &two_thousand_million[..]].concat());
    assert_eq!(malformed_at(&read), Some(10 + 6));
}

#[test]
fn a_list_of_empty_texts_does_not_grow_beyond_its_limit() {
    let count = varint(ELEMENTS_MAX as u64 + 1);
    let mut datum = vec![0]; // the kind; then one list of empty texts, which are no person ids
    datum.extend(&count);
    assert_eq!(malformed_at(&change(&datum)), Some(10 + datum.len()), "refused by count, before any element");
}

#[test]
fn a_list_whose_blocks_have_no_end_is_refused() {
    // A block of negative count carries its size in bytes, which may be a lie.
    for datum in [&[&[0], &LONG_MIN[..], &[0x02]].concat(), &[&[0x00, 0x01], &LONG_MIN[..]].concat()] {
        assert!(malformed_at(&change(datum)).is_some());
    }
}

#[test]
fn a_varint_without_an_end_and_one_of_eleven_bytes_are_refused() {
    for datum in [&[0x80; 4][..], &[0x80; 11], &[0xff; 64]] {
        assert!(malformed_at(&change(datum)).is_some());
    }
}

#[test]
fn a_kind_and_a_choice_that_the_schema_does_not_have_are_refused() {
    assert!(malformed_at(&change(&[10, 0, 0, 0, 0, 0])).is_some(), "there are five kinds");
    assert!(malformed_at(&change(&[1, 0, 0, 0, 0, 0])).is_some(), "a negative one");
    let node = [&[64], "0123456789abcdef0123456789abcdef".as_bytes()].concat();
    let read: Result<Assignment, _> = framed(Topic::IdentityAssignment, &[&node[..], &[4, 0]].concat());
    assert_eq!(malformed_at(&read), Some(10 + 34), "a third branch of null or text");
}

#[test]
fn text_that_is_no_utf8_is_refused() {
    let read: Result<Touchpoint, _> = framed(Topic::Touchpoint, &[4, 0xc3, 0x28]);
    assert_eq!(malformed_at(&read), Some(10 + 3));
}

#[test]
fn ids_that_are_none_are_refused_without_being_repeated() {
    let secret = "ann@example.org";
    let datum = [&[2 * secret.len() as u8], secret.as_bytes()].concat();
    let read: Result<Assignment, _> = framed(Topic::IdentityAssignment, &datum);
    assert_eq!(malformed_at(&read), Some(10 + datum.len()));
    let refusal = Refusal::from(read.expect_err("no node id"));
    assert!(!format!("{refusal:?}").contains(secret), "{refusal:?}");
    assert!(refusal.to_string().contains("byte 26 of 26 does not follow the schema identity-assignment/2"));
}

#[test]
fn a_record_beyond_the_limit_is_refused_unread() {
    let read: Result<Assignment, _> = framed(Topic::IdentityAssignment, &vec![0; RECORD_BYTES_MAX]);
    assert_eq!(read, Err(WireError::TooLarge { bytes: RECORD_BYTES_MAX + 10, max: RECORD_BYTES_MAX }));
}

fn change(datum: &[u8]) -> Result<IdentityChange, WireError> {
    framed(Topic::IdentityChange, datum)
}

fn framed<T: DeserializeOwned>(topic: Topic, datum: &[u8]) -> Result<T, WireError> {
    let fingerprint = topic.schema().expect("public").current().fingerprint();
    decode(topic, &SchemaIds::default(), &[&[0xc3, 0x01], &fingerprint[..], datum].concat())
}

fn malformed_at<T>(read: &Result<T, WireError>) -> Option<usize> {
    match read {
        Err(WireError::Malformed { at, .. }) => Some(*at),
        _ => None,
    }
}

/// A non-negative number as Avro writes it.
fn varint(number: u64) -> Vec<u8> {
    let (mut left, mut bytes) = (number << 1, Vec::new());
    while left >= 0x80 {
        bytes.push((left & 0x7f) as u8 | 0x80);
        left >>= 7;
    }
    bytes.push(left as u8);
    bytes
}
