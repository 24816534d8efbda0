//! The worker: poll a batch, handle it against an overlay, commit it as one transaction, apply it to the store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kinfold_model::{Fault, Partition, Timestamp};
use kinfold_pipeline::{Batch, InRecord, Metrics, Origin, Port, Store, Task};
use kinfold_wire::{TRACE_HEADER, TRACEPARENT_HEADER, Topic, Trace, raw_topic};
use rdkafka::Offset;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaResult;
use rdkafka::message::{BorrowedMessage, Headers, Message};

use crate::changelog::{MARK_KEY, Mark, Restore, RestoreError};
use crate::error::WorkerError;
use crate::membership::{Assigned, Event, Member, Membership};
use crate::producer::{Change, Transactions};
use crate::settings::Settings;
use crate::stores::Stores;
use crate::world::World;

/// How many steps of work that no record asks for a partition does between two commits, while nothing else waits.
const IDLE_STEPS: usize = 2000;

/// Who wants to know how a worker is doing.
pub trait Observer {
    /// It is at work on these partitions, each with the number of its last commit.
    fn at_work(&self, partitions: &BTreeMap<u32, u64>);

    /// It is not, for this reason.
    fn not_ready(&self, reason: &str);

    /// It is alive.
    fn beat(&self);
}

/// One stage on one thread.
pub struct Worker<'w, P, S> {
    /// Between the log and the stage.
    pub port: &'w P,
    /// How to reach Kafka.
    pub settings: &'w Settings,
    /// Where the stage keeps its state.
    pub stores: &'w S,
    /// The sources whose `raw.*` topics capture reads; nothing to other stages.
    pub sources: &'w [String],
    /// Counted at each commit.
    pub metrics: &'w Metrics,
    /// Told of every change.
    pub observer: &'w dyn Observer,
}

impl<P: Port, S: Stores> Worker<'_, P, S> {
    /// Works until `stop` is set, then finishes its batch and leaves the group.
    ///
    /// # Errors
    /// Nothing is half done after an error: a new worker begins from the last commit.
    pub fn run(&self, world: &World, stop: &AtomicBool) -> Result<(), WorkerError> {
        self.observer.not_ready("joining the consumer group");
        let transactions = Transactions::new(self.settings, P::NAME)?;
        let consumer: Member = self
            .settings
            .consumer(P::NAME)
            .create_with_context(Membership::default())
            .map_err(|error| WorkerError::Configuration(error.to_string()))?;
        let inputs = self.inputs();
        let names: Vec<&str> = inputs.iter().map(String::as_str).collect();
        consumer.subscribe(&names).map_err(WorkerError::kafka("subscribing"))?;
        let mut session = Session {
            worker: self,
            world,
            consumer,
            transactions,
            seats: BTreeMap::new(),
            positions: BTreeMap::new(),
            buffer: Vec::new(),
        };
        while !stop.load(Ordering::Relaxed) {
            session.turn()?;
        }
        session.leave();
        Ok(())
    }

    fn inputs(&self) -> Vec<String> {
        let raw = self.sources.iter().map(|source| raw_topic(source));
        let own = P::NAME.inputs().iter().map(|topic| topic.as_str().to_owned());
        let names: Vec<String> = if P::NAME.is_stateful() { own.collect() } else { raw.collect() };
        names.iter().map(|name| self.settings.topic(name)).collect()
    }
}

/// A worker as long as nothing went wrong.
struct Session<'w, P: Port, S: Stores> {
    worker: &'w Worker<'w, P, S>,
    world: &'w World,
    consumer: Member,
    transactions: Transactions,
    /// By partition.
    seats: BTreeMap<i32, Seat<'w, P, S::Store>>,
    /// Full name of the topic and partition → the next offset to read, where known.
    positions: BTreeMap<(String, i32), i64>,
    buffer: Vec<(String, InRecord)>,
}

impl<P: Port, S: Stores> Drop for Session<'_, P, S> {
    /// A worker that failed owns nothing any more.
    fn drop(&mut self) {
        self.worker.metrics.assigned(P::NAME, -count(self.seats.len()));
    }
}

/// A partition that the worker owns.
struct Seat<'w, P: Port, St> {
    task: Task<'w, P>,
    store: St,
    mark: Mark,
    /// Whether the stage may have work that no record asks for.
    is_idling: bool,
}

impl<'w, P: Port, S: Stores> Session<'w, P, S> {
    /// One batch, or one commit interval without any.
    fn turn(&mut self) -> Result<(), WorkerError> {
        self.worker.observer.beat();
        self.gather()?;
        self.observe_lag();
        let at_rest = self.buffer.is_empty() && !self.seats.values().any(|seat| seat.is_idling);
        if at_rest { Ok(()) } else { self.commit() }
    }

    fn gather(&mut self) -> Result<(), WorkerError> {
        let deadline = Instant::now() + self.worker.settings.commit_interval;
        while self.buffer.len() < self.worker.settings.batch_records {
            let left = deadline.saturating_duration_since(Instant::now());
            let record = match self.consumer.poll(left) {
                Some(Ok(message)) => record(&message, &self.worker.settings.prefix),
                Some(Err(error)) => return Err(WorkerError::kafka("reading")(error)),
                None => None,
            };
            self.follow_events()?;
            self.buffer.extend(record);
            if left.is_zero() {
                break;
            }
        }
        Ok(())
    }

    fn follow_events(&mut self) -> Result<(), WorkerError> {
        for event in self.consumer.context().events() {
            match event {
                Event::Revoked => self.leave(),
                Event::Assigned(partitions) => self.take(&partitions)?,
                Event::Failed(error) => return Err(WorkerError::kafka("taking partitions")(error)),
            }
        }
        Ok(())
    }

    /// Gives up all partitions. Nothing is open between two commits; what was only read is read again by others.
    fn leave(&mut self) {
        self.worker.metrics.assigned(P::NAME, -count(self.seats.len()));
        self.buffer.clear();
        self.positions.clear();
        self.seats.clear();
        self.worker.observer.not_ready("no partitions are assigned");
    }

    fn take(&mut self, assigned: &[Assigned]) -> Result<(), WorkerError> {
        let mut commits: BTreeMap<i32, u64> = BTreeMap::new();
        for one in assigned {
            let commit = commits.entry(one.partition).or_default();
            *commit = one.metadata.parse::<u64>().unwrap_or_default().max(*commit);
            if let Some(offset) = one.offset {
                self.positions.insert((one.topic.clone(), one.partition), offset);
            }
        }
        for (partition, commit) in commits {
            self.worker.observer.not_ready(&format!("partition {partition} is being restored"));
            let (store, mark) = self.restored(partition)?;
            if P::NAME.is_stateful() && mark.commit != commit {
                return Err(self.torn(partition, commit, mark.commit));
            }
            let task = Task::new(self.worker.port, self.partition(partition));
            // Before the first commit there is no state to look at, and no offset to commit with it.
            let is_idling = P::NAME.has_work_of_its_own() && commit > 0;
            self.seats.insert(partition, Seat { task, store, mark: Mark { commit, ..mark }, is_idling });
            self.worker.metrics.assigned(P::NAME, 1);
        }
        self.report();
        let mut partitions = TopicPartitionList::new();
        for one in assigned {
            partitions.add_partition(&one.topic, one.partition);
        }
        self.consumer.resume(&partitions).map_err(WorkerError::kafka("resuming"))
    }

    /// The store of a partition, as of the last commit anywhere.
    fn restored(&self, partition: i32) -> Result<(S::Store, Mark), WorkerError> {
        let index = unsigned(partition);
        let fault = |why| WorkerError::State { stage: P::NAME.as_str(), partition: index, why };
        let mut store = self.worker.stores.open(index).map_err(fault)?;
        if !P::NAME.is_stateful() {
            return Ok((store, Mark::default()));
        }
        let topic = self.worker.settings.topic(&Settings::changelog(P::NAME));
        let restore = Restore { settings: self.worker.settings, topic: &topic, partition };
        let began = Instant::now();
        let mark = match restore
            .run(&mut store, &mut |applied, remaining| self.alive(partition, applied, remaining))
        {
            Ok(mark) => mark,
            Err(RestoreError::Worker(error)) => return Err(error),
            Err(RestoreError::Foreign) => {
                drop(store);
                tracing::warn!(stage = %P::NAME, partition, "the store is not of this changelog: it is rebuilt");
                self.worker.stores.set_aside(index).map_err(fault)?;
                store = self.worker.stores.open(index).map_err(fault)?;
                restore
                    .run(&mut store, &mut |applied, remaining| self.alive(partition, applied, remaining))
                    .map_err(|error| match error {
                    RestoreError::Worker(error) => error,
                    RestoreError::Foreign => fault(Fault::State("the changelog has no beginning".to_owned())),
                })?
            }
        };
        tracing::info!(
            stage = %P::NAME, partition, commit = mark.commit, seconds = began.elapsed().as_secs_f64(), "took a partition"
        );
        Ok((store, mark))
    }

    /// Called while restoring: the group must go on hearing from us, although all partitions are paused.
    fn alive(&self, partition: i32, applied: u64, remaining: i64) -> Result<(), WorkerError> {
        self.worker.observer.beat();
        let labels = [P::NAME.as_str(), &partition.to_string()];
        self.worker.metrics.restore_remaining.with_label_values(&labels).set(remaining);
        self.worker.metrics.restored(P::NAME).inc_by(applied);
        match self.consumer.poll(Duration::ZERO) {
            Some(Err(error)) => Err(WorkerError::kafka("staying in the group")(error)),
            // Only a fetch that overtook the pause: to lose it would be to lose a record, so all begins anew.
            Some(Ok(_)) => Err(WorkerError::kafka("pausing")(rdkafka::error::KafkaError::NoMessageReceived)),
            None => Ok(()),
        }
    }

    fn commit(&mut self) -> Result<(), WorkerError> {
        let began = Instant::now();
        let batches = self.handle()?;
        self.transactions.begin()?;
        for (partition, batch) in &batches {
            for output in &batch.outputs {
                let topic = self.worker.settings.topic(output.topic.as_str());
                self.transactions.send(&topic, output)?;
            }
            self.log(*partition, batch)?;
        }
        let offsets = self.offsets(&batches).map_err(WorkerError::kafka("noting the offsets"))?;
        let Some(group) = self.consumer.group_metadata() else {
            return Err(WorkerError::kafka("asking for the group")(rdkafka::error::KafkaError::Canceled));
        };
        let markers = self.transactions.commit(&offsets, &group)?;
        self.worker.metrics.transaction_seconds(P::NAME).observe(began.elapsed().as_secs_f64());
        self.worker.metrics.committed(P::NAME, batches.values(), unix_seconds());
        self.apply(batches, &markers.into_iter().collect())?;
        self.report();
        Ok(())
    }

    /// Handles what was read; each partition's batch by itself.
    fn handle(&mut self) -> Result<BTreeMap<i32, Batch>, WorkerError> {
        let mut batches = BTreeMap::new();
        for (topic, record) in std::mem::take(&mut self.buffer) {
            let partition = signed(record.partition);
            let Some(seat) = self.seats.get_mut(&partition) else { continue };
            seat.task.step(&seat.store, &record).map_err(|why| fault::<P>(partition, why))?;
            self.positions.insert((topic, partition), record.offset + 1);
            batches.entry(partition).or_default();
        }
        self.idle(&mut batches)?;
        for (partition, batch) in &mut batches {
            if let Some(seat) = self.seats.get_mut(partition) {
                *batch = seat.task.finish(&seat.store).map_err(|why| fault::<P>(*partition, why))?;
            }
        }
        Ok(batches)
    }

    /// Lets stages do work that no record asks for: little of it while records wait.
    fn idle(&mut self, batches: &mut BTreeMap<i32, Batch>) -> Result<(), WorkerError> {
        let most = if batches.is_empty() { IDLE_STEPS } else { IDLE_STEPS / 10 };
        for (partition, seat) in self.seats.iter_mut().filter(|(_, seat)| seat.is_idling) {
            let progress =
                seat.task.idle(&seat.store, now(), most).map_err(|why| fault::<P>(*partition, why))?;
            seat.is_idling = progress.is_some();
            let labels = [P::NAME.as_str(), &partition.to_string()];
            self.worker.metrics.revision.with_label_values(&labels).set(progress.unwrap_or(1.0));
            batches.entry(*partition).or_default();
        }
        Ok(())
    }

    fn log(&self, partition: i32, batch: &Batch) -> Result<(), WorkerError> {
        let Some(seat) = self.seats.get(&partition).filter(|_| P::NAME.is_stateful()) else { return Ok(()) };
        let topic = self.worker.settings.topic(&Settings::changelog(P::NAME));
        for (key, value) in &batch.writes {
            let change = Change { topic: &topic, partition, key, value: value.as_deref() };
            self.transactions.log(&change, false)?;
        }
        let (_, mark) = Mark { commit: seat.mark.commit + 1, offset: None }.write();
        let change = Change { topic: &topic, partition, key: MARK_KEY, value: mark.as_deref() };
        self.transactions.log(&change, true)
    }

    /// Where each input of the batch's partitions goes on, with the number of the commit.
    fn offsets(&self, batches: &BTreeMap<i32, Batch>) -> KafkaResult<TopicPartitionList> {
        let mut offsets = TopicPartitionList::new();
        for ((topic, partition), offset) in &self.positions {
            let Some(seat) = self.seats.get(partition).filter(|_| batches.contains_key(partition)) else {
                continue;
            };
            let mut element = offsets.add_partition(topic, *partition);
            element.set_offset(Offset::Offset(*offset))?;
            element.set_metadata((seat.mark.commit + 1).to_string());
        }
        Ok(offsets)
    }

    fn apply(
        &mut self,
        batches: BTreeMap<i32, Batch>,
        markers: &BTreeMap<i32, i64>,
    ) -> Result<(), WorkerError> {
        for (partition, mut batch) in batches {
            let Some(seat) = self.seats.get_mut(&partition) else { continue };
            seat.mark = Mark { commit: seat.mark.commit + 1, offset: markers.get(&partition).copied() };
            if P::NAME.is_stateful() {
                batch.writes.extend([seat.mark.write()]);
                seat.store.commit(batch.writes).map_err(|why| fault::<P>(partition, why))?;
            }
        }
        Ok(())
    }

    fn report(&self) {
        let commits = self.seats.iter().map(|(partition, seat)| (unsigned(*partition), seat.mark.commit));
        self.worker.observer.at_work(&commits.collect());
    }

    /// Records that are there for us and were not handed to us yet.
    fn observe_lag(&self) {
        let Some(statistics) = self.consumer.context().statistics() else { return };
        for (name, topic) in &statistics.topics {
            let Some(name) = name.strip_prefix(&self.worker.settings.prefix) else { continue };
            let owned = topic.partitions.iter().filter(|(partition, _)| self.seats.contains_key(partition));
            for (partition, facts) in
                owned.filter(|(_, facts)| facts.ls_offset >= 0 && facts.next_offset >= 0)
            {
                let lag = (facts.ls_offset - facts.next_offset).max(0) + facts.fetchq_cnt;
                let labels = [P::NAME.as_str(), name, &partition.to_string()];
                self.worker.metrics.lag.with_label_values(&labels).set(lag);
            }
        }
    }

    fn partition(&self, partition: i32) -> Partition {
        let input = P::NAME.inputs().first().and_then(|topic| self.world.count(topic.as_str()));
        Partition { index: unsigned(partition), count: input.unwrap_or(1) }
    }

    fn torn(&self, partition: i32, offsets: u64, changelog: u64) -> WorkerError {
        WorkerError::Torn { stage: P::NAME.as_str(), partition: unsigned(partition), offsets, changelog }
    }
}

/// The record in a message, with the full name of its topic; `None` for a topic that is not ours.
fn record(message: &BorrowedMessage<'_>, prefix: &str) -> Option<(String, InRecord)> {
    let name = message.topic().strip_prefix(prefix)?;
    let origin = match name.strip_prefix("raw.") {
        Some(source) => Origin::Raw(Arc::from(source)),
        None => Origin::Topic(name.parse::<Topic>().ok()?),
    };
    let time = message.timestamp().to_millis().and_then(|ms| Timestamp::from_millis(ms).ok());
    let record = InRecord {
        origin,
        partition: unsigned(message.partition()),
        offset: message.offset(),
        time: time.unwrap_or(Timestamp::MIN),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        trace: trace(message),
    };
    Some((message.topic().to_owned(), record))
}

fn trace(message: &BorrowedMessage<'_>) -> Option<Trace> {
    let headers = message.headers()?;
    let value = |wanted| headers.iter().find(|header| header.key == wanted).and_then(|header| header.value);
    let text = value(TRACE_HEADER).or_else(|| value(TRACEPARENT_HEADER))?;
    Trace::from_header(text).ok()
}

fn fault<P: Port>(partition: i32, why: Fault) -> WorkerError {
    WorkerError::State { stage: P::NAME.as_str(), partition: unsigned(partition), why }
}

/// Kafka numbers partitions from 0 in an `i32`.
fn unsigned(partition: i32) -> u32 {
    u32::try_from(partition).unwrap_or_default()
}

fn signed(partition: u32) -> i32 {
    i32::try_from(partition).unwrap_or(i32::MAX)
}

fn count(seats: usize) -> i64 {
    i64::try_from(seats).unwrap_or(i64::MAX)
}

fn now() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    i64::try_from(since_1970).ok().and_then(|ms| Timestamp::from_millis(ms).ok()).unwrap_or(Timestamp::MAX)
}

fn unix_seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
