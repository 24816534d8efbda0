//! The network between consumers and broker: cut, silent in both directions, silent in one, slow; and heartbeats that
//! come late. The proxy is the network.

use std::time::{Duration, Instant};

use kinfold_pipeline::StageName;

use crate::case::{Case, Outcome, Seen, expect};
use crate::checker::Checker;
use crate::consumer::Program;
use crate::crew::Crew;
use crate::deployment::{Deployment, SESSION};
use crate::ground::Ground;
use crate::load::Feeding;
use crate::patience::pass;
use crate::proxy::{Action, Api, Line};
use crate::watch::Watch;

pub(crate) const CUT: Case = Case {
    number: 11,
    fault: "the network is cut; then silent both ways; then answers alone vanish; each beyond the session",
    expected: "goes on when the network is back, exactly once",
    is_short: false,
    run: |ground| run(ground, "c11", cut),
};

pub(crate) const SLOW: Case = Case {
    number: 12,
    fault: "every request takes 40 ms more; then heartbeats come later than the session allows",
    expected: "slower, and exactly once",
    is_short: false,
    run: |ground| run(ground, "c12", slow),
};

type Staging = fn(&Deployment<'_>, &Crew<'_>) -> Outcome<(Duration, Instant)>;

fn run(ground: &Ground, name: &str, staging: Staging) -> Outcome<Seen> {
    let deployment = Deployment::new(ground, name)?;
    let result = deployment.explained(staged(&deployment, staging));
    ground.proxy.set_line(Line::Open);
    result
}

fn staged(deployment: &Deployment<'_>, staging: Staging) -> Outcome<Seen> {
    let crew = Crew::start(deployment)?;
    let feeding = Feeding::begin(deployment, 12, 100)?;
    pass(Duration::from_secs(2))?;
    let (slowest, last) = staging(deployment, &crew)?;
    let checker = Checker::new(deployment, &feeding.done()?)?;
    let caught_up = checker.caught_up(last)?;
    for program in Program::ALL {
        crew.await_ready(program)?;
    }
    let proof = checker.prove()?;
    crew.stop_all()?;
    Ok(Seen { what: proof.to_string(), first_commit: Some(slowest), caught_up: Some(caught_up) })
}

fn cut(deployment: &Deployment<'_>, _: &Crew<'_>) -> Outcome<(Duration, Instant)> {
    let (mut slowest, mut back) = (Duration::ZERO, Instant::now());
    for line in [Line::Cut, Line::Silent, Line::NoAnswers] {
        deployment.ground.proxy.set_line(line);
        pass(SESSION + Duration::from_secs(4))?;
        back = Instant::now();
        let watch = Watch::from(deployment, StageName::People, back)?;
        deployment.ground.proxy.set_line(Line::Open);
        slowest = slowest.max(watch.first_commit()?);
        pass(Duration::from_secs(2))?;
    }
    Ok((slowest, back))
}

fn slow(deployment: &Deployment<'_>, crew: &Crew<'_>) -> Outcome<(Duration, Instant)> {
    let proxy = &deployment.ground.proxy;
    let all = proxy.rule(Api::Any, "", Action::Delay(Duration::from_millis(40)), usize::MAX);
    pass(Duration::from_secs(12))?;
    expect(all.held() > 100, || format!("only {} requests were slow", all.held()))?;
    drop(all);
    let group = deployment.settings.group(StageName::Stitch);
    let late = proxy.rule(Api::Heartbeat, &group, Action::HoldRequest, 1);
    late.await_held(1, Duration::from_secs(30))?;
    pass(SESSION + Duration::from_secs(4))?;
    let back = Instant::now();
    let watch = Watch::from(deployment, StageName::Stitch, back)?;
    late.release();
    let first_commit = watch.first_commit()?;
    crew.await_ready(Program::Stitch)?;
    Ok((first_commit, back))
}
