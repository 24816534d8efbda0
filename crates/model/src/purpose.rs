//! Purposes: what data may be used for, as a company declares it, how decisions about each are weighed, and what holds where
//! nobody decided.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::field::Field;
use crate::time::Timestamp;

/// Which decision counts of those of one person that nobody took back. A later decision of the other kind takes one back at any
/// identifier at which that was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MergePolicy {
    /// A no, if there is one; else the newest yes that holds.
    #[default]
    Strictest,
    /// The newest of all, a no before a yes of the same time.
    Newest,
}

impl MergePolicy {
    /// Both, as the configuration names them.
    pub const ALL: [Self; 2] = [Self::Strictest, Self::Newest];

    /// The name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Strictest => "strictest",
            Self::Newest => "newest",
        }
    }
}

/// On what a company rests what it does: the bases of the GDPR, Art. 6(1)(a) to (f), in that order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The person agreed.
    #[default]
    Consent,
    /// A contract with the person needs it.
    Contract,
    /// A law asks for it.
    LegalObligation,
    /// Somebody's life depends on it.
    VitalInterests,
    /// A task in the public interest.
    PublicTask,
    /// An interest that outweighs that of the person, who may object.
    LegitimateInterests,
}

impl Basis {
    /// All of them, as the configuration names them.
    pub const ALL: [Self; 6] = [
        Self::Consent,
        Self::Contract,
        Self::LegalObligation,
        Self::VitalInterests,
        Self::PublicTask,
        Self::LegitimateInterests,
    ];

    /// The name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Consent => "consent",
            Self::Contract => "contract",
            Self::LegalObligation => "legal_obligation",
            Self::VitalInterests => "vital_interests",
            Self::PublicTask => "public_task",
            Self::LegitimateInterests => "legitimate_interests",
        }
    }
}

/// What it means that somebody decided nothing. The lesser is the stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Silence {
    /// No: they have to opt in.
    OptIn,
    /// Yes: until they opt out.
    OptOut,
}

impl Silence {
    /// Both, as the configuration names them.
    pub const ALL: [Self; 2] = [Self::OptIn, Self::OptOut];

    /// The name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OptIn => "opt_in",
            Self::OptOut => "opt_out",
        }
    }
}

/// What is declared of one purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purpose {
    /// Whose decision counts.
    pub merge: MergePolicy,
    /// How long a yes lasts, in milliseconds from the decision; `None`: until it is taken back, or as long as it says itself.
    pub valid_for_ms: Option<i64>,
    /// Whether a yes counts only when the person has confirmed it. One that is not confirmed is a request: neither yes nor no.
    pub double_opt_in: bool,
    /// On what it rests.
    pub basis: Basis,
    /// The parts of a profile that it permits; `None`: all.
    pub fields: Option<BTreeSet<Field>>,
    /// How old data may be that is used for it, in milliseconds; `None`: of any age.
    pub retention_ms: Option<i64>,
    /// What silence means where `defaults` says nothing else. `None`: no where it rests on consent, else yes.
    pub default: Option<Silence>,
    /// What silence means, by jurisdiction in lower case.
    pub defaults: BTreeMap<String, Silence>,
}

impl Purpose {
    /// Whether it permits a part of a profile.
    #[must_use]
    pub fn permits(&self, part: &Field) -> bool {
        self.fields.as_ref().is_none_or(|fields| fields.iter().any(|field| field.covers(part)))
    }

    /// From when on data of that time is too old for it; `None`: never.
    #[must_use]
    pub fn outdated(&self, time: Timestamp) -> Option<Timestamp> {
        self.retention_ms.map(|ms| time.plus_millis(ms))
    }

    /// What silence means in a jurisdiction, of which `us-ca` is part of `us`. For somebody of whom nobody knows where they are
    /// the strictest of all that is declared holds, and for somebody in `us` the strictest of it and its parts.
    #[must_use]
    pub fn silence(&self, jurisdiction: Option<&str>) -> Silence {
        let by_basis = if self.basis == Basis::Consent { Silence::OptIn } else { Silence::OptOut };
        let general = self.default.unwrap_or(by_basis);
        let Some(name) = jurisdiction else {
            return self.defaults.values().copied().fold(general, Silence::min);
        };
        let name = name.to_ascii_lowercase();
        let whole = || name.split_once('-').and_then(|(whole, _)| self.defaults.get(whole));
        let declared = self.defaults.get(&name).or_else(whole).copied().unwrap_or(general);
        let is_part = |part: &str| part.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('-'));
        let parts = self.defaults.iter().filter(|(part, _)| is_part(part)).map(|(_, silence)| *silence);
        parts.fold(declared, Silence::min)
    }

    /// When a yes of that time ends: as it says itself, or when this purpose lets it end, whichever is earlier.
    #[must_use]
    pub fn end(&self, granted: Timestamp, stated: Option<Timestamp>) -> Option<Timestamp> {
        let declared = self.valid_for_ms.map(|ms| granted.plus_millis(ms));
        stated.into_iter().chain(declared).min()
    }
}

/// All purposes, by name. One that is not declared is as [`Purpose::default`] says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purposes(BTreeMap<String, Purpose>);

impl Purposes {
    /// What is declared of a purpose.
    #[must_use]
    pub fn get(&self, name: &str) -> Purpose {
        self.0.get(name).cloned().unwrap_or_default()
    }

    /// What is declared of a purpose; `None` when nothing is.
    #[must_use]
    pub fn declared(&self, name: &str) -> Option<&Purpose> {
        self.0.get(name)
    }

    /// What is declared, in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Purpose)> {
        self.0.iter().map(|(name, purpose)| (name.as_str(), purpose))
    }
}

impl FromIterator<(String, Purpose)> for Purposes {
    fn from_iter<I: IntoIterator<Item = (String, Purpose)>>(purposes: I) -> Self {
        Self(purposes.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_yes_ends_when_it_or_its_purpose_says_whichever_is_earlier() {
        let at = |ms| Timestamp::from_millis(ms).expect("in range");
        let year = Purpose { valid_for_ms: Some(1000), ..Purpose::default() };
        assert_eq!(year.end(at(5), None), Some(at(1005)));
        assert_eq!(year.end(at(5), Some(at(7))), Some(at(7)));
        assert_eq!(year.end(at(5), Some(at(7000))), Some(at(1005)));
        assert_eq!(Purpose::default().end(at(5), Some(at(7000))), Some(at(7000)));
        assert_eq!(Purpose::default().end(at(5), None), None);
    }

    #[test]
    fn what_is_not_declared_is_strict_and_lasts() {
        assert_eq!(Purposes::default().get("marketing"), Purpose::default());
        assert_eq!(Purpose::default().merge, MergePolicy::Strictest);
    }

    #[test]
    fn silence_means_what_is_declared_of_the_place_and_no_where_nobody_knows_it() {
        use Silence::{OptIn, OptOut};
        let defaults =
            [("us", OptOut), ("us-xx", OptIn), ("gdpr", OptIn)].map(|(name, s)| (name.to_owned(), s));
        let purpose = Purpose { default: Some(OptOut), defaults: defaults.into(), ..Purpose::default() };
        for (place, expected) in [
            (Some("us"), OptIn),
            (Some("US-CA"), OptOut),
            (Some("us-xx"), OptIn),
            (Some("gdpr"), OptIn),
            (Some("jp"), OptOut),
            (None, OptIn),
        ] {
            assert_eq!(purpose.silence(place), expected, "{place:?}");
        }
        for basis in Basis::ALL {
            let expected = if basis == Basis::Consent { OptIn } else { OptOut };
            let purpose = Purpose { basis, ..Purpose::default() };
            assert_eq!(
                (purpose.silence(None), purpose.silence(Some("us"))),
                (expected, expected),
                "{basis:?}"
            );
        }
    }

    #[test]
    fn a_purpose_permits_what_it_lists_or_all() {
        let city = Field::Attribute("city".to_owned());
        assert!(Purpose::default().permits(&city) && Purpose::default().permits(&Field::Aliases));
        let narrow = Purpose { fields: Some([city.clone()].into()), ..Purpose::default() };
        assert!(narrow.permits(&city) && !narrow.permits(&Field::Aliases));
    }
}
