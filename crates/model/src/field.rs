//! The parts of a profile, by the names of the configuration: what a purpose permits, and what an output asks for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::identifier::Namespace;

/// One of the counts and sums of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Metric {
    /// How many touchpoints.
    Touchpoints,
    /// How many by each channel.
    Channels,
    /// From when to when by each channel.
    ChannelSeen,
    /// How many of each type.
    Types,
    /// How many orders.
    Orders,
    /// How many articles.
    Items,
    /// How much money, by currency.
    Revenue,
    /// How many orders came back.
    Returns,
    /// How many orders were cancelled.
    Cancellations,
    /// The revenue of an order on average, by currency.
    AverageOrderValue,
    /// The time from order to order on average.
    DaysBetweenOrders,
    /// When the first order was placed.
    FirstOrder,
    /// When the last one was.
    LastOrder,
    /// How many messages were opened.
    Opens,
    /// How many were clicked in.
    Clicks,
    /// How many were answered.
    Replies,
    /// What was told of moods, on average.
    Sentiment,
    /// How many runs of half-hours.
    Sessions,
    /// The channel of most touchpoints.
    PreferredChannel,
    /// The hour of most activity.
    PreferredHour,
    /// The time of the first touchpoint.
    FirstSeen,
    /// That of the last.
    LastSeen,
}

impl Metric {
    /// All of them, in the order of the schema.
    pub const ALL: [Self; 22] = [
        Self::Touchpoints,
        Self::Channels,
        Self::ChannelSeen,
        Self::Types,
        Self::Orders,
        Self::Items,
        Self::Revenue,
        Self::Returns,
        Self::Cancellations,
        Self::AverageOrderValue,
        Self::DaysBetweenOrders,
        Self::FirstOrder,
        Self::LastOrder,
        Self::Opens,
        Self::Clicks,
        Self::Replies,
        Self::Sentiment,
        Self::Sessions,
        Self::PreferredChannel,
        Self::PreferredHour,
        Self::FirstSeen,
        Self::LastSeen,
    ];

    /// The name in the schema.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Touchpoints => "touchpoints",
            Self::Channels => "channels",
            Self::ChannelSeen => "channel_seen",
            Self::Types => "types",
            Self::Orders => "orders",
            Self::Items => "items",
            Self::Revenue => "revenue",
            Self::Returns => "returns",
            Self::Cancellations => "cancellations",
            Self::AverageOrderValue => "average_order_value",
            Self::DaysBetweenOrders => "days_between_orders",
            Self::FirstOrder => "first_order",
            Self::LastOrder => "last_order",
            Self::Opens => "opens",
            Self::Clicks => "clicks",
            Self::Replies => "replies",
            Self::Sentiment => "sentiment",
            Self::Sessions => "sessions",
            Self::PreferredChannel => "preferred_channel",
            Self::PreferredHour => "preferred_hour",
            Self::FirstSeen => "first_seen",
            Self::LastSeen => "last_seen",
        }
    }
}

/// A part of a profile, or a group of parts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Field {
    /// The attribute of this name.
    Attribute(String),
    /// All counts and sums: a group.
    Metrics,
    /// One of them.
    Metric(Metric),
    /// Identifiers of every namespace: a group.
    Identifiers,
    /// Identifiers of one namespace.
    Identifier(Namespace),
    /// Segments.
    Segments,
    /// Other ids of the person.
    Aliases,
    /// What the person is interested in. Each interest also needs what its attribute needs.
    Interests,
    /// The last touchpoints.
    Timeline,
    /// What they are worth.
    Value,
    /// Where they stand.
    Lifecycle,
}

impl Field {
    /// Whether it is that part, or the group of it.
    #[must_use]
    pub fn covers(&self, part: &Self) -> bool {
        match self {
            Self::Metrics => matches!(part, Self::Metrics | Self::Metric(_)),
            Self::Identifiers => matches!(part, Self::Identifiers | Self::Identifier(_)),
            _ => self == part,
        }
    }

    /// The counts and sums of their group, anything else as it is.
    #[must_use]
    pub fn parts(self) -> Vec<Self> {
        match self {
            Self::Metrics => Metric::ALL.into_iter().map(Self::Metric).collect(),
            other => vec![other],
        }
    }
}

impl fmt::Display for Field {
    /// As the configuration names it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attribute(name) => f.write_str(name),
            Self::Metrics => f.write_str("metrics"),
            Self::Metric(metric) => write!(f, "metrics.{}", metric.as_str()),
            Self::Identifiers => f.write_str("identifiers"),
            Self::Identifier(namespace) => write!(f, "identifiers.{namespace}"),
            Self::Segments => f.write_str("segments"),
            Self::Aliases => f.write_str("aliases"),
            Self::Interests => f.write_str("interests"),
            Self::Timeline => f.write_str("timeline"),
            Self::Value => f.write_str("value"),
            Self::Lifecycle => f.write_str("lifecycle"),
        }
    }
}

/// A text that names no part of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "write the name of an attribute, metrics or one of them such as metrics.orders, identifiers or those of a namespace \
     such as identifiers.email, segments, aliases, interests, timeline, value, or lifecycle"
)]
pub struct FieldError;

impl FromStr for Field {
    type Err = FieldError;

    /// An attribute that is called like another part cannot be named.
    fn from_str(text: &str) -> Result<Self, FieldError> {
        match text {
            "" => return Err(FieldError),
            "metrics" => return Ok(Self::Metrics),
            "identifiers" => return Ok(Self::Identifiers),
            "segments" => return Ok(Self::Segments),
            "aliases" => return Ok(Self::Aliases),
            "interests" => return Ok(Self::Interests),
            "timeline" => return Ok(Self::Timeline),
            "value" => return Ok(Self::Value),
            "lifecycle" => return Ok(Self::Lifecycle),
            _ => {}
        }
        if let Some(name) = text.strip_prefix("metrics.") {
            let metric = Metric::ALL.into_iter().find(|metric| metric.as_str() == name);
            return metric.map(Self::Metric).ok_or(FieldError);
        }
        match text.strip_prefix("identifiers.") {
            Some("") => Err(FieldError),
            Some(namespace) => Ok(Self::Identifier(Namespace::new(namespace))),
            None => Ok(Self::Attribute(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_read_as_it_is_written() {
        let groups = [
            "city",
            "metrics",
            "identifiers",
            "identifiers.email",
            "segments",
            "aliases",
            "interests",
            "timeline",
            "value",
            "lifecycle",
        ];
        let metrics = Metric::ALL.map(|metric| Field::Metric(metric).to_string());
        for text in groups.into_iter().chain(metrics.iter().map(String::as_str)) {
            assert_eq!(text.parse::<Field>().map(|field| field.to_string()).as_deref(), Ok(text));
        }
        for text in ["", "metrics.", "metrics.order", "identifiers."] {
            assert_eq!(text.parse::<Field>(), Err(FieldError), "{text}");
        }
    }

    #[test]
    fn a_group_covers_its_parts_and_nothing_that_is_called_alike() {
        let orders = Field::Metric(Metric::Orders);
        assert!(Field::Metrics.covers(&orders) && Field::Metrics.covers(&Field::Metrics));
        assert!(!orders.covers(&Field::Metrics) && !Field::Identifiers.covers(&orders));
        assert!(Field::Identifiers.covers(&Field::Identifier(Namespace::new("email"))));
        let attribute = Field::Attribute("metrics.orders".to_owned());
        assert!(!Field::Metrics.covers(&attribute) && !orders.covers(&attribute));
        assert_eq!(Field::Metrics.parts().len(), Metric::ALL.len());
        assert_eq!(orders.clone().parts(), [orders]);
    }
}
