//! Kafka as the log of the pipeline's worker: a [`KafkaLink`] is one consumer, one transactional producer and one reader
//! of a changelog, all for one thread. Beside it the topics of a deployment, and a plain client. This is the only
//! crate that knows librdkafka.

pub mod client;
pub mod demands;
mod error;
mod link;
mod membership;
mod note;
mod producer;
pub mod reader;
mod received;
mod replay;
mod settings;
mod stable;
mod standby;
mod tail;
pub mod topics;
mod world;

pub use error::WorkerError;
pub use link::KafkaLink;
pub use replay::Replayer;
pub use settings::{Identity, LostRecords, Settings};
pub use world::{World, WorldError};
