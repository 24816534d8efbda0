//! The broker is killed, and started at once; killed again, and started when every transaction has timed out.

use std::time::{Duration, Instant};

use kinfold_pipeline::StageName;

use crate::case::{Case, Outcome, Seen, expect};
use crate::checker::Checker;
use crate::consumer::Program;
use crate::crew::Crew;
use crate::deployment::{Deployment, TRANSACTION};
use crate::ground::Ground;
use crate::load::Feeding;
use crate::patience::pass;
use crate::watch::Watch;

pub(crate) const CASE: Case = Case {
    number: 7,
    fault: "the broker is killed under load: back at once, and back after the transaction time-out",
    expected: "not ready meanwhile, with the reason; bounded memory; recovers",
    is_short: true,
    run,
};

/// What a consumer may use more while the broker is away than when it went.
const MORE_MB: u64 = 100;

fn run(ground: &Ground) -> Outcome<Seen> {
    let ground = ground.another()?;
    let deployment = Deployment::new(&ground, "c7")?;
    deployment.explained(staged(&deployment))
}

fn staged(deployment: &Deployment<'_>) -> Outcome<Seen> {
    let crew = Crew::start(deployment)?;
    let feeding = Feeding::begin(deployment, 7, 200)?;
    let (mut slowest, mut grown, mut slowest_to_notice) = (Duration::ZERO, 0, Duration::ZERO);
    let mut fault = Instant::now();
    for away in [Duration::ZERO, TRANSACTION * 3] {
        pass(Duration::from_secs(3))?;
        let before = memory(&crew)?;
        fault = Instant::now();
        deployment.ground.crash_broker();
        if away > Duration::ZERO {
            for program in Program::ALL {
                let reasons = crew.await_not_ready(program, Duration::from_secs(60))?;
                expect(reasons.contains("reasons"), || format!("not ready without a reason: {reasons}"))?;
                slowest_to_notice = slowest_to_notice.max(fault.elapsed());
            }
            pass(away.saturating_sub(fault.elapsed()))?;
        }
        let after = memory(&crew)?;
        grown = grown.max(after.saturating_sub(before));
        deployment.ground.start_broker()?;
        let watch = Watch::from(deployment, StageName::People, fault)?;
        slowest = slowest.max(watch.first_commit()?);
    }
    expect(grown <= MORE_MB, || format!("while the broker was away memory grew by {grown} MB"))?;
    let checker = Checker::new(deployment, &feeding.done()?)?;
    let caught_up = checker.caught_up(fault)?;
    for program in Program::ALL {
        crew.await_ready(program)?;
    }
    let proof = checker.prove()?;
    crew.stop_all()?;
    let noticed = slowest_to_notice.as_secs_f64();
    let what = format!("not ready after {noticed:.1} s, memory grew by {grown} MB; {proof}");
    Ok(Seen { what, first_commit: Some(slowest), caught_up: Some(caught_up) })
}

/// Of all consumers together.
fn memory(crew: &Crew<'_>) -> Outcome<u64> {
    let mut sum = 0;
    for program in Program::ALL {
        sum += crew.get(program)?.memory_mb()?.0;
    }
    Ok(sum)
}
