//! Membership of a consumer group: which partitions come and go. The callback only notes what happened and tells
//! librdkafka; the worker acts on it between two polls, when no transaction is open.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::Offset;
use rdkafka::Statistics;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaRespErr;

/// How long the broker may take to tell committed offsets. Longer than a transaction may last, because offsets
/// that belong to an open transaction are not told before it ends.
pub(crate) const COMMITTED_TIMEOUT: Duration = Duration::from_secs(60);

/// A consumer that is a member of a group.
pub(crate) type Member = BaseConsumer<Membership>;

/// What happened to the assignment.
#[derive(Debug)]
pub(crate) enum Event {
    /// These partitions are ours, paused, each with the metadata of its committed offset.
    Assigned(Vec<Assigned>),
    /// All partitions are somebody else's from now on.
    Revoked,
    /// The assignment failed.
    Failed(KafkaError),
}

/// A partition that came.
#[derive(Debug)]
pub(crate) struct Assigned {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    /// Where reading begins, if anything was committed.
    pub(crate) offset: Option<i64>,
    /// What the last commit noted beside its offset.
    pub(crate) metadata: String,
}

/// Notes events and statistics.
#[derive(Default)]
pub(crate) struct Membership {
    events: Mutex<Vec<Event>>,
    statistics: Mutex<Option<Statistics>>,
}

impl Membership {
    /// What happened since the last call.
    pub(crate) fn events(&self) -> Vec<Event> {
        std::mem::take(&mut *self.events.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The newest statistics, once.
    pub(crate) fn statistics(&self) -> Option<Statistics> {
        self.statistics.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn note(&self, event: Event) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }
}

impl ClientContext for Membership {
    fn stats(&self, statistics: Statistics) {
        *self.statistics.lock().unwrap_or_else(PoisonError::into_inner) = Some(statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "consumer");
    }
}

impl ConsumerContext for Membership {
    /// The default ignores the errors of assigning and unassigning.
    fn rebalance(&self, consumer: &Member, code: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        let event = match code {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => assign(consumer, partitions),
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS => {
                consumer.unassign().map(|()| Event::Revoked)
            }
            other => Err(KafkaError::Rebalance(other.into())),
        };
        self.note(event.unwrap_or_else(Event::Failed));
    }
}

/// Puts the partitions where reading was committed, or at their beginning, and pauses them.
fn assign(consumer: &Member, partitions: &TopicPartitionList) -> KafkaResult<Event> {
    let assigned = Assigned::committed(consumer, partitions)?;
    let places = places(&assigned)?;
    consumer.assign(&places)?;
    consumer.pause(&places)?;
    Ok(Event::Assigned(assigned))
}

/// Where reading begins.
pub(crate) fn places(assigned: &[Assigned]) -> KafkaResult<TopicPartitionList> {
    let mut places = TopicPartitionList::new();
    for one in assigned {
        let offset = one.offset.map_or(Offset::Beginning, Offset::Offset);
        places.add_partition_offset(&one.topic, one.partition, offset)?;
    }
    Ok(places)
}

impl Assigned {
    /// What was committed of these partitions.
    pub(crate) fn committed(consumer: &Member, partitions: &TopicPartitionList) -> KafkaResult<Vec<Self>> {
        let committed = consumer.committed_offsets(partitions.clone(), COMMITTED_TIMEOUT)?;
        let mut assigned = Vec::new();
        for element in committed.elements() {
            element.error()?;
            let offset = match element.offset() {
                Offset::Offset(offset) => Some(offset),
                _ => None,
            };
            let (topic, metadata) = (element.topic().to_owned(), element.metadata().to_owned());
            assigned.push(Self { topic, partition: element.partition(), offset, metadata });
        }
        Ok(assigned)
    }
}
