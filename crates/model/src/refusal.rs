//! The record's fault: why it was refused, and the dead letter that keeps it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Why a record was refused. Closed, so that metrics have bounded labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// No bytes at all.
    EmptyRecord,
    /// More bytes than a record may have.
    RecordTooLarge,
    /// Not UTF-8.
    InvalidUtf8,
    /// Not JSON.
    MalformedJson,
    /// Nested more deeply than a touchpoint ever is.
    TooDeep,
    /// A member that appears twice in one object.
    DuplicateMember,
    /// A member that a touchpoint does not have.
    UnknownMember,
    /// A required member is absent.
    MissingMember,
    /// A member of another JSON type than it should be.
    WrongType,
    /// A text without content.
    EmptyValue,
    /// A text longer than its member may be.
    ValueTooLong,
    /// A list or an object with more elements than allowed.
    TooManyElements,
    /// No identifier.
    NoIdentifier,
    /// More identifiers than a touchpoint may have.
    TooManyIdentifiers,
    /// A namespace that the configuration does not know.
    UnknownNamespace,
    /// An identifier that its normaliser cannot read.
    BadIdentifier,
    /// A time that is neither RFC 3339 nor milliseconds.
    BadTime,
    /// A time too far in the future.
    FutureTime,
    /// An amount, a currency or a status of an order that is none.
    BadMoney,
    /// A consent that names no known decision, ends before it was given, or is both requested and confirmed.
    BadConsent,
    /// A number outside its range.
    OutOfRange,
    /// A record of an inner topic that cannot be read.
    Undecodable,
    /// All identifiers are on the block list.
    BlockedIdentifier,
    /// A steward's command that says nothing that can be done.
    BadCommand,
    /// A privacy request without an id by which it could be answered.
    BadRequest,
    /// A payload that its source's mapping could not make a touchpoint of.
    Unmappable,
    /// A payload for which its source's mapping passed a limit.
    MappingLimit,
}

impl RefusalKind {
    /// All kinds, in the order of the schema.
    pub const ALL: [Self; 27] = [
        Self::EmptyRecord,
        Self::RecordTooLarge,
        Self::InvalidUtf8,
        Self::MalformedJson,
        Self::TooDeep,
        Self::DuplicateMember,
        Self::UnknownMember,
        Self::MissingMember,
        Self::WrongType,
        Self::EmptyValue,
        Self::ValueTooLong,
        Self::TooManyElements,
        Self::NoIdentifier,
        Self::TooManyIdentifiers,
        Self::UnknownNamespace,
        Self::BadIdentifier,
        Self::BadTime,
        Self::FutureTime,
        Self::BadMoney,
        Self::BadConsent,
        Self::OutOfRange,
        Self::Undecodable,
        Self::BlockedIdentifier,
        Self::BadCommand,
        Self::BadRequest,
        Self::Unmappable,
        Self::MappingLimit,
    ];

    /// The name in records, metrics and files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EmptyRecord => "empty_record",
            Self::RecordTooLarge => "record_too_large",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::MalformedJson => "malformed_json",
            Self::TooDeep => "too_deep",
            Self::DuplicateMember => "duplicate_member",
            Self::UnknownMember => "unknown_member",
            Self::MissingMember => "missing_member",
            Self::WrongType => "wrong_type",
            Self::EmptyValue => "empty_value",
            Self::ValueTooLong => "value_too_long",
            Self::TooManyElements => "too_many_elements",
            Self::NoIdentifier => "no_identifier",
            Self::TooManyIdentifiers => "too_many_identifiers",
            Self::UnknownNamespace => "unknown_namespace",
            Self::BadIdentifier => "bad_identifier",
            Self::BadTime => "bad_time",
            Self::FutureTime => "future_time",
            Self::BadMoney => "bad_money",
            Self::BadConsent => "bad_consent",
            Self::OutOfRange => "out_of_range",
            Self::Undecodable => "undecodable",
            Self::BlockedIdentifier => "blocked_identifier",
            Self::BadCommand => "bad_command",
            Self::BadRequest => "bad_request",
            Self::Unmappable => "unmappable",
            Self::MappingLimit => "mapping_limit",
        }
    }
}

impl fmt::Display for RefusalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refusal: its kind, the member at fault, and a sentence for a person. Holds no value of the record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct Refusal {
    /// The label under which it is counted.
    pub kind: RefusalKind,
    /// The path of the member at fault, for example `identifiers[2].value`; empty for the whole record.
    pub member: String,
    /// What is wrong and what would be right.
    pub sentence: String,
}

impl Refusal {
    /// A refusal whose sentence begins with the member at fault.
    pub fn new(kind: RefusalKind, member: impl Into<String>, complaint: impl fmt::Display) -> Self {
        let member = member.into();
        let subject = if member.is_empty() { "the record" } else { &member };
        let sentence = format!("{subject} {complaint}");
        Self { kind, member, sentence }
    }
}

/// The record of `touchpoint-refused`: the refusal, and a passport that leads back to the original.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The stage that refused.
    pub stage: String,
    /// Where the record came from.
    pub topic: String,
    /// The partition of that topic.
    pub partition: i32,
    /// The offset in that partition.
    pub offset: i64,
    /// The schema that the stage expected.
    pub schema: String,
    /// When the record was written to that topic.
    pub time: Timestamp,
    /// The kind of refusal.
    pub kind: String,
    /// The member at fault; empty for the whole record.
    pub member: String,
    /// What is wrong and what would be right.
    pub sentence: String,
    /// The record's key, if it had one.
    #[serde(with = "optional_bytes")]
    pub key: Option<Vec<u8>>,
    /// The record's value as it was received, so that it can be replayed.
    #[serde(with = "optional_bytes")]
    pub payload: Option<Vec<u8>>,
}

impl fmt::Debug for DeadLetter {
    /// The payload is not printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}-{}@{}", self.kind, self.topic, self.partition, self.offset)
    }
}

/// Serde's own form of `Vec<u8>` is a list of numbers; Avro's is bytes.
mod optional_bytes {
    use serde::de::{Deserializer, Error, Visitor};
    use serde::{Deserialize, Serialize, Serializer};

    struct Bytes(Vec<u8>);

    pub(super) fn serialize<S: Serializer>(
        value: &Option<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        struct Borrowed<'a>(&'a [u8]);
        impl Serialize for Borrowed<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_bytes(self.0)
            }
        }
        value.as_deref().map(Borrowed).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        Ok(Option::<Bytes>::deserialize(deserializer)?.map(|bytes| bytes.0))
    }

    impl<'de> Deserialize<'de> for Bytes {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Reader;
            impl Visitor<'_> for Reader {
                type Value = Bytes;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("bytes")
                }
                fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
                    Ok(Bytes(bytes.to_vec()))
                }
                fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
                    Ok(Bytes(bytes))
                }
            }
            deserializer.deserialize_byte_buf(Reader)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own_that_serde_shares() {
        let names: std::collections::BTreeSet<_> =
            RefusalKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(names.len(), RefusalKind::ALL.len());
        for kind in RefusalKind::ALL {
            let named: Result<RefusalKind, serde::de::value::Error> =
                Deserialize::deserialize(serde::de::value::StrDeserializer::new(kind.as_str()));
            assert_eq!(named, Ok(kind));
        }
    }

    #[test]
    fn a_sentence_begins_with_the_member_at_fault() {
        let refusal = Refusal::new(RefusalKind::EmptyValue, "identifiers[0].value", "is empty");
        assert_eq!(refusal.to_string(), "identifiers[0].value is empty");
        assert_eq!(Refusal::new(RefusalKind::EmptyRecord, "", "is empty").to_string(), "the record is empty");
    }
}
