//! The disk of a machine: the stores of a stage, which survive the process. It refuses to open a store twice, and
//! notes when one is set aside that nobody harmed.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use kinfold_model::seam::Entries;
use kinfold_model::stored::{decode, encode};
use kinfold_model::{Fault, View};
use kinfold_pipeline::changelog::{MARK_KEY, Mark, STAMP_KEY, Stamp, UNFINISHED_KEY};
use kinfold_pipeline::{Store, Stores, Writes};

use super::{Member, Process, SKEW_MAX_MS, Shared};
use crate::simulation::Map;

/// Of one store at most so many copies are kept, to be put back later.
const COPIES_MAX: usize = 12;

/// What becomes of a store while nobody uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Harm {
    /// An earlier copy is put back.
    Stale,
    /// It is deleted.
    Empty,
    /// The store of another partition is put in its place.
    OtherPartition,
    /// That of another cluster.
    OtherCluster,
    /// That of a changelog of the same name that was deleted.
    OtherLineage,
    /// What it belongs to cannot be read.
    Unmarked,
}

impl Harm {
    pub(crate) const ALL: [Self; 6] = [
        Self::Stale,
        Self::Empty,
        Self::OtherPartition,
        Self::OtherCluster,
        Self::OtherLineage,
        Self::Unmarked,
    ];
}

/// One store.
#[derive(Default)]
struct Slot {
    content: RefCell<Map>,
    copies: RefCell<Vec<Map>>,
    is_open: Cell<bool>,
    /// What is read makes no sense.
    is_corrupt: Cell<bool>,
    /// It is no use, and may be set aside.
    is_unfit: Cell<bool>,
}

/// The stores of one worker.
pub(crate) struct Disks {
    member: Member,
    cluster: Shared,
    process: RefCell<Rc<Process>>,
    slots: RefCell<BTreeMap<u32, Rc<Slot>>>,
    /// Nothing can be written before this time.
    full_until: Rc<Cell<i64>>,
}

impl Disks {
    pub(crate) fn new(process: Rc<Process>, cluster: Shared) -> Self {
        let (slots, full_until) = (RefCell::default(), Rc::default());
        Self { member: process.member, cluster, process: RefCell::new(process), slots, full_until }
    }

    /// From now on another process uses the disk.
    pub(crate) fn hand_to(&self, process: Rc<Process>) {
        self.process.replace(process);
    }

    /// Nothing can be written for some time.
    pub(crate) fn fill(&self, until: i64) {
        self.full_until.set(until);
    }

    /// There is room again, and what is damaged is known to be.
    pub(crate) fn clear(&self) {
        self.full_until.set(0);
    }

    /// Damages one of the stores.
    pub(crate) fn corrupt(&self) {
        let slots = self.slots.borrow();
        let mut cluster = self.cluster.borrow_mut();
        let Some((partition, slot)) = cluster.rng.choice(slots.iter()) else { return };
        slot.is_corrupt.set(true);
        let (stage, machine) = self.member;
        cluster.tell(|| format!("the store of {stage} {partition} on machine {machine} is damaged"));
    }

    /// Does harm to one of the stores, none of which is open.
    pub(crate) fn harm(&self, harm: Harm) {
        let slots = self.slots.borrow();
        let mut cluster = self.cluster.borrow_mut();
        let Some((partition, slot)) = cluster.rng.choice(slots.iter()) else { return };
        let others: Vec<&Rc<Slot>> =
            slots.iter().filter(|(other, _)| *other != partition).map(|(_, slot)| slot).collect();
        let mark = mark(&slot.content.borrow());
        let changed: Option<Map> = match harm {
            Harm::Empty => Some(Map::new()),
            Harm::Stale => cluster.rng.choice(slot.copies.borrow().iter()).cloned(),
            _ if mark.commit == 0 => None,
            Harm::OtherPartition => {
                let other = cluster.rng.choice(others).map(|other| other.content.borrow().clone());
                other.filter(|other| self::mark(other).commit > 0)
            }
            Harm::OtherCluster => {
                let mut content = slot.content.borrow().clone();
                let stamp: Option<Stamp> =
                    content.get(STAMP_KEY).and_then(|bytes| decode("stamp", bytes).ok());
                let other = stamp.map(|stamp| Stamp { cluster: "another".to_owned(), ..stamp });
                content.extend(other.map(|other| (STAMP_KEY.to_vec(), encode(&other))));
                Some(content)
            }
            Harm::OtherLineage => {
                let mut content = slot.content.borrow().clone();
                let commit = cluster.rng.u64(1..mark.commit + 3);
                let other = Mark { lineage: mark.lineage.wrapping_add(1), commit, ..mark };
                content
                    .extend([(MARK_KEY.to_vec(), other.encode()), (b"of another life".to_vec(), Vec::new())]);
                Some(content)
            }
            Harm::Unmarked => {
                let mut content = slot.content.borrow().clone();
                content.remove(STAMP_KEY);
                Some(content)
            }
        };
        let Some(content) = changed else { return };
        slot.content.replace(content);
        slot.is_unfit.set(!matches!(harm, Harm::Stale | Harm::Empty) || slot.is_unfit.get());
        let (stage, machine) = self.member;
        cluster.tell(|| format!("harm to the store of {stage} {partition} on machine {machine}: {harm:?}"));
    }

    /// What is in a store.
    pub(crate) fn content(&self, partition: u32) -> Map {
        self.slots.borrow().get(&partition).map(|slot| slot.content.borrow().clone()).unwrap_or_default()
    }

    fn slot(&self, partition: u32) -> Rc<Slot> {
        Rc::clone(self.slots.borrow_mut().entry(partition).or_default())
    }

    /// Whether nothing of value is in it, or nothing that can be trusted any more: it is old, or part of a commit is in it.
    fn is_of_no_use(&self, slot: &Slot) -> bool {
        let cluster = self.cluster.borrow();
        let content = slot.content.borrow();
        let mark = mark(&content);
        mark.commit == 0
            || content.contains_key(UNFINISHED_KEY)
            || mark.time.millis() < cluster.now - cluster.retention_ms + 4 * SKEW_MAX_MS
    }
}

impl Stores for Disks {
    type Store = DiskStore;

    fn open(&self, partition: u32) -> Result<DiskStore, Fault> {
        let process = Rc::clone(&self.process.borrow());
        let mut cluster = self.cluster.borrow_mut();
        if process.is_dead.get() {
            return Err(Fault::State("the process is dead".to_owned()));
        }
        if cluster.now < self.full_until.get() {
            return Err(Fault::State("no space is left".to_owned()));
        }
        let slot = self.slot(partition);
        if slot.is_open.replace(true) {
            let (stage, machine) = self.member;
            cluster
                .break_law(format!("the store of {stage} {partition} on machine {machine} is opened twice"));
        }
        let (cluster, full_until) = (Rc::clone(&self.cluster), Rc::clone(&self.full_until));
        Ok(DiskStore { desk: (self.member.0, partition), slot, process, cluster, full_until })
    }

    fn set_aside(&self, partition: u32) -> Result<(), Fault> {
        if self.process.borrow().is_dead.get() {
            return Err(Fault::State("the process is dead".to_owned()));
        }
        let slot = self.slot(partition);
        let is_fit = !slot.is_unfit.get() && !slot.is_corrupt.get() && !self.is_of_no_use(&slot);
        let (stage, machine) = self.member;
        let mut cluster = self.cluster.borrow_mut();
        if is_fit || slot.is_open.get() {
            let what = if is_fit { "that was fit" } else { "that is open" };
            cluster
                .break_law(format!("a store {what} is set aside: {stage} {partition} on machine {machine}"));
        }
        slot.content.take();
        slot.is_corrupt.set(false);
        slot.is_unfit.set(false);
        Ok(())
    }
}

/// An open store. Its process writes nothing any more once it is dead.
pub(crate) struct DiskStore {
    desk: Member,
    slot: Rc<Slot>,
    process: Rc<Process>,
    cluster: Shared,
    full_until: Rc<Cell<i64>>,
}

impl DiskStore {
    fn check(&self) -> Result<(), Fault> {
        if self.process.is_dead.get() {
            return Err(Fault::State("the process is dead".to_owned()));
        }
        if self.slot.is_corrupt.get() {
            return Err(Fault::Corrupt { what: "anything", why: "a test says so".to_owned() });
        }
        Ok(())
    }
}

impl View for DiskStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        self.check()?;
        View::get(&*self.slot.content.borrow(), key)
    }

    fn scan(&self, prefix: &[u8]) -> Result<Entries, Fault> {
        self.check()?;
        self.slot.content.borrow().scan(prefix)
    }

    fn page(&self, prefix: &[u8], after: &[u8], most: usize) -> Result<Entries, Fault> {
        self.check()?;
        self.slot.content.borrow().page(prefix, after, most)
    }
}

impl Store for DiskStore {
    fn commit(&mut self, writes: Writes) -> Result<(), Fault> {
        self.check()?;
        let mut cluster = self.cluster.borrow_mut();
        let (stage, partition) = self.desk;
        if cluster.now < self.full_until.get() {
            cluster.tell(|| format!("{stage} {partition}: no space is left for a commit to the store"));
            return Err(Fault::State("no space is left".to_owned()));
        }
        let crash = cluster.faults.crash;
        if cluster.strikes(crash) {
            cluster.tell(|| format!("{stage} {partition}: the process ends before the store is written"));
            self.process.is_dead.set(true);
            return Err(Fault::State("the process is dead".to_owned()));
        }
        let mut content = self.slot.content.borrow_mut();
        content.commit(writes)?;
        if !self.slot.is_unfit.get() && !content.contains_key(UNFINISHED_KEY) {
            cluster.audit.stored(self.desk, &content);
        }
        if cluster.rng.u8(0..6) == 0 {
            let mut copies = self.slot.copies.borrow_mut();
            if copies.len() == COPIES_MAX {
                let one = cluster.rng.usize(..COPIES_MAX);
                copies.swap_remove(one);
            }
            copies.push(content.clone());
        }
        if cluster.strikes(crash) {
            cluster.tell(|| format!("{stage} {partition}: the process ends after the store is written"));
            self.process.is_dead.set(true);
        }
        Ok(())
    }

    fn visit(&self, prefix: &[u8], see: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), Fault> {
        self.check()?;
        self.slot.content.borrow().visit(prefix, see)
    }
}

impl Drop for DiskStore {
    fn drop(&mut self) {
        self.slot.is_open.set(false);
    }
}

fn mark(content: &Map) -> Mark {
    let mark = content.get(MARK_KEY).and_then(|value| Mark::decode(value).ok());
    mark.unwrap_or_default()
}
