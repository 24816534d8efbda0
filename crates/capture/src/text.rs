//! Text from outside becomes text in Unicode NFC, trimmed of white space, not empty, not too long.
//!
//! Control characters U+0000 to U+001F are refused, because databases and terminals stumble over them; tab and line
//! breaks are not, because addresses have them. Text that is clean already is passed on without a copy.

use std::borrow::Cow;

use kinfold_model::{Refusal, RefusalKind};
use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::path::Path;

/// Cleans the text at `path`, which may have `bytes_max` bytes.
///
/// # Errors
/// `empty_value`, `value_too_long`, and `wrong_type` for control characters.
pub(crate) fn clean<'a>(
    text: Cow<'a, str>,
    bytes_max: usize,
    path: &Path<'_>,
) -> Result<Cow<'a, str>, Refusal> {
    let trimmed = trim(text);
    if trimmed.is_empty() {
        let complaint = "is empty; leave the member out when there is nothing to say";
        return Err(Refusal::new(RefusalKind::EmptyValue, path.to_string(), complaint));
    }
    within(&trimmed, bytes_max, path)?;
    if trimmed.bytes().any(|b| b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r')) {
        let complaint = "must be text without control characters (U+0000 to U+001F)";
        return Err(Refusal::new(RefusalKind::WrongType, path.to_string(), complaint));
    }
    let composed = nfc(trimmed);
    within(&composed, bytes_max, path)?;
    Ok(composed)
}

/// Lower case, and NFC again, which lower case can undo outside ASCII.
pub(crate) fn lower(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { text.to_lowercase().nfc().collect() }
}

/// Unicode NFC.
pub(crate) fn nfc(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc(&text) { text } else { Cow::Owned(text.nfc().collect()) }
}

/// Whether a text holds `bytes_max` bytes or fewer.
///
/// # Errors
/// `value_too_long`.
pub(crate) fn within(text: &str, bytes_max: usize, path: &Path<'_>) -> Result<(), Refusal> {
    if text.len() <= bytes_max {
        return Ok(());
    }
    let complaint = format!("has {} bytes, {bytes_max} are allowed", text.len());
    Err(Refusal::new(RefusalKind::ValueTooLong, path.to_string(), complaint))
}

fn trim(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) if text.trim().len() == text.len() => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(text: &str) -> Result<Cow<'_, str>, RefusalKind> {
        clean(Cow::Borrowed(text), 16, &Path::ROOT.member("x")).map_err(|refusal| refusal.kind)
    }

    #[test]
    fn clean_text_is_passed_on_without_a_copy() {
        for text in ["Ann", "Dvořák", "  Ann\u{3000}"] {
            assert!(matches!(cleaned(text), Ok(Cow::Borrowed(clean)) if clean == text.trim()), "{text}");
        }
    }

    #[test]
    fn two_spellings_of_one_character_become_one() {
        assert_eq!(cleaned("Andre\u{301}").as_deref(), Ok("Andr\u{e9}"));
    }

    #[test]
    fn what_is_not_text_for_people_is_refused() {
        for (text, kind) in [
            (" \u{a0}\n", RefusalKind::EmptyValue),
            ("a\0b", RefusalKind::WrongType),
            ("12345678901234567", RefusalKind::ValueTooLong),
        ] {
            assert_eq!(cleaned(text), Err(kind), "{text:?}");
        }
    }
}
