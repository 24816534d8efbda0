//! A stranger writes to an input topic in a transaction that it never ends.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kinfold_kafka::reader::ends;
use kinfold_testkit::broker::script;

use crate::case::{Case, Outcome, Seen, expect};
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
    expected: "a metric or message names the producer's id within a minute",
    is_short: false,
    run,
};

const TOPIC: &str = "raw.webshop";
const STRANGER: &str = "stranger";

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
    let described =
        deployment.ground.tool("TransactionsCommand", &["describe", "--transactional-id", STRANGER])?;
    let ids =
        described.lines().nth(1).map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    let id = ids.and_then(|cells| cells.get(2).cloned()).unwrap_or_default();
    expect(id.parse::<u64>().is_ok(), || {
        format!("Kafka's tool does not tell the producer's id:\n{described}")
    })?;
    let capture = crew.get(Program::Capture)?;
    until(Duration::from_secs(60), format_args!("anything that names the producer {id}"), || {
        let is_named = |text: &str| text.contains("transaction") && text.contains(&id);
        let says =
            capture.log().lines().any(is_named) || capture.ready().is_some_and(|(_, said)| is_named(&said));
        let counts = capture.metric("kinfold_", &format!("\"{id}\"")).is_some_and(|sum| sum > 0.0);
        Ok((says || counts).then_some(()))
    })?;
    let what = format!("producer {id} was named after {:.1} s", fault.elapsed().as_secs_f64());
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
