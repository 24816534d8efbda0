//! `kinfold quality`: what each source sent, how much of it is odd, and its score.
//!
//! From files it is what capture makes of them, without people. From the state of `kinfold resolve --state` it is all that
//! was ever read there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::Args;
use kinfold_capture::Capture;
use kinfold_daemon::config::Config;
use kinfold_model::{Keys, NodeId, Secret, SourceQuality, Timestamp};
use kinfold_pipeline::UNKNOWN_SOURCE;
use kinfold_store::{Memory, RocksStore};

use super::{Failure, load, say};
use crate::input::Lines;
use crate::run;
use crate::tables;

/// What to look at.
#[derive(Args)]
pub struct Quality {
    /// The configuration, a TOML file; every setting has a default.
    #[arg(long, env = "KINFOLD_CONFIG")]
    config: Option<PathBuf>,
    /// The state of `kinfold resolve --state`: everything that it ever read.
    #[arg(long, conflicts_with_all = ["files", "as_of"])]
    state: Option<PathBuf>,
    /// When the files arrived, as RFC 3339; now, unless it is given. What is much older is stale.
    #[arg(long)]
    as_of: Option<Timestamp>,
    /// Touchpoints, one JSON object a line; gzipped where the name ends in .gz.
    #[arg(required_unless_present = "state")]
    files: Vec<PathBuf>,
}

impl Quality {
    pub(super) fn run(self) -> Result<(), Failure> {
        let config = load(self.config.as_deref())?;
        let sources = match &self.state {
            Some(state) => of_state(&config, state)?,
            None => of_files(config, &self.files, self.as_of.unwrap_or_else(run::now))?,
        };
        say(tables::quality(&sources))
    }
}

/// The store is opened to be read only, so that a run may go on working on it.
fn of_state(config: &Config, state: &Path) -> Result<BTreeMap<String, SourceQuality>, Failure> {
    let store = state.join("store");
    if !store.join("CURRENT").exists() {
        let remedy = "name a folder that was given to `kinfold resolve --state`";
        return Err(Failure::Usage(format!("{}: there is no state; {remedy}", state.display())));
    }
    let memory = Memory::new(config.state.cache_bytes);
    let store = RocksStore::open_read_only(&store, &memory).map_err(Failure::fault)?;
    kinfold_pipeline::sources(&store).map_err(Failure::fault)
}

/// What capture makes of files. Ids are keyed with no secret of anybody's, because none leaves this function.
fn of_files(
    config: Config,
    files: &[PathBuf],
    now: Timestamp,
) -> Result<BTreeMap<String, SourceQuality>, Failure> {
    let secret = Secret::new(b"for the ids of one table").map_err(Failure::fault)?;
    let keys = Keys::new(&secret);
    let capture = Capture::new(keys.clone(), config.rules, config.capture);
    let mut sources = BTreeMap::<String, SourceQuality>::new();
    let mut seen = BTreeMap::<String, BTreeSet<(NodeId, u64)>>::new();
    for path in files {
        let mut lines = Lines::open(path, |_| {})?;
        while let Some(line) = lines.next_line().map_err(Failure::file(path))? {
            if line.is_empty() {
                continue;
            }
            match capture.touchpoint(&line, now) {
                Ok(touchpoint) => {
                    let mark = keys.touchpoint_mark(&touchpoint.touchpoint_id);
                    // Two sources may number alike.
                    let seen = seen.entry(touchpoint.source.clone()).or_default();
                    let is_new = seen.insert((touchpoint.sighting, mark));
                    let source = sources.entry(touchpoint.source).or_default();
                    source.touchpoint(&touchpoint.flags);
                    source.duplicates += u64::from(!is_new);
                }
                Err(refusal) => {
                    let name = Capture::source(&line).unwrap_or_else(|| UNKNOWN_SOURCE.to_owned());
                    sources.entry(name).or_default().refusal(refusal.kind);
                }
            }
        }
    }
    Ok(sources)
}
