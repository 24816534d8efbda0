//! `kinfold topics`: what topics a deployment needs, and whether they are there.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use kinfold_daemon::config::Config;
use kinfold_daemon::process::kafka_settings;
use kinfold_kafka::topics::{Finding, Wanted, apply, compare};

use super::{Failure, load, say};
use crate::tables;

/// What to do with the topics.
#[derive(Subcommand)]
pub enum TopicsCommand {
    /// Show how the topics should be; asks no broker.
    Plan(Where),
    /// Create the topics that are missing; changes none that exists.
    Apply(Where),
    /// Compare the topics with the plan; fails when one is missing or differs.
    Check(Where),
}

/// Which deployment.
#[derive(Args)]
pub struct Where {
    /// The configuration, a TOML file.
    #[arg(long, env = "KINFOLD_CONFIG")]
    config: Option<PathBuf>,
}

impl TopicsCommand {
    pub(super) fn run(self) -> Result<(), Failure> {
        let (Self::Plan(place) | Self::Apply(place) | Self::Check(place)) = &self;
        let config = load(place.config.as_deref())?;
        let (wanted, settings) = (wanted(&config), kafka_settings(&config));
        match self {
            Self::Plan(_) => say(format_args!("{}", tables::topics(&settings.prefix, &wanted.topics())))?,
            Self::Apply(_) => {
                let created = apply(&settings, &wanted).map_err(Failure::fault)?;
                for name in &created {
                    say(format_args!("created {name}"))?;
                }
                say(format_args!("{} topics created, {} in all", created.len(), wanted.topics().len()))?;
            }
            Self::Check(_) => {
                let findings = compare(&settings, &wanted).map_err(Failure::fault)?;
                say(format_args!("{}", tables::findings(&settings.prefix, &findings)))?;
                let odd = findings.iter().filter(|(_, finding)| *finding != Finding::Fits).count();
                if odd > 0 {
                    return Err(Failure::Topics(odd));
                }
            }
        }
        Ok(())
    }
}

fn wanted(config: &Config) -> Wanted {
    let topics = &config.topics;
    Wanted {
        sources: topics.sources.clone(),
        outputs: config.outputs.names().map(ToString::to_string).collect(),
        partitions: topics.partitions,
        replication: u32::from(topics.replication),
        retention_ms: topics.raw_retention_ms,
        refused_retention_ms: topics.refused_retention_ms,
        identity_change_retention_ms: topics.identity_change_retention_ms,
        consent_change_retention_ms: topics.consent_change_retention_ms,
    }
}
