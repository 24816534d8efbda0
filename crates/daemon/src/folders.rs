//! The stores of a stage on this machine: one folder for each partition, `<state>/<stage>/<partition>`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use kinfold_checkpoint::Place;
use kinfold_model::{Fault, Timestamp};
use kinfold_pipeline::{StageName, Stores};
use kinfold_store::{Memory, RocksStore};

use crate::copies::Copies;
use crate::rewrites::Rewrites;

/// Where a stage keeps its stores.
pub struct Folders {
    stage: StageName,
    /// `<state>/<stage>`.
    folder: PathBuf,
    /// Shared with the other stages of the process.
    memory: Memory,
    /// Elsewhere.
    copies: Option<Copies>,
    rewrites: Rewrites,
}

impl Folders {
    /// The stores of a stage below the state folder. The files of each are rewritten every `rewrite_interval_ms`.
    #[must_use]
    pub fn new(
        state: &Path,
        stage: StageName,
        memory: Memory,
        copies: Option<Copies>,
        rewrite_interval_ms: i64,
    ) -> Self {
        let (folder, rewrites) =
            (state.join(stage.as_str()), Rewrites::new(rewrite_interval_ms, memory.clone()));
        Self { stage, folder, memory, copies, rewrites }
    }

    /// The folder of a partition's store.
    #[must_use]
    pub fn path(&self, partition: u32) -> PathBuf {
        self.folder.join(partition.to_string())
    }

    /// The partitions of which there is a store here, in order.
    ///
    /// # Errors
    /// When the folder is there and cannot be listed.
    pub fn partitions(&self) -> std::io::Result<BTreeSet<u32>> {
        let entries = match std::fs::read_dir(&self.folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
            entries => entries?,
        };
        let mut partitions = BTreeSet::new();
        for entry in entries {
            partitions.extend(entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()));
        }
        Ok(partitions)
    }

    fn place(&self, partition: u32) -> Place {
        Place { stage: self.stage, partition }
    }
}

impl Stores for Folders {
    type Store = RocksStore;

    fn open(&self, partition: u32) -> Result<RocksStore, Fault> {
        let path = self.path(partition);
        if let Some(copies) = self.copies.as_ref().filter(|_| !path.exists())
            && !copies.fetch(self.place(partition), &path)
        {
            return Err(Fault::State("its newest copy is being fetched".to_owned()));
        }
        Ok(RocksStore::open(&path, &self.memory)?)
    }

    fn tend(&self, partition: u32, store: &RocksStore, now: Timestamp) {
        self.rewrites.begin_if_due(partition, store, &self.path(partition), now);
    }

    fn committed(&self, partition: u32, store: &RocksStore, now: Timestamp) {
        if let Some(copies) = &self.copies {
            copies.save_if_due(self.place(partition), store, &self.path(partition), now);
        }
    }

    fn set_aside(&self, partition: u32) -> Result<(), Fault> {
        let from = self.path(partition);
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
    use kinfold_checkpoint::Depot;
    use kinfold_model::View;
    use kinfold_pipeline::changelog::{Chunk, Replay, Stamp};
    use kinfold_pipeline::{Metrics, Store};
    use std::time::{Duration, Instant};

    #[test]
    fn a_store_that_is_set_aside_is_kept_and_the_next_one_is_empty() {
        let state = tempfile::tempdir().expect("a folder");
        let folders = Folders::new(state.path(), StageName::Stitch, Memory::new(8 << 20), None, i64::MAX);
        let mut store = folders.open(3).expect("opens");
        store.commit([(b"key".to_vec(), Some(b"value".to_vec()))].into()).expect("commits");
        drop(store);
        for n in 1..=2 {
            folders.set_aside(3).expect("moves");
            assert!(state.path().join(format!("stitch/3.set-aside-{n}")).is_dir());
            assert_eq!(folders.open(3).expect("opens").get(b"key"), Ok(None));
        }
    }

    #[test]
    fn a_partition_that_comes_to_another_machine_begins_with_its_newest_copy() {
        let at = tempfile::tempdir().expect("a folder");
        let copies = || {
            let url = format!("file://{}", at.path().join("depot").display());
            let metrics = Metrics::new("1", &StageName::ALL).expect("names are legal");
            Copies::new(Depot::open(&url, &[]).expect("opens"), 0, metrics)
        };
        let memory = Memory::new(8 << 20);
        let folders = |name: &str| {
            Folders::new(&at.path().join(name), StageName::Stitch, memory.clone(), Some(copies()), i64::MAX)
        };
        let deadline = Instant::now() + Duration::from_secs(60);
        let opened = |folders: &Folders| loop {
            match folders.open(3) {
                Err(fault) if Instant::now() < deadline => {
                    assert!(fault.to_string().contains("is being fetched"), "{fault}");
                    std::thread::sleep(Duration::from_millis(5));
                }
                store => break store.expect("opens"),
            }
        };
        let (one, other) = (folders("one"), folders("other"));
        let (stamp, chunk) = (Stamp { partition: 3, ..Stamp::default() }, Chunk { changes: 1, bytes: 1 });
        let (mut store, _) =
            Replay::begin(opened(&one), &stamp, Timestamp::default(), chunk).expect("is fit").into_parts();
        store.commit([(b"key".to_vec(), Some(b"value".to_vec()))].into()).expect("commits");
        one.committed(3, &store, Timestamp::default());
        let copied = at.path().join("depot/stitch/3/copies");
        while Instant::now() < deadline && std::fs::read_dir(&copied).map_or(0, Iterator::count) == 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
        let copy = opened(&other);
        assert_eq!(copy.get(b"key"), Ok(Some(b"value".to_vec())));
        assert_eq!(Stamp::of(&copy), Ok(Some(stamp)));
    }
}
