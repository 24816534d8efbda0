//! Dead letters go back to where they came from. In: records for `raw.*`, and tombstones for the letters. Out: all of them in
//! one transaction, or none.
//!
//! All replays of a deployment share one transactional id, so that the next one ends what this one left open, and fences it.

use crate::client::Outgoing;
use crate::error::WorkerError;
use crate::producer::Transactions;
use crate::settings::Settings;

/// Sends dead letters back.
pub struct Replayer<'s> {
    settings: &'s Settings,
    transactions: Transactions,
}

impl<'s> Replayer<'s> {
    /// Fences whoever replays in this deployment, and settles what became of its last transaction. What is read of
    /// `touchpoint-refused` from now on, after [`crate::reader::settle`], is all that was ever replayed.
    ///
    /// # Errors
    /// When the broker does not answer, or refuses a setting.
    pub fn open(settings: &'s Settings) -> Result<Self, WorkerError> {
        let transactions = Transactions::open(&settings.replayer(), settings.transaction_timeout)?;
        Ok(Self { settings, transactions })
    }

    /// Writes all of these, or none. Records go before tombstones: should the broker end the transaction too soon, because the
    /// end of an earlier one comes late, letters are replayed once more, which changes nothing, and none is lost.
    ///
    /// # Errors
    /// When the transaction failed, or nobody knows whether it did: the next replay finds out. Nothing else can be written
    /// with this one.
    pub fn commit(&self, records: &[Outgoing], tombstones: &[Outgoing]) -> Result<(), WorkerError> {
        self.transactions.begin()?;
        for group in [records, tombstones] {
            group.iter().try_for_each(|outgoing| self.transactions.outgoing(self.settings, outgoing))?;
            self.transactions.arrived()?;
        }
        self.transactions.commit(None).map(drop)
    }
}
