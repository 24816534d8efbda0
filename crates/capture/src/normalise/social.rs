//! Accounts of social networks: `Mastodon.social:@Ann` becomes `mastodon.social:ann`.

use super::Remedy;
use crate::text;

/// `network:handle` in lower case, without an @ before the handle.
///
/// # Errors
/// When the network is no plain name or the handle is empty or holds white space.
pub(super) fn normalise(value: &str) -> Result<String, Remedy> {
    let (network, handle) = value.split_once(':').ok_or("network:handle, for example github:ann")?;
    let (network, handle) = (text::lower(network.trim()), text::lower(handle.trim().trim_start_matches('@')));
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'.' | b'-');
    if network.is_empty() || !network.bytes().all(plain) {
        return Err("network:handle with a network of letters, digits, `_`, `.` and `-`");
    }
    if handle.is_empty() || handle.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("network:handle with a handle that is not empty and has no white space");
    }
    Ok(format!("{network}:{handle}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_one_spelling() {
        let cases = [
            ("GitHub:Ann", Some("github:ann")),
            ("mastodon.social: @Ann", Some("mastodon.social:ann")),
            ("x:@@ann", Some("x:ann")),
            ("fediverse:@ann@example.org", Some("fediverse:ann@example.org")),
            ("urn:a:b", Some("urn:a:b")),
            ("ann", None),
            (":ann", None),
            ("x:", None),
            ("x:@", None),
            ("x:ann lee", None),
            ("my network:ann", None),
        ];
        super::super::check(|value| normalise(value).ok(), &cases);
    }
}
