//! Why bytes are no record, or a record cannot become bytes. Says where, never what stood there.

use kinfold_model::versioned::Newer;
use kinfold_model::{Refusal, RefusalKind};

use crate::topic::Topic;

/// Each variant completes the sentence "the record …: ".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Larger than [`crate::limits::RECORD_BYTES_MAX`], or than [`crate::limits::WRITTEN_BYTES_MAX`] when it is to be written.
    #[error("it has {bytes} bytes, at most {max} are allowed")]
    TooLarge {
        /// With its header.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// Ends before its header does.
    #[error("it ends after {bytes} bytes, inside its header")]
    Short {
        /// How many there are.
        bytes: usize,
    },
    /// Neither single-object encoding nor Confluent's framing.
    #[error(
        "it begins neither with 0xc3 0x01 (Avro single-object encoding) nor with 0x00 (a schema registry's framing); \
         its producer must write one of the two"
    )]
    UnknownFraming,
    /// Written with a schema that this release does not have.
    #[error(
        "no published version of {topic} has the fingerprint {fingerprint:016x}; if a newer release wrote it, \
         update this process first"
    )]
    UnknownFingerprint {
        /// The topic that was read.
        topic: Topic,
        /// As it stands in the header, read as a little-endian number.
        fingerprint: u64,
    },
    /// Written with an id that the schema registry did not give for this topic.
    #[error(
        "schema id {id} is not one that the schema registry gave for {topic}; check that reader and writer use the \
         same registry, and restart this process if the schema was registered after its start"
    )]
    UnknownSchemaId {
        /// The topic that was read.
        topic: Topic,
        /// As it stands in the header.
        id: i32,
    },
    /// The datum contradicts the schema that its header names.
    #[error("byte {at} of {bytes} does not follow the schema {topic}/{version} that its header names")]
    Malformed {
        /// The topic that was read.
        topic: Topic,
        /// The version that the header names.
        version: u32,
        /// Where reading ended, counted from the start of the record.
        at: usize,
        /// With its header.
        bytes: usize,
    },
    /// Something follows the datum.
    #[error("{extra} bytes follow its end")]
    TrailingBytes {
        /// How many.
        extra: usize,
    },
    /// The struct and the schema have drifted apart.
    #[error(
        "its value does not fit the schema {topic}/{version}: both must have the same fields, and kinds the same names"
    )]
    Unencodable {
        /// The topic that was to be written.
        topic: Topic,
        /// The current version.
        version: u32,
    },
    /// An inner topic has no schema: use [`crate::encode_inner`] and [`crate::decode_inner`].
    #[error("{topic} is an inner topic and carries no Avro")]
    NoSchema {
        /// Which.
        topic: Topic,
    },
    /// An inner record that only a newer release can read. It stays where it is until one does.
    #[error("{0}; a newer release wrote it: start that one again")]
    NewerInner(Newer),
    /// An inner record in a format that no release writes any more.
    #[error(
        "it has inner format {found}, this process reads {known}; let the old release drain the inner topics before \
         the new one starts"
    )]
    UnknownInnerVersion {
        /// The format of the record.
        found: u8,
        /// The format of this release.
        known: u8,
    },
    /// An inner record that is cut short or holds something else than expected.
    #[error("its {bytes} bytes are no inner record of the expected kind")]
    MalformedInner {
        /// With the format's byte.
        bytes: usize,
    },
    /// A value that the inner format cannot carry, for example a sequence of unknown length.
    #[error("its value has no inner form")]
    UnencodableInner,
}

impl From<WireError> for Refusal {
    fn from(error: WireError) -> Self {
        let kind = match error {
            WireError::TooLarge { .. } => RefusalKind::RecordTooLarge,
            _ => RefusalKind::Undecodable,
        };
        Self::new(kind, "", format_args!("is at odds with its format: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_becomes_a_refusal_of_the_whole_record() {
        let refusal = Refusal::from(WireError::TrailingBytes { extra: 2 });
        assert_eq!(refusal.kind, RefusalKind::Undecodable);
        assert_eq!(refusal.to_string(), "the record is at odds with its format: 2 bytes follow its end");
    }
}
