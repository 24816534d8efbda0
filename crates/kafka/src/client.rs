//! A plain client: writes raw records as a source would, and reads a compacted topic as a subscriber would.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::Offset;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};

use crate::error::WorkerError;
use crate::settings::Settings;
use crate::world::World;

const TIMEOUT: Duration = Duration::from_secs(60);
const QUEUE_FULL_WAIT: Duration = Duration::from_millis(20);

/// Writes records, each to a topic named without the prefix, and waits until all have arrived. The partition is left
/// to the client, as sources do.
///
/// # Errors
/// When the broker does not take them within a minute.
pub fn produce(
    settings: &Settings,
    records: impl Iterator<Item = (String, Vec<u8>)>,
) -> Result<(), WorkerError> {
    send(settings, records.map(|(topic, value)| (topic, None, value)))
}

/// Writes one record with a key to a topic named without the prefix, and waits until it has arrived.
///
/// # Errors
/// When the broker does not take it within a minute.
pub fn produce_keyed(settings: &Settings, topic: &str, key: &str, value: Vec<u8>) -> Result<(), WorkerError> {
    send(settings, std::iter::once((topic.to_owned(), Some(key.to_owned()), value)))
}

/// Notes the first record that did not arrive.
#[derive(Default)]
struct Arrivals {
    lost: Mutex<Option<KafkaError>>,
}

impl ClientContext for Arrivals {}

impl ProducerContext for Arrivals {
    type DeliveryOpaque = ();

    fn delivery(&self, delivered: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = delivered {
            let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
            lost.get_or_insert_with(|| error.clone());
        }
    }
}

fn send(
    settings: &Settings,
    records: impl Iterator<Item = (String, Option<String>, Vec<u8>)>,
) -> Result<(), WorkerError> {
    let mut config = settings.client();
    config.set("enable.idempotence", "true").set("linger.ms", "5");
    let producer: BaseProducer<Arrivals> = config
        .create_with_context(Arrivals::default())
        .map_err(|error| WorkerError::Configuration(error.to_string()))?;
    for (topic, key, value) in records {
        let topic = settings.topic(&topic);
        let mut record = BaseRecord::<'_, [u8], [u8]>::to(&topic).payload(&value);
        record.key = key.as_deref().map(str::as_bytes);
        while let Err((error, refused)) = producer.send(record) {
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                return Err(WorkerError::kafka("producing")(error));
            }
            producer.poll(QUEUE_FULL_WAIT);
            record = refused;
        }
    }
    let waiting = "waiting for the broker to take all records";
    producer.flush(TIMEOUT).map_err(WorkerError::kafka(waiting))?;
    let lost = producer.context().lost.lock().unwrap_or_else(PoisonError::into_inner).take();
    lost.map_or(Ok(()), |error| Err(WorkerError::kafka(waiting)(error)))
}

/// The last committed value of each key of a topic, tombstones left out, as of now.
///
/// # Errors
/// When the topic does not exist or cannot be read to its end within a minute.
pub fn read_table(settings: &Settings, topic: &str) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, WorkerError> {
    let count = World::observe(settings)?.count(topic).unwrap_or_default();
    let mut config = settings.reader();
    config.set("group.id", format!("{}reader", settings.prefix)).set("enable.partition.eof", "true");
    let consumer: BaseConsumer =
        config.create().map_err(|error| WorkerError::Configuration(error.to_string()))?;
    let mut open: BTreeSet<i32> = (0..i32::try_from(count).unwrap_or(i32::MAX)).collect();
    let mut assignment = TopicPartitionList::new();
    for partition in &open {
        let added = assignment.add_partition_offset(&settings.topic(topic), *partition, Offset::Beginning);
        added.map_err(WorkerError::kafka("assigning partitions"))?;
    }
    consumer.assign(&assignment).map_err(WorkerError::kafka("assigning partitions"))?;
    let mut table = BTreeMap::new();
    let deadline = Instant::now() + TIMEOUT;
    while !open.is_empty() {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                let key = message.key().unwrap_or_default().to_vec();
                match message.payload() {
                    Some(value) => table.insert(key, value.to_vec()),
                    None => table.remove(&key),
                };
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => drop(open.remove(&partition)),
            // The client looks for the broker again by itself.
            Some(Err(KafkaError::MessageConsumption(
                RDKafkaErrorCode::AllBrokersDown | RDKafkaErrorCode::BrokerTransportFailure,
            ))) if Instant::now() < deadline => {}
            Some(Err(error)) => return Err(WorkerError::kafka("reading a topic")(error)),
            None if Instant::now() > deadline => {
                let error = KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut);
                return Err(WorkerError::kafka("reading a topic to its end")(error));
            }
            None => {}
        }
    }
    Ok(table)
}
