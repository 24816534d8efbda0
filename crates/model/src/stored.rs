//! How a stage's state values become bytes: the format, then the number of the value's form and the value ([`crate::versioned`]).

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::seam::Fault;
use crate::versioned::{self, Newer, Unread, Versioned};

/// Of what stands around values. A value whose layout changes gets a form more, and this stays; raised, it makes all state
/// unreadable.
pub const FORMAT: u8 = 6;

/// The bytes of a value.
#[must_use]
pub fn encode<T: Versioned + Serialize>(value: &T) -> Vec<u8> {
    versioned::encode(value, &[FORMAT]).expect("state values are plain data, and a Vec grows")
}

/// The bytes of something that is compared or hashed and never read again, without any number.
#[must_use]
pub fn image<T: Serialize>(value: &T) -> Vec<u8> {
    let room = Vec::with_capacity(versioned::USUAL_BYTES);
    postcard::to_extend(value, room).expect("what is compared is plain data, and a Vec grows")
}

/// The value of bytes that [`encode`] made, or that an earlier version of the program did. `what` names the entry in the error.
///
/// # Errors
/// [`Fault::Newer`] for a form or a format that is newer than this program. [`Fault::Corrupt`] for another format, bytes that do not
/// decode, or bytes that are left over.
pub fn decode<T: Versioned>(what: &'static str, bytes: &[u8]) -> Result<T, Fault> {
    match versioned::decode(form(what, bytes)?) {
        Ok((value, [])) => Ok(value),
        Ok((_, left)) => Err(Fault::Corrupt { what, why: format!("{} bytes are left over", left.len()) }),
        Err(unread) => Err(fault(what, &unread)),
    }
}

/// The first field of a value, which all of its forms have to begin with, without the cost of the rest.
///
/// # Errors
/// As [`decode`], but for what stands behind that field.
pub fn decode_head<T: Versioned, H: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<H, Fault> {
    versioned::decode_head::<T, H>(form(what, bytes)?).map_err(|unread| fault(what, &unread))
}

fn form<'b>(what: &'static str, bytes: &'b [u8]) -> Result<&'b [u8], Fault> {
    match bytes.split_first() {
        Some((&FORMAT, rest)) => Ok(rest),
        Some((found, _)) if versioned::is_newer(*found, FORMAT) => {
            Err(Newer { what: "what stands around stored values", found: *found, known: FORMAT }.into())
        }
        Some((other, _)) => {
            let why = format!("format {other}, this program reads format {FORMAT}");
            Err(Fault::Corrupt { what, why })
        }
        None => Err(Fault::Corrupt { what, why: "no bytes".to_owned() }),
    }
}

fn fault(what: &'static str, unread: &Unread) -> Fault {
    match unread {
        Unread::Newer(newer) => Fault::Newer(*newer),
        Unread::Damaged(error) => Fault::Corrupt { what, why: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Pair(u32, String);

    crate::first_forms! {
        Pair: "pair",
    }

    fn pair() -> Pair {
        Pair(7, "seven".to_owned())
    }

    #[test]
    fn a_value_survives_and_damage_is_named() {
        let bytes = encode(&pair());
        assert_eq!(decode("pair", &bytes), Ok(pair()));
        assert_eq!(decode_head::<Pair, u32>("pair", &bytes), Ok(7));
        for damaged in [&bytes[..bytes.len() - 1], &[&bytes[..], &[0]].concat(), &[5], &[]] {
            assert!(matches!(decode::<Pair>("pair", damaged), Err(Fault::Corrupt { what: "pair", .. })));
        }
    }

    #[test]
    fn what_stands_around_a_value_stays_as_it_is() {
        assert_eq!(encode(&pair()), b"\x06\x01\x07\x05seven");
    }

    #[test]
    fn what_is_too_new_is_no_damage() {
        let mut form = encode(&pair());
        form[1] += 1;
        let mut format = encode(&pair());
        format[0] += 1;
        for newer in [form, format] {
            assert!(matches!(decode::<Pair>("pair", &newer), Err(Fault::Newer(_))));
            assert!(matches!(decode_head::<Pair, u32>("pair", &newer), Err(Fault::Newer(_))));
        }
    }
}
