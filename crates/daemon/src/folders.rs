//! The stores of a stage on this machine: one folder for each partition, `<state>/<stage>/<partition>`.

use std::path::PathBuf;

use kinfold_model::Fault;
use kinfold_pipeline::{StageName, Stores};
use kinfold_store::{Memory, RocksStore};

/// Where a stage keeps its stores.
pub struct Folders {
    /// `<state>/<stage>`.
    pub folder: PathBuf,
    /// Shared with the other stages of the process.
    pub memory: Memory,
}

impl Folders {
    /// The stores of a stage below the state folder.
    #[must_use]
    pub fn new(state: &std::path::Path, stage: StageName, memory: Memory) -> Self {
        Self { folder: state.join(stage.as_str()), memory }
    }
}

impl Stores for Folders {
    type Store = RocksStore;

    fn open(&self, partition: u32) -> Result<RocksStore, Fault> {
        Ok(RocksStore::open(&self.folder.join(partition.to_string()), &self.memory)?)
    }

    fn set_aside(&self, partition: u32) -> Result<(), Fault> {
        let from = self.folder.join(partition.to_string());
        let free =
            (1..).map(|n| self.folder.join(format!("{partition}.set-aside-{n}"))).find(|to| !to.exists());
        match free {
            Some(to) => std::fs::rename(&from, &to)
                .map_err(|error| Fault::State(format!("{} cannot be set aside: {error}", from.display()))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kinfold_pipeline::{Base, Store};

    #[test]
    fn a_store_that_is_set_aside_is_kept_and_the_next_one_is_empty() {
        let state = tempfile::tempdir().expect("a folder");
        let folders = Folders::new(state.path(), StageName::Stitch, Memory::new(8 << 20));
        let mut store = folders.open(3).expect("opens");
        store.commit([(b"key".to_vec(), Some(b"value".to_vec()))].into()).expect("commits");
        drop(store);
        for n in 1..=2 {
            folders.set_aside(3).expect("moves");
            assert!(state.path().join(format!("stitch/3.set-aside-{n}")).is_dir());
            assert_eq!(folders.open(3).expect("opens").get(b"key"), Ok(None));
        }
    }
}
