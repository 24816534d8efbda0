//! Postal codes: `sw1a1aa` in Great Britain becomes `SW1A 1AA`, `1012ab` in the Netherlands becomes `1012 AB`.
//!
//! Each of the countries listed has patterns for what its post delivers to. Of a country that is not listed, or not
//! stated, a code is in capitals with single spaces, and nothing more is known of it.

use super::attributes::Reading;

/// The longest code of any country has 10 characters; some add a county.
const BYTES_MAX: usize = 16;

/// `9` is a digit, `A` a letter, `*` either; a space or a hyphen stands where it is written.
const PATTERNS: [(&str, &[&str]); 37] = [
    ("AT", &["9999"]),
    ("AU", &["9999"]),
    ("BE", &["9999"]),
    ("BG", &["9999"]),
    ("BR", &["99999-999"]),
    ("CA", &["A9A 9A9"]),
    ("CH", &["9999"]),
    ("CN", &["999999"]),
    ("CY", &["9999"]),
    ("CZ", &["999 99"]),
    ("DE", &["99999"]),
    ("DK", &["9999"]),
    ("EE", &["99999"]),
    ("ES", &["99999"]),
    ("FI", &["99999"]),
    ("FR", &["99999"]),
    ("GB", &["A9 9AA", "A99 9AA", "A9A 9AA", "AA9 9AA", "AA99 9AA", "AA9A 9AA"]),
    ("GR", &["999 99"]),
    ("HR", &["99999"]),
    ("HU", &["9999"]),
    ("IE", &["A** ****"]),
    ("IN", &["999999"]),
    ("IT", &["99999"]),
    ("JP", &["999-9999"]),
    ("LT", &["99999"]),
    ("LU", &["9999"]),
    ("LV", &["9999"]),
    ("MX", &["99999"]),
    ("NL", &["9999 AA"]),
    ("NO", &["9999"]),
    ("PL", &["99-999"]),
    ("PT", &["9999-999", "9999"]),
    ("RO", &["999999"]),
    ("SE", &["999 99"]),
    ("SI", &["9999"]),
    ("SK", &["999 99"]),
    ("US", &["99999", "99999-9999"]),
];

/// A code, in a country if that is known (two capitals).
pub(super) fn read(text: &str, country: Option<&str>) -> Reading {
    let upper = text.to_uppercase();
    let spaced = upper.split_whitespace().collect::<Vec<_>>().join(" ");
    let legal = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-');
    if spaced.len() > BYTES_MAX || !spaced.chars().all(legal) || !spaced.chars().any(char::is_alphanumeric) {
        return Reading::Malformed;
    }
    let known = PATTERNS.iter().find(|(code, _)| Some(*code) == country);
    let Some((code, patterns)) = known else { return Reading::Read(spaced) };
    let bare: String = spaced.chars().filter(char::is_ascii_alphanumeric).collect();
    // `D-01067` and `LV-1010` name the country once more.
    let prefixed = bare.strip_prefix(code).or_else(|| bare.strip_prefix(car_sign(code)));
    let candidates = [Some(bare.as_str()), prefixed];
    let fitted = candidates.into_iter().flatten().find_map(|bare| fit(bare, patterns));
    fitted.map_or(Reading::Malformed, Reading::Read)
}

/// What foreigners write on letters where it is not the code of the country.
fn car_sign(country: &str) -> &'static str {
    match country {
        "AT" => "A",
        "DE" => "D",
        "ES" => "E",
        "FR" => "F",
        "IT" => "I",
        "SE" => "S",
        _ => "\0",
    }
}

fn fit(bare: &str, patterns: &[&str]) -> Option<String> {
    patterns.iter().find_map(|pattern| {
        let mut left = bare.chars();
        let mut code = String::with_capacity(pattern.len());
        for place in pattern.chars() {
            let c = if matches!(place, ' ' | '-') { place } else { left.next()? };
            let fits = match place {
                '9' => c.is_ascii_digit(),
                'A' => c.is_ascii_uppercase(),
                '*' => c.is_ascii_alphanumeric(),
                _ => true,
            };
            if !fits {
                return None;
            }
            code.push(c);
        }
        left.next().is_none().then_some(code)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_one_spelling_in_its_country() {
        for (country, text, expected) in [
            (Some("DE"), "01067", Some("01067")),
            (Some("DE"), "D-01067", Some("01067")),
            (Some("DE"), "1067", None),
            (Some("GB"), "sw1a1aa", Some("SW1A 1AA")),
            (Some("GB"), "M1 1AE", Some("M1 1AE")),
            (Some("NL"), "1012ab", Some("1012 AB")),
            (Some("PL"), "00001", Some("00-001")),
            (Some("US"), "94043", Some("94043")),
            (Some("US"), "94043 1351", Some("94043-1351")),
            (Some("US"), "9404", None),
            (Some("CA"), "k1a-0b1", Some("K1A 0B1")),
            (Some("IE"), "d02af30", Some("D02 AF30")),
            (Some("JP"), "１００-0001", None),
            (Some("FO"), " fo-100 ", Some("FO-100")),
            (None, "ab  12", Some("AB 12")),
            (None, "?", None),
            (None, "ann@example.org", None),
        ] {
            let expected = expected.map_or(Reading::Malformed, |code| Reading::Read(code.to_owned()));
            assert_eq!(read(text, country), expected, "{country:?} {text}");
            if let Reading::Read(code) = &expected {
                assert_eq!(read(code, country), expected, "{country:?} {text}, a second time");
            }
        }
    }

    #[test]
    fn every_pattern_is_of_a_country_and_fits_itself() {
        assert!(PATTERNS.is_sorted_by(|a, b| a.0 < b.0));
        for (country, patterns) in PATTERNS {
            assert_eq!(super::super::country::alpha_2(country), Some(country));
            for pattern in patterns {
                let code = pattern.replace('*', "A");
                assert_eq!(read(&code, Some(country)), Reading::Read(code.clone()), "{country}");
            }
        }
    }
}
