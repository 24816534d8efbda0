//! What is known of one value that one source stated: when it did first and last, when it verified it last, and how many touchpoints
//! there were. Touchpoints go in, in any order and any number of times; the same set gives the same tally. All of them are of that
//! source, so that their ids tell them apart.

use std::cmp::Reverse;

use kinfold_model::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

use crate::distinct::{Distinct, Hash, hash};
use crate::span::Span;

/// A touchpoint, and when it was. The greater is the later.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Mark {
    pub(crate) time: Timestamp,
    pub(crate) touchpoint_id: String,
}

impl Mark {
    /// The greater is the earlier; of one time that of the greater id, as for the latest.
    pub(crate) fn age(&self) -> (Reverse<Timestamp>, &str) {
        (Reverse(self.time), &self.touchpoint_id)
    }
}

/// What the touchpoints of at least one statement amount to.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Stored<Mark>")]
pub(crate) struct Tally {
    pub(crate) first: Mark,
    pub(crate) last: Mark,
    /// The last touchpoint that says that the source has verified it.
    pub(crate) verified: Option<Mark>,
    pub(crate) distinct: Distinct,
}

impl Tally {
    pub(crate) fn of(mark: Mark, is_verified: bool) -> Self {
        let mut distinct = Distinct::default();
        distinct.note(hash(&mark.touchpoint_id));
        Self { first: mark.clone(), verified: is_verified.then(|| mark.clone()), last: mark, distinct }
    }

    /// Takes in what else was stated; says whether anything is news.
    pub(crate) fn merge(&mut self, other: Self) -> bool {
        let mut news = self.distinct.merge(&other.distinct);
        if other.first.age() > self.first.age() {
            (self.first, news) = (other.first, true);
        }
        if other.last > self.last {
            (self.last, news) = (other.last, true);
        }
        if other.verified > self.verified {
            (self.verified, news) = (other.verified, true);
        }
        news
    }

    /// So many bytes it takes at most, with some more for what stands beside it: three marks, the hashes, and lengths.
    pub(crate) fn bytes_max(&self) -> usize {
        let ids = self.marks().map(|mark| mark.touchpoint_id.len()).max().unwrap_or_default();
        3 * (ids + 16) + 128
    }

    /// From the first to the last of its touchpoints.
    pub(crate) fn span(&self) -> Span {
        Span { first: self.first.time, last: self.last.time }
    }

    /// The hashes of all that were noted but the first and the last touchpoint.
    fn hashes_between(&self) -> Vec<Hash> {
        let is_one = self.first.touchpoint_id == self.last.touchpoint_id;
        if self.distinct.hashes().len() <= if is_one { 1 } else { 2 } {
            return Vec::new();
        }
        let ends = [hash(&self.first.touchpoint_id), hash(&self.last.touchpoint_id)];
        self.distinct.hashes().filter(|hash| !ends.contains(hash)).copied().collect()
    }

    /// Every mark of it.
    pub(crate) fn marks(&self) -> impl Iterator<Item = &Mark> {
        [&self.first, &self.last].into_iter().chain(&self.verified)
    }
}

/// A tally as it is stored. Most values are stated once, so nothing is written twice that follows from the first touchpoint.
#[derive(Serialize, Deserialize)]
struct Stored<M> {
    first: M,
    /// `None`: the first is the last.
    last: Option<M>,
    verified: StoredVerified<M>,
    /// Without those of the first and the last touchpoint.
    hashes: Vec<Hash>,
}

/// One more is a form more of `attributes`; the values that are frozen have one of each.
#[derive(Serialize, Deserialize)]
enum StoredVerified<M> {
    Never,
    /// By the last touchpoint.
    Last,
    By(M),
}

impl Serialize for Tally {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let stored = Stored {
            first: &self.first,
            last: (self.last != self.first).then_some(&self.last),
            verified: match &self.verified {
                None => StoredVerified::Never,
                Some(mark) if *mark == self.last => StoredVerified::Last,
                Some(mark) => StoredVerified::By(mark),
            },
            hashes: self.hashes_between(),
        };
        stored.serialize(serializer)
    }
}

impl From<Stored<Mark>> for Tally {
    fn from(stored: Stored<Mark>) -> Self {
        let Stored { first, last, verified, hashes } = stored;
        let mut distinct = Distinct::default();
        let ends = [Some(&first), last.as_ref()].into_iter().flatten().map(|end| hash(&end.touchpoint_id));
        for hash in hashes.into_iter().chain(ends) {
            distinct.note(hash);
        }
        let last = last.unwrap_or_else(|| first.clone());
        let verified = match verified {
            StoredVerified::Never => None,
            StoredVerified::Last => Some(last.clone()),
            StoredVerified::By(mark) => Some(mark),
        };
        Self { first, last, verified, distinct }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stated(id: &str, ms: i64, is_verified: bool) -> Tally {
        let time = Timestamp::from_millis(ms).expect("in range");
        Tally::of(Mark { time, touchpoint_id: id.to_owned() }, is_verified)
    }

    fn all(stated: &[Tally]) -> Tally {
        let mut all = stated[0].clone();
        for one in stated {
            all.merge(one.clone());
        }
        all
    }

    #[test]
    fn it_is_first_last_and_verified_whatever_came_first_and_a_copy_counts_once() {
        let parts =
            [stated("b", 5, false), stated("a", 2, true), stated("c", 2, false), stated("b", 9, false)];
        let tally = all(&parts);
        let turned: Vec<Tally> = parts.iter().rev().cloned().collect();
        assert!(tally == all(&turned) && !tally.clone().merge(parts[1].clone()));
        let mark = |mark: &Mark| (mark.time.millis(), mark.touchpoint_id.clone());
        assert_eq!((mark(&tally.first), mark(&tally.last)), ((2, "c".to_owned()), (9, "b".to_owned())));
        assert_eq!(tally.verified.as_ref().map(mark), Some((2, "a".to_owned())));
        assert_eq!(tally.distinct.count(), 3);
    }

    #[test]
    fn it_is_stored_as_it_is_and_what_was_stated_once_is_written_once() {
        let many: Vec<Tally> = (0..40).map(|n| stated(&format!("t-{n}"), n, n == 7)).collect();
        for count in [1, 2, 3, 17, 40] {
            let tally = all(&many[..count]);
            let bytes = postcard::to_stdvec(&tally).expect("has bytes");
            assert!(postcard::from_bytes::<Tally>(&bytes).expect("are read") == tally, "{count}");
        }
        let once = postcard::to_stdvec(&stated("t-1", 1_772_323_200_000, true)).expect("has bytes");
        assert_eq!(
            once.len(),
            6 + 4 + 3,
            "the time, the id with its length, and one byte for each other field"
        );
    }
}
