//! One person as the public topic `unified-profile` shows them (compacted, keyed by person).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::consent::EffectiveConsent;
use crate::identifier::Namespace;
use crate::money::Amount;
use crate::node::PersonId;
use crate::time::Timestamp;

/// Everything that is known of one person, folded from all their touchpoints.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct UnifiedProfile {
    /// Who.
    pub person_id: PersonId,
    /// Rises with each record of this person; starts again at 1 after a tombstone.
    pub version: i64,
    /// Sorted by namespace and value.
    pub identifiers: Vec<ProfileIdentifier>,
    /// By name.
    pub attributes: BTreeMap<String, Attribute>,
    /// Counts and sums.
    pub metrics: Metrics,
    /// One for each purpose, and channel of it, that anybody ever decided, sorted by both.
    pub consents: Vec<EffectiveConsent>,
    /// Empty until segments are defined.
    pub segments: Vec<String>,
    /// Every other id under which this person was, or could have been, known; sorted.
    pub aliases: Vec<PersonId>,
    /// Since when this person may be used for nothing, because somebody asked (GDPR, Art. 18): when the request was written to the
    /// log, of several the first that still holds. `None`: they are not restricted.
    #[serde(default)]
    pub restricted: Option<Timestamp>,
}

impl std::fmt::Debug for UnifiedProfile {
    /// Neither identifiers nor attributes are printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "profile {} version {}", self.person_id, self.version)
    }
}

/// An identifier of a person.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProfileIdentifier {
    /// The kind.
    pub namespace: Namespace,
    /// Normalised.
    pub value: String,
    /// Least time of this person's touchpoints that carry it.
    pub first_seen: Timestamp,
    /// Greatest such time.
    pub last_seen: Timestamp,
    /// Of an e-mail address or its hash: when mail was last known not to arrive there. `None` when it arrives, or nobody
    /// said.
    #[serde(default)]
    pub undeliverable: Option<Timestamp>,
}

/// The value that won, and who said so when.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Attribute {
    /// As stated, trimmed.
    pub value: String,
    /// Who reported it.
    pub source: String,
    /// When.
    pub time: Timestamp,
}

/// Counts and sums over all touchpoints of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metrics {
    /// Each counts once by its id.
    pub touchpoints: i64,
    /// How many of them came by which channel; those without a channel are not among them.
    pub channels: BTreeMap<String, i64>,
    /// Distinct `order_id`s.
    pub orders: i64,
    /// Articles in those orders.
    pub items: i64,
    /// By currency, decimal text.
    pub revenue: BTreeMap<String, Amount>,
    /// Time of the first touchpoint.
    pub first_seen: Timestamp,
    /// Time of the last.
    pub last_seen: Timestamp,
}
