//! Figures as they are published. In: what a model computed. Out: numbers of fixed digits.
//!
//! Every process has the same bits, because models use no function of the platform. The digits are cut all the same: those
//! after them are noise, and a profile whose noise changed would be published anew.

use std::fmt;
use std::str::FromStr;

use kinfold_model::Amount;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A number of four digits after the point. Text form: `0.7266`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Figure(i64);

/// A text that is no figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a number with four digits after the point, such as \"0.7266\"")]
pub struct FigureError;

impl Figure {
    const SCALE: f64 = 1e4;

    /// The nearest figure, away from 0 if two are. What is no number is 0.
    #[must_use]
    pub fn of(value: f64) -> Self {
        // The cast is held at the ends, and makes 0 of NaN.
        Self(libm::round(value * Self::SCALE) as i64)
    }

    /// The float that is nearest to it, the same on every machine.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / Self::SCALE
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let digits = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:04}", digits / 10_000, digits % 10_000)
    }
}

impl FromStr for Figure {
    type Err = FigureError;

    fn from_str(text: &str) -> Result<Self, FigureError> {
        let figure = Self::of(text.parse().map_err(|_| FigureError)?);
        if figure.to_string() == text { Ok(figure) } else { Err(FigureError) }
    }
}

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Figure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// An amount as a float: the nearest one, as its text is read.
pub(crate) fn units(amount: Amount) -> f64 {
    amount.to_string().parse().unwrap_or(0.0)
}

/// A float as an amount of two digits after the point, held within what an amount can be. What is no number is 0.
pub(crate) fn amount_of(value: f64) -> Amount {
    const CENTS_MAX: f64 = 99_999_999_999_999.0;
    let cents = libm::round(value * 100.0).clamp(-CENTS_MAX, CENTS_MAX) as i64;
    let sign = if cents < 0 { "-" } else { "" };
    let digits = cents.unsigned_abs();
    format!("{sign}{}.{:02}", digits / 100, digits % 100).parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_has_four_digits_and_is_read_as_it_is_printed() {
        for (value, text) in [(0.0, "0.0000"), (-0.5, "-0.5000"), (1.226_028, "1.2260"), (1e3, "1000.0000")] {
            assert_eq!(Figure::of(value).to_string(), text);
            assert_eq!(text.parse(), Ok(Figure::of(value)));
        }
        for text in ["", "1", "1.22601", "NaN", "1e3", "-0.0000"] {
            assert_eq!(text.parse::<Figure>(), Err(FigureError), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_nothing() {
        assert_eq!(Figure::of(f64::NAN), Figure::default());
        assert_eq!(amount_of(f64::NAN).to_string(), "0.00");
    }

    #[test]
    fn amounts_have_two_digits_and_an_end() {
        assert_eq!(amount_of(-0.001).to_string(), "0.00");
        assert_eq!(amount_of(-12.345).to_string(), "-12.35");
        assert_eq!(amount_of(f64::INFINITY).to_string(), "999999999999.99");
        assert!((units("129.90".parse().expect("an amount")) - 129.9).abs() < f64::EPSILON);
    }
}
