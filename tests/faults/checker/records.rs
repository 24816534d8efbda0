//! Each raw record became one touchpoint or one refusal. What came of which record is told by the trace in the headers,
//! which for a record without one follows from its topic, partition and offset.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_kafka::reader::{Isolation, Stored, read};
use kinfold_model::DeadLetter;
use kinfold_wire::{SchemaIds, TRACE_HEADER, Topic, Trace, decode};

use crate::case::{Outcome, expect, wrong};
use crate::deployment::Deployment;

/// Topic without the prefix, partition, offset.
pub(crate) type Place = (String, i32, i64);

/// Gives the number of raw records.
pub(super) fn each_once(deployment: &Deployment<'_>, raw: usize, strangers: &[Place]) -> Outcome<usize> {
    let settings = &deployment.settings;
    let mut places: BTreeMap<String, Place> = BTreeMap::new();
    for topic in deployment.topics().iter().filter(|topic| topic.starts_with("raw.")) {
        for record in read(settings, topic, Isolation::Committed)? {
            let trace = Trace::of_source(topic, record.partition, record.offset).to_string();
            places.insert(trace, (topic.clone(), record.partition, record.offset));
        }
    }
    expect(places.len() == raw, || {
        format!("{} raw records are in the log, {raw} were written", places.len())
    })?;

    let mut came: BTreeMap<String, usize> = BTreeMap::new();
    for record in read(settings, Topic::Touchpoint.as_str(), Isolation::Committed)? {
        let place = (Topic::Touchpoint.as_str().to_owned(), record.partition, record.offset);
        if !strangers.contains(&place) {
            *came.entry(trace(&record)?).or_default() += 1;
        }
    }
    let mut refused: BTreeMap<Place, usize> = BTreeMap::new();
    for (letter, trace) in dead_letters(deployment)? {
        if letter.topic.starts_with("raw.") {
            *came.entry(trace).or_default() += 1;
        } else {
            *refused.entry((letter.topic, letter.partition, letter.offset)).or_default() += 1;
        }
    }
    for (trace, place) in &places {
        match came.get(trace) {
            Some(1) => {}
            Some(count) => return wrong(format!("the record at {place:?} came out {count} times")),
            None => return wrong(format!("the record at {place:?} was lost")),
        }
    }
    match came.keys().find(|trace| !places.contains_key(*trace)) {
        Some(trace) => {
            return wrong(format!("a touchpoint or refusal has the trace {trace}, and no raw record has"));
        }
        None => expected_refusals(&refused, strangers)?,
    }
    Ok(places.len())
}

fn expected_refusals(refused: &BTreeMap<Place, usize>, strangers: &[Place]) -> Outcome<()> {
    let expected: BTreeSet<&Place> = strangers.iter().collect();
    for place in &expected {
        let count = refused.get(*place).copied().unwrap_or_default();
        expect(count == 1, || format!("the stranger's record at {place:?} was refused {count} times"))?;
    }
    match refused.keys().find(|place| !expected.contains(place)) {
        Some(place) => wrong(format!("the record at {place:?} is ours and was refused")),
        None => Ok(()),
    }
}

/// Every dead letter, with its trace.
pub(crate) fn dead_letters(deployment: &Deployment<'_>) -> Outcome<Vec<(DeadLetter, String)>> {
    let topic = Topic::TouchpointRefused;
    let read_letter = |record: &Stored| {
        // A tombstone says that a letter was dealt with, and is none.
        let value = record.value.as_deref()?;
        let letter = decode(topic, &SchemaIds::default(), value);
        Some(letter.map_err(Into::into).and_then(|letter| Ok((letter, trace(record)?))))
    };
    read(&deployment.settings, topic.as_str(), Isolation::Committed)?.iter().filter_map(read_letter).collect()
}

fn trace(record: &Stored) -> Outcome<String> {
    let header = record.headers.iter().find(|(key, _)| key == TRACE_HEADER);
    match header {
        Some((_, value)) => Ok(String::from_utf8_lossy(value).into_owned()),
        None => wrong(format!("the record at {}/{} has no trace", record.partition, record.offset)),
    }
}
