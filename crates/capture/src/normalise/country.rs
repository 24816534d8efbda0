//! Countries: `deu`, `276`, `Germany` and `de` become `DE` (ISO 3166-1 alpha-2).

use celes::Country;

use super::attributes::Reading;

/// The longest name has 60 letters.
const BYTES_MAX: usize = 80;

/// A country in any form of the standard, or by its English name.
pub(super) fn read(text: &str) -> Reading {
    alpha_2(text).map_or(Reading::Malformed, |code| Reading::Read(code.to_owned()))
}

/// Two capitals; `None` when no country is called so.
pub(super) fn alpha_2(text: &str) -> Option<&'static str> {
    if text.len() > BYTES_MAX {
        return None;
    }
    // Names are looked up without spaces and marks: `Bosnia & Herzegovina`, `U.S.A.`.
    let word: String = text.chars().filter(|c| c.is_alphanumeric()).collect();
    let country = match (word.len(), word.bytes().all(|b| b.is_ascii_digit())) {
        (0, _) => return None,
        (1..=3, true) => Country::from_code(format!("{word:0>3}")),
        (2, false) => Country::from_alpha2(reserved(&word)),
        (3, false) => Country::from_alpha3(&word),
        _ => {
            let plain = word.to_lowercase();
            let unarticled = plain.strip_prefix("the").unwrap_or(&plain);
            let named = |name: &str| Country::from_name(name).or_else(|_| Country::from_alias(name));
            named(&plain).or_else(|_| named(unarticled)).or_else(|_| named(&plain.replace("and", "")))
        }
    };
    country.ok().map(|country| country.alpha2)
}

/// The United Kingdom and Greece go by another code in much of Europe.
fn reserved(code: &str) -> &str {
    match code {
        "UK" | "uk" | "Uk" => "GB",
        "EL" | "el" | "El" => "GR",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_has_one_spelling() {
        for (text, expected) in [
            ("DE", Some("DE")),
            ("de", Some("DE")),
            ("DEU", Some("DE")),
            ("276", Some("DE")),
            ("40", Some("AT")),
            ("Germany", Some("DE")),
            ("GERMANY", Some("DE")),
            ("UK", Some("GB")),
            ("England", Some("GB")),
            ("U.S.A.", Some("US")),
            ("United States", Some("US")),
            ("the Netherlands", Some("NL")),
            ("South Korea", Some("KR")),
            ("Türkiye", Some("TR")),
            ("Cote d'Ivoire", Some("CI")),
            ("Deutschland", None),
            ("XX", None),
            ("999", None),
            ("", None),
            ("?", None),
        ] {
            assert_eq!(alpha_2(text), expected, "{text}");
        }
        for code in 0..1000 {
            if let Some(country) = alpha_2(&format!("{code:03}")) {
                assert_eq!(alpha_2(country), Some(country), "{code}: a second time");
            }
        }
    }
}
