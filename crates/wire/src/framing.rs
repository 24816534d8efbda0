//! What stands before an Avro datum to say which schema wrote it: Avro's single-object header or that of
//! Confluent's schema registry. A reader tells the two apart by the first bytes and accepts both.

use std::collections::BTreeMap;

use crate::contract::Version;
use crate::error::WireError;
use crate::topic::Topic;

const SINGLE_OBJECT: [u8; 2] = [0xc3, 0x01];
const CONFLUENT: u8 = 0x00;

/// How a record names the schema that wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// `c3 01` and the schema's fingerprint, 8 bytes little endian.
    SingleObject,
    /// `00` and the id that a schema registry gave to the current version, 4 bytes big endian.
    Confluent {
        /// Of the current version of the topic that is written.
        schema_id: i32,
    },
}

impl Framing {
    pub(crate) fn begin(self, version: &Version, bytes: &mut Vec<u8>) {
        match self {
            Self::SingleObject => {
                bytes.extend_from_slice(&SINGLE_OBJECT);
                bytes.extend_from_slice(&version.fingerprint());
            }
            Self::Confluent { schema_id } => {
                bytes.push(CONFLUENT);
                bytes.extend_from_slice(&schema_id.to_be_bytes());
            }
        }
    }
}

/// What each id of a schema registry stands for. Empty where no registry is used.
#[derive(Clone, Debug, Default)]
pub struct SchemaIds(BTreeMap<i32, (Topic, u32)>);

impl SchemaIds {
    /// Notes that the registry gave `id` to this version of this topic's schema; a later note replaces an earlier one.
    pub fn insert(&mut self, id: i32, topic: Topic, version: u32) {
        self.0.insert(id, (topic, version));
    }

    fn version(&self, id: i32, topic: Topic) -> Option<&'static Version> {
        let (owner, number) = self.0.get(&id)?;
        if *owner == topic { topic.schema()?.version(*number) } else { None }
    }
}

/// Splits a record of `topic` into the version that wrote it and the datum.
pub(crate) fn open<'b>(
    topic: Topic,
    ids: &SchemaIds,
    bytes: &'b [u8],
) -> Result<(&'static Version, &'b [u8]), WireError> {
    let contract = topic.schema().ok_or(WireError::NoSchema { topic })?;
    let short = WireError::Short { bytes: bytes.len() };
    match bytes {
        [] | [0xc3] => Err(short),
        [0xc3, 0x01, rest @ ..] => {
            let (fingerprint, datum) = rest.split_first_chunk::<8>().ok_or(short)?;
            let unknown =
                WireError::UnknownFingerprint { topic, fingerprint: u64::from_le_bytes(*fingerprint) };
            Ok((contract.by_fingerprint(*fingerprint).ok_or(unknown)?, datum))
        }
        [CONFLUENT, rest @ ..] => {
            let (id, datum) = rest.split_first_chunk::<4>().ok_or(short)?;
            let id = i32::from_be_bytes(*id);
            Ok((ids.version(id, topic).ok_or(WireError::UnknownSchemaId { topic, id })?, datum))
        }
        _ => Err(WireError::UnknownFraming),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPIC: Topic = Topic::IdentityAssignment;

    fn refused(bytes: &[u8]) -> Option<WireError> {
        let mut ids = SchemaIds::default();
        ids.insert(7, TOPIC, 1);
        ids.insert(8, Topic::Touchpoint, 1);
        ids.insert(9, TOPIC, 99);
        open(TOPIC, &ids, bytes).err()
    }

    #[test]
    fn both_headers_lead_to_the_version_that_wrote_the_datum() {
        let mut ids = SchemaIds::default();
        let current = TOPIC.schema().expect("public").current();
        ids.insert(7, TOPIC, current.number());
        for framing in [Framing::SingleObject, Framing::Confluent { schema_id: 7 }] {
            let mut bytes = Vec::new();
            framing.begin(current, &mut bytes);
            bytes.push(42);
            let (version, datum) = open(TOPIC, &ids, &bytes).expect("a header");
            assert_eq!((version.number(), datum), (current.number(), &[42][..]));
        }
    }

    #[test]
    fn a_header_that_is_cut_short_says_so() {
        for bytes in [&[][..], &[0xc3], &[0xc3, 1, 2, 3], &[0], &[0, 0, 0, 0]] {
            assert_eq!(refused(bytes), Some(WireError::Short { bytes: bytes.len() }));
        }
    }

    #[test]
    fn an_unknown_schema_is_named() {
        let fingerprint = 0x0807_0605_0403_0201;
        assert_eq!(
            refused(&[0xc3, 1, 1, 2, 3, 4, 5, 6, 7, 8]),
            Some(WireError::UnknownFingerprint { topic: TOPIC, fingerprint })
        );
        for id in [8, 9, 10, -1] {
            let [a, b, c, d] = i32::to_be_bytes(id);
            assert_eq!(refused(&[0, a, b, c, d]), Some(WireError::UnknownSchemaId { topic: TOPIC, id }));
        }
    }

    #[test]
    fn what_has_no_header_is_refused() {
        for bytes in [&b"{\"json\": true}"[..], &[0xc3, 2, 1, 2, 3, 4, 5, 6, 7, 8], &[1]] {
            assert_eq!(refused(bytes), Some(WireError::UnknownFraming));
        }
    }

    #[test]
    fn an_inner_topic_carries_no_avro() {
        let topic = Topic::IdentityOp;
        assert_eq!(open(topic, &SchemaIds::default(), &[]).err(), Some(WireError::NoSchema { topic }));
    }
}
