//! What an operator may choose about capture. Numbers that nobody should have to choose are in [`crate::limits`].

use std::collections::{BTreeMap, BTreeSet};

use kinfold_signals::SignalRules;

pub use crate::normalise::PERSONAL_PARAMETERS;

const DAY_MS: i64 = 86_400_000;

/// What happens to a member that a touchpoint does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownMembers {
    /// The record is refused: nothing is lost unnoticed.
    #[default]
    Refuse,
    /// A top-level text, number or boolean becomes an attribute of that name; within other members it is dropped.
    /// A list or an object is refused, because an attribute cannot hold it.
    Keep,
    /// It is left out.
    Drop,
}

impl UnknownMembers {
    /// All choices, as the configuration names them.
    pub const ALL: [Self; 3] = [Self::Refuse, Self::Keep, Self::Drop];

    /// The name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Keep => "keep",
            Self::Drop => "drop",
        }
    }
}

/// What is kept of an address of the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IpPolicy {
    /// All of it.
    Keep,
    /// The first 24 bits of IPv4, the first 48 of IPv6: a network and no household. An address that cannot be read is
    /// left out.
    #[default]
    Truncate,
    /// Nothing.
    Drop,
}

impl IpPolicy {
    /// All choices, as the configuration names them.
    pub const ALL: [Self; 3] = [Self::Keep, Self::Truncate, Self::Drop];

    /// The name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Truncate => "truncate",
            Self::Drop => "drop",
        }
    }
}

/// How standard attributes are cleaned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleaning {
    /// What is kept of addresses of the network.
    pub ip: IpPolicy,
    /// Parameters that are taken out of addresses of pages; in lower case, with `_` for `-`.
    pub url_parameters: BTreeSet<String>,
    /// Domains whose e-mail addresses are flagged as disposable, besides those that everybody knows; in lower case.
    pub disposable_domains: BTreeSet<String>,
}

impl Default for Cleaning {
    fn default() -> Self {
        Self {
            ip: IpPolicy::default(),
            url_parameters: PERSONAL_PARAMETERS.map(str::to_owned).into(),
            disposable_domains: BTreeSet::new(),
        }
    }
}

/// What an operator may choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What happens to members that a touchpoint does not have.
    pub unknown_members: UnknownMembers,
    /// How far after the time of the step a touchpoint or a decision may lie; 0 allows no clock to be ahead.
    pub max_future_ms: i64,
    /// The ISO 3166 alpha-2 code of the country whose telephone numbers may come without a country code, when the
    /// touchpoint has no `country` attribute. `None`: such numbers are refused.
    pub default_region: Option<String>,
    /// The same for the telephone numbers of one source, by its name; wins over `default_region`.
    pub source_regions: BTreeMap<String, String>,
    /// How standard attributes are cleaned.
    pub cleaning: Cleaning,
    /// What consent signals mean, by purpose; they must have no faults. Without any, signals are passed on and not read.
    pub signals: SignalRules,
    /// A touchpoint that is older than this when it arrives is flagged as stale.
    pub stale_after_ms: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            unknown_members: UnknownMembers::default(),
            max_future_ms: DAY_MS,
            default_region: None,
            source_regions: BTreeMap::new(),
            cleaning: Cleaning::default(),
            signals: SignalRules::default(),
            stale_after_ms: 30 * DAY_MS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_has_a_name_of_its_own() {
        assert_eq!(UnknownMembers::ALL.map(UnknownMembers::as_str), ["refuse", "keep", "drop"]);
        assert_eq!(IpPolicy::ALL.map(IpPolicy::as_str), ["keep", "truncate", "drop"]);
    }
}
