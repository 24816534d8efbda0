//! E-mail addresses: `Ann@Bücher.example` becomes `ann@xn--bcher-kva.example`.
//!
//! Dots and `+` tags of the local part are kept unless a namespace asks for [`Tags`] to go: what they mean is the affair
//! of each provider.

use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};

use super::Remedy;
use super::providers::{self, Tags};
use crate::text;

/// RFC 5321, section 4.5.3.1.1.
const LOCAL_BYTES_MAX: usize = 64;

/// RFC 5321, section 4.5.3.1.3: a path of 256 bytes, less its two brackets.
const ADDRESS_BYTES_MAX: usize = 254;

/// The address in lower case, its domain in ASCII, less the tags that are to go.
///
/// # Errors
/// When it is not one bare address in a domain of at least two labels. Quoted local parts and address literals,
/// which are legal and unused, are among them.
pub(super) fn normalise(value: &str, tags: Tags) -> Result<String, Remedy> {
    let (local, domain) = value.rsplit_once('@').ok_or("an address with one @")?;
    let local = local_part(local)?;
    let domain = host(domain).ok_or("an address whose domain is a valid host name")?;
    if !domain.contains('.') {
        return Err("an address whose domain has at least one dot");
    }
    let (local, domain) = providers::without(tags, &local, &domain);
    if local.is_empty() {
        return Err("an address with something before its tag");
    }
    let address = format!("{local}@{domain}");
    if address.len() > ADDRESS_BYTES_MAX { Err("an address of at most 254 bytes") } else { Ok(address) }
}

/// A host name in ASCII and lower case; `None` when it is none.
fn host(domain: &str) -> Option<String> {
    let ascii = Uts46::new().to_ascii(
        domain.as_bytes(),
        AsciiDenyList::STD3,
        Hyphens::CheckFirstLast,
        DnsLength::Verify,
    );
    ascii.ok().map(std::borrow::Cow::into_owned)
}

fn local_part(local: &str) -> Result<String, Remedy> {
    // What RFC 5322 allows within quotation marks only; it gives away `Ann <ann@…>`, lists and `mailto:`.
    let special = |c: char| c.is_whitespace() || c.is_control() || "()<>[]:;@\\,\"".contains(c);
    if local.chars().any(special) {
        return Err("one bare address, without a name, brackets, quotation marks or white space");
    }
    let local = text::lower(local);
    if local.is_empty() || local.len() > LOCAL_BYTES_MAX {
        return Err("an address with 1 to 64 bytes before the @");
    }
    Ok(local)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_spelling() {
        let cases = [
            ("Ann@Example.ORG", Some("ann@example.org")),
            ("ann.lee+news@example.org", Some("ann.lee+news@example.org")),
            ("ann.lee+news@gmail.com", Some("ann.lee+news@gmail.com")),
            ("Jörg@Bücher.example", Some("jörg@xn--bcher-kva.example")),
            ("o'neil@mail.example.co.uk", Some("o'neil@mail.example.co.uk")),
            ("ann@ｅxample.org", Some("ann@example.org")),
        ];
        super::super::check(|value| normalise(value, Tags::Kept).ok(), &cases);
    }

    #[test]
    fn what_is_no_bare_address_is_refused() {
        for value in [
            "ann",
            "ann@",
            "@example.org",
            "ann@example",
            "a@b@example.org",
            "ann lee@example.org",
            "ann@ex ample.org",
            "Ann <ann@example.org>",
            "mailto:ann@example.org",
            "ann@example..org",
            "ann@-example.org",
            "ann@[127.0.0.1]",
            "ann@example.org.",
            "ann@exa_mple.org",
            "\"ann\"@example.org",
            "a@example.org,b@example.org",
            "ann@.org",
        ] {
            assert!(normalise(value, Tags::Kept).is_err(), "{value}");
        }
    }

    #[test]
    fn the_lengths_of_rfc_5321_hold() {
        let read = |value: &str| normalise(value, Tags::Kept);
        let address =
            |local: usize, label: usize| format!("{}@{}.example", "a".repeat(local), "b".repeat(label));
        assert!(read(&address(64, 63)).is_ok());
        assert!(read(&address(65, 63)).is_err());
        assert!(read(&address(64, 64)).is_err());
        assert!(read(&format!("{}@{}example", "a".repeat(64), "bbbbbbbbbbbbbbbbbbb.".repeat(10))).is_err());
    }
}
