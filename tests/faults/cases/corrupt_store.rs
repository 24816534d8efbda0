//! Stores that are damaged while their process is down, each partition's in another way, and one that is left whole.

use std::path::{Path, PathBuf};
use std::time::Instant;

use kinfold_pipeline::StageName;

use crate::case::{Case, Outcome, Seen, expect, not_staged};
use crate::checker::Checker;
use crate::consumer::Program;
use crate::crew::Crew;
use crate::deployment::Deployment;
use crate::ground::Ground;
use crate::load::Load;
use crate::state::{files, is_set_aside};
use crate::watch::Watch;

pub(crate) const CASE: Case = Case {
    number: 16,
    fault: "flipped bytes in an SST, a cut MANIFEST, no CURRENT, a missing SST",
    expected: "only those partitions are rebuilt, and the people are as ever",
    is_short: true,
    run,
};

/// What is done to the store of each partition.
const DAMAGES: [fn(&Path) -> Outcome<()>; 5] = [flip, cut_manifest, remove_current, remove_sst, leave];
/// RocksDB makes a new store where this file is missing, so that there is nothing to set aside.
const WITHOUT_CURRENT: usize = 2;
const WHOLE: usize = 4;

fn run(ground: &Ground) -> Outcome<Seen> {
    let partitions = DAMAGES.len().to_string();
    let deployment = Deployment::with(ground, "c16", &[("KINFOLD_TOPICS__PARTITIONS", &partitions)])?;
    deployment.explained(staged(&deployment))
}

fn staged(deployment: &Deployment<'_>) -> Outcome<Seen> {
    let (first, second) = (Load::new(16, 1500)?, Load::new(160, 700)?);
    let before = Checker::new(deployment, &first)?;
    let checker = Checker::new(deployment, &first.and(&second))?;
    let mut crew = Crew::start(deployment)?;
    first.feed_at_once(deployment)?;
    before.caught_up(Instant::now())?;
    // What is in RocksDB's log goes to an SST when the store is opened the next time.
    crew.stop(Program::Stitch)?;
    crew.begin(Program::Stitch)?;
    crew.await_ready(Program::Stitch)?;
    crew.stop(Program::Stitch)?;

    let folder = deployment.state("1").join(StageName::Stitch.as_str());
    for (partition, damage) in DAMAGES.iter().enumerate() {
        damage(&folder.join(partition.to_string()))?;
    }
    let fault = Instant::now();
    let watch = Watch::from(deployment, StageName::Stitch, fault)?;
    crew.begin(Program::Stitch)?;
    second.feed_at_once(deployment)?;
    let first_commit = watch.first_commit()?;
    let caught_up = checker.caught_up(fault)?;
    let proof = checker.prove()?;
    crew.stop_all()?;
    for partition in 0..DAMAGES.len() {
        let (aside, wanted) = (is_set_aside(&folder, partition)?, partition != WHOLE);
        expect(aside == wanted || partition == WITHOUT_CURRENT, || {
            let was = if aside { "was" } else { "was not" };
            format!("the store of partition {partition} {was} set aside")
        })?;
    }
    Ok(Seen { what: proof.to_string(), first_commit: Some(first_commit), caught_up: Some(caught_up) })
}

/// Bytes of data blocks: these are noticed when they are read, and not when the store is opened.
fn flip(store: &Path) -> Outcome<()> {
    for sst in ssts(store)? {
        let mut bytes = std::fs::read(&sst)?;
        let data = bytes.len() / 2;
        bytes.iter_mut().take(data).step_by(500).for_each(|byte| *byte ^= 0x55);
        std::fs::write(&sst, bytes)?;
    }
    Ok(())
}

fn cut_manifest(store: &Path) -> Outcome<()> {
    for manifest in files(store, "MANIFEST-")? {
        let length = std::fs::metadata(&manifest)?.len();
        std::fs::File::options().write(true).open(&manifest)?.set_len(length / 2)?;
    }
    Ok(())
}

fn remove_current(store: &Path) -> Outcome<()> {
    Ok(std::fs::remove_file(store.join("CURRENT"))?)
}

fn remove_sst(store: &Path) -> Outcome<()> {
    ssts(store)?.into_iter().try_for_each(|sst| Ok(std::fs::remove_file(sst)?))
}

fn leave(store: &Path) -> Outcome<()> {
    ssts(store).map(drop)
}

fn ssts(store: &Path) -> Outcome<Vec<PathBuf>> {
    let found = files(store, ".sst")?;
    if found.is_empty() { not_staged(format!("there is no SST in {}", store.display())) } else { Ok(found) }
}
