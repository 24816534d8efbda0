//! Days of the calendar, in UTC. In: points in time, or `2026-03-01`. Out: days that can be counted.
//!
//! Purchases are counted by days, and figures are made as of a day, because a second more or less of a clock says nothing
//! of a customer.

use std::fmt;
use std::str::FromStr;

use kinfold_model::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Milliseconds of a day. A leap second is no part of the time that Kinfold counts.
pub(crate) const DAY_MS: i64 = 86_400_000;

/// A day in UTC, within the years of [`Timestamp`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(i64);

/// A text that is no day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no day of the years 0001 to 9999; write it as 2026-03-01")]
pub struct DayError;

impl Day {
    /// The day of a point in time.
    #[must_use]
    pub fn of(time: Timestamp) -> Self {
        Self(time.millis().div_euclid(DAY_MS))
    }

    /// Its first moment.
    #[must_use]
    pub fn start(self) -> Timestamp {
        Timestamp::default().plus_millis(self.0 * DAY_MS)
    }

    /// Days since 1970-01-01; negative before.
    #[must_use]
    pub fn number(self) -> i64 {
        self.0
    }

    /// So many days later, held at the last day there is.
    #[must_use]
    pub fn plus(self, days: u32) -> Self {
        Self(self.0 + i64::from(days)).min(Self::of(Timestamp::MAX))
    }

    /// How many days lie between an earlier day and this one; 0 when it is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> u32 {
        u32::try_from(self.0 - earlier.0).unwrap_or(0)
    }

    /// The last day of a grid of so many days that is not after this one. The grid has 1970-01-05, a Monday, so that one
    /// of 7 days is one of Mondays.
    pub(crate) fn on_grid(self, days: i64) -> Self {
        const MONDAY: i64 = 4;
        let first = Self::of(Timestamp::MIN);
        Self((self.0 - MONDAY).div_euclid(days) * days + MONDAY).max(first)
    }
}

impl fmt::Display for Day {
    /// `2026-03-01`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.start().to_string();
        f.write_str(time.split('T').next().unwrap_or_default())
    }
}

impl FromStr for Day {
    type Err = DayError;

    /// `2026-03-01`, or `20260301` as older systems have it.
    fn from_str(text: &str) -> Result<Self, DayError> {
        let dashed = match text.as_bytes() {
            [_, _, _, _, b'-', _, _, b'-', _, _] => text.to_owned(),
            digits if digits.len() == 8 && digits.iter().all(u8::is_ascii_digit) => {
                format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..])
            }
            _ => return Err(DayError),
        };
        format!("{dashed}T00:00:00Z").parse().map(Self::of).map_err(|_| DayError)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().expect("a day")
    }

    #[test]
    fn a_day_is_printed_as_it_is_read() {
        for text in ["0001-01-01", "1969-12-31", "1970-01-01", "2024-02-29", "9999-12-30"] {
            assert_eq!(day(text).to_string(), text);
        }
        assert_eq!(day("19970101"), day("1997-01-01"));
        for text in ["", "1997-1-1", "1997-02-29", "1997010", "1997-01-01T00:00:00Z", "1997ä101"] {
            assert_eq!(text.parse::<Day>(), Err(DayError), "{text}");
        }
    }

    #[test]
    fn days_before_1970_are_days_as_well() {
        let before = Timestamp::from_millis(-1).expect("in range");
        assert_eq!(Day::of(before), day("1969-12-31"));
        assert_eq!(day("1970-01-02").since(day("1969-12-31")), 2);
        assert_eq!(day("1969-12-31").since(day("1970-01-02")), 0);
    }

    #[test]
    fn a_grid_of_seven_days_is_one_of_mondays() {
        assert_eq!(day("2026-03-01").on_grid(7), day("2026-02-23"));
        assert_eq!(day("2026-03-02").on_grid(7), day("2026-03-02"));
        assert_eq!(day("1970-01-01").on_grid(7), day("1969-12-29"));
    }

    #[test]
    fn the_last_day_is_not_passed() {
        assert_eq!(day("9999-12-30").plus(u32::MAX), day("9999-12-30"));
    }
}
