//! TERM while a store is being brought up: what was read of the changelog so far is as good as it was, and the next start
//! goes on.

use std::time::{Duration, Instant};

use kinfold_pipeline::StageName;

use crate::case::{Case, Outcome, Seen};
use crate::checker::Checker;
use crate::consumer::Program;
use crate::crew::Crew;
use crate::deployment::Deployment;
use crate::ground::Ground;
use crate::load::Load;
use crate::patience::until;
use crate::proxy::{Action, Api};
use crate::watch::Watch;

pub(crate) const CASE: Case = Case {
    number: 26,
    fault: "TERM while stitch, whose state is lost, reads its changelog",
    expected: "it ends in order, and the next start finishes what was begun",
    is_short: false,
    run,
};

fn run(ground: &Ground) -> Outcome<Seen> {
    let deployment = Deployment::new(ground, "c26")?;
    deployment.explained(staged(&deployment))
}

fn staged(deployment: &Deployment<'_>) -> Outcome<Seen> {
    let load = Load::new(26, 6000)?;
    let checker = Checker::new(deployment, &load)?;
    let mut crew = Crew::start(deployment)?;
    load.feed_at_once(deployment)?;
    checker.caught_up(Instant::now())?;
    crew.stop(Program::Stitch)?;
    std::fs::remove_dir_all(deployment.state("1").join(StageName::Stitch.as_str()))?;

    // Slow enough to be met on its way.
    let slow =
        deployment.ground.proxy.rule(Api::Fetch, "", Action::Delay(Duration::from_secs(1)), usize::MAX);
    crew.begin(Program::Stitch)?;
    let stitch = crew.get(Program::Stitch)?;
    until(Duration::from_secs(60), "a store that is being brought up", || {
        Ok(stitch.ready().filter(|(_, why)| why.contains("is being restored")).map(|_| ()))
    })?;
    let fault = Instant::now();
    // Its exit code has to be 0; that of a process that cannot end in order in time is another.
    crew.stop(Program::Stitch)?;
    let ended = fault.elapsed();
    drop(slow);

    let watch = Watch::from(deployment, StageName::Stitch, fault)?;
    crew.begin(Program::Stitch)?;
    let more = Load::new(260, 500)?;
    more.feed_at_once(deployment)?;
    let first_commit = watch.first_commit()?;
    let whole = Checker::new(deployment, &load.and(&more))?;
    let caught_up = whole.caught_up(fault)?;
    let proof = whole.prove()?;
    crew.stop_all()?;
    let what = format!("it ended in order after {:.1} s; {proof}", ended.as_secs_f64());
    Ok(Seen { what, first_commit: Some(first_commit), caught_up: Some(caught_up) })
}
