//! How a worker ceases to read a source of which too much is refused, and how it goes on.

use std::collections::BTreeMap;

use super::seat::Seat;
use super::{Handled, Worker};
use crate::link::Link;
use crate::port::Port;
use crate::record::Origin;
use crate::stores::Stores;

impl<P: Port, L: Link, S: Stores> Worker<'_, P, L, S> {
    /// Goes on with all sources that are held, where they stand. What was refused of them counts no more.
    ///
    /// # Errors
    /// When the link is lost.
    pub fn release(&mut self) -> Result<(), L::Error> {
        let held = self.brake.release();
        if held.is_empty() {
            return Ok(());
        }
        for source in held.keys() {
            tracing::info!(stage = %P::NAME, %source, "the source is read again");
            self.equipment.metrics.source_held(source, -1);
        }
        self.link.release()?;
        // The link ceased to read in the midst of what it had fetched; the offsets are what is certain.
        for (partition, seat) in &self.seats {
            if let Seat::AtWork(seat) = seat {
                self.link.rewind(*partition, &seat.claim().offsets)?;
                self.link.resume(*partition)?;
            }
        }
        self.report();
        Ok(())
    }

    /// Counts what became of the records of batches that were committed.
    pub(super) fn judge(&mut self, handled: &BTreeMap<u32, Handled>) -> Result<(), L::Error> {
        for (source, verdicts) in handled.values().flat_map(|one| &one.batch.verdicts) {
            if let Some(why) = self.brake.see(source, verdicts) {
                tracing::error!(stage = %P::NAME, %source, "{why}");
                self.equipment.metrics.source_held(source, 1);
                self.link.hold(&Origin::Raw(source.clone()))?;
            }
        }
        Ok(())
    }
}
