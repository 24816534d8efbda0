//! Graphs that are no fun: an identifier that is seen with everybody, and a chain from which nobody can be left out.

use std::time::Instant;

use fastrand::Rng;
use kinfold_cli::generate::Generated;
use kinfold_pipeline::StageName;
use serde_json::json;

use crate::case::{Case, Outcome, Seen};
use crate::checker::Checker;
use crate::crew::Crew;
use crate::deployment::Deployment;
use crate::ground::Ground;
use crate::load::Load;
use crate::watch::Watch;

pub(crate) const CASE: Case = Case {
    number: 23,
    fault: "a cookie that 5000 e-mail addresses share, a chain of 900 touchpoints, in random order",
    expected: "the people are those of a local run in order",
    is_short: false,
    run,
};

fn run(ground: &Ground) -> Outcome<Seen> {
    let deployment = Deployment::new(ground, "c23")?;
    deployment.explained(staged(&deployment))
}

fn staged(deployment: &Deployment<'_>) -> Outcome<Seen> {
    let hot = (0..5000)
        .map(|n| seen_together(("cookie", "kiosk".to_owned()), ("email", format!("p{n}@example.org")), n));
    let load = Load::new(23, 500)?.and(&Load { records: hot.chain(chain("chain", 100, 900)).collect() });
    let checker = Checker::new(deployment, &load)?;
    let crew = Crew::start(deployment)?;
    let fault = Instant::now();
    let watch = Watch::from(deployment, StageName::People, fault)?;
    let mut shuffled = Load { records: load.records.clone() };
    Rng::with_seed(23).shuffle(&mut shuffled.records);
    shuffled.feed_at_once(deployment)?;
    let first_commit = watch.first_commit()?;
    let caught_up = checker.caught_up(fault)?;
    let proof = checker.prove()?;
    crew.stop_all()?;
    Ok(Seen { what: proof.to_string(), first_commit: Some(first_commit), caught_up: Some(caught_up) })
}

/// So many touchpoints, each of an e-mail address and a telephone number that it has in common with the next.
pub(super) fn chain(name: &str, first_phone: usize, links: usize) -> impl Iterator<Item = Generated> {
    (0..links).map(move |n| {
        let phone = ("phone", format!("+1201555{:04}", first_phone + n.div_ceil(2)));
        seen_together(phone, ("email", link(name, n / 2)), 10_000 * first_phone + n)
    })
}

/// The address of a link, from 0.
pub(super) fn link(name: &str, number: usize) -> String {
    format!("{name}{number}@example.org")
}

fn seen_together(one: (&str, String), other: (&str, String), number: usize) -> Generated {
    let identifier = |(namespace, value): (&str, String)| json!({"namespace": namespace, "value": value});
    let record = json!({
        "touchpoint_id": format!("shape-{number}"),
        "time": 1_772_323_200_000_i64 + i64::try_from(number).unwrap_or_default(),
        "source": "webshop",
        "identifiers": [identifier(one), identifier(other)],
    });
    Generated { source: "webshop", record: record.to_string().into_bytes(), person: 0, sound: true }
}
