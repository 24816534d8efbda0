//! Why a worker stopped. Whatever it was, the worker is thrown away with its consumer and its producer, and a new
//! one begins from what was committed.

use std::time::Duration;

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
    /// A stage with several inputs was handed partitions of them that do not belong together.
    #[error(
        "partition {partition} is ours, but not in {topic}: members of the group do not agree on \
         partition.assignment.strategy, or read different topics; stop all but those of this version"
    )]
    NotCoPartitioned {
        /// Which.
        partition: i32,
        /// The input in which it is not ours.
        topic: String,
    },
    /// Records were deleted before they were read.
    #[error(
        "{topic}, partition {partition}: reading was to go on at offset {offset}, but the log holds {begin} to {end} \
         only. Records were deleted before they were read, or the topic was made anew. To go on where the log \
         begins, and lose what is missing, set [kafka] lost_records = \"skip\""
    )]
    Lost {
        /// Its full name.
        topic: String,
        /// Which.
        partition: i32,
        /// As it was committed.
        offset: i64,
        /// The first offset that is there.
        begin: i64,
        /// The offset of the next record.
        end: i64,
    },
    /// A topic was deleted, and its offsets with it.
    #[error(
        "{topic}, partition {partition}: it had been read, and its committed offset is gone: the topic was deleted and made \
         anew, and what nobody had read of it is lost. To read the new one from its beginning, set [kafka] lost_records = \"skip\""
    )]
    Forgotten {
        /// Its full name.
        topic: String,
        /// Which.
        partition: i32,
    },
    /// The broker knows no transaction where we are in the middle of one.
    #[error(
        "{doing} failed: torn transaction: the broker ended it before it was whole, because the end of an earlier one came \
         late ({why}). Nothing is lost, because its offsets go last; what was committed of it may come once more"
    )]
    Torn {
        /// What was tried.
        doing: &'static str,
        /// What librdkafka says.
        why: KafkaError,
    },
    /// librdkafka does not come back.
    #[error("Kafka's client has not come back from the end of a transaction for {} s; it is left alone, and another takes its place", waited.as_secs())]
    Hung {
        /// So long it was waited for.
        waited: Duration,
    },
    /// What is left on a connection that broke could end the next transaction.
    #[error(
        "a connection to Kafka broke, and what may still come over it could end the next transaction too soon: every \
         transaction so far is whole, and the next has not begun, so that nothing is half done"
    )]
    Interrupted,
    /// The group went on without us.
    #[error(
        "the consumer group does not know this member any more, after a pause longer than its session; it joins anew"
    )]
    NotAMember,
    /// The system gives no thread.
    #[error("there is no thread for the end of a transaction ({0}); raise the limit of processes")]
    Thread(std::io::Error),
    /// Offsets belong to a transaction that has not ended.
    #[error(
        "the broker has not told for {} s what is committed ({why}). If it answers otherwise, a transaction hangs that \
         wrote offsets of this group: find it with Kafka's kafka-transactions.sh find-hanging, and abort it with its abort",
        waited.as_secs()
    )]
    Unstable {
        /// So long it was waited for.
        waited: Duration,
        /// What librdkafka says.
        why: KafkaError,
    },
    /// Somebody else has the same name.
    #[error(
        "{doing} failed: another process has taken the place of this one, or the transaction took longer than [kafka] \
         transaction_timeout_ms ({why}). If two run with the same [deployment] prefix and instance, give each an instance \
         of its own"
    )]
    Fenced {
        /// What was tried.
        doing: &'static str,
        /// What librdkafka says.
        why: KafkaError,
    },
}

impl WorkerError {
    /// For a client that cannot be made. rdkafka would print the property's value, which may be a password. librdkafka's own
    /// sentence names values too, but only where one of a few words or a number is expected.
    pub(crate) fn configuration(error: KafkaError) -> Self {
        Self::Configuration(match error {
            KafkaError::ClientConfig(_, description, key, _) => format!("{key}: {}", description.trim()),
            other => other.to_string(),
        })
    }

    pub(crate) fn kafka(doing: &'static str) -> impl FnOnce(KafkaError) -> Self {
        move |why| match why.rdkafka_error_code() {
            Some(
                RDKafkaErrorCode::Fenced
                | RDKafkaErrorCode::FencedInstanceId
                | RDKafkaErrorCode::ProducerFenced
                | RDKafkaErrorCode::InvalidProducerEpoch,
            ) => Self::Fenced { doing, why },
            Some(RDKafkaErrorCode::InvalidTransactionalState) => Self::Torn { doing, why },
            _ => Self::Kafka { doing, why },
        }
    }

    /// For a question after committed offsets.
    pub(crate) fn committed(doing: &'static str, waited: Duration) -> impl FnOnce(KafkaError) -> Self {
        move |why| match why.rdkafka_error_code() {
            Some(RDKafkaErrorCode::OperationTimedOut | RDKafkaErrorCode::UnstableOffsetCommit) => {
                Self::Unstable { waited, why }
            }
            _ => Self::kafka(doing)(why),
        }
    }

    /// Whether the group does not know this member any more. The consumer may never find out by itself.
    pub(crate) fn is_of_membership(&self) -> bool {
        let (Self::Kafka { why, .. } | Self::Fenced { why, .. }) = self else { return false };
        matches!(
            why.rdkafka_error_code(),
            Some(
                RDKafkaErrorCode::UnknownMemberId
                    | RDKafkaErrorCode::IllegalGeneration
                    | RDKafkaErrorCode::FencedInstanceId
            )
        )
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
            Self::Fenced { .. }
            | Self::Torn { .. }
            | Self::Unstable { .. }
            | Self::Hung { .. }
            | Self::Interrupted
            | Self::NotAMember => "kafka",
            Self::Thread(_)
            | Self::World(_)
            | Self::Configuration(_)
            | Self::NotCoPartitioned { .. }
            | Self::Lost { .. }
            | Self::Forgotten { .. } => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::ClientConfig;

    #[test]
    fn a_property_that_is_refused_is_named_without_its_value() {
        for key in ["sasl.passwrd", "sasl.jaas.config", "linger.ms"] {
            let mut config = ClientConfig::new();
            config.set(key, "hunter2");
            let refused = config.create_native_config().err().expect("librdkafka refuses it");
            assert!(refused.to_string().contains("hunter2"), "rdkafka alone would print it: {refused}");
            let said = WorkerError::configuration(refused).to_string();
            assert!(said.contains(key) && said.contains("[kafka] properties"), "{said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
    }

    #[test]
    fn what_names_no_property_is_said_as_it_is() {
        let said =
            WorkerError::configuration(KafkaError::ClientCreation("no such file".to_owned())).to_string();
        assert!(said.contains("no such file"), "{said}");
    }
}
