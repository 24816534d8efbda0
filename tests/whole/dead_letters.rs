//! What was refused, mended and sent again counts as if it had been right at once, in the local driver, record by record.

use std::collections::BTreeSet;
use std::path::Path;

use kinfold_capture::{Settings, UnknownMembers};
use kinfold_cli::on_kafka::{People, local};
use kinfold_cli::run::Setup;
use kinfold_daemon::config::Config;
use kinfold_mapping::Source;
use kinfold_model::{DeadLetter, Timestamp};
use kinfold_pipeline::{First, InRecord, Listener, Origin, OutRecord};
use kinfold_wire::{Coordinates, Original, SchemaIds, Topic, Trace, decode};
use serde_json::json;

use crate::local::{config, sample};
use crate::sources::compiled;

const NOW: i64 = 1_777_000_000_000;

fn time(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms).expect("in range")
}

/// What capture wrote: each touchpoint with its trace, and the dead letters by key.
#[derive(Default)]
struct Written {
    touchpoints: BTreeSet<(Vec<u8>, String)>,
    letters: Vec<(String, DeadLetter, Trace)>,
}

impl Listener for Written {
    fn written(&mut self, record: &OutRecord) {
        let value = record.value.clone().unwrap_or_default();
        if record.topic == Topic::Touchpoint {
            self.touchpoints.insert((value, record.trace.to_string()));
        } else if record.topic == Topic::TouchpointRefused {
            let letter = decode(record.topic, &SchemaIds::default(), &value).expect("we wrote it");
            let key = String::from_utf8(record.key.clone()).expect("a key is text");
            self.letters.push((key, letter, record.trace));
        }
    }
}

/// Records of one source, the first of them written at [`NOW`], one a second.
fn raw(source: &str, records: &[Vec<u8>]) -> Vec<InRecord> {
    let read = |(offset, record): (i64, &Vec<u8>)| InRecord {
        origin: Origin::Raw(source.into()),
        partition: 3,
        offset,
        time: time(NOW + 1000 * offset),
        key: None,
        value: Some(record.clone()),
        trace: None,
        first: None,
    };
    (0..).zip(records).map(read).collect()
}

/// The payloads of dead letters as a replay sends them, at other places and a day later.
fn sent_again(letters: &[(String, DeadLetter, Trace)]) -> Vec<InRecord> {
    let again = |(offset, (_, letter, trace)): (i64, &(String, DeadLetter, Trace))| {
        let DeadLetter { topic, partition, offset: first, .. } = letter.clone();
        let origin = Origin::Raw(topic.strip_prefix("raw.").expect("is a raw topic").into());
        let coordinates = Coordinates { topic, partition, offset: first };
        let header = Original { coordinates, time: letter.time }.to_string();
        let now = time(NOW + 86_400_000);
        let first = First::from_header(header.as_bytes(), &origin, now);
        assert!(first.is_some(), "{header}");
        Some(InRecord {
            origin,
            partition: 0,
            offset: 1_000_000 + offset,
            time: now,
            key: letter.key.clone(),
            value: Some(letter.payload.clone()?),
            trace: Some(*trace),
            first,
        })
    };
    (0..).zip(letters).filter_map(again).collect()
}

fn run(capture: Settings, source: Option<&Source>, store: &Path, records: &[InRecord]) -> (Written, People) {
    let setup = Setup::new(Config { capture, ..config() }, None).expect("has a secret");
    let setup = match source {
        Some(source) => setup.with_source(compiled(source.name())),
        None => setup,
    };
    let mut run = setup.begin(store).expect("the store opens");
    let mut written = Written::default();
    for round in records.chunks(500) {
        run.local.feed(round, &mut written).expect("a record is handled or refused");
    }
    run.publish().expect("people are published");
    (written, local(&run).expect("people are read"))
}

/// Feeds records under settings that refuse some, then twice what was refused under those that do not, and compares with a
/// run under the latter.
fn equals_a_run_that_was_right_at_once(
    source: Option<&Source>,
    settings: [Settings; 2],
    records: &[InRecord],
) {
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let [refusing, mended] = settings;
    let (right, people) = run(mended.clone(), source, folders[0].path(), records);
    assert!(right.letters.is_empty(), "{:?}", right.letters);
    let (mut first, before) = run(refusing.clone(), source, folders[1].path(), records);
    assert!(first.letters.len() > 10 && first.touchpoints.len() > 10, "{} refused", first.letters.len());
    assert!(before != people);
    let letters = std::mem::take(&mut first.letters);
    // The topic keeps the last record of a key only, and the payload is in the first letter of a record.
    let keys: BTreeSet<&str> = letters.iter().map(|(key, ..)| key.as_str()).collect();
    assert_eq!(keys.len(), letters.len(), "two letters have one key");
    let again = sent_again(&letters);
    assert!(!again.is_empty());

    // While nothing is mended, they are refused again, under the coordinates and with the words of the first time.
    let (refused, _) = run(refusing, source, folders[1].path(), &again);
    assert_eq!(refused.letters, letters);

    for _ in 0..2 {
        let (second, after) = run(mended.clone(), source, folders[1].path(), &again);
        assert!(second.letters.is_empty());
        first.touchpoints.extend(second.touchpoints);
        assert!(after == people, "the people differ");
    }
    assert!(first.touchpoints == right.touchpoints, "the touchpoints or their traces differ");
}

#[test]
fn records_that_are_mended_and_replayed_twice_equal_a_run_in_which_they_were_right_at_once() {
    let sound = sample(100, 2000).generate().filter(|generated| generated.sound).map(|one| one.record);
    let with_a_stranger = |(index, record): (usize, Vec<u8>)| {
        let mut value: serde_json::Value = serde_json::from_slice(&record).expect("is sound");
        if index % 7 == 3 {
            value["shoe_size"] = json!(44);
        }
        value.to_string().into_bytes()
    };
    let records: Vec<Vec<u8>> = sound.enumerate().map(with_a_stranger).collect();
    let settings = [UnknownMembers::Refuse, UnknownMembers::Drop]
        .map(|unknown_members| Settings { unknown_members, ..config().capture });
    equals_a_run_that_was_right_at_once(None, settings, &raw("web", &records));
}

#[test]
fn parts_of_a_mapped_record_that_passed_the_first_time_count_once() {
    let event = |number: usize, late: bool| {
        let seconds = if late { NOW / 1000 + 3600 } else { NOW / 1000 - 3600 };
        json!({"event": "open", "email": format!("a{}@example.com", number % 5), "timestamp": seconds})
    };
    let record = |number: usize| {
        let events = [
            event(number, false),
            event(number + 1, number.is_multiple_of(3)),
            event(number + 2, number.is_multiple_of(2)),
        ];
        json!(events).to_string().into_bytes()
    };
    let records: Vec<Vec<u8>> = (0..60).map(record).collect();
    let settings = [60_000, 86_400_000].map(|max_future_ms| Settings { max_future_ms, ..config().capture });
    let source = compiled("sendgrid");
    equals_a_run_that_was_right_at_once(Some(&source), settings, &raw("sendgrid", &records));
}
