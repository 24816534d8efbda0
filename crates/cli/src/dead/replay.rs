//! Dead letters are sent back. In: letters that stand open. Out: for each record that can be replayed its payload on its raw
//! topic, with headers that name where it stood first, and a tombstone for its letters, both in one transaction; for the others
//! the reason.
//!
//! Every payload under a key goes back, not only the first: should there be several, none may be lost for the other's sake, and
//! what comes twice counts once.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_daemon::letters::{Shelf, tombstone};
use kinfold_kafka::client::Outgoing;
use kinfold_kafka::{Replayer, WorkerError, World, reader};
use kinfold_letters::{Letter, LetterKey, Place};
use kinfold_model::{DeadLetter, Timestamp};
use kinfold_pipeline::StageName;
use kinfold_wire::{Coordinates, ORIGINAL_HEADER, Original, TRACE_HEADER, Topic, Trace};

use crate::commands::Failure;
use crate::run::now;

/// Records of one transaction. It ends long before its time-out, and a crash repeats no more than this.
const BATCH_RECORDS: usize = 500;
/// Their payloads together; a batch is committed when it is so large.
const BATCH_BYTES: usize = 4 << 20;

/// What can be replayed, and what cannot.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What goes back.
    pub records: BTreeMap<Coordinates, Back>,
    /// Why not.
    pub others: BTreeMap<Coordinates, String>,
}

/// A record that goes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Back {
    /// Where its payloads are; at least one.
    pub payloads: BTreeSet<Place>,
    /// Its letters, by part, and where the last of each lies.
    pub letters: BTreeMap<u32, Place>,
    /// Of the record.
    pub trace: Trace,
}

impl Plan {
    /// Decides about each of these records, of which all letters are given. `sources` are those that capture reads.
    #[must_use]
    pub fn new(
        records: &[(&Coordinates, &[Letter])],
        sources: &[String],
        count: &dyn Fn(&str) -> Option<u32>,
    ) -> Self {
        let mut plan = Self::default();
        for (coordinates, letters) in records {
            let coordinates = (*coordinates).clone();
            match decide(&coordinates, letters, sources, count) {
                Ok(found) => drop(plan.records.insert(coordinates, found)),
                Err(why) => drop(plan.others.insert(coordinates, why)),
            }
        }
        plan
    }

    /// How many records of each source go back.
    #[must_use]
    pub fn by_source(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for source in self.records.keys().filter_map(Coordinates::source) {
            *counts.entry(source).or_default() += 1;
        }
        counts
    }
}

fn decide(
    coordinates: &Coordinates,
    letters: &[Letter],
    sources: &[String],
    count: &dyn Fn(&str) -> Option<u32>,
) -> Result<Back, String> {
    let capture = StageName::Capture.as_str();
    let topic = &coordinates.topic;
    if let Some(other) = letters.iter().find(|letter| letter.stage != capture) {
        return Err(format!("{} refused it; only what {capture} refused can be replayed", other.stage));
    }
    if !coordinates.source().is_some_and(|source| sources.iter().any(|one| one == source)) {
        return Err(format!("capture does not read {topic}; add its source to [topics] sources"));
    }
    if count(topic).is_none() {
        return Err(format!("topic {topic} does not exist; `kinfold topics apply` creates it"));
    }
    let with_payload = letters.iter().filter(|letter| letter.payload_bytes.is_some());
    let payloads: BTreeSet<Place> = with_payload.map(|letter| letter.place).collect();
    match letters.first() {
        Some(first) if !payloads.is_empty() => {
            let letters = letters.iter().map(|letter| (letter.part, letter.place)).collect();
            Ok(Back { payloads, letters, trace: first.trace })
        }
        _ => Err(
            "no payload is kept: the record was empty, or larger than 1 MiB; its source has to send it again"
                .to_owned(),
        ),
    }
}

/// What a replay did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Records that went back.
    pub records: usize,
    /// In so many transactions.
    pub transactions: usize,
}

/// Takes the place of any other replay of the deployment; afterwards what stands open is what none of them has replayed.
///
/// # Errors
/// When Kafka does not answer.
pub fn begin(shelf: &Shelf) -> Result<Replayer<'_>, Failure> {
    let replayer = Replayer::open(&shelf.settings).map_err(failed)?;
    reader::settle(&shelf.settings, Topic::TouchpointRefused.as_str()).map_err(Failure::fault)?;
    Ok(replayer)
}

/// Carries a plan out.
///
/// # Errors
/// When Kafka fails, or another replay took our place. What was committed stays, and the rest stands open.
pub fn carry_out(plan: &Plan, shelf: &Shelf, replayer: &Replayer<'_>) -> Result<Done, Failure> {
    let mut desk = Desk { shelf, replayer, batch: Batch::default(), done: Done::default() };
    let places =
        plan.records.iter().flat_map(|(at, back)| back.payloads.iter().map(move |place| (*place, at)));
    let by_place: BTreeMap<Place, &Coordinates> = places.collect();
    let mut found: BTreeMap<&Coordinates, Vec<DeadLetter>> = BTreeMap::new();
    shelf.fetch(&by_place.keys().copied().collect(), &mut |place, letter| {
        let Some(coordinates) = by_place.get(&place).copied() else { return Ok(()) };
        let Some(back) = plan.records.get(coordinates) else { return Ok(()) };
        let letters = found.entry(coordinates).or_default();
        letters.push(letter);
        if letters.len() < back.payloads.len() {
            return Ok(());
        }
        let letters = found.remove(coordinates).unwrap_or_default();
        desk.add(coordinates, back, letters)
    })?;
    desk.commit()?;
    Ok(desk.done)
}

/// What one transaction holds so far.
#[derive(Default)]
struct Batch {
    records: usize,
    back: Vec<Outgoing>,
    tombstones: Vec<Outgoing>,
    bytes: usize,
}

struct Desk<'d> {
    shelf: &'d Shelf,
    replayer: &'d Replayer<'d>,
    batch: Batch,
    done: Done,
}

impl Desk<'_> {
    fn add(
        &mut self,
        coordinates: &Coordinates,
        back: &Back,
        letters: Vec<DeadLetter>,
    ) -> Result<(), Failure> {
        for letter in letters {
            let outgoing = returned(coordinates, back.trace, letter, &self.shelf.world, now());
            self.batch.bytes += outgoing.value.as_ref().map_or(0, Vec::len);
            self.batch.back.push(outgoing);
        }
        for (part, place) in &back.letters {
            let key = LetterKey { coordinates: coordinates.clone(), part: *part };
            self.batch.tombstones.push(tombstone(&key, back.trace, *place));
        }
        self.batch.records += 1;
        if self.batch.records >= BATCH_RECORDS || self.batch.bytes >= BATCH_BYTES {
            self.commit()?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Failure> {
        let Batch { records, back, tombstones, .. } = std::mem::take(&mut self.batch);
        if records == 0 {
            return Ok(());
        }
        self.replayer.commit(&back, &tombstones).map_err(failed)?;
        self.done.records += records;
        self.done.transactions += 1;
        Ok(())
    }
}

/// The record as it was, to the partition from which it came, if that is still there. Its time is now, because a log that is
/// cut by time would lose an older one, or its first time where the source's clock was ahead: capture heeds no first time
/// that is later than the record's own.
fn returned(
    coordinates: &Coordinates,
    trace: Trace,
    letter: DeadLetter,
    world: &World,
    now: Timestamp,
) -> Outgoing {
    let count = world.count(&coordinates.topic).and_then(|count| i32::try_from(count).ok()).unwrap_or(1);
    let original = Original { coordinates: coordinates.clone(), time: letter.time };
    Outgoing {
        topic: coordinates.topic.clone(),
        partition: Some(coordinates.partition % count.max(1)),
        key: letter.key,
        value: letter.payload,
        headers: vec![
            (ORIGINAL_HEADER.to_owned(), original.to_string().into_bytes()),
            (TRACE_HEADER.to_owned(), trace.to_string().into_bytes()),
        ],
        time_ms: Some(letter.time.max(now).millis()),
    }
}

fn failed(error: WorkerError) -> Failure {
    match error {
        WorkerError::Fenced { .. } => Failure::Fault(
            "another `kinfold dead replay` of this deployment has begun and took the place of this one; what this one had \
             not committed stands open, for the other or for the next"
                .to_owned(),
        ),
        error => Failure::Fault(format!(
            "{error}; a transaction is whole or nothing, so run the same command again: it goes on with what stands open"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dead::samples::{at, letter, open};
    use kinfold_pipeline::{First, Origin};

    fn plan(letters: &[DeadLetter]) -> Plan {
        let fold = open(letters);
        let records: Vec<_> = fold.open.iter().map(|(at, letters)| (at, letters.as_slice())).collect();
        Plan::new(&records, &["shop".to_owned(), "gone".to_owned()], &|topic| {
            (topic != "raw.gone").then_some(4)
        })
    }

    #[test]
    fn only_what_capture_refused_and_kept_and_reads_is_replayed_and_the_others_are_named_with_the_reason() {
        let place = at("shop", 1);
        let (kept, empty) =
            (letter(&place, "bad_time", Some(b"{")), letter(&at("shop", 2), "empty_record", None));
        let of_stitch =
            DeadLetter { stage: "stitch".to_owned(), topic: "identity-op".to_owned(), ..kept.clone() };
        let [unread, gone] = ["web", "gone"].map(|source| letter(&at(source, 3), "bad_time", Some(b"{")));
        let plan = plan(&[kept, empty, of_stitch, unread, gone]);
        assert_eq!(plan.records.keys().collect::<Vec<_>>(), [&place]);
        assert_eq!(plan.by_source(), [("shop", 1)].into());
        let reasons: Vec<(String, bool)> =
            ["stitch refused it", "does not exist", "no payload", "does not read"]
                .iter()
                .zip(&plan.others)
                .map(|(part, (at, why))| (format!("{at}: {why}"), why.contains(part)))
                .collect();
        assert_eq!(reasons.len(), 4);
        assert!(reasons.iter().all(|(_, is_right)| *is_right), "{reasons:#?}");
    }

    #[test]
    fn letters_of_one_record_go_back_together_with_every_payload_among_them() {
        let place = at("shop", 1);
        let [first, part, forged] =
            [Some(&b"{"[..]), None, Some(b"[")].map(|payload| letter(&place, "bad_time", payload));
        let plan = plan(&[first, part, forged]);
        let back = &plan.records[&place];
        assert_eq!(back.payloads.iter().map(|place| place.offset).collect::<Vec<_>>(), [0, 2]);
        assert_eq!(back.letters, [(0, Place { partition: 0, offset: 2 })].into(), "one key, one tombstone");
        assert_eq!(back.trace, Trace::of_source("raw.shop", 0, 1));
    }

    /// What capture reads of where a record stood first.
    fn first_of(back: &Outgoing) -> Option<First> {
        let (_, header) = back.headers.iter().find(|(name, _)| name == ORIGINAL_HEADER)?;
        let time = Timestamp::from_millis(back.time_ms?).ok()?;
        First::from_header(header, &Origin::Raw("shop".into()), time)
    }

    #[test]
    fn a_record_is_written_now_and_no_earlier_than_at_first_where_the_clock_of_its_source_was_ahead() {
        let place = at("shop", 17);
        let trace = Trace::of_source("raw.shop", 0, 17);
        for (ahead, expected) in [(-3_600_000, 0), (0, 0), (3_600_000, 3_600_000)] {
            let now = Timestamp::from_millis(1_780_000_000_000).expect("in range");
            let time = now.plus_millis(ahead);
            let refused = DeadLetter { time, ..letter(&place, "bad_time", Some(b"{")) };
            let back = returned(&place, trace, refused, &World::default(), now);
            assert_eq!(back.time_ms, Some(now.plus_millis(expected).millis()));
            assert_eq!(first_of(&back), Some(First { partition: 0, offset: 17, time }));
        }
    }

    #[test]
    fn a_record_goes_back_as_it_was_and_capture_reads_where_it_stood_first() {
        let place = at("shop", 17);
        let whole = DeadLetter { key: Some(b"k".to_vec()), ..letter(&place, "bad_time", Some(b"{")) };
        let (trace, time) = (Trace::of_source("raw.shop", 0, 17), whole.time);
        let back = returned(&place, trace, whole, &World::default(), time);
        assert_eq!((back.topic.as_str(), back.partition), ("raw.shop", Some(0)));
        assert_eq!((back.key.as_deref(), back.value.as_deref()), (Some(&b"k"[..]), Some(&b"{"[..])));
        let header =
            |wanted: &str| back.headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| &value[..]);
        assert_eq!(first_of(&back), Some(First { partition: 0, offset: 17, time }));
        assert_eq!(header(TRACE_HEADER), Some(trace.to_string().as_bytes()));
        for (part, expected) in [(0, &b"raw.shop/0/17"[..]), (2, b"raw.shop/0/17/2")] {
            let key = LetterKey { coordinates: place.clone(), part };
            let end = tombstone(&key, trace, Place { partition: 3, offset: 0 });
            assert_eq!((end.partition, end.key.as_deref(), end.value), (Some(3), Some(expected), None));
        }
    }
}
