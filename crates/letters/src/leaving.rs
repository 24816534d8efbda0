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

/// The first time: letters are judged one by one.
pub struct Look {
    finder: Finder,
    now: Timestamp,
    most: usize,
    named_before: Judged,
    seen: Judged,
    found: BTreeMap<LetterKey, Reason>,
    letters: u64,
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
    /// When the time of the next letter is over that stays; `None` when none has a time of its own.
    pub next_end: Option<Timestamp>,
}

impl Look {
    /// Begins. What was searched for the same identifiers before, up to `named_before`, is not searched again. It holds at most `most`
    /// letters, and at least one.
    #[must_use]
    pub fn new(finder: Finder, now: Timestamp, most: usize, named_before: Judged) -> Self {
        Self {
            finder,
            now,
            most: most.max(1),
            named_before,
            seen: Judged::new(),
            found: BTreeMap::new(),
            letters: 0,
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
                if let Some(reason) = self.reason(&letter, record) {
                    self.found.insert(key, reason);
                }
            }
            Said::DealtWith(key) => drop(self.found.remove(&key)),
            Said::Strange => {}
        }
        self.seen.insert(partition, offset.saturating_add(1));
        self.found.len() < self.most
    }

    fn reason(&mut self, letter: &DeadLetter, record: &Record) -> Option<Reason> {
        if is_after(&self.named_before, record.place) && self.finder.is_named(letter) {
            return Some(Reason::Erasure);
        }
        let end = kept_until(letter, record.written, self.finder.sources())?;
        if end <= self.now {
            return Some(Reason::Retention);
        }
        self.next_end = Some(self.next_end.map_or(end, |next| next.min(end)));
        None
    }

    /// Takes away what was found.
    #[must_use]
    pub fn found(&mut self) -> Found {
        let is_full = self.found.len() >= self.most;
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
        Looked { judged: self.seen, letters: self.letters, next_end: self.next_end }
    }
}

fn is_after(judged: &Judged, place: Place) -> bool {
    judged.get(&place.partition).is_none_or(|judged| place.offset >= *judged)
}

/// The second time: the open letters of the records that were found.
pub struct Leaving {
    reasons: BTreeMap<Coordinates, Reason>,
    open: BTreeMap<LetterKey, (Place, Trace)>,
}

impl Leaving {
    /// Of these records.
    #[must_use]
    pub fn new(reasons: BTreeMap<Coordinates, Reason>) -> Self {
        Self { reasons, open: BTreeMap::new() }
    }

    /// Takes the next record of a partition.
    pub fn take(&mut self, record: &Record, ids: &SchemaIds) {
        if !key_of(record).is_some_and(|key| self.reasons.contains_key(&key.coordinates)) {
            return;
        }
        match said(record, ids) {
            Said::Refused(key, _) => {
                let trace = trace_of(&key.coordinates, record);
                self.open.insert(key, (record.place, trace));
            }
            Said::DealtWith(key) => drop(self.open.remove(&key)),
            Said::Strange => {}
        }
    }

    /// The letters that are to go, each with the place of its last record and its trace.
    pub fn letters(&self) -> impl Iterator<Item = (&LetterKey, Place, Trace)> {
        self.open.iter().map(|(key, (place, trace))| (key, *place, *trace))
    }

    /// How many records they are about, by reason, and by source, or by topic where no source wrote.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<Reason, BTreeMap<String, u64>> {
        let mut counts: BTreeMap<Reason, BTreeMap<String, u64>> = BTreeMap::new();
        let mut last = None;
        for LetterKey { coordinates, .. } in self.open.keys() {
            // Letters of a record stand beside each other.
            if last.replace(coordinates) == Some(coordinates) {
                continue;
            }
            if let Some(reason) = self.reasons.get(coordinates) {
                let source = coordinates.source().unwrap_or(&coordinates.topic);
                *counts.entry(*reason).or_default().entry(source.to_owned()).or_default() += 1;
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::letter::tests::{at, letter, part_of, stored};
    use crate::named::tests::finder;
    use crate::retention::tests::{MINUTE_MS, sources};

    const ALL: usize = usize::MAX;

    fn begin(now: Timestamp, most: usize, named_before: Judged) -> Look {
        Look::new(finder(&["email:ann@example.org"], sources()), now, most, named_before)
    }

    fn read(look: &mut Look, log: &[Record]) -> Found {
        log.iter().all(|record| look.see(record, &SchemaIds::default()));
        look.found()
    }

    fn leaving(log: &[Record], found: Found) -> Leaving {
        let mut leaving = Leaving::new(found.records);
        log.iter().for_each(|record| leaving.take(record, &SchemaIds::default()));
        leaving
    }

    /// What goes at a time.
    fn at_time(log: &[Record], now: Timestamp) -> Leaving {
        leaving(log, read(&mut begin(now, ALL, Judged::new()), log))
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
        let mut look = begin(of_till.time, ALL, Judged::new());
        assert!(read(&mut look, &log).records.is_empty());
        assert_eq!(look.end().next_end, Some(end));
    }

    #[test]
    fn a_source_without_a_time_of_its_own_keeps_its_letters_but_those_that_name_who_was_erased() {
        let log = log_of(&[
            naming("crm", 0, "bea"),
            naming("unknown", 1, "bea"),
            naming("unknown", 2, "ann"),
            naming("till", 3, "ann"),
            naming("till", 4, "bea"),
        ]);
        assert_eq!(going(&log, Timestamp::MIN), ["raw.till/0/3", "raw.unknown/0/2"]);
        let mut look = begin(Timestamp::MAX, ALL, Judged::new());
        let counts = leaving(&log, read(&mut look, &log)).counts();
        let looked = look.end();
        assert_eq!((looked.letters, looked.next_end), (5, None));
        let of = |source: &str| BTreeMap::from([(source.to_owned(), 1)]);
        let both = BTreeMap::from([("till".to_owned(), 1), ("unknown".to_owned(), 1)]);
        assert_eq!(counts, BTreeMap::from([(Reason::Erasure, both), (Reason::Retention, of("till"))]));
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
            let leaving = at_time(&log, Timestamp::MIN);
            let letters: Vec<(String, i64)> =
                leaving.letters().map(|(key, place, _)| (key.to_string(), place.offset)).collect();
            let expected = [("raw.crm/0/7", 9), ("raw.crm/0/7/1", 1), ("raw.crm/0/7/2", 2)];
            assert!(letters.iter().map(|(key, offset)| (key.as_str(), *offset)).eq(expected), "{letters:?}");
            assert_eq!(leaving.counts()[&Reason::Erasure], BTreeMap::from([("crm".to_owned(), 1)]));
        }
    }

    #[test]
    fn what_was_searched_before_is_not_searched_again_but_its_time_runs() {
        let log = log_of(&[naming("crm", 0, "ann"), naming("till", 1, "bea"), naming("crm", 2, "ann")]);
        let mut look = begin(Timestamp::MIN, ALL, Judged::from([(0, 2)]));
        assert_eq!(read(&mut look, &log).records, BTreeMap::from([(at("crm", 2), Reason::Erasure)]));
        let judged = look.end().judged;
        assert_eq!(judged, Judged::from([(0, 3)]));
        let later = read(&mut begin(Timestamp::MAX, ALL, judged), &log);
        assert_eq!(later.records, BTreeMap::from([(at("till", 1), Reason::Retention)]));
    }

    #[test]
    fn a_look_that_is_full_goes_on_where_it_was_whatever_became_of_what_it_found() {
        let log = log_of(&[naming("crm", 0, "ann"), naming("till", 1, "bea"), naming("crm", 2, "ann")]);
        let mut look = begin(Timestamp::MAX, 2, Judged::new());
        let found = read(&mut look, &log);
        assert!(found.is_full && found.records.keys().eq([&at("crm", 0), &at("till", 1)]));
        let found = read(&mut look, &log);
        assert!(!found.is_full && found.records.keys().eq([&at("crm", 2)]));
        let looked = look.end();
        assert_eq!((looked.letters, looked.judged), (3, Judged::from([(0, 3)])));
    }
}
