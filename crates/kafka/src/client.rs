//! A plain client: writes raw records as a source would, and reads a compacted topic as a subscriber would.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};

use crate::error::WorkerError;
use crate::reader::{Isolation, read};
use crate::settings::Settings;

const TIMEOUT: Duration = Duration::from_secs(60);
/// How long to wait when librdkafka's queue is full before looking again.
const QUEUE_FULL_WAIT: Duration = Duration::from_millis(20);

/// A record that a stranger writes: nothing about it need be right.
#[derive(Clone, Default)]
pub struct Outgoing {
    /// Without the prefix.
    pub topic: String,
    /// `None` leaves it to the client.
    pub partition: Option<i32>,
    /// `None` for none.
    pub key: Option<Vec<u8>>,
    /// `None` for a tombstone.
    pub value: Option<Vec<u8>>,
    /// In this order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Milliseconds since 1970; `None` for now.
    pub time_ms: Option<i64>,
}

impl std::fmt::Debug for Outgoing {
    /// Where it goes and how large it is; neither key nor value nor headers are printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = [&self.key, &self.value].into_iter().flatten().map(Vec::len).sum::<usize>();
        write!(f, "record of {bytes} bytes for {}", self.topic)
    }
}

/// Writes records, each to a topic named without the prefix, and waits until all have arrived. The partition is left
/// to the client, as sources do.
///
/// # Errors
/// When the broker does not take them within a minute.
pub fn produce(
    settings: &Settings,
    records: impl Iterator<Item = (String, Vec<u8>)>,
) -> Result<(), WorkerError> {
    send(
        settings,
        records.map(|(topic, value)| Outgoing { topic, value: Some(value), ..Outgoing::default() }),
    )
}

/// Writes one record with a key to a topic named without the prefix, and waits until it has arrived.
///
/// # Errors
/// When the broker does not take it within a minute.
pub fn produce_keyed(settings: &Settings, topic: &str, key: &str, value: Vec<u8>) -> Result<(), WorkerError> {
    let (topic, key) = (topic.to_owned(), Some(key.as_bytes().to_vec()));
    send(settings, std::iter::once(Outgoing { topic, key, value: Some(value), ..Outgoing::default() }))
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

/// Writes records of any form, and waits until all have arrived.
///
/// # Errors
/// When the broker does not take them within a minute after the last.
pub fn send(settings: &Settings, records: impl Iterator<Item = Outgoing>) -> Result<(), WorkerError> {
    let producer: BaseProducer<Arrivals> =
        settings.sender().create_with_context(Arrivals::default()).map_err(WorkerError::configuration)?;
    for outgoing in records {
        let topic = settings.topic(&outgoing.topic);
        let mut record = BaseRecord::<'_, [u8], [u8]>::to(&topic);
        record.partition = outgoing.partition;
        record.key = outgoing.key.as_deref();
        record.payload = outgoing.value.as_deref();
        record.timestamp = outgoing.time_ms;
        record.headers = (!outgoing.headers.is_empty()).then(|| headers(&outgoing.headers));
        enqueue(&producer, record)?;
    }
    let waiting = "waiting for the broker to take all records";
    producer.flush(TIMEOUT).map_err(WorkerError::kafka(waiting))?;
    let lost = producer.context().lost.lock().unwrap_or_else(PoisonError::into_inner).take();
    lost.map_or(Ok(()), |error| Err(WorkerError::kafka(waiting)(error)))
}

/// Hands a record over to librdkafka, and waits as long as its queue is full.
pub(crate) fn enqueue<C: ProducerContext>(
    producer: &BaseProducer<C>,
    mut record: BaseRecord<'_, [u8], [u8], C::DeliveryOpaque>,
) -> Result<(), WorkerError> {
    while let Err((error, refused)) = producer.send(record) {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::QueueFull) => {}
            // The first error that nothing can be done about has the reason, and those after it have not.
            Some(RDKafkaErrorCode::Fatal) => {
                let code = producer.client().fatal_error().map_or(RDKafkaErrorCode::Fatal, |(code, _)| code);
                return Err(WorkerError::kafka("producing")(KafkaError::MessageProduction(code)));
            }
            _ => return Err(WorkerError::kafka("producing")(error)),
        }
        producer.poll(QUEUE_FULL_WAIT);
        record = refused;
    }
    Ok(())
}

pub(crate) fn headers(wanted: &[(String, Vec<u8>)]) -> OwnedHeaders {
    wanted.iter().fold(OwnedHeaders::new_with_capacity(wanted.len()), |headers, (key, value)| {
        headers.insert(Header { key, value: Some(value) })
    })
}

/// The last committed value of each key of a topic, tombstones left out, as of now.
///
/// # Errors
/// When the topic does not exist or cannot be read to its end within a minute.
pub fn read_table(settings: &Settings, topic: &str) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, WorkerError> {
    let mut table = BTreeMap::new();
    for record in read(settings, topic, Isolation::Committed)? {
        let key = record.key.unwrap_or_default();
        match record.value {
            Some(value) => table.insert(key, value),
            None => table.remove(&key),
        };
    }
    Ok(table)
}
