//! Text of no known form: customer numbers, cookies, tokens. Letter case is kept, because two tokens may differ by it.

use std::borrow::Cow;

use super::Remedy;

/// The value as it is; it has been trimmed and composed already.
///
/// # Errors
/// When it holds a control character, a line break included: such a value is a fault of an export.
pub(super) fn normalise(value: Cow<'_, str>) -> Result<Cow<'_, str>, Remedy> {
    if value.chars().any(char::is_control) {
        return Err("text on one line, without control characters");
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letter_case_is_kept_and_line_breaks_are_refused() {
        let cases =
            [("C-4711", Some("C-4711")), ("aB cD", Some("aB cD")), ("a\nb", None), ("a\u{85}b", None)];
        super::super::check(|value| normalise(value.into()).ok().map(Cow::into_owned), &cases);
    }
}
