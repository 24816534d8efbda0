//! Leaders move: of three brokers one after the other is killed, and comes back.

use std::time::{Duration, Instant};

use kinfold_pipeline::StageName;

use crate::case::{Case, Outcome, Seen};
use crate::checker::Checker;
use crate::cluster::Cluster;
use crate::consumer::Program;
use crate::crew::Crew;
use crate::deployment::Deployment;
use crate::ground::Ground;
use crate::load::Feeding;
use crate::patience::pass;
use crate::watch::Watch;

pub(crate) const CASE: Case = Case {
    number: 9,
    fault: "partition leaders move: two of three brokers are killed in turn, and come back",
    expected: "goes on with the others, exactly once",
    is_short: false,
    run,
};

fn run(ground: &Ground) -> Outcome<Seen> {
    let mut cluster = Cluster::start(&ground.folder("c9-cluster"))?;
    let bootstrap = cluster.bootstrap();
    let settings = [
        ("KINFOLD_KAFKA__BOOTSTRAP", bootstrap.as_str()),
        ("KINFOLD_TOPICS__REPLICATION", "3"),
        ("KINFOLD_TOPICS__PARTITIONS", "3"),
    ];
    let deployment = Deployment::with(ground, "c9", &settings)?;
    deployment.explained(staged(&deployment, &mut cluster, &bootstrap))
}

fn staged(deployment: &Deployment<'_>, cluster: &mut Cluster, bootstrap: &str) -> Outcome<Seen> {
    let mut crew = Crew::new(deployment);
    for program in Program::ALL {
        crew.begin_with(program, &[("KINFOLD_KAFKA__BOOTSTRAP", bootstrap)])?;
    }
    for program in Program::ALL {
        crew.await_ready(program)?;
    }
    let feeding = Feeding::begin(deployment, 9, 60)?;
    pass(Duration::from_secs(3))?;
    let (mut slowest, mut fault) = (Duration::ZERO, Instant::now());
    for broker in [1, 2] {
        fault = Instant::now();
        cluster.crash(broker);
        // What the broker that was killed had seen committed does not count.
        let watch = Watch::from(deployment, StageName::People, fault)?;
        slowest = slowest.max(watch.first_commit()?);
        cluster.begin(broker)?;
        // Its copies have to catch up before the next one goes, or nobody could take over.
        pass(Duration::from_secs(25))?;
    }
    let checker = Checker::new(deployment, &feeding.done()?)?;
    let caught_up = checker.caught_up(fault)?;
    let proof = checker.prove()?;
    crew.stop_all()?;
    Ok(Seen { what: proof.to_string(), first_commit: Some(slowest), caught_up: Some(caught_up) })
}
