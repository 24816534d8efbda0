//! The answer to EndTxn is lost: the transaction was ended, and who asked for it cannot know how. The same with the
//! request, which the broker never saw.

use std::time::{Duration, Instant};

use crate::case::{Case, Outcome, Seen};
use crate::checker::Checker;
use crate::crew::Crew;
use crate::deployment::Deployment;
use crate::ground::Ground;
use crate::load::{FED, Feeding};
use crate::proxy::{Action, Api};
use crate::watch::Watch;

pub(crate) const CASE: Case = Case {
    number: 3,
    fault: "EndTxn's answer is lost, then EndTxn itself, at each stage",
    expected: "either applied or done again, never both",
    is_short: false,
    run,
};

fn run(ground: &Ground) -> Outcome<Seen> {
    let deployment = Deployment::new(ground, "c3")?;
    deployment.explained(staged(&deployment))
}

fn staged(deployment: &Deployment<'_>) -> Outcome<Seen> {
    let crew = Crew::start(deployment)?;
    let feeding = Feeding::begin(deployment, 3, 250)?;
    let (mut slowest, mut lost) = (Duration::ZERO, 0);
    let mut fault = Instant::now();
    for stage in FED {
        for action in [Action::LoseAnswer, Action::LoseRequest] {
            let id = deployment.transactions(stage);
            let held = deployment.ground.proxy.rule(Api::EndTxn, &id, action, 1);
            held.await_held(1, Duration::from_secs(30))?;
            fault = Instant::now();
            let watch = Watch::from(deployment, stage, fault)?;
            slowest = slowest.max(watch.first_commit()?);
            lost += held.held();
        }
    }
    let checker = Checker::new(deployment, &feeding.done()?)?;
    let caught_up = checker.caught_up(fault)?;
    let proof = checker.prove()?;
    crew.stop_all()?;
    Ok(Seen {
        what: format!("{lost} were lost; {proof}"),
        first_commit: Some(slowest),
        caught_up: Some(caught_up),
    })
}
