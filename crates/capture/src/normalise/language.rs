//! Languages: `EN_us` becomes `en-US` (BCP 47).
//!
//! What is checked is the form, not whether anybody speaks it: new languages are registered every year.

use oxilangtag::LanguageTag;

use super::attributes::Reading;

/// BCP 47 advises programs to take 35; extensions may be longer.
const BYTES_MAX: usize = 64;

/// A language tag, or a locale as Unix and Java write it (`de_DE.UTF-8`).
pub(super) fn read(text: &str) -> Reading {
    let locale = text.split_once(['.', '@']).map_or(text, |(locale, _)| locale);
    let tag = locale.replace('_', "-");
    if tag.len() > BYTES_MAX {
        return Reading::Malformed;
    }
    match LanguageTag::parse_and_normalize(&tag) {
        // Four letters and more are reserved for tags that nobody has registered, and mostly a language's own name.
        Ok(tag) if (2..=3).contains(&tag.primary_language().len()) => Reading::Read(tag.into_inner()),
        _ => Reading::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_has_one_spelling() {
        for (text, expected) in [
            ("de", Some("de")),
            ("DE", Some("de")),
            ("EN_us", Some("en-US")),
            ("de_DE.UTF-8", Some("de-DE")),
            ("zh-hant-tw", Some("zh-Hant-TW")),
            ("sr-latn", Some("sr-Latn")),
            ("deu", Some("deu")),
            ("German", None),
            ("english", None),
            ("d", None),
            ("de-", None),
            ("", None),
        ] {
            let expected = expected.map_or(Reading::Malformed, |tag| Reading::Read(tag.to_owned()));
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
