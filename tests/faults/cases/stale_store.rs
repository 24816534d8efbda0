//! State that is not of now or not of here: an older copy, another partition's, another topic's, and one from before
//! the changelog forgot what was deleted.

use std::path::Path;
use std::time::{Duration, Instant};

use kinfold_pipeline::StageName;

use crate::case::{Case, Outcome, Seen, expect};
use crate::checker::Checker;
use crate::consumer::Program;
use crate::crew::Crew;
use crate::deployment::Deployment;
use crate::ground::Ground;
use crate::load::Load;
use crate::patience::pass;
use crate::state::{copy, set_aside};
use crate::watch::Watch;

pub(crate) const OLDER: Case = Case {
    number: 17,
    fault: "an older copy of the state is put back",
    expected: "what is missing is replayed from the changelog; nothing is set aside",
    is_short: true,
    run: |ground| run(ground, "c17a", &OLDER_STAGING),
};

pub(crate) const FOREIGN: Case = Case {
    number: 17,
    fault: "the stores of two partitions change places, a third is of another topic",
    expected: "the three are set aside and rebuilt",
    is_short: true,
    run: |ground| run(ground, "c17b", &FOREIGN_STAGING),
};

pub(crate) const BEFORE_TOMBSTONES: Case = Case {
    number: 17,
    fault: "state that is older than the changelog keeps tombstones",
    expected: "every store is set aside and rebuilt",
    is_short: true,
    run: |ground| run(ground, "c17c", &OLD_STAGING),
};

/// How a case differs from the others.
struct Staging {
    /// Whether the state of the beginning is put back after more was done.
    is_put_back: bool,
    /// Done to the state folder while the process is down.
    change: fn(&Deployment<'_>, &Path) -> Outcome<()>,
    /// How many stores of stitch have to be set aside.
    set_aside: usize,
}

const OLDER_STAGING: Staging = Staging { is_put_back: true, change: |_, _| Ok(()), set_aside: 0 };
const FOREIGN_STAGING: Staging = Staging { is_put_back: false, change: exchange, set_aside: 3 };
const OLD_STAGING: Staging = Staging { is_put_back: true, change: forget_tombstones, set_aside: 4 };

fn run(ground: &Ground, name: &str, staging: &Staging) -> Outcome<Seen> {
    let deployment = Deployment::new(ground, name)?;
    deployment.explained(staged(&deployment, staging))
}

fn staged(deployment: &Deployment<'_>, staging: &Staging) -> Outcome<Seen> {
    let parts = [Load::new(17, 800)?, Load::new(170, 500)?, Load::new(171, 500)?];
    let whole = parts[0].and(&parts[1]).and(&parts[2]);
    let checker = Checker::new(deployment, &whole)?;
    let state = deployment.state("1");
    let (stitch, copied) = (state.join(StageName::Stitch.as_str()), state.join("stitch-copy"));
    let mut crew = Crew::start(deployment)?;
    parts[0].feed_at_once(deployment)?;
    Checker::new(deployment, &parts[0])?.caught_up(Instant::now())?;
    if staging.is_put_back {
        crew.stop(Program::Stitch)?;
        copy(&stitch, &copied)?;
        crew.begin(Program::Stitch)?;
    }
    parts[1].feed_at_once(deployment)?;
    Checker::new(deployment, &parts[0].and(&parts[1]))?.caught_up(Instant::now())?;
    crew.stop(Program::Stitch)?;
    if staging.is_put_back {
        copy(&copied, &stitch)?;
    }
    (staging.change)(deployment, &state)?;

    let fault = Instant::now();
    let watch = Watch::from(deployment, StageName::Stitch, fault)?;
    crew.begin(Program::Stitch)?;
    parts[2].feed_at_once(deployment)?;
    let first_commit = watch.first_commit()?;
    let replayed = crew.get(Program::Stitch)?.metric("kinfold_restored_records_total", "stitch");
    let replayed = replayed.unwrap_or_default();
    let caught_up = checker.caught_up(fault)?;
    let proof = checker.prove()?;
    crew.stop_all()?;
    let aside = set_aside(&stitch)?;
    expect(aside == staging.set_aside, || {
        format!(
            "{aside} stores were set aside, {} should have been; {replayed} changes replayed",
            staging.set_aside
        )
    })?;
    expect(replayed > 0.0, || "nothing was replayed from the changelog".to_owned())?;
    let what = format!("{replayed} changes replayed, {aside} stores set aside; {proof}");
    Ok(Seen { what, first_commit: Some(first_commit), caught_up: Some(caught_up) })
}

/// Stitch's stores of partitions 0 and 1 change places, and that of 2 becomes one of people.
fn exchange(_: &Deployment<'_>, state: &Path) -> Outcome<()> {
    let (stitch, aside) = (state.join("stitch"), state.join("aside"));
    copy(&stitch.join("0"), &aside)?;
    copy(&stitch.join("1"), &stitch.join("0"))?;
    copy(&aside, &stitch.join("1"))?;
    copy(&state.join("people").join("2"), &stitch.join("2"))
}

/// Tombstones of the changelog are kept for a second from now on, and more than that passes.
fn forget_tombstones(deployment: &Deployment<'_>, _: &Path) -> Outcome<()> {
    let topic = deployment.settings.topic("stitch-changelog");
    let arguments = ["--alter", "--entity-type", "topics", "--entity-name", &topic];
    let setting = ["--add-config", "delete.retention.ms=1000"];
    deployment.ground.tool("kafka.admin.ConfigCommand", &[&arguments[..], &setting].concat())?;
    pass(Duration::from_secs(3))
}
