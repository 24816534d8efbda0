//! `touchpoint-refused` of a deployment. In: its configuration. Out: the letters that stand open, and single letters whole.

use std::collections::BTreeSet;

use kinfold_daemon::config::Config;
use kinfold_daemon::process::kafka_settings;
use kinfold_kafka::reader::{Isolation, Reader, Stored};
use kinfold_kafka::{Settings, World};
use kinfold_model::DeadLetter;
use kinfold_wire::{SchemaIds, Topic, decode};

use super::letters::{Letters, Place, said};
use crate::commands::Failure;

const TOPIC: Topic = Topic::TouchpointRefused;

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
    pub fn open(config: &Config) -> Result<Self, Failure> {
        let settings = kafka_settings(config);
        let world = World::observe(&settings).map_err(Failure::fault)?;
        if world.count(TOPIC.as_str()).is_none() {
            let name = settings.topic(TOPIC.as_str());
            return Err(Failure::Fault(format!(
                "topic {name} is missing; `kinfold topics apply` creates it"
            )));
        }
        let ids = config.registry.schema_ids(&config.deployment.prefix, TOPIC).map_err(Failure::Fault)?;
        Ok(Self { settings, world, ids })
    }

    /// The letters that stand open now.
    ///
    /// # Errors
    /// When the topic cannot be read to its end.
    pub fn letters(&self) -> Result<Letters, Failure> {
        let mut letters = Letters::default();
        self.each(&mut |record| {
            letters.take(said(&record, &self.ids));
            Ok(())
        })?;
        Ok(letters)
    }

    /// Hands over the letters at these places, with their payloads, one after the other.
    ///
    /// # Errors
    /// The first of `see`; when the topic cannot be read to its end.
    pub fn fetch(
        &self,
        wanted: &BTreeSet<Place>,
        see: &mut dyn FnMut(Place, DeadLetter) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.each(&mut |record| {
            let place = Place { partition: record.partition, offset: record.offset };
            let value = record.value.as_deref().filter(|_| wanted.contains(&place));
            match value.map(|value| decode(TOPIC, &self.ids, value)) {
                Some(letter) => see(place, letter.map_err(Failure::fault)?),
                None => Ok(()),
            }
        })
    }

    fn each(&self, see: &mut dyn FnMut(Stored) -> Result<(), Failure>) -> Result<(), Failure> {
        let reader = Reader::from_beginning(&self.settings, TOPIC.as_str(), Isolation::Committed);
        reader.map_err(Failure::fault)?.each(see)
    }
}
