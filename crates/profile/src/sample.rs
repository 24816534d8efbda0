//! How often pairs of value and source were stated that found no room among the least: tallies in, a fair sample of pairs out, each
//! with its number of touchpoints and its times.
//!
//! Of too many pairs those stay whose values have the least hashes, so that no alphabet decides what somebody is interested in. A
//! hash is as it is: a pair that is left out once never comes in again, and nothing of those that stay was missed. So neither order
//! nor repetition matters, and two samples merge to that of both.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::distinct::{Distinct, Hash, hash};
use crate::span::Span;
use crate::tally::{Mark, Tally};
use crate::values::{PAIRS_MAX, Pair};

/// With those that have room, 128 pairs are counted: more than somebody can be interested in.
const SAMPLED_MAX: usize = 128 - PAIRS_MAX;
/// A topic is a word or a path of words. A longer text is none, and would take the room of other attributes.
pub(crate) const TOPIC_BYTES_MAX: usize = 256;

/// Pairs by the hash of their value.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sample(BTreeMap<Place, Heard>);

/// The least stay. Sources of one value stand together.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Place {
    hash: Hash,
    pair: Pair,
}

/// What is known of a pair.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Heard {
    span: Span,
    distinct: Distinct,
}

impl Sample {
    /// So many bytes the entry of a pair takes at most: its texts, 17 hashes and that of the value, two times, and lengths. A text that
    /// is no topic takes none.
    pub(crate) fn bytes_max(pair: &Pair) -> usize {
        if is_topic(&pair.value) { pair.value.len() + pair.source.len() + 18 * 4 + 2 * 10 + 5 } else { 0 }
    }

    /// Of one pair.
    pub(crate) fn of(pair: &Pair, tally: &Tally) -> Self {
        let mut sample = Self::default();
        if is_topic(&pair.value) {
            let place = Place { hash: hash(&pair.value), pair: pair.clone() };
            sample.0.insert(place, Heard { span: tally.span(), distinct: tally.distinct.clone() });
        }
        sample
    }

    /// Takes in what the other has; says whether anything is news.
    pub(crate) fn merge(&mut self, other: Self) -> bool {
        other.0.into_iter().fold(false, |news, (place, heard)| self.enter(place, heard) | news)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no room for a pair more.
    #[cfg(test)]
    pub(crate) fn is_full(&self) -> bool {
        self.len() >= SAMPLED_MAX
    }

    /// Each pair with how many distinct touchpoints stated it, and when.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Pair, u64, Span)> {
        self.0.iter().map(|(place, heard)| (&place.pair, heard.distinct.count(), heard.span))
    }

    /// Each pair as a tally. No touchpoint is known by its id here, so its marks have none: of two of one time that one loses.
    pub(crate) fn tallies(&self) -> impl Iterator<Item = (&Pair, Tally)> {
        let mark = |time| Mark { time, touchpoint_id: String::new() };
        self.0.iter().map(move |(place, Heard { span, distinct })| {
            let (first, last) = (mark(span.first), mark(span.last));
            (&place.pair, Tally { first, last, verified: None, distinct: distinct.clone() })
        })
    }

    fn enter(&mut self, place: Place, heard: Heard) -> bool {
        if let Some(known) = self.0.get_mut(&place) {
            return known.span.cover(heard.span) | known.distinct.merge(&heard.distinct);
        }
        let is_full = self.0.len() >= SAMPLED_MAX;
        if is_full && self.0.last_key_value().is_some_and(|(last, _)| *last < place) {
            return false;
        }
        self.0.insert(place, heard);
        if is_full {
            self.0.pop_last();
        }
        true
    }
}

/// Whether somebody may be said to be interested in it.
pub(crate) fn is_topic(value: &str) -> bool {
    value.len() <= TOPIC_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use kinfold_model::Timestamp;

    use super::*;
    use crate::tally::Mark;

    fn stated(number: usize, source: &str, ms: i64) -> Sample {
        let pair = Pair { value: format!("topic {number:04}"), source: source.to_owned() };
        let mark =
            Mark { time: Timestamp::from_millis(ms).expect("in range"), touchpoint_id: format!("t-{ms}") };
        Sample::of(&pair, &Tally::of(mark, false))
    }

    fn of<'s>(all: impl IntoIterator<Item = &'s Sample>) -> Sample {
        let mut sample = Sample::default();
        all.into_iter().for_each(|one| _ = sample.merge(one.clone()));
        sample
    }

    #[test]
    fn of_too_many_pairs_some_of_every_letter_stay_whatever_came_first() {
        let all: Vec<Sample> = (0..1_000).map(|n| stated(n % 500, "shop", n as i64)).collect();
        let mut sample = of(&all);
        assert!(sample == of(all.iter().rev()) && sample == of(all.iter().skip(400).chain(&all)));
        let (early, late) = all.split_at(300);
        let mut merged = of(late);
        assert!(merged.merge(of(early)) && merged == sample);
        assert!(!all.iter().any(|one| sample.merge(one.clone())), "what comes again is no news");
        assert_eq!(sample.len(), SAMPLED_MAX);
        assert!(sample.iter().all(|(_, count, _)| count == 2), "nothing of what stays was missed");
        let behind = sample.iter().filter(|(pair, ..)| pair.value.as_str() >= "topic 0250").count();
        assert!(
            (30..82).contains(&behind),
            "{behind} of {SAMPLED_MAX} are of the second half of the alphabet"
        );
    }

    #[test]
    fn touchpoints_of_two_sources_that_number_alike_are_two() {
        let sample = of(&[stated(1, "shop", 1), stated(1, "crm", 1), stated(1, "crm", 1)]);
        let counts: Vec<u64> = sample.iter().map(|(_, count, _)| count).collect();
        assert_eq!(counts, [1, 1]);
    }

    #[test]
    fn an_entry_never_takes_more_than_is_said_and_a_long_text_is_no_topic() {
        let long = |bytes: usize| Pair { value: "x".repeat(bytes), source: "s".repeat(64) };
        let all = (0..40).map(|n| {
            let time = Timestamp::from_millis(i64::MIN / 1_000_000 + n).expect("in range");
            let mark = Mark { time, touchpoint_id: format!("t-{n}") };
            Sample::of(&long(TOPIC_BYTES_MAX), &Tally::of(mark, false))
        });
        let bytes = postcard::to_stdvec(&of(&all.collect::<Vec<_>>())).expect("has bytes");
        assert!(bytes.len() <= Sample::bytes_max(&long(TOPIC_BYTES_MAX)), "{}", bytes.len());
        let mark = Mark { time: Timestamp::default(), touchpoint_id: "t".to_owned() };
        assert_eq!(Sample::of(&long(TOPIC_BYTES_MAX + 1), &Tally::of(mark, false)).len(), 0);
    }
}
