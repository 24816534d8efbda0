//! An EndTxn that arrives late: its sender, cut off, has asked again on another connection, has been answered, and is
//! in the middle of the next transaction. The old protocol has one epoch for both, so the broker may take the late
//! commit for that of the next.

use std::time::{Duration, Instant};

use kinfold_pipeline::StageName;

use crate::case::{Case, Failure, Outcome, Seen, wrong};
use crate::checker::Checker;
use crate::consumer::Program;
use crate::crew::Crew;
use crate::deployment::Deployment;
use crate::ground::Ground;
use crate::load::Load;
use crate::patience::{pass, until};
use crate::proxy::{Action, Api};
use crate::watch::{Watch, trail};

pub(crate) const CAPTURE: Case = Case {
    number: 4,
    fault: "a late EndTxn of capture meets the next transaction",
    expected: "fenced, or torn transaction is raised; never silent",
    is_short: false,
    run: |ground| run(ground, "c4a", Program::Capture, StageName::Capture),
};

pub(crate) const STITCH: Case = Case {
    number: 4,
    fault: "a late EndTxn of stitch meets the next transaction",
    expected: "fenced, or torn transaction is raised; never silent",
    is_short: false,
    run: |ground| run(ground, "c4b", Program::Stitch, StageName::Stitch),
};

/// What the log says when it is noticed.
const LOUD: &str = "torn transaction";

fn run(ground: &Ground, name: &str, program: Program, stage: StageName) -> Outcome<Seen> {
    let deployment = Deployment::new(ground, name)?;
    deployment.explained(staged(&deployment, program, stage))
}

fn staged(deployment: &Deployment<'_>, program: Program, stage: StageName) -> Outcome<Seen> {
    let load = Load::new(4, 2500)?;
    let checker = Checker::new(deployment, &load)?;
    let crew = Crew::start(deployment)?;
    let feeding = load.feed(deployment, 150);
    let (proxy, id) = (&deployment.ground.proxy, deployment.transactions(stage));
    let late = proxy.rule(Api::EndTxn, &id, Action::Postpone, 1);
    late.await_held(1, Duration::from_secs(30))?;
    // Half of what the next transaction writes: there the late commit does most harm.
    let offsets = proxy.rule(Api::TxnOffsetCommit, &id, Action::Delay(Duration::ZERO), 1);
    let output = deployment.settings.topic(&trail(stage));
    let first = proxy.rule(Api::Produce, &output, Action::Delay(Duration::ZERO), 1);
    first.await_held(1, Duration::from_secs(60))?;
    let middle = proxy.rule(Api::Produce, &id, Action::HoldRequest, 1);
    middle.await_held(1, Duration::from_secs(60))?;
    pass(Duration::from_millis(200))?;
    let half = if offsets.held() > 0 { "with offsets and one output" } else { "with one output" };
    let fault = Instant::now();
    let watch = Watch::from(deployment, stage, fault)?;
    late.release();
    let code = late.end_txn_error(Duration::from_secs(10))?;
    let answer = match code {
        0 => format!("the broker took the late EndTxn for that of a transaction {half}"),
        code => format!("the broker refused the late EndTxn with error {code}"),
    };
    pass(Duration::from_millis(500))?;
    middle.release();
    let first_commit = watch.first_commit();
    feeding.done()?;
    let consumer = crew.get(program)?;
    let said = |failure: Failure| match failure {
        Failure::Wrong(why) => format!("{answer}, and {why}"),
        Failure::NotStaged(why) => why,
    };
    let proof = until(Duration::from_secs(30), "people or a complaint", || {
        if consumer.log().contains(LOUD) {
            return Ok(Some(None));
        }
        Ok(Some(Some(checker.caught_up(fault).and_then(|took| Ok((took, checker.prove()?))))))
    })?;
    match proof {
        None => Ok(Seen { what: format!("{answer}; torn transaction is raised"), ..Seen::default() }),
        Some(Ok((caught_up, proof))) => {
            crew.stop_all()?;
            let what = format!("{answer}; {proof}");
            Ok(Seen { what, first_commit: first_commit.ok(), caught_up: Some(caught_up) })
        }
        Some(Err(_)) if consumer.log().contains(LOUD) => {
            Ok(Seen { what: format!("{answer}; torn transaction is raised"), ..Seen::default() })
        }
        Some(Err(failure)) => wrong(said(failure)),
    }
}
