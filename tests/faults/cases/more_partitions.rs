//! Topics are not as they must be: somebody adds partitions to one whose number of partitions is part of the design, or
//! changes settings so that state would be lost and results could not be written.

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
use crate::patience::{pass, until};

pub(crate) const PARTITIONED: Case = Case {
    number: 10,
    fault: "partitions are added to identity-op while capture and stitch are down",
    expected: "both refuse to start, with both numbers; nothing is hashed anew",
    is_short: false,
    run,
};

pub(crate) const SETTINGS: Case = Case {
    number: 10,
    fault: "the changelog of stitch is deleted by time, identity-op takes small records only",
    expected: "stitch refuses to start, and names both settings",
    is_short: false,
    run: refused_settings,
};

const MORE: i32 = 2 * PARTITIONS;

fn refused_settings(ground: &Ground) -> Outcome<Seen> {
    let deployment = Deployment::new(ground, "c10b")?;
    let wrong = [("stitch-changelog", "cleanup.policy=delete"), ("identity-op", "max.message.bytes=1000000")];
    for (topic, setting) in wrong {
        let topic = deployment.settings.topic(topic);
        let arguments =
            ["--alter", "--entity-type", "topics", "--entity-name", &topic, "--add-config", setting];
        ground.tool("kafka.admin.ConfigCommand", &arguments)?;
    }
    let mut crew = Crew::new(&deployment);
    crew.begin(Program::Stitch)?;
    let mut said = String::new();
    until(Duration::from_secs(30), "stitch to name both settings", || {
        said = crew.get(Program::Stitch)?.ready().map_or_else(String::new, |(_, reasons)| reasons);
        let named = ["cleanup.policy delete", "max.message.bytes 1000000"];
        Ok(named.iter().all(|setting| said.contains(setting)).then_some(()))
    })?;
    crew.stop(Program::Stitch)?;
    Ok(Seen { what: said, ..Seen::default() })
}

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
