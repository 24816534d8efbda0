//! A bad disk under stitch's state: slow, then syncs that fail, then writes that fail.

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
use crate::shim::compiled;
use crate::watch::Watch;

pub(crate) const CASE: Case = Case {
    number: 15,
    fault: "the disk of stitch's state is slow, then fails to sync, then fails to write",
    expected: "slower, or stands still and says so; goes on when the disk does; nothing lost",
    is_short: false,
    run,
};

const EACH: Duration = Duration::from_secs(8);

fn run(ground: &Ground) -> Outcome<Seen> {
    let deployment = Deployment::new(ground, "c15")?;
    deployment.explained(staged(&deployment))
}

fn staged(deployment: &Deployment<'_>) -> Outcome<Seen> {
    let library = compiled(deployment, "disk")?;
    let switch = deployment.path("switch");
    let (library, folder) = (library.to_string_lossy(), deployment.state("1"));
    let (folder, name) = (folder.to_string_lossy(), switch.to_string_lossy());
    let shim =
        [("LD_PRELOAD", &*library), ("KINFOLD_SHIM_FOLDER", &*folder), ("KINFOLD_SHIM_SWITCH", &*name)];

    let mut crew = Crew::new(deployment);
    crew.begin(Program::Capture)?;
    crew.begin_with(Program::Stitch, &shim)?;
    crew.begin(Program::Profile)?;
    for program in Program::ALL {
        crew.await_ready(program)?;
    }
    let feeding = Feeding::begin(deployment, 15, 120)?;
    for mode in ["slow", "fsync", "eio"] {
        std::fs::write(&switch, mode)?;
        pass(EACH)?;
    }
    let reasons = crew.await_not_ready(Program::Stitch, Duration::from_secs(60))?;
    let names = reasons.contains("Input/output error") || reasons.contains("IO error");
    expect(names, || format!("/ready does not name the cause: {reasons}"))?;
    let fault = Instant::now();
    let watch = Watch::from(deployment, StageName::Stitch, fault)?;
    std::fs::remove_file(&switch)?;
    let first_commit = watch.first_commit()?;
    let checker = Checker::new(deployment, &feeding.done()?)?;
    let caught_up = checker.caught_up(fault)?;
    crew.await_ready(Program::Stitch)?;
    let proof = checker.prove()?;
    crew.stop_all()?;
    let what = format!("/ready named the cause; {proof}");
    Ok(Seen { what, first_commit: Some(first_commit), caught_up: Some(caught_up) })
}
