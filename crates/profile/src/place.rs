//! Which law applies to a person: their country, and for the United States the state, as their attributes or a decision say, in;
//! the name of a jurisdiction, spelled as the configuration spells it, out.

use std::collections::BTreeMap;

use kinfold_model::profile::Attribute;

/// Where the GDPR applies: the European Union with the parts of it that have a code of their own, and the rest of the EEA.
const GDPR: [&str; 37] = [
    "AT", "AX", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GF", "GP", "GR", "HR", "HU",
    "IE", "IS", "IT", "LI", "LT", "LU", "LV", "MF", "MQ", "MT", "NL", "NO", "PL", "PT", "RE", "RO", "SE",
    "SI", "SK", "YT",
];

/// The jurisdiction; `None` when nobody stated a country, or none that can be read. A country without a name here has its own
/// code, in lower case.
pub(crate) fn jurisdiction(attributes: &BTreeMap<String, Attribute>) -> Option<String> {
    let stated = |names: [&str; 2]| names.into_iter().find_map(|name| attributes.get(name));
    let country = stated(["country", "country_code"]).and_then(|country| code(&country.value))?;
    let state = stated(["region", "state"]).and_then(|state| code(state_of(&state.value)));
    Some(law(&country, state))
}

/// The jurisdiction that a decision names: a law, a country, or a part of one such as `us-ca`, in letters of any size; `None` when
/// it is none that can be read.
pub(crate) fn named(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let known = match text.as_str() {
        "gdpr" | "eu" | "eea" => Some("gdpr"),
        "uk-gdpr" | "uk" => Some("uk-gdpr"),
        "lgpd" => Some("lgpd"),
        _ => None,
    };
    if let Some(known) = known {
        return Some(known.to_owned());
    }
    let (country, part) = text.split_once('-').unwrap_or((text.as_str(), ""));
    Some(law(&code(country)?, code(part)))
}

/// That of a country; the state is only asked for in the United States.
fn law(country: &str, state: Option<String>) -> String {
    match country {
        "GB" => "uk-gdpr".to_owned(),
        "BR" => "lgpd".to_owned(),
        "US" => match state {
            Some(state) => format!("us-{}", state.to_ascii_lowercase()),
            None => "us".to_owned(),
        },
        country if GDPR.contains(&country) => "gdpr".to_owned(),
        country => country.to_ascii_lowercase(),
    }
}

/// Two letters, as capitals.
fn code(text: &str) -> Option<String> {
    let is_code = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_code.then(|| text.to_ascii_uppercase())
}

/// `US-CA`, as ISO 3166-2 has it, is `CA`.
fn state_of(text: &str) -> &str {
    text.strip_prefix("US-").unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kinfold_model::Timestamp;

    #[test]
    fn a_country_has_the_law_that_consents_name() {
        for (country, region, expected) in [
            (Some("DE"), None, Some("gdpr")),
            (Some("is"), None, Some("gdpr")),
            (Some("GB"), Some("CA"), Some("uk-gdpr")),
            (Some("BR"), None, Some("lgpd")),
            (Some("US"), None, Some("us")),
            (Some("US"), Some("CA"), Some("us-ca")),
            (Some("US"), Some("US-VA"), Some("us-va")),
            (Some("US"), Some("California"), Some("us")),
            (Some("CH"), None, Some("ch")),
            (Some("Atlantis"), None, None),
            (None, Some("CA"), None),
        ] {
            let attribute = |value: &str| Attribute::once(value, "crm", Timestamp::default());
            let stated = [("country", country), ("region", region)].into_iter();
            let attributes: BTreeMap<_, _> = stated
                .filter_map(|(name, value)| value.map(|value| (name.to_owned(), attribute(value))))
                .collect();
            assert_eq!(jurisdiction(&attributes).as_deref(), expected, "{country:?} {region:?}");
        }
    }

    #[test]
    fn a_name_of_a_decision_is_read_as_a_country_is() {
        for (text, expected) in [
            ("EU", Some("gdpr")),
            ("eea", Some("gdpr")),
            ("gdpr", Some("gdpr")),
            ("fr", Some("gdpr")),
            ("DE-BY", Some("gdpr")),
            ("UK", Some("uk-gdpr")),
            ("uk-gdpr", Some("uk-gdpr")),
            ("GB-SCT", Some("uk-gdpr")),
            ("LGPD", Some("lgpd")),
            (" us ", Some("us")),
            ("US-CA", Some("us-ca")),
            ("us-national", Some("us")),
            ("ch", Some("ch")),
            ("ccpa", None),
            ("California", None),
            ("", None),
        ] {
            assert_eq!(named(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn the_list_of_countries_is_sorted_so_that_a_missing_one_is_seen() {
        assert!(GDPR.is_sorted());
    }
}
