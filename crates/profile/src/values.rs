//! All that was stated of one attribute: statements in, in any order and any number of times; what any rule of survivorship may ask
//! for out.
//!
//! What is kept does not depend on the rule, which may be another one tomorrow. Of each value and source there is a tally, for the
//! least 16 pairs, which is a function of the set of statements. Of the pairs that found no room there are only the statements that
//! a rule could ask for, each exact, and of a sample of them how often and when they were stated, for interests and for the rule that
//! asks how often.

use std::collections::BTreeMap;
use std::mem;

use kinfold_model::survivorship::SOURCES_MAX;
use serde::{Deserialize, Serialize};

use crate::sample::Sample;
use crate::span::Span;
use crate::tally::{Mark, Tally};

/// Nobody moves house so often; a till that stands for its customers does.
pub(crate) const PAIRS_MAX: usize = 16;

/// A value, and who stated it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Pair {
    pub(crate) value: String,
    pub(crate) source: String,
}

/// That a value was stated. The greater is the newer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Statement {
    mark: Mark,
    pair: Pair,
}

/// The statements about one attribute; at least one.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Values {
    kept: BTreeMap<Pair, Tally>,
    spilled: Option<Box<Spilled>>,
    /// The most bytes that any statement could take with what is known of its pair.
    widest: u32,
    /// The same of what the sample would have of it, which is less and has no marks; 0: none was a topic.
    widest_sampled: u32,
}

/// Of all statements of pairs without room, those that a rule could ask for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Spilled {
    newest: Statement,
    oldest: Statement,
    longest: Statement,
    /// The newest that its source has verified.
    verified: Option<Statement>,
    /// The newest of each source, of as many as a rule can list; the least stay.
    by_source: BTreeMap<String, Statement>,
    /// How often pairs were stated, and when.
    sample: Sample,
}

impl Values {
    /// Takes in what was stated of a pair; says whether anything is news.
    pub(crate) fn enter(&mut self, pair: Pair, tally: Tally) -> bool {
        let width = pair.value.len() + pair.source.len() + tally.bytes_max();
        let is_wider =
            widen(&mut self.widest, width) | widen(&mut self.widest_sampled, Sample::bytes_max(&pair));
        if let Some(known) = self.kept.get_mut(&pair) {
            return known.merge(tally) | is_wider;
        }
        let is_full = self.kept.len() >= PAIRS_MAX;
        if is_full && self.kept.last_key_value().is_some_and(|(last, _)| *last < pair) {
            return self.spill(Spilled::of(pair, tally)) | is_wider;
        }
        self.kept.insert(pair, tally);
        if is_full && let Some((pair, tally)) = self.kept.pop_last() {
            self.spill(Spilled::of(pair, tally));
        }
        true
    }

    /// Takes in all that the other has: both together are as if every statement had come to one.
    pub(crate) fn merge(&mut self, other: Self) {
        self.widest = self.widest.max(other.widest);
        self.widest_sampled = self.widest_sampled.max(other.widest_sampled);
        for (pair, tally) in other.kept {
            self.enter(pair, tally);
        }
        if let Some(spilled) = other.spilled {
            self.spill(*spilled);
        }
    }

    /// What is known of each pair that has room, by value and source.
    pub(crate) fn kept(&self) -> impl Iterator<Item = (&Pair, &Tally)> {
        self.kept.iter()
    }

    /// What is known of pairs that have none; mostly nothing.
    pub(crate) fn beyond(&self) -> BTreeMap<Pair, Tally> {
        let mut beyond: BTreeMap<Pair, Tally> = BTreeMap::new();
        let Some(spilled) = &self.spilled else { return beyond };
        let Spilled { newest, oldest, longest, verified, by_source, .. } = &**spilled;
        let said = [newest, oldest, longest].into_iter().chain(by_source.values()).map(|said| (said, false));
        for (Statement { mark, pair }, is_verified) in said.chain(verified.iter().map(|said| (said, true))) {
            gather(&mut beyond, pair, Tally::of(mark.clone(), is_verified));
        }
        beyond
    }

    /// The same with all that is counted of them, also pairs of which nothing else is known.
    pub(crate) fn beyond_counted(&self) -> BTreeMap<Pair, Tally> {
        let mut beyond = self.beyond();
        for (pair, tally) in self.spilled.iter().flat_map(|spilled| spilled.sample.tallies()) {
            gather(&mut beyond, pair, tally);
        }
        beyond
    }

    /// How many distinct touchpoints stated each pair, and when: of all that have room, and of a sample of those that have none.
    /// Touchpoints of two sources are never the same one, so those of two pairs may be added.
    pub(crate) fn counted(&self) -> impl Iterator<Item = (&Pair, u64, Span)> {
        let kept = self.kept().map(|(pair, tally)| (pair, tally.distinct.count(), tally.span()));
        kept.chain(self.spilled.iter().flat_map(|spilled| spilled.sample.iter()))
    }

    /// So many bytes it may take, and never fewer than before: what has been said counts, also where it found no room.
    pub(crate) fn bytes_max(&self) -> usize {
        let (widest, widest_sampled) = (self.widest as usize, self.widest_sampled as usize);
        let (spilled, sampled) = self
            .spilled
            .as_ref()
            .map_or((0, 0), |spilled| (4 + spilled.by_source.len(), spilled.sample.len()));
        let places = (self.kept.len() + spilled).saturating_mul(widest);
        places.saturating_add(sampled.saturating_mul(widest_sampled))
    }

    /// Whether there were pairs that found no room.
    pub(crate) fn is_full(&self) -> bool {
        self.spilled.is_some()
    }

    /// Whether there were so many that the sample has no room either.
    #[cfg(test)]
    pub(crate) fn is_sample_full(&self) -> bool {
        self.spilled.as_ref().is_some_and(|spilled| spilled.sample.is_full())
    }

    fn spill(&mut self, other: Spilled) -> bool {
        match &mut self.spilled {
            Some(spilled) => spilled.merge(other),
            None => {
                self.spilled = Some(Box::new(other));
                true
            }
        }
    }
}

impl Spilled {
    fn of(pair: Pair, tally: Tally) -> Self {
        let sample = Sample::of(&pair, &tally);
        let Tally { first, last, verified, .. } = tally;
        let said = |mark: Mark| Statement { mark, pair: pair.clone() };
        let newest = said(last);
        Self {
            oldest: said(first),
            verified: verified.map(said),
            longest: newest.clone(),
            by_source: [(pair.source.clone(), newest.clone())].into(),
            newest,
            sample,
        }
    }

    fn merge(&mut self, other: Self) -> bool {
        let mut news = replace(&mut self.newest, other.newest, |a, b| a > b);
        news |= replace(&mut self.oldest, other.oldest, |a, b| a.age() > b.age());
        news |= replace(&mut self.longest, other.longest, |a, b| a.length() > b.length());
        news |= replace(&mut self.verified, other.verified, |a, b| a > b);
        news |= self.sample.merge(other.sample);
        for (source, newest) in other.by_source {
            news |= match self.by_source.get_mut(&source) {
                Some(known) => replace(known, newest, |a, b| a > b),
                None => {
                    self.by_source.insert(source.clone(), newest);
                    self.by_source.len() <= SOURCES_MAX
                        || self.by_source.pop_last().is_some_and(|(last, _)| last != source)
                }
            };
        }
        news
    }
}

impl Statement {
    /// The greater is the older.
    fn age(&self) -> impl Ord {
        (self.mark.age(), &self.pair)
    }

    /// The greater is the longer; of one length the newer.
    fn length(&self) -> impl Ord {
        (length(&self.pair.value), self)
    }
}

/// Puts together what is known of a pair.
fn gather(known: &mut BTreeMap<Pair, Tally>, pair: &Pair, tally: Tally) {
    match known.get_mut(pair) {
        Some(known) => _ = known.merge(tally),
        None => _ = known.insert(pair.clone(), tally),
    }
}

/// Raises the most that there was; says whether that changed it.
fn widen(most: &mut u32, width: usize) -> bool {
    let width = u32::try_from(width).unwrap_or(u32::MAX).max(*most);
    mem::replace(most, width) < width
}

/// In characters.
pub(crate) fn length(value: &str) -> usize {
    value.chars().count()
}

/// Puts the other in its place if it is greater; says whether it is.
fn replace<T>(held: &mut T, other: T, is_greater: impl Fn(&T, &T) -> bool) -> bool {
    let is_news = is_greater(&other, held);
    if is_news {
        *held = other;
    }
    is_news
}

#[cfg(test)]
mod tests {
    use kinfold_model::Timestamp;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;

    /// A statement as a touchpoint makes it: id, time, value, source, and whether it is verified.
    type Told = (u8, i64, u8, u8, bool);

    fn entered(values: &mut Values, told: Told) -> bool {
        let (id, ms, value, source, is_verified) = told;
        let time = Timestamp::from_millis(ms).expect("in range");
        let pair = Pair {
            value: format!("{}{value:02}", "v".repeat(usize::from(value % 5))),
            source: format!("s{source}"),
        };
        values.enter(pair, Tally::of(Mark { time, touchpoint_id: format!("t-{id}") }, is_verified))
    }

    fn of<'t>(all: impl IntoIterator<Item = &'t Told>) -> Values {
        let mut values = Values::default();
        all.into_iter().for_each(|told| _ = entered(&mut values, *told));
        values
    }

    fn told() -> impl Strategy<Value = Vec<Told>> {
        // Few sources of many values as well as many: both have a limit.
        let sources = prop_oneof![0..2_u8, 0..90_u8];
        vec((any::<u8>(), 0..6_i64, 0..100_u8, sources, any::<bool>()), 1..260)
    }

    proptest! {
        #[test]
        fn the_order_and_repetition_of_statements_do_not_matter(told in told(), turn in any::<Index>()) {
            let mut other = told.clone();
            other.rotate_left(turn.index(told.len()));
            other.extend_from_slice(&told[..turn.index(told.len())]);
            other.reverse();
            prop_assert!(of(&told) == of(&other));
        }

        #[test]
        fn what_was_entered_is_no_news_and_news_are_told(told in told()) {
            let mut values = Values::default();
            for one in &told {
                let before = values.clone();
                prop_assert_eq!(entered(&mut values, *one), values != before);
                prop_assert!(!entered(&mut values, *one));
            }
        }

        #[test]
        fn two_merge_to_what_all_their_statements_give(told in told(), cut in any::<Index>()) {
            let (one, other) = told.split_at(cut.index(told.len()));
            let merged = |first: &[Told], second: &[Told]| {
                let mut values = of(first);
                values.merge(of(second));
                values
            };
            prop_assert!(merged(one, other) == of(&told) && merged(other, one) == of(&told));
            prop_assert!(merged(&told, one) == of(&told), "what comes again changes nothing");
        }

        #[test]
        fn what_is_kept_is_bounded_and_the_ends_are_exact(told in told()) {
            let values = of(&told);
            let spilled = values.spilled.as_ref().map_or(0, |spilled| spilled.by_source.len());
            prop_assert!(values.kept.len() <= PAIRS_MAX && spilled <= SOURCES_MAX);
            let bytes = postcard::to_stdvec(&values).expect("has bytes").len();
            let sampled = values.spilled.as_ref().map_or(0, |spilled| spilled.sample.len());
            prop_assert_eq!(values.counted().count(), values.kept.len() + sampled);
            prop_assert!(bytes <= values.bytes_max() + 32, "{} and {}", bytes, values.bytes_max());
            prop_assert!(values.bytes_max() >= of(&told[1..]).bytes_max(), "more statements never take less");
            let beyond = values.beyond();
            let all = || values.kept().chain(&beyond).map(|(_, tally)| tally);
            let times = || told.iter().map(|told| told.1);
            prop_assert_eq!(all().map(|tally| tally.first.time.millis()).min(), times().min());
            prop_assert_eq!(all().map(|tally| tally.last.time.millis()).max(), times().max());
            let verified = told.iter().filter(|told| told.4).map(|told| told.1).max();
            let known = all().filter_map(|tally| tally.verified.as_ref()).map(|mark| mark.time.millis());
            prop_assert_eq!(known.max(), verified);
            let longest = told.iter().map(|told| told.2 % 5).max().map(|repeated| usize::from(repeated) + 2);
            let lengths = values.kept().chain(&beyond).map(|(pair, _)| length(&pair.value));
            prop_assert_eq!(lengths.max(), longest);
        }

        #[test]
        fn it_is_read_as_it_was_stored(told in told()) {
            let values = of(&told);
            let bytes = postcard::to_stdvec(&values).expect("has bytes");
            prop_assert!(postcard::from_bytes::<Values>(&bytes).expect("are read") == values);
        }
    }

    #[test]
    fn many_short_topics_claim_little_of_the_room_of_other_attributes() {
        let told: Vec<Told> = (0..240_u8).map(|n| (n, i64::from(n), n, n % 2, false)).collect();
        let values = of(&told);
        let kept = of(&told[..PAIRS_MAX]).bytes_max();
        assert!(values.is_full() && values.bytes_max() < kept * 2 + 12_000, "{}", values.bytes_max());
    }

    #[test]
    fn what_was_stated_once_takes_eight_bytes_more_than_the_statement() {
        let pair = Pair { value: "Dresden".to_owned(), source: "webshop".to_owned() };
        let time = Timestamp::from_millis(1_772_323_200_000).expect("in range");
        let mark = Mark { time, touchpoint_id: "web-000017".to_owned() };
        let alone = postcard::to_stdvec(&Statement { mark: mark.clone(), pair: pair.clone() });
        let mut values = Values::default();
        values.enter(pair, Tally::of(mark, false));
        let stored = postcard::to_stdvec(&values).expect("has bytes");
        assert_eq!(stored.len(), alone.expect("has bytes").len() + 8);
    }
}
