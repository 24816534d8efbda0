//! A transactional producer. Any error makes it worthless: it is thrown away, and the next one's `init_transactions`
//! settles what it left open. To abort would be quicker where it works, and may act on the wrong transaction where
//! nobody knows how the last one ended.
//!
//! So is it after a transaction that succeeded though a connection broke. librdkafka repeats by itself what got no answer, so
//! that the first request may still be on its way, and Kafka's older protocol would take a late end for that of the next
//! transaction. The next producer has a new epoch, which fences whatever is late.
//!
//! The end of a transaction has a watchdog, because librdkafka heeds no time-out where the group's coordinator is a broker
//! that has gone for good (its issue 5511). Such a call is left alone, with its producer and the thread that it is made in.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use kinfold_pipeline::OutRecord;
use kinfold_pipeline::changelog::MARK_KEY;
use kinfold_pipeline::link::Commit;
use kinfold_wire::{SCHEMA_HEADER, TRACE_HEADER, schema_header};
use rdkafka::ClientConfig;
use rdkafka::ClientContext;
use rdkafka::TopicPartitionList;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};

use crate::client::{self, Outgoing};
use crate::error::WorkerError;
use crate::link::{signed, unsigned};
use crate::settings::{Identity, Settings};

/// How long to wait for the transaction coordinator at the start.
const INIT_TIMEOUT: Duration = Duration::from_secs(60);
/// The coordinator may need so much longer than a transaction may last to say that it has ended.
const MARGIN: Duration = Duration::from_secs(5);
/// Between two tries of the same call.
const AGAIN: Duration = Duration::from_millis(50);
/// What librdkafka's log calls it when a connection breaks or cannot be made (`rd_kafka_broker_set_error`).
const CONNECTION_FAILED: &str = "FAIL";

/// Notes where the commit markers went, and whether anything went wrong.
#[derive(Default)]
struct Deliveries {
    /// Partition of the changelog and offset.
    markers: Mutex<Vec<(i32, i64)>>,
    /// Whether a connection broke, or anything else was told of.
    is_troubled: AtomicBool,
}

impl ClientContext for Deliveries {
    /// A connection that breaks while one request is on it is no error to librdkafka; only its log tells.
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        if facility == CONNECTION_FAILED {
            self.is_troubled.store(true, Ordering::Relaxed);
        }
        tracing::debug!(facility, message, "producer");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.is_troubled.store(true, Ordering::Relaxed);
        tracing::debug!(%error, reason, "producer");
    }
}

impl ProducerContext for Deliveries {
    /// 1 for a commit marker, 0 for anything else.
    type DeliveryOpaque = usize;

    /// Failures need no note: the commit fails with them.
    fn delivery(&self, delivered: &DeliveryResult<'_>, marker: usize) {
        if let (Ok(message), 1) = (delivered, marker) {
            let place = (message.partition(), message.offset());
            self.markers.lock().unwrap_or_else(PoisonError::into_inner).push(place);
        }
    }
}

/// What a record is, and where it goes.
struct Change<'a> {
    topic: &'a str,
    partition: i32,
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
    /// Milliseconds since 1970; `None` for now.
    time_ms: Option<i64>,
}

impl<'a> Change<'a> {
    fn record(&self, headers: Option<OwnedHeaders>, opaque: usize) -> BaseRecord<'a, [u8], [u8], usize> {
        let mut record =
            BaseRecord::<'a, [u8], [u8], usize>::with_opaque_to(self.topic, opaque).partition(self.partition);
        record.key = self.key;
        record.payload = self.value;
        record.timestamp = self.time_ms;
        record.headers = headers;
        record
    }
}

/// Sends the effects of a batch.
pub(crate) struct Transactions {
    producer: Arc<BaseProducer<Deliveries>>,
    /// What takes longer than this cannot succeed any more: the broker has ended the transaction.
    patience: Duration,
}

impl Transactions {
    /// Ends what a predecessor left open.
    pub(crate) fn new(settings: &Settings, identity: &Identity) -> Result<Self, WorkerError> {
        Self::open(&settings.producer(identity), settings.transaction_timeout)
    }

    /// The same for a producer that is nobody's worker.
    pub(crate) fn open(config: &ClientConfig, timeout: Duration) -> Result<Self, WorkerError> {
        let transactions = Self::create(config, timeout)?;
        transactions
            .producer
            .init_transactions(INIT_TIMEOUT)
            .map_err(WorkerError::kafka("opening the transactional producer"))?;
        Ok(transactions)
    }

    fn create(config: &ClientConfig, timeout: Duration) -> Result<Self, WorkerError> {
        let producer: BaseProducer<Deliveries> =
            config.create_with_context(Deliveries::default()).map_err(WorkerError::configuration)?;
        Ok(Self { producer: Arc::new(producer), patience: timeout + MARGIN })
    }

    /// Whether a request may still be on its way that was answered on another connection. What librdkafka has to tell of
    /// a connection stands in its queue before the answer to a request that it repeated.
    pub(crate) fn is_troubled(&self) -> bool {
        while self.producer.in_flight_count() > 0 {
            self.producer.poll(Duration::ZERO);
        }
        let deliveries: &Deliveries = self.producer.context();
        deliveries.is_troubled.load(Ordering::Relaxed)
    }

    /// Forgets what broke so far. Before the first transaction there is no end of one that may still be on its way.
    pub(crate) fn forget_trouble(&self) {
        if self.is_troubled() {
            let deliveries: &Deliveries = self.producer.context();
            deliveries.is_troubled.store(false, Ordering::Relaxed);
        }
    }

    pub(crate) fn begin(&self) -> Result<(), WorkerError> {
        self.producer.begin_transaction().map_err(WorkerError::kafka("beginning a transaction"))
    }

    /// Sends what a partition adds to the transaction.
    pub(crate) fn add(
        &self,
        settings: &Settings,
        changelog: &str,
        commit: &Commit<'_>,
    ) -> Result<(), WorkerError> {
        for output in commit.outputs {
            self.send(&settings.topic(&output.topic_name()), output)?;
        }
        let partition = signed(commit.partition);
        let Some(marker) = &commit.marker else { return Ok(()) };
        for (key, value) in commit.writes {
            let (key, value) = (Some(&key[..]), value.as_deref());
            let change = Change { topic: changelog, partition, key, value, time_ms: None };
            self.enqueue(&change, None, 0)?;
        }
        let (key, value) = (Some(MARK_KEY), Some(&marker[..]));
        let change = Change { topic: changelog, partition, key, value, time_ms: None };
        self.enqueue(&change, None, 1)
    }

    fn send(&self, topic: &str, record: &OutRecord) -> Result<(), WorkerError> {
        let (partition, key) = (signed(record.partition), Some(&record.key[..]));
        let change = Change { topic, partition, key, value: record.value.as_deref(), time_ms: None };
        let schema = schema_header(record.topic);
        let trace = record.trace.to_string();
        let headers = OwnedHeaders::new_with_capacity(2)
            .insert(Header { key: SCHEMA_HEADER, value: Some(&schema) })
            .insert(Header { key: TRACE_HEADER, value: Some(&trace) });
        self.enqueue(&change, Some(headers), 0)
    }

    /// Sends a record that is no output of a stage. A log that is cut by time loses one whose time is long past.
    pub(crate) fn outgoing(&self, settings: &Settings, record: &Outgoing) -> Result<(), WorkerError> {
        let topic = settings.topic(&record.topic);
        let (key, value) = (record.key.as_deref(), record.value.as_deref());
        let (partition, time_ms) = (record.partition.unwrap_or(-1), record.time_ms);
        let change = Change { topic: &topic, partition, key, value, time_ms };
        self.enqueue(&change, Some(client::headers(&record.headers)), 0)
    }

    /// Waits until all that was sent has arrived, or failed, of which the commit will tell.
    pub(crate) fn arrived(&self) -> Result<(), WorkerError> {
        self.producer.flush(self.patience).map_err(WorkerError::kafka("sending the batch"))
    }

    /// Sends the offsets of a group, if there are any, and commits. Gives the place of each marker.
    pub(crate) fn commit(
        &self,
        read: Option<(TopicPartitionList, ConsumerGroupMetadata)>,
    ) -> Result<BTreeMap<u32, i64>, WorkerError> {
        let (tell, told) = mpsc::channel();
        let (producer, deadline) = (Arc::clone(&self.producer), Instant::now() + self.patience);
        let call = move || drop(tell.send(end(&producer, read.as_ref(), deadline)));
        thread::Builder::new().name("commit".to_owned()).spawn(call).map_err(WorkerError::Thread)?;
        let waited = self.patience + MARGIN;
        told.recv_timeout(waited).unwrap_or(Err(WorkerError::Hung { waited }))?;
        self.producer.poll(Duration::ZERO);
        let deliveries: &Deliveries = self.producer.context();
        let places = std::mem::take(&mut *deliveries.markers.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(places.into_iter().map(|(partition, offset)| (unsigned(partition), offset)).collect())
    }

    fn enqueue(
        &self,
        change: &Change<'_>,
        headers: Option<OwnedHeaders>,
        opaque: usize,
    ) -> Result<(), WorkerError> {
        client::enqueue(&self.producer, change.record(headers, opaque))
    }
}

/// Ends a transaction. The offsets go last, after all else has arrived: the end of an earlier transaction may come late and
/// end this one too soon; as it is, offsets that were committed say that nothing is missing.
fn end(
    producer: &BaseProducer<Deliveries>,
    read: Option<&(TopicPartitionList, ConsumerGroupMetadata)>,
    deadline: Instant,
) -> Result<(), WorkerError> {
    // A record that did not arrive makes the next call fail.
    producer.flush(left(deadline)).map_err(WorkerError::kafka("sending the batch"))?;
    if let Some((offsets, group)) = read {
        retried(deadline, || producer.send_offsets_to_transaction(offsets, group, left(deadline)))
            .map_err(WorkerError::kafka("adding the offsets to the transaction"))?;
    }
    retried(deadline, || producer.commit_transaction(left(deadline)))
        .map_err(WorkerError::kafka("committing the transaction"))
}

/// Calls again as long as librdkafka says that the same call may be repeated. A time-out is no danger to what comes after,
/// because the producer is thrown away with it.
fn retried(deadline: Instant, mut call: impl FnMut() -> KafkaResult<()>) -> KafkaResult<()> {
    loop {
        match call() {
            Err(KafkaError::Transaction(error))
                if error.is_retriable() && !error.is_fatal() && Instant::now() < deadline =>
            {
                tracing::debug!(error = error.string(), "Kafka asks to try again");
                thread::sleep(AGAIN);
            }
            result => return result,
        }
    }
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::settings::tests::settings;

    /// A producer that has not met its broker, and on which a connection broke.
    pub(crate) fn troubled(settings: &Settings) -> Transactions {
        let config = settings.replayer();
        let transactions = Transactions::create(&config, Duration::ZERO).expect("librdkafka accepts it");
        let deliveries: &Deliveries = transactions.producer.context();
        deliveries.log(RDKafkaLogLevel::Info, CONNECTION_FAILED, "a connection broke");
        transactions
    }

    #[test]
    fn a_connection_that_broke_is_remembered_until_it_is_forgotten() {
        let transactions = troubled(&settings(&[]));
        assert!(transactions.is_troubled() && transactions.is_troubled());
        transactions.forget_trouble();
        let deliveries: &Deliveries = transactions.producer.context();
        deliveries.log(RDKafkaLogLevel::Info, "CONNECT", "no failure");
        assert!(!deliveries.is_troubled.load(Ordering::Relaxed));
    }

    #[test]
    fn a_record_has_the_time_that_it_was_given() {
        let change =
            Change { topic: "raw.shop", partition: 3, key: None, value: Some(b"{"), time_ms: Some(1000) };
        let record = change.record(None, 0);
        assert_eq!(
            (record.partition, record.payload, record.timestamp),
            (Some(3), Some(&b"{"[..]), Some(1000))
        );
        assert_eq!(Change { time_ms: None, ..change }.record(None, 0).timestamp, None);
    }
}
