//! Dead letters for people and scripts: tables, a passport, JSON. None shows a payload.

use std::collections::BTreeMap;

use kinfold_letters::{Letter, Letters};
use kinfold_model::DeadLetter;
use kinfold_wire::Coordinates;
use serde_json::{Value, json};

use crate::tables::{printable, right, table};

/// Records, the newest first, each with its letters.
type Found<'l> = [(&'l Coordinates, Vec<&'l Letter>)];

/// The counts by source and kind, and at most so many letters.
pub(crate) fn listed(found: &Found<'_>, all: &Letters, most: usize) -> String {
    let letters = || found.iter().flat_map(|(at, letters)| letters.iter().map(move |letter| (*at, *letter)));
    let total = letters().count();
    let rest = outside(all);
    if total == 0 {
        return format!("no such dead letter stands open{rest}");
    }
    let mut counts = BTreeMap::<(&str, &str, &str), u64>::new();
    for (at, letter) in letters() {
        *counts.entry((source(at), &letter.stage, &letter.kind)).or_default() += 1;
    }
    let mut sums = table(&["source", "stage", "kind", "letters"]);
    for ((source, stage, kind), count) in counts {
        sums.add_row([source.to_owned(), stage.to_owned(), kind.to_owned(), count.to_string()]);
    }
    right(&mut sums, &[3]);
    let mut rows = table(&["source", "kind", "time", "member", "coordinates"]);
    for (at, letter) in letters().take(most) {
        rows.add_row([
            source(at).to_owned(),
            letter.kind.clone(),
            letter.time.to_string(),
            printable(&letter.member),
            at.to_string(),
        ]);
    }
    let shown = if total > most { format!(", the newest {most} are shown") } else { String::new() };
    format!("{sums}\n{rows}\nletters: {total}, records: {}{shown}{rest}", found.len())
}

/// What else there is on the topic.
fn outside(all: &Letters) -> String {
    let dealt_with = match all.dealt_with {
        0 => String::new(),
        count => format!("; dealt with: {count}"),
    };
    match all.strange {
        0 => dealt_with,
        strange => format!("{dealt_with}; {strange} records of the topic are no dead letters"),
    }
}

/// The letters as an array, in the order of the table.
pub(crate) fn json(found: &Found<'_>, most: usize) -> Value {
    let letters = found.iter().flat_map(|(at, letters)| letters.iter().map(move |letter| (*at, *letter)));
    let line = |(at, letter): (&Coordinates, &Letter)| {
        json!({
            "coordinates": at.to_string(), "source": at.source(), "topic": at.topic, "stage": letter.stage,
            "kind": letter.kind, "time": letter.time.to_string(), "member": letter.member,
            "sentence": letter.sentence, "payload_bytes": letter.payload_bytes, "trace": letter.trace.to_string(),
        })
    };
    letters.take(most).map(line).collect()
}

/// All that a letter says besides what it holds.
pub(crate) fn passport(at: &Coordinates, short: &Letter, whole: &DeadLetter) -> String {
    let bytes = |bytes: Option<usize>| bytes.map_or("none".to_owned(), |bytes| format!("{bytes} bytes"));
    let lines = [
        ("coordinates", at.to_string()),
        ("stage", whole.stage.clone()),
        ("kind", whole.kind.clone()),
        ("member", printable(&whole.member)),
        ("sentence", printable(&whole.sentence)),
        ("time", whole.time.to_string()),
        ("schema", printable(&whole.schema)),
        ("trace", short.trace.to_string()),
        ("key", bytes(whole.key.as_ref().map(Vec::len))),
        ("payload", bytes(short.payload_bytes)),
        ("letter at", format!("touchpoint-refused/{}/{}", short.place.partition, short.place.offset)),
    ];
    lines.map(|(name, value)| format!("{name:<12} {value}")).join("\n")
}

/// The source, or the topic where no source wrote.
fn source(at: &Coordinates) -> &str {
    at.source().unwrap_or(&at.topic)
}
