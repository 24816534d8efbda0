//! Little of everything: memory, file descriptors, processor; and nothing that leaks over many rebalances.

use std::process::Command;
use std::time::{Duration, Instant};

use kinfold_pipeline::StageName;

use crate::case::{Case, Outcome, Seen, expect};
use crate::cgroup::Cgroup;
use crate::checker::Checker;
use crate::consumer::{Consumer, Program, binary};
use crate::crew::Crew;
use crate::deployment::{Deployment, PARTITIONS};
use crate::ground::Ground;
use crate::load::Load;
use crate::patience::until;
use crate::watch::Watch;

pub(crate) const LITTLE: Case = Case {
    number: 24,
    fault: "stitch with 256 MB of memory, 128 file descriptors and a tenth of a processor",
    expected: "runs slower, exactly once",
    is_short: false,
    run: |ground| run(ground, "c24a", little),
};

pub(crate) const LEAKS: Case = Case {
    number: 24,
    fault: "100 rebalances of stitch",
    expected: "the member that stays leaks neither memory nor file descriptors",
    is_short: false,
    run: |ground| run(ground, "c24b", leaks),
};

const REBALANCES: usize = 100;
const MORE_FILES: usize = 16;
const MORE_MB: u64 = 80;

fn run(ground: &Ground, name: &str, staged: fn(&Deployment<'_>) -> Outcome<Seen>) -> Outcome<Seen> {
    let deployment = Deployment::new(ground, name)?;
    deployment.explained(staged(&deployment))
}

fn little(deployment: &Deployment<'_>) -> Outcome<Seen> {
    let group = Cgroup::new("faults", 256, 10)?;
    let load = Load::new(24, 1500)?;
    let checker = Checker::new(deployment, &load)?;
    let mut crew = Crew::new(deployment);
    crew.begin(Program::Capture)?;
    crew.begin(Program::Profile)?;
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit -n 128; {}", group.enter()), "sh"])
        .arg(binary(Program::Stitch.as_str())?);
    crew.join(Program::Stitch, deployment.start_in(command, Program::Stitch, "1", &[])?);
    for program in Program::ALL {
        crew.await_ready(program)?;
    }
    let fault = Instant::now();
    let watch = Watch::from(deployment, StageName::Stitch, fault)?;
    load.feed_at_once(deployment)?;
    let first_commit = watch.first_commit()?;
    let caught_up = checker.caught_up(fault)?;
    let proof = checker.prove()?;
    let most = crew.get(Program::Stitch)?.memory_mb()?.1;
    crew.stop_all()?;
    let what = format!("at most {most} MB, {} times at the limit of memory; {proof}", group.failures());
    Ok(Seen { what, first_commit: Some(first_commit), caught_up: Some(caught_up) })
}

fn leaks(deployment: &Deployment<'_>) -> Outcome<Seen> {
    let load = Load::new(240, 600)?;
    let checker = Checker::new(deployment, &load)?;
    let crew = Crew::start(deployment)?;
    load.feed_at_once(deployment)?;
    checker.caught_up(Instant::now())?;
    let stays = crew.get(Program::Stitch)?;
    let all = usize::try_from(PARTITIONS)?;
    let owns = |count: usize| {
        let commits = stays.commits(StageName::Stitch).unwrap_or_default();
        Ok((commits.len() == count).then_some(()))
    };
    let mut early = None;
    let began = Instant::now();
    for round in 0..REBALANCES / 2 {
        let other = deployment.start(Program::Stitch, "2")?;
        until(Duration::from_secs(60), "half of the partitions to go", || owns(all / 2))?;
        expect(other.stop()? == Some(0), || "the other member did not end in order".to_owned())?;
        until(Duration::from_secs(60), "all partitions to come back", || owns(all))?;
        if round == 5 {
            early = Some(used(stays)?);
        }
    }
    let ((files, mb), (more_files, more_mb)) = (early.unwrap_or_default(), used(stays)?);
    let proof = checker.prove()?;
    crew.stop_all()?;
    expect(more_files <= files + MORE_FILES, || format!("{files} descriptors became {more_files}"))?;
    expect(more_mb <= mb + MORE_MB, || format!("{mb} MB became {more_mb}"))?;
    let each = began.elapsed().as_secs_f64() / REBALANCES as f64;
    let what = format!(
        "{files} descriptors and {mb} MB early, {more_files} and {more_mb} at the end; {each:.1} s each; {proof}"
    );
    Ok(Seen { what, ..Seen::default() })
}

/// Open file descriptors, and megabytes of memory.
fn used(consumer: &Consumer) -> Outcome<(usize, u64)> {
    let files = std::fs::read_dir(format!("/proc/{}/fd", consumer.pid()))?.count();
    Ok((files, consumer.memory_mb()?.0))
}
