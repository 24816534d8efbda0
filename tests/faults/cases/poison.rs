//! Poison: records that nobody should have written, on the topics of sources and on our own.

use std::time::Instant;

use kinfold_kafka::client::{Outgoing, send};
use kinfold_pipeline::StageName;
use kinfold_testkit::world::{World, keys};
use kinfold_wire::{Framing, Topic, encode, raw_topic};

use crate::case::{Case, Outcome, Seen, expect};
use crate::checker::{Checker, Place, dead_letters};
use crate::consumer::Program;
use crate::crew::Crew;
use crate::deployment::Deployment;
use crate::ground::Ground;
use crate::load::{Feeding, Load};
use crate::watch::Watch;

pub(crate) const CASE: Case = Case {
    number: 20,
    fault: "poison: wrong magic byte, unknown schema, cut varint, lists of 2 GB, deep nesting, nothing at all, 100,000 headers",
    expected: "dead-lettered once each; no panic, bounded memory",
    is_short: true,
    run,
};

/// What one consumer may use at most, in megabytes.
const MOST_MB: u64 = 700;
const HEADERS: usize = 100_000;

fn run(ground: &Ground) -> Outcome<Seen> {
    let deployment = Deployment::new(ground, "c20")?;
    deployment.explained(staged(&deployment))
}

fn staged(deployment: &Deployment<'_>) -> Outcome<Seen> {
    let with_headers = Load::new(21, 4)?;
    // On the inner topics before anything else is there, so that its place is known.
    let ours = on_our_topics();
    let places = places(&ours);
    let raw = on_raw_topics();
    send(&deployment.settings, ours.into_iter())?;
    let crew = Crew::start(deployment)?;
    let fault = Instant::now();
    let watch = Watch::from(deployment, StageName::People, fault)?;
    let feeding = Feeding::begin(deployment, 20, 300)?;
    let refused = raw.len();
    send(&deployment.settings, raw.into_iter())?;
    let headed = with_headers.records.iter().map(|one| headed(raw_topic(one.source), one.record.clone()));
    send(&large(deployment), headed)?;
    let first_commit = watch.first_commit()?;
    let load = feeding.done()?.and(&with_headers);
    let checker = Checker::new(deployment, &load)?.with_strangers(refused, places.clone());
    let caught_up = checker.caught_up(fault)?;
    let proof = checker.prove()?;
    let mut most = 0;
    for program in Program::ALL {
        let consumer = crew.get(program)?;
        most = most.max(consumer.memory_mb()?.1);
        expect(!consumer.log().contains("panicked"), || format!("{} panicked", program.as_str()))?;
    }
    expect(most <= MOST_MB, || format!("a consumer used {most} MB"))?;
    let letters = dead_letters(deployment)?.len();
    crew.stop_all()?;
    let what = format!(
        "{} records on our topics and {refused} on raw ones, {letters} dead letters in all, at most {most} MB; {proof}",
        places.len()
    );
    Ok(Seen { what, first_commit: Some(first_commit), caught_up: Some(caught_up) })
}

/// A client that may send a record of all those headers.
fn large(deployment: &Deployment<'_>) -> kinfold_kafka::Settings {
    let mut settings = deployment.settings.clone();
    settings.properties.insert("message.max.bytes".to_owned(), "8000000".to_owned());
    settings
}

fn headed(topic: String, record: Vec<u8>) -> Outgoing {
    let headers = (0..HEADERS).map(|number| (format!("h{number}"), Vec::new())).collect();
    Outgoing { topic, value: Some(record), headers, ..Outgoing::default() }
}

fn on_raw_topics() -> Vec<Outgoing> {
    let text = |text: String| Some(text.into_bytes());
    let sound =
        r#"{"time":"2026-03-01T10:15:00Z","source":"webshop","identifiers":[{"namespace":"email","value":"#;
    let values: Vec<Option<Vec<u8>>> = vec![
        None,
        Some(Vec::new()),
        Some(vec![0; 64]),
        Some(vec![0xff; 5000]),
        Some([sound.as_bytes(), b"\"\xc3\x28\"}]}"].concat()),
        text(format!("{sound}NaN}}]}}")),
        text("NaN".to_owned()),
        text("[".repeat(500_000)),
        text(format!("{}{}", "{\"a\":".repeat(100_000), "1")),
        text(format!("{{\"time\":1e400,\"source\":\"webshop\",\"identifiers\":[{}]}}", "1,".repeat(400_000))),
        text(format!("{sound}\"{}\"}}]}}", "a".repeat(900_000))),
        text("\u{feff}{}".to_owned()),
        text("{}".to_owned()),
        text("\"\\ud800\"".to_owned()),
    ];
    values
        .into_iter()
        .map(|value| Outgoing { topic: raw_topic("webshop"), value, ..Outgoing::default() })
        .collect()
}

/// Each to partition 0.
fn on_our_topics() -> Vec<Outgoing> {
    let world = World::new(20, &keys());
    let sound = world.touchpoints.first().map(|one| encode(Topic::Touchpoint, Framing::SingleObject, one));
    let sound = sound.and_then(Result::ok).unwrap_or_default();
    let datum = sound.get(..10).unwrap_or_default();
    let two_gigabytes = [0x80, 0x80, 0x80, 0x80, 0x10];
    let values: [Vec<u8>; 9] = [
        Vec::new(),
        vec![0x7f; 40],
        [&[0_u8, 0, 0, 0, 99][..], &[2; 30]].concat(),
        [&[0xc3_u8, 0x01][..], &[9; 40]].concat(),
        sound[..sound.len() / 2].to_vec(),
        [datum, &[0x80; 20]].concat(),
        [datum, &two_gigabytes].concat(),
        [&sound[..sound.len() - 3], &two_gigabytes].concat(),
        [&[1_u8][..], &[0xff; 200]].concat(),
    ];
    let topics = [
        Topic::Touchpoint,
        Topic::IdentityAssignment,
        Topic::IdentityOp,
        Topic::IdentityCommand,
        Topic::ProfileFacet,
    ];
    let to = |topic: Topic| {
        values.clone().map(|value| Outgoing {
            topic: topic.as_str().to_owned(),
            partition: Some(0),
            // Compacted topics take nothing without a key.
            key: topic.is_compacted().then(|| b"no node".to_vec()),
            value: Some(value),
            ..Outgoing::default()
        })
    };
    topics.into_iter().flat_map(to).collect()
}

fn places(records: &[Outgoing]) -> Vec<Place> {
    let mut next = std::collections::BTreeMap::new();
    let place = |record: &Outgoing| {
        let offset = next.entry(record.topic.clone()).or_insert(0);
        *offset += 1;
        (record.topic.clone(), 0, *offset - 1)
    };
    records.iter().map(place).collect()
}
