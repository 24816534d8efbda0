//! Days of the calendar: ISO 8601 text in, days since 1970 everywhere else, as Avro's `date` has them.

use std::fmt;
use std::str::FromStr;

use jiff::civil;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::time::Timestamp;

/// A day, as days since 1970-01-01; negative before. It has no zone: a birthday is the same day everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Date(i32);

/// Why a text or a number is no day that Kinfold accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no day of the years 0001 to 9999, for example 1984-02-29")]
pub struct DateError;

impl Date {
    /// 0001-01-01.
    const FIRST: i32 = -719_162;
    /// 9999-12-31.
    const LAST: i32 = 2_932_896;

    /// Checks the range.
    ///
    /// # Errors
    /// [`DateError`] outside the years 0001 to 9999.
    pub fn from_days(days: i32) -> Result<Self, DateError> {
        if (Self::FIRST..=Self::LAST).contains(&days) { Ok(Self(days)) } else { Err(DateError) }
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub fn days(self) -> i32 {
        self.0
    }

    /// Whether somebody who was alive at that time may have been born on this day: not after the day that followed, because the time is
    /// UTC and the day is not; not more than 122 years before, which nobody has outlived; and on no day that systems write where they
    /// know none (1900-01-01, 1970-01-01). Of a time that no calendar has anything may be.
    #[must_use]
    pub fn is_plausible_birth(self, told: Timestamp) -> bool {
        const YEARS_MAX: i16 = 122;
        const PLACEHOLDERS: [civil::Date; 2] = [civil::date(1900, 1, 1), civil::date(1970, 1, 1)];
        let Some(day) = self.civil().filter(|day| !PLACEHOLDERS.contains(day)) else { return false };
        let Ok(told) = jiff::Timestamp::from_millisecond(told.millis()) else { return true };
        let today = told.to_zoned(TimeZone::UTC).date();
        let is_unborn = today.tomorrow().is_ok_and(|tomorrow| day > tomorrow);
        !is_unborn && today.year().saturating_sub(day.year()) <= YEARS_MAX
    }

    fn civil(self) -> Option<civil::Date> {
        let span = jiff::Span::new().try_days(self.0).ok()?;
        civil::date(1970, 1, 1).checked_add(span).ok()
    }
}

impl<'de> Deserialize<'de> for Date {
    /// Refuses what lies outside the range.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_days(i32::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl FromStr for Date {
    type Err = DateError;

    /// `YYYY-MM-DD` and nothing else.
    fn from_str(text: &str) -> Result<Self, DateError> {
        let is_plain = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        let day: civil::Date = text.parse().ok().filter(|_| is_plain).ok_or(DateError)?;
        let since = day.since(civil::date(1970, 1, 1)).map_err(|_| DateError)?;
        Self::from_days(since.get_days())
    }
}

impl fmt::Display for Date {
    /// `YYYY-MM-DD`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.civil() {
            Some(day) => write!(f, "{day}"),
            None => write!(f, "{} days", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_number_name_the_same_day() {
        for (text, days) in [
            ("1970-01-01", 0),
            ("1969-12-31", -1),
            ("1984-02-29", 5172),
            ("0001-01-01", Date::FIRST),
            ("9999-12-31", Date::LAST),
        ] {
            assert_eq!(text.parse(), Ok(Date(days)), "{text}");
            assert_eq!(Date::from_days(days).map(|day| day.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn a_birth_is_within_a_life_of_when_it_was_told_and_on_no_placeholder() {
        let plausible = |day: &str, told: &str| {
            let day: Date = day.parse().expect("a day");
            day.is_plausible_birth(told.parse().expect("a time"))
        };
        let told = "2026-03-01T10:00:00Z";
        for (day, expected) in [
            ("1984-02-29", true),
            ("2026-03-02", true),
            ("2026-03-03", false),
            ("2199-12-31", false),
            ("1904-01-02", true),
            ("1903-12-31", false),
            ("0001-01-01", false),
            ("1900-01-01", false),
            ("1970-01-01", false),
        ] {
            assert_eq!(plausible(day, told), expected, "{day}");
        }
        assert!(plausible("2026-03-03", "2026-04-01T10:00:00Z"), "the time at which it was told counts");
        assert!(!plausible("1900-01-01", "1950-03-01T10:00:00Z"));
        assert!(Date(0x7fff_ffff).civil().is_none());
    }

    #[test]
    fn what_is_no_day_is_an_error() {
        for text in ["", "1984-02-30", "84-02-29", "29.2.1984", "1984-02-29T00:00:00Z", "0000-01-01"] {
            assert_eq!(text.parse::<Date>(), Err(DateError), "{text}");
        }
        assert_eq!(Date::from_days(i32::MAX), Err(DateError));
    }
}
