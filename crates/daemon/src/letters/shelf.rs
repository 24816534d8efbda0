//! `touchpoint-refused` of a deployment. In: its configuration. Out: the letters that stand open, and single letters whole.

use std::collections::BTreeSet;

use kinfold_kafka::client::Outgoing;
use kinfold_kafka::reader::{Isolation, Reader, Stored};
use kinfold_kafka::{Settings, WorkerError, World};
use kinfold_letters::{LetterKey, Letters, Place, Record};
use kinfold_model::{DeadLetter, Timestamp};
use kinfold_wire::{SCHEMA_HEADER, SchemaIds, TRACE_HEADER, Topic, Trace, WireError, decode, schema_header};

use crate::config::Config;
use crate::process::kafka_settings;

const TOPIC: Topic = Topic::TouchpointRefused;

/// Why dead letters cannot be read or removed.
#[derive(Debug, thiserror::Error)]
pub enum LettersError {
    /// Kafka does not do what it should.
    #[error(transparent)]
    Kafka(#[from] WorkerError),
    /// What lies on a topic is not what we write there.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The schema registry does not answer; a sentence.
    #[error("{0}")]
    Registry(String),
    /// A topic is not there.
    #[error("topic {0} is missing; `kinfold topics apply` creates it")]
    Missing(String),
    /// The process is asked to stop.
    #[error("it was asked to stop")]
    Stopped,
}

/// A deployment's dead letters.
pub struct Shelf {
    /// How to reach Kafka.
    pub settings: Settings,
    /// What is there.
    pub world: World,
    ids: SchemaIds,
}

impl Shelf {
    /// Asks the broker what is there.
    ///
    /// # Errors
    /// When it does not answer, or the topic is not there.
    pub fn open(config: &Config) -> Result<Self, LettersError> {
        let settings = kafka_settings(config);
        let world = World::observe(&settings)?;
        let ids = config.registry.schema_ids(&config.deployment.prefix, TOPIC);
        let shelf = Self { settings, world, ids: ids.map_err(LettersError::Registry)? };
        shelf.has(TOPIC)?;
        Ok(shelf)
    }

    /// That a topic is there.
    ///
    /// # Errors
    /// When it is not.
    pub(crate) fn has(&self, topic: Topic) -> Result<(), LettersError> {
        match self.world.count(topic.as_str()) {
            Some(_) => Ok(()),
            None => Err(LettersError::Missing(self.settings.topic(topic.as_str()))),
        }
    }

    /// The letters that stand open now.
    ///
    /// # Errors
    /// When the topic cannot be read to its end.
    pub fn letters(&self) -> Result<Letters, LettersError> {
        let mut letters = Letters::default();
        self.each(&mut |record| {
            letters.take(&record, &self.ids);
            Ok::<(), LettersError>(())
        })?;
        Ok(letters)
    }

    /// Hands over the letters at these places, with their payloads, one after the other.
    ///
    /// # Errors
    /// The first of `see`; when the topic cannot be read to its end.
    pub fn fetch<E: From<LettersError> + From<WorkerError>>(
        &self,
        wanted: &BTreeSet<Place>,
        see: &mut dyn FnMut(Place, DeadLetter) -> Result<(), E>,
    ) -> Result<(), E> {
        self.each(&mut |record| {
            let value = record.value.as_deref().filter(|_| wanted.contains(&record.place));
            match value.map(|value| decode(TOPIC, &self.ids, value)) {
                Some(letter) => see(record.place, letter.map_err(LettersError::from)?),
                None => Ok(()),
            }
        })
    }

    /// What the numbers of the schema registry mean on the topic.
    pub(crate) fn ids(&self) -> &SchemaIds {
        &self.ids
    }

    /// Hands over every record of the topic, those of a partition in the order of offsets.
    ///
    /// # Errors
    /// The first of `see`; when the topic cannot be read to its end.
    pub(crate) fn each<E: From<WorkerError>>(
        &self,
        see: &mut dyn FnMut(Record) -> Result<(), E>,
    ) -> Result<(), E> {
        let reader = Reader::from_beginning(&self.settings, TOPIC.as_str(), Isolation::Committed)?;
        reader.each(&mut |stored| see(record(stored)))
    }
}

fn record(stored: Stored) -> Record {
    let Stored { partition, offset, time_ms, key, value, headers } = stored;
    let written = time_ms.and_then(|ms| Timestamp::from_millis(ms).ok());
    Record { place: Place { partition, offset }, written, key, value, headers }
}

/// The note that a letter is dealt with. It goes beside the letter, where a reader finds it after the letter.
#[must_use]
pub fn tombstone(key: &LetterKey, trace: Trace, place: Place) -> Outgoing {
    Outgoing {
        topic: TOPIC.as_str().to_owned(),
        partition: Some(place.partition),
        key: Some(key.to_string().into_bytes()),
        value: None,
        headers: vec![
            (SCHEMA_HEADER.to_owned(), schema_header(TOPIC).into_bytes()),
            (TRACE_HEADER.to_owned(), trace.to_string().into_bytes()),
        ],
        time_ms: None,
    }
}
