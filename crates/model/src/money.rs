//! Money is decimal text, never a float.

use std::fmt;
use std::ops::{AddAssign, Sub};
use std::str::FromStr;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A decimal amount. Up to 12 digits before the point and 4 after it, so that 10¹² amounts can be
/// summed exactly in the 96 bits of [`Decimal`], in any order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(Decimal);

/// A text that is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be decimal text such as \"129.90\", at most 12 digits before the point and 4 after it")]
pub struct AmountError;

impl Amount {
    const WHOLE_DIGITS: usize = 12;
    const FRACTION_DIGITS: usize = 4;
    /// As many digits after the point as most currencies have.
    const SCALE_MIN: u32 = 2;

    /// What each of so many is on average, rounded to two digits after the point, a half to the even digit; `None` of none.
    #[must_use]
    pub fn mean(self, count: u64) -> Option<Self> {
        let mean = self.0.checked_div(Decimal::from(count))?;
        Some(Self::canonical(
            mean.round_dp_with_strategy(Self::SCALE_MIN, RoundingStrategy::MidpointNearestEven),
        ))
    }

    /// One text for one amount, whatever it was added up from: at least two digits after the point, and no more
    /// than it takes.
    fn canonical(value: Decimal) -> Self {
        let mut value = value.normalize();
        if value.scale() < Self::SCALE_MIN {
            value.rescale(Self::SCALE_MIN);
        }
        Self(value)
    }
}

impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let in_limit = |part: &str, limit: usize| {
            !part.is_empty() && part.len() <= limit && part.bytes().all(|b| b.is_ascii_digit())
        };
        if !in_limit(whole, Self::WHOLE_DIGITS) || !in_limit(fraction, Self::FRACTION_DIGITS) {
            return Err(AmountError);
        }
        text.parse().map(Self::canonical).map_err(|_| AmountError)
    }
}

impl Default for Amount {
    /// Nothing, written as any other amount.
    fn default() -> Self {
        Self::canonical(Decimal::ZERO)
    }
}

impl Sub for Amount {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self::canonical(self.0.saturating_sub(other.0))
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        *self = Self::canonical(self.0.saturating_add(other.0));
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Amount {
    /// Reads what [`Amount::serialize`] wrote, sums included, which may be longer than a single amount.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(de::Error::custom)
    }
}

/// An ISO 4217 code: three capital letters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Currency(String);

/// A text that is no currency code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an ISO 4217 code: three letters, for example EUR")]
pub struct CurrencyError;

impl FromStr for Currency {
    type Err = CurrencyError;

    /// Lower case is read as upper case.
    fn from_str(text: &str) -> Result<Self, CurrencyError> {
        if text.len() == 3 && text.bytes().all(|b| b.is_ascii_alphabetic()) {
            Ok(Self(text.to_ascii_uppercase()))
        } else {
            Err(CurrencyError)
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cents_are_kept_in_sums() {
        let mut sum: Amount = "0.10".parse().expect("an amount");
        sum += "0.20".parse().expect("an amount");
        assert_eq!(sum.to_string(), "0.30");
    }

    #[test]
    fn equal_amounts_have_one_text_in_whatever_order_they_were_added() {
        let sum = |texts: [&str; 3]| {
            let mut sum = Amount::default();
            texts.iter().for_each(|text| sum += text.parse().expect("an amount"));
            sum.to_string()
        };
        assert_eq!(sum(["10.5", "-10.50", "2"]), "2.00");
        assert_eq!(sum(["2", "10.5", "-10.50"]), "2.00");
        assert_eq!("7.5".parse::<Amount>().map(|amount| amount.to_string()), Ok("7.50".to_owned()));
        assert_eq!("0.1250".parse::<Amount>().map(|amount| amount.to_string()), Ok("0.125".to_owned()));
    }

    #[test]
    fn nothing_has_one_text_too() {
        let zero = |text: &str| text.parse::<Amount>().map(|amount| amount.to_string());
        assert_eq!(Amount::default().to_string(), "0.00");
        for text in ["0", "-0", "0.0000"] {
            assert_eq!(zero(text).as_deref(), Ok("0.00"), "{text}");
        }
    }

    #[test]
    fn a_mean_is_rounded_to_the_even_digit_and_there_is_none_of_nothing() {
        let mean = |text: &str, count| {
            let amount: Amount = text.parse().expect("an amount");
            amount.mean(count).map(|mean| mean.to_string())
        };
        for (text, count, expected) in [
            ("10", 4, "2.50"),
            ("0.01", 2, "0.00"),
            ("0.03", 2, "0.02"),
            ("-0.03", 2, "-0.02"),
            ("1", 3, "0.33"),
            ("2", 3, "0.67"),
        ] {
            assert_eq!(mean(text, count).as_deref(), Some(expected), "{text} by {count}");
        }
        assert_eq!(mean("1", 0), None);
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in [
            "",
            ".",
            "1e3",
            "1,50",
            "NaN",
            "1.",
            ".5",
            "+1",
            " 1",
            "1234567890123",
            "1000000000000000000000000000000",
            "0.12345",
            "--1",
        ] {
            assert_eq!(text.parse::<Amount>(), Err(AmountError), "{text}");
        }
    }

    #[test]
    fn currencies_are_upper_case() {
        assert_eq!("eur".parse::<Currency>().map(|c| c.to_string()), Ok("EUR".to_owned()));
        assert_eq!("euro".parse::<Currency>(), Err(CurrencyError));
    }
}
