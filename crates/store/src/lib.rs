//! State on disk: a [`RocksStore`] keeps the committed state of one partition, or of one local run.
//!
//! What goes in are the writes of a committed batch, applied at once; what comes out are values and ranges of
//! keys. Nothing uncommitted is ever written. This is the only crate that knows RocksDB.

mod rewrite;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kinfold_model::seam::Entries;
use kinfold_model::{Fault, View};
use kinfold_pipeline::{Store, Writes};
use rocksdb::checkpoint::Checkpoint;
use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, DB, DBCompressionType, Direction, ErrorKind, IteratorMode,
    Options, ReadOptions, SliceTransform, WriteBatch, WriteBufferManager,
};

use rewrite::Rewrite;

/// Filters also know the beginnings of keys, of so many bytes: a table's tag and an id. Who looks for all that is kept of an id
/// passes over the files that have nothing of it.
const PREFIX_BYTES: usize = 17;

/// As RocksDB has it by default.
const WRITE_BUFFER_BYTES_MAX: usize = 64 << 20;

/// The memory that all stores of a process share: blocks that were read, and writes not yet in files.
#[derive(Clone)]
pub struct Memory {
    cache: Cache,
    write_buffers: WriteBufferManager,
    /// The share that is for writes.
    written_bytes: usize,
}

impl Memory {
    /// A quarter is for writes, and is taken out of the cache, so that the sum holds.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        // RocksDB's own default: a look takes no lock. 0: it finds out by itself how large entries are.
        let cache = Cache::new_hyper_clock_cache(bytes, 0);
        let written_bytes = bytes / 4;
        let write_buffers =
            WriteBufferManager::new_write_buffer_manager_with_cache(written_bytes, false, cache.clone());
        Self { cache, write_buffers, written_bytes }
    }
}

/// A folder that holds no store we can open.
#[derive(Debug, thiserror::Error)]
#[error("the state in {} cannot be opened: {why}; if another process uses it, stop that one, else set the folder aside", path.display())]
pub struct OpenError {
    /// The folder.
    pub path: PathBuf,
    /// Whether what is there is damaged, so that trying again is of no use.
    pub is_damaged: bool,
    why: String,
}

impl From<OpenError> for Fault {
    fn from(error: OpenError) -> Self {
        if error.is_damaged {
            Self::Corrupt { what: "a store", why: error.to_string() }
        } else {
            Self::State(error.to_string())
        }
    }
}

/// A RocksDB database in a folder of its own.
pub struct RocksStore {
    db: Arc<DB>,
    rewrite: Mutex<Option<Rewrite>>,
}

impl fmt::Debug for RocksStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "store in {}", self.db.path().display())
    }
}

impl RocksStore {
    /// Opens the store in a folder, which is created if need be.
    ///
    /// # Errors
    /// [`OpenError`] when the folder is in use, cannot be written, or holds a damaged database.
    pub fn open(path: &Path, memory: &Memory) -> Result<Self, OpenError> {
        let failed = |is_damaged, why| OpenError { path: path.to_owned(), is_damaged, why };
        std::fs::create_dir_all(path).map_err(|error| failed(false, error.to_string()))?;
        let opened = DB::open(&options(memory), path);
        opened.map(Self::new).map_err(|error| failed(is_damage(&error), error.into_string()))
    }

    /// Opens the store in a folder to look at it, also while another process is at work on it: what that one had
    /// written by now is seen, nothing later. Nothing in the folder is changed, and a commit fails.
    ///
    /// # Errors
    /// [`OpenError`] when there is no store, or a damaged one.
    pub fn open_read_only(path: &Path, memory: &Memory) -> Result<Self, OpenError> {
        if !path.join("CURRENT").exists() {
            // RocksDB would make the folder before it found nothing there.
            let (path, why) = (path.to_owned(), "there is no store".to_owned());
            return Err(OpenError { path, is_damaged: false, why });
        }
        let mut options = options(memory);
        options.create_if_missing(false);
        // All files are opened at once: the other process may remove any of them while we look.
        options.set_max_open_files(-1);
        DB::open_for_read_only(&options, path, false).map(Self::new).map_err(|error| OpenError {
            path: path.to_owned(),
            is_damaged: is_damage(&error),
            why: error.into_string(),
        })
    }
}

impl RocksStore {
    fn new(db: DB) -> Self {
        Self { db: Arc::new(db), rewrite: Mutex::default() }
    }

    /// Writes all files anew, so that what was deleted or replaced is on the disk no longer. Takes as long as the store is large.
    pub fn rewrite(&self) {
        rewrite::rewrite(&self.db);
    }

    /// The same on a thread of its own, which calls `done` at its end; whether it was begun: not while one is under way.
    pub fn rewrite_in_background(&self, done: impl FnOnce() + Send + 'static) -> bool {
        let mut current = self.current();
        let is_free = current.as_ref().is_none_or(Rewrite::is_over);
        if is_free {
            *current = Some(Rewrite::begin(Arc::clone(&self.db), done));
        }
        is_free
    }

    /// Waits until the rewriting that is under way is at its end.
    pub fn end_rewrite(&self) {
        if let Some(rewrite) = self.current().take() {
            rewrite.wait();
        }
    }

    fn current(&self) -> MutexGuard<'_, Option<Rewrite>> {
        self.rewrite.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves a copy of the committed state in a folder that does not exist yet, on the same disk: files that never change
    /// again are linked, not copied.
    ///
    /// # Errors
    /// [`Fault::State`] when the folder cannot be made.
    pub fn checkpoint(&self, folder: &Path) -> Result<(), Fault> {
        Checkpoint::new(&self.db).and_then(|checkpoint| checkpoint.create_checkpoint(folder)).map_err(fault)
    }
}

impl Drop for RocksStore {
    /// Whoever opens the folder next must not find it locked by a rewriting.
    fn drop(&mut self) {
        if let Some(rewrite) = self.current().take() {
            rewrite.give_up(&self.db);
        }
    }
}

impl View for RocksStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        self.db.get(key).map_err(fault)
    }

    fn scan(&self, prefix: &[u8]) -> Result<Entries, Fault> {
        let mut entries = Vec::new();
        for entry in self.db.iterator_opt(IteratorMode::From(prefix, Direction::Forward), within(prefix)) {
            let (key, value) = entry.map_err(fault)?;
            entries.push((key.into_vec(), value.into_vec()));
        }
        Ok(entries)
    }

    fn page(&self, prefix: &[u8], after: &[u8], most: usize) -> Result<Entries, Fault> {
        let begin = IteratorMode::From(prefix.max(after), Direction::Forward);
        let entries = self.db.iterator_opt(begin, within(prefix));
        let read = entries.map(|entry| entry.map(|(key, value)| (key.into_vec(), value.into_vec())));
        let beyond = read.filter(|entry| entry.as_ref().map_or(true, |(key, _)| key.as_slice() > after));
        beyond.take(most).collect::<Result<_, _>>().map_err(fault)
    }
}

impl Store for RocksStore {
    fn commit(&mut self, writes: Writes) -> Result<(), Fault> {
        let mut batch = WriteBatch::default();
        for (key, value) in writes {
            match value {
                Some(value) => batch.put(key, value),
                None => batch.delete(key),
            }
        }
        self.db.write(batch).map_err(fault)
    }

    fn visit(&self, prefix: &[u8], see: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), Fault> {
        for entry in self.db.iterator_opt(IteratorMode::From(prefix, Direction::Forward), within(prefix)) {
            let (key, value) = entry.map_err(fault)?;
            see(&key, &value);
        }
        Ok(())
    }
}

fn fault(error: rocksdb::Error) -> Fault {
    if is_damage(&error) {
        Fault::Corrupt { what: "a store", why: error.into_string() }
    } else {
        Fault::State(error.into_string())
    }
}

/// Whether an error is one of the data, and not of the disk or of somebody who holds the lock. A file that is missing is
/// reported as an error of the disk, and is none.
fn is_damage(error: &rocksdb::Error) -> bool {
    match error.kind() {
        ErrorKind::Corruption | ErrorKind::NotFound | ErrorKind::InvalidArgument => true,
        ErrorKind::IOError => error.as_ref().contains("No such file"),
        _ => false,
    }
}

fn options(memory: &Memory) -> Options {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(&memory.cache);
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
    // In pieces: those of a whole file are a megabyte each, and push each other out of the cache, to be read and checked again at
    // each look into a store that is larger than it.
    blocks.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
    blocks.set_partition_filters(true);
    // 10 bits a key: one false positive in a hundred. Most keys that a touchpoint asks for are new.
    blocks.set_bloom_filter(10.0, false);
    let mut options = Options::default();
    options.set_prefix_extractor(SliceTransform::create_fixed_prefix(PREFIX_BYTES));
    options.create_if_missing(true);
    options.set_paranoid_checks(true);
    options.set_block_based_table_factory(&blocks);
    options.set_write_buffer_manager(&memory.write_buffers);
    // What is not in a file yet has a filter, too, for most keys that are looked for are not there. A store takes it as soon as it is
    // written to, so it is small: a two-hundredth of the buffer, and that is no larger than the share of all.
    options.set_write_buffer_size(memory.written_bytes.min(WRITE_BUFFER_BYTES_MAX));
    options.set_memtable_prefix_bloom_ratio(0.005);
    options.set_memtable_whole_key_filtering(true);
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_bottommost_compression_type(DBCompressionType::Zstd);
    // Dozens of partitions share the process's file descriptors.
    options.set_max_open_files(256);
    // RocksDB writes its own log of what it does; the last few files are enough.
    options.set_keep_log_file_num(2);
    options.set_max_log_file_size(1 << 20);
    options
}

/// Reads that end where the prefix does.
fn within(prefix: &[u8]) -> ReadOptions {
    let mut options = ReadOptions::default();
    // Filters cannot tell where anything of a shorter prefix is.
    options.set_total_order_seek(prefix.len() < PREFIX_BYTES);
    if let Some(end) = successor(prefix) {
        options.set_iterate_upper_bound(end);
    }
    options
}

/// The least key above all that begin with `prefix`; `None` when there is none.
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &[u8], value: &[u8]) -> (Vec<u8>, Option<Vec<u8>>) {
        (key.to_vec(), Some(value.to_vec()))
    }

    #[test]
    fn what_was_committed_is_there_after_reopening() {
        let folder = tempfile::tempdir().expect("a folder");
        let memory = Memory::new(1 << 20);
        let mut store = RocksStore::open(folder.path(), &memory).expect("opens");
        store.commit([entry(b"a1", b"1"), entry(b"a2", b"2"), entry(b"b", b"3")].into()).expect("commits");
        store.commit([(b"a2".to_vec(), None)].into()).expect("commits");
        drop(store);
        let store = RocksStore::open(folder.path(), &memory).expect("opens again");
        assert_eq!(store.scan(b"a"), Ok(vec![(b"a1".to_vec(), b"1".to_vec())]));
        assert_eq!(store.get(b"b"), Ok(Some(b"3".to_vec())));
        assert_eq!(store.page(b"", b"", 1), Ok(vec![(b"a1".to_vec(), b"1".to_vec())]));
        assert_eq!(store.page(b"", b"a1", 9), Ok(vec![(b"b".to_vec(), b"3".to_vec())]));
        assert_eq!(store.page(b"a", b"a1", 9), Ok(Vec::new()));
    }

    #[test]
    fn ranges_are_whole_however_long_their_prefix_is_and_wherever_their_entries_are() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = RocksStore::open(folder.path(), &Memory::new(1 << 20)).expect("opens");
        let key = |id: u8, rest: u8| [&[1][..], &[id; 16], &[rest]].concat();
        for rest in 0..9 {
            let of_all =
                (0..40).map(|id| entry(&key(id, rest), &[rest])).chain([entry(&[1, rest], b"short")]);
            store.commit(of_all.collect()).expect("commits");
            if rest % 3 == 0 {
                store.db.flush().expect("is written to a file");
            }
        }
        for id in 0..40 {
            let expected: Entries = (0..9).map(|rest| (key(id, rest), vec![rest])).collect();
            let prefix = &key(id, 0)[..PREFIX_BYTES];
            assert_eq!(store.scan(prefix).as_ref(), Ok(&expected));
            assert_eq!(store.scan(&prefix[..9]).as_ref(), Ok(&expected));
            assert_eq!(store.page(prefix, &key(id, 3), 9).as_deref(), Ok(&expected[4..]));
        }
        assert_eq!(store.scan(&[1; PREFIX_BYTES - 2]).map(|entries| entries.len()), Ok(9));
        assert_eq!(store.scan(&[1]).map(|entries| entries.len()), Ok(40 * 9 + 9));
        assert_eq!(store.page(&[1], &key(38, 8), 99).map(|entries| entries.len()), Ok(9));
        assert_eq!(store.scan(&key(40, 0)[..PREFIX_BYTES]), Ok(Vec::new()));
    }

    #[test]
    fn a_store_is_never_opened_twice() {
        let folder = tempfile::tempdir().expect("a folder");
        let memory = Memory::new(1 << 20);
        let _held = RocksStore::open(folder.path(), &memory).expect("opens");
        let second = RocksStore::open(folder.path(), &memory).expect_err("is locked");
        assert!(second.to_string().contains("another process"), "{second}");
    }

    #[test]
    fn a_store_at_work_can_be_looked_at_and_is_left_as_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let memory = Memory::new(1 << 20);
        let files = || {
            let entries =
                std::fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("listed"));
            let mut files: Vec<_> =
                entries.map(|entry| (entry.file_name(), entry.metadata().expect("a file").len())).collect();
            files.sort();
            files
        };
        let mut store = RocksStore::open(folder.path(), &memory).expect("opens");
        store.commit([entry(b"a", b"1")].into()).expect("commits");
        let before = files();
        let looking = RocksStore::open_read_only(folder.path(), &memory).expect("opens beside it");
        assert_eq!(looking.get(b"a"), Ok(Some(b"1".to_vec())));
        store.commit([entry(b"b", b"2")].into()).expect("commits");
        assert_eq!(looking.get(b"b"), Ok(None), "what came later is not seen");
        drop(looking);
        let names = |files: Vec<(std::ffi::OsString, u64)>| files.into_iter().map(|(name, _)| name);
        assert!(names(before).eq(names(files())), "looking left a file");
        assert_eq!(store.get(b"b"), Ok(Some(b"2".to_vec())));
    }

    #[test]
    fn what_is_not_there_cannot_be_looked_at_and_is_not_made() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("none");
        let error = RocksStore::open_read_only(&path, &Memory::new(1 << 20)).expect_err("there is none");
        assert!(error.to_string().contains("none"), "{error}");
        assert!(!path.exists());
    }

    #[test]
    fn a_checkpoint_is_the_store_as_it_was() {
        let folder = tempfile::tempdir().expect("a folder");
        let memory = Memory::new(1 << 20);
        let mut store = RocksStore::open(&folder.path().join("store"), &memory).expect("opens");
        store.commit([entry(b"a", b"1")].into()).expect("commits");
        let copy = folder.path().join("copy");
        store.checkpoint(&copy).expect("is made");
        store.commit([entry(b"a", b"2")].into()).expect("commits");
        let copy = RocksStore::open(&copy, &memory).expect("opens");
        assert_eq!(copy.get(b"a"), Ok(Some(b"1".to_vec())));
    }

    #[test]
    fn what_was_deleted_is_in_the_files_until_they_are_rewritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let memory = Memory::new(1 << 20);
        let holds = || {
            let files = std::fs::read_dir(folder.path())
                .expect("a folder")
                .map(|entry| entry.expect("listed").path());
            let mut bytes = files.filter_map(|path| std::fs::read(path).ok());
            bytes.any(|bytes| bytes.windows(9).any(|window| window == b"ann@exam."))
        };
        let mut store = RocksStore::open(folder.path(), &memory).expect("opens");
        store.commit([entry(b"a", b"ann@exam."), entry(b"b", b"ann@exam.")].into()).expect("commits");
        store.commit([(b"a".to_vec(), None), entry(b"b", b"bea@exam.")].into()).expect("commits");
        assert!(holds(), "else the test could not fail");
        store.rewrite();
        assert!(!holds());
        assert_eq!(store.scan(b""), Ok(vec![(b"b".to_vec(), b"bea@exam.".to_vec())]));
    }

    #[test]
    fn a_store_that_is_dropped_while_it_is_rewritten_can_be_opened_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let memory = Memory::new(1 << 20);
        for round in 0..10_u32 {
            let mut store = RocksStore::open(folder.path(), &memory).expect("opens");
            for number in 0..200_u32 {
                let key = [round.to_be_bytes(), number.to_be_bytes()].concat();
                store.commit([(key, Some(vec![7; 1000]))].into()).expect("commits");
            }
            assert!(store.rewrite_in_background(|| ()));
        }
        let store = RocksStore::open(folder.path(), &memory).expect("opens");
        assert_eq!(store.scan(b"").map(|entries| entries.len()), Ok(2000));
    }

    #[test]
    fn damage_is_told_from_a_store_that_is_in_use() {
        let folder = tempfile::tempdir().expect("a folder");
        let memory = Memory::new(1 << 20);
        let mut store = RocksStore::open(folder.path(), &memory).expect("opens");
        store.commit([entry(b"a", b"1")].into()).expect("commits");
        assert!(!RocksStore::open(folder.path(), &memory).expect_err("is in use").is_damaged);
        drop(store);
        drop(RocksStore::open(folder.path(), &memory).expect("writes its log to a file"));
        let files =
            std::fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("listed").path());
        let table = files.into_iter().find(|path| path.extension().is_some_and(|end| end == "sst"));
        std::fs::remove_file(table.expect("a table was written")).expect("removed");
        assert!(RocksStore::open(folder.path(), &memory).expect_err("a table is missing").is_damaged);
    }

    #[test]
    fn a_range_ends_where_its_prefix_does() {
        assert_eq!(successor(b"ab"), Some(b"ac".to_vec()));
        assert_eq!(successor(&[1, 255]), Some(vec![2]));
        assert_eq!(successor(&[255, 255]), None);
    }
}
