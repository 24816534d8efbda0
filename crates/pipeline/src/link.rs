//! What a worker asks of the log: one consumer, one transactional producer, and a reader of the changelog. Kafka is one
//! such link, the simulated cluster of the tests is another.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use kinfold_model::Timestamp;

use crate::changelog::Entry;
use crate::overlay::Writes;
use crate::record::{InRecord, Origin, OutRecord};

/// What a poll brings.
#[derive(Debug)]
pub enum Polled {
    /// A record of a partition of ours.
    Record(InRecord),
    /// These partitions are ours, and no others; nothing is read from them before they are resumed.
    Assigned(Vec<Claim>),
    /// No partition is ours any more.
    Revoked,
    /// Nothing more for this batch.
    Enough,
}

/// A partition that is ours, and what was committed of it last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// Which.
    pub partition: u32,
    /// The number of the commit, as the offsets' metadata tell; 0 when there is none.
    pub commit: u64,
    /// Where reading goes on, of the inputs of which anything was committed.
    pub offsets: BTreeMap<Origin, i64>,
}

/// What reading a changelog brings.
#[derive(Debug)]
pub enum Tailed {
    /// A record.
    Entry(Entry),
    /// There is nothing more at the moment.
    End,
    /// What was asked for is not there: the changelog begins later, or ends before.
    Gone,
}

/// What one partition adds to a transaction.
pub struct Commit<'b> {
    /// Which.
    pub partition: u32,
    /// For topics, in order.
    pub outputs: &'b [OutRecord],
    /// For the changelog, before the marker.
    pub writes: &'b Writes,
    /// For the changelog; `None` where there is none.
    pub marker: Option<Vec<u8>>,
    /// Where reading goes on, by input.
    pub offsets: &'b BTreeMap<Origin, i64>,
    /// The number of the commit, for the offsets' metadata.
    pub number: u64,
}

impl fmt::Debug for Commit<'_> {
    /// Which and how much it is; neither records nor state are printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (records, writes) = (self.outputs.len(), self.writes.len());
        write!(
            f,
            "commit {} of partition {}: {records} records and {writes} writes",
            self.number, self.partition
        )
    }
}

/// One worker's connection to the log.
pub trait Link {
    /// Why the connection is worth nothing any more.
    type Error: fmt::Display;

    /// The id of the cluster.
    fn cluster(&self) -> &str;

    /// The full name of the stage's changelog.
    fn changelog(&self) -> &str;

    /// Since when the changelog keeps every deletion.
    fn keeps_deletions_since(&self) -> Timestamp;

    /// The clock of whoever commits. No decision about data depends on it.
    fn now(&self) -> Timestamp;

    /// A number that nobody drew before.
    fn draw(&mut self) -> u128;

    /// What happens next. With `wait` it is waited for, until the batch has taken long enough.
    ///
    /// # Errors
    /// When the connection is lost.
    fn poll(&mut self, wait: bool) -> Result<Polled, Self::Error>;

    /// Lets records of a partition come.
    ///
    /// # Errors
    /// When the connection is lost.
    fn resume(&mut self, partition: u32) -> Result<(), Self::Error>;

    /// Lets no more records of a partition come; reading will go on at these offsets, and at the beginning of inputs
    /// that are not named.
    ///
    /// # Errors
    /// When the connection is lost.
    fn rewind(&mut self, partition: u32, offsets: &BTreeMap<Origin, i64>) -> Result<(), Self::Error>;

    /// Where reading of a partition can go on instead of at these offsets, of which the group knows nothing any more: at the
    /// same, unless the log has lost what stood there.
    ///
    /// # Errors
    /// When the connection is lost, or what the log has lost is not to be done without.
    fn surviving(
        &mut self,
        partition: u32,
        offsets: BTreeMap<Origin, i64>,
    ) -> Result<BTreeMap<Origin, i64>, Self::Error> {
        let _ = partition;
        Ok(offsets)
    }

    /// Lets no more records of an input come, from any partition that is ours or will be, until all inputs are released.
    ///
    /// # Errors
    /// When the connection is lost.
    fn hold(&mut self, input: &Origin) -> Result<(), Self::Error>;

    /// Lets inputs come again that were held: from now on [`Link::resume`] is for them, too.
    ///
    /// # Errors
    /// When the connection is lost.
    fn release(&mut self) -> Result<(), Self::Error>;

    /// Writes all of this in one transaction; tells where the markers went, by partition.
    ///
    /// # Errors
    /// When it failed, or nobody knows whether it did: [`Link::renew`] settles that.
    fn transact(&mut self, commits: &[Commit<'_>]) -> Result<BTreeMap<u32, i64>, Self::Error>;

    /// After a transaction that failed: settles what became of it, and tells what is committed of the partitions that
    /// are ours. No records come before they are resumed.
    ///
    /// # Errors
    /// When the connection is lost.
    fn renew(&mut self) -> Result<Vec<Claim>, Self::Error>;

    /// Begins to read a partition of the changelog, at an offset or at the beginning.
    ///
    /// # Errors
    /// When the connection is lost.
    fn follow(&mut self, partition: u32, from: Option<i64>) -> Result<(), Self::Error>;

    /// Ceases to read a partition of the changelog.
    ///
    /// # Errors
    /// When the connection is lost.
    fn unfollow(&mut self, partition: u32) -> Result<(), Self::Error>;

    /// The next record of a partition that is followed, or its end; `None` when nothing has come. With `wait` it is
    /// waited for a little.
    ///
    /// # Errors
    /// When the connection is lost.
    fn tail(&mut self, wait: bool) -> Result<Option<(u32, Tailed)>, Self::Error>;

    /// How many records of the changelog are still ahead of what was read.
    fn remaining(&self, partition: u32) -> i64;

    /// The partitions that others own and that this worker should keep warm, to take over at once.
    ///
    /// # Errors
    /// When the connection is lost.
    fn standbys(&mut self) -> Result<BTreeSet<u32>, Self::Error>;
}
