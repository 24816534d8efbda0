//! Currencies: `eur` and `978` become `EUR` (ISO 4217).

use iso_currency::Currency;

use super::attributes::Reading;

/// A currency by its code of letters or digits.
pub(super) fn read(text: &str) -> Reading {
    let currency = match text.parse::<u16>() {
        Ok(number) if text.len() == 3 => Currency::from_numeric(number),
        _ => Currency::from_code(&text.to_ascii_uppercase()),
    };
    currency.map_or(Reading::Malformed, |currency| Reading::Read(currency.code().to_owned()))
}

/// Whether a code of three capitals is a currency's.
pub(super) fn is_known(code: &str) -> bool {
    Currency::from_code(code).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_currency_has_one_spelling() {
        for (text, expected) in [
            ("EUR", Some("EUR")),
            ("usd", Some("USD")),
            ("978", Some("EUR")),
            ("+78", None),
            ("€", None),
            ("Euro", None),
            ("XQX", None),
            ("", None),
        ] {
            let expected = expected.map_or(Reading::Malformed, |code| Reading::Read(code.to_owned()));
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
