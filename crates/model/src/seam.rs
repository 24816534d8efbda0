//! The seam: what a stage may do. It reads and writes keyed state, sends messages, and is told what time it is.
//!
//! A driver (Kafka, local, simulated) implements [`State`] and collects what the stage sends; a stage
//! implements [`Stage`] and knows nothing of partitions' logs, transactions or disks. Whoever only reads state asks for
//! a [`View`] of it.

use std::collections::BTreeMap;

use crate::refusal::Refusal;
use crate::time::Timestamp;
use crate::versioned::Newer;

/// The world's fault, not the record's: the offset is held and the work tried again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// State could not be read.
    #[error("state cannot be read: {0}")]
    State(String),
    /// State was read but makes no sense: it must be rebuilt.
    #[error(
        "state of {what} is corrupt: {why}; set the state folder aside, and it is rebuilt from the changelog, unless that is \
         of another format, too: then begin again from the input, under a new prefix"
    )]
    Corrupt {
        /// Which entry.
        what: &'static str,
        /// What the decoder said.
        why: String,
    },
    /// State or a message has a form that only a newer version of the program can read: nothing is done to it meanwhile.
    #[error("{0}; nothing is lost: start the version again that wrote it, or a newer one")]
    Newer(#[from] Newer),
    /// What a batch amounts to cannot be written.
    #[error("{what} would have {bytes} bytes, at most {max} can be written")]
    TooLarge {
        /// A record or an entry of state.
        what: String,
        /// With its header.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// A limit of the protocol was passed that no input should pass: a bug, which must not be papered over.
    #[error("the identity protocol broke its own limit: {0}")]
    Protocol(String),
}

/// Why a record was not handled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// Dead-letter this record and go on.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Undo the batch and try again.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Keys with their values, in the order of keys.
pub type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// Keyed state, to be read only.
pub trait View {
    /// The value of a key, or `None`.
    ///
    /// # Errors
    /// [`Fault::State`] when the store cannot be read.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault>;

    /// All entries whose key begins with `prefix`, in the order of keys.
    ///
    /// # Errors
    /// [`Fault::State`] when the store cannot be read.
    fn scan(&self, prefix: &[u8]) -> Result<Entries, Fault>;

    /// The first `most` entries whose key begins with `prefix` and is greater than `after`, in the order of keys.
    ///
    /// # Errors
    /// [`Fault::State`] when the store cannot be read.
    fn page(&self, prefix: &[u8], after: &[u8], most: usize) -> Result<Entries, Fault> {
        let entries = self.scan(prefix)?.into_iter();
        Ok(entries.filter(|(key, _)| key.as_slice() > after).take(most).collect())
    }
}

/// The keyed state of one partition of one stage, as far as the current batch sees it.
pub trait State: View {
    /// Sets a key. Visible at once to this batch, to others when the batch is committed.
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>);

    /// Removes a key; an absent one is no error.
    fn delete(&mut self, key: Vec<u8>);
}

impl<V: View + ?Sized> View for &V {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        (**self).get(key)
    }

    fn scan(&self, prefix: &[u8]) -> Result<Entries, Fault> {
        (**self).scan(prefix)
    }

    fn page(&self, prefix: &[u8], after: &[u8], most: usize) -> Result<Entries, Fault> {
        (**self).page(prefix, after, most)
    }
}

/// A map in memory is state too, for tests and simulation.
impl View for BTreeMap<Vec<u8>, Vec<u8>> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        Ok(Self::get(self, key).cloned())
    }

    fn scan(&self, prefix: &[u8]) -> Result<Entries, Fault> {
        let entries = self.range(prefix.to_vec()..).take_while(|(key, _)| key.starts_with(prefix));
        Ok(entries.map(|(key, value)| (key.clone(), value.clone())).collect())
    }
}

impl State for BTreeMap<Vec<u8>, Vec<u8>> {
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.insert(key, value);
    }

    fn delete(&mut self, key: Vec<u8>) {
        self.remove(&key);
    }
}

/// What a stage is given for one step.
pub struct Context<'a, Output> {
    /// The time of the step, from the driver: for Kafka the time of the record, never that of the machine.
    pub now: Timestamp,
    /// The partition's state.
    pub state: &'a mut dyn State,
    /// Filled with what the stage sends, in order.
    pub output: &'a mut Vec<Output>,
}

impl<Output> Context<'_, Output> {
    /// Sends a message after those already sent.
    pub fn send(&mut self, output: impl Into<Output>) {
        self.output.push(output.into());
    }
}

/// One partition of one stage. The driver makes a new one after an aborted batch.
pub trait Stage {
    /// What it reads.
    type Input;
    /// What it sends.
    type Output;

    /// Handles one message.
    ///
    /// # Errors
    /// A refusal leaves state and output as they were before; after a fault the driver drops the whole batch.
    fn handle(&mut self, input: Self::Input, context: &mut Context<'_, Self::Output>) -> Result<(), Halt>;

    /// Called between records: the place for work that no record asks for, at most `most` steps of it. Returns how
    /// much of it is done, 0 to 1, or `None` when none is left.
    ///
    /// # Errors
    /// After a fault the driver drops the whole batch.
    fn idle(&mut self, most: usize, context: &mut Context<'_, Self::Output>) -> Result<Option<f64>, Fault> {
        let _ = (most, context);
        Ok(None)
    }

    /// When the stage next has work that no record asks for, which [`Stage::idle`] then does; `None`: there is none waiting for
    /// its time.
    ///
    /// # Errors
    /// Those of reading the state.
    fn due(&self, state: &dyn View) -> Result<Option<Timestamp>, Fault> {
        let _ = state;
        Ok(None)
    }

    /// Called once before a batch is committed: the place to send what several messages of it amount to.
    ///
    /// # Errors
    /// After a fault the driver drops the whole batch.
    fn finish(&mut self, context: &mut Context<'_, Self::Output>) -> Result<(), Fault>;
}

/// One partition of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Partition {
    /// From 0.
    pub index: u32,
    /// At least 1.
    pub count: u32,
}

impl Partition {
    /// The only partition of a topic.
    pub const ONLY: Self = Self { index: 0, count: 1 };
}
