//! Copies of stores in an object store: made now and then while a partition is at work, fetched where there is no store.
//! Both happen on threads of their own, because both wait for the network.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use kinfold_checkpoint::{Depot, Place};
use kinfold_model::{Fault, Timestamp};
use kinfold_pipeline::Metrics;
use kinfold_pipeline::changelog::{Mark, Stamp};
use kinfold_store::RocksStore;

/// The copies of a process's stores.
#[derive(Clone)]
pub struct Copies {
    inner: Arc<Inner>,
}

struct Inner {
    depot: Depot,
    interval_ms: i64,
    metrics: Metrics,
    places: Mutex<BTreeMap<Place, State>>,
}

/// What is going on about a store.
#[derive(Clone, Copy, Default)]
struct State {
    /// Whether a copy is being made.
    is_saving: bool,
    /// When the next copy is to be made; `None` before the first commit.
    due: Option<Timestamp>,
    fetch: Fetch,
}

/// How far the fetching of a copy is. It is tried once: a copy that was of no use will be of none again.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Fetch {
    #[default]
    NotTried,
    UnderWay,
    Over,
}

impl Copies {
    /// Copies in a depot, each store's every `interval_ms`.
    #[must_use]
    pub fn new(depot: Depot, interval_ms: i64, metrics: Metrics) -> Self {
        let inner = Inner { depot, interval_ms, metrics, places: Mutex::default() };
        Self { inner: Arc::new(inner) }
    }

    /// Makes a copy of a store that is at work, if it is time to.
    pub(crate) fn save_if_due(&self, place: Place, store: &RocksStore, folder: &Path, now: Timestamp) {
        let mut places = self.inner.places();
        let state = places.entry(place).or_default();
        let due = *state.due.get_or_insert(now.plus_millis(self.inner.interval_ms));
        if state.is_saving || now < due {
            return;
        }
        state.is_saving = true;
        state.due = Some(now.plus_millis(self.inner.interval_ms));
        drop(places);
        let copy = folder.with_extension("copy");
        match self.inner.prepare(store, &copy) {
            Ok((stamp, mark)) => {
                let inner = Arc::clone(&self.inner);
                thread::spawn(move || inner.save(place, (stamp, mark), &copy));
            }
            Err(fault) => {
                tracing::warn!(%place, %fault, "no copy of the store could be made");
                self.inner.places().entry(place).or_default().is_saving = false;
            }
        }
    }

    /// Brings the newest copy of a store into a folder that is not there. Whether that is over, with or without success.
    pub(crate) fn fetch(&self, place: Place, folder: &Path) -> bool {
        let mut places = self.inner.places();
        let state = places.entry(place).or_default();
        if state.fetch == Fetch::NotTried {
            state.fetch = Fetch::UnderWay;
            let (inner, folder) = (Arc::clone(&self.inner), folder.to_owned());
            thread::spawn(move || inner.fetch(place, &folder));
        }
        state.fetch == Fetch::Over
    }
}

impl Inner {
    fn places(&self) -> MutexGuard<'_, BTreeMap<Place, State>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn prepare(&self, store: &RocksStore, copy: &Path) -> Result<(Stamp, Mark), Fault> {
        remove(copy)?;
        store.checkpoint(copy)?;
        Ok((Stamp::of(store)?.unwrap_or_default(), Mark::of(store)?))
    }

    fn save(&self, place: Place, (stamp, mark): (Stamp, Mark), copy: &Path) {
        let (commit, time) = (mark.commit, mark.time);
        match self.depot.save(place, stamp, mark, copy) {
            Ok(saved) => {
                self.metrics.saved(place.stage, time);
                tracing::info!(%place, commit, bytes = saved.bytes, sent_bytes = saved.sent_bytes, "saved a copy");
            }
            Err(error) => tracing::warn!(%place, %error, "no copy of the store could be saved"),
        }
        if let Err(fault) = remove(copy) {
            tracing::warn!(%place, %fault, "the copy stays on the disk");
        }
        self.places().entry(place).or_default().is_saving = false;
    }

    fn fetch(&self, place: Place, folder: &Path) {
        match bring(&self.depot, place, folder) {
            Ok(Some(commit)) => tracing::info!(%place, commit, "fetched the newest copy of the store"),
            Ok(None) => tracing::info!(%place, "there is no copy of the store"),
            Err(why) => tracing::warn!(%place, %why, "no copy of the store; all of the changelog is read"),
        }
        self.places().entry(place).or_default().fetch = Fetch::Over;
    }
}

/// Brings the newest copy of a store into a folder that is not there; tells of which commit it is, or `None` if there is no
/// copy.
///
/// # Errors
/// A sentence. The folder is then not there, either.
pub fn bring(depot: &Depot, place: Place, folder: &Path) -> Result<Option<u64>, String> {
    let Some(manifest) = depot.latest(place).map_err(|error| error.to_string())? else { return Ok(None) };
    let part: PathBuf = folder.with_extension("part");
    remove(&part).map_err(|fault| fault.to_string())?;
    depot.fetch(place, &manifest, &part).map_err(|error| error.to_string())?;
    std::fs::rename(&part, folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(Some(manifest.mark.commit))
}

fn remove(folder: &Path) -> Result<(), Fault> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Fault::State(format!("{}: {error}", folder.display())))
        }
        _ => Ok(()),
    }
}
