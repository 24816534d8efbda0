//! The changelog of a store: every committed write, and after each commit's writes a marker with its number.
//! A store that was lost, or that lies behind, is brought up from it.

use std::time::{Duration, Instant};

use kinfold_model::Fault;
use kinfold_model::stored::{decode, encode};
use kinfold_pipeline::{Store, Writes};
use rdkafka::Offset;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use serde::{Deserialize, Serialize};

use crate::error::WorkerError;
use crate::settings::Settings;

/// The marker's key in the changelog, and the mark's in the store. Keys of stages begin with a letter.
pub(crate) const MARK_KEY: &[u8] = b"\0commit";
/// How many changes are applied at once while restoring.
const CHUNK: usize = 20_000;
/// How long the changelog may be silent before the restore is given up and begun anew.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// Between two calls of the caller's to show that the worker lives.
const POLL: Duration = Duration::from_millis(100);

/// How far a store is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// Of the last commit in it; 0 when there was none.
    pub(crate) commit: u64,
    /// Of that commit's marker in the changelog; `None` when there was none.
    pub(crate) offset: Option<i64>,
}

impl Mark {
    pub(crate) fn of(store: &impl Store) -> Result<Self, Fault> {
        Ok(store.get(MARK_KEY)?.map(|bytes| decode("commit mark", &bytes)).transpose()?.unwrap_or_default())
    }

    /// The write that leaves this mark in a store.
    pub(crate) fn write(self) -> (Vec<u8>, Option<Vec<u8>>) {
        (MARK_KEY.to_vec(), Some(encode(&self)))
    }
}

/// A restore: of which partition, from which topic.
pub(crate) struct Restore<'a> {
    pub(crate) settings: &'a Settings,
    /// With its prefix.
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
}

/// Why a restore ended early.
pub(crate) enum RestoreError {
    /// The store claims a place in the changelog that is not there: it is of another changelog.
    Foreign,
    /// All else.
    Worker(WorkerError),
}

impl Restore<'_> {
    /// Applies everything after the store's mark. `alive` is called again and again with the number of records
    /// that were applied since its last call, and the number of offsets that are still ahead.
    pub(crate) fn run(
        &self,
        store: &mut impl Store,
        alive: &mut dyn FnMut(u64, i64) -> Result<(), WorkerError>,
    ) -> Result<Mark, RestoreError> {
        let mut mark = Mark::of(store).map_err(|why| self.state(why))?;
        let consumer = self.consumer(mark)?;
        let (_, end) = consumer
            .fetch_watermarks(self.topic, self.partition, SILENCE_MAX)
            .map_err(WorkerError::kafka("asking for the end of the changelog"))?;
        let mut remaining = (end - mark.offset.map_or(0, |offset| offset + 1)).max(0);
        let mut pending = Writes::new();
        let mut heard = Instant::now();
        let mut applied = 0;
        loop {
            match consumer.poll(POLL) {
                Some(Ok(message)) => {
                    let Some(key) = message.key() else { continue };
                    if key == MARK_KEY {
                        let marked: Mark = decode("commit marker", message.payload().unwrap_or_default())
                            .map_err(|why| self.state(why))?;
                        mark = Mark { commit: marked.commit, offset: Some(message.offset()) };
                        pending.extend([mark.write()]);
                    } else {
                        pending.insert(key.to_vec(), message.payload().map(<[u8]>::to_vec));
                    }
                    applied += 1;
                    remaining = (end - message.offset() - 1).max(0);
                    heard = Instant::now();
                }
                Some(Err(KafkaError::PartitionEOF(_))) => break,
                Some(Err(error)) => match error.rdkafka_error_code() {
                    Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                        return Err(RestoreError::Foreign);
                    }
                    _ => return Err(WorkerError::kafka("reading the changelog")(error).into()),
                },
                None if heard.elapsed() > SILENCE_MAX => {
                    let error = KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut);
                    return Err(WorkerError::kafka("reading the changelog")(error).into());
                }
                None => {}
            }
            if pending.len() >= CHUNK {
                store.commit(std::mem::take(&mut pending)).map_err(|why| self.state(why))?;
            }
            if applied >= 1000 || heard.elapsed() > POLL {
                alive(std::mem::take(&mut applied), remaining)?;
            }
        }
        store.commit(pending).map_err(|why| self.state(why))?;
        alive(applied, 0)?;
        Ok(mark)
    }

    fn consumer(&self, mark: Mark) -> Result<BaseConsumer, RestoreError> {
        let mut config = self.settings.reader();
        config
            .set("group.id", format!("{}restore", self.settings.prefix))
            .set("enable.partition.eof", "true");
        let consumer: BaseConsumer =
            config.create().map_err(|error| WorkerError::Configuration(error.to_string()))?;
        let from = mark.offset.map_or(Offset::Beginning, |offset| Offset::Offset(offset + 1));
        let mut assignment = TopicPartitionList::new();
        assignment
            .add_partition_offset(self.topic, self.partition, from)
            .and_then(|()| consumer.assign(&assignment))
            .map_err(WorkerError::kafka("assigning the changelog"))?;
        Ok(consumer)
    }

    fn state(&self, why: Fault) -> RestoreError {
        let partition = u32::try_from(self.partition).unwrap_or_default();
        RestoreError::Worker(WorkerError::State { stage: "restore", partition, why })
    }
}

impl From<WorkerError> for RestoreError {
    fn from(error: WorkerError) -> Self {
        Self::Worker(error)
    }
}
