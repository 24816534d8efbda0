//! Points in time: RFC 3339 text or milliseconds in, milliseconds since 1970 (UTC) everywhere else.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};

/// Milliseconds since 1970-01-01T00:00:00Z. Negative values lie before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// Why a text or a number is not a point in time that Kinfold accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Neither RFC 3339 nor a number.
    #[error("is not RFC 3339 (for example 2026-03-01T10:15:00Z) and not milliseconds since 1970")]
    Format,
    /// Outside the years 0001 to 9999.
    #[error("lies outside the years 0001 to 9999")]
    Range,
}

impl Timestamp {
    /// 0001-01-01T00:00:00Z.
    pub const MIN: Self = Self(-62_135_596_800_000);
    /// 9999-12-30T22:00:00Z, the last second that every library around us can still print.
    pub const MAX: Self = Self(253_402_207_200_000);

    /// Checks the range.
    ///
    /// # Errors
    /// [`TimeError::Range`] outside [`Timestamp::MIN`] and [`Timestamp::MAX`].
    pub fn from_millis(ms: i64) -> Result<Self, TimeError> {
        let time = Self(ms);
        if (Self::MIN..=Self::MAX).contains(&time) { Ok(time) } else { Err(TimeError::Range) }
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn millis(self) -> i64 {
        self.0
    }

    /// The start of the granule of `granule_ms` that this time falls into; 0 or 1 leaves it as it is.
    #[must_use]
    pub fn floor(self, granule_ms: i64) -> Self {
        if granule_ms <= 1 { self } else { Self(self.0.div_euclid(granule_ms) * granule_ms) }
    }

    /// This time and `ms` more, held at [`Timestamp::MAX`].
    #[must_use]
    pub fn plus_millis(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms)).min(Self::MAX)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    /// Refuses what lies outside the range, so that arithmetic on what was read cannot overflow.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_millis(i64::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;

    /// RFC 3339 with an offset or `Z`. A finer fraction than milliseconds is cut off.
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let time: jiff::Timestamp = text.trim().parse().map_err(|_| TimeError::Format)?;
        Self::from_millis(time.as_millisecond())
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with milliseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => write!(f, "{time:.3}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_number_name_the_same_time() {
        let text: Timestamp = "2026-03-01T11:15:00.250+01:00".parse().expect("valid");
        assert_eq!(text, Timestamp::from_millis(1_772_360_100_250).expect("in range"));
        assert_eq!(text.to_string(), "2026-03-01T10:15:00.250Z");
    }

    #[test]
    fn the_ends_of_the_range_can_be_printed_and_read_back() {
        for end in [Timestamp::MIN, Timestamp::MAX] {
            assert_eq!(end.to_string().parse(), Ok(end));
        }
    }

    #[test]
    fn what_is_no_time_is_an_error() {
        for text in ["", "yesterday", "2026-13-01T00:00:00Z", "2026-03-01", "1772360100250"] {
            assert_eq!(text.parse::<Timestamp>(), Err(TimeError::Format), "{text}");
        }
        assert_eq!(Timestamp::from_millis(i64::MAX), Err(TimeError::Range));
    }

    #[test]
    fn granules_do_not_overlap_below_1970() {
        assert_eq!(Timestamp(-1).floor(1000), Timestamp(-1000));
        assert_eq!(Timestamp(1999).floor(1000), Timestamp(1000));
    }
}
