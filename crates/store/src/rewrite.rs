//! What was deleted leaves the disk when the files that hold it are rewritten. RocksDB does that when it has a reason of its own,
//! which may be never; whoever was erased has to be gone by a date.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use rocksdb::{BottommostLevelCompaction, CompactOptions, DB};

/// A rewriting that is under way on a thread of its own.
pub(crate) struct Rewrite {
    thread: JoinHandle<()>,
    is_over: Arc<AtomicBool>,
}

impl Rewrite {
    /// Begins; `done` is called when all files are new.
    pub(crate) fn begin(db: Arc<DB>, done: impl FnOnce() + Send + 'static) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            rewrite(&db);
            // One that was given up has not seen all files.
            if !ended.swap(true, Ordering::AcqRel) {
                done();
            }
        });
        Self { thread, is_over }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    /// Waits for the end.
    pub(crate) fn wait(self) {
        drop(self.thread.join());
    }

    /// Gives up, and waits until the thread has let go of the database.
    pub(crate) fn give_up(self, db: &DB) {
        if !self.is_over.swap(true, Ordering::AcqRel) {
            db.cancel_all_background_work(false);
        }
        // A thread that panicked has let go, too.
        drop(self.thread.join());
    }
}

/// Writes all files anew, beginning with what is in memory only; others can write meanwhile.
pub(crate) fn rewrite(db: &DB) {
    let mut options = CompactOptions::default();
    options.set_exclusive_manual_compaction(false);
    options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
    db.compact_range_opt(None::<&[u8]>, None::<&[u8]>, &options);
}
