//! Standard fields: the identifiers and attributes of a profile in, the same in typed fields out.
//!
//! Of the profile of an output they are made after it was left out what may not leave there, so they hold nothing else.

use std::collections::BTreeMap;

use kinfold_model::profile::{Attribute, ProfileIdentifier};
use kinfold_model::standard::{Address, Email, Phone, Social, Standard};
use kinfold_model::{Date, Timestamp};

/// The attributes that tell when somebody was born.
const BIRTHS: [&str; 2] = ["birth_date", "date_of_birth"];

/// Whether an attribute of this name tells when somebody was born.
pub(crate) fn tells_birth(name: &str) -> bool {
    BIRTHS.contains(&name)
}

/// The day that a text names; `None` where it names none, or one on which nobody can have been born of whom it was told at that time.
pub(crate) fn birth(text: &str, told: Timestamp) -> Option<Date> {
    text.parse().ok().filter(|day: &Date| day.is_plausible_birth(told))
}

/// The attributes that name a country.
const COUNTRY: [&str; 2] = ["country", "country_code"];

/// What these identifiers and attributes amount to. Where an attribute goes by several names, the first that is there counts.
pub(crate) fn standard(
    identifiers: &[ProfileIdentifier],
    attributes: &BTreeMap<String, Attribute>,
) -> Standard {
    let stated = |names: &[&str]| of_names(attributes, names).map(|attribute| attribute.value.clone());
    let born = |name: &&str| attributes.get(*name).and_then(|one| birth(&one.value, one.time));
    let of = |namespace: &'static str| {
        identifiers.iter().filter(move |identifier| identifier.namespace.as_str() == namespace)
    };
    Standard {
        given_name: stated(&["given_name", "first_name"]),
        family_name: stated(&["family_name", "last_name"]),
        birth_date: BIRTHS.iter().find_map(born),
        language: stated(&["language", "locale"]),
        country: stated(&COUNTRY),
        addresses: address(attributes).into_iter().collect(),
        emails: of("email").map(email).collect(),
        phones: of("phone").map(phone).collect(),
        socials: of("social").map(social).collect(),
    }
}

/// The first of these that is there.
fn of_names<'a>(attributes: &'a BTreeMap<String, Attribute>, names: &[&str]) -> Option<&'a Attribute> {
    names.iter().find_map(|name| attributes.get(*name))
}

/// Somebody of whom only the country is known has no address. One is verified when each of its parts is, and as good as the worst of them.
fn address(attributes: &BTreeMap<String, Attribute>) -> Option<Address> {
    let of = |names: &[&str]| of_names(attributes, names);
    let (street, city) = (of(&["street"]), of(&["city"]));
    let (postal_code, region) = (of(&["postal_code", "postcode", "zip"]), of(&["region", "state"]));
    let place: Vec<&Attribute> = [street, postal_code, city, region].into_iter().flatten().collect();
    if place.is_empty() {
        return None;
    }
    let country = of(&COUNTRY);
    let parts = || place.iter().copied().chain(country);
    let value = |part: Option<&Attribute>| part.map(|part| part.value.clone());
    Some(Address {
        street: value(street),
        postal_code: value(postal_code),
        city: value(city),
        country: value(country),
        region: value(region),
        verified: parts().map(|part| part.verified).min().flatten(),
        verify_again: parts().filter_map(|part| part.verify_again).min(),
        stale: parts().filter_map(|part| part.stale).min(),
    })
}

fn email(identifier: &ProfileIdentifier) -> Email {
    Email {
        address: identifier.value.clone(),
        verified: identifier.verified,
        verify_again: identifier.verify_again,
        stale: identifier.stale,
        undeliverable: identifier.undeliverable,
        first_seen: identifier.first_seen,
        last_seen: identifier.last_seen,
    }
}

fn phone(identifier: &ProfileIdentifier) -> Phone {
    Phone {
        number: identifier.value.clone(),
        verified: identifier.verified,
        verify_again: identifier.verify_again,
        stale: identifier.stale,
        undeliverable: identifier.undeliverable,
        first_seen: identifier.first_seen,
        last_seen: identifier.last_seen,
    }
}

/// Capture writes `network:handle`; what has no colon, under rules that do not ask for one, is all handle.
fn social(identifier: &ProfileIdentifier) -> Social {
    let (network, handle) = identifier.value.split_once(':').unwrap_or(("", &identifier.value));
    Social {
        network: network.to_owned(),
        handle: handle.to_owned(),
        verified: identifier.verified,
        verify_again: identifier.verify_again,
        stale: identifier.stale,
        undeliverable: identifier.undeliverable,
        first_seen: identifier.first_seen,
        last_seen: identifier.last_seen,
    }
}

#[cfg(test)]
mod tests {
    use kinfold_model::Namespace;

    use super::*;
    use crate::samples::at;

    fn told() -> Timestamp {
        "2026-03-01T10:00:00Z".parse().expect("a time")
    }

    fn attribute(name: &str, value: &str) -> (String, Attribute) {
        (name.to_owned(), Attribute::once(value, "crm", told()))
    }

    fn identifier(namespace: &str, value: &str) -> ProfileIdentifier {
        ProfileIdentifier {
            namespace: Namespace::new(namespace),
            value: value.to_owned(),
            first_seen: Timestamp::default(),
            last_seen: Timestamp::default(),
            undeliverable: None,
            verified: Some(Timestamp::MAX),
            verify_again: None,
            stale: None,
        }
    }

    #[test]
    fn what_is_stated_is_typed_and_what_cannot_be_read_is_left_out() {
        let stated =
            [("first_name", "Ann"), ("birth_date", "1984-02-29"), ("zip", "01067"), ("country", "DE")];
        let attributes = stated.map(|(name, value)| attribute(name, value)).into();
        let identifiers =
            [identifier("email", "ann@example.org"), identifier("social", "mastodon:ann@example.org")];
        let standard = standard(&identifiers, &attributes);
        assert_eq!(standard.given_name.as_deref(), Some("Ann"));
        assert_eq!(standard.birth_date.map(|day| day.to_string()).as_deref(), Some("1984-02-29"));
        let address = &standard.addresses[0];
        assert_eq!((address.postal_code.as_deref(), address.country.as_deref()), (Some("01067"), Some("DE")));
        assert_eq!(
            (&*standard.emails[0].address, standard.emails[0].verified),
            ("ann@example.org", Some(Timestamp::MAX))
        );
        let social = &standard.socials[0];
        assert_eq!((&*social.network, &*social.handle), ("mastodon", "ann@example.org"));
        let unread = [attribute("birth_date", "29.2."), attribute("country", "DE")].into();
        let standard = super::standard(&[], &unread);
        assert!(standard.birth_date.is_none() && standard.addresses.is_empty());
    }

    #[test]
    fn a_birth_that_cannot_be_is_left_out_and_another_name_is_asked() {
        let birth = |stated: &[(&str, &str)]| {
            let attributes = stated.iter().map(|(name, value)| attribute(name, value)).collect();
            standard(&[], &attributes).birth_date.map(|day| day.to_string())
        };
        for text in ["2199-12-31", "1870-01-02", "1970-01-01", "31.2.1984"] {
            assert_eq!(birth(&[("birth_date", text)]), None, "{text}");
            let both = [("birth_date", text), ("date_of_birth", "1984-02-29")];
            assert_eq!(birth(&both).as_deref(), Some("1984-02-29"), "{text}");
        }
    }

    #[test]
    fn what_is_told_of_an_identifier_is_told_of_the_field_that_is_made_of_it() {
        let of = |namespace, value| ProfileIdentifier {
            undeliverable: Some(at(2)),
            verified: Some(at(1)),
            verify_again: Some(at(3)),
            stale: Some(at(4)),
            ..identifier(namespace, value)
        };
        let all = [of("email", "ann@example.org"), of("phone", "+493511234567"), of("social", "github:ann")];
        let Standard { emails, phones, socials, .. } = standard(&all, &BTreeMap::new());
        let told = [
            (emails[0].verified, emails[0].undeliverable, emails[0].verify_again, emails[0].stale),
            (phones[0].verified, phones[0].undeliverable, phones[0].verify_again, phones[0].stale),
            (socials[0].verified, socials[0].undeliverable, socials[0].verify_again, socials[0].stale),
        ];
        assert_eq!(told, [(Some(at(1)), Some(at(2)), Some(at(3)), Some(at(4))); 3]);
    }

    #[test]
    fn an_address_is_as_good_as_the_worst_of_its_parts() {
        let part = |name: &str, verified, verify_again, stale| {
            let once = Attribute::once("x", "crm", Timestamp::default());
            (name.to_owned(), Attribute { verified, verify_again, stale, ..once })
        };
        let street = part("street", Some(at(5)), None, Some(at(9)));
        let city = part("city", Some(at(3)), Some(at(7)), Some(at(8)));
        let told = |parts: Vec<(String, Attribute)>| {
            let address = standard(&[], &parts.into_iter().collect()).addresses.remove(0);
            (address.verified, address.verify_again, address.stale)
        };
        assert_eq!(told(vec![street.clone(), city.clone()]), (Some(at(3)), Some(at(7)), Some(at(8))));
        let country = part("country", None, None, None);
        assert_eq!(
            told(vec![street, city, country]),
            (None, Some(at(7)), Some(at(8))),
            "nobody verified all"
        );
    }

    #[test]
    fn the_hash_of_an_address_is_none() {
        let hash = kinfold_model::keys::sha256_hex("ann@example.org");
        let standard = standard(&[identifier("email_sha256", &hash)], &BTreeMap::new());
        assert!(standard == Standard::default());
    }
}
