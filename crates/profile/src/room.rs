//! How large a record of a profile may be, and what gives way where there is too much: a profile in, the same out if it fits, else with
//! less in it and the names of what was cut. A pure function of the profile, so that the order of arrival cannot matter.
//!
//! In this order parts give way, each only as far as it has to: the oldest entries of the timeline; values that stand side by side, of the
//! attribute with the most bytes of them first; the last interests; the largest attributes; the identifiers that were seen longest
//! ago; the greatest aliases; the sums in currencies that nobody knows. What takes no more than its name among what was cut stays. All other
//! metrics, consents, the restriction, the value and the stage never do: all of them together stay below what there is room for. Currencies
//! that ISO 4217 knows are fewer than 200, and those that sources make up can be 26³: a hundred times as many.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use iso_currency::Currency;
use kinfold_model::profile::Metrics;
use kinfold_model::{Metric, UnifiedProfile};
use postcard::ser_flavors::Size;
use serde::Serialize;

use crate::parts::Part;
use crate::standard::standard;

/// So many bytes a profile may have without the names of what changed, which are 100 kB at the very most. Kafka's brokers, consumers and
/// mirrors take 1 MiB by default, headers and key included, and whoever copies the topic should need no settings.
pub const PROFILE_BYTES_MAX: usize = 900_000;

/// An id has 16 bytes in the inner format, and in a record the 36 of its text with their number.
const ID_BYTES_MORE: usize = 21;
/// A version at its longest, so that a profile takes as much before it has one as after.
const VERSION_BYTES_MAX: usize = 10;
/// Of a list in which nothing is.
const LIST_BYTES: usize = 1;
/// For the ends of the few lists that a profile has once.
const ENDS_BYTES: usize = 32;

/// As much as fits of a profile.
pub(crate) fn fit(mut profile: UnifiedProfile) -> UnifiedProfile {
    if fits(&profile) {
        return profile;
    }
    for layer in Layer::ALL {
        let most = layer.pieces(&profile);
        let bare = layer.without(&profile, most);
        if !fits(&bare) {
            profile = bare;
            continue;
        }
        let (mut least, mut enough) = (0, most);
        // The profile without `least` pieces does not fit, that without `enough` does.
        while least + 1 < enough {
            let middle = least.midpoint(enough);
            if fits(&layer.without(&profile, middle)) { enough = middle } else { least = middle }
        }
        return layer.without(&profile, enough);
    }
    profile
}

/// Whether a record of it is small enough, whatever changed.
pub(crate) fn fits(profile: &UnifiedProfile) -> bool {
    bytes_max(profile) <= PROFILE_BYTES_MAX
}

/// At least as many bytes as the record has in Avro without the names of what changed, and hardly more than an eighth above that: the
/// bytes of the inner format, which cost next to nothing to count. Avro writes the lengths of texts and lists with at most one byte
/// more, and ends a list with one: less than an eighth, because what has a list of its own, an attribute, has many bytes besides.
fn bytes_max(profile: &UnifiedProfile) -> usize {
    let bytes = bytes(profile) - bytes(&profile.changed) - bytes(&profile.version) + VERSION_BYTES_MAX;
    let ids = ID_BYTES_MORE * (1 + profile.aliases.len());
    bytes.saturating_add(bytes / 8).saturating_add(ids + ENDS_BYTES)
}

fn bytes<T: Serialize>(value: &T) -> usize {
    postcard::serialize_with_flavor(value, Size::default()).unwrap_or(usize::MAX)
}

/// What gives way together.
#[derive(Clone, Copy)]
enum Layer {
    Timeline,
    Values,
    Interests,
    Attributes,
    Identifiers,
    Aliases,
    Currencies,
}

impl Layer {
    /// In the order in which they give way.
    const ALL: [Self; 7] = [
        Self::Timeline,
        Self::Values,
        Self::Interests,
        Self::Attributes,
        Self::Identifiers,
        Self::Aliases,
        Self::Currencies,
    ];

    /// How many of them there are.
    fn pieces(self, profile: &UnifiedProfile) -> usize {
        match self {
            Self::Timeline => profile.timeline.len(),
            Self::Values | Self::Attributes => self.names(profile).len(),
            Self::Interests => profile.interests.len(),
            Self::Identifiers => profile.identifiers.len(),
            Self::Aliases => profile.aliases.len(),
            Self::Currencies => made_up(&profile.metrics).len(),
        }
    }

    /// The names of the attributes of which something gives way here, that with the most of it first; of equal ones the least name.
    fn names(self, profile: &UnifiedProfile) -> Vec<String> {
        let mut names: Vec<(Reverse<usize>, &String)> = Vec::new();
        for (name, attribute) in &profile.attributes {
            let freed = match self {
                Self::Values => bytes(&attribute.values) - LIST_BYTES,
                Self::Attributes => bytes(name) + bytes(attribute),
                _ => 0,
            };
            let part = Part::Attribute(name.clone()).to_string();
            let is_named = profile.truncated.binary_search(&part).is_ok();
            if freed > if is_named { 0 } else { bytes(&part) } {
                names.push((Reverse(freed), name));
            }
        }
        names.sort_unstable();
        names.into_iter().map(|(_, name)| name.clone()).collect()
    }

    /// The profile without the first so many to go.
    fn without(self, profile: &UnifiedProfile, count: usize) -> UnifiedProfile {
        let names = self.names(profile).into_iter().take(count);
        let mut profile = profile.clone();
        let mut cut: BTreeSet<String> = profile.truncated.drain(..).collect();
        match self {
            Self::Timeline => shorten(&mut profile.timeline, count, Part::Timeline, &mut cut),
            Self::Interests => shorten(&mut profile.interests, count, Part::Interests, &mut cut),
            Self::Aliases => shorten(&mut profile.aliases, count, Part::Aliases, &mut cut),
            Self::Values => {
                for name in names {
                    let Some(attribute) = profile.attributes.get_mut(&name) else { continue };
                    attribute.values.clear();
                    cut.insert(Part::Attribute(name).to_string());
                }
            }
            Self::Attributes => {
                for name in names {
                    profile.attributes.remove(&name);
                    cut.insert(Part::Attribute(name).to_string());
                }
            }
            Self::Identifiers => {
                profile.identifiers.sort_by(|a, b| {
                    (a.last_seen, a.first_seen, &a.namespace, &a.value).cmp(&(
                        b.last_seen,
                        b.first_seen,
                        &b.namespace,
                        &b.value,
                    ))
                });
                let gone = profile.identifiers.drain(..count);
                cut.extend(gone.map(|one| Part::Identifiers(one.namespace).to_string()));
                profile.identifiers.sort_unstable();
            }
            Self::Currencies => {
                for code in made_up(&profile.metrics).into_iter().take(count) {
                    let Metrics { revenue, average_order_value, .. } = &mut profile.metrics;
                    let gone = [
                        (Metric::Revenue, revenue.remove(&code)),
                        (Metric::AverageOrderValue, average_order_value.remove(&code)),
                    ];
                    let gone = gone.into_iter().filter(|(_, amount)| amount.is_some());
                    cut.extend(gone.map(|(metric, _)| Part::Metric(metric).to_string()));
                }
            }
        }
        profile.standard = standard(&profile.identifiers, &profile.attributes);
        profile.truncated = cut.into_iter().collect();
        profile
    }
}

/// The codes of currencies that ISO 4217 does not know, the greatest first.
fn made_up(metrics: &Metrics) -> Vec<String> {
    let codes: BTreeSet<&String> = metrics.revenue.keys().chain(metrics.average_order_value.keys()).collect();
    let unknown = codes.into_iter().rev().filter(|code| Currency::from_code(code).is_none());
    unknown.cloned().collect()
}

/// Cuts off the end of a list.
fn shorten<T>(list: &mut Vec<T>, count: usize, part: Part, cut: &mut BTreeSet<String>) {
    if count > 0 {
        list.truncate(list.len().saturating_sub(count));
        cut.insert(part.to_string());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use kinfold_model::consent::{ConsentState, EffectiveConsent};
    use kinfold_model::profile::{Attribute, Interest, ProfileIdentifier, StatedValue, TimelineEntry};
    use kinfold_model::{Amount, Namespace, PersonId, Standard, Timestamp};
    use kinfold_wire::{Framing, Topic, encode};

    use super::*;

    fn text(number: usize, bytes: usize) -> String {
        format!("{number:05}{}", "x".repeat(bytes - 5))
    }

    fn at(number: usize) -> Timestamp {
        Timestamp::from_millis(1_772_323_200_000 + i64::try_from(number).expect("a few")).expect("in range")
    }

    /// Somebody of whom there is so much of everything; each part as large as capture lets it be.
    fn profile(count: usize, values: usize) -> UnifiedProfile {
        let numbers = 0..count;
        let identifier = |number: usize| ProfileIdentifier {
            namespace: Namespace::new(if number.is_multiple_of(2) { "cookie" } else { "email" }),
            value: text(number, 512),
            first_seen: at(0),
            last_seen: at(count - number),
            undeliverable: None,
            verified: Some(at(0)),
            verify_again: Some(at(1)),
            stale: Some(at(1)),
        };
        let stated = |number| StatedValue {
            value: text(number, 4096),
            source: text(0, 64),
            time: at(number),
            stale: None,
        };
        let attribute = |number| {
            let values = (0..values).map(stated).collect();
            (text(number, 64), Attribute { values, ..Attribute::once(&text(0, 4096), "crm", at(number)) })
        };
        let entry = |number: usize| TimelineEntry {
            time: at(count - number),
            touchpoint_id: text(number, 256),
            source: text(0, 64),
            channel: Some(text(0, 64)),
            r#type: Some(text(0, 64)),
            action: Some(text(0, 64)),
            order_id: Some(text(0, 256)),
        };
        let consent = |number| EffectiveConsent {
            purpose: text(number, 64),
            state: ConsentState::Granted,
            since: at(number),
            jurisdiction: Some(text(0, 64)),
            basis: Some(text(0, 64)),
            source: text(0, 64),
            channel: Some(text(0, 64)),
            expires: Some(at(number)),
            signal: Some(text(0, 64)),
            wording: Some(text(0, 256)),
            confirmed: true,
        };
        let interest = |number| Interest {
            name: text(0, 64),
            value: text(number, 4096),
            touchpoints: i64::MAX,
            first_seen: at(0),
            last_seen: at(number),
        };
        // As many orders as one may have, of as much as one may be worth.
        let mut most: Amount = "999999999999.9999".parse().expect("an amount");
        (0..13).for_each(|_| most += most);
        let amount = |number: usize| (text(number, 5), most);
        let mut identifiers: Vec<_> = numbers.clone().map(identifier).collect();
        identifiers.sort_unstable();
        UnifiedProfile {
            person_id: PersonId::new([1; 16]),
            version: 0,
            standard: standard(&identifiers, &numbers.clone().take(256).map(attribute).collect()),
            identifiers,
            attributes: numbers.clone().take(256).map(attribute).collect(),
            metrics: Metrics {
                channels: numbers.clone().take(64).map(|number| (text(number, 64), i64::MAX)).collect(),
                types: numbers.clone().take(64).map(|number| (text(number, 64), i64::MAX)).collect(),
                revenue: (0..count * 4).map(amount).collect(),
                average_order_value: (0..count * 4).map(amount).collect(),
                ..Metrics::default()
            },
            timeline: numbers.clone().take(50).map(entry).collect(),
            consents: numbers.clone().take(256).map(consent).collect(),
            segments: Vec::new(),
            aliases: (0_u8..=255).cycle().take(count).map(|one| PersonId::new([one; 16])).collect(),
            restricted: Some(at(0)),
            interests: numbers.take(100).map(interest).collect(),
            value: None,
            lifecycle: None,
            changed: Vec::new(),
            truncated: Vec::new(),
        }
    }

    fn written(profile: &UnifiedProfile) -> usize {
        encode(Topic::UnifiedProfile, Framing::SingleObject, profile).expect("it can be written").len()
    }

    #[test]
    fn a_record_is_never_larger_than_it_was_counted_and_hardly_more_than_an_eighth_smaller() {
        let bare = UnifiedProfile { standard: Standard::default(), ..profile(1, 0) };
        for profile in [bare, profile(1, 16), profile(40, 0), profile(40, 2), profile(400, 4)] {
            let (most, is) = (bytes_max(&profile), written(&profile));
            assert!(is <= most && most <= is + is / 8 + 64, "{is} bytes were counted as {most}");
        }
    }

    #[test]
    fn what_has_room_stays_as_it_is() {
        let profile = profile(40, 2);
        assert!(written(&profile) > PROFILE_BYTES_MAX / 2);
        assert!(fit(profile.clone()) == profile);
    }

    #[test]
    fn whoever_is_at_every_limit_has_room_and_keeps_what_never_gives_way() {
        let before = profile(2000, 16);
        assert!(bytes_max(&before) > 10 * PROFILE_BYTES_MAX);
        let after = fit(before.clone());
        assert!(fits(&after) && written(&after) <= PROFILE_BYTES_MAX);
        assert!((&after.metrics, &after.consents) == (&before.metrics, &before.consents));
        assert_eq!((after.restricted, after.person_id), (before.restricted, before.person_id));
        let named = |name: &str| after.truncated.iter().any(|cut| cut == name);
        assert!(["timeline", "interests", "identifiers.email", "identifiers.cookie"].map(named) == [true; 4]);
        let last = after.identifiers.iter().map(|one| one.last_seen).min();
        let left = |one: &&ProfileIdentifier| !after.identifiers.contains(one);
        assert!(before.identifiers.iter().filter(left).all(|one| Some(one.last_seen) <= last));
        let emails = after.identifiers.iter().filter(|one| one.namespace.as_str() == "email").count();
        assert_eq!(after.standard.emails.len(), emails);
        assert!(fit(after.clone()) == after, "what was cut has room");
    }

    #[test]
    fn no_more_gives_way_than_has_to_and_the_timeline_first() {
        let mut profile = profile(40, 2);
        let mut interests = profile.interests.clone().into_iter().cycle();
        while fits(&profile) {
            profile.interests.extend(interests.next());
        }
        let after = fit(profile.clone());
        assert_eq!(after.truncated, ["timeline"]);
        assert!(after.timeline == profile.timeline[..after.timeline.len()] && !after.timeline.is_empty());
        let one_more = profile.timeline[..=after.timeline.len()].to_vec();
        assert!(!fits(&UnifiedProfile { timeline: one_more, ..after.clone() }));
        assert!(after.attributes == profile.attributes && after.interests == profile.interests);
    }

    #[test]
    fn of_values_and_attributes_the_largest_give_way() {
        let mut profile = profile(1, 0);
        let stated = |bytes: usize| StatedValue {
            value: text(0, bytes),
            source: String::new(),
            time: at(0),
            stale: None,
        };
        for (name, count) in [("a", 100), ("b", 140)] {
            let values = (0..count).map(|_| stated(4096)).collect();
            profile
                .attributes
                .insert(name.to_owned(), Attribute { values, ..Attribute::once("v", "crm", at(0)) });
        }
        let after = fit(profile.clone());
        assert_eq!(after.truncated, ["attributes.b", "timeline"]);
        assert!(after.attributes["b"].values.is_empty() && after.attributes["b"].value == "v");
        assert!(after.attributes["a"] == profile.attributes["a"]);
        profile.attributes.insert("c".to_owned(), Attribute::once(&text(0, PROFILE_BYTES_MAX), "crm", at(0)));
        let after = fit(profile);
        assert!(!after.attributes.contains_key("c") && after.attributes.contains_key("a"));
    }

    /// Every code of three letters, each with as much as one person can have bought for in three sets of identifiers.
    fn every_currency() -> Metrics {
        let mut most: Amount = "999999999999.9999".parse().expect("an amount");
        (0..14).for_each(|_| most += most);
        let letters = || 'A'..='Z';
        let codes = letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| [a, b, c])));
        let sums: BTreeMap<String, Amount> = codes.map(|code| (String::from_iter(code), most)).collect();
        assert_eq!(sums.len(), 17_576);
        Metrics { orders: 24_000, revenue: sums.clone(), average_order_value: sums, ..profile(40, 0).metrics }
    }

    #[test]
    fn of_currencies_those_that_nobody_knows_give_way_and_last() {
        let before = UnifiedProfile { metrics: every_currency(), ..profile(40, 2) };
        let after = fit(before.clone());
        assert!(fits(&after) && written(&after) <= PROFILE_BYTES_MAX);
        let named = |name: &str| after.truncated.iter().any(|cut| cut == name);
        assert!(["metrics.average_order_value", "metrics.revenue", "timeline"].map(named) == [true; 3]);
        assert!(after.timeline.is_empty() && after.aliases.is_empty() && after.consents == before.consents);
        let (left, all) = (&after.metrics.revenue, &before.metrics.revenue);
        assert!(left.keys().eq(after.metrics.average_order_value.keys()));
        let gone: Vec<&String> = all.keys().filter(|code| !left.contains_key(*code)).collect();
        assert!(gone.iter().all(|code| Currency::from_code(code).is_none()));
        let greatest = made_up(&before.metrics).into_iter().take(gone.len()).rev();
        assert!(gone.into_iter().eq(greatest.collect::<Vec<_>>().iter()), "the greatest go first");
        assert!(fit(after.clone()) == after, "what was cut has room");
        assert!(left.contains_key("EUR") && left.len() > 10_000, "no more than has to");
    }

    #[test]
    fn a_profile_has_room_whatever_version_it_gets() {
        let mut profile = profile(40, 2);
        let longer = |profile: &UnifiedProfile, bytes: usize| {
            let mut longer = profile.clone();
            longer.interests[0].value.push_str(&"x".repeat(bytes));
            longer
        };
        for step in [100_000, 1000, 10, 1] {
            while fits(&longer(&profile, step)) {
                profile = longer(&profile, step);
            }
        }
        for version in [0, 1, 63, 64, i64::MAX] {
            assert!(fits(&UnifiedProfile { version, ..profile.clone() }), "version {version}");
        }
    }

    #[test]
    fn what_takes_no_more_than_its_name_among_what_was_cut_stays() {
        let mut profile = profile(1, 0);
        let short = StatedValue { value: "v".to_owned(), source: "s".to_owned(), time: at(0), stale: None };
        let name = text(7, 64);
        let stated = Attribute { values: vec![short], ..Attribute::once("v", "crm", at(0)) };
        profile.attributes.insert(name.clone(), stated.clone());
        profile.attributes.insert("a".to_owned(), Attribute::once(&text(0, PROFILE_BYTES_MAX), "crm", at(0)));
        let after = fit(profile);
        assert!(after.attributes[&name] == stated, "the values would have freed less");
        assert!(!after.attributes.contains_key("a"));
    }
}
