//! A lost disk where copies are made elsewhere: the newest copy and what came since, deletions among it.

use std::time::{Duration, Instant};

use kinfold_kafka::Settings;
use kinfold_kafka::reader::{Isolation, read};
use kinfold_pipeline::StageName;

use crate::case::{Case, Outcome, Seen, expect, wrong};
use crate::checker::Checker;
use crate::consumer::Program;
use crate::crew::Crew;
use crate::deployment::Deployment;
use crate::ground::Ground;
use crate::load::Load;
use crate::patience::until;
use crate::watch::Watch;

pub(crate) const CASE: Case = Case {
    number: 28,
    fault: "the disk of stitch is lost, after a copy was saved and more was deleted",
    expected: "the newest copy is fetched, and only what came since is replayed",
    is_short: false,
    run,
};

fn run(ground: &Ground) -> Outcome<Seen> {
    let deployment = Deployment::new(ground, "c28")?;
    deployment.explained(staged(&deployment))
}

fn staged(deployment: &Deployment<'_>) -> Outcome<Seen> {
    let parts = [Load::new(28, 2500)?, Load::new(280, 600)?, Load::new(281, 300)?];
    let whole = parts[0].and(&parts[1]).and(&parts[2]);
    let url = format!("file://{}", deployment.path("depot").display());
    // The first copy once the first part is in, the next after the end of this case.
    let copies =
        [("KINFOLD_CHECKPOINTS__URL", url.as_str()), ("KINFOLD_CHECKPOINTS__INTERVAL_MS", "3600000")];
    let mut crew = Crew::start(deployment)?;
    parts[0].feed_at_once(deployment)?;
    Checker::new(deployment, &parts[0])?.caught_up(Instant::now())?;
    crew.stop(Program::Stitch)?;
    let saved = deployment.command("1", &copies, &["state", "backup", "--stage", "stitch"])?;
    expect(saved.status.success(), || String::from_utf8_lossy(&saved.stderr).into_owned())?;
    let before = changes(deployment)?;

    crew.begin_with(Program::Stitch, &copies)?;
    parts[1].feed_at_once(deployment)?;
    Checker::new(deployment, &parts[0].and(&parts[1]))?.caught_up(Instant::now())?;
    let since = changes(deployment)?;
    let deleted = since.deletions - before.deletions;
    expect(deleted > 0, || "nothing was deleted after the copy".to_owned())?;
    crew.kill(Program::Stitch);
    std::fs::remove_dir_all(deployment.state("1").join(StageName::Stitch.as_str()))?;

    let fault = Instant::now();
    let watch = Watch::from(deployment, StageName::Stitch, fault)?;
    crew.begin_with(Program::Stitch, &copies)?;
    until(Duration::from_secs(60), "the copies to be fetched", || {
        let log = crew.get(Program::Stitch)?.log();
        let fetched = log.matches("fetched the newest copy of the store").count();
        Ok((fetched == usize::try_from(crate::deployment::PARTITIONS)?).then_some(()))
    })?;
    parts[2].feed_at_once(deployment)?;
    let first_commit = watch.first_commit()?;
    let Some(replayed) = crew.get(Program::Stitch)?.metric("kinfold_restored_records_total", "stitch") else {
        return wrong("/metrics does not tell what was restored");
    };
    let checker = Checker::new(deployment, &whole)?;
    let caught_up = checker.caught_up(fault)?;
    let proof = checker.prove()?;
    crew.stop_all()?;
    let tail = (since.all - before.all) as f64;
    expect(replayed > 0.0 && replayed <= tail, || {
        format!("{replayed} changes were replayed, {tail} came after the copy")
    })?;
    let what = format!(
        "{replayed} of {} changes replayed, {deleted} deletions came after the copy; {proof}",
        since.all
    );
    Ok(Seen { what, first_commit: Some(first_commit), caught_up: Some(caught_up) })
}

/// What stands in the changelog of stitch.
struct Changes {
    all: usize,
    deletions: usize,
}

fn changes(deployment: &Deployment<'_>) -> Outcome<Changes> {
    let topic = Settings::changelog(StageName::Stitch);
    let records = read(&deployment.settings, &topic, Isolation::Committed)?;
    let deletions = records.iter().filter(|record| record.value.is_none()).count();
    Ok(Changes { all: records.len(), deletions })
}
