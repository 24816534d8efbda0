//! A disk without a free byte: that of stitch's state, and that of the broker.

use std::time::{Duration, Instant};

use kinfold_pipeline::StageName;

use crate::case::{Case, Outcome, Seen, expect};
use crate::checker::Checker;
use crate::consumer::Program;
use crate::crew::Crew;
use crate::deployment::Deployment;
use crate::ground::Ground;
use crate::load::Feeding;
use crate::mount::Disk;
use crate::patience::{pass, until};
use crate::watch::Watch;

pub(crate) const STATE: Case = Case {
    number: 13,
    fault: "the disk of stitch's state is full",
    expected: "stands still and says so on /ready and metrics; goes on when there is room; nothing lost",
    is_short: false,
    run: run_state,
};

pub(crate) const BROKER: Case = Case {
    number: 14,
    fault: "the broker's disk is full, and it ends",
    expected: "not ready meanwhile; goes on when there is room and the broker is back; nothing lost",
    is_short: false,
    run: run_broker,
};

/// Enough for stores to begin, and not for what is fed.
const ROOM: u64 = 1 << 20;
const FULL: Duration = Duration::from_secs(12);

fn run_state(ground: &Ground) -> Outcome<Seen> {
    let deployment = Deployment::new(ground, "c13")?;
    let disk = Disk::mount(deployment.path("disk"), 200)?;
    deployment.explained(full_state(&deployment, &disk))
}

fn full_state(deployment: &Deployment<'_>, disk: &Disk) -> Outcome<Seen> {
    let mut crew = Crew::new(deployment);
    crew.begin(Program::Capture)?;
    crew.begin(Program::Profile)?;
    let folder = disk.path("state");
    let state = folder.to_string_lossy();
    // RocksDB takes the room for its log ahead of time, where there is any.
    disk.fill()?;
    disk.leave(ROOM)?;
    crew.begin_with(Program::Stitch, &[("KINFOLD_STATE__DIR", &state)])?;
    for program in Program::ALL {
        crew.await_ready(program)?;
    }
    let feeding = Feeding::begin(deployment, 13, 150)?;
    let reasons = crew.await_not_ready(Program::Stitch, Duration::from_secs(60))?;
    let stitch = crew.get(Program::Stitch)?;
    let faults = stitch.metric("kinfold_faults_total", "kind=\"state\"").unwrap_or_default();
    expect(faults > 0.0, || format!("no metric counts it, while /ready says {reasons}"))?;
    expect(reasons.to_lowercase().contains("space"), || {
        format!("/ready does not name the cause: {reasons}")
    })?;
    pass(FULL)?;
    let fault = Instant::now();
    let watch = Watch::from(deployment, StageName::Stitch, fault)?;
    disk.empty()?;
    let first_commit = watch.first_commit()?;
    let checker = Checker::new(deployment, &feeding.done()?)?;
    let caught_up = checker.caught_up(fault)?;
    crew.await_ready(Program::Stitch)?;
    let proof = checker.prove()?;
    crew.stop_all()?;
    let what = format!("/ready named the cause; {proof}");
    Ok(Seen { what, first_commit: Some(first_commit), caught_up: Some(caught_up) })
}

fn run_broker(ground: &Ground) -> Outcome<Seen> {
    // Kafka writes its log files ahead of time: indexes of 10 MB for each partition, sparse in memory.
    let disk = Disk::mount(ground.folder("c14-disk"), 400)?;
    let ground = ground.another_with(&disk.path("broker"), &["log.index.size.max.bytes=65536"])?;
    let deployment = Deployment::new(&ground, "c14")?;
    deployment.explained(full_broker(&deployment, &disk))
}

fn full_broker(deployment: &Deployment<'_>, disk: &Disk) -> Outcome<Seen> {
    let crew = Crew::start(deployment)?;
    let feeding = Feeding::begin(deployment, 14, 150)?;
    pass(Duration::from_secs(3))?;
    disk.fill()?;
    for program in Program::ALL {
        crew.await_not_ready(program, Duration::from_secs(90))?;
    }
    pass(FULL)?;
    let fault = Instant::now();
    disk.empty()?;
    // It ends when it cannot write; should it live on, it is ended, as an operator would.
    deployment.ground.crash_broker();
    until(Duration::from_secs(90), "the broker to start with room on its disk", || {
        Ok(deployment.ground.start_broker().ok())
    })?;
    let watch = Watch::from(deployment, StageName::People, fault)?;
    let first_commit = watch.first_commit()?;
    let checker = Checker::new(deployment, &feeding.done()?)?;
    let caught_up = checker.caught_up(fault)?;
    let proof = checker.prove()?;
    crew.stop_all()?;
    Ok(Seen { what: proof.to_string(), first_commit: Some(first_commit), caught_up: Some(caught_up) })
}
