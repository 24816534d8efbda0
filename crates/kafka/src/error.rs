//! Why a worker stopped. Whatever it was, the worker is thrown away with its consumer and its producer, and a new
//! one begins from what was committed.

use kinfold_model::Fault;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::world::WorldError;

/// A worker's end.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// Nobody answers.
    #[error(
        "no Kafka broker answers at {bootstrap}; check that the broker runs and that [kafka] bootstrap is the \
         address it advertises ({why})"
    )]
    Unreachable {
        /// As configured.
        bootstrap: String,
        /// What librdkafka says.
        why: String,
    },
    /// Topics are missing or have the wrong shape.
    #[error(transparent)]
    World(#[from] WorldError),
    /// librdkafka refuses a setting.
    #[error("Kafka's client refuses its configuration: {0}; check [kafka] properties")]
    Configuration(String),
    /// A call to Kafka failed.
    #[error("{doing} failed: {why}")]
    Kafka {
        /// What was tried.
        doing: &'static str,
        /// What librdkafka says.
        why: KafkaError,
    },
    /// State cannot be read or written.
    #[error("{stage}, partition {partition}: {why}")]
    State {
        /// The stage.
        stage: &'static str,
        /// The partition.
        partition: u32,
        /// What is wrong.
        why: Fault,
    },
    /// State, changelog and committed offsets are not from the same transaction.
    #[error(
        "{stage}, partition {partition}: torn transaction: the group's offsets are of commit {offsets}, the changelog \
         is of commit {changelog}; nothing was lost or repeated yet. If somebody reset the group's offsets, reset \
         the changelog topic too, and the partition is rebuilt"
    )]
    Torn {
        /// The stage.
        stage: &'static str,
        /// The partition.
        partition: u32,
        /// In the metadata of the committed offsets.
        offsets: u64,
        /// In the changelog's marker.
        changelog: u64,
    },
}

impl WorkerError {
    pub(crate) fn kafka(doing: &'static str) -> impl FnOnce(KafkaError) -> Self {
        move |why| Self::Kafka { doing, why }
    }

    /// The label under which it is counted.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "kafka_unreachable",
            Self::Kafka { why, .. } => match why.rdkafka_error_code() {
                Some(RDKafkaErrorCode::AllBrokersDown | RDKafkaErrorCode::BrokerTransportFailure) => {
                    "kafka_unreachable"
                }
                _ => "kafka",
            },
            Self::State { .. } | Self::Torn { .. } => "state",
            Self::World(_) | Self::Configuration(_) => "other",
        }
    }
}
