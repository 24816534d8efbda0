//! What providers of mailboxes ignore in an address: `ann.lee+news@gmail.com` reaches the mailbox of `annlee@gmail.com`.
//!
//! A normalised address goes in, the one that its provider takes it for comes out. Whether an operator wants that for
//! identity is a choice of the namespace: a tag may be somebody's own name in a family, and a provider may change its mind.

use std::borrow::Cow;

/// Which tags go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tags {
    /// None.
    Kept,
    /// As UID2 prescribes: the dots of `gmail.com`, and what begins with its `+`.
    Uid2,
    /// Those of every provider listed here.
    Providers,
}

/// One provider.
struct Provider {
    domains: &'static [&'static str],
    /// A domain of several labels belongs to it also when it begins so: `yahoo.co.uk`.
    family: &'static [&'static str],
    /// Whether dots in the local part mean nothing.
    dots: bool,
    /// What a tag begins with.
    tag: Option<char>,
    /// The domain that stands for all of them.
    canonical: Option<&'static str>,
}

const GMAIL: Provider = Provider {
    domains: &["gmail.com", "googlemail.com"],
    family: &[],
    dots: true,
    tag: Some('+'),
    canonical: Some("gmail.com"),
};

const PROVIDERS: [Provider; 5] = [
    GMAIL,
    Provider {
        domains: &["icloud.com", "me.com", "mac.com"],
        family: &[],
        dots: false,
        tag: Some('+'),
        // One account has all three, but only those from before 2012: elsewhere they may be two people.
        canonical: None,
    },
    Provider {
        domains: &["msn.com", "passport.com"],
        family: &["outlook.", "hotmail.", "live."],
        dots: false,
        tag: Some('+'),
        canonical: None,
    },
    Provider {
        domains: &["rocketmail.com", "ymail.com"],
        family: &["yahoo."],
        dots: false,
        // A throw-away address at Yahoo is a base name, a hyphen and a word.
        tag: Some('-'),
        canonical: None,
    },
    Provider {
        domains: &["ya.ru", "yandex.ru", "yandex.com", "yandex.by", "yandex.kz", "yandex.ua"],
        family: &[],
        dots: false,
        tag: None,
        canonical: Some("yandex.ru"),
    },
];

/// The address without what its provider ignores. The local part may come out empty, which is no address.
pub(super) fn without<'a>(tags: Tags, local: &'a str, domain: &'a str) -> (Cow<'a, str>, &'a str) {
    match tags {
        Tags::Kept => (local.into(), domain),
        Tags::Uid2 if domain == "gmail.com" => (GMAIL.mailbox(local), domain),
        Tags::Uid2 => (local.into(), domain),
        Tags::Providers => match PROVIDERS.iter().find(|provider| provider.serves(domain)) {
            Some(provider) => (provider.mailbox(local), provider.canonical.unwrap_or(domain)),
            None => (local.into(), domain),
        },
    }
}

impl Provider {
    fn serves(&self, domain: &str) -> bool {
        self.domains.contains(&domain)
            || self.family.iter().any(|name| domain.strip_prefix(name).is_some_and(is_country_or_com))
    }

    fn mailbox<'l>(&self, local: &'l str) -> Cow<'l, str> {
        let untagged = self.tag.and_then(|tag| local.split_once(tag)).map_or(local, |(name, _)| name);
        if self.dots && untagged.contains('.') {
            Cow::Owned(untagged.replace('.', ""))
        } else {
            Cow::Borrowed(untagged)
        }
    }
}

/// The end of a provider's domain: `com`, `de`, `co.uk`, `com.br`. All else is somebody else's: `live.example.org`.
fn is_country_or_com(end: &str) -> bool {
    let country = |label: &str| label.len() == 2 && label.bytes().all(|b| b.is_ascii_lowercase());
    match end.split_once('.') {
        None => end == "com" || country(end),
        Some(("co" | "com", last)) => country(last),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(tags: Tags, cases: &[(&str, &str)]) {
        for (address, expected) in cases {
            let read = |address: &str| super::super::email::normalise(address, tags);
            let once = read(address).unwrap_or_else(|remedy| panic!("{address}: {remedy}"));
            assert_eq!(once, *expected);
            assert_eq!(read(&once).as_deref(), Ok(*expected), "a second time");
        }
    }

    #[test]
    fn uid2_ignores_dots_and_tags_of_one_domain() {
        all(
            Tags::Uid2,
            &[
                ("Ann.Lee+news@Gmail.com", "annlee@gmail.com"),
                ("ann.lee+news@googlemail.com", "ann.lee+news@googlemail.com"),
                ("ann.lee+news@outlook.com", "ann.lee+news@outlook.com"),
            ],
        );
    }

    #[test]
    fn each_large_provider_ignores_what_it_ignores() {
        all(
            Tags::Providers,
            &[
                ("ann.lee+news@googlemail.com", "annlee@gmail.com"),
                ("ann.lee+news@icloud.com", "ann.lee@icloud.com"),
                ("ann.lee+news@hotmail.co.uk", "ann.lee@hotmail.co.uk"),
                ("ann.lee-news@yahoo.com.br", "ann.lee@yahoo.com.br"),
                ("ann+news@yahoo.com", "ann+news@yahoo.com"),
                ("ann@ya.ru", "ann@yandex.ru"),
                ("ann.lee+news@example.org", "ann.lee+news@example.org"),
                ("ann+news@live.example.org", "ann+news@live.example.org"),
                ("ann+news@outlook.office", "ann+news@outlook.office"),
            ],
        );
    }

    #[test]
    fn an_address_of_nothing_but_a_tag_is_none() {
        for address in ["+news@gmail.com", "..+news@gmail.com", "...@gmail.com"] {
            assert!(super::super::email::normalise(address, Tags::Uid2).is_err(), "{address}");
        }
    }
}
