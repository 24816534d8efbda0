//! `kinfold state`: the stores of the consumers on this machine. They are looked at, copied to the object store of the
//! configuration, fetched from there, and set aside to be made anew from the changelog.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use kinfold_checkpoint::{Depot, Place};
use kinfold_daemon::config::Config;
use kinfold_daemon::copies::bring;
use kinfold_daemon::folders::Folders;
use kinfold_daemon::process::depot;
use kinfold_pipeline::changelog::{Mark, Stamp, is_unfinished};
use kinfold_pipeline::{StageName, Store, Stores};
use kinfold_store::{Memory, RocksStore};

use super::{Failure, load, say};
use crate::tables;

/// What to do with the stores.
#[derive(Subcommand)]
pub enum StateCommand {
    /// Read every entry and say how far each store is; fails when one is damaged. Consumers may be at work.
    Check(Which),
    /// Copy stores to the object store. Their consumer must not be at work; it makes copies itself while it is.
    Backup(Which),
    /// Fetch the newest copies of stores that are not here. What came since is read from the changelog.
    Restore(Which),
    /// Set stores aside, so that they are made anew, from a copy and the changelog. Their consumer must not be at work.
    Rebuild(Which),
}

/// Which stores.
#[derive(Args)]
pub struct Which {
    /// The configuration, a TOML file.
    #[arg(long, env = "KINFOLD_CONFIG")]
    config: Option<PathBuf>,
    /// Only of this stage.
    #[arg(long, value_parser = stateful())]
    stage: Option<StageName>,
    /// Only of these partitions.
    #[arg(long, value_delimiter = ',')]
    partition: Vec<u32>,
}

/// Reads the name of a stage that keeps state.
fn stateful() -> impl TypedValueParser<Value = StageName> {
    let all = || StageName::ALL.into_iter().filter(|stage| stage.is_stateful());
    let named = move |name: String| all().find(|stage| stage.as_str() == name).ok_or("keeps no state");
    PossibleValuesParser::new(all().map(StageName::as_str)).try_map(named)
}

/// How a store is.
pub(crate) struct Finding {
    pub(crate) place: Place,
    /// What is in it, or why it cannot be read.
    pub(crate) contents: Result<Contents, String>,
}

/// What is in a store.
pub(crate) struct Contents {
    pub(crate) stamp: Option<Stamp>,
    pub(crate) mark: Mark,
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
}

impl StateCommand {
    pub(super) fn run(self) -> Result<(), Failure> {
        let (Self::Check(which) | Self::Backup(which) | Self::Restore(which) | Self::Rebuild(which)) = &self;
        let config = load(which.config.as_deref())?;
        let desk = Desk { memory: Memory::new(config.state.cache_bytes), which, config: &config };
        match &self {
            Self::Check(_) => desk.check(),
            Self::Backup(_) => desk.backup(),
            Self::Restore(_) => desk.restore(),
            Self::Rebuild(_) => desk.rebuild(),
        }
    }
}

struct Desk<'d> {
    config: &'d Config,
    which: &'d Which,
    memory: Memory,
}

impl Desk<'_> {
    fn check(&self) -> Result<(), Failure> {
        let findings: Vec<Finding> = self.here()?.into_iter().map(|place| self.look(place)).collect();
        say(format_args!("{}", tables::stores(&findings)))?;
        match findings.iter().filter(|finding| finding.contents.is_err()).count() {
            0 => Ok(()),
            damaged => Err(Failure::Stores(damaged)),
        }
    }

    fn backup(&self) -> Result<(), Failure> {
        let depot = self.depot()?;
        for place in self.here()? {
            let folders = self.folders(place.stage);
            let store = folders.open(place.partition).map_err(Failure::fault)?;
            if is_unfinished(&store).map_err(Failure::fault)? {
                say(format_args!("{place}: its restore was interrupted; the consumer makes it anew"))?;
                continue;
            }
            let (stamp, mark) = (Stamp::of(&store), Mark::of(&store).map_err(Failure::fault)?);
            let Some(stamp) = stamp.map_err(Failure::fault)? else {
                say(format_args!("{place}: is empty"))?;
                continue;
            };
            let folder = tempfile::tempdir_in(&self.config.state.dir)
                .map_err(Failure::file(&self.config.state.dir))?;
            let copy = folder.path().join("copy");
            store.checkpoint(&copy).map_err(Failure::fault)?;
            let commit = mark.commit;
            let saved = depot.save(place, stamp, mark, &copy).map_err(Failure::fault)?;
            let (bytes, sent) = (saved.bytes, saved.sent_bytes);
            say(format_args!("{place}: saved commit {commit}, {bytes} bytes, of which {sent} were sent"))?;
        }
        Ok(())
    }

    fn restore(&self) -> Result<(), Failure> {
        let depot = self.depot()?;
        let here = self.here()?;
        for stage in self.stages() {
            let folders = self.folders(stage);
            for partition in (0..self.config.topics.partitions).filter(|one| self.is_meant(*one)) {
                let place = Place { stage, partition };
                if here.contains(&place) {
                    say(format_args!("{place}: is here, and stays as it is"))?;
                    continue;
                }
                let path = folders.path(partition);
                let parent = path.parent().unwrap_or(&path);
                std::fs::create_dir_all(parent).map_err(Failure::file(parent))?;
                match bring(&depot, place, &path).map_err(Failure::Fault)? {
                    Some(commit) => say(format_args!("{place}: fetched commit {commit}"))?,
                    None => say(format_args!("{place}: there is no copy"))?,
                }
            }
        }
        Ok(())
    }

    fn rebuild(&self) -> Result<(), Failure> {
        for place in self.here()? {
            let folders = self.folders(place.stage);
            // Whoever holds the lock is at work on it; a store that is damaged has nobody.
            let held = RocksStore::open(&folders.path(place.partition), &self.memory);
            match held {
                Err(error) if !error.is_damaged => return Err(Failure::fault(error)),
                held => drop(held),
            }
            folders.set_aside(place.partition).map_err(Failure::fault)?;
            say(format_args!("{place}: set aside; the consumer makes it anew when it starts"))?;
        }
        Ok(())
    }

    fn look(&self, place: Place) -> Finding {
        let contents = || {
            let path = self.folders(place.stage).path(place.partition);
            let store = RocksStore::open_read_only(&path, &self.memory).map_err(|error| error.to_string())?;
            let (mut entries, mut bytes) = (0, 0);
            let see = &mut |key: &[u8], value: &[u8]| {
                entries += 1;
                bytes += (key.len() + value.len()) as u64;
            };
            store.visit(b"", see).map_err(|fault| fault.to_string())?;
            if is_unfinished(&store).map_err(|fault| fault.to_string())? {
                return Err("its restore was interrupted; the consumer makes it anew".to_owned());
            }
            let stamp = Stamp::of(&store).map_err(|fault| fault.to_string())?;
            let mark = Mark::of(&store).map_err(|fault| fault.to_string())?;
            Ok(Contents { stamp, mark, entries, bytes })
        };
        Finding { place, contents: contents() }
    }

    /// The stores on this machine that are meant.
    fn here(&self) -> Result<Vec<Place>, Failure> {
        let mut places = Vec::new();
        for stage in self.stages() {
            let partitions =
                self.folders(stage).partitions().map_err(Failure::file(&self.config.state.dir))?;
            let meant = partitions.into_iter().filter(|partition| self.is_meant(*partition));
            places.extend(meant.map(|partition| Place { stage, partition }));
        }
        Ok(places)
    }

    fn stages(&self) -> Vec<StageName> {
        let meant = |stage: &StageName| self.which.stage.map_or(stage.is_stateful(), |only| *stage == only);
        StageName::ALL.into_iter().filter(meant).collect()
    }

    fn is_meant(&self, partition: u32) -> bool {
        self.which.partition.is_empty() || self.which.partition.contains(&partition)
    }

    fn folders(&self, stage: StageName) -> Folders {
        let state = &self.config.state;
        Folders::new(&state.dir, stage, self.memory.clone(), None, state.rewrite_interval_ms)
    }

    fn depot(&self) -> Result<Depot, Failure> {
        let missing = "the configuration names no object store; set url under [checkpoints]";
        depot(self.config).map_err(Failure::fault)?.ok_or_else(|| Failure::Usage(missing.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        which: Which,
    }

    #[test]
    fn every_stage_that_keeps_state_can_be_named_and_no_other() {
        for stage in StageName::ALL {
            let line = Line::try_parse_from(["state", "--stage", stage.as_str()]);
            let named = line.ok().map(|line| line.which.stage);
            assert_eq!(named, stage.is_stateful().then_some(Some(stage)), "{stage}");
        }
    }
}
