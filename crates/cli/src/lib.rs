//! `kinfold`, a person's tool: resolve files of touchpoints, show what Kinfold does, look after a deployment.

pub mod avro_json;
pub mod commands;
pub mod generate;
pub mod input;
pub mod on_kafka;
pub mod output;
pub mod run;
pub mod secret;
mod tables;
