//! A letter. In: a record of `touchpoint-refused`. Out: whether it is a letter, the note that one is dealt with, or nothing of ours.

use kinfold_model::{DeadLetter, Timestamp};
use kinfold_wire::{Coordinates, SchemaIds, TRACE_HEADER, Topic, Trace, decode};

use crate::key::{LetterKey, Place};

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

/// A record of `touchpoint-refused` as it lies there. It is personal data, and has no `Debug`.
#[derive(Clone)]
pub struct Record {
    /// Where it lies.
    pub place: Place,
    /// When it was written, by the clock of whoever wrote it; `None` when it does not say.
    pub written: Option<Timestamp>,
    /// `None` when it has none.
    pub key: Option<Vec<u8>>,
    /// `None` for a tombstone.
    pub value: Option<Vec<u8>>,
    /// In the order in which they stand.
    pub headers: Vec<(String, Vec<u8>)>,
}

/// What a record of `touchpoint-refused` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// A record was refused.
    Refused(LetterKey, Box<DeadLetter>),
    /// The letter of this key is dealt with.
    DealtWith(LetterKey),
    /// Nothing that we can read.
    Strange,
}

/// What a record says. Its letter is ours only if the key is that of its coordinates.
#[must_use]
pub fn said(record: &Record, ids: &SchemaIds) -> Said {
    let Some(key) = key_of(record) else { return Said::Strange };
    let Some(value) = record.value.as_deref() else { return Said::DealtWith(key) };
    match decode::<DeadLetter>(Topic::TouchpointRefused, ids, value) {
        Ok(letter) if place_of(&letter) == key.coordinates => Said::Refused(key, Box::new(letter)),
        _ => Said::Strange,
    }
}

/// The key of the letter that a record is about, if it can be one.
pub(crate) fn key_of(record: &Record) -> Option<LetterKey> {
    std::str::from_utf8(record.key.as_deref()?).ok()?.parse().ok()
}

/// Where the record stands that was refused.
pub(crate) fn place_of(letter: &DeadLetter) -> Coordinates {
    Coordinates { topic: letter.topic.clone(), partition: letter.partition, offset: letter.offset }
}

impl Letter {
    /// What a letter says, by the record that holds it.
    pub(crate) fn of(key: &LetterKey, letter: DeadLetter, record: &Record) -> Self {
        Self {
            part: key.part,
            stage: letter.stage,
            time: letter.time,
            kind: letter.kind,
            member: letter.member,
            sentence: letter.sentence,
            payload_bytes: letter.payload.map(|payload| payload.len()),
            trace: trace_of(&key.coordinates, record),
            place: record.place,
        }
    }
}

/// The trace of a letter; that of the record that was refused where the letter has none.
pub(crate) fn trace_of(refused: &Coordinates, record: &Record) -> Trace {
    let header = record.headers.iter().find(|(name, _)| name == TRACE_HEADER);
    let trace = header.and_then(|(_, value)| Trace::from_header(value).ok());
    let Coordinates { topic, partition, offset } = refused;
    trace.unwrap_or_else(|| Trace::of_source(topic, *partition, *offset))
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

    pub(crate) fn stored(offset: i64, coordinates: &Coordinates, letter: Option<&DeadLetter>) -> Record {
        part_of(coordinates, 0, offset, letter)
    }

    /// The letter of a part, or its tombstone.
    pub(crate) fn part_of(
        coordinates: &Coordinates,
        part: u32,
        offset: i64,
        letter: Option<&DeadLetter>,
    ) -> Record {
        let encoded =
            |letter| encode(Topic::TouchpointRefused, Framing::SingleObject, letter).expect("encodes");
        Record {
            place: Place { partition: 0, offset },
            written: None,
            key: Some(LetterKey { coordinates: coordinates.clone(), part }.to_string().into_bytes()),
            value: letter.map(encoded),
            headers: Vec::new(),
        }
    }

    #[test]
    fn the_trace_of_a_letter_without_one_is_that_of_its_record() {
        let a = at("shop", 1);
        let record = stored(0, &a, Some(&letter(&a, "bad_time", None)));
        assert_eq!(trace_of(&a, &record), Trace::of_source("raw.shop", 0, 1));
        let own = Trace::of_source("raw.other", 7, 7);
        let record =
            Record { headers: vec![(TRACE_HEADER.to_owned(), own.to_string().into_bytes())], ..record };
        assert_eq!(trace_of(&a, &record), own);
    }
}
