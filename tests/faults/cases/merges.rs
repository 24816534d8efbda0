//! Two large components that a steward makes one, and takes apart again, over and over.

use std::time::Instant;

use kinfold_kafka::reader::{Isolation, read};
use kinfold_pipeline::StageName;
use kinfold_wire::Topic;

use super::shapes::{chain, link};
use crate::case::{Case, Outcome, Seen, expect};
use crate::checker::{Checker, PATIENCE};
use crate::crew::Crew;
use crate::deployment::Deployment;
use crate::ground::Ground;
use crate::load::Load;
use crate::watch::rest;

pub(crate) const CASE: Case = Case {
    number: 23,
    fault: "two components of 300 touchpoints each are merged by a steward and split again, 50 times",
    expected: "the people are as if nobody had ever merged them",
    is_short: false,
    run,
};

const TIMES: usize = 50;

fn run(ground: &Ground) -> Outcome<Seen> {
    let deployment = Deployment::new(ground, "c23-merges")?;
    deployment.explained(staged(&deployment))
}

fn staged(deployment: &Deployment<'_>) -> Outcome<Seen> {
    let load = Load { records: chain("one", 100, 300).chain(chain("other", 500, 300)).collect() };
    let checker = Checker::new(deployment, &load)?;
    let crew = Crew::start(deployment)?;
    load.feed_at_once(deployment)?;
    checker.caught_up(Instant::now())?;
    let before = changes(deployment)?;
    let begin = Instant::now();
    let (one, other) = (format!("email:{}", link("one", 149)), format!("email:{}", link("other", 0)));
    for time in 0..TIMES {
        let id = format!("merge-{time}");
        steward(deployment, &["link", &one, &other, "--id", &id])?;
        steward(deployment, &["withdraw", &id])?;
    }
    for stage in [StageName::Stitch, StageName::People] {
        rest(deployment, stage, PATIENCE)?;
    }
    let caught_up = checker.caught_up(begin)?;
    let proof = checker.prove()?;
    let changed = changes(deployment)? - before;
    expect(changed > 0, || "nobody was merged".to_owned())?;
    crew.stop_all()?;
    let what = format!("{TIMES} links, each withdrawn, led to {changed} records of identity-change; {proof}");
    Ok(Seen { what, first_commit: None, caught_up: Some(caught_up) })
}

fn steward(deployment: &Deployment<'_>, words: &[&str]) -> Outcome<()> {
    let words = [&["steward"], words, &["--author", "a case", "--reason", "a case"]].concat();
    let output = deployment.command("1", &[], &words)?;
    expect(output.status.success(), || String::from_utf8_lossy(&output.stderr).into_owned())
}

/// How many merges, splits and moves were published.
fn changes(deployment: &Deployment<'_>) -> Outcome<usize> {
    Ok(read(&deployment.settings, Topic::IdentityChange.as_str(), Isolation::Committed)?.len())
}
