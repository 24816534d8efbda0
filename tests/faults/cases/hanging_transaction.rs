//! A stranger writes to an input topic in a transaction that it never ends.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kinfold_kafka::reader::ends;
use kinfold_testkit::broker::script;

use crate::case::{Case, Outcome, Seen};
use crate::checker::Checker;
use crate::consumer::Program;
use crate::crew::Crew;
use crate::deployment::Deployment;
use crate::ground::Ground;
use crate::load::Load;
use crate::patience::until;

pub(crate) const CASE: Case = Case {
    number: 19,
    fault: "a stranger's transaction hangs on raw.webshop",
    expected: "a metric names topic and partition, and for how long, within a minute",
    is_short: false,
    run,
};

const TOPIC: &str = "raw.webshop";
const STRANGER: &str = "stranger";
/// The alert fires after a minute; half of that shows that it will.
const HELD_BACK_SECONDS: f64 = 30.0;

fn run(ground: &Ground) -> Outcome<Seen> {
    let deployment = Deployment::new(ground, "c19")?;
    deployment.explained(staged(&deployment))
}

/// A process and its children. They are killed when it is dropped.
struct Stranger(Child);

impl Drop for Stranger {
    fn drop(&mut self) {
        drop(Command::new("kill").args(["-KILL", "--", &format!("-{}", self.0.id())]).status());
        drop(self.0.wait());
    }
}

fn staged(deployment: &Deployment<'_>) -> Outcome<Seen> {
    let load = Load::new(19, 800)?;
    let crew = Crew::start(deployment)?;
    load.feed_at_once(deployment)?;
    Checker::new(deployment, &load)?.caught_up(Instant::now())?;
    let stranger = begin_a_transaction(deployment)?;
    until(Duration::from_secs(60), "the stranger's transaction", || {
        let open =
            ends(&deployment.settings, TOPIC)?.values().any(|ends| ends.last_stable < ends.high_watermark);
        Ok(open.then_some(()))
    })?;
    drop(stranger);
    let fault = Instant::now();
    let capture = crew.get(Program::Capture)?;
    let topic = format!("topic=\"{TOPIC}\"");
    until(Duration::from_secs(60), "a metric that says for how long records were held back", || {
        let seconds = capture.metric("kinfold_held_back_seconds", &topic).unwrap_or_default();
        Ok((seconds >= HELD_BACK_SECONDS).then_some(()))
    })?;
    let told = fault.elapsed().as_secs_f64();
    let what = format!("kinfold_held_back_seconds told it {told:.1} s after the writer's end");
    crew.stop_all()?;
    Ok(Seen { what, ..Seen::default() })
}

/// Kafka's own load generator, with a transaction that lasts longer than anybody waits.
fn begin_a_transaction(deployment: &Deployment<'_>) -> Outcome<Stranger> {
    let topic = deployment.settings.topic(TOPIC);
    let server = format!("bootstrap.servers={}", deployment.ground.address());
    let child = script("run", Path::new("ProducerPerformance"))
        .args(["--topic", &topic, "--num-records", "1000000", "--record-size", "10"])
        .args(["--throughput", "2", "--transactional-id", STRANGER, "--transaction-duration-ms", "800000"])
        .args(["--producer-props", &server, "transaction.timeout.ms=850000"])
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok(Stranger(child))
}
