//! The headers of every record that Kinfold writes: which form the value has, and which trace it belongs to.

use std::fmt;
use std::str::FromStr;

use crate::topic::Topic;

/// The form of the value, see [`schema_header`].
pub const SCHEMA_HEADER: &str = "kinfold-schema";
/// The trace of the touchpoint that brought the record about, in the text form of W3C Trace Context.
pub const TRACE_HEADER: &str = "kinfold-trace";
/// The header in which a source may send its own trace.
pub const TRACEPARENT_HEADER: &str = "traceparent";

/// The value of [`SCHEMA_HEADER`] on `topic`: whose schema it has and the current version, for example `touchpoint/1`.
#[must_use]
pub fn schema_header(topic: Topic) -> String {
    match topic.schema() {
        Some(contract) => format!("{}/{}", contract.topic(), contract.current().number()),
        None => format!("{topic}/inner-{}", crate::inner::INNER_VERSION),
    }
}

/// A trace and the span within it. Text form: `00-<32 hex digits>-<16 hex digits>-01`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Trace {
    trace_id: [u8; 16],
    parent_id: [u8; 8],
}

/// A text that is no `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a W3C traceparent: 00-<32 lower-case hex digits>-<16 of them>-<2 of them>, neither id all zeros"
)]
pub struct TraceError;

impl Trace {
    /// The trace of a record whose source sent none: the same each time the record is read.
    #[must_use]
    pub fn of_source(topic: &str, partition: i32, offset: i64) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("kinfold 2026 trace");
        hasher.update(&partition.to_be_bytes()).update(&offset.to_be_bytes()).update(topic.as_bytes());
        let mut bytes = [0; 24];
        hasher.finalize_xof().fill(&mut bytes);
        let (mut trace_id, mut parent_id) = ([0; 16], [0; 8]);
        trace_id.copy_from_slice(&bytes[..16]);
        parent_id.copy_from_slice(&bytes[16..]);
        // Ids of zeros only are invalid.
        trace_id[15] |= 1;
        parent_id[7] |= 1;
        Self { trace_id, parent_id }
    }

    /// Reads the value of a header.
    ///
    /// # Errors
    /// [`TraceError`] when it is no `traceparent`; the caller then starts a trace of its own, as W3C asks.
    pub fn from_header(value: &[u8]) -> Result<Self, TraceError> {
        let bytes = match value.get(..2) {
            Some(b"00") if value.len() == TEXT_LEN => value,
            Some(b"00" | b"ff") | None => return Err(TraceError),
            // A later version may append fields to those that we know.
            Some(version) if is_hex(version) && matches!(value.get(TEXT_LEN), None | Some(b'-')) => value,
            Some(_) => return Err(TraceError),
        };
        let part = |from: usize, to: usize| bytes.get(from..to).ok_or(TraceError);
        let hyphens = [2, 35, 52].iter().all(|at| bytes.get(*at) == Some(&b'-'));
        if !hyphens || !is_hex(part(53, TEXT_LEN)?) {
            return Err(TraceError);
        }
        let trace = Self { trace_id: unhex(part(3, 35)?)?, parent_id: unhex(part(36, 52)?)? };
        if trace.trace_id == [0; 16] || trace.parent_id == [0; 8] { Err(TraceError) } else { Ok(trace) }
    }
}

impl FromStr for Trace {
    type Err = TraceError;

    fn from_str(text: &str) -> Result<Self, TraceError> {
        Self::from_header(text.as_bytes())
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (trace, parent) = (u128::from_be_bytes(self.trace_id), u64::from_be_bytes(self.parent_id));
        write!(f, "00-{trace:032x}-{parent:016x}-01")
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

const TEXT_LEN: usize = 55;

fn is_hex(text: &[u8]) -> bool {
    text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn unhex<const N: usize>(text: &[u8]) -> Result<[u8; N], TraceError> {
    if text.len() != 2 * N || !is_hex(text) {
        return Err(TraceError);
    }
    let digit = |byte: u8| if byte.is_ascii_digit() { byte - b'0' } else { byte - b'a' + 10 };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_chunks::<2>().0) {
        *byte = digit(pair[0]) << 4 | digit(pair[1]);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_trace_survives_its_text() {
        assert_eq!(EXAMPLE.parse::<Trace>().map(|trace| trace.to_string()), Ok(EXAMPLE.to_owned()));
        let own = Trace::of_source("raw.webshop", 3, 17);
        assert_eq!(own.to_string().parse(), Ok(own));
    }

    #[test]
    fn a_record_without_a_trace_has_the_same_one_each_time_and_no_other_record_has_it() {
        let trace = Trace::of_source("raw.webshop", 3, 17);
        assert_eq!(trace, Trace::of_source("raw.webshop", 3, 17));
        for other in [("raw.webshop", 3, 18), ("raw.webshop", 4, 17), ("raw.till", 3, 17)] {
            assert_ne!(trace, Trace::of_source(other.0, other.1, other.2));
        }
    }

    #[test]
    fn a_later_version_of_the_header_is_read_as_far_as_it_is_known() {
        let later = EXAMPLE.replacen("00", "cc", 1);
        assert_eq!(later.parse::<Trace>().map(|trace| trace.to_string()), Ok(EXAMPLE.to_owned()));
        assert!(format!("{later}-what").parse::<Trace>().is_ok());
        assert!(format!("{later}.what").parse::<Trace>().is_err());
    }

    #[test]
    fn what_is_no_traceparent_is_refused() {
        let cases = [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00+4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e47ä-00f067aa0ba902b7-01",
            "zz-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ];
        for text in cases {
            assert_eq!(text.parse::<Trace>(), Err(TraceError), "{text}");
        }
    }

    #[test]
    fn the_schema_header_names_topic_and_version() {
        assert_eq!(schema_header(Topic::Touchpoint), "touchpoint/5");
        assert_eq!(schema_header(Topic::IdentityOp), "identity-op/inner-6");
    }
}
