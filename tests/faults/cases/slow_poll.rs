//! A member that is too slow: its commit takes longer than `max.poll.interval.ms`, while its heartbeats go on and
//! another member joins.

use std::time::{Duration, Instant};

use kinfold_pipeline::StageName;

use crate::case::{Case, Outcome, Seen, expect};
use crate::checker::Checker;
use crate::consumer::Program;
use crate::crew::Crew;
use crate::deployment::{Deployment, PARTITIONS};
use crate::ground::Ground;
use crate::load::Load;
use crate::patience::until;
use crate::proxy::{Action, Api};

pub(crate) const CASE: Case = Case {
    number: 6,
    fault: "max.poll.interval.ms exceeded in mid-transaction while another member joins",
    expected: "the other takes over; the slow one's commit is refused, and it joins again",
    is_short: false,
    run,
};

/// The least that librdkafka lets all clients of a process have: those that are in no group keep its default session.
const INTERVAL: Duration = Duration::from_secs(45);
/// The slow member would give its transaction up before that interval has passed, if a transaction might not take longer.
const TRANSACTION: Duration = Duration::from_secs(55);

fn run(ground: &Ground) -> Outcome<Seen> {
    let deployment = Deployment::new(ground, "c6")?;
    deployment.explained(staged(&deployment))
}

fn staged(deployment: &Deployment<'_>) -> Outcome<Seen> {
    let load = Load::new(6, 3000)?;
    let checker = Checker::new(deployment, &load)?;
    let config = deployment.path("impatient.toml");
    let interval_ms = INTERVAL.as_millis();
    std::fs::write(&config, format!("[kafka.properties]\n\"max.poll.interval.ms\" = \"{interval_ms}\"\n"))?;
    let config = config.to_string_lossy();
    let mut crew = Crew::new(deployment);
    crew.begin(Program::Capture)?;
    let patient = TRANSACTION.as_millis().to_string();
    let settings =
        [("KINFOLD_CONFIG", &*config), ("KINFOLD_KAFKA__TRANSACTION_TIMEOUT_MS", patient.as_str())];
    crew.begin_with(Program::Stitch, &settings)?;
    crew.begin(Program::Profile)?;
    for program in Program::ALL {
        crew.await_ready(program)?;
    }
    let feeding = load.feed(deployment, 150);
    let id = deployment.transactions_of(StageName::Stitch, "1");
    let held = deployment.ground.proxy.rule(Api::EndTxn, &id, Action::HoldRequest, usize::MAX);
    held.await_held(1, Duration::from_secs(30))?;
    let fault = Instant::now();
    let other = deployment.start(Program::Stitch, "2")?;
    let all = usize::try_from(PARTITIONS)?;
    let owned = |wanted: usize| {
        let commits = other.commits(StageName::Stitch).unwrap_or_default();
        Ok((commits.len() == wanted).then_some(()))
    };
    until(Duration::from_secs(120), "the other member to take over everything", || owned(all))?;
    let taken_over = fault.elapsed();
    held.release();
    let code = held.end_txn_error(Duration::from_secs(20))?;
    expect(code != 0, || "the broker took the slow member's commit".to_owned())?;
    until(Duration::from_secs(90), "the slow member to join again", || owned(all / 2))?;
    feeding.done()?;
    let caught_up = checker.caught_up(fault)?;
    let proof = checker.prove()?;
    expect(other.stop()? == Some(0), || "the other member did not end in order".to_owned())?;
    crew.stop_all()?;
    let what = format!("the broker refused the commit with error {code}; {proof}");
    Ok(Seen { what, first_commit: Some(taken_over), caught_up: Some(caught_up) })
}
