//! Where a worker finds the store of a partition.

use std::collections::BTreeMap;

use kinfold_model::{Fault, Timestamp};

use crate::overlay::Store;

/// The stores of one stage on this machine.
pub trait Stores {
    /// One of them.
    type Store: Store;

    /// Opens the store of a partition; an empty one if there is none.
    ///
    /// # Errors
    /// [`Fault::Corrupt`] when it is damaged, [`Fault::State`] when it cannot be opened now, for instance because
    /// another worker has not let go of it yet.
    fn open(&self, partition: u32) -> Result<Self::Store, Fault>;

    /// Puts the store of a partition out of the way, so that the next [`Stores::open`] gives an empty one.
    ///
    /// # Errors
    /// [`Fault::State`] when it cannot be moved.
    fn set_aside(&self, partition: u32) -> Result<(), Fault>;

    /// A store is here, at work or kept warm, whether anything comes or not: the place for what has to be done to its files now and
    /// then. Called often.
    fn tend(&self, partition: u32, store: &Self::Store, now: Timestamp) {
        let _ = (partition, store, now);
    }

    /// A commit was applied at this time: the place to make a copy of the store elsewhere, now and then. Nothing depends
    /// on whether that succeeds.
    fn committed(&self, partition: u32, store: &Self::Store, now: Timestamp) {
        let _ = (partition, store, now);
    }
}

/// For a stage that keeps nothing.
pub struct NoState;

impl Stores for NoState {
    type Store = BTreeMap<Vec<u8>, Vec<u8>>;

    fn open(&self, _: u32) -> Result<Self::Store, Fault> {
        Ok(BTreeMap::new())
    }

    fn set_aside(&self, _: u32) -> Result<(), Fault> {
        Ok(())
    }
}
