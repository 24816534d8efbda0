//! Reads topics from outside, as a subscriber would: record by record, without a group, and how far each partition
//! is. In: settings and a topic without its prefix. Out: records, ends, and the offsets that a group committed.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

use kinfold_pipeline::StageName;
use rdkafka::ClientConfig;
use rdkafka::Offset;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message};

use crate::error::WorkerError;
use crate::settings::Settings;
use crate::world::World;

/// How long the broker may be silent before a read is given up.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Between two looks for more records.
const POLL: Duration = Duration::from_millis(100);

/// A record as it lies in its topic.
#[derive(Clone, PartialEq, Eq)]
pub struct Stored {
    /// From 0.
    pub partition: i32,
    /// In that partition.
    pub offset: i64,
    /// When it was written, in milliseconds since 1970, by the clock of whoever wrote it; `None` when it does not say.
    pub time_ms: Option<i64>,
    /// `None` when it has none.
    pub key: Option<Vec<u8>>,
    /// `None` for a tombstone.
    pub value: Option<Vec<u8>>,
    /// In the order in which they stand; a header without a value has an empty one.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl std::fmt::Debug for Stored {
    /// Where it stands and how large it is; neither key nor value nor headers are printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = [&self.key, &self.value].into_iter().flatten().map(Vec::len).sum::<usize>();
        write!(f, "record of {bytes} bytes at {}@{}", self.partition, self.offset)
    }
}

/// Which records are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// Those of transactions that were committed.
    Committed,
    /// All, also those of transactions that are open or were aborted.
    Uncommitted,
}

/// How far a partition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The offset after the last record that a reader of committed records can see by now.
    pub last_stable: i64,
    /// The offset after the last record of all.
    pub high_watermark: i64,
}

/// What a group committed for one partition of one input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Where reading goes on.
    pub offset: i64,
    /// What stands beside the offset.
    pub metadata: String,
}

/// Reads a topic from a place on.
pub struct Reader {
    consumer: BaseConsumer,
    partitions: BTreeSet<i32>,
}

impl Reader {
    /// From the first record of each partition.
    ///
    /// # Errors
    /// When the broker cannot be asked.
    pub fn from_beginning(
        settings: &Settings,
        topic: &str,
        isolation: Isolation,
    ) -> Result<Self, WorkerError> {
        Self::from(settings, topic, isolation, &|_| Offset::Beginning)
    }

    /// From the end of each partition as of now.
    ///
    /// # Errors
    /// When the broker cannot be asked.
    pub fn from_end(settings: &Settings, topic: &str, isolation: Isolation) -> Result<Self, WorkerError> {
        let ends = ends(settings, topic)?;
        let end = |partition: i32| {
            ends.get(&partition).map_or(Offset::Beginning, |ends| {
                let end = match isolation {
                    Isolation::Committed => ends.last_stable,
                    Isolation::Uncommitted => ends.high_watermark,
                };
                Offset::Offset(end)
            })
        };
        Self::from(settings, topic, isolation, &end)
    }

    /// From these offsets on; a partition of which none is named is read from its first record.
    ///
    /// # Errors
    /// When the broker cannot be asked.
    pub fn from_offsets(
        settings: &Settings,
        topic: &str,
        isolation: Isolation,
        offsets: &BTreeMap<i32, i64>,
    ) -> Result<Self, WorkerError> {
        let place =
            |partition: i32| offsets.get(&partition).map_or(Offset::Beginning, |at| Offset::Offset(*at));
        Self::from(settings, topic, isolation, &place)
    }

    fn from(
        settings: &Settings,
        topic: &str,
        isolation: Isolation,
        place: &dyn Fn(i32) -> Offset,
    ) -> Result<Self, WorkerError> {
        let consumer = client(settings, isolation)?;
        let partitions = partitions(settings, topic)?;
        let mut assignment = TopicPartitionList::new();
        for partition in &partitions {
            let added =
                assignment.add_partition_offset(&settings.topic(topic), *partition, place(*partition));
            added.map_err(WorkerError::kafka("assigning partitions"))?;
        }
        consumer.assign(&assignment).map_err(WorkerError::kafka("assigning partitions"))?;
        Ok(Self { consumer, partitions })
    }

    /// The next record; `None` when there is none within `wait`. A broker that is away for a while is waited for.
    ///
    /// # Errors
    /// When the topic cannot be read.
    pub fn next(&self, wait: Duration) -> Result<Option<Stored>, WorkerError> {
        let until = Instant::now() + wait;
        loop {
            match self.consumer.poll(until.saturating_duration_since(Instant::now()).min(POLL)) {
                Some(Ok(message)) => return Ok(Some(stored(&message))),
                Some(Err(KafkaError::PartitionEOF(_))) => {}
                Some(Err(error)) if is_passing(&error) => {}
                Some(Err(error)) => return Err(WorkerError::kafka("reading a topic")(error)),
                None if Instant::now() >= until => return Ok(None),
                None => {}
            }
        }
    }

    /// Everything up to the end of each partition: what is there now, and what arrives before the end is reached. Committed
    /// readers end before the first open transaction. Reading is over with it.
    ///
    /// # Errors
    /// When an end is not reached within a minute of silence.
    pub fn rest(self) -> Result<Vec<Stored>, WorkerError> {
        let mut records = Vec::new();
        self.each(&mut |record| {
            records.push(record);
            Ok::<(), WorkerError>(())
        })?;
        Ok(records)
    }

    /// As [`Reader::rest`], record by record, so that a topic need not fit into memory.
    ///
    /// # Errors
    /// The first of `see`; when an end is not reached within a minute of silence.
    pub fn each<E: From<WorkerError>>(
        mut self,
        see: &mut dyn FnMut(Stored) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut heard = Instant::now();
        while !self.partitions.is_empty() {
            match self.consumer.poll(POLL) {
                Some(Ok(message)) => {
                    see(stored(&message))?;
                    heard = Instant::now();
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => drop(self.partitions.remove(&partition)),
                Some(Err(error)) if is_passing(&error) && heard.elapsed() < TIMEOUT => {}
                Some(Err(error)) => return Err(WorkerError::kafka("reading a topic")(error).into()),
                None if heard.elapsed() > TIMEOUT => {
                    return Err(WorkerError::kafka("reading a topic to its end")(timed_out()).into());
                }
                None => {}
            }
        }
        Ok(())
    }
}

/// Every record of a topic, as [`Reader::rest`] reads it, by partition in the order of offsets.
///
/// # Errors
/// When the topic cannot be read to its end.
pub fn read(settings: &Settings, topic: &str, isolation: Isolation) -> Result<Vec<Stored>, WorkerError> {
    let mut records = Reader::from_beginning(settings, topic, isolation)?.rest()?;
    records.sort_by_key(|record| (record.partition, record.offset));
    Ok(records)
}

/// How far each partition of a topic is. The two ends differ as long as a transaction is open.
///
/// # Errors
/// When the broker cannot be asked.
pub fn ends(settings: &Settings, topic: &str) -> Result<BTreeMap<i32, Ends>, WorkerError> {
    let (stable, all) = (client(settings, Isolation::Committed)?, client(settings, Isolation::Uncommitted)?);
    let name = settings.topic(topic);
    let end = |client: &BaseConsumer, partition: i32| {
        let asked = client.fetch_watermarks(&name, partition, TIMEOUT);
        asked.map(|(_, end)| end).map_err(WorkerError::kafka("asking for the end of a partition"))
    };
    let of = |partition: i32| {
        let ends = Ends { last_stable: end(&stable, partition)?, high_watermark: end(&all, partition)? };
        Ok((partition, ends))
    };
    partitions(settings, topic)?.into_iter().map(of).collect()
}

/// Waits until readers of committed records can see all that is in a topic now, which an open transaction hides from them.
///
/// # Errors
/// When the broker cannot be asked, or a transaction stays open for a minute.
pub fn settle(settings: &Settings, topic: &str) -> Result<(), WorkerError> {
    let until = Instant::now() + TIMEOUT;
    let mut ends_now = ends(settings, topic)?;
    let wanted = ends_now.clone();
    loop {
        let hidden = |(partition, end): (&i32, &Ends)| {
            ends_now.get(partition).is_none_or(|now| now.last_stable < end.high_watermark)
        };
        if !wanted.iter().any(hidden) {
            return Ok(());
        }
        if Instant::now() > until {
            return Err(WorkerError::kafka("waiting for the open transactions of a topic")(timed_out()));
        }
        thread::sleep(POLL);
        ends_now = ends(settings, topic)?;
    }
}

/// What the group of a stage committed, for each partition of these topics that it ever read.
///
/// # Errors
/// When the broker cannot be asked.
pub fn committed(
    settings: &Settings,
    stage: StageName,
    topics: &[String],
) -> Result<BTreeMap<(String, i32), Committed>, WorkerError> {
    let mut config = settings.reader();
    config.set("group.id", settings.group(stage));
    let consumer: BaseConsumer = create(&config)?;
    let mut wanted = TopicPartitionList::new();
    for topic in topics {
        for partition in partitions(settings, topic)? {
            wanted.add_partition(&settings.topic(topic), partition);
        }
    }
    let answered = consumer
        .committed_offsets(wanted, TIMEOUT)
        .map_err(WorkerError::kafka("asking for a group's offsets"))?;
    let mut found = BTreeMap::new();
    for element in answered.elements() {
        let name = element.topic().strip_prefix(&settings.prefix).unwrap_or_default().to_owned();
        if let Offset::Offset(offset) = element.offset() {
            let metadata = element.metadata().to_owned();
            found.insert((name, element.partition()), Committed { offset, metadata });
        }
    }
    Ok(found)
}

fn partitions(settings: &Settings, topic: &str) -> Result<BTreeSet<i32>, WorkerError> {
    let count = World::observe(settings)?.count(topic).unwrap_or_default();
    Ok((0..i32::try_from(count).unwrap_or(i32::MAX)).collect())
}

fn client(settings: &Settings, isolation: Isolation) -> Result<BaseConsumer, WorkerError> {
    let mut config = settings.reader();
    config
        .set("group.id", format!("{}reader", settings.prefix))
        .set("enable.partition.eof", "true")
        // The end of an empty partition is told after this time. What the operator sets is meant for consumers, which do
        // not wait for an end.
        .set("fetch.wait.max.ms", "50");
    if isolation == Isolation::Uncommitted {
        config.set("isolation.level", "read_uncommitted");
    }
    create(&config)
}

fn create(config: &ClientConfig) -> Result<BaseConsumer, WorkerError> {
    config.create().map_err(WorkerError::configuration)
}

fn timed_out() -> KafkaError {
    KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut)
}

/// librdkafka goes on by itself after these.
fn is_passing(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    let passing =
        [Code::AllBrokersDown, Code::BrokerTransportFailure, Code::OperationTimedOut, Code::Resolve];
    error.rdkafka_error_code().is_some_and(|code| passing.contains(&code))
}

fn stored(message: &BorrowedMessage<'_>) -> Stored {
    let header = |header: rdkafka::message::Header<'_, &[u8]>| {
        (header.key.to_owned(), header.value.unwrap_or_default().to_vec())
    };
    Stored {
        partition: message.partition(),
        offset: message.offset(),
        time_ms: message.timestamp().to_millis(),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers: message.headers().map(|headers| headers.iter().map(header).collect()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Outgoing;

    #[test]
    fn neither_keys_nor_values_nor_headers_are_printed() {
        let (key, value) = (b"Ann".to_vec(), b"ann@example.org".to_vec());
        let headers = vec![("mail".to_owned(), value.clone())];
        let stored = Stored {
            partition: 1,
            offset: 2,
            time_ms: None,
            key: Some(key.clone()),
            value: Some(value.clone()),
            headers: headers.clone(),
        };
        assert_eq!(
            format!("{stored:?}, {stored:#?}"),
            "record of 18 bytes at 1@2, record of 18 bytes at 1@2"
        );
        let outgoing = Outgoing {
            topic: "raw.crm".to_owned(),
            key: Some(key),
            value: Some(value),
            headers,
            ..Outgoing::default()
        };
        assert_eq!(
            format!("{outgoing:?}, {outgoing:#?}"),
            "record of 18 bytes for raw.crm, record of 18 bytes for raw.crm"
        );
    }
}
