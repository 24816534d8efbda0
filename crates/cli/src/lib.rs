//! `kinfold`, a person's tool: resolve files of touchpoints, show what Kinfold does, look after a deployment.

mod applied;
pub mod argument;
pub mod avro_json;
mod buyers;
mod clear;
pub mod commands;
pub mod dead;
mod explain;
pub mod generate;
pub mod input;
pub mod on_kafka;
pub mod output;
mod privacy;
mod rules_diff;
pub mod run;
pub mod secret;
mod site;
mod stores;
mod tables;
