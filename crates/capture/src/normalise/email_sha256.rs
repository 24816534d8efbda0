//! The SHA-256 of a normalised e-mail address, as advertising platforms exchange it: 64 hex digits.

use super::Remedy;

/// The digits in lower case.
///
/// # Errors
/// When there are not 64 of them. Base64 is not read: whether a text of 44 characters is one cannot be known.
pub(super) fn normalise(value: &str) -> Result<String, Remedy> {
    if value.len() == 64 && value.bytes().all(|b| b.is_ascii_hexdigit()) {
        Ok(value.to_ascii_lowercase())
    } else {
        Err("the SHA-256 of a normalised e-mail address: 64 hex digits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_64_hex_digits_in_lower_case() {
        let (upper, lower) = ("AB".repeat(32), "ab".repeat(32));
        let (short, other) = ("ab".repeat(31), "zz".repeat(32));
        let cases = [(&*upper, Some(&*lower)), (&*short, None), (&*other, None), ("", None)];
        super::super::check(|value| normalise(value).ok(), &cases);
    }
}
