//! A member whose commits are held for longer than `max.poll.interval.ms`, while its heartbeats go on and another member
//! joins. It gives each transaction up long before, so that it polls in time.

use std::time::{Duration, Instant};

use kinfold_pipeline::StageName;

use crate::case::{Case, Outcome, Seen, expect};
use crate::checker::Checker;
use crate::consumer::Program;
use crate::crew::Crew;
use crate::deployment::{Deployment, PARTITIONS};
use crate::ground::Ground;
use crate::load::Feeding;
use crate::patience::{pass, until};
use crate::proxy::{Action, Api};

pub(crate) const CASE: Case = Case {
    number: 6,
    fault: "commits held for longer than max.poll.interval.ms, while another member joins",
    expected: "it gives them up in time and stays a member; no late commit is taken",
    is_short: false,
    run,
};

/// The least that librdkafka lets all clients of a process have: those that are in no group keep its default session.
const INTERVAL: Duration = Duration::from_secs(45);

fn run(ground: &Ground) -> Outcome<Seen> {
    let deployment = Deployment::new(ground, "c6")?;
    deployment.explained(staged(&deployment))
}

fn staged(deployment: &Deployment<'_>) -> Outcome<Seen> {
    let config = deployment.path("impatient.toml");
    let interval_ms = INTERVAL.as_millis();
    std::fs::write(&config, format!("[kafka.properties]\n\"max.poll.interval.ms\" = \"{interval_ms}\"\n"))?;
    let config = config.to_string_lossy();
    let mut crew = Crew::new(deployment);
    crew.begin(Program::Capture)?;
    crew.begin_with(Program::Stitch, &[("KINFOLD_CONFIG", &config)])?;
    crew.begin(Program::Profile)?;
    for program in Program::ALL {
        crew.await_ready(program)?;
    }
    let feeding = Feeding::begin(deployment, 6, 150)?;
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
    until(Duration::from_secs(90), "the two members to share the partitions", || owned(all / 2))?;
    let shared = fault.elapsed();
    pass((INTERVAL + Duration::from_secs(10)).saturating_sub(shared))?;
    let given_up = held.held();
    held.release();
    let code = held.end_txn_error(Duration::from_secs(20))?;
    expect(code != 0, || "the broker took the first commit, which was given up".to_owned())?;
    expect(given_up > 1, || "the slow member gave nothing up".to_owned())?;
    expect(owned(all / 2)?.is_some(), || "the slow member lost its partitions".to_owned())?;
    let checker = Checker::new(deployment, &feeding.done()?)?;
    let caught_up = checker.caught_up(fault)?;
    let proof = checker.prove()?;
    expect(other.stop()? == Some(0), || "the other member did not end in order".to_owned())?;
    crew.stop_all()?;
    let what = format!("{given_up} commits were held, the first was refused with error {code}; {proof}");
    Ok(Seen { what, first_commit: None, caught_up: Some(caught_up) })
}
