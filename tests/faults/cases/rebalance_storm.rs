//! A storm of rebalances: every few seconds a member of some group starts, ends in order, or is killed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use fastrand::Rng;
use kinfold_pipeline::StageName;

use crate::case::{Case, Outcome, Seen, expect};
use crate::checker::Checker;
use crate::consumer::{Consumer, Program};
use crate::crew::Crew;
use crate::deployment::Deployment;
use crate::ground::Ground;
use crate::load::{FED, Feeding};
use crate::patience::pass;
use crate::watch::position;

pub(crate) const SHORT: Case = Case {
    number: 8,
    fault: "rebalance storm of 45 s: members start, end and are killed",
    expected: "every stage commits, no partition is stuck, no store is opened twice",
    is_short: true,
    run: |ground| run(ground, "c8a", Duration::from_secs(45), Duration::from_secs(45)),
};

pub(crate) const LONG: Case = Case {
    number: 8,
    fault: "rebalance storm of 4 min: members start, end and are killed",
    expected: "every stage commits in each minute, no partition is stuck, no store is opened twice",
    is_short: false,
    run: |ground| run(ground, "c8b", Duration::from_secs(240), Duration::from_secs(60)),
};

/// Besides the first member of each group, which stays.
const MEMBERS: [&str; 2] = ["2", "3"];
/// Between two changes of membership.
const PAUSE: Duration = Duration::from_secs(4);
const PER_SECOND: u32 = 50;

fn run(ground: &Ground, name: &str, storm: Duration, window: Duration) -> Outcome<Seen> {
    let deployment = Deployment::new(ground, name)?;
    deployment.explained(staged(&deployment, storm, window))
}

fn staged(deployment: &Deployment<'_>, storm: Duration, window: Duration) -> Outcome<Seen> {
    let crew = Crew::start(deployment)?;
    let feeding = Feeding::begin(deployment, 8, PER_SECOND)?;
    let mut rng = Rng::with_seed(8);
    let mut members: BTreeMap<(Program, &str), Consumer> = BTreeMap::new();
    let (mut started, mut ended, mut killed) = (0, 0, 0);
    let began = Instant::now();
    while began.elapsed() < storm {
        let window_began = Instant::now();
        let before = positions(deployment)?;
        while window_began.elapsed() < window {
            let program = Program::ALL[rng.usize(..Program::ALL.len())];
            let instance = MEMBERS[rng.usize(..MEMBERS.len())];
            match members.remove(&(program, instance)) {
                None => {
                    members.insert((program, instance), deployment.start(program, instance)?);
                    started += 1;
                }
                Some(member) if rng.bool() => {
                    let code = member.stop()?;
                    expect(code == Some(0), || {
                        format!("{} ended with {code:?} after TERM", program.as_str())
                    })?;
                    ended += 1;
                }
                Some(member) => {
                    member.kill();
                    killed += 1;
                }
            }
            pass(PAUSE)?;
        }
        for (stage, position) in positions(deployment)? {
            expect(position > before[&stage], || {
                format!(
                    "{stage} committed nothing from second {} on, for {} s",
                    (window_began - began).as_secs(),
                    window.as_secs()
                )
            })?;
        }
    }
    let fault = Instant::now();
    let checker = Checker::new(deployment, &feeding.done()?)?;
    let caught_up = checker.caught_up(fault)?;
    let proof = checker.prove()?;
    // Of all members, also those that had ended before the storm did.
    let logs = deployment.logs()?;
    expect(logs.len() > Program::ALL.len(), || "no member came or went".to_owned())?;
    for (name, log) in logs {
        expect(!log.contains("cannot be opened"), || format!("{name}: a store was opened twice"))?;
    }
    for ((program, _), member) in members {
        let code = member.stop()?;
        expect(code == Some(0), || format!("{} ended with {code:?} after TERM", program.as_str()))?;
    }
    crew.stop_all()?;
    let what = format!("{started} members started, {ended} ended, {killed} killed; {proof}");
    Ok(Seen { what, first_commit: None, caught_up: Some(caught_up) })
}

fn positions(deployment: &Deployment<'_>) -> Outcome<BTreeMap<StageName, i64>> {
    FED.into_iter().map(|stage| Ok((stage, position(deployment, stage)?))).collect()
}
