//! The same touchpoints on Kafka: generated ones go to the `raw.*` topics of a deployment whose consumers are at work, and the
//! people that they publish are compared with those of a local run, record by record.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use kinfold_daemon::config::Config;
use kinfold_daemon::process::kafka_settings;
use kinfold_kafka::Settings;
use kinfold_kafka::client::{produce, read_table};
use kinfold_model::UnifiedProfile;
use kinfold_pipeline::Shelf;
use kinfold_wire::{SchemaIds, Topic, decode, raw_topic};

use crate::commands::Failure;
use crate::generate::Plan;
use crate::run::Run;

/// How long the consumers may take.
const PATIENCE: Duration = Duration::from_secs(180);
/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// The profile of each person, by the key of their record.
pub type People = BTreeMap<Vec<u8>, UnifiedProfile>;

/// Feeds the sample, waits for the consumers, and compares all but `version`, `changed`, `value` and `lifecycle`. Returns how many
/// people agree.
///
/// # Errors
/// When Kafka does not answer, or the people still differ when patience ends.
pub fn compare(plan: Plan, run: &Run<'_>, config: &Config) -> Result<usize, Failure> {
    let settings = kafka_settings(config);
    let records = plan.generate().map(|generated| (raw_topic(generated.source), generated.record));
    produce(&settings, records).map_err(Failure::fault)?;
    let expected = local(run)?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let published = published(&settings)?;
        if published == expected {
            return Ok(expected.len());
        }
        if Instant::now() > deadline {
            let agree = published.iter().filter(|(key, profile)| expected.get(*key) == Some(profile)).count();
            return Err(Failure::Fault(format!(
                "after {} s Kafka has {} people, the local run has {}, and {agree} agree; look at the consumers' logs",
                PATIENCE.as_secs(),
                published.len(),
                expected.len()
            )));
        }
        thread::sleep(PAUSE);
    }
}

/// The people of a local run.
///
/// # Errors
/// When its store cannot be read.
pub fn local(run: &Run<'_>) -> Result<People, Failure> {
    let mut table = Vec::new();
    let see = &mut |key: &[u8], value: &[u8]| table.push((key.to_vec(), value.to_vec()));
    run.local.visit(Shelf::Topic(Topic::UnifiedProfile), see).map_err(Failure::fault)?;
    people(table)
}

/// The people that the consumers have published by now.
///
/// # Errors
/// When the topic cannot be read to its end.
pub fn published(settings: &Settings) -> Result<People, Failure> {
    people(read_table(settings, Topic::UnifiedProfile.as_str()).map_err(Failure::fault)?)
}

/// The version counts publications, and `changed` tells of the last. Value and stage are as of when a profile was published: between the two runs a day may begin. In all
/// else both agree.
fn people(table: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Result<People, Failure> {
    let read = |(key, value): (Vec<u8>, Vec<u8>)| {
        let profile: UnifiedProfile =
            decode(Topic::UnifiedProfile, &SchemaIds::default(), &value).map_err(Failure::fault)?;
        Ok((key, UnifiedProfile { version: 0, changed: Vec::new(), value: None, lifecycle: None, ..profile }))
    };
    table.into_iter().map(read).collect()
}
