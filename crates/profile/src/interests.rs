//! What somebody is interested in: of the values of some attributes those that the most touchpoints stated.
//!
//! Made of what is known of pairs of value and source, so order and repetition of touchpoints do not matter.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use kinfold_model::Survivorship;
use kinfold_model::profile::Interest;

use crate::attributes::Attributes;
use crate::sample::is_topic;
use crate::values::Values;

/// The most frequent values, at most as many as are declared; of equal ones the newest, then the least value and name.
pub(crate) fn interests(attributes: &Attributes, declared: &Survivorship) -> Vec<Interest> {
    let named = attributes.least().filter(|(name, _)| declared.interests.contains(*name));
    let mut all: Vec<Interest> = named.flat_map(|(name, values)| of(name, values)).collect();
    all.sort_by(|a, b| order(a).cmp(&order(b)));
    all.truncate(declared.interests_max);
    all
}

fn order(interest: &Interest) -> impl Ord {
    (Reverse((interest.touchpoints, interest.last_seen)), &interest.value, &interest.name)
}

/// One for each value that is counted of any source, but for texts that are no topics.
fn of(name: &str, values: &Values) -> Vec<Interest> {
    let mut found: BTreeMap<&str, Interest> = BTreeMap::new();
    for (pair, count, span) in values.counted().filter(|(pair, ..)| is_topic(&pair.value)) {
        let interest = found.entry(&pair.value).or_insert_with(|| Interest {
            name: name.to_owned(),
            value: pair.value.clone(),
            touchpoints: 0,
            first_seen: span.first,
            last_seen: span.last,
        });
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        interest.touchpoints = interest.touchpoints.saturating_add(count);
        interest.first_seen = interest.first_seen.min(span.first);
        interest.last_seen = interest.last_seen.max(span.last);
    }
    found.into_values().collect()
}
