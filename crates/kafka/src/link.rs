//! A worker's connection to Kafka: a consumer that is a static member of the stage's group, a transactional producer,
//! and a reader of the changelog.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kinfold_model::Timestamp;
use kinfold_pipeline::link::{Claim, Commit, Link, Polled, Tailed};
use kinfold_pipeline::{Metrics, Origin};
use rdkafka::Offset;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer;

use crate::error::WorkerError;
use crate::membership::{self, Assigned, COMMITTED_TIMEOUT, Event, Member, Membership};
use crate::note::Note;
use crate::producer::Transactions;
use crate::received::{origin, received};
use crate::settings::{Identity, LostRecords, Settings};
use crate::stable::Stable;
use crate::standby;
use crate::tail::{self, Tail};
use crate::topics::delete_retention;

/// How long one question to the broker may take.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(20);

/// One worker's connection.
pub struct KafkaLink<'k> {
    settings: &'k Settings,
    metrics: &'k Metrics,
    identity: Identity,
    /// Of each input.
    partitions: u32,
    cluster: String,
    changelog: String,
    deletions_kept: Duration,
    /// Full names, without double.
    inputs: Vec<String>,
    consumer: Member,
    transactions: Option<Transactions>,
    tail: Option<Tail>,
    events: VecDeque<Event>,
    /// Full name of the topic and partition of all that is ours.
    assigned: BTreeSet<(String, i32)>,
    /// Those of them of which records come.
    flowing: BTreeSet<(String, i32)>,
    /// Up to where records were handed to us, or reading was set; not there where a log is read from its beginning.
    positions: BTreeMap<(Origin, u32), i64>,
    /// Inputs of which no records are wanted.
    held: BTreeSet<Origin>,
    /// When the batch has taken long enough; `None` before it began.
    deadline: Option<Instant>,
    stable: Stable,
    /// Whether the group does not know us any more.
    is_forgotten: bool,
}

impl<'k> KafkaLink<'k> {
    /// Joins the group of a stage, whose inputs have so many partitions each.
    ///
    /// # Errors
    /// When the broker does not answer, or refuses a setting.
    pub fn join(
        settings: &'k Settings,
        identity: Identity,
        partitions: u32,
        metrics: &'k Metrics,
    ) -> Result<Self, WorkerError> {
        let stage = identity.stage;
        let transactions = Transactions::new(settings, &identity)?;
        let consumer: Member = settings
            .consumer(&identity)
            .create_with_context(Membership::default())
            .map_err(WorkerError::configuration)?;
        let unknown = || WorkerError::Unreachable {
            bootstrap: settings.bootstrap.clone(),
            why: format!("it does not tell the id of its cluster in {} s", TIMEOUT.as_secs()),
        };
        let cluster = consumer.client().fetch_cluster_id(TIMEOUT).ok_or_else(unknown)?;
        let (changelog, mut deletions_kept) = (settings.topic(&Settings::changelog(stage)), Duration::MAX);
        if stage.is_stateful() {
            deletions_kept = delete_retention(settings, &changelog)?;
        }
        let inputs = settings.inputs(stage);
        let names: Vec<&str> = inputs.iter().map(String::as_str).collect();
        consumer.subscribe(&names).map_err(WorkerError::kafka("subscribing"))?;
        Ok(Self {
            settings,
            metrics,
            identity,
            partitions,
            cluster,
            changelog,
            deletions_kept,
            inputs,
            consumer,
            transactions: Some(transactions),
            tail: None,
            events: VecDeque::new(),
            assigned: BTreeSet::new(),
            flowing: BTreeSet::new(),
            positions: BTreeMap::new(),
            held: BTreeSet::new(),
            deadline: None,
            stable: Stable::default(),
            is_forgotten: false,
        })
    }

    fn happened(&mut self, event: Event) -> Result<Polled, WorkerError> {
        match event {
            Event::Revoked => {
                self.forget();
                Ok(Polled::Revoked)
            }
            Event::Assigned(assigned) => self.claims(assigned).map(Polled::Assigned),
            Event::Failed(error) => {
                Err(WorkerError::committed("taking partitions", COMMITTED_TIMEOUT)(error))
            }
        }
    }

    /// What is committed of these partitions, each once however many inputs it has.
    fn claims(&mut self, assigned: Vec<Assigned>) -> Result<Vec<Claim>, WorkerError> {
        self.forget();
        self.assigned = assigned.iter().map(|one| (one.topic.clone(), one.partition)).collect();
        self.check_co_partitioning()?;
        let mut notes: BTreeMap<i32, Note> = BTreeMap::new();
        for one in &assigned {
            let note = notes.remove(&one.partition).unwrap_or_default().later(Note::read(&one.metadata));
            notes.insert(one.partition, note);
        }
        let mut claims: BTreeMap<u32, Claim> = BTreeMap::new();
        for one in assigned {
            let partition = unsigned(one.partition);
            let claim = claims.entry(partition).or_insert_with(|| Claim { partition, ..Claim::default() });
            claim.commit = notes.get(&one.partition).map_or(0, |note| note.commit);
            let Some(origin) = origin(&one.topic, &self.settings.prefix) else { continue };
            match one.offset {
                Some(offset) => {
                    let offset = self.still_there(&one.topic, one.partition, offset)?;
                    self.positions.insert((origin.clone(), partition), offset);
                    claim.offsets.insert(origin, offset);
                }
                None if notes.get(&one.partition).is_some_and(|note| note.knows(&one.topic)) => {
                    self.lost(WorkerError::Forgotten { topic: one.topic, partition: one.partition })?;
                }
                None => {}
            }
        }
        Ok(claims.into_values().collect())
    }

    /// State belongs to a partition's number, so whoever has it in one input has to have it in all.
    fn check_co_partitioning(&self) -> Result<(), WorkerError> {
        if !self.identity.stage.is_stateful() {
            return Ok(());
        }
        let missing = |(_, partition): &&(String, i32)| {
            self.inputs.iter().find(|input| !self.assigned.contains(&((*input).clone(), *partition))).cloned()
        };
        match self.assigned.iter().find_map(|one| Some((one.1, missing(&one)?))) {
            None => Ok(()),
            Some((partition, topic)) => Err(WorkerError::NotCoPartitioned { partition, topic }),
        }
    }

    /// A committed offset, if its record is still in the log, or the log's end. What was deleted before it was read is
    /// lost, which somebody has to decide to live with.
    fn still_there(&self, topic: &str, partition: i32, offset: i64) -> Result<i64, WorkerError> {
        let (begin, end) = self
            .consumer
            .fetch_watermarks(topic, partition, TIMEOUT)
            .map_err(WorkerError::kafka("asking where a log begins and ends"))?;
        if (begin..=end).contains(&offset) {
            return Ok(offset);
        }
        self.lost(WorkerError::Lost { topic: topic.to_owned(), partition, offset, begin, end })?;
        let mut place = TopicPartitionList::new();
        place
            .add_partition_offset(topic, partition, Offset::Offset(begin))
            .map_err(WorkerError::kafka("noting the offsets"))?;
        self.seek(place)?;
        Ok(begin)
    }

    /// Whether to go on without records that are lost.
    fn lost(&self, lost: WorkerError) -> Result<(), WorkerError> {
        match self.settings.lost_records {
            LostRecords::Fail => Err(lost),
            LostRecords::Skip => {
                tracing::error!(stage = %self.identity.stage, %lost, "reading goes on where the log begins");
                self.metrics.fault(self.identity.stage, "other");
                Ok(())
            }
        }
    }

    fn seek(&self, places: TopicPartitionList) -> Result<(), WorkerError> {
        let sought = self.consumer.seek_partitions(places, TIMEOUT).map_err(WorkerError::kafka("seeking"))?;
        sought.elements().iter().try_for_each(|place| place.error()).map_err(WorkerError::kafka("seeking"))
    }

    fn pause(&mut self, places: &TopicPartitionList) -> Result<(), WorkerError> {
        for place in places.elements() {
            self.flowing.remove(&(place.topic().to_owned(), place.partition()));
        }
        self.consumer.pause(places).map_err(WorkerError::kafka("pausing"))
    }

    /// The inputs of a partition of ours.
    fn places(&self, partition: u32) -> TopicPartitionList {
        self.select(|_, index| index == partition)
    }

    /// Those of ours that are meant: by the input, and the partition in it.
    fn select(&self, is_meant: impl Fn(&Origin, u32) -> bool) -> TopicPartitionList {
        let mut places = TopicPartitionList::new();
        for (topic, partition) in &self.assigned {
            let origin = origin(topic, &self.settings.prefix);
            if origin.is_some_and(|origin| is_meant(&origin, unsigned(*partition))) {
                places.add_partition(topic, *partition);
            }
        }
        places
    }

    fn tail_mut(&mut self) -> Result<&mut Tail, WorkerError> {
        if self.tail.is_none() {
            self.tail = Some(Tail::new(self.settings, &self.changelog)?);
        }
        self.tail.as_mut().ok_or_else(|| WorkerError::Configuration("no reader of the changelog".to_owned()))
    }

    fn transactions(&self) -> Result<&Transactions, WorkerError> {
        let lost = || WorkerError::Configuration("there is no transactional producer".to_owned());
        self.transactions.as_ref().ok_or_else(lost)
    }

    /// Another producer takes over from the last, which goes first: its end must not meet the new one's transactions.
    fn succeed(&mut self) -> Result<(), WorkerError> {
        drop(self.transactions.take());
        self.transactions = Some(Transactions::new(self.settings, &self.identity)?);
        Ok(())
    }

    /// Nothing is ours any more, and nothing is told of it.
    fn forget(&mut self) {
        self.flowing.clear();
        self.positions.clear();
        self.stable = Stable::default();
        for (topic, partition) in std::mem::take(&mut self.assigned) {
            let short = topic.strip_prefix(&self.settings.prefix).unwrap_or(&topic);
            let labels = [self.identity.stage.as_str(), short, &partition.to_string()];
            for gauge in [&self.metrics.lag, &self.metrics.held_back] {
                // One that was never set is not there.
                drop(gauge.remove_label_values(&labels));
            }
        }
    }

    /// Records that are there for us and were not handed to us yet. Of a partition that is not read the client knows no end
    /// but an old one, so that its lag stays as it was, and nothing of it is held back.
    fn observe_lag(&mut self) {
        let Some(statistics) = self.consumer.context().statistics() else { return };
        for (name, topic) in &statistics.topics {
            let ours = topic.partitions.iter().filter(|(partition, facts)| {
                facts.ls_offset >= 0 && self.assigned.contains(&(name.clone(), **partition))
            });
            let prefix = &self.settings.prefix;
            let (Some(short), Some(origin)) = (name.strip_prefix(prefix), origin(name, prefix)) else {
                continue;
            };
            for (partition, facts) in ours {
                let labels = [self.identity.stage.as_str(), short, &partition.to_string()];
                let is_flowing = self.flowing.contains(&(name.clone(), *partition));
                let position = self.positions.get(&(origin.clone(), unsigned(*partition))).copied();
                // Nothing is in the queue, which is that of all partitions: all that was fetched was handed to us, up to the
                // end of a transaction, which is no record.
                let fetched =
                    Some(facts.next_offset).filter(|next| is_flowing && facts.fetchq_cnt == 0 && *next >= 0);
                let position = fetched.max(position).unwrap_or_else(|| facts.lo_offset.max(0));
                self.metrics.lag.with_label_values(&labels).set((facts.ls_offset - position).max(0));
                let seconds = if is_flowing {
                    self.stable.held_back(name, facts)
                } else {
                    self.stable.forget(name, *partition)
                };
                self.metrics.held_back.with_label_values(&labels).set(seconds);
            }
        }
    }
}

impl Drop for KafkaLink<'_> {
    fn drop(&mut self) {
        self.forget();
    }
}

impl Link for KafkaLink<'_> {
    type Error = WorkerError;

    fn cluster(&self) -> &str {
        &self.cluster
    }

    fn changelog(&self) -> &str {
        &self.changelog
    }

    fn keeps_deletions_since(&self) -> Timestamp {
        let kept = i64::try_from(self.deletions_kept.as_millis()).unwrap_or(i64::MAX);
        self.now().plus_millis(kept.saturating_neg()).max(Timestamp::MIN)
    }

    fn now(&self) -> Timestamp {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        i64::try_from(since_1970)
            .ok()
            .and_then(|ms| Timestamp::from_millis(ms).ok())
            .unwrap_or(Timestamp::MAX)
    }

    fn draw(&mut self) -> u128 {
        fastrand::u128(1..)
    }

    fn poll(&mut self, wait: bool) -> Result<Polled, WorkerError> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return self.happened(event);
            }
            let now = Instant::now();
            let deadline = *self.deadline.get_or_insert(now + self.settings.commit_interval);
            if now >= deadline {
                self.deadline = None;
                return Ok(Polled::Enough);
            }
            let record = match self.consumer.poll(if wait { deadline - now } else { Duration::ZERO }) {
                Some(Ok(message)) => Some(received(&message, &self.settings.prefix)),
                Some(Err(error)) => return Err(WorkerError::kafka("reading")(error)),
                None => None,
            };
            self.events.extend(self.consumer.context().events());
            self.observe_lag();
            match record {
                Some(Some(record)) => {
                    let place = (record.origin.clone(), record.partition);
                    self.positions.insert(place, record.offset + 1);
                    return Ok(Polled::Record(record));
                }
                None if !wait && self.events.is_empty() => return Ok(Polled::Enough),
                _ => {}
            }
        }
    }

    fn resume(&mut self, partition: u32) -> Result<(), WorkerError> {
        let places = self.select(|origin, index| index == partition && !self.held.contains(origin));
        let flowing = places.elements();
        self.flowing.extend(flowing.iter().map(|place| (place.topic().to_owned(), place.partition())));
        self.consumer.resume(&places).map_err(WorkerError::kafka("resuming"))
    }

    fn rewind(&mut self, partition: u32, offsets: &BTreeMap<Origin, i64>) -> Result<(), WorkerError> {
        let places = self.places(partition);
        self.pause(&places)?;
        for mut place in places.elements() {
            let origin = origin(place.topic(), &self.settings.prefix);
            let committed = origin.as_ref().and_then(|origin| offsets.get(origin)).copied();
            let offset = committed.map_or(Offset::Beginning, Offset::Offset);
            if let Some(origin) = origin {
                match committed {
                    Some(committed) => drop(self.positions.insert((origin, partition), committed)),
                    None => drop(self.positions.remove(&(origin, partition))),
                }
            }
            place.set_offset(offset).map_err(WorkerError::kafka("noting the offsets"))?;
        }
        self.seek(places)
    }

    fn surviving(
        &mut self,
        partition: u32,
        offsets: BTreeMap<Origin, i64>,
    ) -> Result<BTreeMap<Origin, i64>, WorkerError> {
        let survives = |(origin, offset): (Origin, i64)| {
            let topic = self.settings.topic(&origin.to_string());
            Ok((origin, self.still_there(&topic, signed(partition), offset)?))
        };
        offsets.into_iter().map(survives).collect()
    }

    fn hold(&mut self, input: &Origin) -> Result<(), WorkerError> {
        self.held.insert(input.clone());
        let places = self.select(|origin, _| origin == input);
        self.pause(&places)
    }

    fn release(&mut self) -> Result<(), WorkerError> {
        self.held.clear();
        Ok(())
    }

    fn transact(&mut self, commits: &[Commit<'_>]) -> Result<BTreeMap<u32, i64>, WorkerError> {
        self.deadline = None;
        let mut offsets = TopicPartitionList::new();
        for commit in commits {
            let topics: Vec<(String, i64)> = (commit.offsets.iter())
                .map(|(origin, offset)| (self.settings.topic(&origin.to_string()), *offset))
                .collect();
            let note = Note::new(commit.number, topics.iter().map(|(topic, _)| topic.as_str())).to_string();
            for (topic, offset) in &topics {
                let mut place = offsets.add_partition(topic, signed(commit.partition));
                place
                    .set_offset(Offset::Offset(*offset))
                    .map_err(WorkerError::kafka("noting the offsets"))?;
                place.set_metadata(&note);
            }
        }
        let Some(group) = self.consumer.group_metadata() else {
            let error = rdkafka::error::KafkaError::Canceled;
            return Err(WorkerError::kafka("asking for the group")(error));
        };
        if self.transactions()?.is_troubled() {
            tracing::info!(stage = %self.identity.stage, "a connection broke; what may still come over it is fenced");
            self.succeed()?;
        }
        let transactions = self.transactions()?;
        transactions.begin()?;
        for commit in commits {
            transactions.add(self.settings, &self.changelog, commit)?;
        }
        let committed = transactions.commit(Some((offsets, group)));
        self.is_forgotten = committed.as_ref().is_err_and(WorkerError::is_of_membership);
        committed
    }

    fn renew(&mut self) -> Result<Vec<Claim>, WorkerError> {
        if self.is_forgotten {
            return Err(WorkerError::NotAMember);
        }
        self.succeed()?;
        let failed = WorkerError::committed("asking where to go on", COMMITTED_TIMEOUT);
        let mut places = TopicPartitionList::new();
        for (topic, partition) in &self.assigned {
            places.add_partition(topic, *partition);
        }
        if places.count() == 0 {
            return Ok(Vec::new());
        }
        let assigned = Assigned::committed(&self.consumer, &places).map_err(failed)?;
        // To assign them anew would answer a rebalance that may be under way, and leave a member that nobody knows.
        self.pause(&places)?;
        self.seek(membership::places(&assigned).map_err(WorkerError::kafka("noting the offsets"))?)?;
        self.claims(assigned)
    }

    fn follow(&mut self, partition: u32, from: Option<i64>) -> Result<(), WorkerError> {
        self.tail_mut()?.follow(signed(partition), from)
    }

    fn unfollow(&mut self, partition: u32) -> Result<(), WorkerError> {
        self.tail_mut()?.unfollow(signed(partition))
    }

    fn tail(&mut self, wait: bool) -> Result<Option<(u32, Tailed)>, WorkerError> {
        match &mut self.tail {
            Some(tail) => tail.next(wait),
            None => Ok(tail::nothing(wait)),
        }
    }

    fn remaining(&self, partition: u32) -> i64 {
        self.tail.as_ref().map_or(0, |tail| tail.remaining(signed(partition)))
    }

    fn standbys(&mut self) -> Result<BTreeSet<u32>, WorkerError> {
        if self.settings.standbys == 0 {
            return Ok(BTreeSet::new());
        }
        let group = self.settings.group(self.identity.stage);
        let list = match self.consumer.fetch_group_list(Some(&group), TIMEOUT) {
            Ok(list) => list,
            Err(error) => {
                tracing::warn!(%group, %error, "nobody says who is in the group; nothing is kept warm");
                return Ok(BTreeSet::new());
            }
        };
        let members = list.groups().iter().flat_map(|group| group.members());
        let members: BTreeSet<String> = members.map(|member| member.client_id().to_owned()).collect();
        let us = self.settings.member(&self.identity);
        Ok(standby::takeovers(&members, &us, self.partitions, self.settings.standbys))
    }
}

/// Kafka numbers partitions from 0 in an `i32`.
pub(crate) fn unsigned(partition: i32) -> u32 {
    u32::try_from(partition).unwrap_or_default()
}

pub(crate) fn signed(partition: u32) -> i32 {
    i32::try_from(partition).unwrap_or(i32::MAX)
}
