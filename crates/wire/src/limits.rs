//! The limits of what is read and written. Each holds for every topic.

use crate::error::WireError;

/// A record with its header. Eight times what Kafka takes by default, for those who raise `max.message.bytes`;
/// little enough that a record decoded is held in memory without thought.
pub const RECORD_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Elements of one list or map. An id as text takes 33 bytes or more, so that a list which is honest reaches
/// [`RECORD_BYTES_MAX`] first; a list of empty texts, at one byte each, does not.
pub const ELEMENTS_MAX: usize = RECORD_BYTES_MAX / 33;

/// Records, lists, maps and optional values inside each other. The deepest schema has five levels.
pub const DEPTH_MAX: usize = 16;

/// The name of a source. Kafka allows 249 characters for a topic; this leaves room for the prefix of a deployment.
pub const SOURCE_NAME_MAX: usize = 100;

/// A value that we write. The rest is room for the key, the headers and Kafka's own frame.
pub const WRITTEN_BYTES_MAX: usize = RECORD_BYTES_MAX - 64 * 1024;

pub(crate) fn check_size(record: &[u8], max: usize) -> Result<(), WireError> {
    if record.len() > max {
        return Err(WireError::TooLarge { bytes: record.len(), max });
    }
    Ok(())
}
