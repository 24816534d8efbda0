//! The names of letters: where one lies, and the key under which it does. In: text of a key. Out: coordinates and a part, or an
//! error. There is one text for each key, so that one that was read is written back as it was.

use std::fmt;
use std::str::FromStr;

use kinfold_wire::{Coordinates, CoordinatesError};

/// Where a letter lies on `touchpoint-refused`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// From 0.
    pub partition: i32,
    /// In that partition.
    pub offset: i64,
}

/// The key of a letter. Text form: `raw.webshop/3/17`, and `raw.webshop/3/17/2` for the third part of that record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LetterKey {
    /// Of the record that was refused.
    pub coordinates: Coordinates,
    /// Which of its parts that were refused, from 0; the letter of part 0 has the payload.
    pub part: u32,
}

impl fmt::Display for LetterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            0 => fmt::Display::fmt(&self.coordinates, f),
            part => write!(f, "{}/{part}", self.coordinates),
        }
    }
}

impl FromStr for LetterKey {
    type Err = CoordinatesError;

    fn from_str(text: &str) -> Result<Self, CoordinatesError> {
        if let Ok(coordinates) = text.parse() {
            return Ok(Self { coordinates, part: 0 });
        }
        let (coordinates, part) = text.rsplit_once('/').ok_or(CoordinatesError)?;
        let key = Self {
            coordinates: coordinates.parse()?,
            part: part.parse::<u32>().ok().filter(|part| *part > 0).ok_or(CoordinatesError)?,
        };
        // There is one text for each key, so that one that was read is written back as it was.
        if key.to_string() == text { Ok(key) } else { Err(CoordinatesError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::letter::tests::at;

    #[test]
    fn a_key_is_read_as_it_is_written_and_has_one_text() {
        let coordinates = at("shop", 17);
        for (part, text) in [(0, "raw.shop/0/17"), (1, "raw.shop/0/17/1"), (40, "raw.shop/0/17/40")] {
            let key = LetterKey { coordinates: coordinates.clone(), part };
            assert_eq!((key.to_string().as_str(), text.parse()), (text, Ok(key)));
        }
        for text in
            ["raw.shop/0/17/0", "raw.shop/0/17/01", "raw.shop/0/17/", "raw.shop/0/17/-1", "raw.shop/0", "/1"]
        {
            assert!(text.parse::<LetterKey>().is_err(), "{text}");
        }
    }
}
