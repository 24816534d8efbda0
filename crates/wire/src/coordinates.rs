//! Where a record stands: topic, partition and offset. In: text of a key, an argument or a header. Out: coordinates, or an
//! error. There is one text for each place, so that a key which was read is written back as it was.
//!
//! A record that was refused and is sent again carries the coordinates at which it stood first, and when it was written there:
//! what comes of it, and a new refusal, belong to that place and that time.

use std::fmt;
use std::str::FromStr;

use kinfold_model::Timestamp;

use crate::limits::SOURCE_NAME_MAX;
use crate::topic::{Topic, check_source};

/// The header of a record that was refused and is sent again, see [`Original`].
pub const ORIGINAL_HEADER: &str = "kinfold-original";

/// No text is longer: `raw.`, a source, ten digits of a partition, nineteen of an offset, as many of a time with its sign, and
/// what stands between them.
const TEXT_BYTES_MAX: usize = 4 + SOURCE_NAME_MAX + 1 + 10 + 1 + 19 + 1 + 20;

/// Where a record stands. Text form: `raw.webshop/3/17`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Coordinates {
    /// Without the prefix of the deployment.
    pub topic: String,
    /// From 0.
    pub partition: i32,
    /// From 0.
    pub offset: i64,
}

/// A text that names no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be topic/partition/offset, the topic without the prefix of the deployment, for example raw.webshop/3/17"
)]
pub struct CoordinatesError;

impl Coordinates {
    /// The source whose topic this is; `None` for a topic of Kinfold's own.
    #[must_use]
    pub fn source(&self) -> Option<&str> {
        self.topic.strip_prefix("raw.")
    }
}

impl fmt::Display for Coordinates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.topic, self.partition, self.offset)
    }
}

impl FromStr for Coordinates {
    type Err = CoordinatesError;

    fn from_str(text: &str) -> Result<Self, CoordinatesError> {
        let mut parts = text.split('/');
        let mut part = || parts.next().filter(|part| part.len() <= TEXT_BYTES_MAX).ok_or(CoordinatesError);
        let topic = part()?;
        let is_ours = match topic.strip_prefix("raw.") {
            Some(source) => check_source(source).is_ok(),
            None => topic.parse::<Topic>().is_ok(),
        };
        let partition = number(part()?, i64::from(i32::MAX))?;
        let partition = i32::try_from(partition).map_err(|_| CoordinatesError)?;
        let offset = number(part()?, i64::MAX)?;
        if !is_ours || part().is_ok() {
            return Err(CoordinatesError);
        }
        Ok(Self { topic: topic.to_owned(), partition, offset })
    }
}

/// Where a record stood first, and when it was written there. Text form: `raw.webshop/3/17@1772323200000`, the time in
/// milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// Where.
    pub coordinates: Coordinates,
    /// When.
    pub time: Timestamp,
}

impl Original {
    /// Reads the value of [`ORIGINAL_HEADER`], which anybody may have written.
    ///
    /// # Errors
    /// [`CoordinatesError`] when it has another form.
    pub fn from_header(value: &[u8]) -> Result<Self, CoordinatesError> {
        if value.len() > TEXT_BYTES_MAX {
            return Err(CoordinatesError);
        }
        let text = std::str::from_utf8(value).map_err(|_| CoordinatesError)?;
        let (coordinates, time) = text.split_once('@').ok_or(CoordinatesError)?;
        let coordinates = coordinates.parse()?;
        let ms = match time.strip_prefix('-') {
            Some(before) => number(before, i64::MAX).and_then(nonzero).map(|ms| -ms)?,
            None => number(time, i64::MAX)?,
        };
        let time = Timestamp::from_millis(ms).map_err(|_| CoordinatesError)?;
        Ok(Self { coordinates, time })
    }
}

impl fmt::Display for Original {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.coordinates, self.time.millis())
    }
}

/// Digits without a sign, and without zeros before them.
fn number(text: &str, max: i64) -> Result<i64, CoordinatesError> {
    let is_plain = text == "0" || !text.starts_with('0');
    let digits = is_plain && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse::<i64>().ok().filter(|number| digits && *number <= max);
    number.ok_or(CoordinatesError)
}

fn nonzero(number: i64) -> Result<i64, CoordinatesError> {
    if number == 0 { Err(CoordinatesError) } else { Ok(number) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(topic: &str, partition: i32, offset: i64) -> Coordinates {
        Coordinates { topic: topic.to_owned(), partition, offset }
    }

    #[test]
    fn coordinates_and_originals_survive_their_text() {
        let source = "x".repeat(SOURCE_NAME_MAX);
        for place in [
            at("raw.web-shop_2", 0, 0),
            at(&format!("raw.{source}"), i32::MAX, i64::MAX),
            at("identity-op", 3, 17),
        ] {
            assert_eq!(place.to_string().parse(), Ok(place.clone()));
            for time in [Timestamp::MIN, Timestamp::default(), Timestamp::MAX] {
                let original = Original { coordinates: place.clone(), time };
                assert_eq!(Original::from_header(original.to_string().as_bytes()), Ok(original));
            }
        }
        assert_eq!(at("raw.shop", 0, 1).source(), Some("shop"));
        assert_eq!(at("touchpoint", 0, 1).source(), None);
    }

    #[test]
    fn a_place_has_one_text_and_what_is_no_place_is_refused() {
        let long = format!("raw.{}/0/0", "x".repeat(SOURCE_NAME_MAX + 1));
        for text in [
            "",
            "/",
            "//",
            "raw.shop",
            "raw.shop/1",
            "raw.shop/1/",
            "raw.shop//1",
            "raw.shop/1/2/",
            "raw.shop/1/2/3",
            "raw.shop/01/2",
            "raw.shop/1/02",
            "raw.shop/+1/2",
            "raw.shop/-1/2",
            "raw.shop/1/-2",
            "raw.shop/1/2 ",
            " raw.shop/1/2",
            "raw.shop/2147483648/2",
            "raw.shop/1/9223372036854775808",
            "raw./1/2",
            "raw.a.b/1/2",
            "raw.läden/1/2",
            "shop/1/2",
            "kinfold.raw.shop/1/2",
            "raw.shop/١/2",
            &long,
        ] {
            assert_eq!(text.parse::<Coordinates>(), Err(CoordinatesError), "{text}");
        }
    }

    #[test]
    fn a_header_that_nobody_of_us_wrote_is_refused() {
        let whole = "raw.shop/1/2@1772323200000";
        assert!(Original::from_header(whole.as_bytes()).is_ok());
        let long = format!("{whole}{}", "0".repeat(200));
        for text in [
            "",
            "@",
            "raw.shop/1/2",
            "raw.shop/1/2@",
            "raw.shop/1/2@-",
            "raw.shop/1/2@-0",
            "raw.shop/1/2@+1",
            "raw.shop/1/2@01",
            "raw.shop/1/2@1@1",
            "raw.shop/1/2@9223372036854775807",
            "raw.shop/1/2@x",
            "shop/1/2@1",
            &long,
        ] {
            assert_eq!(Original::from_header(text.as_bytes()), Err(CoordinatesError), "{text}");
        }
        assert_eq!(Original::from_header(b"raw.shop/1/2@\xff"), Err(CoordinatesError));
    }
}
