//! One person as the public topic `unified-profile` shows them (compacted, keyed by person).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::consent::EffectiveConsent;
use crate::identifier::Namespace;
use crate::money::{Amount, Currency};
use crate::node::PersonId;
use crate::standard::Standard;
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
    /// The last touchpoints, newest first; as many as the deployment asks for.
    #[serde(default)]
    pub timeline: Vec<TimelineEntry>,
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
    /// What everybody asks for, typed; made of the identifiers and attributes above.
    #[serde(default)]
    pub standard: Standard,
    /// What the person was most often said to be interested in; the most frequent first.
    #[serde(default)]
    pub interests: Vec<Interest>,
    /// What they are worth by the model of the deployment; `None` without a model, or of somebody who has bought nothing in its
    /// currency. Absent in records of before version 4 of the schema.
    #[serde(default)]
    pub value: Option<ProfileValue>,
    /// Where they stand by the stages of the deployment; absent in records of before version 4 of the schema.
    #[serde(default)]
    pub lifecycle: Option<ProfileLifecycle>,
    /// Which parts are not as in the record of this person that the topic had before, by name, sorted; also those that are gone. Empty:
    /// take all for changed, because the topic had no record of the person that counts. Absent in records of before version 5.
    #[serde(default)]
    pub changed: Vec<String>,
    /// Parts of which something is left out so that the record is not too large, by the names of `changed`, sorted. Absent in records of
    /// before version 5.
    #[serde(default)]
    pub truncated: Vec<String>,
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
    /// Of an e-mail address or its hash, a telephone number or a social account: when messages were last known not to arrive there.
    /// `None` when they arrive, or nobody said.
    #[serde(default)]
    pub undeliverable: Option<Timestamp>,
    /// When a source last said that it has verified it; `None` when none did.
    #[serde(default)]
    pub verified: Option<Timestamp>,
    /// Since when its last verification is older than its namespace allows; `None`: it is not, or there is none. Absent in records of
    /// before version 6 of the schema.
    #[serde(default)]
    pub verify_again: Option<Timestamp>,
    /// Since when nobody has carried it for longer than its namespace allows; `None`: it is not stale. Absent in records of before
    /// version 6.
    #[serde(default)]
    pub stale: Option<Timestamp>,
}

/// The value that won, who said so when, and why it won.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Attribute {
    /// As stated, trimmed.
    pub value: String,
    /// Who reported it, in the statement that won.
    pub source: String,
    /// When.
    pub time: Timestamp,
    /// Why this value and no other. In records of before version 4 of the schema the newest won.
    #[serde(default)]
    pub reason: Reason,
    /// When anybody last stated this value; `None` in records of before version 4.
    #[serde(default)]
    pub confirmed: Option<Timestamp>,
    /// When a source last said that it has verified this value; `None` when none did.
    #[serde(default)]
    pub verified: Option<Timestamp>,
    /// Since when nobody has confirmed it for longer than its rule allows; `None`: it is not stale.
    #[serde(default)]
    pub stale: Option<Timestamp>,
    /// Since when the last verification of this value is older than its rule allows; `None`: it is not, or there is none. Absent in
    /// records of before version 6.
    #[serde(default)]
    pub verify_again: Option<Timestamp>,
    /// Every value, sorted, each as it was stated last; empty unless the rule is `union`.
    #[serde(default)]
    pub values: Vec<StatedValue>,
}

impl Attribute {
    /// A value that was stated once, and nothing else ever was.
    #[must_use]
    pub fn once(value: &str, source: &str, time: Timestamp) -> Self {
        Self {
            value: value.to_owned(),
            source: source.to_owned(),
            time,
            reason: Reason::Only,
            confirmed: Some(time),
            verified: None,
            stale: None,
            verify_again: None,
            values: Vec::new(),
        }
    }
}

/// One of several values of an attribute that stand side by side.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StatedValue {
    /// As stated, trimmed.
    pub value: String,
    /// Who stated it last.
    pub source: String,
    /// When.
    pub time: Timestamp,
    /// Since when nobody has confirmed it for longer than the rule of the attribute allows; `None`: it is not stale. Absent in records of
    /// before version 6.
    #[serde(default)]
    pub stale: Option<Timestamp>,
}

/// Why a value won.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nobody ever stated another one.
    Only,
    /// It was stated last; also where a rule found nothing to go by.
    #[default]
    Newest,
    /// It was stated first.
    Oldest,
    /// The most touchpoints stated it.
    MostFrequent,
    /// Its source comes first among those that the rule lists.
    SourcePriority,
    /// It is the longest.
    Longest,
    /// A source has verified it, and none has verified another one later.
    Verified,
    /// All values stand side by side; this is the newest.
    Union,
}

impl Reason {
    /// All of them, in the order of the schema.
    pub const ALL: [Self; 8] = [
        Self::Only,
        Self::Newest,
        Self::Oldest,
        Self::MostFrequent,
        Self::SourcePriority,
        Self::Longest,
        Self::Verified,
        Self::Union,
    ];

    /// The name in the schema.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Only => "only",
            Self::Newest => "newest",
            Self::Oldest => "oldest",
            Self::MostFrequent => "most_frequent",
            Self::SourcePriority => "source_priority",
            Self::Longest => "longest",
            Self::Verified => "verified",
            Self::Union => "union",
        }
    }
}

/// A value of an attribute that tells of interests.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Interest {
    /// Of the attribute.
    pub name: String,
    /// As stated, trimmed.
    pub value: String,
    /// How many distinct touchpoints stated it, a sum over sources; of one source more than 16 are an estimate. Of a value that many
    /// sources stated some may not be counted.
    pub touchpoints: i64,
    /// When it was first stated.
    pub first_seen: Timestamp,
    /// When it was last stated.
    pub last_seen: Timestamp,
}

/// A touchpoint, as a reader of the profile sees it: no identifier's value is in it. Newer entries are greater.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TimelineEntry {
    /// When it happened.
    pub time: Timestamp,
    /// Which it is.
    pub touchpoint_id: String,
    /// The system that reported it.
    pub source: String,
    /// Web, till, e-mail, … .
    pub channel: Option<String>,
    /// Order, page view, … .
    pub r#type: Option<String>,
    /// The reaction to a campaign, as the source calls it.
    pub action: Option<String>,
    /// The order that it reported.
    pub order_id: Option<String>,
}

/// Counts and sums over all touchpoints of a person. What is `#[serde(default)]` is absent in records of before version 4 of the
/// schema.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Each counts once by its source and its id.
    pub touchpoints: i64,
    /// How many of them came by which channel; those without a channel are not among them.
    pub channels: BTreeMap<String, i64>,
    /// When they were first and last seen by each of these channels.
    #[serde(default)]
    pub channel_seen: BTreeMap<String, ChannelSeen>,
    /// How many of them were of which type; those without a type are not among them.
    #[serde(default)]
    pub types: BTreeMap<String, i64>,
    /// Distinct `order_id`s that are not cancelled.
    pub orders: i64,
    /// Articles in those orders, also in those that came back.
    pub items: i64,
    /// By currency, decimal text: the value of those orders without what was paid back.
    pub revenue: BTreeMap<String, Amount>,
    /// How many of those orders came back.
    #[serde(default)]
    pub returns: i64,
    /// Distinct `order_id`s that are cancelled.
    #[serde(default)]
    pub cancellations: i64,
    /// By currency: the revenue of an order on average, rounded to two digits, a half to the even one.
    #[serde(default)]
    pub average_order_value: BTreeMap<String, Amount>,
    /// The mean time between an order and the next one, in days; `None` with fewer than two orders.
    #[serde(default)]
    pub days_between_orders: Option<f64>,
    /// When the first order was placed that is not cancelled; `None` without any.
    #[serde(default)]
    pub first_order: Option<Timestamp>,
    /// When the last one was.
    #[serde(default)]
    pub last_order: Option<Timestamp>,
    /// Touchpoints at which a message was opened.
    #[serde(default)]
    pub opens: i64,
    /// At which something in it was clicked.
    #[serde(default)]
    pub clicks: i64,
    /// At which it was answered.
    #[serde(default)]
    pub replies: i64,
    /// The mean of what touchpoints tell, from -1 (bad) to 1 (good); `None` when none does.
    #[serde(default)]
    pub sentiment: Option<f64>,
    /// Runs of half-hours in which something happened.
    #[serde(default)]
    pub sessions: i64,
    /// The channel of most touchpoints, of several the least name; `None` when none has a channel.
    #[serde(default)]
    pub preferred_channel: Option<String>,
    /// The hour of the day, 0 to 23, of most half-hours in which something happened, of several the least. `None` where it may not
    /// be told.
    #[serde(default)]
    pub preferred_hour: Option<i64>,
    /// Time of the first touchpoint.
    pub first_seen: Timestamp,
    /// Time of the last.
    pub last_seen: Timestamp,
}

impl std::fmt::Debug for Metrics {
    /// How much there is of them; what somebody bought is not for logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "metrics of {} touchpoints", self.touchpoints)
    }
}

/// What somebody is worth, compared with others and in the time to come.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct ProfileValue {
    /// Days since the last purchase.
    pub recency_days: i64,
    /// Days on which they bought, the first among them.
    pub frequency: i64,
    /// What they paid for a purchase on average, to two digits.
    pub monetary: Amount,
    /// Of all amounts here.
    pub currency: Currency,
    /// 1 to 5; 5: the last purchase was recently, as people go.
    pub recency_score: i64,
    /// 1 to 5; 5: there were many.
    pub frequency_score: i64,
    /// 1 to 5; 5: much was paid for each.
    pub monetary_score: i64,
    /// How many days with a purchase are expected within the horizon, to four digits.
    pub expected_purchases: f64,
    /// How probable it is that they buy again at all, 0 to 1, to four digits.
    pub alive: f64,
    /// What these purchases are expected to be worth today, to two digits: revenue, not profit.
    pub lifetime_value: Amount,
    /// How many days after `as_of` the two expectations look.
    pub horizon_days: i64,
    /// The id of the model: 16 hex digits.
    pub model: String,
    /// The day at whose end this was so, in UTC, as `2026-03-02`.
    pub as_of: String,
}

impl std::fmt::Debug for ProfileValue {
    /// What somebody is worth is not for logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "value as of {} by model {}", self.as_of, self.model)
    }
}

/// Where somebody stands, by the times of what happened and not by those at which it was heard of.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileLifecycle {
    /// The name of the stage.
    pub stage: String,
    /// Since when.
    pub since: Timestamp,
    /// The last changes, newest first; the first of them is `stage` and `since`.
    pub changes: Vec<StageChange>,
}

impl std::fmt::Debug for ProfileLifecycle {
    /// Where somebody stands is not for logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "lifecycle of {} changes", self.changes.len())
    }
}

/// A stage that began.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageChange {
    /// Its name.
    pub stage: String,
    /// Its first moment.
    pub time: Timestamp,
}

/// From when to when somebody was seen by a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelSeen {
    /// Time of the first touchpoint.
    pub first_seen: Timestamp,
    /// Time of the last.
    pub last_seen: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_the_name_that_serde_gives_it() {
        for reason in Reason::ALL {
            let named: Result<Reason, serde::de::value::Error> =
                Deserialize::deserialize(serde::de::value::StrDeserializer::new(reason.as_str()));
            assert_eq!(named, Ok(reason));
        }
    }
}
