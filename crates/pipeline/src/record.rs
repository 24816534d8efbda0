//! Records as they come from a log and go to one, whichever log it is.

use std::fmt;
use std::sync::Arc;

use kinfold_model::Timestamp;
use kinfold_wire::{Topic, Trace, raw_topic};

/// Where a record was read from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// `raw.<source>`.
    Raw(Arc<str>),
    /// A topic that Kinfold writes itself.
    Topic(Topic),
}

impl fmt::Display for Origin {
    /// The topic's name without the deployment's prefix.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Raw(source) => f.write_str(&raw_topic(source)),
            Self::Topic(topic) => f.write_str(topic.as_str()),
        }
    }
}

/// A record that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InRecord {
    /// From which topic.
    pub origin: Origin,
    /// From which partition.
    pub partition: u32,
    /// At which offset.
    pub offset: i64,
    /// When it was written to the log: the `now` of its handling.
    pub time: Timestamp,
    /// `None` when it has none.
    pub key: Option<Vec<u8>>,
    /// `None` for a tombstone.
    pub value: Option<Vec<u8>>,
    /// The trace in its headers; `None` when there was none, or none that could be read.
    pub trace: Option<Trace>,
}

impl InRecord {
    /// How large it is: key and value.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.key.as_ref().map_or(0, Vec::len) + self.value.as_ref().map_or(0, Vec::len)
    }

    /// The trace that everything this record brings about belongs to.
    #[must_use]
    pub fn trace(&self) -> Trace {
        self.trace.unwrap_or_else(|| {
            let partition = i32::try_from(self.partition).unwrap_or(i32::MAX);
            Trace::of_source(&self.origin.to_string(), partition, self.offset)
        })
    }
}

/// A record that is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutRecord {
    /// To which topic.
    pub topic: Topic,
    /// To which of its partitions.
    pub partition: u32,
    /// Text for public topics.
    pub key: Vec<u8>,
    /// `None` for a tombstone.
    pub value: Option<Vec<u8>>,
    /// For its header.
    pub trace: Trace,
}
