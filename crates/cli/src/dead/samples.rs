//! Letters for tests: what capture would have refused, and the fold over it.

use kinfold_letters::{LetterKey, Letters, Place, Record};
use kinfold_model::{DeadLetter, Timestamp};
use kinfold_wire::{Coordinates, Framing, SchemaIds, Topic, encode};

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

/// These letters, written one after the other.
pub(crate) fn open(letters: &[DeadLetter]) -> Letters {
    let mut open = Letters::default();
    for (offset, letter) in (0..).zip(letters) {
        let DeadLetter { topic, partition, offset: refused_at, .. } = letter.clone();
        let coordinates = Coordinates { topic, partition, offset: refused_at };
        let value = encode(Topic::TouchpointRefused, Framing::SingleObject, letter).expect("encodes");
        let record = Record {
            place: Place { partition: 0, offset },
            written: None,
            key: Some(LetterKey { coordinates, part: 0 }.to_string().into_bytes()),
            value: Some(value),
            headers: Vec::new(),
        };
        open.take(&record, &SchemaIds::default());
    }
    open
}
