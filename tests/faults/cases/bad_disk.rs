//! A bad disk under stitch's state: slow, then syncs that fail, then writes that fail.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use kinfold_pipeline::StageName;

use crate::case::{Case, Outcome, Seen, expect};
use crate::checker::Checker;
use crate::consumer::Program;
use crate::crew::Crew;
use crate::deployment::Deployment;
use crate::ground::Ground;
use crate::load::Feeding;
use crate::patience::{pass, until};
use crate::shim::compiled;
use crate::watch::Watch;

pub(crate) const CASE: Case = Case {
    number: 15,
    fault: "the disk of stitch's state is slow, then fails to sync, then fails to write",
    expected: "slower, or stands still and says so; goes on when the disk does; nothing lost",
    is_short: false,
    run,
};

/// How long the disk is as bad as it is.
const EACH: Duration = Duration::from_secs(8);
/// Until a fault is told, on a machine that is very busy.
const TOLD: Duration = Duration::from_secs(90);

fn run(ground: &Ground) -> Outcome<Seen> {
    let deployment = Deployment::new(ground, "c15")?;
    deployment.explained(staged(&deployment))
}

fn staged(deployment: &Deployment<'_>) -> Outcome<Seen> {
    let library = compiled(deployment, "disk")?;
    let disk = Disk { switch: deployment.path("switch"), hits: deployment.path("hits") };
    let (library, folder) = (library.to_string_lossy(), deployment.state("1"));
    let (folder, switch) = (folder.to_string_lossy(), disk.switch.to_string_lossy());
    let hits = disk.hits.to_string_lossy();
    let shim = [
        ("LD_PRELOAD", &*library),
        ("KINFOLD_SHIM_FOLDER", &*folder),
        ("KINFOLD_SHIM_SWITCH", &*switch),
        ("KINFOLD_SHIM_HITS", &*hits),
    ];

    let mut crew = Crew::new(deployment);
    crew.begin(Program::Capture)?;
    crew.begin_with(Program::Stitch, &shim)?;
    crew.begin(Program::Profile)?;
    for program in Program::ALL {
        crew.await_ready(program)?;
    }
    let feeding = Feeding::begin(deployment, 15, 120)?;

    disk.become_bad("slow")?;
    pass(EACH)?;
    // A slow disk is no fault: stitch commits as long as it is one.
    Watch::from(deployment, StageName::Stitch, Instant::now())?.first_commit()?;
    let slowed = disk.hits("slow")?;
    let counted = faults(&crew)?;
    expect(counted <= 0.0, || format!("a disk that is only slow was counted as {counted} faults"))?;

    // A commit is not synced, because the changelog has it: who is at work need not notice. A store that is opened is.
    disk.become_bad("fsync")?;
    crew.kill(Program::Stitch);
    crew.begin_with(Program::Stitch, &shim)?;
    stands_still(&crew, 0.0)?;
    pass(EACH)?;
    let unsynced = disk.hits("fsync")?;
    let (_, after_syncs) = mended(deployment, &disk)?;
    crew.await_ready(Program::Stitch)?;

    let before = faults(&crew)?;
    disk.become_bad("eio")?;
    stands_still(&crew, before)?;
    pass(EACH)?;
    let unwritten = disk.hits("eio")?;
    let (fault, after_writes) = mended(deployment, &disk)?;

    let checker = Checker::new(deployment, &feeding.done()?)?;
    let caught_up = checker.caught_up(fault)?;
    crew.await_ready(Program::Stitch)?;
    let proof = checker.prove()?;
    crew.stop_all()?;
    let what = format!(
        "{slowed} calls were slow, {unsynced} syncs and {unwritten} writes or syncs failed; /ready named the cause of \
         both; {proof}"
    );
    Ok(Seen { what, first_commit: Some(after_syncs.max(after_writes)), caught_up: Some(caught_up) })
}

/// The disk as the library of ours makes it.
struct Disk {
    /// Holds what it is like; not there when it is good.
    switch: PathBuf,
    /// A letter for each call that was slow or failed: the first of what the disk was like.
    hits: PathBuf,
}

impl Disk {
    fn become_bad(&self, mode: &str) -> Outcome<()> {
        Ok(std::fs::write(&self.switch, mode)?)
    }

    /// How many calls were hit while the disk was like this; none would mean that nothing was staged.
    fn hits(&self, mode: &str) -> Outcome<usize> {
        let all = std::fs::read(&self.hits).unwrap_or_default();
        let hits = all.iter().filter(|letter| mode.as_bytes().first() == Some(*letter)).count();
        expect(hits > 0, || format!("stitch made no call that a disk in the mode {mode} spoils"))?;
        Ok(hits)
    }
}

/// The disk is good again; gives when, and how long stitch then took to commit.
fn mended(deployment: &Deployment<'_>, disk: &Disk) -> Outcome<(Instant, Duration)> {
    let fault = Instant::now();
    let watch = Watch::from(deployment, StageName::Stitch, fault)?;
    std::fs::remove_file(&disk.switch)?;
    Ok((fault, watch.first_commit()?))
}

/// Waits until stitch names the cause on `/ready`, and its metrics count it.
fn stands_still(crew: &Crew<'_>, counted: f64) -> Outcome<()> {
    let stitch = crew.get(Program::Stitch)?;
    until(TOLD, "stitch to name the cause on /ready", || {
        let is_named = |why: &str| why.contains("Input/output error") || why.contains("IO error");
        Ok(stitch.ready().filter(|(ready, why)| !ready && is_named(why)).map(|_| ()))
    })?;
    until(TOLD, "stitch to count a fault of its state", || Ok((faults(crew)? > counted).then_some(())))
}

/// How many faults of its state stitch has counted.
fn faults(crew: &Crew<'_>) -> Outcome<f64> {
    let stitch = crew.get(Program::Stitch)?;
    until(TOLD, "stitch to tell its metrics", || Ok(stitch.metric("kinfold_faults_total", "kind=\"state\"")))
}
