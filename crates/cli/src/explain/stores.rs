//! The state to explain: that of `kinfold resolve --state`, or that of consumers, opened to be read only.

use std::path::Path;

use kinfold_daemon::config::Config;
use kinfold_pipeline::{Base, Shelf, Shelved, StageName};
use kinfold_store::{Memory, RocksStore};

use crate::commands::Failure;

/// Stores on disk.
pub(crate) enum Stores {
    /// Of a local run: everything in one.
    Local(RocksStore),
    /// Of consumers, by partition; `None` for one that is kept elsewhere.
    Partitions {
        /// The identity graph.
        stitch: Vec<Option<RocksStore>>,
        /// The values of its identifiers, as far as they are here.
        facets: Vec<Option<RocksStore>>,
    },
}

/// The states of one stage, by partition.
pub(crate) type Shelves<'s> = Vec<Option<Box<dyn Base + 's>>>;

impl Stores {
    /// Opens what is in a state folder.
    ///
    /// # Errors
    /// When there is no state, or it cannot be opened, or it has partitions that the configuration does not know.
    pub(crate) fn open(state: &Path, config: &Config) -> Result<Self, Failure> {
        let memory = Memory::new(config.state.cache_bytes);
        let local = state.join("store");
        if local.join("CURRENT").exists() {
            return RocksStore::open_read_only(&local, &memory).map(Self::Local).map_err(Failure::fault);
        }
        let of = |stage| partitions(state, stage, config.topics.partitions, &memory);
        let stitch = of(StageName::Stitch)?;
        if stitch.iter().all(Option::is_none) {
            let what = "holds no identity graph; name with --state the folder that `kinfold resolve --state` wrote, or the \
                 `dir` under [state] of kinfold-stitch";
            return Err(Failure::Usage(format!("{} {what}", state.display())));
        }
        Ok(Self::Partitions { stitch, facets: of(StageName::Facets)? })
    }

    /// The states of a stage.
    pub(crate) fn shelves(&self, stage: StageName) -> Shelves<'_> {
        match self {
            Self::Local(store) => vec![Some(Box::new(Shelved { store, shelf: Shelf::Stage(stage) }))],
            Self::Partitions { stitch, facets } => {
                let stores = if stage == StageName::Stitch { stitch } else { facets };
                stores
                    .iter()
                    .map(|store| store.as_ref().map(|store| Box::new(Borrowed(store)) as _))
                    .collect()
            }
        }
    }
}

/// A store of one partition, as it is.
struct Borrowed<'s>(&'s RocksStore);

impl Base for Borrowed<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, kinfold_model::Fault> {
        self.0.get(key)
    }

    fn scan(&self, prefix: &[u8]) -> Result<kinfold_model::seam::Entries, kinfold_model::Fault> {
        self.0.scan(prefix)
    }
}

/// The stores of a stage, as the consumers lay them out: `<state>/<stage>/<partition>`.
fn partitions(
    state: &Path,
    stage: StageName,
    count: u32,
    memory: &Memory,
) -> Result<Vec<Option<RocksStore>>, Failure> {
    let folder = state.join(stage.as_str());
    if let Some(beyond) = beyond(&folder, count) {
        return Err(Failure::Usage(format!(
            "{} has partition {beyond}, and the configuration knows {count}; name with --config that of the deployment",
            folder.display()
        )));
    }
    let open = |partition: u32| {
        let path = folder.join(partition.to_string());
        let there = path.join("CURRENT").exists();
        there.then(|| RocksStore::open_read_only(&path, memory)).transpose().map_err(Failure::fault)
    };
    (0..count).map(open).collect()
}

/// A partition in a folder that there should not be.
fn beyond(folder: &Path, count: u32) -> Option<u32> {
    let entries = std::fs::read_dir(folder).ok()?;
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    numbers.filter(|number| *number >= count).max()
}
