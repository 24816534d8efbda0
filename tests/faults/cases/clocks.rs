//! Clocks that are wrong: records whose times in the log jump by an hour, and touchpoints of times that nobody meant.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use kinfold_cli::generate::Generated;
use kinfold_kafka::client::{Outgoing, send};
use kinfold_pipeline::StageName;
use kinfold_wire::raw_topic;
use serde_json::{Value, json};

use crate::case::{Case, Outcome, Seen};
use crate::checker::Checker;
use crate::crew::Crew;
use crate::deployment::Deployment;
use crate::ground::Ground;
use crate::load::Load;
use crate::watch::Watch;

pub(crate) const CASE: Case = Case {
    number: 25,
    fault: "clocks of sources that step by an hour; touchpoints of the times 0, -1 and of the year 2100",
    expected: "no wall clock in any decision: the people are those of a local run",
    is_short: false,
    run,
};

/// What a source's clock is off by, in turn. Kafka takes no record that is an hour in the future.
const STEPS_MS: [i64; 4] = [0, -3_600_000, 3_540_000, -86_400_000];

fn run(ground: &Ground) -> Outcome<Seen> {
    let deployment = Deployment::new(ground, "c25")?;
    deployment.explained(staged(&deployment))
}

fn staged(deployment: &Deployment<'_>) -> Outcome<Seen> {
    let odd: Vec<Value> =
        vec![json!(0), json!(-1), json!("2100-01-01T00:00:00Z"), json!("1970-01-01T00:00:00Z")];
    let odd = Load { records: odd.iter().enumerate().map(|(number, time)| at(time, number)).collect() };
    let load = Load::new(25, 2000)?.and(&odd);
    let checker = Checker::new(deployment, &load)?;
    let crew = Crew::start(deployment)?;
    let fault = Instant::now();
    let watch = Watch::from(deployment, StageName::People, fault)?;
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let stepping =
        load.records.iter().cloned().zip(STEPS_MS.iter().cycle()).map(|(generated, step)| Outgoing {
            topic: raw_topic(generated.source),
            value: Some(generated.record),
            time_ms: Some(now + step),
            ..Outgoing::default()
        });
    send(&deployment.settings, stepping)?;
    let first_commit = watch.first_commit()?;
    let caught_up = checker.caught_up(fault)?;
    let proof = checker.prove()?;
    crew.stop_all()?;
    let what = format!("{proof}; steps of this machine's own clock are not staged");
    Ok(Seen { what, first_commit: Some(first_commit), caught_up: Some(caught_up) })
}

fn at(time: &Value, number: usize) -> Generated {
    let record = json!({
        "touchpoint_id": format!("odd-{number}"), "time": time, "source": "crm",
        "identifiers": [{"namespace": "customer_id", "value": "C-ODD"}],
        "attributes": {"city": format!("city {number}")},
    });
    Generated { source: "crm", record: record.to_string().into_bytes(), person: 0, sound: true }
}
