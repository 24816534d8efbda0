//! Records of the public topics as Avro, straight from and into structs.
//!
//! We write with the current version of a topic's schema. We read with the version that wrote: fields that are gone
//! are skipped, fields that were not there yet take the struct's default.

use std::io::BufRead;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_avro_fast::de::read::SliceRead;
use serde_avro_fast::de::{DeserializerConfig, DeserializerState};
use serde_avro_fast::ser::SerializerConfig;

use crate::contract::Version;
use crate::error::WireError;
use crate::framing::{self, Framing, SchemaIds};
use crate::limits::{self, DEPTH_MAX, ELEMENTS_MAX};
use crate::topic::Topic;

/// The value of a record of `topic`, header included.
///
/// # Errors
/// [`WireError::Unencodable`] when the value is not of the topic's schema, [`WireError::TooLarge`] when nobody could
/// read it, [`WireError::NoSchema`] for an inner topic.
pub fn encode<T: Serialize + ?Sized>(
    topic: Topic,
    framing: Framing,
    value: &T,
) -> Result<Vec<u8>, WireError> {
    let version = topic.schema().ok_or(WireError::NoSchema { topic })?.current();
    let mut header = Vec::with_capacity(512);
    framing.begin(version, &mut header);
    let bytes = serde_avro_fast::to_datum(value, header, &mut SerializerConfig::new(version.schema()))
        .map_err(|_| WireError::Unencodable { topic, version: version.number() })?;
    limits::check_size(&bytes, limits::WRITTEN_BYTES_MAX)?;
    Ok(bytes)
}

/// Reads the value of a record of `topic` in either framing. `ids` may be empty where no schema registry is used.
///
/// # Errors
/// Any [`WireError`] but those of encoding and of the inner format. The bytes may be anything at all.
pub fn decode<T: DeserializeOwned>(topic: Topic, ids: &SchemaIds, bytes: &[u8]) -> Result<T, WireError> {
    limits::check_size(bytes, limits::RECORD_BYTES_MAX)?;
    let (version, datum) = framing::open(topic, ids, bytes)?;
    let mut state = DeserializerState::with_config(SliceRead::new(datum), limited(version));
    let value = T::deserialize(state.deserializer());
    let left = left(state.into_reader());
    match value {
        // The library's own words may quote the value that it choked on, so the place has to do.
        Err(_) => Err(WireError::Malformed {
            topic,
            version: version.number(),
            at: bytes.len() - left,
            bytes: bytes.len(),
        }),
        Ok(_) if left > 0 => Err(WireError::TrailingBytes { extra: left }),
        Ok(value) => Ok(value),
    }
}

fn limited(version: &Version) -> DeserializerConfig<'_> {
    let mut config = DeserializerConfig::new(version.schema());
    config.max_seq_size = ELEMENTS_MAX;
    config.allowed_depth = DEPTH_MAX;
    config
}

fn left(mut reader: SliceRead<'_>) -> usize {
    reader.fill_buf().map_or(0, <[u8]>::len)
}
