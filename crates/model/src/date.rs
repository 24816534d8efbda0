//! Days of the calendar: ISO 8601 text in, days since 1970 everywhere else, as Avro's `date` has them.

use std::fmt;
use std::str::FromStr;

use jiff::civil;
use serde::{Deserialize, Deserializer, Serialize, de};

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
        let span = jiff::Span::new().try_days(self.0);
        match span.and_then(|span| civil::date(1970, 1, 1).checked_add(span)) {
            Ok(day) => write!(f, "{day}"),
            Err(_) => write!(f, "{} days", self.0),
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
    fn what_is_no_day_is_an_error() {
        for text in ["", "1984-02-30", "84-02-29", "29.2.1984", "1984-02-29T00:00:00Z", "0000-01-01"] {
            assert_eq!(text.parse::<Date>(), Err(DateError), "{text}");
        }
        assert_eq!(Date::from_days(i32::MAX), Err(DateError));
    }
}
