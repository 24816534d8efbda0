//! Consent is evidence: a decision for a purpose, with basis, place, time, source and wording.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::node::PersonId;
use crate::time::Timestamp;

/// What somebody decided, or asked for. The order is that of caution: of two decisions of one time the lesser wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// No.
    Denied,
    /// No longer.
    Withdrawn,
    /// Yes.
    Granted,
    /// Somebody asked for it, and has yet to confirm: neither yes nor no. It grants nothing and takes nothing back.
    Requested,
}

/// A text that names no decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be \"granted\", \"denied\", \"withdrawn\" or \"requested\"")]
pub struct DecisionError;

impl Decision {
    /// Whether somebody decided so on that basis. That they did not opt out is no decision.
    #[must_use]
    pub fn was_made(self, basis: Option<&str>) -> bool {
        match self {
            Self::Denied | Self::Withdrawn => true,
            Self::Granted => basis != Some(OPT_OUT),
            Self::Requested => false,
        }
    }
}

impl FromStr for Decision {
    type Err = DecisionError;

    fn from_str(text: &str) -> Result<Self, DecisionError> {
        match text {
            "granted" => Ok(Self::Granted),
            "denied" => Ok(Self::Denied),
            "withdrawn" => Ok(Self::Withdrawn),
            "requested" => Ok(Self::Requested),
            _ => Err(DecisionError),
        }
    }
}

/// The basis of a yes that nobody said: they were told that they could opt out, and did not. Also that of an opt-out.
pub const OPT_OUT: &str = "opt_out";

/// A decision as a touchpoint stated it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Consent {
    /// What the data may be used for, for example `marketing`.
    pub purpose: String,
    /// Granted, denied, withdrawn or requested.
    pub decision: Decision,
    /// The legal basis, for example `consent`.
    pub basis: Option<String>,
    /// The law that applies, for example `gdpr`.
    pub jurisdiction: Option<String>,
    /// When it was decided; the touchpoint's time when the source did not say.
    pub time: Timestamp,
    /// Which text the person was shown.
    pub wording: Option<String>,
    /// By which channel the person may be reached, for example `email`. `None`: by any.
    #[serde(default)]
    pub channel: Option<String>,
    /// When a yes ends by itself; of no meaning for a no. `None`: the source sets no end.
    #[serde(default)]
    pub expires: Option<Timestamp>,
    /// What it was read from, for example `tcf`. `None`: the source stated it as it stands.
    #[serde(default)]
    pub signal: Option<String>,
    /// Whether the person confirmed a yes, the second step of a double opt-in. Of anything but a yes it is `false`.
    #[serde(default)]
    pub confirmed: bool,
}

impl fmt::Debug for Consent {
    /// What for and when; the wording and other texts are not printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "consent to {}: {:?} at {}", self.purpose, self.decision, self.time)
    }
}

impl Consent {
    /// Whether it is a yes that nobody confirmed. Some purposes count none.
    #[must_use]
    pub fn is_unconfirmed(&self) -> bool {
        self.decision == Decision::Granted && !self.confirmed
    }
}

/// What a decision is about: a purpose, and one channel or all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ConsentScope {
    /// What the data may be used for.
    pub purpose: String,
    /// By which channel; `None`: by any.
    pub channel: Option<String>,
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
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// By which channel; `None`: by any that has no entry of its own.
    #[serde(default)]
    pub channel: Option<String>,
    /// When a yes ends, or has ended, by itself.
    #[serde(default)]
    pub expires: Option<Timestamp>,
    /// What the decision was read from, for example `tcf`; `None`: the source stated it as it stands.
    #[serde(default)]
    pub signal: Option<String>,
    /// Which text the person was shown.
    #[serde(default)]
    pub wording: Option<String>,
    /// Whether the person confirmed a yes, the second step of a double opt-in.
    #[serde(default)]
    pub confirmed: bool,
}

impl fmt::Debug for EffectiveConsent {
    /// What for and since when; the wording and other texts are not printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "consent to {}: {} since {}", self.purpose, self.state, self.since)
    }
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
    /// It was granted for a time that has passed.
    Expiry,
    /// The person was erased.
    Erasure,
    /// The company weighs decisions by other purposes than before.
    Policy,
}

/// The record of the public topic `consent-change`: one person, one purpose and channel, keyed by person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// By which channel; `None`: by any that has no records of its own.
    #[serde(default)]
    pub channel: Option<String>,
    /// From when on it holds: the time of the decision, or of its end. `None` when evidence came from another person or left,
    /// or purposes changed, which has no time of its own, and when no decision is left.
    #[serde(default)]
    pub effective: Option<Timestamp>,
    /// The decision that won; `None` when none is left.
    #[serde(default)]
    pub evidence: Option<ConsentEvidence>,
}

impl fmt::Debug for ConsentChange {
    /// Whose and what for; on what it rests is not printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { person_id, purpose, before, after, cause, .. } = self;
        write!(f, "consent of {person_id} to {purpose}: {before}, now {after} ({cause:?})")
    }
}

/// On what a consent state rests.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentEvidence {
    /// Who reported the decision.
    pub source: String,
    /// Its legal basis.
    pub basis: Option<String>,
    /// What it was read from, for example `tcf`; `None`: the source stated it as it stands.
    pub signal: Option<String>,
    /// Which text the person was shown.
    pub wording: Option<String>,
    /// When a yes ends, or has ended, by itself.
    pub expires: Option<Timestamp>,
    /// Whether the person confirmed a yes, the second step of a double opt-in.
    #[serde(default)]
    pub confirmed: bool,
}

impl fmt::Debug for ConsentEvidence {
    /// The wording and other texts are not printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("evidence of consent")
    }
}
