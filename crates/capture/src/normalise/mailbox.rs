//! Whose mailbox an address is: a person's, an office's, or nobody's after a few minutes.
//!
//! A normalised address goes in. What comes out decides nothing but a flag: an office may be somebody's customer, and a
//! throw-away address is still the one that was given.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use kinfold_model::FlagKind;

/// RFC 2142, sections 3 to 6: business, network, support of services. `noreply` and the like are on the block list.
const ROLES: [&str; 15] = [
    "abuse",
    "ftp",
    "hostmaster",
    "info",
    "marketing",
    "news",
    "noc",
    "postmaster",
    "sales",
    "security",
    "support",
    "usenet",
    "uucp",
    "webmaster",
    "www",
];

static DISPOSABLE: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| {
    let lines = include_str!("disposable_domains.txt").lines();
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
});

/// What is odd about a normalised address, if anything is. `more` are further disposable domains, in lower case.
pub(super) fn oddity(address: &str, more: &BTreeSet<String>) -> Option<FlagKind> {
    let (local, domain) = address.rsplit_once('@')?;
    if is_disposable(domain, more) {
        return Some(FlagKind::Disposable);
    }
    let untagged = local.split_once('+').map_or(local, |(name, _)| name);
    ROLES.contains(&untagged).then_some(FlagKind::Role)
}

/// A domain is listed when it or a domain above it is, for such providers invent subdomains.
fn is_disposable(domain: &str, more: &BTreeSet<String>) -> bool {
    let mut rest = Some(domain);
    while let Some(name) = rest.filter(|name| name.contains('.')) {
        if DISPOSABLE.contains(name) || more.contains(name) {
            return true;
        }
        rest = name.split_once('.').map(|(_, above)| above);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offices_and_throw_away_addresses_are_told_from_people() {
        let own = BTreeSet::from(["own.example".to_owned()]);
        for (address, expected) in [
            ("ann@example.org", None),
            ("info@example.org", Some(FlagKind::Role)),
            ("support+de@example.org", Some(FlagKind::Role)),
            ("information@example.org", None),
            ("ann@mailinator.com", Some(FlagKind::Disposable)),
            ("info@any.mailinator.com", Some(FlagKind::Disposable)),
            ("ann@mailinator.example", None),
            ("ann@mail.own.example", Some(FlagKind::Disposable)),
            ("ann@gmail.com", None),
            ("ann@outlook.com", None),
        ] {
            assert_eq!(oddity(address, &own), expected, "{address}");
        }
    }

    #[test]
    fn the_list_is_of_domains_in_lower_case() {
        assert!(DISPOSABLE.len() > 1000);
        for domain in DISPOSABLE.iter() {
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-');
            assert!(domain.contains('.') && domain.bytes().all(plain), "{domain}");
        }
    }
}
