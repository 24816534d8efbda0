//! The consumers: three processes around the Kafka driver.
//!
//! In go a configuration file and the environment, out come running workers, an HTTP server that says how they
//! are, and an exit code. [`process`] is the checklist that each of the three binaries goes through.

pub mod clock;
pub mod config;
pub mod copies;
pub mod folders;
pub mod http;
pub mod letters;
pub mod process;
mod registry;
mod reporter;
mod rewrites;
pub mod sources;
mod supervisor;
pub mod telemetry;
pub mod valuation;

/// Of every program that is linked with this crate, RocksDB and librdkafka in it included.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
