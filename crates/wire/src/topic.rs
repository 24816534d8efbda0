//! The topics of Kinfold: their names, which of them are compacted, which have a schema.
//!
//! Names are without the prefix of a deployment, which the configuration adds.

use std::fmt;
use std::str::FromStr;

use crate::contract::{self, Contract};
use crate::limits::SOURCE_NAME_MAX;

/// A topic of Kinfold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Touchpoints after capture, by sighting.
    Touchpoint,
    /// Dead letters.
    TouchpointRefused,
    /// The messages of the identity protocol, by the node that they are addressed to. Inner.
    IdentityOp,
    /// What stewards say about identity.
    IdentityCommand,
    /// Which node belongs to which person.
    IdentityAssignment,
    /// How people changed.
    IdentityChange,
    /// What the touchpoints of one sighting amount to, by person. Inner.
    ProfileFacet,
    /// People.
    UnifiedProfile,
    /// People as one output may have them. Each output has a topic of its own, see [`output_topic`], so that this is none of
    /// [`Topic::ALL`].
    ProfileOutput,
    /// How people's consents changed.
    ConsentChange,
    /// What people ask for about their data.
    PrivacyRequest,
    /// What became of it.
    PrivacyReceipt,
    /// At which nodes nothing counts any more that was said, and which restrict their person, by node. Inner.
    Erasure,
    /// What stages tell of the work on requests. Inner.
    PrivacyReport,
}

impl Topic {
    /// All topics that every deployment has, in the order of the data.
    pub const ALL: [Self; 13] = [
        Self::Touchpoint,
        Self::TouchpointRefused,
        Self::IdentityOp,
        Self::IdentityCommand,
        Self::IdentityAssignment,
        Self::IdentityChange,
        Self::ProfileFacet,
        Self::UnifiedProfile,
        Self::ConsentChange,
        Self::PrivacyRequest,
        Self::PrivacyReceipt,
        Self::Erasure,
        Self::PrivacyReport,
    ];

    /// The name without the prefix of the deployment.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Touchpoint => "touchpoint",
            Self::TouchpointRefused => "touchpoint-refused",
            Self::IdentityOp => "identity-op",
            Self::IdentityCommand => "identity-command",
            Self::IdentityAssignment => "identity-assignment",
            Self::IdentityChange => "identity-change",
            Self::ProfileFacet => "profile-facet",
            Self::UnifiedProfile => "unified-profile",
            Self::ProfileOutput => "unified-profile.*",
            Self::ConsentChange => "consent-change",
            Self::PrivacyRequest => "privacy-request",
            Self::PrivacyReceipt => "privacy-receipt",
            Self::Erasure => "erasure",
            Self::PrivacyReport => "privacy-report",
        }
    }

    /// Whether it is a table: the last record of each key is what holds, and those before it may go. `touchpoint-refused` is
    /// compacted too, for the sake of its tombstones, and is no table: each letter has a key of its own.
    #[must_use]
    pub fn is_compacted(self) -> bool {
        matches!(self, Self::IdentityAssignment | Self::UnifiedProfile | Self::ProfileOutput)
    }

    /// The schema of a public topic; `None` for an inner one, which is nobody else's business.
    #[must_use]
    pub fn schema(self) -> Option<&'static Contract> {
        match self {
            Self::Touchpoint => Some(&contract::TOUCHPOINT),
            Self::TouchpointRefused => Some(&contract::TOUCHPOINT_REFUSED),
            Self::IdentityCommand => Some(&contract::IDENTITY_COMMAND),
            Self::IdentityAssignment => Some(&contract::IDENTITY_ASSIGNMENT),
            Self::IdentityChange => Some(&contract::IDENTITY_CHANGE),
            Self::UnifiedProfile | Self::ProfileOutput => Some(&contract::UNIFIED_PROFILE),
            Self::ConsentChange => Some(&contract::CONSENT_CHANGE),
            Self::PrivacyRequest => Some(&contract::PRIVACY_REQUEST),
            Self::PrivacyReceipt => Some(&contract::PRIVACY_RECEIPT),
            Self::IdentityOp | Self::ProfileFacet | Self::Erasure | Self::PrivacyReport => None,
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no topic of Kinfold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is no topic of Kinfold; topics are named without the prefix of the deployment, for example touchpoint"
)]
pub struct TopicError;

impl FromStr for Topic {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Self, TopicError> {
        Self::ALL.into_iter().find(|topic| topic.as_str() == text).ok_or(TopicError)
    }
}

/// The topic that a source writes to, without the prefix. The name should have passed [`check_source`].
#[must_use]
pub fn raw_topic(source: &str) -> String {
    format!("raw.{source}")
}

/// The topic of an output, without the prefix. The name should have passed [`check_source`].
#[must_use]
pub fn output_topic(output: &str) -> String {
    format!("{}.{output}", Topic::UnifiedProfile)
}

/// Why a text cannot be the name of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a source's name is part of its topic: 1 to {SOURCE_NAME_MAX} letters, digits, hyphens and underscores, for example web-shop"
)]
pub struct SourceNameError;

/// Checks that a source's name, or an output's, can be part of a topic's. A dot, which Kafka allows, is refused: in names of
/// metrics Kafka writes it as an underscore, and `a.b` and `a_b` would be one.
///
/// # Errors
/// [`SourceNameError`] when the name is empty, too long, or has other characters.
pub fn check_source(name: &str) -> Result<(), SourceNameError> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if (1..=SOURCE_NAME_MAX).contains(&name.len()) && name.bytes().all(legal) {
        Ok(())
    } else {
        Err(SourceNameError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_drift() {
        let names = Topic::ALL.map(Topic::as_str);
        assert_eq!(
            names,
            [
                "touchpoint",
                "touchpoint-refused",
                "identity-op",
                "identity-command",
                "identity-assignment",
                "identity-change",
                "profile-facet",
                "unified-profile",
                "consent-change",
                "privacy-request",
                "privacy-receipt",
                "erasure",
                "privacy-report",
            ]
        );
        assert_eq!(raw_topic("webshop"), "raw.webshop");
        assert_eq!(output_topic("marketing"), "unified-profile.marketing");
    }

    #[test]
    fn a_topic_is_found_by_its_name() {
        for topic in Topic::ALL {
            assert_eq!(topic.as_str().parse(), Ok(topic));
        }
        for text in ["kinfold.touchpoint", "unified-profile.marketing", Topic::ProfileOutput.as_str()] {
            assert_eq!(text.parse::<Topic>(), Err(TopicError), "{text}");
        }
    }

    #[test]
    fn exactly_the_inner_topics_have_no_schema() {
        let without: Vec<_> = Topic::ALL.into_iter().filter(|topic| topic.schema().is_none()).collect();
        assert_eq!(without, [Topic::IdentityOp, Topic::ProfileFacet, Topic::Erasure, Topic::PrivacyReport]);
    }

    #[test]
    fn a_compacted_topic_is_the_latest_state_of_its_key() {
        let compacted: Vec<_> = Topic::ALL.into_iter().filter(|topic| topic.is_compacted()).collect();
        assert_eq!(compacted, [Topic::IdentityAssignment, Topic::UnifiedProfile]);
    }

    #[test]
    fn a_source_name_that_kafka_would_refuse_or_confuse_is_refused() {
        for name in ["webshop", "Web-Shop_2", &"x".repeat(SOURCE_NAME_MAX)] {
            assert_eq!(check_source(name), Ok(()), "{name}");
        }
        for name in ["", ".", "a.b", "a b", "a/b", "läden", &"x".repeat(SOURCE_NAME_MAX + 1)] {
            assert_eq!(check_source(name), Err(SourceNameError), "{name}");
        }
    }
}
