//! Google Consent Mode v2: which kinds of storage and use a page allows, by name or as the parameter `gcs`.
//!
//! Hand in what an update said and not what a page set as its default: a default is nobody's decision, and the two look
//! the same. `gcs` has the same weakness. The parameter `gcd` is not read: its letters are known from what others found out
//! by trying, and Google says nowhere what they mean.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::fault::{Fault, FaultKind};

const PART: &str = "consent mode";

/// What may be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentType {
    /// Cookies and the like for advertising.
    AdStorage,
    /// Cookies and the like for measuring.
    AnalyticsStorage,
    /// Sending data of the person to Google for advertising.
    AdUserData,
    /// Advertising that is made for the person.
    AdPersonalization,
    /// Storage that the site needs to work, such as the language.
    FunctionalityStorage,
    /// Storage for recommendations.
    PersonalizationStorage,
    /// Storage for signing in and against fraud.
    SecurityStorage,
}

impl ConsentType {
    /// All types, the four of advertising and measuring first.
    pub const ALL: [Self; 7] = [
        Self::AdStorage,
        Self::AnalyticsStorage,
        Self::AdUserData,
        Self::AdPersonalization,
        Self::FunctionalityStorage,
        Self::PersonalizationStorage,
        Self::SecurityStorage,
    ];

    /// The name in Google's commands.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AdStorage => "ad_storage",
            Self::AnalyticsStorage => "analytics_storage",
            Self::AdUserData => "ad_user_data",
            Self::AdPersonalization => "ad_personalization",
            Self::FunctionalityStorage => "functionality_storage",
            Self::PersonalizationStorage => "personalization_storage",
            Self::SecurityStorage => "security_storage",
        }
    }
}

/// What a page allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsentMode {
    /// Whether each type is granted; what is absent was not said.
    pub granted: BTreeMap<ConsentType, bool>,
}

impl ConsentMode {
    /// Reads an object such as `{"ad_storage": "denied"}`. Other members, such as `region`, are passed over.
    ///
    /// # Errors
    /// It is no object, or a type is neither `granted` nor `denied`.
    pub fn read(object: &serde_json::Value) -> Result<Self, Fault> {
        let members = object.as_object().ok_or_else(|| {
            let kind = FaultKind::Form { expected: "an object, for example {\"ad_storage\": \"denied\"}" };
            Fault::new(PART, "the value", kind)
        })?;
        let mut granted = BTreeMap::new();
        for kind in ConsentType::ALL {
            let is_granted = match members.get(kind.as_str()).map(serde_json::Value::as_str) {
                None => continue,
                Some(Some("granted")) => true,
                Some(Some("denied")) => false,
                Some(_) => {
                    let expected = FaultKind::Form { expected: "\"granted\" or \"denied\"" };
                    return Err(Fault::new(PART, kind.as_str(), expected));
                }
            };
            granted.insert(kind, is_granted);
        }
        Ok(Self { granted })
    }

    /// Reads the parameter `gcs`: `G1`, then advertising and analytics storage as `1`, `0`, or `-` for not said.
    ///
    /// # Errors
    /// It is of another form.
    pub fn read_gcs(text: &str) -> Result<Self, Fault> {
        let types = [ConsentType::AdStorage, ConsentType::AnalyticsStorage];
        let states = text.strip_prefix("G1").filter(|states| states.len() == types.len());
        let mut granted = BTreeMap::new();
        for (kind, state) in types.into_iter().zip(states.unwrap_or("??").bytes()) {
            match state {
                b'1' => drop(granted.insert(kind, true)),
                b'0' => drop(granted.insert(kind, false)),
                b'-' => {}
                _ => {
                    let expected = "G1 and two of 1, 0 and -, for example G110";
                    return Err(Fault::new(PART, "gcs", FaultKind::Form { expected }));
                }
            }
        }
        Ok(Self { granted })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_said_is_read_and_what_is_not_said_is_absent() {
        let read =
            ConsentMode::read(&json!({"ad_storage": "denied", "ad_user_data": "granted", "region": ["DE"]}));
        let granted = BTreeMap::from([(ConsentType::AdStorage, false), (ConsentType::AdUserData, true)]);
        assert_eq!(read, Ok(ConsentMode { granted }));
    }

    #[test]
    fn a_state_that_is_none_is_named_by_its_type() {
        for state in [json!("yes"), json!(true), json!(null), json!("GRANTED")] {
            let fault =
                ConsentMode::read(&json!({ "analytics_storage": state })).map_err(|fault| fault.field);
            assert_eq!(fault, Err("analytics_storage"), "{state}");
        }
        assert!(ConsentMode::read(&json!(["ad_storage"])).is_err());
    }

    #[test]
    fn gcs_tells_two_types() {
        let ads = |is: bool| (ConsentType::AdStorage, is);
        let analytics = |is: bool| (ConsentType::AnalyticsStorage, is);
        for (text, said) in [
            ("G111", vec![ads(true), analytics(true)]),
            ("G101", vec![ads(false), analytics(true)]),
            ("G1-0", vec![analytics(false)]),
            ("G1--", vec![]),
        ] {
            let granted = said.into_iter().collect();
            assert_eq!(ConsentMode::read_gcs(text), Ok(ConsentMode { granted }), "{text}");
        }
        for text in ["", "G1", "G11", "G1111", "G011", "g111", "G12-", "G1\u{e9}"] {
            assert!(ConsentMode::read_gcs(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_type_has_a_name_that_serde_shares() {
        for kind in ConsentType::ALL {
            assert_eq!(serde_json::from_value::<ConsentType>(json!(kind.as_str())).ok(), Some(kind));
        }
    }
}
