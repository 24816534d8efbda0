//! A port stands between a log and a stage: it turns records into the stage's messages, and back.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use kinfold_model::versioned::Versioned;
use kinfold_model::{Fault, Halt, Partition, Refusal, Stage};
use kinfold_wire::{Framing, SchemaIds, Topic, Trace, WireError, encode, encode_inner, keyed};
use serde::Serialize;

use crate::batch::Tally;
use crate::record::{InRecord, Origin, OutRecord};

/// The stages, as metrics, dead letters and changelogs name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StageName {
    /// Raw records become touchpoints.
    Capture,
    /// Evidence becomes people.
    Stitch,
    /// Touchpoints become facets.
    Facets,
    /// Facets become profiles.
    People,
    /// Requests of people are carried out and answered.
    Privacy,
}

impl StageName {
    /// All stages, in the order of the data.
    pub const ALL: [Self; 5] = [Self::Capture, Self::Stitch, Self::Facets, Self::People, Self::Privacy];

    /// The name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Stitch => "stitch",
            Self::Facets => "facets",
            Self::People => "people",
            Self::Privacy => "privacy",
        }
    }

    /// Whether it keeps state, and so has a store and a changelog.
    #[must_use]
    pub fn is_stateful(self) -> bool {
        self != Self::Capture
    }

    /// Whether it looks again at its state when it begins: stitch at what earlier rules decided, people at whom it published under
    /// earlier purposes and outputs. Of all other work that no record asks for [`Stage::due`] tells.
    #[must_use]
    pub fn revises_its_state(self) -> bool {
        matches!(self, Self::Stitch | Self::People)
    }

    /// The topics of ours that it reads; capture reads `raw.*` instead.
    #[must_use]
    pub fn inputs(self) -> &'static [Topic] {
        match self {
            Self::Capture => &[],
            Self::Stitch => &[Topic::IdentityOp, Topic::IdentityCommand],
            Self::Facets => &[Topic::Touchpoint, Topic::IdentityAssignment, Topic::Erasure],
            Self::People => &[Topic::ProfileFacet],
            Self::Privacy => &[Topic::PrivacyRequest, Topic::PrivacyReport],
        }
    }
}

impl fmt::Display for StageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a port needs to know of the log: how many partitions each topic has, and how values are framed.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    /// By topic; a topic that is not named has one.
    pub partitions: BTreeMap<Topic, u32>,
    /// By topic; a topic that is not named is written in single-object encoding.
    pub framing: BTreeMap<Topic, Framing>,
    /// The same for the topics of outputs, which are cut as that of profiles is.
    pub outputs: BTreeMap<Arc<str>, Framing>,
    /// What the ids in records mean that a schema registry numbered.
    pub schema_ids: SchemaIds,
}

impl Topology {
    /// Every topic has this many partitions, and no registry numbers schemas.
    #[must_use]
    pub fn uniform(partitions: u32) -> Self {
        let partitions = Topic::ALL.into_iter().map(|topic| (topic, partitions)).collect();
        Self { partitions, ..Self::default() }
    }

    /// How many partitions a topic has.
    #[must_use]
    pub fn count(&self, topic: Topic) -> u32 {
        self.partitions.get(&topic).copied().unwrap_or(1)
    }

    /// A record of a public topic: Avro, at the partition that Kafka's Java client would choose for the key.
    ///
    /// # Errors
    /// [`Fault::TooLarge`]. [`Fault::Protocol`] when the value does not fit the schema, which is a bug.
    pub fn public<T: Serialize>(
        &self,
        topic: Topic,
        key: String,
        value: Option<&T>,
        trace: Trace,
    ) -> Result<OutRecord, Fault> {
        let framing = self.framing.get(&topic).copied().unwrap_or(Framing::SingleObject);
        let value = value.map(|value| encode(topic, framing, value)).transpose();
        let value = value.map_err(|error| unwritable(topic, &error))?;
        let key = key.into_bytes();
        let partition = keyed(&key, self.count(topic));
        Ok(OutRecord { topic, output: None, partition, key, value, trace })
    }

    /// A record of the topic of an output, with the schema of profiles and at the same partition.
    ///
    /// # Errors
    /// As [`Topology::public`].
    pub fn output<T: Serialize>(
        &self,
        output: Arc<str>,
        key: String,
        value: Option<&T>,
        trace: Trace,
    ) -> Result<OutRecord, Fault> {
        let topic = Topic::ProfileOutput;
        let framing = self.outputs.get(&output).copied().unwrap_or(Framing::SingleObject);
        let value = value.map(|value| encode(topic, framing, value)).transpose();
        let value = value.map_err(|error| unwritable(topic, &error))?;
        let key = key.into_bytes();
        let partition = keyed(&key, self.count(Topic::UnifiedProfile));
        Ok(OutRecord { topic, output: Some(output), partition, key, value, trace })
    }

    /// A record of an inner topic, at a partition of our choice.
    ///
    /// # Errors
    /// [`Fault::TooLarge`]. [`Fault::Protocol`] when the value has no inner form, which is a bug.
    pub fn inner<T: Versioned + Serialize>(
        topic: Topic,
        partition: u32,
        key: Vec<u8>,
        value: &T,
        trace: Trace,
    ) -> Result<OutRecord, Fault> {
        let value = Some(encode_inner(value).map_err(|error| unwritable(topic, &error))?);
        Ok(OutRecord { topic, output: None, partition, key, value, trace })
    }
}

fn unwritable(topic: Topic, error: &WireError) -> Fault {
    match error {
        WireError::TooLarge { bytes, max } => {
            Fault::TooLarge { what: format!("a record of {topic}"), bytes: *bytes, max: *max }
        }
        _ => Fault::Protocol(format!("a record of {topic} cannot be written: {error}")),
    }
}

/// Between a log and one stage.
pub trait Port {
    /// The stage.
    type Stage: Stage;

    /// Its name.
    const NAME: StageName;

    /// The log's side of it.
    fn topology(&self) -> &Topology;

    /// A fresh stage for a partition; also after an aborted batch.
    fn stage(&self, partition: Partition) -> Self::Stage;

    /// The message in a record.
    ///
    /// # Errors
    /// A refusal when the record cannot be read; [`Fault::Newer`] when only a newer version of the program can.
    fn read(&self, record: &InRecord) -> Result<<Self::Stage as Stage>::Input, Halt>;

    /// The name under which an output is counted that is for operators and not for a topic.
    fn note(&self, output: &<Self::Stage as Stage>::Output) -> Option<&'static str> {
        let _ = output;
        None
    }

    /// The refusal that an output is: the record becomes a dead letter, and what else came of it goes on.
    fn refusal<'o>(&self, output: &'o <Self::Stage as Stage>::Output) -> Option<&'o Refusal> {
        let _ = output;
        None
    }

    /// Counts an output, for the source that it came from where the stage knows one. `origin` is where its record was read, if
    /// the output belongs to one record.
    fn account(&self, output: &<Self::Stage as Stage>::Output, origin: Option<&Origin>, tally: &mut Tally) {
        let _ = (output, origin, tally);
    }

    /// The source under which a refused record is counted, where the stage knows one.
    fn source(&self, record: &InRecord) -> Option<String> {
        let _ = record;
        None
    }

    /// Adds the records of an output.
    ///
    /// # Errors
    /// [`Fault::TooLarge`]. [`Fault::Protocol`] when an output cannot be written for another reason, which is a bug.
    fn write(
        &self,
        output: <Self::Stage as Stage>::Output,
        trace: Trace,
        records: &mut Vec<OutRecord>,
    ) -> Result<(), Fault>;
}
