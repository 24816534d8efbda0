//! Input that is gone: records are deleted before they were read, and a topic is deleted and created again.

use std::time::{Duration, Instant};

use kinfold_kafka::reader::ends;
use kinfold_pipeline::StageName;
use kinfold_wire::Topic;
use serde_json::json;

use crate::case::{Case, Outcome, Seen, expect};
use crate::checker::Checker;
use crate::consumer::Program;
use crate::crew::Crew;
use crate::deployment::Deployment;
use crate::ground::Ground;
use crate::load::Load;
use crate::patience::{pass, until};
use crate::watch::position;

pub(crate) const TRUNCATED: Case = Case {
    number: 18,
    fault: "identity-op is truncated beyond what stitch has read",
    expected: "stands still with a message that names the offset; never a silent reset",
    is_short: false,
    run: |ground| run(ground, "c18a", Program::Stitch, StageName::Stitch, truncate),
};

pub(crate) const RECREATED: Case = Case {
    number: 18,
    fault: "raw.webshop is deleted and created again while capture is down",
    expected: "stands still with a message that names the offset; never a silent reset",
    is_short: false,
    run: |ground| run(ground, "c18b", Program::Capture, StageName::Capture, recreate),
};

type Loss = fn(&Deployment<'_>) -> Outcome<()>;

fn run(ground: &Ground, name: &str, program: Program, stage: StageName, loss: Loss) -> Outcome<Seen> {
    let deployment = Deployment::new(ground, name)?;
    deployment.explained(staged(&deployment, program, stage, loss))
}

fn staged(deployment: &Deployment<'_>, program: Program, stage: StageName, loss: Loss) -> Outcome<Seen> {
    let (first, second) = (Load::new(18, 800)?, Load::new(180, 400)?);
    let mut crew = Crew::start(deployment)?;
    first.feed_at_once(deployment)?;
    Checker::new(deployment, &first)?.caught_up(Instant::now())?;
    crew.stop(program)?;
    second.feed_at_once(deployment)?;
    // Capture, if it runs, hands the second load on.
    pass(Duration::from_secs(4))?;
    loss(deployment)?;
    let before = position(deployment, stage)?;
    crew.begin(program)?;
    // Others than the partition that lost something may go on, so the sentence is waited for, and not stillness.
    let reasons = until(Duration::from_secs(60), "a message about the offset", || {
        let said = crew.get(program)?.ready().filter(|(ready, _)| !ready).map(|(_, reasons)| reasons);
        Ok(said.filter(|reasons| reasons.to_lowercase().contains("offset")))
    })?;
    pass(Duration::from_secs(8))?;
    let committed = position(deployment, stage)? - before;
    crew.stop_all()?;
    expect(committed == 0, || format!("{stage} went on: {committed} more records were committed"))?;
    Ok(Seen { what: reasons, ..Seen::default() })
}

fn truncate(deployment: &Deployment<'_>) -> Outcome<()> {
    let topic = Topic::IdentityOp.as_str();
    let name = deployment.settings.topic(topic);
    let to = |(partition, ends): (&i32, &kinfold_kafka::reader::Ends)| json!({"topic": name, "partition": partition, "offset": ends.high_watermark});
    let partitions: Vec<_> = ends(&deployment.settings, topic)?.iter().map(to).collect();
    let file = deployment.path("delete.json");
    std::fs::write(&file, json!({"version": 1, "partitions": partitions}).to_string())?;
    deployment.ground.tool("DeleteRecordsCommand", &["--offset-json-file", &file.to_string_lossy()])?;
    Ok(())
}

fn recreate(deployment: &Deployment<'_>) -> Outcome<()> {
    let name = deployment.settings.topic("raw.webshop");
    deployment.ground.tool("TopicCommand", &["--delete", "--topic", &name])?;
    pass(Duration::from_secs(2))?;
    deployment.create_topics()
}
