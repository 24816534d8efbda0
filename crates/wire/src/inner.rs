//! Records of the inner topics: one byte for the format, then the number of the record's form and the record
//! ([`kinfold_model::versioned`]). Compact and quick, and nobody else's business: the release that wrote them reads them, and every later one.

use kinfold_model::versioned::{self, Newer, Unread, Versioned};
use serde::Serialize;

use crate::error::WireError;
use crate::limits;

/// The format of what stands around inner records. A record whose layout changes gets a form more, and this stays; raised, it makes
/// all that is on inner topics unreadable.
pub const INNER_VERSION: u8 = 6;

/// The value of a record of an inner topic.
///
/// # Errors
/// [`WireError::UnencodableInner`] when the value has no such form, [`WireError::TooLarge`] when nobody could read it.
pub fn encode_inner<T: Versioned + Serialize>(value: &T) -> Result<Vec<u8>, WireError> {
    let bytes = versioned::encode(value, &[INNER_VERSION]).map_err(|_| WireError::UnencodableInner)?;
    limits::check_size(&bytes, limits::WRITTEN_BYTES_MAX)?;
    Ok(bytes)
}

/// Reads the value of a record of an inner topic. The bytes may be anything at all; `T` must not contain itself,
/// because the format knows no limit of depth.
///
/// # Errors
/// [`WireError::NewerInner`] when a newer release wrote it, [`WireError::UnknownInnerVersion`] for a format that nobody writes any
/// more; else [`WireError::Short`], [`WireError::MalformedInner`], [`WireError::TrailingBytes`] or [`WireError::TooLarge`].
pub fn decode_inner<T: Versioned>(bytes: &[u8]) -> Result<T, WireError> {
    limits::check_size(bytes, limits::RECORD_BYTES_MAX)?;
    match bytes {
        [] => Err(WireError::Short { bytes: 0 }),
        [INNER_VERSION, rest @ ..] => {
            let (value, rest) = versioned::decode(rest).map_err(|unread| match unread {
                Unread::Newer(newer) => WireError::NewerInner(newer),
                Unread::Damaged(_) => WireError::MalformedInner { bytes: bytes.len() },
            })?;
            if rest.is_empty() { Ok(value) } else { Err(WireError::TrailingBytes { extra: rest.len() }) }
        }
        [found, ..] if versioned::is_newer(*found, INNER_VERSION) => {
            let what = "what stands around inner records";
            Err(WireError::NewerInner(Newer { what, found: *found, known: INNER_VERSION }))
        }
        [found, ..] => Err(WireError::UnknownInnerVersion { found: *found, known: INNER_VERSION }),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use kinfold_model::{NodeId, NodeKind, Timestamp, first_forms};
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Message {
        Observe { time: Timestamp, nodes: Vec<NodeId>, names: BTreeMap<String, Option<bool>> },
        Forget(NodeId),
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Numbers(Vec<u64>);

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Text(String);

    first_forms! {
        Message: "message",
        Numbers: "numbers",
        Text: "text",
    }

    fn message() -> Message {
        Message::Observe {
            time: Timestamp::MAX,
            nodes: vec![NodeId::new([7; 16], NodeKind::Identifier); 3],
            names: [("a".to_owned(), None), ("b".to_owned(), Some(true))].into(),
        }
    }

    #[test]
    fn what_was_written_is_read_back() {
        for value in [message(), Message::Forget(NodeId::new([0; 16], NodeKind::Sighting))] {
            assert_eq!(decode_inner(&encode_inner(&value).expect("encodes")), Ok(value));
        }
    }

    #[test]
    fn a_node_takes_its_sixteen_bytes() {
        let bytes =
            encode_inner(&Message::Forget(NodeId::new([7; 16], NodeKind::Sighting))).expect("encodes");
        assert_eq!(bytes.len(), 1 + 1 + 1 + 16);
    }

    #[test]
    fn another_format_is_refused_by_number_and_one_that_is_newer_is_told_apart() {
        let (found, known) = (INNER_VERSION - 1, INNER_VERSION);
        let older = decode_inner::<Message>(&[found, 1, 0]);
        assert_eq!(older, Err(WireError::UnknownInnerVersion { found, known }));
        let garbage = decode_inner::<Message>(&[127, 1, 0]);
        assert!(matches!(garbage, Err(WireError::UnknownInnerVersion { found: 127, .. })));
        let malformed = decode_inner::<Message>(&[INNER_VERSION, 127, 0]);
        assert!(matches!(malformed, Err(WireError::MalformedInner { .. })));
        let format = decode_inner::<Message>(&[INNER_VERSION + 1, 1, 0]);
        assert!(matches!(format, Err(WireError::NewerInner(_))));
        let newer = Newer { what: "message", found: 2, known: 1 };
        assert_eq!(decode_inner::<Message>(&[INNER_VERSION, 2, 0]), Err(WireError::NewerInner(newer)));
    }

    #[test]
    fn what_stands_around_a_record_stays_as_it_is() {
        assert_eq!(encode_inner(&Text("seven".to_owned())).expect("encodes"), b"\x06\x01\x05seven");
    }

    #[test]
    fn trailing_bytes_are_an_error() {
        let mut bytes = encode_inner(&message()).expect("encodes");
        bytes.push(0);
        assert_eq!(decode_inner::<Message>(&bytes), Err(WireError::TrailingBytes { extra: 1 }));
    }

    #[test]
    fn no_cut_is_read_and_no_flipped_bit_panics() {
        let bytes = encode_inner(&message()).expect("encodes");
        for end in 0..bytes.len() {
            assert!(decode_inner::<Message>(&bytes[..end]).is_err(), "cut at {end}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let _ = decode_inner::<Message>(&flipped);
        }
    }

    #[test]
    fn a_list_that_claims_more_than_there_is_takes_no_memory() {
        let claim = [INNER_VERSION, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(decode_inner::<Numbers>(&claim), Err(WireError::MalformedInner { bytes: claim.len() }));
        assert_eq!(decode_inner::<Text>(&claim), Err(WireError::MalformedInner { bytes: claim.len() }));
    }
}
