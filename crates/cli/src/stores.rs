//! The stored state of a stage: that of `kinfold resolve --state`, or that of consumers. In goes a state folder; out come
//! states to be looked at, by partition. They are opened to be read only, so that others may go on working on them.

use std::path::Path;

use kinfold_daemon::config::Config;
use kinfold_model::View;
use kinfold_pipeline::{Shelf, Shelved, StageName, Store};
use kinfold_store::{Memory, RocksStore};
use kinfold_wire::Topic;

use crate::commands::Failure;

/// The stores of one stage.
pub(crate) enum Stores {
    /// Of a local run: a shelf of the store that has everything.
    Local(RocksStore, Shelf),
    /// Of consumers, by partition; `None` for one that is kept elsewhere.
    Partitions(Vec<Option<RocksStore>>),
}

/// The states of one stage, by partition.
pub(crate) type Shelves<'s> = Vec<Option<Box<dyn View + 's>>>;

impl Stores {
    /// The identity graph in a state folder.
    ///
    /// # Errors
    /// When there is none, or it cannot be opened, or it has partitions that the configuration does not know.
    pub(crate) fn of_graph(state: &Path, config: &Config) -> Result<Self, Failure> {
        let stores = Self::open(state, StageName::Stitch, config)?;
        if stores.shelves().iter().any(Option::is_some) {
            return Ok(stores);
        }
        Err(Failure::Usage(format!(
            "{} holds no identity graph; name with --state the folder that `kinfold resolve --state` wrote, or run this \
             where kinfold-stitch runs, with its configuration",
            state.display()
        )))
    }

    /// The facets in a state folder, which know the values of identifiers; there may be none.
    ///
    /// # Errors
    /// When they cannot be opened, or have partitions that the configuration does not know.
    pub(crate) fn of_facets(state: &Path, config: &Config) -> Result<Self, Failure> {
        Self::open(state, StageName::Facets, config)
    }

    /// The people in a state folder, with what was said of each; there may be none.
    ///
    /// # Errors
    /// When they cannot be opened, or have partitions that the configuration does not know.
    pub(crate) fn of_people(state: &Path, config: &Config) -> Result<Self, Failure> {
        Self::open(state, StageName::People, config)
    }

    /// The last record of each key of a topic, of a local run.
    ///
    /// # Errors
    /// When there is no such folder, or it cannot be opened.
    pub(crate) fn of_topic(state: &Path, topic: Topic, config: &Config) -> Result<Self, Failure> {
        let store = RocksStore::open_read_only(&state.join("store"), &Memory::new(config.state.cache_bytes));
        Ok(Self::Local(store.map_err(Failure::fault)?, Shelf::Topic(topic)))
    }

    /// The value of a key, in whichever partition it is.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        for base in self.shelves().into_iter().flatten() {
            if let Some(value) = base.get(key).map_err(Failure::fault)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    fn open(state: &Path, stage: StageName, config: &Config) -> Result<Self, Failure> {
        let memory = Memory::new(config.state.cache_bytes);
        let local = state.join("store");
        if local.join("CURRENT").exists() {
            let store = RocksStore::open_read_only(&local, &memory).map_err(Failure::fault)?;
            return Ok(Self::Local(store, Shelf::Stage(stage)));
        }
        partitions(&state.join(stage.as_str()), config.topics.partitions, &memory).map(Self::Partitions)
    }

    /// What each partition has.
    pub(crate) fn shelves(&self) -> Shelves<'_> {
        match self {
            Self::Local(store, shelf) => vec![Some(Box::new(Shelved { store, shelf: *shelf }))],
            Self::Partitions(stores) => {
                stores.iter().map(|store| store.as_ref().map(|store| Box::new(store) as _)).collect()
            }
        }
    }

    /// Shows the state of each partition that is here.
    pub(crate) fn each(&self, look: &mut dyn FnMut(&dyn View) -> Result<(), Failure>) -> Result<(), Failure> {
        let mut here = self.shelves().into_iter().flatten();
        here.try_for_each(|base| look(&*base))
    }

    /// Shows all entries that are here.
    pub(crate) fn visit(&self, see: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), Failure> {
        let visited = match self {
            Self::Local(store, shelf) => shelf.visit(store, see),
            Self::Partitions(stores) => stores.iter().flatten().try_for_each(|store| store.visit(b"", see)),
        };
        visited.map_err(Failure::fault)
    }
}

/// The stores of a stage, as the consumers lay them out: a folder for each partition.
fn partitions(folder: &Path, count: u32, memory: &Memory) -> Result<Vec<Option<RocksStore>>, Failure> {
    if let Some(beyond) = beyond(folder, count) {
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
