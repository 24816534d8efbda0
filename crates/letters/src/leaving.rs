//! Which letters are to go, and why. In: the records of `touchpoint-refused`, those of a partition in the order of offsets, twice.
//! Out: of each letter that is to go its key and place, and how many records of which source there are; never a value.
//!
//! The first time ([`Look`]) each letter is judged by itself: whom it names, and whether its time is over. The second time
//! ([`Leaving`]) all open letters of the records that were found are gathered, because the payload is in the first alone. Neither
//! holds more than it was asked to, however many letters there are.

use std::collections::BTreeMap;

use kinfold_model::{DeadLetter, Timestamp};
use kinfold_wire::{Coordinates, SchemaIds, Trace};

use crate::key::{LetterKey, Place};
use crate::letter::{Record, Said, key_of, said, trace_of};
use crate::named::Finder;
use crate::retention::kept_until;

/// Why a letter goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// It names somebody who was erased.
    Erasure,
    /// Its source lets it be kept for no longer.
    Retention,
}

impl Reason {
    /// Both. A letter that goes for both counts for the first.
    pub const ALL: [Self; 2] = [Self::Erasure, Self::Retention];

    /// The label in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Erasure => "erasure",
            Self::Retention => "retention",
        }
    }
}

/// How far letters were looked at: the offset after the last one, by partition.
pub type Judged = BTreeMap<i32, i64>;

/// By what a look judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// By whose time letters are too old.
    pub now: Timestamp,
    /// For how many milliseconds letters are kept whose source sets no time.
    pub kept_ms: i64,
    /// So many letters are held, and at least one.
    pub most: usize,
}

/// What the last look with the same terms and sources went through. What it found was removed, and need not be found again while
/// the topic is not compacted yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// How far it went.
    pub judged: Judged,
    /// Its time: letters whose time was over by then are gone.
    pub now: Timestamp,
    /// Whether it searched for the same identifiers: letters that name one of them are gone, too.
    pub is_searched: bool,
}

/// The first time: letters are judged one by one.
pub struct Look {
    finder: Finder,
    terms: Terms,
    before: Before,
    seen: Judged,
    found: BTreeMap<LetterKey, Reason>,
    letters: u64,
    unreadable: u64,
    next_end: Option<Timestamp>,
}

/// What a look found until it was full, or at its end.
pub struct Found {
    /// The records whose letters are to go. One that goes for both reasons goes for the first.
    pub records: BTreeMap<Coordinates, Reason>,
    /// Whether there may be more: the topic has to be read again from its beginning.
    pub is_full: bool,
}

/// A look that is over.
pub struct Looked {
    /// How far it went.
    pub judged: Judged,
    /// How many letters there were, those that are dealt with and not yet gone among them.
    pub letters: u64,
    /// How many records were passed over that hold something, and are no letter that we can read.
    pub unreadable: u64,
    /// When the time of the next letter is over that stays; `None` when there is none whose time we know.
    pub next_end: Option<Timestamp>,
}

impl Look {
    /// Begins, where there was a look before after that one.
    #[must_use]
    pub fn new(finder: Finder, terms: Terms, before: Before) -> Self {
        Self {
            finder,
            terms: Terms { most: terms.most.max(1), ..terms },
            before,
            seen: Judged::new(),
            found: BTreeMap::new(),
            letters: 0,
            unreadable: 0,
            next_end: None,
        }
    }

    /// Looks at the next record of a partition; one that this look has seen is passed over. Whether there is room for more: if not,
    /// what was [`Look::found`] has to be taken away, and the topic is read again.
    pub fn see(&mut self, record: &Record, ids: &SchemaIds) -> bool {
        let Place { partition, offset } = record.place;
        if !is_after(&self.seen, record.place) {
            return true;
        }
        match said(record, ids) {
            Said::Refused(key, letter) => {
                self.letters += 1;
                // The last letter of a key is the only one that stays, and what was found of an earlier one says nothing of it.
                match self.reason(&letter, record) {
                    Some(reason) => drop(self.found.insert(key, reason)),
                    None => drop(self.found.remove(&key)),
                }
            }
            Said::DealtWith(key) => drop(self.found.remove(&key)),
            Said::Strange => self.unreadable += u64::from(record.value.is_some()),
        }
        self.seen.insert(partition, offset.saturating_add(1));
        self.found.len() < self.terms.most
    }

    fn reason(&mut self, letter: &DeadLetter, record: &Record) -> Option<Reason> {
        let end = kept_until(letter, record.written, self.finder.sources(), self.terms.kept_ms);
        let is_new = is_after(&self.before.judged, record.place);
        if !is_new && end.is_some_and(|end| end <= self.before.now) {
            return None;
        }
        if (is_new || !self.before.is_searched) && self.finder.is_named(letter) {
            return Some(Reason::Erasure);
        }
        let end = end?;
        if end <= self.terms.now {
            return Some(Reason::Retention);
        }
        self.next_end = Some(self.next_end.map_or(end, |next| next.min(end)));
        None
    }

    /// Takes away what was found.
    #[must_use]
    pub fn found(&mut self) -> Found {
        let is_full = self.found.len() >= self.terms.most;
        let mut records = BTreeMap::new();
        for (key, reason) in std::mem::take(&mut self.found) {
            let first = records.entry(key.coordinates).or_insert(reason);
            *first = (*first).min(reason);
        }
        Found { records, is_full }
    }

    /// Ends it.
    #[must_use]
    pub fn end(self) -> Looked {
        let Self { seen, letters, unreadable, next_end, .. } = self;
        Looked { judged: seen, letters, unreadable, next_end }
    }
}

fn is_after(judged: &Judged, place: Place) -> bool {
    judged.get(&place.partition).is_none_or(|judged| place.offset >= *judged)
}

/// The second time: the open letters of the records that were found.
pub struct Leaving {
    records: BTreeMap<Coordinates, Leaver>,
    most: usize,
    open: BTreeMap<LetterKey, (Place, Trace)>,
}

/// A record whose letters are to go.
struct Leaver {
    reason: Reason,
    /// Whether any did.
    is_gone: bool,
}

impl Leaving {
    /// Of these records, each of which may have thousands of letters. It holds at most `most` letters, and at least one.
    #[must_use]
    pub fn new(reasons: BTreeMap<Coordinates, Reason>, most: usize) -> Self {
        let records = reasons.into_iter().map(|(at, reason)| (at, Leaver { reason, is_gone: false }));
        Self { records: records.collect(), most: most.max(1), open: BTreeMap::new() }
    }

    /// Takes the next record of a partition. Whether there is room for more: if not, the [`Leaving::letters`] are to be removed and
    /// [`Leaving::gone`]. A letter that the topic says to be dealt with only after that goes twice, which harms nothing.
    pub fn take(&mut self, record: &Record, ids: &SchemaIds) -> bool {
        if key_of(record).is_some_and(|key| self.records.contains_key(&key.coordinates)) {
            match said(record, ids) {
                Said::Refused(key, _) => {
                    let trace = trace_of(&key.coordinates, record);
                    self.open.insert(key, (record.place, trace));
                }
                Said::DealtWith(key) => drop(self.open.remove(&key)),
                Said::Strange => {}
            }
        }
        self.open.len() < self.most
    }

    /// The letters that are to go now, each with the place of its last record and its trace.
    pub fn letters(&self) -> impl Iterator<Item = (&LetterKey, Place, Trace)> {
        self.open.iter().map(|(key, (place, trace))| (key, *place, *trace))
    }

    /// They are gone.
    pub fn gone(&mut self) {
        for (LetterKey { coordinates, .. }, _) in std::mem::take(&mut self.open) {
            if let Some(leaver) = self.records.get_mut(&coordinates) {
                leaver.is_gone = true;
            }
        }
    }

    /// How many records they were about that are gone, by reason, and by source, or by topic where no source wrote.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<Reason, BTreeMap<String, u64>> {
        let mut counts: BTreeMap<Reason, BTreeMap<String, u64>> = BTreeMap::new();
        for (coordinates, leaver) in self.records.iter().filter(|(_, leaver)| leaver.is_gone) {
            let source = coordinates.source().unwrap_or(&coordinates.topic);
            *counts.entry(leaver.reason).or_default().entry(source.to_owned()).or_default() += 1;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::letter::tests::{at, letter, part_of, stored};
    use crate::named::tests::finder;
    use crate::retention::tests::{HOUR_MS, MINUTE_MS, sources};

    const ALL: usize = usize::MAX;

    fn begin(now: Timestamp, most: usize, before: Before) -> Look {
        let terms = Terms { now, kept_ms: HOUR_MS, most };
        Look::new(finder(&["email:ann@example.org"], sources()), terms, before)
    }

    fn read(look: &mut Look, log: &[Record]) -> Found {
        log.iter().all(|record| look.see(record, &SchemaIds::default()));
        look.found()
    }

    fn leaving(log: &[Record], found: Found) -> Leaving {
        let mut leaving = Leaving::new(found.records, ALL);
        assert!(log.iter().all(|record| leaving.take(record, &SchemaIds::default())));
        leaving
    }

    /// What goes at a time.
    fn at_time(log: &[Record], now: Timestamp) -> Leaving {
        leaving(log, read(&mut begin(now, ALL, Before::default()), log))
    }

    /// The keys of the letters that go at a time.
    fn going(log: &[Record], now: Timestamp) -> Vec<String> {
        at_time(log, now).letters().map(|(key, ..)| key.to_string()).collect()
    }

    /// A letter whose payload names somebody.
    fn naming(source: &str, offset: i64, name: &str) -> DeadLetter {
        let payload = format!("{{\"mail\": \"{name}@example.org\"}}");
        letter(&at(source, offset), "bad_time", Some(payload.as_bytes()))
    }

    fn log_of(letters: &[DeadLetter]) -> Vec<Record> {
        (0..)
            .zip(letters)
            .map(|(offset, letter)| stored(offset, &crate::letter::place_of(letter), Some(letter)))
            .collect()
    }

    #[test]
    fn a_letter_goes_when_its_time_is_over_and_not_a_moment_before() {
        let of_till = naming("till", 0, "bea");
        let log = log_of(std::slice::from_ref(&of_till));
        let end = of_till.time.plus_millis(MINUTE_MS);
        assert!(going(&log, end.plus_millis(-1)).is_empty());
        assert_eq!(going(&log, end), ["raw.till/0/0"]);
        let mut look = begin(of_till.time, ALL, Before::default());
        assert!(read(&mut look, &log).records.is_empty());
        assert_eq!(look.end().next_end, Some(end));
    }

    #[test]
    fn a_source_without_a_time_of_its_own_keeps_its_letters_as_the_topic_does_but_those_that_name_who_was_erased()
     {
        let of_crm = naming("crm", 0, "bea");
        let log = log_of(&[
            of_crm.clone(),
            naming("unknown", 1, "bea"),
            naming("unknown", 2, "ann"),
            naming("till", 3, "ann"),
            naming("till", 4, "bea"),
        ]);
        assert_eq!(going(&log, Timestamp::MIN), ["raw.till/0/3", "raw.unknown/0/2"]);
        let end = of_crm.time.plus_millis(HOUR_MS);
        let mut look = begin(end.plus_millis(-1), ALL, Before::default());
        let mut leaving = leaving(&log, read(&mut look, &log));
        assert!(leaving.counts().is_empty(), "nothing is gone yet");
        leaving.gone();
        let counts = leaving.counts();
        let looked = look.end();
        assert_eq!((looked.letters, looked.next_end), (5, Some(end)));
        let of = |source: &str| BTreeMap::from([(source.to_owned(), 1)]);
        let both = BTreeMap::from([("till".to_owned(), 1), ("unknown".to_owned(), 1)]);
        assert_eq!(counts, BTreeMap::from([(Reason::Erasure, both), (Reason::Retention, of("till"))]));
        assert_eq!(going(&log, end), ["raw.crm/0/0", "raw.till/0/3", "raw.till/0/4", "raw.unknown/0/2"]);
    }

    #[test]
    fn what_was_dealt_with_does_not_go_again() {
        let of_ann = naming("till", 0, "ann");
        let mut log = log_of(std::slice::from_ref(&of_ann));
        log.push(stored(1, &at("till", 0), None));
        assert!(going(&log, Timestamp::MAX).is_empty());
        log.push(stored(2, &at("till", 0), Some(&of_ann)));
        assert_eq!(going(&log, Timestamp::MAX), ["raw.till/0/0"], "it was refused again");
    }

    #[test]
    fn all_letters_of_a_record_go_with_the_one_that_holds_it() {
        let (place, whole) = (at("crm", 7), naming("crm", 7, "ann"));
        let part = letter(&place, "bad_time", None);
        // Their partition is read before that of the first, or after it.
        let parts = [1, 2].map(|number| {
            let record = part_of(&place, number, i64::from(number), Some(&part));
            Record { place: Place { partition: 1, ..record.place }, ..record }
        });
        let first = [stored(9, &place, Some(&whole))];
        for log in [[&parts[..], &first[..]].concat(), [&first[..], &parts[..]].concat()] {
            let mut leaving = at_time(&log, Timestamp::MIN);
            let letters: Vec<(String, i64)> =
                leaving.letters().map(|(key, place, _)| (key.to_string(), place.offset)).collect();
            let expected = [("raw.crm/0/7", 9), ("raw.crm/0/7/1", 1), ("raw.crm/0/7/2", 2)];
            assert!(letters.iter().map(|(key, offset)| (key.as_str(), *offset)).eq(expected), "{letters:?}");
            leaving.gone();
            assert_eq!(leaving.counts()[&Reason::Erasure], BTreeMap::from([("crm".to_owned(), 1)]));
        }
    }

    #[test]
    fn what_was_searched_before_is_not_searched_again_but_its_time_runs() {
        let log = log_of(&[naming("crm", 0, "ann"), naming("till", 1, "bea"), naming("crm", 2, "ann")]);
        let before = |judged, now| Before { judged, now, is_searched: true };
        let mut look = begin(Timestamp::MIN, ALL, before(Judged::from([(0, 2)]), Timestamp::MIN));
        assert_eq!(read(&mut look, &log).records, BTreeMap::from([(at("crm", 2), Reason::Erasure)]));
        let judged = look.end().judged;
        assert_eq!(judged, Judged::from([(0, 3)]));
        let now = naming("till", 1, "bea").time.plus_millis(MINUTE_MS);
        let later = read(&mut begin(now, ALL, before(judged, Timestamp::MIN)), &log);
        assert_eq!(later.records, BTreeMap::from([(at("till", 1), Reason::Retention)]));
    }

    #[test]
    fn what_was_removed_before_does_not_fill_a_look_again_while_the_topic_is_not_compacted() {
        let mut log = log_of(&[naming("till", 0, "bea"), naming("till", 1, "bea"), naming("till", 2, "ann")]);
        let now = naming("till", 1, "bea").time.plus_millis(MINUTE_MS);
        let before = Before { judged: Judged::from([(0, 3)]), now, is_searched: true };
        log.extend((3..).zip(0..3).map(|(offset, gone)| stored(offset, &at("till", gone), None)));
        log.extend(
            log_of(&[naming("crm", 6, "ann")])
                .into_iter()
                .map(|record| Record { place: Place { partition: 0, offset: 6 }, ..record }),
        );
        let found = read(&mut begin(now.plus_millis(MINUTE_MS), 2, before.clone()), &log);
        assert!(!found.is_full && found.records.keys().eq([&at("crm", 6)]));
        // Somebody else was erased: all is searched but what was too old then.
        let anew = Before { is_searched: false, ..before };
        let found = read(&mut begin(now, 1, anew), &log);
        assert!(found.is_full && found.records.keys().eq([&at("till", 2)]));
    }

    #[test]
    fn the_last_letter_of_a_key_alone_decides() {
        let log = [naming("crm", 0, "ann"), naming("crm", 0, "bea")];
        assert!(going(&log_of(&log), Timestamp::MIN).is_empty());
        let [first, last] = log;
        assert_eq!(going(&log_of(&[last, first]), Timestamp::MIN), ["raw.crm/0/0"]);
    }

    #[test]
    fn what_nobody_can_read_is_counted_but_tombstones_are_not() {
        let mut log = log_of(&[naming("crm", 0, "ann"), naming("crm", 1, "ann"), naming("crm", 2, "ann")]);
        log[0].value = Some(b"garbage".to_vec());
        log[1].key = None;
        log[2].value = None;
        log.push(Record { key: None, place: Place { partition: 0, offset: 3 }, ..log[2].clone() });
        let mut look = begin(Timestamp::MAX, ALL, Before::default());
        assert!(read(&mut look, &log).records.is_empty());
        let looked = look.end();
        assert_eq!((looked.unreadable, looked.letters), (2, 0));
    }

    #[test]
    fn however_many_parts_a_record_has_no_more_letters_are_held_than_may_be_and_it_is_counted_once() {
        let (place, whole) = (at("crm", 7), naming("crm", 7, "ann"));
        let part = letter(&place, "bad_time", None);
        let mut log = vec![stored(0, &place, Some(&whole))];
        log.extend((1..5).map(|number| part_of(&place, number, i64::from(number), Some(&part))));
        let found = read(&mut begin(Timestamp::MIN, ALL, Before::default()), &log);
        let mut leaving = Leaving::new(found.records, 2);
        let mut sent = Vec::new();
        for record in &log {
            let has_room = leaving.take(record, &SchemaIds::default());
            assert!(leaving.letters().count() <= 2);
            if !has_room {
                sent.extend(leaving.letters().map(|(key, ..)| key.part));
                leaving.gone();
            }
        }
        sent.extend(leaving.letters().map(|(key, ..)| key.part));
        leaving.gone();
        assert_eq!(sent, [0, 1, 2, 3, 4]);
        assert_eq!(leaving.counts()[&Reason::Erasure], BTreeMap::from([("crm".to_owned(), 1)]));
    }

    #[test]
    fn a_look_that_is_full_goes_on_where_it_was_whatever_became_of_what_it_found() {
        let log = log_of(&[naming("crm", 0, "ann"), naming("till", 1, "bea"), naming("crm", 2, "ann")]);
        let mut look = begin(Timestamp::MAX, 2, Before::default());
        let found = read(&mut look, &log);
        assert!(found.is_full && found.records.keys().eq([&at("crm", 0), &at("till", 1)]));
        let found = read(&mut look, &log);
        assert!(!found.is_full && found.records.keys().eq([&at("crm", 2)]));
        let looked = look.end();
        assert_eq!((looked.letters, looked.judged), (3, Judged::from([(0, 3)])));
    }
}
