//! Records as they come from a log and go to one, whichever log it is.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use kinfold_model::Timestamp;
use kinfold_wire::{Coordinates, Original, Topic, Trace, output_topic, raw_topic};

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
#[derive(Clone, PartialEq, Eq)]
pub struct InRecord {
    /// From which topic.
    pub origin: Origin,
    /// From which partition.
    pub partition: u32,
    /// At which offset.
    pub offset: i64,
    /// When it was written to the log.
    pub time: Timestamp,
    /// `None` when it has none.
    pub key: Option<Vec<u8>>,
    /// `None` for a tombstone.
    pub value: Option<Vec<u8>>,
    /// The trace in its headers; `None` when there was none, or none that could be read.
    pub trace: Option<Trace>,
    /// Where it stood when it was refused; `None` for a record that was not sent again.
    pub first: Option<First>,
}

impl fmt::Debug for InRecord {
    /// Where it stands and how large it is; neither key nor value is printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record of {} bytes at {}-{}@{}", self.bytes(), self.origin, self.partition, self.offset)
    }
}

/// Where a record stood that was refused there and was sent again to the same topic. What comes of it now is what would have
/// come of it then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct First {
    /// From 0.
    pub partition: i32,
    /// In that partition.
    pub offset: i64,
    /// When it was written there.
    pub time: Timestamp,
}

impl First {
    /// Reads the header of a record that was read from `origin` and written at `time`. A source may have written the header,
    /// so that it counts only if it names the same topic and no later time: then it can harm that source's own records only.
    #[must_use]
    pub fn from_header(value: &[u8], origin: &Origin, time: Timestamp) -> Option<Self> {
        let Original { coordinates, time: first } = Original::from_header(value).ok()?;
        let is_of_source = matches!(origin, Origin::Raw(source) if coordinates.source() == Some(source));
        let Coordinates { partition, offset, .. } = coordinates;
        (is_of_source && first <= time).then_some(Self { partition, offset, time: first })
    }
}

impl InRecord {
    /// How large it is: key and value.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.key.as_ref().map_or(0, Vec::len) + self.value.as_ref().map_or(0, Vec::len)
    }

    /// Where it stands; of a record that was sent again, where it stood first.
    #[must_use]
    pub fn coordinates(&self) -> Coordinates {
        let (partition, offset) = match self.first {
            Some(First { partition, offset, .. }) => (partition, offset),
            None => (i32::try_from(self.partition).unwrap_or(i32::MAX), self.offset),
        };
        Coordinates { topic: self.origin.to_string(), partition, offset }
    }

    /// The `now` of its handling: when it was written; of a record that was sent again, when it was written first.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.first.map_or(self.time, |first| first.time)
    }

    /// The trace that everything this record brings about belongs to.
    #[must_use]
    pub fn trace(&self) -> Trace {
        self.trace.unwrap_or_else(|| {
            let Coordinates { topic, partition, offset } = self.coordinates();
            Trace::of_source(&topic, partition, offset)
        })
    }
}

/// A record that is to be written.
#[derive(Clone, PartialEq, Eq)]
pub struct OutRecord {
    /// To which topic.
    pub topic: Topic,
    /// To which output; `Some` for [`Topic::ProfileOutput`] and no other.
    pub output: Option<Arc<str>>,
    /// To which of its partitions.
    pub partition: u32,
    /// Text for public topics.
    pub key: Vec<u8>,
    /// `None` for a tombstone.
    pub value: Option<Vec<u8>>,
    /// For its header.
    pub trace: Trace,
}

impl fmt::Debug for OutRecord {
    /// Where it goes and how large it is; neither key nor value is printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.key.len() + self.value.as_ref().map_or(0, Vec::len);
        write!(f, "record of {bytes} bytes for {}-{}", self.topic_name(), self.partition)
    }
}

impl OutRecord {
    /// The name of its topic, without the prefix of the deployment.
    #[must_use]
    pub fn topic_name(&self) -> Cow<'_, str> {
        match &self.output {
            Some(output) => Cow::Owned(output_topic(output)),
            None => Cow::Borrowed(self.topic.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_where_a_record_stood_first_counts_only_if_it_is_of_the_same_topic_and_no_later() {
        let time = |ms| Timestamp::from_millis(ms).expect("in range");
        let of = |source: &str| Origin::Raw(source.into());
        let read = |header: &str, origin: &Origin| First::from_header(header.as_bytes(), origin, time(1000));
        let first = First { partition: 3, offset: 17, time: time(1000) };
        assert_eq!(read("raw.shop/3/17@1000", &of("shop")), Some(first));
        assert_eq!(read("raw.shop/3/17@1001", &of("shop")), None);
        assert_eq!(read("raw.shop/3/17@1000", &of("crm")), None);
        assert_eq!(read("raw.shop/3/17", &of("shop")), None);
        let inner = Origin::Topic(Topic::IdentityOp);
        assert_eq!(read("identity-op/3/17@1000", &inner), None);
        assert_eq!(read("raw.shop/3/17@1000", &inner), None);
    }
}
