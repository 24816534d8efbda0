//! What a profile is made of, part by part: a profile in, a short digest of each of its parts out; and of two such the names of the
//! parts in which they differ. A part that is empty, 0 or null is not there.
//!
//! Equal parts are never told apart. Of 2⁴⁸ parts that do change one is taken for the same, and is missing among the names. Digests have
//! a key of the deployment: nobody else can choose values that have the same one, or find by trying what a digest is of.

use std::fmt;

use kinfold_model::profile::Metrics;
use kinfold_model::stored::image;
use kinfold_model::{Keys, Metric, Namespace, Standard, UnifiedProfile};
use serde::{Deserialize, Serialize};

/// So many bytes for each part of each person who is published, and for each output that has them.
const DIGEST_BYTES: usize = 6;

/// A part of a profile, as records name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Part {
    /// Identifiers of a namespace.
    Identifiers(Namespace),
    /// All that is told of an attribute.
    Attribute(String),
    /// A count or a sum.
    Metric(Metric),
    /// A standard field.
    Standard(StandardField),
    /// What stands of a purpose, by all channels.
    Consents(String),
    Timeline,
    Segments,
    Aliases,
    Restricted,
    Interests,
    Value,
    Lifecycle,
    Truncated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum StandardField {
    GivenName,
    FamilyName,
    BirthDate,
    Language,
    Country,
    Addresses,
    Emails,
    Phones,
    Socials,
}

/// The parts of one profile in their order, each with its digest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Parts(Vec<(Part, [u8; DIGEST_BYTES])>);

impl Parts {
    /// Those of all members but the id, the version and what changed.
    pub(crate) fn of(profile: &UnifiedProfile, keys: &Keys) -> Self {
        // Without a rest, so that no member can be forgotten.
        let UnifiedProfile {
            person_id: _,
            version: _,
            identifiers,
            attributes,
            metrics,
            timeline,
            consents,
            segments,
            aliases,
            restricted,
            standard,
            interests,
            value,
            lifecycle,
            changed: _,
            truncated,
        } = profile;
        let mut parts = Noting { keys, noted: Vec::new() };
        for same in identifiers.chunk_by(|a, b| a.namespace == b.namespace) {
            parts.note(Part::Identifiers(same[0].namespace.clone()), &same);
        }
        for (name, attribute) in attributes {
            parts.note(Part::Attribute(name.clone()), &Some(attribute));
        }
        for same in consents.chunk_by(|a, b| a.purpose == b.purpose) {
            parts.note(Part::Consents(same[0].purpose.clone()), &same);
        }
        parts.note_metrics(metrics);
        parts.note_standard(standard);
        parts.note(Part::Timeline, timeline);
        parts.note(Part::Segments, segments);
        parts.note(Part::Aliases, aliases);
        parts.note(Part::Restricted, restricted);
        parts.note(Part::Interests, interests);
        parts.note(Part::Value, value);
        parts.note(Part::Lifecycle, lifecycle);
        parts.note(Part::Truncated, truncated);
        parts.noted.sort_unstable();
        Self(parts.noted)
    }

    fn digest(&self, part: &Part) -> Option<&[u8; DIGEST_BYTES]> {
        let at = self.0.binary_search_by(|(one, _)| one.cmp(part)).ok()?;
        self.0.get(at).map(|(_, digest)| digest)
    }

    /// The names of the parts that are only here, only there, or other ones there; sorted.
    pub(crate) fn differing(&self, after: &Self) -> Vec<String> {
        let gone = self.0.iter().filter(|(part, _)| after.digest(part).is_none());
        let other = after.0.iter().filter(|(part, digest)| self.digest(part) != Some(digest));
        let mut names: Vec<String> = gone.chain(other).map(|(part, _)| part.to_string()).collect();
        names.sort_unstable();
        names
    }
}

/// The parts of a profile while it is looked at.
struct Noting<'k> {
    keys: &'k Keys,
    noted: Vec<(Part, [u8; DIGEST_BYTES])>,
}

impl Noting<'_> {
    fn note_metrics(&mut self, metrics: &Metrics) {
        for metric in Metric::ALL {
            let part = Part::Metric(metric);
            match metric {
                Metric::Touchpoints => self.note(part, &metrics.touchpoints),
                Metric::Channels => self.note(part, &metrics.channels),
                Metric::ChannelSeen => self.note(part, &metrics.channel_seen),
                Metric::Types => self.note(part, &metrics.types),
                Metric::Orders => self.note(part, &metrics.orders),
                Metric::Items => self.note(part, &metrics.items),
                Metric::Revenue => self.note(part, &metrics.revenue),
                Metric::Returns => self.note(part, &metrics.returns),
                Metric::Cancellations => self.note(part, &metrics.cancellations),
                Metric::AverageOrderValue => self.note(part, &metrics.average_order_value),
                Metric::DaysBetweenOrders => self.note(part, &metrics.days_between_orders),
                Metric::FirstOrder => self.note(part, &metrics.first_order),
                Metric::LastOrder => self.note(part, &metrics.last_order),
                Metric::Opens => self.note(part, &metrics.opens),
                Metric::Clicks => self.note(part, &metrics.clicks),
                Metric::Replies => self.note(part, &metrics.replies),
                Metric::Sentiment => self.note(part, &metrics.sentiment),
                Metric::Sessions => self.note(part, &metrics.sessions),
                Metric::PreferredChannel => self.note(part, &metrics.preferred_channel),
                Metric::PreferredHour => self.note(part, &metrics.preferred_hour),
                Metric::FirstSeen => self.note(part, &metrics.first_seen),
                Metric::LastSeen => self.note(part, &metrics.last_seen),
            }
        }
    }

    fn note_standard(&mut self, standard: &Standard) {
        let Standard {
            given_name,
            family_name,
            birth_date,
            language,
            country,
            addresses,
            emails,
            phones,
            socials,
        } = standard;
        self.note(Part::Standard(StandardField::GivenName), given_name);
        self.note(Part::Standard(StandardField::FamilyName), family_name);
        self.note(Part::Standard(StandardField::BirthDate), birth_date);
        self.note(Part::Standard(StandardField::Language), language);
        self.note(Part::Standard(StandardField::Country), country);
        self.note(Part::Standard(StandardField::Addresses), addresses);
        self.note(Part::Standard(StandardField::Emails), emails);
        self.note(Part::Standard(StandardField::Phones), phones);
        self.note(Part::Standard(StandardField::Socials), socials);
    }

    /// What is empty, 0 or null is no part.
    fn note<T: Serialize + Default + PartialEq>(&mut self, part: Part, value: &T) {
        if *value == T::default() {
            return;
        }
        let mut digest = [0; DIGEST_BYTES];
        digest.copy_from_slice(&self.keys.content(&image(value))[..DIGEST_BYTES]);
        self.noted.push((part, digest));
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identifiers(namespace) => write!(f, "identifiers.{namespace}"),
            Self::Attribute(name) => write!(f, "attributes.{name}"),
            Self::Metric(metric) => write!(f, "metrics.{}", metric.as_str()),
            Self::Standard(field) => write!(f, "standard.{}", field.as_str()),
            Self::Consents(purpose) => write!(f, "consents.{purpose}"),
            Self::Timeline => f.write_str("timeline"),
            Self::Segments => f.write_str("segments"),
            Self::Aliases => f.write_str("aliases"),
            Self::Restricted => f.write_str("restricted"),
            Self::Interests => f.write_str("interests"),
            Self::Value => f.write_str("value"),
            Self::Lifecycle => f.write_str("lifecycle"),
            Self::Truncated => f.write_str("truncated"),
        }
    }
}

impl StandardField {
    fn as_str(self) -> &'static str {
        match self {
            Self::GivenName => "given_name",
            Self::FamilyName => "family_name",
            Self::BirthDate => "birth_date",
            Self::Language => "language",
            Self::Country => "country",
            Self::Addresses => "addresses",
            Self::Emails => "emails",
            Self::Phones => "phones",
            Self::Socials => "socials",
        }
    }
}

#[cfg(test)]
impl Parts {
    /// These, each with another digest.
    pub(crate) fn sample(parts: Vec<Part>) -> Self {
        Self(parts.into_iter().zip(0..).map(|(part, n)| (part, [n; DIGEST_BYTES])).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{attribute, keys, profile};

    fn differing(change: impl FnOnce(&mut UnifiedProfile)) -> Vec<String> {
        let mut after = profile();
        change(&mut after);
        Parts::of(&profile(), &keys()).differing(&Parts::of(&after, &keys()))
    }

    #[test]
    fn what_came_what_went_and_what_is_another_is_named_and_nothing_else() {
        assert_eq!(differing(|_| {}), [""; 0]);
        assert_eq!(differing(|after| (after.version, after.changed) = (7, vec!["a".to_owned()])), [""; 0]);
        let changed = differing(|after| {
            after.attributes.remove("street");
            after.attributes.extend([attribute("city", "Leipzig"), attribute("age", "39")]);
            after.metrics.orders = 1;
            after.metrics.touchpoints = 0;
        });
        let named = [
            "attributes.age",
            "attributes.city",
            "attributes.street",
            "metrics.orders",
            "metrics.touchpoints",
        ];
        assert_eq!(changed, named);
    }
}
