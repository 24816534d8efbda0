//! Records that are too large: 10 MB from a source, and a facet that grows beyond what can be written.

use std::time::{Duration, Instant};

use kinfold_cli::generate::Generated;
use kinfold_kafka::client::{Outgoing, send};
use kinfold_pipeline::StageName;
use kinfold_wire::raw_topic;
use serde_json::json;

use crate::case::{Case, Outcome, Seen, expect};
use crate::checker::{Checker, dead_letters};
use crate::consumer::Program;
use crate::crew::Crew;
use crate::deployment::Deployment;
use crate::ground::Ground;
use crate::load::{Feeding, Load};
use crate::watch::Watch;

pub(crate) const IN: Case = Case {
    number: 22,
    fault: "records of 10 MB on a raw topic that takes them",
    expected: "refused with the reason; the others go on",
    is_short: false,
    run: |ground| run(ground, "c22a", large_input),
};

pub(crate) const OUT: Case = Case {
    number: 22,
    fault: "touchpoints of one sighting whose facet outgrows 8 MiB",
    expected: "split, or refused with the reason; no endless loop, the others go on",
    is_short: false,
    run: |ground| run(ground, "c22b", large_output),
};

fn run(ground: &Ground, name: &str, staged: fn(&Deployment<'_>) -> Outcome<Seen>) -> Outcome<Seen> {
    let deployment = Deployment::new(ground, name)?;
    deployment.explained(staged(&deployment))
}

const COUNT: usize = 3;

fn large_input(deployment: &Deployment<'_>) -> Outcome<Seen> {
    let topic = deployment.settings.topic("raw.webshop");
    let arguments = ["--alter", "--entity-type", "topics", "--entity-name", &topic];
    let setting = ["--add-config", "max.message.bytes=12000000"];
    deployment.ground.tool("kafka.admin.ConfigCommand", &[&arguments[..], &setting].concat())?;
    let crew = Crew::start(deployment)?;
    let fault = Instant::now();
    let watch = Watch::from(deployment, StageName::People, fault)?;
    let feeding = Feeding::begin(deployment, 22, 300)?;
    let mut settings = deployment.settings.clone();
    settings.properties.insert("message.max.bytes".to_owned(), "12000000".to_owned());
    let value = format!(
        "{{\"time\":\"2026-03-01T10:15:00Z\",\"source\":\"webshop\",\"x\":\"{}\"}}",
        "a".repeat(10_000_000)
    );
    let large =
        Outgoing { topic: raw_topic("webshop"), value: Some(value.into_bytes()), ..Outgoing::default() };
    send(&settings, std::iter::repeat_n(large, COUNT))?;
    let first_commit = watch.first_commit()?;
    let checker = Checker::new(deployment, &feeding.done()?)?.with_strangers(COUNT, Vec::new());
    let caught_up = checker.caught_up(fault)?;
    let proof = checker.prove()?;
    let refused =
        dead_letters(deployment)?.into_iter().filter(|(letter, _)| letter.kind == "record_too_large");
    let refused = refused.count();
    expect(refused == COUNT, || format!("{refused} of {COUNT} were refused as too large"))?;
    let most = crew.get(Program::Capture)?.memory_mb()?.1;
    crew.stop_all()?;
    let what = format!("{refused} refused as record_too_large, capture used {most} MB at most; {proof}");
    Ok(Seen { what, first_commit: Some(first_commit), caught_up: Some(caught_up) })
}

/// So many touchpoints with 64 attributes of 4 kB each, every one under another name, are about 10 MB together.
const TOUCHPOINTS: usize = 40;

fn large_output(deployment: &Deployment<'_>) -> Outcome<Seen> {
    let load = Load::new(23, 1500)?;
    let crew = Crew::start(deployment)?;
    let fault = Instant::now();
    let swollen = Load { records: (0..TOUCHPOINTS).map(swelling).collect() };
    swollen.feed_at_once(deployment)?;
    load.feed_at_once(deployment)?;
    // The profile of that one person is whatever the limit makes of it, so only that the others go on is awaited.
    let watch = Watch::from(deployment, StageName::People, fault)?;
    let first_commit = watch.first_commit()?;
    let expected = deployment.expected(&load)?;
    let mut missing = expected.len();
    crate::patience::until(Duration::from_secs(120), "the people whom the large facet is not about", || {
        let published = kinfold_cli::on_kafka::published(&deployment.settings);
        let published = published.map_err(|failure| crate::case::Failure::Wrong(failure.to_string()))?;
        missing = expected.iter().filter(|(key, profile)| published.get(*key) != Some(profile)).count();
        Ok((missing == 0).then_some(()))
    })?;
    for program in Program::ALL {
        crew.await_ready(program)?;
    }
    let refused =
        dead_letters(deployment)?.into_iter().filter(|(letter, _)| !letter.topic.starts_with("raw."));
    let what =
        format!("{} refusals of stages after capture; the others are as they should be", refused.count());
    crew.stop_all()?;
    Ok(Seen { what, first_commit: Some(first_commit), caught_up: None })
}

fn swelling(number: usize) -> Generated {
    let text = "x".repeat(4000);
    let attributes = (0..64).map(|attribute| (format!("attribute_{number}_{attribute}"), json!(text)));
    let record = json!({
        "touchpoint_id": format!("swollen-{number}"),
        "time": "2026-03-01T10:15:00Z",
        "source": "crm",
        "identifiers": [{"namespace": "customer_id", "value": "C-SWOLLEN"}],
        "attributes": attributes.collect::<serde_json::Map<_, _>>(),
    });
    Generated { source: "crm", record: record.to_string().into_bytes(), person: 0, sound: true }
}
