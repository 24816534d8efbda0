//! An EndTxn that arrives late: its sender, cut off, has asked again on another connection, has been answered, and is
//! in the middle of the next transaction. The old protocol has one epoch for both, unless the sender takes care.

use std::time::{Duration, Instant};

use kinfold_pipeline::StageName;

use crate::case::{Case, Outcome, Seen, expect};
use crate::checker::Checker;
use crate::consumer::Program;
use crate::crew::Crew;
use crate::deployment::Deployment;
use crate::ground::Ground;
use crate::load::Feeding;
use crate::patience::pass;
use crate::proxy::{Action, Api};
use crate::watch::{Watch, trail};

pub(crate) const CAPTURE: Case = Case {
    number: 4,
    fault: "a late EndTxn of capture meets the next transaction",
    expected: "fenced",
    is_short: false,
    run: |ground| run(ground, "c4a", Program::Capture, StageName::Capture),
};

pub(crate) const STITCH: Case = Case {
    number: 4,
    fault: "a late EndTxn of stitch meets the next transaction",
    expected: "fenced",
    is_short: false,
    run: |ground| run(ground, "c4b", Program::Stitch, StageName::Stitch),
};

fn run(ground: &Ground, name: &str, program: Program, stage: StageName) -> Outcome<Seen> {
    let deployment = Deployment::new(ground, name)?;
    deployment.explained(staged(&deployment, program, stage))
}

fn staged(deployment: &Deployment<'_>, program: Program, stage: StageName) -> Outcome<Seen> {
    let crew = Crew::start(deployment)?;
    let feeding = Feeding::begin(deployment, 4, 150)?;
    let (proxy, id) = (&deployment.ground.proxy, deployment.transactions(stage));
    let late = proxy.rule(Api::EndTxn, &id, Action::Postpone, 1);
    late.await_held(1, Duration::from_secs(30))?;
    // Half of what the next transaction writes: there a late commit would do most harm.
    let output = deployment.settings.topic(&trail(stage));
    let first = proxy.rule(Api::Produce, &output, Action::Delay(Duration::ZERO), 1);
    first.await_held(1, Duration::from_secs(60))?;
    let middle = proxy.rule(Api::Produce, &id, Action::HoldRequest, 1);
    middle.await_held(1, Duration::from_secs(60))?;
    pass(Duration::from_millis(200))?;
    let fault = Instant::now();
    let watch = Watch::from(deployment, stage, fault)?;
    late.release();
    let code = late.end_txn_error(Duration::from_secs(10))?;
    pass(Duration::from_millis(500))?;
    middle.release();
    expect(code != 0, || "the broker took the late EndTxn for that of the next transaction".to_owned())?;
    let first_commit = watch.first_commit()?;
    let checker = Checker::new(deployment, &feeding.done()?)?;
    let caught_up = checker.caught_up(fault)?;
    let proof = checker.prove()?;
    let torn = crew.get(program)?.log().matches("torn transaction").count();
    expect(torn == 0, || format!("torn transaction was raised {torn} times"))?;
    crew.stop_all()?;
    let what = format!("the broker refused the late EndTxn with error {code}; {proof}");
    Ok(Seen { what, first_commit: Some(first_commit), caught_up: Some(caught_up) })
}
