//! A touchpoint: what one channel said at one time, cleaned, with the node ids of its identifiers.
//! It is the record of the public topic `touchpoint`.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::consent::Consent;
use crate::identifier::Namespace;
use crate::money::{Amount, Currency};
use crate::node::NodeId;
use crate::quality::Flag;
use crate::time::Timestamp;

/// One touchpoint after capture. Optional members are `None` or empty when the source did not state them.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Touchpoint {
    /// As the source gave it, else a hash of the record. A touchpoint counts once by its source and this id.
    pub touchpoint_id: String,
    /// When it happened, by the source's clock.
    pub time: Timestamp,
    /// The system that reported it.
    pub source: String,
    /// Web, till, e-mail, … .
    pub channel: Option<String>,
    /// Order, page view, … .
    pub r#type: Option<String>,
    /// The node of the set of identifiers; the record's key.
    pub sighting: NodeId,
    /// At least one; sorted by node, then namespace and value; distinct.
    pub identifiers: Vec<TouchpointIdentifier>,
    /// What was said of the person, by name.
    pub attributes: BTreeMap<String, String>,
    /// Decisions stated at this touchpoint.
    pub consents: Vec<Consent>,
    /// Signals of consent as received, kept beside the decisions that they mean.
    pub consent_signals: Option<ConsentSignals>,
    /// What was bought.
    pub order: Option<Order>,
    /// A reaction to a campaign.
    pub engagement: Option<Engagement>,
    /// What is odd about it; sorted by kind and member, distinct, few. Empty in records of before there were flags.
    #[serde(default)]
    pub flags: Vec<Flag>,
    /// What the source says that it has verified: names of attributes and namespaces of identifiers; sorted, distinct. Empty in
    /// records of before version 5 of the schema.
    #[serde(default)]
    pub verified: Vec<String>,
}

impl Touchpoint {
    /// Whether the source says that it has verified what it states under this name, an attribute's or a namespace's.
    #[must_use]
    pub fn verifies(&self, name: &str) -> bool {
        self.verified.iter().any(|verified| verified == name)
    }
}

impl std::fmt::Debug for Touchpoint {
    /// Neither values of identifiers nor attributes are printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "touchpoint of sighting {} at {}", self.sighting, self.time)
    }
}

/// An identifier as it stands in a touchpoint: clear and as a node.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TouchpointIdentifier {
    /// The node that the identity graph knows.
    pub node: NodeId,
    /// As the source named it (`email_sha256` stays itself, although its node is that of the e-mail).
    pub namespace: Namespace,
    /// Normalised.
    pub value: String,
}

/// Signals of consent: kept beside the decisions that they mean, also what cannot be read. The last four are absent in
/// records of before version 4 of the schema.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentSignals {
    /// An IAB TCF string.
    pub tcf: Option<String>,
    /// An IAB GPP string.
    pub gpp: Option<String>,
    /// Global Privacy Control.
    pub gpc: Option<bool>,
    /// A US Privacy string, four characters such as `1YNN`.
    #[serde(default)]
    pub us_privacy: Option<String>,
    /// Google's Consent Mode: type → `granted` or `denied`, as Google names them. Empty when nothing was said.
    #[serde(default)]
    pub consent_mode: BTreeMap<String, String>,
    /// Segment's consent object.
    #[serde(default)]
    pub segment: Option<SegmentConsent>,
    /// What a system that sends mail reports of the address, by one name out of a few, for example `unsubscribe`.
    /// `engagement.action` is another thing: each system names what happened as it likes, and nobody decides by it.
    #[serde(default)]
    pub email: Option<String>,
}

impl std::fmt::Debug for ConsentSignals {
    /// That there are any; what they say is not printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("signals of consent")
    }
}

/// Segment's consent object, `context.consent` of its events.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentConsent {
    /// Category → whether it is allowed; at least one. The names are those that the company made up in Segment.
    #[serde(rename = "categoryPreferences")]
    pub category_preferences: BTreeMap<String, bool>,
}

impl std::fmt::Debug for SegmentConsent {
    /// How many categories, and not which.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "consent to {} categories of Segment", self.category_preferences.len())
    }
}

/// An order, as one source reported it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Counts once per person.
    pub order_id: String,
    /// In units of `currency`; negative for a refund.
    pub value: Amount,
    /// The currency of `value`.
    pub currency: Currency,
    /// How many articles; 0 when the source did not say.
    pub items: i64,
    /// What became of it. Absent in records of before version 5 of the schema: then it is placed.
    #[serde(default)]
    pub status: OrderStatus,
    /// How much of `value` was paid back, in units of `currency`: not negative, and no more than `value`. 0 of an order that is
    /// returned is all of it. Absent in records of before version 5 of the schema.
    #[serde(default)]
    pub refunded: Amount,
}

impl std::fmt::Debug for Order {
    /// Neither its id nor its value is printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "order, {}", self.status.as_str())
    }
}

/// What became of an order, as one source reported it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// It stands.
    #[default]
    Placed,
    /// It came to nothing: nobody was sent anything, or had to pay.
    Cancelled,
    /// What was bought came back.
    Returned,
}

impl OrderStatus {
    /// All of them, in the order of the schema.
    pub const ALL: [Self; 3] = [Self::Placed, Self::Cancelled, Self::Returned];

    /// The name in records and files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Cancelled => "cancelled",
            Self::Returned => "returned",
        }
    }
}

/// A text that names no status of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no status of an order; write \"placed\", \"cancelled\" or \"returned\"")]
pub struct OrderStatusError;

impl FromStr for OrderStatus {
    type Err = OrderStatusError;

    fn from_str(text: &str) -> Result<Self, OrderStatusError> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(OrderStatusError)
    }
}

/// A reaction to a campaign.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Engagement {
    /// The campaign's name.
    pub campaign: Option<String>,
    /// `open`, `click`, `reply`, … .
    pub action: Option<String>,
    /// From -1 (bad) to 1 (good).
    pub sentiment: Option<f64>,
}

impl std::fmt::Debug for Engagement {
    /// Neither campaign nor action is printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("engagement")
    }
}
