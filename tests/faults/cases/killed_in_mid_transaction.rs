//! `kill -9` in mid-transaction: the proxy holds back the request to commit, and the process is killed then.

use std::time::{Duration, Instant};

use kinfold_pipeline::StageName;

use crate::case::{Case, Outcome, Seen, expect};
use crate::checker::Checker;
use crate::consumer::Program;
use crate::crew::Crew;
use crate::deployment::Deployment;
use crate::ground::Ground;
use crate::load::Feeding;
use crate::proxy::{Action, Api};
use crate::watch::{Watch, hidden};

pub(crate) const CASE: Case = Case {
    number: 1,
    fault: "kill -9 in mid-transaction, of each stage",
    expected: "nothing of the transaction is visible; the successor goes on",
    is_short: true,
    run,
};

fn run(ground: &Ground) -> Outcome<Seen> {
    let deployment = Deployment::new(ground, "c1")?;
    deployment.explained(staged(&deployment))
}

fn staged(deployment: &Deployment<'_>) -> Outcome<Seen> {
    let mut crew = Crew::start(deployment)?;
    let feeding = Feeding::begin(deployment, 1, 150)?;
    let (mut slowest, mut undone) = (Duration::ZERO, 0);
    let mut fault = Instant::now();
    for (program, stage) in [
        (Program::Capture, StageName::Capture),
        (Program::Stitch, StageName::Stitch),
        (Program::Profile, StageName::People),
    ] {
        let id = deployment.transactions(stage);
        let held = deployment.ground.proxy.rule(Api::EndTxn, &id, Action::HoldRequest, 1);
        held.await_held(1, Duration::from_secs(30))?;
        fault = Instant::now();
        crew.kill(program);
        let open = hidden(deployment, stage)?;
        expect(open > 0, || format!("{stage}: the transaction of the process that was killed is visible"))?;
        undone += open;
        held.discard();
        let watch = Watch::from(deployment, stage, fault)?;
        crew.begin(program)?;
        slowest = slowest.max(watch.first_commit()?);
    }
    let checker = Checker::new(deployment, &feeding.done()?)?;
    let caught_up = checker.caught_up(fault)?;
    let proof = checker.prove()?;
    crew.stop_all()?;
    let what = format!("{undone} records of open transactions never became visible; {proof}");
    Ok(Seen { what, first_commit: Some(slowest), caught_up: Some(caught_up) })
}
