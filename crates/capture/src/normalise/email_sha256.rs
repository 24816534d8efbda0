//! The SHA-256 of a normalised e-mail address, as advertising platforms exchange it: 64 hex digits, or Base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Remedy;

const REMEDY: Remedy = "the SHA-256 of a normalised e-mail address: 64 hex digits, or its 32 bytes in Base64";

/// The 64 hex digits in lower case.
///
/// # Errors
/// When it is neither 64 hex digits nor the Base64 of 32 bytes, which are 44 characters of which the last is `=`.
pub(super) fn normalise(value: &str) -> Result<String, Remedy> {
    if value.len() == 64 && value.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(value.to_ascii_lowercase());
    }
    let bytes = STANDARD.decode(value).map_err(|_| REMEDY)?;
    if bytes.len() != 32 {
        return Err(REMEDY);
    }
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_64_hex_digits_in_lower_case_whatever_it_was_written_in() {
        let (upper, lower) = ("AB".repeat(32), "ab".repeat(32));
        let (short, other) = ("ab".repeat(31), "zz".repeat(32));
        let base64 = STANDARD.encode([0xab; 32]);
        let (too_short, unpadded) = (STANDARD.encode([0xab; 31]), base64.trim_end_matches('='));
        let cases = [
            (&*upper, Some(&*lower)),
            (&*base64, Some(&*lower)),
            (&*short, None),
            (&*other, None),
            (&*too_short, None),
            (unpadded, None),
            ("", None),
        ];
        super::super::check(|value| normalise(value).ok(), &cases);
    }
}
