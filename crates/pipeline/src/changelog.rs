//! The changelog of a store: what each commit wrote, and behind it a marker that says which commit it was. A store
//! that was lost or lies behind is brought up from it; a store that is not of this changelog is told apart.

use std::collections::BTreeMap;

use kinfold_model::stored::{decode, encode};
use kinfold_model::{Fault, Timestamp, first_forms};
use serde::{Deserialize, Serialize};

use crate::overlay::{Store, Writes};

/// The key of the marker in the changelog, and of the same in the store. Keys of stages begin with a letter.
pub const MARK_KEY: &[u8] = b"\0commit";
/// Where a store says which changelog it belongs to.
pub const STAMP_KEY: &[u8] = b"\0stamp";
/// Where a store says that it holds part of a commit, or of several that compaction made one.
pub const UNFINISHED_KEY: &[u8] = b"\0unfinished";

/// How far a store is; in the changelog, the end of a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// A random number that the first commit to a changelog draws and all others repeat: a topic that was deleted and
    /// created again has another one, although its name and its offsets may be the same.
    pub lineage: u128,
    /// The commits to a partition are numbered from 1; 0 when there was none.
    pub commit: u64,
    /// Of the marker in the changelog; `None` in the marker itself, and when there was no commit.
    pub offset: Option<i64>,
    /// When the commit was made, by the clock of the one who made it.
    pub time: Timestamp,
    /// Where the commit left off, by input topic.
    pub inputs: BTreeMap<String, i64>,
}

impl Mark {
    /// The mark in a store.
    ///
    /// # Errors
    /// [`Fault::Corrupt`] for a damaged one, and those of the store.
    pub fn of(store: &impl Store) -> Result<Self, Fault> {
        Ok(store.get(MARK_KEY)?.map(|bytes| decode("commit mark", &bytes)).transpose()?.unwrap_or_default())
    }

    /// The write that leaves this mark in a store.
    #[must_use]
    pub fn write(&self) -> (Vec<u8>, Option<Vec<u8>>) {
        (MARK_KEY.to_vec(), Some(self.encode()))
    }

    /// The value of a marker.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// The marker in a value.
    ///
    /// # Errors
    /// [`Fault::Corrupt`] for one that cannot be read.
    pub fn decode(value: &[u8]) -> Result<Self, Fault> {
        decode("commit marker", value)
    }
}

/// Whether a restore of this store was interrupted: it holds part of a commit, and is of no use.
///
/// # Errors
/// Those of the store.
pub fn is_unfinished(store: &impl Store) -> Result<bool, Fault> {
    Ok(store.get(UNFINISHED_KEY)?.is_some())
}

first_forms! {
    Mark: "commit mark",
    Stamp: "stamp of a store",
}

/// Which changelog a store belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The cluster's id.
    pub cluster: String,
    /// The full name of the changelog.
    pub topic: String,
    /// Which of its partitions.
    pub partition: u32,
}

impl Stamp {
    /// The stamp in a store; `None` when it has none.
    ///
    /// # Errors
    /// [`Fault::Corrupt`] for a damaged one, and those of the store.
    pub fn of(store: &impl Store) -> Result<Option<Self>, Fault> {
        store.get(STAMP_KEY)?.map(|bytes| decode("stamp", &bytes)).transpose()
    }
}

/// A record of a changelog.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands.
    pub offset: i64,
    /// A key of the store, or [`MARK_KEY`].
    pub key: Vec<u8>,
    /// `None` for a key that was deleted.
    pub value: Option<Vec<u8>>,
}

impl std::fmt::Debug for Entry {
    /// Where it stands and how large it is; neither key nor value is printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = self.key.len() + self.value.as_ref().map_or(0, Vec::len);
        write!(f, "entry of {bytes} bytes at {}", self.offset)
    }
}

/// How much is collected before it is written to the store.
#[derive(Clone, Copy, Debug)]
pub struct Chunk {
    /// At most so many changes.
    pub changes: usize,
    /// Changes are collected until they are this large together.
    pub bytes: usize,
}

/// Why a store cannot be brought up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It belongs elsewhere.
    #[error("it is not of this changelog: {0}")]
    Foreign(String),
    /// What was deleted since may not be in the changelog any more.
    #[error(
        "it was up to date at {0}, and the changelog does not keep deletions for so long: it would bring them back"
    )]
    TooOld(Timestamp),
    /// The changelog does not show where it was left, at least for now.
    #[error("the changelog does not hold its last commit")]
    Missing,
    /// Whoever brought it up was interrupted between two markers.
    #[error("its restore was interrupted, and it holds part of a commit")]
    Unfinished,
    /// Not the store is at fault: no store could follow this changelog.
    #[error("the changelog cannot be followed: {0}")]
    Broken(String),
    /// It cannot be read or written.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A store that follows its changelog. Only whole commits reach it, except where they are larger than a chunk, as they are
/// where compaction has removed all markers but the last: then the store says so until the marker was read.
pub struct Replay<S> {
    store: S,
    /// Of the last commit that was read.
    mark: Mark,
    /// Commits that were read and not written to the store yet.
    whole: Writes,
    /// Of a commit whose marker was not read yet.
    begun: Writes,
    /// How large both are.
    bytes: usize,
    chunk: Chunk,
    /// Whether the store holds part of a commit whose marker was not read yet.
    is_unfinished: bool,
    /// Whether the changelog was seen to hold the store's mark, or a later one of the same lineage.
    is_known: bool,
    /// Whether the store was empty in the beginning: then all that it knows is from this changelog.
    is_fresh: bool,
    /// Deletions that were made before this time have been read.
    since: Timestamp,
}

impl<S> std::fmt::Debug for Replay<S> {
    /// How far it is; what was read is not printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "replay at {:?} with {} bytes", self.mark, self.bytes)
    }
}

impl<S> Replay<S> {
    /// The store.
    pub fn store(&self) -> &S {
        &self.store
    }
}

impl<S: Store> Replay<S> {
    /// Begins with a store as it was left. The time is that at which reading begins.
    ///
    /// # Errors
    /// When the store belongs elsewhere or is damaged.
    pub fn begin(mut store: S, stamp: &Stamp, now: Timestamp, chunk: Chunk) -> Result<Self, Unfit> {
        if is_unfinished(&store)? {
            return Err(Unfit::Unfinished);
        }
        let mark = Mark::of(&store)?;
        let found = Stamp::of(&store)?;
        match &found {
            Some(found) if found != stamp => {
                let Stamp { cluster, topic, partition } = found;
                let of = format!("it is of partition {partition} of {topic} in cluster {cluster}");
                return Err(Unfit::Foreign(of));
            }
            None if mark.commit > 0 => {
                return Err(Unfit::Foreign("it does not say where it belongs".to_owned()));
            }
            None => store.commit([(STAMP_KEY.to_vec(), Some(encode(stamp)))].into())?,
            Some(_) => {}
        }
        let is_empty = mark.commit == 0;
        let since = if is_empty { now } else { mark.time };
        Ok(Self {
            store,
            mark,
            whole: Writes::new(),
            begun: Writes::new(),
            bytes: 0,
            chunk,
            is_unfinished: false,
            is_known: is_empty,
            is_fresh: is_empty,
            since,
        })
    }

    /// Where reading the changelog begins; `None` for its beginning. The store's own marker is read again: either it
    /// is there, or a later one is, which tells whether this is the changelog that the store was made from.
    #[must_use]
    pub fn from(&self) -> Option<i64> {
        self.mark.offset
    }

    /// Of the last commit that was read.
    #[must_use]
    pub fn mark(&self) -> &Mark {
        &self.mark
    }

    /// Whether the changelog was seen to hold the commit that the store claims to be at, or a later one.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.is_known
    }

    /// Whether what was read so far ends with a marker.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.begun.is_empty() && !self.is_unfinished
    }

    /// Reading begins anew at [`Replay::from`].
    pub fn rewind(&mut self) {
        self.begun.clear();
    }

    /// Takes a record. `oldest` is the time since when the changelog keeps every deletion: reading that takes longer
    /// than that, or stood still for so long, has missed some.
    ///
    /// # Errors
    /// When the store turns out to be unfit, or cannot be written.
    pub fn take(&mut self, entry: Entry, oldest: Timestamp) -> Result<(), Unfit> {
        if self.mark.offset != Some(entry.offset) && self.since < oldest {
            return Err(Unfit::TooOld(self.since));
        }
        if entry.key != MARK_KEY {
            self.bytes += entry.key.len() + entry.value.as_ref().map_or(0, Vec::len);
            self.begun.insert(entry.key, entry.value);
            return if self.is_full() { Ok(self.write_part()?) } else { Ok(()) };
        }
        let read = Mark::decode(entry.value.as_deref().unwrap_or_default())
            .map_err(|fault| Unfit::Broken(format!("at offset {}, {fault}", entry.offset)))?;
        if self.mark.commit > 0 && (read.lineage != self.mark.lineage || read.commit < self.mark.commit) {
            let of = format!("commit {} at offset {} is not of its line", read.commit, entry.offset);
            return Err(if self.is_fresh { Unfit::Broken(of) } else { Unfit::Foreign(of) });
        }
        self.is_known = true;
        // All that was deleted before this commit stood before its marker, and was still kept when it was read.
        self.since = self.since.max(read.time);
        self.mark = Mark { offset: Some(entry.offset), ..read };
        self.whole.append(&mut self.begun);
        if self.is_unfinished || self.is_full() { Ok(self.write()?) } else { Ok(()) }
    }

    /// The end of the changelog was reached at this time: brings the store to where the changelog is.
    ///
    /// # Errors
    /// When the changelog does not hold the commit that the store claims to be at, or the store cannot be written.
    pub fn catch_up(&mut self, now: Timestamp) -> Result<(), Unfit> {
        if !self.is_known {
            let Mark { commit, offset, .. } = self.mark;
            let offset = offset.unwrap_or_default();
            let of = format!("the changelog holds no commit {commit} at offset {offset}");
            return Err(Unfit::Foreign(of));
        }
        self.since = self.since.max(now);
        // What was written of a commit without its marker is not to be taken for all of it.
        if self.is_unfinished { Ok(()) } else { Ok(self.write()?) }
    }

    /// The store, to be worked with from its mark on.
    #[must_use]
    pub fn into_parts(self) -> (S, Mark) {
        (self.store, self.mark)
    }

    fn is_full(&self) -> bool {
        self.whole.len() + self.begun.len() >= self.chunk.changes || self.bytes >= self.chunk.bytes
    }

    /// All that was read ends with a marker.
    fn write(&mut self) -> Result<(), Fault> {
        if self.whole.is_empty() && !self.is_unfinished && Mark::of(&self.store)? == self.mark {
            return Ok(());
        }
        let mut writes = std::mem::take(&mut self.whole);
        writes.extend([self.mark.write(), (UNFINISHED_KEY.to_vec(), None)]);
        self.store.commit(writes)?;
        (self.is_unfinished, self.bytes) = (false, 0);
        Ok(())
    }

    /// No marker was read yet, and there is no room for more.
    fn write_part(&mut self) -> Result<(), Fault> {
        let mut writes = std::mem::take(&mut self.whole);
        writes.append(&mut self.begun);
        writes.insert(UNFINISHED_KEY.to_vec(), Some(Vec::new()));
        self.store.commit(writes)?;
        (self.is_unfinished, self.bytes) = (true, 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Map = BTreeMap<Vec<u8>, Vec<u8>>;

    fn stamp() -> Stamp {
        Stamp { cluster: "c".to_owned(), topic: "t".to_owned(), partition: 3 }
    }

    fn time(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms).expect("in range")
    }

    fn put(offset: i64, key: &str, value: Option<&str>) -> Entry {
        Entry { offset, key: key.into(), value: value.map(Into::into) }
    }

    fn marker(offset: i64, lineage: u128, commit: u64, at: i64) -> Entry {
        Entry { offset, key: MARK_KEY.to_vec(), value: Some(mark(lineage, commit, at).encode()) }
    }

    fn mark(lineage: u128, commit: u64, at: i64) -> Mark {
        Mark { lineage, commit, time: time(at), ..Mark::default() }
    }

    fn follow(replay: &mut Replay<Map>, entries: &[Entry], oldest: i64) -> Result<(), Unfit> {
        entries.iter().cloned().try_for_each(|entry| replay.take(entry, time(oldest)))?;
        replay.catch_up(time(oldest))
    }

    /// Two commits: a = 1; a = 2 and b = 1.
    fn log() -> [Entry; 5] {
        [
            put(0, "a", Some("1")),
            marker(1, 7, 1, 10),
            put(2, "a", Some("2")),
            put(3, "b", Some("1")),
            marker(4, 7, 2, 20),
        ]
    }

    #[test]
    fn marks_and_stamps_stay_as_they_are_written() {
        let mark = Mark { inputs: [("touchpoint".to_owned(), 3)].into(), ..mark(7, 2, 10) };
        assert_eq!(mark.encode(), b"\x06\x01\x07\x02\x00\x14\x01\x0atouchpoint\x06");
        assert_eq!(encode(&stamp()), b"\x06\x01\x01c\x01t\x03");
    }

    const CHUNK: Chunk = Chunk { changes: 100, bytes: 1000 };

    fn restored(entries: &[Entry]) -> Map {
        let mut replay = Replay::begin(Map::new(), &stamp(), time(0), CHUNK).expect("an empty store is fit");
        follow(&mut replay, entries, 0).expect("follows");
        replay.into_parts().0
    }

    #[test]
    fn a_store_follows_whole_commits_and_nothing_else() {
        let log = log();
        for (read, a) in [(2, Some("1")), (3, Some("1")), (4, Some("1")), (5, Some("2"))] {
            let store = restored(&log[..read]);
            assert_eq!(store.get(&b"a"[..]).map(Vec::as_slice), a.map(str::as_bytes), "{read}");
            assert_eq!(store.contains_key(&b"b"[..]), read == 5, "{read}");
        }
    }

    #[test]
    fn a_store_goes_on_from_wherever_it_was_left_also_when_its_own_marker_was_compacted_away() {
        let log = log();
        for compacted in [false, true] {
            let mut replay = Replay::begin(restored(&log[..2]), &stamp(), time(0), CHUNK).expect("is fit");
            assert_eq!(replay.from(), Some(1));
            follow(&mut replay, &log[1 + usize::from(compacted)..], 0).expect("follows");
            assert_eq!(replay.into_parts().0, restored(&log));
        }
    }

    #[test]
    fn a_store_of_another_place_is_foreign() {
        for other in [
            Stamp { cluster: "other".to_owned(), ..stamp() },
            Stamp { topic: "other".to_owned(), ..stamp() },
            Stamp { partition: 4, ..stamp() },
        ] {
            assert!(
                matches!(Replay::begin(restored(&log()), &other, time(0), CHUNK), Err(Unfit::Foreign(_))),
                "{other:?}"
            );
        }
    }

    #[test]
    fn a_changelog_that_was_made_anew_is_told_by_its_lineage_and_one_that_lost_its_end_by_what_is_missing() {
        let store = || Replay::begin(restored(&log()), &stamp(), time(0), CHUNK).expect("is fit");
        let anew = [put(4, "a", Some("9")), marker(5, 8, 3, 20)];
        assert!(matches!(follow(&mut store(), &anew, 0), Err(Unfit::Foreign(_))));
        assert!(matches!(follow(&mut store(), &[], 0), Err(Unfit::Foreign(_))));
        let earlier = [marker(6, 7, 1, 10)];
        assert!(matches!(follow(&mut store(), &earlier, 0), Err(Unfit::Foreign(_))));
    }

    #[test]
    fn a_store_that_is_too_old_for_what_came_since_is_not_used_and_one_that_missed_nothing_is() {
        let log = log();
        let store = || Replay::begin(restored(&log[..2]), &stamp(), time(0), CHUNK).expect("is fit");
        assert_eq!(follow(&mut store(), &log[1..], 11), Err(Unfit::TooOld(time(10))));
        assert_eq!(follow(&mut store(), &log[2..], 11), Err(Unfit::TooOld(time(10))));
        assert_eq!(follow(&mut store(), &log[1..2], 11), Ok(()));
        assert_eq!(follow(&mut store(), &log[1..], 10), Ok(()));
    }

    #[test]
    fn reading_that_took_longer_than_deletions_are_kept_is_worth_nothing_unless_the_end_was_reached_meanwhile()
     {
        let log = log();
        let mut slow = Replay::begin(Map::new(), &stamp(), time(5), CHUNK).expect("an empty store is fit");
        follow(&mut slow, &log[..2], 5).expect("in time");
        assert_eq!(slow.take(log[2].clone(), time(11)), Err(Unfit::TooOld(time(10))));
        slow.catch_up(time(11)).expect("nothing is missing");
        assert_eq!(slow.take(log[2].clone(), time(11)), Ok(()));
    }

    #[test]
    fn a_changelog_of_two_lines_or_with_a_marker_that_cannot_be_read_is_broken_for_every_store() {
        let fresh = || Replay::begin(Map::new(), &stamp(), time(0), CHUNK).expect("an empty store is fit");
        let two = [marker(1, 7, 1, 10), marker(2, 8, 2, 20)];
        assert!(matches!(follow(&mut fresh(), &two, 0), Err(Unfit::Broken(_))));
        let unreadable = [Entry { offset: 5, key: MARK_KEY.to_vec(), value: Some(vec![9]) }];
        assert!(matches!(follow(&mut fresh(), &unreadable, 0), Err(Unfit::Broken(_))));
        let mut left = Replay::begin(restored(&log()), &stamp(), time(0), CHUNK).expect("is fit");
        assert!(matches!(follow(&mut left, &unreadable, 0), Err(Unfit::Broken(_))));
    }

    #[test]
    fn a_commit_larger_than_a_chunk_is_written_in_parts_and_counts_when_its_marker_was_read() {
        let log = log();
        for chunk in [Chunk { changes: 1, bytes: 1000 }, Chunk { changes: 100, bytes: 1 }] {
            let begin = |store| Replay::begin(store, &stamp(), time(0), chunk);
            for read in 0..=log.len() {
                let mut replay = begin(Map::new()).expect("an empty store is fit");
                follow(&mut replay, &log[..read], 0).expect("follows");
                let is_whole = [0, 2, 5].contains(&read);
                assert_eq!(replay.is_whole(), is_whole, "{read}");
                let (store, mark) = replay.into_parts();
                assert_eq!(mark.commit, [0, 0, 1, 1, 1, 2][read]);
                match begin(store.clone()) {
                    Ok(_) if is_whole => assert!(read == 0 || store == restored(&log[..read]), "{read}"),
                    Err(Unfit::Unfinished) if !is_whole => {}
                    other => panic!("{read}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn a_part_that_is_read_again_is_no_harm() {
        let log = log();
        let mut replay =
            Replay::begin(Map::new(), &stamp(), time(0), Chunk { changes: 1, bytes: 1 }).expect("is fit");
        follow(&mut replay, &log[..4], 0).expect("follows");
        replay.rewind();
        assert_eq!(replay.from(), Some(1));
        follow(&mut replay, &log[1..], 0).expect("follows");
        assert_eq!(replay.into_parts().0, restored(&log));
    }

    #[test]
    fn damage_is_named() {
        let damaged = |key: &[u8]| {
            let mut store = restored(&log());
            store.insert(key.to_vec(), vec![1]);
            Replay::begin(store, &stamp(), time(0), CHUNK)
        };
        assert!(matches!(damaged(MARK_KEY), Err(Unfit::Fault(Fault::Corrupt { .. }))));
        assert!(matches!(damaged(STAMP_KEY), Err(Unfit::Fault(Fault::Corrupt { .. }))));
        let mut unmarked = restored(&log());
        unmarked.remove(STAMP_KEY);
        assert!(matches!(Replay::begin(unmarked, &stamp(), time(0), CHUNK), Err(Unfit::Foreign(_))));
    }
}
