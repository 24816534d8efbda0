//! The fold over `touchpoint-refused`. In: its records, those of a partition in the order of offsets. Out: the letters that nobody
//! has dealt with, without their payloads, by the coordinates of the records that were refused.
//!
//! A record has as many letters as it has parts that were refused, each with a key of its own, because the topic keeps the last
//! record of a key only. Keys lie in different partitions, so that a tombstone counts for its key and for no other.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::str::FromStr;

use kinfold_kafka::reader::Stored;
use kinfold_model::{DeadLetter, Timestamp};
use kinfold_wire::{Coordinates, CoordinatesError, SchemaIds, TRACE_HEADER, Topic, Trace, decode};

/// Where a letter lies on `touchpoint-refused`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// From 0.
    pub partition: i32,
    /// In that partition.
    pub offset: i64,
}

/// The key of a letter. Text form: `raw.webshop/3/17`, and `raw.webshop/3/17/2` for the third part of that record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LetterKey {
    /// Of the record that was refused.
    pub coordinates: Coordinates,
    /// Which of its parts that were refused, from 0; the letter of part 0 has the payload.
    pub part: u32,
}

impl fmt::Display for LetterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            0 => fmt::Display::fmt(&self.coordinates, f),
            part => write!(f, "{}/{part}", self.coordinates),
        }
    }
}

impl FromStr for LetterKey {
    type Err = CoordinatesError;

    fn from_str(text: &str) -> Result<Self, CoordinatesError> {
        if let Ok(coordinates) = text.parse() {
            return Ok(Self { coordinates, part: 0 });
        }
        let (coordinates, part) = text.rsplit_once('/').ok_or(CoordinatesError)?;
        let key = Self {
            coordinates: coordinates.parse()?,
            part: part.parse::<u32>().ok().filter(|part| *part > 0).ok_or(CoordinatesError)?,
        };
        // There is one text for each key, so that one that was read is written back as it was.
        if key.to_string() == text { Ok(key) } else { Err(CoordinatesError) }
    }
}

/// All of a dead letter but key and payload. Coordinates are those of the record that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Which of the record's parts it is about; see [`LetterKey`].
    pub part: u32,
    /// The stage that refused.
    pub stage: String,
    /// When the record was written.
    pub time: Timestamp,
    /// Of the refusal.
    pub kind: String,
    /// At fault; empty for the whole record.
    pub member: String,
    /// What is wrong and what would be right.
    pub sentence: String,
    /// How large the payload is; `None` when the letter has none.
    pub payload_bytes: Option<usize>,
    /// Of the record.
    pub trace: Trace,
    /// Where the letter itself lies.
    pub place: Place,
}

/// What a record of `touchpoint-refused` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// A record was refused.
    Refused(Coordinates, Letter),
    /// The letter of this key is dealt with.
    DealtWith(LetterKey),
    /// Nothing that we can read.
    Strange,
}

/// The letters that stand open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Letters {
    /// In the order in which they were written; never empty.
    pub open: BTreeMap<Coordinates, Vec<Letter>>,
    /// How many records are dealt with, as far back as the topic reaches.
    pub dealt_with: u64,
    /// How many records of the topic are no dead letters.
    pub strange: u64,
}

impl Letters {
    /// Takes the next record of a partition.
    pub fn take(&mut self, said: Said) {
        match said {
            Said::Refused(coordinates, letter) => self.open.entry(coordinates).or_default().push(letter),
            Said::DealtWith(LetterKey { coordinates, part }) => {
                if let Entry::Occupied(mut letters) = self.open.entry(coordinates) {
                    letters.get_mut().retain(|letter| letter.part != part);
                    if letters.get().is_empty() {
                        letters.remove();
                    }
                }
                // A tombstone whose letter is gone from the log by now was one of them.
                self.dealt_with += u64::from(part == 0);
            }
            Said::Strange => self.strange += 1,
        }
    }
}

/// What a record says. Its letter is ours only if the key is that of its coordinates.
#[must_use]
pub fn said(record: &Stored, ids: &SchemaIds) -> Said {
    let key = record.key.as_deref().and_then(|key| std::str::from_utf8(key).ok());
    let Some(key) = key.and_then(|key| key.parse::<LetterKey>().ok()) else { return Said::Strange };
    let Some(value) = record.value.as_deref() else { return Said::DealtWith(key) };
    match decode::<DeadLetter>(Topic::TouchpointRefused, ids, value) {
        Ok(letter) if place_of(&letter) == key.coordinates => {
            let letter = passport(letter, record, &key);
            Said::Refused(key.coordinates, letter)
        }
        _ => Said::Strange,
    }
}

fn place_of(letter: &DeadLetter) -> Coordinates {
    Coordinates { topic: letter.topic.clone(), partition: letter.partition, offset: letter.offset }
}

fn passport(letter: DeadLetter, record: &Stored, key: &LetterKey) -> Letter {
    let header = record.headers.iter().find(|(name, _)| name == TRACE_HEADER);
    let trace = header.and_then(|(_, value)| Trace::from_header(value).ok());
    let Coordinates { topic, partition, offset } = &key.coordinates;
    Letter {
        part: key.part,
        stage: letter.stage,
        time: letter.time,
        kind: letter.kind,
        member: letter.member,
        sentence: letter.sentence,
        payload_bytes: letter.payload.map(|payload| payload.len()),
        trace: trace.unwrap_or_else(|| Trace::of_source(topic, *partition, *offset)),
        place: Place { partition: record.partition, offset: record.offset },
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use kinfold_wire::{Framing, encode};

    pub(crate) fn at(source: &str, offset: i64) -> Coordinates {
        Coordinates { topic: format!("raw.{source}"), partition: 0, offset }
    }

    pub(crate) fn letter(coordinates: &Coordinates, kind: &str, payload: Option<&[u8]>) -> DeadLetter {
        DeadLetter {
            stage: "capture".to_owned(),
            topic: coordinates.topic.clone(),
            partition: coordinates.partition,
            offset: coordinates.offset,
            schema: "canonical-json/1".to_owned(),
            time: Timestamp::from_millis(1_772_323_200_000 + coordinates.offset).expect("in range"),
            kind: kind.to_owned(),
            member: "time".to_owned(),
            sentence: "time is none".to_owned(),
            key: None,
            payload: payload.map(<[u8]>::to_vec),
        }
    }

    pub(crate) fn stored(offset: i64, coordinates: &Coordinates, letter: Option<&DeadLetter>) -> Stored {
        let encoded =
            |letter| encode(Topic::TouchpointRefused, Framing::SingleObject, letter).expect("encodes");
        Stored {
            partition: 0,
            offset,
            time_ms: None,
            key: Some(coordinates.to_string().into_bytes()),
            value: letter.map(encoded),
            headers: Vec::new(),
        }
    }

    fn fold(records: &[Stored]) -> Letters {
        let mut letters = Letters::default();
        records.iter().for_each(|record| letters.take(said(record, &SchemaIds::default())));
        letters
    }

    #[test]
    fn a_letter_stands_open_until_a_tombstone_and_again_when_it_is_refused_again() {
        let (a, b) = (at("shop", 1), at("shop", 2));
        let [of_a, part] = [Some(&b"{"[..]), None].map(|payload| letter(&a, "bad_time", payload));
        let of_b = letter(&b, "bad_time", None);
        let mut log =
            vec![stored(0, &a, Some(&of_a)), stored(1, &a, Some(&part)), stored(2, &b, Some(&of_b))];
        let keys = |letters: &Letters| {
            letters.open.iter().map(|(at, all)| (at.offset, all.len())).collect::<Vec<_>>()
        };
        assert_eq!(keys(&fold(&log)), [(1, 2), (2, 1)]);
        assert_eq!(fold(&log).open[&a][0].payload_bytes, Some(1));
        log.push(stored(3, &a, None));
        assert_eq!((keys(&fold(&log)), fold(&log).dealt_with), (vec![(2, 1)], 1));
        log.push(stored(4, &a, Some(&of_a)));
        assert_eq!(keys(&fold(&log)), [(1, 1), (2, 1)]);
        assert_eq!(fold(&log).open[&a][0].place, Place { partition: 0, offset: 4 });
    }

    /// The letter of a part, or its tombstone.
    fn part_of(coordinates: &Coordinates, part: u32, offset: i64, letter: Option<&DeadLetter>) -> Stored {
        let key = LetterKey { coordinates: coordinates.clone(), part }.to_string();
        Stored { key: Some(key.into_bytes()), ..stored(offset, coordinates, letter) }
    }

    #[test]
    fn a_tombstone_counts_for_its_part_whatever_partition_is_read_first() {
        let a = at("shop", 1);
        let whole = letter(&a, "bad_time", Some(b"{"));
        let part = letter(&a, "bad_time", None);
        let log =
            [part_of(&a, 0, 0, Some(&whole)), part_of(&a, 1, 0, Some(&part)), part_of(&a, 2, 0, Some(&part))];
        assert_eq!(fold(&log).open[&a].iter().map(|letter| letter.part).collect::<Vec<_>>(), [0, 1, 2]);
        // All are dealt with, and part 0 is refused again; its partition is read first, or last.
        let of_first =
            [part_of(&a, 0, 0, Some(&whole)), part_of(&a, 0, 1, None), part_of(&a, 0, 2, Some(&whole))];
        let of_others = [
            part_of(&a, 1, 0, Some(&part)),
            part_of(&a, 1, 1, None),
            part_of(&a, 2, 0, Some(&part)),
            part_of(&a, 2, 1, None),
        ];
        for log in [[&of_first[..], &of_others[..]].concat(), [&of_others[..], &of_first[..]].concat()] {
            let letters = fold(&log);
            assert_eq!((letters.open[&a].len(), letters.dealt_with), (1, 1));
            assert_eq!((letters.open[&a][0].part, letters.open[&a][0].payload_bytes), (0, Some(1)));
        }
    }

    #[test]
    fn a_key_is_read_as_it_is_written_and_has_one_text() {
        let coordinates = at("shop", 17);
        for (part, text) in [(0, "raw.shop/0/17"), (1, "raw.shop/0/17/1"), (40, "raw.shop/0/17/40")] {
            let key = LetterKey { coordinates: coordinates.clone(), part };
            assert_eq!((key.to_string().as_str(), text.parse()), (text, Ok(key)));
        }
        for text in
            ["raw.shop/0/17/0", "raw.shop/0/17/01", "raw.shop/0/17/", "raw.shop/0/17/-1", "raw.shop/0", "/1"]
        {
            assert!(text.parse::<LetterKey>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_no_letter_of_its_key_is_counted_and_closes_nothing() {
        let (a, b) = (at("shop", 1), at("shop", 2));
        let of_a = letter(&a, "bad_time", Some(b"{"));
        let mut strange = stored(3, &a, None);
        strange.key = Some(b"raw.shop/0/01".to_vec());
        let mut garbage = stored(4, &a, None);
        garbage.value = Some(b"garbage".to_vec());
        let mut keyless = stored(5, &a, None);
        keyless.key = None;
        let log = [stored(1, &a, Some(&of_a)), stored(2, &b, Some(&of_a)), strange, garbage, keyless];
        let letters = fold(&log);
        assert_eq!((letters.open.keys().collect::<Vec<_>>(), letters.strange), (vec![&a], 4));
    }

    #[test]
    fn the_trace_of_a_letter_without_one_is_that_of_its_record() {
        let a = at("shop", 1);
        let record = stored(0, &a, Some(&letter(&a, "bad_time", None)));
        assert_eq!(fold(std::slice::from_ref(&record)).open[&a][0].trace, Trace::of_source("raw.shop", 0, 1));
        let own = Trace::of_source("raw.other", 7, 7);
        let record =
            Stored { headers: vec![(TRACE_HEADER.to_owned(), own.to_string().into_bytes())], ..record };
        assert_eq!(fold(&[record]).open[&a][0].trace, own);
    }
}
