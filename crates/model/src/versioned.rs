//! Values whose binary form may change while what was written before stays readable: first the number of the form, one byte,
//! then the value as serde has it.
//!
//! What is kept or sent for long says of itself which form it has: each value of a table, each record of an inner topic, and each
//! structure within them that may change by itself. A type says what form it had before ([`Versioned::Older`]) and how that
//! becomes the form of now ([`Renew`]); so each form knows the one before it only, and all of them are read. A form that is newer
//! than the program is refused by name and number ([`Newer`]), and never misread.
//!
//! Within a value, `#[serde(with = "kinfold_model::versioned")]` on a field does it, and `versioned::option` where the field may
//! be absent.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, Error, SeqAccess, Visitor};
use serde::ser::SerializeTuple;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value whose form has a number.
pub trait Versioned: DeserializeOwned {
    /// The name in errors.
    const NAME: &'static str;

    /// The form before this one; [`Nothing`] where this is the first.
    type Older: Versioned + Renew<Self>;

    /// The number of the form that is written, from 1. It follows from the forms before, so that nobody can forget to raise it or
    /// give one twice.
    const VERSION: u8 = Self::Older::VERSION + 1;
}

/// Types that are written in their first form, each with its name in errors.
///
/// A type gets its second form when its layout changes: what it was stays as a type of its own, with its name and the version
/// that it had, and becomes [`Versioned::Older`] of what it is now.
#[macro_export]
macro_rules! first_forms {
    ($($of:ty: $name:literal,)+) => {$(
        impl $crate::versioned::Versioned for $of {
            const NAME: &'static str = $name;
            type Older = $crate::versioned::Nothing;
        }
    )+};
}

/// How an older form becomes a later one.
pub trait Renew<T> {
    /// The same in the later form. What the older form does not know is what it would be if nothing had been said of it.
    fn renew(self) -> T;
}

/// What was before the first form. There is no value of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {}

impl Versioned for Nothing {
    const NAME: &'static str = "nothing";
    type Older = Self;
    const VERSION: u8 = 0;
}

impl<T> Renew<T> for Nothing {
    fn renew(self) -> T {
        match self {}
    }
}

impl<'de> Deserialize<'de> for Nothing {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::custom("no value has form 0"))
    }
}

/// A form that only a newer version of the program can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} has form {found}, and this version of the program reads forms up to {known}")]
pub struct Newer {
    /// Of which structure.
    pub what: &'static str,
    /// The number that stands there.
    pub found: u8,
    /// The greatest that is known.
    pub known: u8,
}

/// How many forms a newer program may be ahead. A number that is greater than that stands in bytes that nobody wrote so: they are
/// damaged, and nothing waits for a program that can read them.
const AHEAD_MAX: u8 = 8;

/// Whether a newer program may have written a form of this number.
#[must_use]
pub fn is_newer(found: u8, known: u8) -> bool {
    found > known && found - known <= AHEAD_MAX
}

/// Why bytes are not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// Somebody newer wrote them.
    #[error(transparent)]
    Newer(#[from] Newer),
    /// They are no value of this kind.
    #[error(transparent)]
    Damaged(#[from] postcard::Error),
}

/// Room for most values, so that their bytes are not moved again and again while they are written.
pub(crate) const USUAL_BYTES: usize = 512;

/// The head, the number of the form and the value.
///
/// # Errors
/// For a value that postcard cannot carry, such as a sequence of unknown length.
pub fn encode<T: Versioned + Serialize>(value: &T, head: &[u8]) -> Result<Vec<u8>, postcard::Error> {
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    bytes.extend_from_slice(head);
    postcard::to_extend(&Framed(value), bytes)
}

/// The value that these bytes begin with, whichever form it has, and the bytes behind it.
///
/// # Errors
/// [`Unread`]. A structure within the value may be too new, too.
pub fn decode<T: Versioned>(bytes: &[u8]) -> Result<(T, &[u8]), Unread> {
    NEWER.set(None);
    match postcard::take_from_bytes(bytes) {
        Ok((Framed(value), rest)) => Ok((value, rest)),
        Err(error) => Err(NEWER.take().map_or(Unread::Damaged(error), Unread::Newer)),
    }
}

/// The first field of a value, which all of its forms have to begin with, without the cost of the rest.
///
/// # Errors
/// [`Unread`].
pub fn decode_head<T: Versioned, H: DeserializeOwned>(bytes: &[u8]) -> Result<H, Unread> {
    match bytes.split_first() {
        Some((found, _)) if is_newer(*found, T::VERSION) => Err(newer::<T>(*found).into()),
        Some((found, _)) if *found > T::VERSION => Err(postcard::Error::DeserializeBadEnum.into()),
        Some((0, _)) => Err(<postcard::Error as Error>::custom("no value has form 0").into()),
        Some((_, rest)) => Ok(postcard::take_from_bytes(rest)?.0),
        None => Err(postcard::Error::DeserializeUnexpectedEnd.into()),
    }
}

/// For `#[serde(with)]`: a field with the number of its form.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<T: Versioned + Serialize, S: Serializer>(
    value: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    Framed(value).serialize(serializer)
}

/// For `#[serde(with)]`.
///
/// # Errors
/// Those of the deserializer, and for a form that is newer than this program.
pub fn deserialize<'de, T: Versioned, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    Framed::deserialize(deserializer).map(|Framed(value)| value)
}

/// For `#[serde(with)]` on a field that may be absent.
pub mod option {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Framed, Versioned};

    /// The number stands only where the value does.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<T: Versioned + Serialize, S: Serializer>(
        value: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().map(Framed).serialize(serializer)
    }

    /// As [`super::deserialize`].
    ///
    /// # Errors
    /// The same.
    pub fn deserialize<'de, T: Versioned, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<T>, D::Error> {
        Ok(Option::deserialize(deserializer)?.map(|Framed(value)| value))
    }
}

thread_local! {
    /// Why the deserialization that failed last on this thread did so, if a form was too new. Postcard drops what an error says, so
    /// it is told beside it: from the place where the number is read to [`decode`], which empties it before and after.
    static NEWER: Cell<Option<Newer>> = const { Cell::new(None) };
}

/// A value with the number of its form.
struct Framed<T>(T);

impl<T: Versioned + Serialize> Serialize for Framed<&T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut form = serializer.serialize_tuple(2)?;
        form.serialize_element(&T::VERSION)?;
        form.serialize_element(self.0)?;
        form.end()
    }
}

impl<'de, T: Versioned> Deserialize<'de> for Framed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_tuple(2, AnyForm(PhantomData)).map(Self)
    }
}

/// Reads the number, then the form that has it.
struct AnyForm<T>(PhantomData<T>);

impl<'de, T: Versioned> Visitor<'de> for AnyForm<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the number of a form of {}, and a value", T::NAME)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut form: A) -> Result<T, A::Error> {
        let found = next::<u8, A>(&mut form)?;
        if found > T::VERSION {
            let newer = newer::<T>(found);
            NEWER.set(is_newer(found, T::VERSION).then_some(newer));
            return Err(A::Error::custom(newer));
        }
        read(found, &mut form)
    }
}

/// The value in the form of this number, made the form of `T` step by step.
fn read<'de, T: Versioned, A: SeqAccess<'de>>(found: u8, form: &mut A) -> Result<T, A::Error> {
    if found == T::VERSION { next(form) } else { Ok(read::<T::Older, A>(found, form)?.renew()) }
}

fn next<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(form: &mut A) -> Result<T, A::Error> {
    form.next_element()?.ok_or_else(|| A::Error::custom("a form is a number and a value"))
}

fn newer<T: Versioned>(found: u8) -> Newer {
    Newer { what: T::NAME, found, known: T::VERSION }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As it was at first: whole euros.
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct InEuros(u64);

    /// Then in cents.
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct InCents(u64);

    /// Then with a currency.
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Purse {
        cents: u64,
        currency: Option<String>,
    }

    crate::first_forms! {
        InEuros: "purse",
    }

    impl Versioned for InCents {
        const NAME: &'static str = "purse";
        type Older = InEuros;
    }

    impl Versioned for Purse {
        const NAME: &'static str = "purse";
        type Older = InCents;
    }

    impl Renew<InCents> for InEuros {
        fn renew(self) -> InCents {
            InCents(self.0 * 100)
        }
    }

    impl Renew<Purse> for InCents {
        fn renew(self) -> Purse {
            Purse { cents: self.0, currency: None }
        }
    }

    /// Something that has a purse, and perhaps another, and something behind it.
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(bound(serialize = "P: Versioned + Serialize", deserialize = "P: Versioned"))]
    struct Pocket<P> {
        #[serde(with = "crate::versioned")]
        purse: P,
        #[serde(with = "crate::versioned::option")]
        other: Option<P>,
        keys: u8,
    }

    impl<P: Versioned + Serialize> Versioned for Pocket<P> {
        const NAME: &'static str = "pocket";
        type Older = Nothing;
    }

    fn bytes<T: Versioned + Serialize>(value: &T) -> Vec<u8> {
        encode(value, &[]).expect("encodes")
    }

    #[test]
    fn a_form_costs_one_byte_and_is_numbered_by_those_before_it() {
        assert_eq!((InEuros::VERSION, InCents::VERSION, Purse::VERSION), (1, 2, 3));
        assert_eq!(bytes(&InCents(5)), [2, 5]);
        let pocket = Pocket { purse: InEuros(5), other: Some(InEuros(6)), keys: 7 };
        assert_eq!(bytes(&pocket), [1, 1, 5, 1, 1, 6, 7]);
        assert_eq!(bytes(&Pocket { other: None, ..pocket }), [1, 1, 5, 0, 7]);
    }

    #[test]
    fn every_earlier_form_is_read_as_that_of_now() {
        let purse = |cents, currency: Option<&str>| Purse { cents, currency: currency.map(str::to_owned) };
        for (written, read) in [
            (bytes(&InEuros(5)), purse(500, None)),
            (bytes(&InCents(5)), purse(5, None)),
            (bytes(&purse(5, Some("CHF"))), purse(5, Some("CHF"))),
        ] {
            assert_eq!(decode::<Purse>(&[&written[..], b"rest"].concat()), Ok((read, &b"rest"[..])));
        }
        let old = bytes(&Pocket { purse: InEuros(1), other: Some(InEuros(2)), keys: 7 });
        let new = Pocket { purse: purse(100, None), other: Some(purse(200, None)), keys: 7 };
        assert_eq!(decode::<Pocket<Purse>>(&old), Ok((new, &[][..])));
    }

    #[test]
    fn a_newer_form_is_refused_by_name_and_number_wherever_it_stands() {
        let purse = || Purse { cents: 5, currency: None };
        let newer = Newer { what: "purse", found: 3, known: 2 };
        let inside = bytes(&Pocket { purse: purse(), other: None, keys: 7 });
        assert_eq!(decode::<InCents>(&bytes(&purse())), Err(newer.into()));
        assert_eq!(decode::<Pocket<InCents>>(&inside), Err(newer.into()));
        assert_eq!(decode_head::<InCents, u64>(&bytes(&purse())), Err(newer.into()));
        assert_eq!(
            newer.to_string(),
            "purse has form 3, and this version of the program reads forms up to 2"
        );
        let damaged = bytes(&InEuros(1));
        let damaged = decode::<Pocket<InCents>>(&damaged);
        assert!(matches!(damaged, Err(Unread::Damaged(_))), "that it was too new once is forgotten");
    }

    #[test]
    fn there_is_no_form_0_and_nothing_is_no_form() {
        for bytes in [&[0, 5][..], &[]] {
            assert!(matches!(decode::<Purse>(bytes), Err(Unread::Damaged(_))), "{bytes:?}");
            assert!(matches!(decode::<Nothing>(bytes), Err(Unread::Damaged(_))), "{bytes:?}");
        }
        for bytes in [&[0, 5][..], &[]] {
            assert!(matches!(decode_head::<Purse, u64>(bytes), Err(Unread::Damaged(_))), "{bytes:?}");
        }
    }

    #[test]
    fn the_first_field_is_read_alone_in_every_form() {
        assert_eq!(decode_head::<Purse, u64>(&bytes(&InCents(5))), Ok(5));
        assert_eq!(decode_head::<Purse, u64>(&bytes(&Purse { cents: 6, currency: None })), Ok(6));
    }
}
