//! Two processes with one name, hence with one transactional id: they throw each other out, and say so.

use std::time::{Duration, Instant};

use kinfold_pipeline::StageName;

use crate::case::{Case, Outcome, Seen, expect};
use crate::checker::Checker;
use crate::consumer::Program;
use crate::crew::Crew;
use crate::deployment::Deployment;
use crate::ground::Ground;
use crate::load::Feeding;
use crate::patience::until;
use crate::watch::Watch;

pub(crate) const CASE: Case = Case {
    number: 27,
    fault: "two processes of stitch with one prefix and one instance",
    expected: "a message that names the setting; nothing is lost, nothing comes twice",
    is_short: false,
    run,
};

/// What the log says, with the remedy.
const LOUD: [&str; 2] =
    ["another process has taken the place of this one", "give each an instance of its own"];

fn run(ground: &Ground) -> Outcome<Seen> {
    let deployment = Deployment::new(ground, "c27")?;
    deployment.explained(staged(&deployment))
}

fn staged(deployment: &Deployment<'_>) -> Outcome<Seen> {
    let crew = Crew::start(deployment)?;
    let feeding = Feeding::begin(deployment, 27, 100)?;
    let fault = Instant::now();
    let elsewhere = deployment.state("double");
    let state = elsewhere.to_string_lossy();
    let double = deployment.start_with(Program::Stitch, "1", &[("KINFOLD_STATE__DIR", &state)])?;
    // Both write to the log of this name.
    let says = |text: &str| LOUD.iter().all(|words| text.contains(words));
    until(Duration::from_secs(60), "a message about the second process", || {
        Ok(says(&double.log()).then_some(()))
    })?;
    let noticed = fault.elapsed();
    let code = double.stop()?;
    expect(matches!(code, Some(0 | 75)), || format!("the second process ended with {code:?}"))?;
    let watch = Watch::from(deployment, StageName::Stitch, Instant::now())?;
    let first_commit = watch.first_commit()?;
    let checker = Checker::new(deployment, &feeding.done()?)?;
    let caught_up = checker.caught_up(fault)?;
    let proof = checker.prove()?;
    crew.stop_all()?;
    let what = format!("told after {:.1} s; {proof}", noticed.as_secs_f64());
    Ok(Seen { what, first_commit: Some(first_commit), caught_up: Some(caught_up) })
}
