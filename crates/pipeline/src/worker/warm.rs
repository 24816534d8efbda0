//! Partitions of others that are kept warm: their stores follow the changelog, so that a takeover has only its end to read.

use kinfold_model::Fault;

use super::Worker;
use super::assign::AGAIN_MS;
use crate::changelog::Unfit;
use crate::link::Link;
use crate::port::Port;
use crate::stores::Stores;

impl<P: Port, L: Link, S: Stores> Worker<'_, P, L, S> {
    /// Keeps the partitions warm that this worker would take over, and lets go of all others.
    pub(super) fn stand_by(&mut self) -> Result<(), L::Error> {
        let wanted = self.link.standbys()?;
        let mut shelf = std::mem::take(&mut self.shelf);
        let now = self.link.now();
        for partition in wanted.into_iter().filter(|partition| !self.seats.contains_key(partition)) {
            match shelf.remove(&partition) {
                Some(mut replay) => {
                    replay.rewind();
                    self.link.follow(partition, replay.from())?;
                    self.shelf.insert(partition, replay);
                }
                None => drop(self.cold.insert(partition, now)),
            }
        }
        shelf.into_keys().try_for_each(|partition| self.link.unfollow(partition))?;
        self.warm_up()
    }

    /// Opens the stores of partitions that are to be kept warm and are not yet, as soon as they can be had.
    pub(super) fn warm_up(&mut self) -> Result<(), L::Error> {
        let now = self.link.now();
        let due: Vec<u32> =
            self.cold.iter().filter(|(_, until)| **until <= now).map(|(partition, _)| *partition).collect();
        for partition in due {
            match self.open(partition) {
                Ok(replay) => {
                    self.cold.remove(&partition);
                    self.link.follow(partition, replay.from())?;
                    self.shelf.insert(partition, replay);
                    self.report();
                }
                Err(why) => {
                    tracing::debug!(stage = %P::NAME, partition, %why, "the partition is not kept warm yet");
                    self.cold.insert(partition, now.plus_millis(AGAIN_MS));
                }
            }
        }
        Ok(())
    }

    /// The store of a partition that was kept warm cannot be brought up. It is tried again, or made anew, if any store could
    /// follow the changelog.
    pub(super) fn grow_cold(&mut self, partition: u32, unfit: &Unfit) {
        drop(self.shelf.remove(&partition));
        match unfit {
            Unfit::Broken(_) | Unfit::Fault(Fault::Newer(_)) => {
                tracing::warn!(stage = %P::NAME, partition, %unfit, "the partition is not kept warm any more");
                self.report();
                return;
            }
            // What the store was left at may not be shown yet; whoever takes the partition over finds out.
            Unfit::Missing => {}
            Unfit::Fault(fault) if !matches!(fault, Fault::Corrupt { .. }) => {}
            unfit => {
                self.tell_set_aside(partition, unfit);
                if let Err(fault) = self.equipment.stores.set_aside(partition) {
                    tracing::warn!(stage = %P::NAME, partition, %fault, "a store cannot be set aside");
                }
            }
        }
        tracing::debug!(stage = %P::NAME, partition, %unfit, "the partition is not kept warm for now");
        self.cold.insert(partition, self.link.now().plus_millis(AGAIN_MS));
        self.report();
    }
}
