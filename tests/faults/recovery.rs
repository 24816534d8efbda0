//! How long stitch needs to recover from `kill -9`, against the size of its state: started again with its state, started
//! again without it, and taken over by another instance with and without a standby. In: how many identifiers the state
//! is to hold. Out: a table of seconds. It measures, and judges nothing.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use kinfold_cli::generate::Generated;
use kinfold_kafka::reader::ends;
use kinfold_pipeline::StageName;
use serde_json::json;

use crate::case::{Failure, Outcome};
use crate::consumer::{Consumer, Program};
use crate::crew::READY;
use crate::deployment::{Deployment, SESSION};
use crate::ground::Ground;
use crate::load::Load;
use crate::patience::{pass, until};
use crate::watch::{rest, trail};

/// The namespaces of which each person has one identifier.
const NAMESPACES: [&str; 5] = ["customer_id", "loyalty_id", "email", "device_id", "cookie"];
/// So many touchpoints wait when a process has been killed.
const BACKLOG: usize = 2000;
/// The longest restore that is waited for.
const PATIENCE: Duration = Duration::from_secs(1200);
const STAGE: StageName = StageName::Stitch;
/// That of a deployment which says nothing.
const CACHE: (&str, &str) = ("KINFOLD_STATE__CACHE_BYTES", "268435456");

/// What happens after the kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Restart,
    RestartWithoutState,
    TakenOver { standbys: u8 },
}

const WAYS: [Way; 4] =
    [Way::Restart, Way::RestartWithoutState, Way::TakenOver { standbys: 0 }, Way::TakenOver { standbys: 1 }];

impl Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Restart => f.write_str("started again with its state"),
            Self::RestartWithoutState => f.write_str("started again without its state"),
            Self::TakenOver { standbys: 0 } => f.write_str("half of it taken over, no standby"),
            Self::TakenOver { .. } => f.write_str("half of it taken over, one standby"),
        }
    }
}

/// From the kill.
struct Row {
    way: Way,
    first_commit: Duration,
    every_partition: Duration,
    caught_up: Duration,
}

/// Measures, and prints the table.
pub(crate) fn run(identifiers: usize, keep: bool) -> ExitCode {
    let measured = Ground::start(keep).map_err(Failure::Wrong).and_then(|ground| {
        let deployment = Deployment::with(&ground, "recovery", &[CACHE])?;
        let measured = measure(&deployment, identifiers);
        deployment.explained(measured)
    });
    match measured {
        Ok(rows) => {
            println!("\nstitch with {identifiers} identifiers; seconds from kill -9");
            println!("| what happens | first commit | every partition commits | no lag |\n|---|---|---|---|");
            for Row { way, first_commit, every_partition, caught_up } in rows {
                let [first, every, done] =
                    [first_commit, every_partition, caught_up].map(|time| time.as_secs_f64());
                println!("| {way} | {first:.1} | {every:.1} | {done:.1} |");
            }
            println!("a dead member is noticed after {} s", SESSION.as_secs());
            ExitCode::SUCCESS
        }
        Err(Failure::Wrong(why) | Failure::NotStaged(why)) => {
            println!("FAILED: {why}");
            ExitCode::FAILURE
        }
    }
}

fn measure(deployment: &Deployment<'_>, identifiers: usize) -> Outcome<Vec<Row>> {
    let others = [deployment.start(Program::Capture, "1")?, deployment.start(Program::Profile, "1")?];
    let first = deployment.start(Program::Stitch, "1")?;
    others.iter().chain([&first]).try_for_each(ready)?;
    let began = Instant::now();
    let people = identifiers.div_ceil(NAMESPACES.len());
    load(0, people).feed_at_once(deployment)?;
    rest(deployment, STAGE, PATIENCE)?;
    println!("{identifiers} identifiers are stored after {} s", began.elapsed().as_secs());
    let mut rows = Vec::new();
    let mut next = people;
    let mut running = Some(first);
    for way in WAYS {
        let (victim, heir) = staged(deployment, running.take(), way)?;
        let burst = load(next, BACKLOG);
        next += BACKLOG;
        let before = stable(deployment)?;
        let killed = Instant::now();
        victim.kill();
        if way == Way::RestartWithoutState {
            std::fs::remove_dir_all(deployment.state("1"))?;
        }
        burst.feed_at_once(deployment)?;
        let heir = heir.map_or_else(|| deployment.start(Program::Stitch, "1"), Ok)?;
        let moved = |partitions: usize| {
            until(PATIENCE, "commits", || {
                let now = stable(deployment)?;
                let moved = now.iter().filter(|(partition, end)| before.get(*partition) < Some(end)).count();
                Ok((moved >= partitions).then(|| killed.elapsed()))
            })
        };
        let (first_commit, every_partition) = (moved(1)?, moved(before.len())?);
        let caught_up = rest(deployment, STAGE, PATIENCE)?.duration_since(killed);
        println!("{way}: {:.1} s", caught_up.as_secs_f64());
        rows.push(Row { way, first_commit, every_partition, caught_up });
        running = Some(heir);
    }
    Ok(rows)
}

/// The one that is to be killed, and the one that takes over, if it runs already.
fn staged(
    deployment: &Deployment<'_>,
    running: Option<Consumer>,
    way: Way,
) -> Outcome<(Consumer, Option<Consumer>)> {
    let Way::TakenOver { standbys } = way else {
        let victim = running.map_or_else(|| deployment.start(Program::Stitch, "1"), Ok)?;
        ready(&victim)?;
        return Ok((victim, None));
    };
    drop(running.map(Consumer::stop));
    pass(SESSION)?;
    let standbys = standbys.to_string();
    for instance in ["1", "2"] {
        if deployment.state(instance).exists() {
            std::fs::remove_dir_all(deployment.state(instance))?;
        }
    }
    let begin = |instance| {
        deployment.start_with(Program::Stitch, instance, &[("KINFOLD_STATE__STANDBYS", standbys.as_str())])
    };
    let (victim, heir) = (begin("1")?, begin("2")?);
    until(PATIENCE, "both to share the partitions", || {
        let halves = [victim.commits(STAGE), heir.commits(STAGE)].map(Option::unwrap_or_default);
        let all = stable(deployment)?.len();
        Ok((halves.iter().all(|half| half.len() == all / 2)).then_some(()))
    })?;
    if standbys != "0" {
        until(PATIENCE, "the standby to catch up", || {
            let (owned, kept) = (victim.commits(STAGE), heir.standbys(STAGE));
            Ok((owned.is_some() && owned == kept).then_some(()))
        })?;
    }
    Ok((victim, Some(heir)))
}

fn ready(consumer: &Consumer) -> Outcome<()> {
    until(READY.max(PATIENCE), "a consumer to be ready", || {
        Ok(consumer.ready().filter(|(ready, _)| *ready).map(|_| ()))
    })
}

/// The committed end of each partition of the changelog.
fn stable(deployment: &Deployment<'_>) -> Outcome<BTreeMap<i32, i64>> {
    let ends = ends(&deployment.settings, &trail(STAGE))?;
    Ok(ends.into_iter().map(|(partition, ends)| (partition, ends.last_stable)).collect())
}

/// Touchpoints of so many people whom nobody has seen before, each with all of their identifiers.
fn load(first: usize, people: usize) -> Load {
    let one = |number: usize| {
        let identifier = |namespace: &str| {
            let value = match namespace {
                "email" => format!("person{number}@example.org"),
                _ => format!("{namespace}-{number}"),
            };
            json!({"namespace": namespace, "value": value})
        };
        let record = json!({
            "touchpoint_id": format!("recovery-{number}"),
            "time": 1_772_323_200_000_i64 + i64::try_from(number).unwrap_or_default(),
            "source": "webshop",
            "identifiers": NAMESPACES.map(identifier),
        });
        Generated { source: "webshop", record: record.to_string().into_bytes(), person: 0, sound: true }
    };
    Load { records: (first..first + people).map(one).collect() }
}
