//! The Kafka driver: a worker takes records from topics through one stage and back to topics.
//!
//! One worker is one thread with one consumer, one transactional producer and a set of partitions; its code is
//! synchronous. Each batch is one transaction: outputs, changelog, commit marker and offsets, and only after it
//! is committed does the batch reach the store. This is the only crate that knows librdkafka.

mod changelog;
pub mod client;
mod error;
mod membership;
mod producer;
mod settings;
mod stores;
pub mod topics;
mod worker;
mod world;

pub use error::WorkerError;
pub use settings::Settings;
pub use stores::{NoState, Stores};
pub use worker::{Observer, Worker};
pub use world::{World, WorldError};
