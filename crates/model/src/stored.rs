//! How a stage's state values become bytes: one format version, then postcard.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::seam::Fault;

/// Raised when the layout of any stored value changes.
pub const FORMAT: u8 = 6;

/// The bytes of a value.
#[must_use]
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_extend(value, vec![FORMAT]).expect("state values are plain data, and a Vec grows")
}

/// The value of bytes that [`encode`] made. `what` names the entry in the error.
///
/// # Errors
/// [`Fault::Corrupt`] for another format, bytes that do not decode, or bytes that are left over.
pub fn decode<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, Fault> {
    match decode_head(what, bytes)? {
        (value, []) => Ok(value),
        (_, left) => Err(Fault::Corrupt { what, why: format!("{} bytes are left over", left.len()) }),
    }
}

/// The first field of a value, without the cost of the rest, and the bytes of the rest.
///
/// # Errors
/// [`Fault::Corrupt`] for another format, or bytes that do not decode.
pub fn decode_head<'b, T: DeserializeOwned>(
    what: &'static str,
    bytes: &'b [u8],
) -> Result<(T, &'b [u8]), Fault> {
    let corrupt = |why: String| Fault::Corrupt { what, why };
    match bytes.split_first() {
        Some((&FORMAT, rest)) => postcard::take_from_bytes(rest).map_err(|error| corrupt(error.to_string())),
        Some((other, _)) => Err(corrupt(format!("format {other}, this program reads format {FORMAT}"))),
        None => Err(corrupt("no bytes".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_survives_and_damage_is_named() {
        let bytes = encode(&(7_u32, "seven"));
        assert_eq!(decode::<(u32, String)>("pair", &bytes), Ok((7, "seven".to_owned())));
        for damaged in [&bytes[..bytes.len() - 1], &[&bytes[..], &[0]].concat(), &[9], &[]] {
            assert!(matches!(
                decode::<(u32, String)>("pair", damaged),
                Err(Fault::Corrupt { what: "pair", .. })
            ));
        }
    }
}
