//! A refused record becomes a dead letter: kept whole, with a passport that leads back to where it stood. One that was sent
//! again and is refused again keeps the coordinates of the first time, so that its letters have the same keys.

use kinfold_model::{DeadLetter, Fault, Refusal};
use kinfold_wire::{Coordinates, Topic, schema_header};

use crate::port::{StageName, Topology};
use crate::record::{InRecord, Origin, OutRecord};

/// Above this a dead letter keeps only the passport, or it would itself be too large to be written. Equal to the
/// largest record that capture reads, so that only what nobody could read is left where it was.
const PAYLOAD_BYTES_MAX: usize = 1024 * 1024;

/// Of a record of which several parts are refused, the letter of the first, `part` 0, holds the record.
pub(crate) fn dead_letter(
    stage: StageName,
    record: &InRecord,
    refusal: &Refusal,
    part: usize,
    topology: &Topology,
) -> Result<OutRecord, Fault> {
    let schema = match &record.origin {
        Origin::Raw(_) => "canonical-json/1".to_owned(),
        Origin::Topic(topic) => schema_header(*topic),
    };
    let fits = |bytes: &Vec<u8>| bytes.len() <= PAYLOAD_BYTES_MAX;
    let coordinates = record.coordinates();
    // The topic is compacted, so that each letter needs a key of its own.
    let key = if part == 0 { coordinates.to_string() } else { format!("{coordinates}/{part}") };
    let Coordinates { topic, partition, offset } = coordinates;
    let letter = DeadLetter {
        stage: stage.as_str().to_owned(),
        topic,
        partition,
        offset,
        schema,
        time: record.now(),
        kind: refusal.kind.as_str().to_owned(),
        member: refusal.member.clone(),
        sentence: refusal.sentence.clone(),
        key: record.key.clone().filter(fits),
        payload: record.value.clone().filter(|bytes| part == 0 && fits(bytes)),
    };
    topology.public(Topic::TouchpointRefused, key, Some(&letter), record.trace())
}
