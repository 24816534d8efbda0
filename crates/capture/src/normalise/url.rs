//! Addresses of pages, without what they tell of a person: `https://shop.example/x?page=2&email=ann%40example.org` becomes
//! `https://shop.example/x?page=2`.
//!
//! Names, addresses, sessions and the ids that advertisers give to a click go by the names of their parameters, and
//! whatever has an @ in its value; user and password before the host go too. It is done on the text, so that it holds for
//! addresses without a host and for those that are none.

use std::collections::BTreeSet;

use super::attributes::Reading;

/// Parameters that name a person, by what they are for. Compared in lower case, with `-` as `_`.
pub const PERSONAL_PARAMETERS: [&str; 57] = [
    // Who it is.
    "birth_date",
    "birthday",
    "customer_id",
    "dob",
    "email",
    "email_address",
    "emailaddress",
    "e_mail",
    "family_name",
    "first_name",
    "firstname",
    "full_name",
    "given_name",
    "last_name",
    "lastname",
    "login",
    "mail",
    "mobile",
    "msisdn",
    "name",
    "phone",
    "ssn",
    "surname",
    "tel",
    "telephone",
    "user",
    "user_id",
    "userid",
    "username",
    // Where it is.
    "address",
    "ip",
    "lat",
    "latitude",
    "lng",
    "lon",
    "longitude",
    "postal_code",
    "postcode",
    "street",
    "zip",
    // What opens an account or goes on with a session.
    "access_token",
    "auth",
    "code",
    "id_token",
    "key",
    "password",
    "passwd",
    "pwd",
    "session",
    "session_id",
    "sid",
    "token",
    // Ids that a network or a newsletter gave to one click of one person.
    "fbclid",
    "gclid",
    "mc_eid",
    "mkt_tok",
    "msclkid",
];

/// The address without the parameters of this list; malformed when it is no address of a page, and still without them.
pub(super) fn read(text: &str, personal: &BTreeSet<String>) -> Reading {
    let (rest, fragment) = split(text, '#');
    let (place, query) = split(rest, '?');
    let mut clean = without_user(place);
    for (mark, part) in [('?', query), ('#', fragment)] {
        let kept = part.map(|part| impersonal(part, personal)).filter(|kept| !kept.is_empty());
        if let Some(kept) = kept {
            clean.push(mark);
            clean.push_str(&kept);
        }
    }
    let clean = clean.trim();
    let is_address = !clean.is_empty() && !clean.contains(|c: char| c.is_whitespace() || c.is_control());
    if is_address { Reading::Read(clean.to_owned()) } else { Reading::Stripped(clean.to_owned()) }
}

fn split(text: &str, mark: char) -> (&str, Option<&str>) {
    text.split_once(mark).map_or((text, None), |(before, after)| (before, Some(after)))
}

/// `user:password@` stands between `//` and the next slash. Elsewhere an @ is part of a path, as in `/@ann`.
fn without_user(place: &str) -> String {
    let Some((scheme, rest)) = place.split_once("//") else { return without_mailbox(place) };
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}//{}{path}", host.to_ascii_lowercase())
}

/// `mailto:ann@example.org` is a person, not a page.
fn without_mailbox(place: &str) -> String {
    let is_mailbox = ["mailto:", "tel:", "sms:"]
        .iter()
        .any(|scheme| place.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme)));
    if is_mailbox {
        place.split_once(':').map_or("", |(scheme, _)| scheme).to_owned() + ":"
    } else {
        place.to_owned()
    }
}

fn impersonal(part: &str, personal: &BTreeSet<String>) -> String {
    let keep = |pair: &&str| {
        let (name, value) = split(pair, '=');
        let name = name.to_lowercase().replace('-', "_");
        let tells_mailbox = |text: &str| text.contains('@') || text.to_ascii_lowercase().contains("%40");
        !personal.contains(&name) && !tells_mailbox(value.unwrap_or_default()) && !tells_mailbox(&name)
    };
    part.split('&').filter(keep).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(text: &str) -> Reading {
        read(text, &PERSONAL_PARAMETERS.map(str::to_owned).into())
    }

    #[test]
    fn what_tells_of_a_person_goes_and_the_rest_stays() {
        for (text, expected) in [
            ("https://shop.example/x?page=2&email=ann%40example.org", "https://shop.example/x?page=2"),
            ("https://shop.example/x?E-Mail=a&q=shoes#top", "https://shop.example/x?q=shoes#top"),
            ("https://shop.example/x?gclid=abc&utm_source=ad", "https://shop.example/x?utm_source=ad"),
            ("https://shop.example/x?ref=ann@example.org", "https://shop.example/x"),
            ("https://shop.example/#access_token=abc&state=1", "https://shop.example/#state=1"),
            ("https://ann:secret@Shop.example/x", "https://shop.example/x"),
            ("https://social.example/@ann", "https://social.example/@ann"),
            ("/basket?token=abc", "/basket"),
            ("mailto:ann@example.org", "mailto:"),
            ("https://shop.example/x?a&b=", "https://shop.example/x?a&b="),
        ] {
            assert_eq!(cleaned(text), Reading::Read(expected.to_owned()), "{text}");
            assert_eq!(cleaned(expected), Reading::Read(expected.to_owned()), "{text}, a second time");
        }
    }

    #[test]
    fn what_is_no_address_is_flagged_and_tells_nothing_either() {
        let read = cleaned("see https://shop.example/x?email=ann@example.org");
        assert_eq!(read, Reading::Stripped("see https://shop.example/x".to_owned()));
        assert_eq!(cleaned("?email=ann@example.org"), Reading::Stripped(String::new()));
    }

    #[test]
    fn the_list_is_as_it_is_compared() {
        let all: BTreeSet<&str> = PERSONAL_PARAMETERS.into();
        assert_eq!(all.len(), PERSONAL_PARAMETERS.len());
        assert!(all.iter().all(|name| !name.contains('-') && *name == name.to_lowercase()));
    }
}
