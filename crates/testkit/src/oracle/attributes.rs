//! Which value of each attribute survives, what somebody is interested in, and the standard fields: by the words of the
//! documentation, from all statements at once.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::profile::{Attribute, Interest, ProfileIdentifier, StatedValue};
use kinfold_model::standard::{Address, Email, Phone, Social, Standard};
use kinfold_model::{Reason, SurvivorRule, Survivorship, Timestamp, Touchpoint};

/// So many pairs of value and source are weighed, the least; so many touchpoints of one are counted exactly.
const SIXTEEN: usize = 16;
/// So many pairs more are counted for interests, those whose values have the least hashes.
const SAMPLED: usize = 112;
/// A longer text is no interest.
const TOPIC_BYTES: usize = 256;

/// That an attribute was stated. The greater is the newer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Said<'t> {
    time: Timestamp,
    id: &'t str,
    value: &'t str,
    source: &'t str,
    is_verified: bool,
}

/// All that was said of one attribute.
struct All<'t> {
    said: BTreeSet<Said<'t>>,
    counted: BTreeSet<(&'t str, &'t str)>,
}

impl<'t> All<'t> {
    fn of(name: &str, touchpoints: &[&'t Touchpoint]) -> Self {
        let said = touchpoints.iter().filter_map(|touchpoint| {
            Some(Said {
                time: touchpoint.time,
                id: &touchpoint.touchpoint_id,
                value: touchpoint.attributes.get(name)?,
                source: &touchpoint.source,
                is_verified: touchpoint.verified.iter().any(|verified| verified == name),
            })
        });
        let said: BTreeSet<Said<'t>> = said.collect();
        let pairs: BTreeSet<_> = said.iter().map(|one| (one.value, one.source)).collect();
        Self { said, counted: pairs.into_iter().take(SIXTEEN).collect() }
    }

    fn is_counted(&self, one: &Said<'_>) -> bool {
        self.counted.contains(&(one.value, one.source))
    }

    fn counted(&self) -> impl Iterator<Item = &Said<'t>> {
        self.said.iter().filter(|one| self.is_counted(one))
    }

    /// At how many touchpoints each value was said, of what is counted for the rule or for interests. The same id of two sources is two
    /// touchpoints.
    fn counts(&self) -> BTreeMap<&'t str, i64> {
        let pairs: BTreeSet<_> = self.counted.iter().copied().chain(self.topics()).collect();
        let mut counts = BTreeMap::new();
        for pair in pairs {
            *counts.entry(pair.0).or_default() += self.count_of(pair);
        }
        counts
    }

    fn count_of(&self, pair: (&str, &str)) -> i64 {
        let said = self.said.iter().filter(|one| (one.value, one.source) == pair);
        let hashes: BTreeSet<u32> = said.map(|one| hash(one.id)).collect();
        match hashes.iter().nth(SIXTEEN) {
            None => i64::try_from(hashes.len()).unwrap_or_default(),
            Some(seventeenth) => ((16_i64 << 32) / (i64::from(*seventeenth) + 1)).max(17),
        }
    }

    /// The pairs that may tell of interests.
    fn topics(&self) -> Vec<(&'t str, &'t str)> {
        let is_topic = |pair: &(&str, &str)| pair.0.len() <= TOPIC_BYTES;
        let said: BTreeSet<(&str, &str)> = self.said.iter().map(|one| (one.value, one.source)).collect();
        let mut rest: Vec<_> = said.difference(&self.counted).copied().filter(is_topic).collect();
        rest.sort_by_key(|pair| (hash(pair.0), *pair));
        self.counted.iter().copied().filter(is_topic).chain(rest.into_iter().take(SAMPLED)).collect()
    }

    /// Of what is not counted, only the newest, the oldest, the longest and the last verified statement and the newest of each
    /// source are known.
    fn known(&self) -> BTreeSet<Said<'t>> {
        let mut known: BTreeSet<Said<'t>> = self.counted().copied().collect();
        let rest = || self.said.iter().filter(|one| !self.is_counted(one)).copied();
        let of_source = |source| rest().filter(move |one| one.source == source).max();
        let sources: BTreeSet<&str> = rest().map(|one| one.source).collect();
        let newest = sources.into_iter().filter_map(of_source);
        let ends = [rest().max_by_key(older), rest().max_by_key(longer)].into_iter().flatten();
        known.extend(newest.chain(ends).map(|one| Said { is_verified: false, ..one }));
        known.extend(rest().filter(|one| one.is_verified).max());
        known
    }

    /// The same with the last time of each pair that is counted for interests. Of those no touchpoint is known by its id.
    fn known_or_counted(&self) -> BTreeSet<Said<'t>> {
        let mut known = self.known();
        for pair in self.topics().into_iter().filter(|pair| !self.counted.contains(pair)) {
            let last = self.said.iter().filter(|one| (one.value, one.source) == pair).max();
            known.extend(last.map(|last| Said { id: "", is_verified: false, ..*last }));
        }
        known
    }
}

fn hash(text: &str) -> u32 {
    let [a, b, c, d, ..] = *blake3::hash(text.as_bytes()).as_bytes();
    u32::from_be_bytes([a, b, c, d])
}

fn older<'t>(one: &Said<'t>) -> (Reverse<Timestamp>, &'t str, &'t str, &'t str) {
    (Reverse(one.time), one.id, one.value, one.source)
}

fn longer<'t>(one: &Said<'t>) -> (usize, Said<'t>) {
    (one.value.chars().count(), *one)
}

/// The survivors, by name.
pub(super) fn attributes(
    touchpoints: &[&Touchpoint],
    declared: &Survivorship,
    now: Timestamp,
) -> BTreeMap<String, Attribute> {
    let names: BTreeSet<&String> =
        touchpoints.iter().flat_map(|touchpoint| touchpoint.attributes.keys()).collect();
    let one = |name: &&String| Some(((*name).clone(), survivor(name, touchpoints, declared, now)?));
    names.iter().filter_map(one).collect()
}

fn survivor(
    name: &str,
    touchpoints: &[&Touchpoint],
    declared: &Survivorship,
    now: Timestamp,
) -> Option<Attribute> {
    let (all, rule) = (All::of(name, touchpoints), declared.of(name));
    let said = || all.said.iter().copied();
    let newest = (said().max()?, Reason::Newest);
    let again = |time: Timestamp| rule.ageing.verify_again_after_ms.map(|ms| time.plus_millis(ms));
    let counts = |one: &Said<'_>| one.is_verified && again(one.time).is_none_or(|end| now < end);
    let verified = said().filter(counts).max().map(|one| (one, Reason::Verified));
    let first_of = |source: &String| said().filter(|one| one.source == source).max();
    let (winner, reason) = match rule.rule {
        SurvivorRule::Newest => newest,
        SurvivorRule::Oldest => (said().max_by_key(older)?, Reason::Oldest),
        SurvivorRule::MostFrequent => {
            let counts = all.counts();
            let count = |one: &Said<'_>| counts.get(one.value).copied().unwrap_or_default();
            let winner = all.known_or_counted().into_iter().max_by_key(|one| (count(one), *one))?;
            (winner, Reason::MostFrequent)
        }
        SurvivorRule::SourcePriority => {
            let listed = rule.sources.iter().find_map(first_of);
            listed.map_or(newest, |one| (one, Reason::SourcePriority))
        }
        SurvivorRule::Longest => (said().max_by_key(longer)?, Reason::Longest),
        SurvivorRule::VerifiedFirst => verified.unwrap_or(newest),
        SurvivorRule::Union => (newest.0, Reason::Union),
    };
    let is_only = all.said.iter().all(|one| one.value == winner.value && all.is_counted(one));
    let known = if rule.rule == SurvivorRule::MostFrequent { all.known_or_counted() } else { all.known() };
    let alike = || known.iter().filter(|one| one.value == winner.value);
    let stated = all.known_or_counted();
    let confirmed = |value: &str| stated.iter().filter(|one| one.value == value).map(|one| one.time).max();
    let has_passed = |end: &Timestamp| *end <= now;
    let stale = |confirmed: Timestamp| {
        rule.ageing.stale_after_ms.map(|ms| confirmed.plus_millis(ms)).filter(has_passed)
    };
    let verified = alike().filter(|one| one.is_verified).map(|one| one.time).max();
    let mut side_by_side: BTreeMap<&str, Said<'_>> = BTreeMap::new();
    for one in all.counted().chain([&winner]) {
        let last = side_by_side.entry(one.value).or_insert(*one);
        *last = (*last).max(*one);
    }
    let values = side_by_side.into_values().filter(|_| rule.rule == SurvivorRule::Union);
    let stated = |one: Said<'_>| StatedValue {
        value: one.value.to_owned(),
        source: one.source.to_owned(),
        time: one.time,
        stale: confirmed(one.value).and_then(stale),
    };
    Some(Attribute {
        value: winner.value.to_owned(),
        source: winner.source.to_owned(),
        time: winner.time,
        reason: if is_only { Reason::Only } else { reason },
        confirmed: confirmed(winner.value),
        verified,
        stale: confirmed(winner.value).and_then(stale),
        verify_again: verified.and_then(again).filter(has_passed),
        values: values.map(stated).collect(),
    })
}

/// The most frequent values of the attributes that tell of interests.
pub(super) fn interests(touchpoints: &[&Touchpoint], declared: &Survivorship) -> Vec<Interest> {
    let mut found = Vec::new();
    for name in &declared.interests {
        let all = All::of(name, touchpoints);
        let topics = all.topics();
        let values: BTreeSet<&str> = topics.iter().map(|pair| pair.0).collect();
        for value in values {
            let is_of = |one: &&Said<'_>| one.value == value && topics.contains(&(one.value, one.source));
            let times = || all.said.iter().filter(is_of).map(|one| one.time);
            let pairs = topics.iter().filter(|pair| pair.0 == value);
            found.push(Interest {
                name: name.clone(),
                value: value.to_owned(),
                touchpoints: pairs.map(|pair| all.count_of(*pair)).sum(),
                first_seen: times().min().unwrap_or_default(),
                last_seen: times().max().unwrap_or_default(),
            });
        }
    }
    found.sort_by_key(|one| (-one.touchpoints, Reverse(one.last_seen), one.value.clone(), one.name.clone()));
    found.into_iter().take(declared.interests_max).collect()
}

/// The standard fields that follow from what is shown.
pub(super) fn standard(
    attributes: &BTreeMap<String, Attribute>,
    identifiers: &[ProfileIdentifier],
) -> Standard {
    // The worlds know one name for each.
    let text = |name: &str| attributes.get(name).map(|one| one.value.clone());
    let has_address = ["street", "city"].iter().any(|name| attributes.contains_key(*name));
    let parts = || ["street", "city", "country"].into_iter().filter_map(|name| attributes.get(name));
    let address = Address {
        street: text("street"),
        city: text("city"),
        country: text("country"),
        verified: parts().map(|one| one.verified).min().flatten(),
        verify_again: parts().filter_map(|one| one.verify_again).min(),
        stale: parts().filter_map(|one| one.stale).min(),
        ..Address::default()
    };
    let mut standard = Standard {
        given_name: text("given_name"),
        birth_date: text("birth_date").map(|day| day.parse().expect("worlds write days")),
        language: text("language"),
        country: text("country"),
        addresses: if has_address { vec![address] } else { Vec::new() },
        ..Standard::default()
    };
    for one in identifiers {
        let ProfileIdentifier { value, first_seen, last_seen, undeliverable, verified, .. } = one.clone();
        let (verify_again, stale) = (one.verify_again, one.stale);
        match one.namespace.as_str() {
            "email" => standard.emails.push(Email {
                address: value,
                verified,
                verify_again,
                stale,
                undeliverable,
                first_seen,
                last_seen,
            }),
            "phone" => standard.phones.push(Phone {
                number: value,
                verified,
                verify_again,
                stale,
                undeliverable,
                first_seen,
                last_seen,
            }),
            "social" => {
                let (network, handle) = value.split_once(':').expect("worlds write both");
                standard.socials.push(Social {
                    network: network.to_owned(),
                    handle: handle.to_owned(),
                    verified,
                    verify_again,
                    stale,
                    undeliverable,
                    first_seen,
                    last_seen,
                });
            }
            _ => {}
        }
    }
    standard
}
