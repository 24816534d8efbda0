//! Consent is evidence: a decision for a purpose, with basis, place, time, source and wording.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::node::PersonId;
use crate::time::Timestamp;

/// What somebody decided. The order is that of caution: of two decisions of one time the lesser wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// No.
    Denied,
    /// No longer.
    Withdrawn,
    /// Yes.
    Granted,
}

/// A text that names no decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be \"granted\", \"denied\" or \"withdrawn\"")]
pub struct DecisionError;

impl FromStr for Decision {
    type Err = DecisionError;

    fn from_str(text: &str) -> Result<Self, DecisionError> {
        match text {
            "granted" => Ok(Self::Granted),
            "denied" => Ok(Self::Denied),
            "withdrawn" => Ok(Self::Withdrawn),
            _ => Err(DecisionError),
        }
    }
}

/// A decision as a touchpoint stated it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Consent {
    /// What the data may be used for, for example `marketing`.
    pub purpose: String,
    /// Granted, denied or withdrawn.
    pub decision: Decision,
    /// The legal basis, for example `consent`.
    pub basis: Option<String>,
    /// The law that applies, for example `gdpr`.
    pub jurisdiction: Option<String>,
    /// When it was decided; the touchpoint's time when the source did not say.
    pub time: Timestamp,
    /// Which text the person was shown.
    pub wording: Option<String>,
}

/// What the decisions of one person amount to. Four different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentState {
    /// Nobody ever decided.
    Unknown,
    /// Yes.
    Granted,
    /// No, or no longer.
    Denied,
    /// It was granted for a time that has passed.
    Expired,
}

impl fmt::Display for ConsentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "unknown",
            Self::Granted => "granted",
            Self::Denied => "denied",
            Self::Expired => "expired",
        })
    }
}

/// The consent of one person for one purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectiveConsent {
    /// What the data may be used for.
    pub purpose: String,
    /// What holds now.
    pub state: ConsentState,
    /// The time of the decision that won.
    pub since: Timestamp,
    /// The law that applies to that decision.
    pub jurisdiction: Option<String>,
    /// Its legal basis.
    pub basis: Option<String>,
    /// Who reported it.
    pub source: String,
}

/// Why a consent state changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentCause {
    /// Somebody decided.
    Decision,
    /// Evidence left this person.
    Split,
    /// Evidence of another person joined this one.
    Merge,
}

/// The record of the public topic `consent-change`: one person, one purpose, keyed by person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentChange {
    /// Whose consent.
    pub person_id: PersonId,
    /// For what.
    pub purpose: String,
    /// The state that was last published; `Unknown` at first.
    pub before: ConsentState,
    /// The state from now on; `Unknown` when the person has no decision left.
    pub after: ConsentState,
    /// The time of the decision that won; `None` when there is none.
    pub since: Option<Timestamp>,
    /// The law that applies to it.
    pub jurisdiction: Option<String>,
    /// What brought it about.
    pub cause: ConsentCause,
}
