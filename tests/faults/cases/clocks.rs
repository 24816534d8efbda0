//! Clocks that are wrong: records whose times in the log jump by an hour, touchpoints of times that nobody meant, and
//! consumers whose own clock is set.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kinfold_cli::generate::Generated;
use kinfold_kafka::client::{Outgoing, send};
use kinfold_pipeline::StageName;
use kinfold_wire::raw_topic;
use serde_json::{Value, json};

use crate::case::{Case, Outcome, Seen, expect};
use crate::checker::Checker;
use crate::consumer::Program;
use crate::crew::Crew;
use crate::deployment::Deployment;
use crate::ground::Ground;
use crate::load::{Feeding, Load};
use crate::patience::pass;
use crate::shim::compiled;
use crate::watch::Watch;

pub(crate) const SOURCES: Case = Case {
    number: 25,
    fault: "clocks of sources that step by an hour; touchpoints of the times 0, -1 and of the year 2100",
    expected: "no wall clock in any decision: the people are those of a local run",
    is_short: false,
    run: |ground| run(ground, "c25-sources", sources),
};

pub(crate) const MACHINE: Case = Case {
    number: 25,
    fault: "the consumers' own clock is set back an hour, ahead, and back a day, with kill -9 of stitch after each",
    expected: "the same; no store is taken for too old or for another's",
    is_short: false,
    run: |ground| run(ground, "c25-machine", machine),
};

/// What a clock is off by, in turn. Kafka takes no record that is an hour in the future.
const STEPS_S: [i64; 4] = [0, -3_600, 3_540, -86_400];

fn run(ground: &Ground, name: &str, staged: fn(&Deployment<'_>) -> Outcome<Seen>) -> Outcome<Seen> {
    let deployment = Deployment::new(ground, name)?;
    deployment.explained(staged(&deployment))
}

fn sources(deployment: &Deployment<'_>) -> Outcome<Seen> {
    // Else the broker's clock would tell.
    for source in &deployment.settings.sources {
        let topic = deployment.settings.topic(&raw_topic(source));
        let setting = "message.timestamp.type=CreateTime";
        let arguments =
            ["--alter", "--entity-type", "topics", "--entity-name", &topic, "--add-config", setting];
        deployment.ground.tool("kafka.admin.ConfigCommand", &arguments)?;
    }
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
        load.records.iter().cloned().zip(STEPS_S.iter().cycle()).map(|(generated, step)| Outgoing {
            topic: raw_topic(generated.source),
            value: Some(generated.record),
            time_ms: Some(now + step * 1000),
            ..Outgoing::default()
        });
    send(&deployment.settings, stepping)?;
    let first_commit = watch.first_commit()?;
    let caught_up = checker.caught_up(fault)?;
    let proof = checker.prove()?;
    crew.stop_all()?;
    Ok(Seen { what: proof.to_string(), first_commit: Some(first_commit), caught_up: Some(caught_up) })
}

fn machine(deployment: &Deployment<'_>) -> Outcome<Seen> {
    let clock = deployment.path("clock");
    let (library, name) = (compiled(deployment, "clock")?, clock.to_string_lossy());
    let library = library.to_string_lossy();
    let shim = [("LD_PRELOAD", &*library), ("KINFOLD_SHIM_CLOCK", &*name)];
    let mut crew = Crew::new(deployment);
    for program in Program::ALL {
        crew.begin_with(program, &shim)?;
    }
    for program in Program::ALL {
        crew.await_ready(program)?;
    }
    let feeding = Feeding::begin(deployment, 250, 150)?;
    let (mut fault, mut slowest, mut restored) = (Instant::now(), Duration::ZERO, 0.0);
    for step in STEPS_S.iter().cycle().skip(1).take(STEPS_S.len()) {
        pass(Duration::from_secs(3))?;
        fault = Instant::now();
        std::fs::write(&clock, step.to_string())?;
        pass(Duration::from_secs(2))?;
        crew.kill(Program::Stitch);
        let watch = Watch::from(deployment, StageName::Stitch, fault)?;
        crew.begin_with(Program::Stitch, &shim)?;
        slowest = slowest.max(watch.first_commit()?);
        let stitch = crew.get(Program::Stitch)?;
        restored += stitch.metric("kinfold_restored_records_total", "stage=\"stitch\"").unwrap_or_default();
        expect(!stitch.log().contains("is set aside"), || format!("at {step} s a store was set aside"))?;
    }
    let checker = Checker::new(deployment, &feeding.done()?)?;
    let caught_up = checker.caught_up(fault)?;
    let proof = checker.prove()?;
    crew.stop_all()?;
    let what = format!("every store was kept, {restored} changes replayed; {proof}");
    Ok(Seen { what, first_commit: Some(slowest), caught_up: Some(caught_up) })
}

fn at(time: &Value, number: usize) -> Generated {
    let record = json!({
        "touchpoint_id": format!("odd-{number}"), "time": time, "source": "crm",
        "identifiers": [{"namespace": "customer_id", "value": "C-ODD"}],
        "attributes": {"city": format!("city {number}")},
    });
    Generated { source: "crm", record: record.to_string().into_bytes(), person: 0, sound: true }
}
