//! `kill -9` after the commit and before RocksDB: the proxy lets the request to commit pass and holds the answer, and
//! the process is killed then.

use std::time::{Duration, Instant};

use kinfold_pipeline::StageName;

use crate::case::{Case, Outcome, Seen, expect, wrong};
use crate::checker::{Checker, groups};
use crate::consumer::Program;
use crate::crew::Crew;
use crate::deployment::Deployment;
use crate::ground::Ground;
use crate::load::Feeding;
use crate::patience::until;
use crate::proxy::{Action, Api};
use crate::watch::{Watch, hidden};

pub(crate) const CASE: Case = Case {
    number: 2,
    fault: "kill -9 after the commit, before RocksDB",
    expected: "one commit group for each partition of the transaction is replayed from the changelog",
    is_short: true,
    run,
};

fn run(ground: &Ground) -> Outcome<Seen> {
    let deployment = Deployment::new(ground, "c2")?;
    deployment.explained(staged(&deployment))
}

fn staged(deployment: &Deployment<'_>) -> Outcome<Seen> {
    let mut crew = Crew::start(deployment)?;
    let feeding = Feeding::begin(deployment, 2, 150)?;
    let (mut slowest, mut replayed) = (Duration::ZERO, 0);
    let mut fault = Instant::now();
    for (program, stage) in [(Program::Stitch, StageName::Stitch), (Program::Profile, StageName::People)] {
        let id = deployment.transactions(stage);
        let held = deployment.ground.proxy.rule(Api::EndTxn, &id, Action::HoldAnswer, 1);
        held.await_held(1, Duration::from_secs(30))?;
        let Some(stored) = crew.get(program)?.commits(stage) else {
            return wrong(format!("/status of {stage} does not tell the commits of its partitions"));
        };
        fault = Instant::now();
        crew.kill(program);
        held.discard();
        until(Duration::from_secs(10), "the broker to write the commit that it promised", || {
            Ok((hidden(deployment, stage)? == 0).then_some(()))
        })?;
        let mut behind = 0;
        for (partition, groups) in groups(deployment, stage)? {
            let known = stored.get(&partition).copied().unwrap_or_default();
            let ahead: Vec<_> = groups.into_iter().filter(|group| group.commit > known).collect();
            expect(ahead.len() <= 1, || {
                format!(
                    "{stage}, partition {partition}: the store was at {known}, the changelog has {ahead:?}"
                )
            })?;
            behind += ahead.iter().map(|group| group.records).sum::<u64>();
        }
        expect(behind > 0, || format!("{stage}: the commit whose answer was held is not in the changelog"))?;
        let watch = Watch::from(deployment, stage, fault)?;
        crew.begin(program)?;
        slowest = slowest.max(watch.first_commit()?);
        let labels = format!("stage=\"{stage}\"");
        let program = crew.get(program)?;
        let restored = || program.metric("kinfold_restored_records_total", &labels).unwrap_or_default();
        // The first commit of one partition may come before another one is restored.
        until(Duration::from_secs(30), "all that was not in the store to be replayed", || {
            Ok((restored() >= behind as f64).then_some(()))
        })?;
        let restored = restored();
        expect(restored == behind as f64, || {
            format!(
                "{stage}: {restored} records of the changelog were replayed, {behind} were not in the store"
            )
        })?;
        replayed += behind;
    }
    let checker = Checker::new(deployment, &feeding.done()?)?;
    let caught_up = checker.caught_up(fault)?;
    let proof = checker.prove()?;
    crew.stop_all()?;
    let what = format!("exactly the {replayed} changes of the last commits were replayed; {proof}");
    Ok(Seen { what, first_commit: Some(slowest), caught_up: Some(caught_up) })
}
