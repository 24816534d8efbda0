//! Dead letters go back to where they came from. In: records for `raw.*`, and tombstones for the letters. Out: all of them in
//! one transaction, or none.
//!
//! All replays of a deployment share one transactional id, so that the next one ends what this one left open, and fences it.

use std::cell::Cell;

use crate::client::Outgoing;
use crate::error::WorkerError;
use crate::producer::Transactions;
use crate::settings::Settings;

/// Sends dead letters back.
pub struct Replayer<'s> {
    settings: &'s Settings,
    transactions: Transactions,
    has_begun: Cell<bool>,
}

impl<'s> Replayer<'s> {
    /// Fences whoever replays in this deployment, and settles what became of its last transaction. What is read of
    /// `touchpoint-refused` from now on, after [`crate::reader::settle`], is all that was ever replayed.
    ///
    /// # Errors
    /// When the broker does not answer, or refuses a setting.
    pub fn open(settings: &'s Settings) -> Result<Self, WorkerError> {
        let transactions = Transactions::open(&settings.replayer(), settings.transaction_timeout)?;
        Ok(Self { settings, transactions, has_begun: Cell::new(false) })
    }

    /// Writes all of these, or none. Records go before tombstones: should the broker end the transaction too soon, because the
    /// end of an earlier one comes late, letters are replayed once more, which changes nothing, and none is lost.
    ///
    /// # Errors
    /// When the transaction failed, or nobody knows whether it did: the next replay finds out. Nothing else can be written
    /// with this one. [`WorkerError::Interrupted`] when a connection broke since the first transaction began. Another producer
    /// in this one's place would fence a replay that has begun meanwhile, and send again what that one sent; the next replay
    /// reads anew what stands open.
    pub fn commit(&self, records: &[Outgoing], tombstones: &[Outgoing]) -> Result<(), WorkerError> {
        if !self.has_begun.replace(true) {
            self.transactions.forget_trouble();
        } else if self.transactions.is_troubled() {
            return Err(WorkerError::Interrupted);
        }
        self.transactions.begin()?;
        for group in [records, tombstones] {
            group.iter().try_for_each(|outgoing| self.transactions.outgoing(self.settings, outgoing))?;
            self.transactions.arrived()?;
        }
        self.transactions.commit(None).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::producer::tests::troubled;
    use crate::settings::tests::settings;

    fn commit_of(settings: &Settings, has_begun: bool) -> WorkerError {
        let transactions = troubled(settings);
        let replayer = Replayer { settings, transactions, has_begun: Cell::new(has_begun) };
        replayer.commit(&[], &[]).expect_err("there is no broker")
    }

    #[test]
    fn after_a_connection_broke_no_other_transaction_begins() {
        let settings = settings(&[]);
        let error = commit_of(&settings, true);
        assert!(
            matches!(error, WorkerError::Interrupted) && error.to_string().contains("nothing is half done")
        );
    }

    #[test]
    fn what_broke_before_the_first_transaction_does_not_keep_it_from_beginning() {
        let settings = settings(&[]);
        let error = commit_of(&settings, false);
        assert!(matches!(error, WorkerError::Kafka { doing: "beginning a transaction", .. }), "{error}");
    }
}
