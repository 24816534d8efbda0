//! The standard attributes in one spelling each: by its name it is known what an attribute should be.
//!
//! In go the attributes of a record; what can be read is put into its one form, and what cannot be read is kept as it was
//! written and flagged, because somebody may still make sense of it. Only an address of the network goes when the policy
//! cannot be applied to it, for then it might be a whole one. All other attributes are text and stay as they are.

use std::collections::BTreeMap;

use kinfold_model::{Flag, FlagKind, Timestamp};

use super::{country, currency, date, ip, language, name, postal_code, url};
use crate::limits;
use crate::path::Path;
use crate::settings::{Cleaning, IpPolicy};

/// What a value turned out to be.
#[derive(PartialEq, Eq)]
pub(super) enum Reading {
    /// In its one form.
    Read(String),
    /// In its one form, and hardly true.
    Implausible(String),
    /// Not what the name of the attribute says, and less what must not be kept; perhaps nothing is left.
    Stripped(String),
    /// Not what the name of the attribute says.
    Malformed,
}

impl std::fmt::Debug for Reading {
    /// The value is not printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Read(_) => "read",
            Self::Implausible(_) => "implausible",
            Self::Stripped(_) => "stripped",
            Self::Malformed => "malformed",
        })
    }
}

/// What an attribute should be, by its name.
#[derive(Clone, Copy)]
enum Form {
    Given,
    Family,
    FullName,
    BirthDate,
    Country,
    PostalCode,
    Language,
    Currency,
    Url,
    Ip,
}

impl Form {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "given_name" | "first_name" | "middle_name" => Self::Given,
            "family_name" | "last_name" => Self::Family,
            "name" | "full_name" => Self::FullName,
            "birth_date" | "date_of_birth" => Self::BirthDate,
            "country" | "country_code" => Self::Country,
            "postal_code" | "postcode" | "zip" => Self::PostalCode,
            "language" | "locale" => Self::Language,
            "currency" => Self::Currency,
            "url" | "referrer" | "referer" => Self::Url,
            "ip" | "ip_address" => Self::Ip,
            _ if name.ends_with("_url") => Self::Url,
            _ => return None,
        })
    }

    fn read(self, text: &str, country: Option<&str>, given: &Given<'_>) -> Reading {
        match self {
            Self::Given => name::given(text),
            Self::Family => name::family(text),
            Self::FullName => name::full(text),
            Self::BirthDate => date::birth(text, given.time),
            Self::Country => country::read(text),
            Self::PostalCode => postal_code::read(text, country),
            Self::Language => language::read(text),
            Self::Currency => currency::read(text),
            Self::Url => url::read(text, &given.cleaning.url_parameters),
            Self::Ip => ip::read(text, given.cleaning.ip),
        }
    }
}

/// What attributes are read with.
pub(crate) struct Given<'s> {
    /// Of the touchpoint.
    pub(crate) time: Timestamp,
    /// What the operator chose.
    pub(crate) cleaning: &'s Cleaning,
}

/// Puts every standard attribute into its one form, and adds a flag for each that is malformed or implausible.
pub(crate) fn clean(
    attributes: &mut BTreeMap<String, String>,
    given: &Given<'_>,
    flags: &mut impl Extend<Flag>,
) {
    let country = attributes.get("country").or_else(|| attributes.get("country_code"));
    let country = country.and_then(|text| country::alpha_2(text));
    attributes.retain(|name, value| {
        let Some(form) = Form::of(name) else { return true };
        let is_ip = matches!(form, Form::Ip);
        if is_ip && given.cleaning.ip == IpPolicy::Drop {
            return false;
        }
        let (clean, flag) = match settled(form, value, country, given) {
            Reading::Read(clean) => (Some(clean), None),
            Reading::Implausible(clean) => (Some(clean), Some(FlagKind::Implausible)),
            Reading::Stripped(clean) => (Some(clean), Some(FlagKind::Malformed)),
            Reading::Malformed if is_ip && given.cleaning.ip == IpPolicy::Truncate => {
                (Some(String::new()), Some(FlagKind::Malformed))
            }
            Reading::Malformed => (None, Some(FlagKind::Malformed)),
        };
        let member = || Path::ROOT.member("attributes").member(name).to_string();
        flags.extend(flag.map(|kind| Flag { kind, member: member() }));
        if let Some(clean) = clean {
            *value = clean;
        }
        !value.is_empty()
    });
}

/// A value and its form, if reading the form gives the form again; else the value as it was written. So whatever comes
/// out stays as it is when it is read a second time. What must not be kept is not put back: those forms are stable.
fn settled(form: Form, value: &str, country: Option<&str>, given: &Given<'_>) -> Reading {
    let once = form.read(value, country, given);
    if matches!(form, Form::Url | Form::Ip) {
        return once;
    }
    match &once {
        Reading::Read(clean) | Reading::Implausible(clean) if clean != value => {
            let fits = !clean.is_empty() && clean.len() <= limits::ATTRIBUTE_BYTES_MAX;
            if fits && form.read(clean, country, given) == once { once } else { Reading::Malformed }
        }
        _ => once,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn cleaned(name: &str, value: &str, cleaning: &Cleaning) -> (Option<String>, BTreeSet<Flag>) {
        let mut attributes = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let mut flags = BTreeSet::new();
        clean(&mut attributes, &Given { time: Timestamp::MAX, cleaning }, &mut flags);
        (attributes.remove(name), flags)
    }

    #[test]
    fn a_value_that_was_read_is_not_printed() {
        for reading in [Reading::Read, Reading::Implausible, Reading::Stripped] {
            let reading = reading("Extraordinary".to_owned());
            assert!(!format!("{reading:?} {reading:#?}").contains("Extraordinary"));
        }
        let record = crate::RawRecord { source: None, bytes: b"Extraordinary".to_vec() };
        assert_eq!(format!("{record:?}, {record:#?}"), "record of 13 bytes, record of 13 bytes");
    }

    #[test]
    fn what_cannot_be_read_is_kept_and_flagged_by_its_place() {
        for name in ["birth_date", "country", "language", "currency", "ip"] {
            let cleaning = Cleaning { ip: IpPolicy::Keep, ..Cleaning::default() };
            let (value, flags) = cleaned(name, "no such thing", &cleaning);
            let expected = Flag { kind: FlagKind::Malformed, member: format!("attributes.{name}") };
            assert_eq!((value.as_deref(), flags), (Some("no such thing"), [expected].into()), "{name}");
        }
    }

    #[test]
    fn what_would_be_read_otherwise_a_second_time_stays_as_it_was_written() {
        let written = "ANN LEE jr ,";
        assert_eq!(name::full(written), Reading::Read("ANN LEE jr".to_owned()));
        assert_eq!(name::full("ANN LEE jr"), Reading::Read("Ann Lee".to_owned()));
        let (value, flags) = cleaned("full_name", written, &Cleaning::default());
        assert_eq!((value.as_deref(), flags.len()), (Some(written), 1));
    }

    #[test]
    fn the_policy_for_addresses_holds_for_what_cannot_be_read_too() {
        let with = |ip| Cleaning { ip, ..Cleaning::default() };
        assert_eq!(cleaned("ip", "203.0.113.77", &with(IpPolicy::Keep)).0.as_deref(), Some("203.0.113.77"));
        let (value, flags) = cleaned("ip", "203.0.113.77", &with(IpPolicy::Truncate));
        assert_eq!((value.as_deref(), flags.len()), (Some("203.0.113.0"), 0));
        let (value, flags) = cleaned("ip", "203.0.113.77, 198.51.100.3", &with(IpPolicy::Truncate));
        assert_eq!((value, flags.len()), (None, 1), "it may hold a whole address");
        assert_eq!(cleaned("ip_address", "203.0.113.77", &with(IpPolicy::Drop)), (None, BTreeSet::new()));
    }

    #[test]
    fn attributes_of_no_known_name_are_text() {
        for name in ["city", "newsletter_topic", "shoe_size", "curl", "vip"] {
            let (value, flags) = cleaned(name, "ANN  LEE", &Cleaning::default());
            assert_eq!((value.as_deref(), flags.len()), (Some("ANN  LEE"), 0), "{name}");
        }
    }

    #[test]
    fn a_postal_code_is_read_in_the_country_beside_it() {
        let mut attributes: BTreeMap<String, String> =
            [("country", "Great Britain"), ("postal_code", "sw1a1aa")]
                .map(|(k, v)| (k.into(), v.into()))
                .into();
        let given = Given { time: Timestamp::MAX, cleaning: &Cleaning::default() };
        clean(&mut attributes, &given, &mut BTreeSet::new());
        assert!(attributes.values().eq(["GB", "SW1A 1AA"]));
    }
}
