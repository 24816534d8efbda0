//! The reader of a changelog: follows any number of its partitions, each from a place of its own.

use std::collections::{BTreeMap, VecDeque};
use std::thread;
use std::time::Duration;

use kinfold_pipeline::changelog::Entry;
use kinfold_pipeline::link::Tailed;
use rdkafka::Offset;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;

use crate::error::WorkerError;
use crate::link::{TIMEOUT, unsigned};
use crate::settings::Settings;

/// How long to wait for a record when nothing else is to be done.
const WAIT: Duration = Duration::from_millis(50);

/// Where nothing is followed nothing comes, however long it is waited for.
pub(crate) fn nothing<T>(wait: bool) -> Option<T> {
    if wait {
        thread::sleep(WAIT);
    }
    None
}

/// Follows a changelog.
pub(crate) struct Tail {
    topic: String,
    consumer: BaseConsumer,
    /// By partition: the next offset to come, and the end when following began.
    followed: BTreeMap<i32, (i64, i64)>,
    /// Partitions whose place is not there.
    gone: VecDeque<i32>,
}

impl Tail {
    pub(crate) fn new(settings: &Settings, topic: &str) -> Result<Self, WorkerError> {
        let mut config = settings.reader();
        config
            .set("group.id", format!("{}restore", settings.prefix))
            .set("enable.partition.eof", "true")
            // The broker holds back the end of an idle partition for so long, and a restore waits for it.
            .set("fetch.wait.max.ms", "50");
        let consumer: BaseConsumer = config.create().map_err(WorkerError::configuration)?;
        Ok(Self { topic: topic.to_owned(), consumer, followed: BTreeMap::new(), gone: VecDeque::new() })
    }

    /// Begins anew with a partition, at an offset or at the beginning.
    pub(crate) fn follow(&mut self, partition: i32, from: Option<i64>) -> Result<(), WorkerError> {
        self.unfollow(partition)?;
        let (begin, end) = self
            .consumer
            .fetch_watermarks(&self.topic, partition, TIMEOUT)
            .map_err(WorkerError::kafka("asking for the end of the changelog"))?;
        if from.is_some_and(|from| !(begin..end).contains(&from)) {
            self.gone.push_back(partition);
            return Ok(());
        }
        let offset = from.map_or(Offset::Beginning, Offset::Offset);
        let mut place = TopicPartitionList::new();
        place
            .add_partition_offset(&self.topic, partition, offset)
            .and_then(|()| self.consumer.incremental_assign(&place))
            .map_err(WorkerError::kafka("following the changelog"))?;
        self.followed.insert(partition, (from.unwrap_or(begin), end));
        Ok(())
    }

    pub(crate) fn unfollow(&mut self, partition: i32) -> Result<(), WorkerError> {
        self.gone.retain(|gone| *gone != partition);
        if self.followed.remove(&partition).is_none() {
            return Ok(());
        }
        let mut place = TopicPartitionList::new();
        place.add_partition(&self.topic, partition);
        let done = self.consumer.incremental_unassign(&place);
        done.map_err(WorkerError::kafka("leaving the changelog"))
    }

    pub(crate) fn next(&mut self, wait: bool) -> Result<Option<(u32, Tailed)>, WorkerError> {
        if let Some(partition) = self.gone.pop_front() {
            return Ok(Some((unsigned(partition), Tailed::Gone)));
        }
        if self.followed.is_empty() {
            return Ok(nothing(wait));
        }
        let message = match self.consumer.poll(if wait { WAIT } else { Duration::ZERO }) {
            None => return Ok(None),
            Some(Ok(message)) => message,
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                let is_followed = self.followed.contains_key(&partition);
                return Ok(is_followed.then(|| (unsigned(partition), Tailed::End)));
            }
            Some(Err(error)) => return Err(WorkerError::kafka("reading the changelog")(error)),
        };
        let (partition, offset) = (message.partition(), message.offset());
        let Some((next, _)) = self.followed.get_mut(&partition) else { return Ok(None) };
        *next = offset + 1;
        let key = message.key().unwrap_or_default().to_vec();
        let value = message.payload().map(<[u8]>::to_vec);
        Ok(Some((unsigned(partition), Tailed::Entry(Entry { offset, key, value }))))
    }

    /// How many offsets lie between what was read and the end as it was when following began.
    pub(crate) fn remaining(&self, partition: i32) -> i64 {
        self.followed.get(&partition).map_or(0, |(next, end)| (end - next).max(0))
    }
}
