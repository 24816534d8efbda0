//! A zombie: an instance stands still in mid-transaction beyond its session, another takes over, and it wakes up. Its
//! request to commit, which the proxy held back meanwhile, arrives then too.

use std::time::{Duration, Instant};

use kinfold_pipeline::StageName;

use crate::case::{Case, Outcome, Seen, expect};
use crate::checker::Checker;
use crate::consumer::Program;
use crate::crew::Crew;
use crate::deployment::{Deployment, PARTITIONS, SESSION};
use crate::ground::Ground;
use crate::load::Feeding;
use crate::patience::until;
use crate::proxy::{Action, Api};
use crate::watch::hidden;

pub(crate) const CASE: Case = Case {
    number: 5,
    fault: "SIGSTOP in mid-transaction beyond the session, another takes over, SIGCONT",
    expected: "the zombie's commit is refused and its writes do not appear",
    is_short: true,
    run,
};

fn run(ground: &Ground) -> Outcome<Seen> {
    let deployment = Deployment::new(ground, "c5")?;
    deployment.explained(staged(&deployment))
}

fn staged(deployment: &Deployment<'_>) -> Outcome<Seen> {
    let crew = Crew::start(deployment)?;
    let other = deployment.start(Program::Stitch, "2")?;
    let owned = |wanted: usize| {
        let commits = other.commits(StageName::Stitch).unwrap_or_default();
        Ok((commits.len() == wanted).then_some(()))
    };
    let all = usize::try_from(PARTITIONS)?;
    until(Duration::from_secs(60), "two instances to share the partitions", || owned(all / 2))?;

    let feeding = Feeding::begin(deployment, 5, 200)?;
    let id = deployment.transactions_of(StageName::Stitch, "1");
    let held = deployment.ground.proxy.rule(Api::EndTxn, &id, Action::HoldRequest, 1);
    held.await_held(1, Duration::from_secs(30))?;
    let open = hidden(deployment, StageName::Stitch)?;
    let zombie = crew.get(Program::Stitch)?;
    let fault = Instant::now();
    zombie.pause()?;
    until(SESSION * 6, "the other instance to take over", || owned(all))?;
    let taken_over = fault.elapsed();
    held.release();
    let code = held.end_txn_error(Duration::from_secs(20))?;
    zombie.go_on()?;
    expect(open > 0, || "the zombie's transaction held no record that could have appeared".to_owned())?;
    expect(code != 0, || "the broker took the zombie's late commit".to_owned())?;

    let checker = Checker::new(deployment, &feeding.done()?)?;
    let caught_up = checker.caught_up(fault)?;
    let proof = checker.prove()?;
    let joined = Duration::from_secs(60);
    until(joined, "the woken instance to be a member again", || owned(all / 2))?;
    crew.stop_all()?;
    expect(other.stop()? == Some(0), || "the other instance did not end in order".to_owned())?;
    let what = format!("the broker refused the late commit with error {code}; {proof}");
    Ok(Seen { what, first_commit: Some(taken_over), caught_up: Some(caught_up) })
}
