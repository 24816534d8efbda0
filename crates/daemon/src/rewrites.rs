//! When the files of which store are rewritten, so that what was deleted is on the disk no longer. When it was done last stands
//! beside the store, so that a restart does not begin to count anew.
//!
//! Stores that are at work nowhere go after a while, and so do those that were set aside: they hold what was erased since.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fs, io};

use kinfold_model::Timestamp;
use kinfold_store::{Memory, RocksStore};

/// For so long a store may be away from work: one that was away for longer would be made anew, because its changelog may have
/// forgotten deletions. What was set aside is kept as long, for whoever wants to know what was wrong.
const AWAY: Duration = Duration::from_secs(8 * 24 * 3600);

/// Stores that begin at one time are rewritten at so many different ones.
const SHARES: u32 = 16;

/// The stores of a stage, and when each is due.
pub(crate) struct Rewrites {
    interval_ms: i64,
    memory: Memory,
    due: Arc<Mutex<BTreeMap<u32, Timestamp>>>,
}

impl Rewrites {
    pub(crate) fn new(interval_ms: i64, memory: Memory) -> Self {
        Self { interval_ms, memory, due: Arc::default() }
    }

    /// Begins to rewrite a store that is here in this folder, if it is time to. It goes on on a thread of its own; one that is given
    /// up is due again.
    pub(crate) fn begin_if_due(&self, partition: u32, store: &RocksStore, folder: &Path, now: Timestamp) {
        let stamp = folder.with_extension("rewritten");
        let first = || match noted(&stamp, now) {
            Some(noted) => noted.plus_millis(self.interval_ms),
            None => {
                note(&stamp, now);
                // Else all stores of a new machine would be due at once, for ever.
                let share = i64::from(partition % SHARES) + 1;
                now.plus_millis(self.interval_ms / i64::from(SHARES) * share)
            }
        };
        if now < *lock(&self.due).entry(partition).or_insert_with(first) {
            return;
        }
        let (all, due) = (Arc::clone(&self.due), now.plus_millis(self.interval_ms));
        let is_begun = store.rewrite_in_background(move || {
            note(&stamp, now);
            lock(&all).insert(partition, due);
        });
        if is_begun && let Err(error) = self.tidy(folder) {
            tracing::warn!(%partition, %error, "stores that are not needed any more stay on the disk");
        }
    }

    /// Removes stores beside this one that nobody has used for long enough.
    fn tidy(&self, folder: &Path) -> io::Result<()> {
        let Some(parent) = folder.parent() else { return Ok(()) };
        for entry in fs::read_dir(parent)? {
            let entry = entry?;
            let (path, about) = (entry.path(), entry.metadata()?);
            let name = entry.file_name().to_string_lossy().into_owned();
            let was_set_aside = name.contains(".set-aside-");
            let is_store = was_set_aside || name.parse::<u32>().is_ok();
            let is_old = about.modified()?.elapsed().unwrap_or_default() >= AWAY;
            if !about.is_dir() || !is_store || !is_old || path == folder {
                continue;
            }
            if was_set_aside {
                fs::remove_dir_all(&path)?;
            } else if !self.take_away(&path)? {
                continue;
            }
            tracing::info!(path = %path.display(), "removed a store that was not used for a week");
        }
        Ok(())
    }

    /// Removes a store, if nobody uses it: one that is in use cannot be opened. Whoever wants it meanwhile finds none.
    fn take_away(&self, path: &Path) -> io::Result<bool> {
        let Ok(held) = RocksStore::open(path, &self.memory) else { return Ok(false) };
        let gone = path.with_extension("gone");
        fs::rename(path, &gone)?;
        drop(held);
        fs::remove_dir_all(&gone)?;
        Ok(true)
    }
}

fn lock(due: &Mutex<BTreeMap<u32, Timestamp>>) -> MutexGuard<'_, BTreeMap<u32, Timestamp>> {
    due.lock().unwrap_or_else(PoisonError::into_inner)
}

/// When the store was last rewritten, or began; `None` when nobody knows.
fn noted(stamp: &Path, now: Timestamp) -> Option<Timestamp> {
    let ms = fs::read_to_string(stamp).ok()?.trim().parse::<i64>().ok()?;
    Timestamp::from_millis(ms).ok().filter(|noted| *noted <= now)
}

fn note(stamp: &Path, now: Timestamp) {
    if let Err(error) = fs::write(stamp, now.millis().to_string()) {
        tracing::warn!(path = %stamp.display(), %error, "nobody will know when the store was rewritten");
    }
}

#[cfg(test)]
mod tests {
    use kinfold_pipeline::Store;

    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms).expect("in range")
    }

    fn memory() -> Memory {
        Memory::new(8 << 20)
    }

    #[test]
    fn a_store_is_rewritten_when_it_is_due_also_by_a_process_that_was_started_since() {
        let state = tempfile::tempdir().expect("a folder");
        let folder = state.path().join("3");
        let mut store = RocksStore::open(&folder, &memory()).expect("opens");
        store.commit([(b"a".to_vec(), Some(b"1".to_vec()))].into()).expect("commits");
        let noted = || fs::read_to_string(folder.with_extension("rewritten")).expect("is noted");
        let tend = |rewrites: &Rewrites, ms| {
            rewrites.begin_if_due(3, &store, &folder, at(ms));
            store.end_rewrite();
            noted()
        };
        assert_eq!(tend(&Rewrites::new(100, memory()), 1000), "1000", "from here it counts");
        let later = Rewrites::new(100, memory());
        assert_eq!(tend(&later, 1099), "1000");
        assert_eq!(tend(&later, 1100), "1100");
        assert_eq!(tend(&later, 1199), "1100");
        assert_eq!(tend(&later, 1200), "1200");
    }

    #[test]
    fn stores_that_nobody_used_for_a_week_go_and_those_in_use_stay() {
        let state = tempfile::tempdir().expect("a folder");
        let old = std::time::SystemTime::now() - AWAY - Duration::from_secs(1);
        let path = |name: &str| state.path().join(name);
        let used = ["3", "5"].map(|name| RocksStore::open(&path(name), &memory()).expect("opens"));
        drop(RocksStore::open(&path("4"), &memory()).expect("opens"));
        for name in ["3.set-aside-1", "3.set-aside-2", "notes"] {
            fs::create_dir(path(name)).expect("is made");
        }
        for name in ["3", "4", "5", "3.set-aside-1", "notes"] {
            fs::File::open(path(name)).and_then(|folder| folder.set_modified(old)).expect("is made old");
        }
        Rewrites::new(1, memory()).tidy(&path("3")).expect("is tidied");
        let left = ["3", "4", "5", "3.set-aside-1", "3.set-aside-2", "notes"];
        assert_eq!(left.map(|name| path(name).exists()), [true, false, true, false, true, true]);
        drop(used);
    }
}
