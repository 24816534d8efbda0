//! Somebody adds partitions to a topic whose number of partitions is part of the design.

use std::time::{Duration, Instant};

use kinfold_kafka::reader::ends;
use kinfold_wire::Topic;

use crate::case::{Case, Outcome, Seen, expect};
use crate::checker::Checker;
use crate::consumer::Program;
use crate::crew::Crew;
use crate::deployment::{Deployment, PARTITIONS};
use crate::ground::Ground;
use crate::load::Load;
use crate::patience::pass;

pub(crate) const CASE: Case = Case {
    number: 10,
    fault: "partitions are added to identity-op while capture and stitch are down",
    expected: "both refuse to start, with both numbers; nothing is hashed anew",
    is_short: false,
    run,
};

const MORE: i32 = 2 * PARTITIONS;

fn run(ground: &Ground) -> Outcome<Seen> {
    let deployment = Deployment::new(ground, "c10")?;
    deployment.explained(staged(&deployment))
}

fn staged(deployment: &Deployment<'_>) -> Outcome<Seen> {
    let load = Load::new(10, 500)?;
    let mut crew = Crew::start(deployment)?;
    load.feed_at_once(deployment)?;
    Checker::new(deployment, &load)?.caught_up(Instant::now())?;
    crew.stop(Program::Capture)?;
    crew.stop(Program::Stitch)?;
    let topic = deployment.settings.topic(Topic::IdentityOp.as_str());
    let more = MORE.to_string();
    deployment.ground.tool("TopicCommand", &["--alter", "--topic", &topic, "--partitions", &more])?;
    crew.begin(Program::Capture)?;
    crew.begin(Program::Stitch)?;
    Load::new(11, 500)?.feed_at_once(deployment)?;
    pass(Duration::from_secs(10))?;
    let mut said = Vec::new();
    for program in [Program::Stitch, Program::Capture] {
        let reasons = crew.await_not_ready(program, Duration::from_secs(5))?;
        let both = [MORE, PARTITIONS].iter().all(|count| reasons.contains(&format!("has {count}")));
        expect(both, || format!("{} does not say both numbers: {reasons}", program.as_str()))?;
        said.push(reasons);
    }
    let written = ends(&deployment.settings, Topic::IdentityOp.as_str())?;
    let anew = written.iter().find(|(partition, ends)| **partition >= PARTITIONS && ends.high_watermark > 0);
    expect(anew.is_none(), || format!("records went to a new partition: {anew:?}"))?;
    crew.stop_all()?;
    Ok(Seen { what: said.swap_remove(0), ..Seen::default() })
}
