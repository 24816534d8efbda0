//! The world as the broker describes it, checked before anything runs: are the topics there, and do their
//! partitions fit together?

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kinfold_pipeline::{StageName, Topology};
use kinfold_wire::{Framing, Topic, output_topic, raw_topic};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::error::WorkerError;
use crate::settings::Settings;

const METADATA_TIMEOUT: Duration = Duration::from_secs(10);

/// What is wrong with the world, all of it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}; `kinfold topics check` compares, `kinfold topics apply` creates what is missing", .0.join("; "))]
pub struct WorldError(pub Vec<String>);

/// How many partitions each topic of this deployment has, by name without the prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct World(BTreeMap<String, u32>);

impl World {
    /// Asks the broker.
    ///
    /// # Errors
    /// [`WorkerError::Unreachable`] when nobody answers, [`WorkerError::Configuration`] for refused settings.
    pub fn observe(settings: &Settings) -> Result<Self, WorkerError> {
        let client: ClientConfig = settings.client();
        let consumer: BaseConsumer = client.create().map_err(WorkerError::configuration)?;
        let metadata = consumer.fetch_metadata(None, METADATA_TIMEOUT).map_err(|error| {
            WorkerError::Unreachable { bootstrap: settings.bootstrap.clone(), why: error.to_string() }
        })?;
        let count = |partitions: usize| u32::try_from(partitions).unwrap_or(u32::MAX);
        let ours = metadata.topics().iter().filter_map(|topic| {
            let name = topic.name().strip_prefix(&settings.prefix)?;
            Some((name.to_owned(), count(topic.partitions().len())))
        });
        Ok(Self(ours.collect()))
    }

    /// How many partitions a topic has; `None` when it is not there.
    #[must_use]
    pub fn count(&self, name: &str) -> Option<u32> {
        self.0.get(name).copied()
    }

    /// How many partitions each input of a stage has; 1 for capture, whose partitions mean nothing.
    #[must_use]
    pub fn inputs(&self, stage: StageName) -> u32 {
        stage.inputs().first().and_then(|topic| self.count(topic.as_str())).unwrap_or(1)
    }

    /// The partitions of Kinfold's own topics.
    ///
    /// # Errors
    /// [`WorldError`] with everything that keeps this stage from running: topics that are missing, inputs whose
    /// partitions do not match each other or the changelog, outputs that are not cut as profiles are.
    pub fn topology(
        &self,
        stage: StageName,
        sources: &[String],
        outputs: &[String],
    ) -> Result<Topology, WorldError> {
        let mut faults = Vec::new();
        let mut topology = Topology::default();
        for topic in Topic::ALL {
            match self.count(topic.as_str()) {
                Some(count) => drop(topology.partitions.insert(topic, count)),
                None => faults.push(format!("topic {topic} does not exist")),
            }
        }
        if stage == StageName::Capture {
            let missing =
                sources.iter().map(|source| raw_topic(source)).filter(|raw| self.count(raw).is_none());
            faults.extend(missing.map(|raw| format!("topic {raw} does not exist")));
        }
        if stage == StageName::People {
            faults.extend(outputs.iter().filter_map(|output| self.fault_of_output(output)));
            let framed = |output: &String| (Arc::<str>::from(output.as_str()), Framing::SingleObject);
            topology.outputs = outputs.iter().map(framed).collect();
        }
        // Of all stages, for whoever writes to a topic that was enlarged would send keys where their state is not.
        for stage in StageName::ALL.into_iter().filter(|stage| stage.is_stateful()) {
            self.check_co_partitioning(stage, &mut faults);
        }
        if faults.is_empty() { Ok(topology) } else { Err(WorldError(faults)) }
    }

    /// A person stands at the same partition everywhere.
    fn fault_of_output(&self, output: &str) -> Option<String> {
        let (name, profiles) = (output_topic(output), Topic::UnifiedProfile);
        let Some(count) = self.count(&name) else { return Some(format!("topic {name} does not exist")) };
        let first = self.count(profiles.as_str()).filter(|first| *first != count)?;
        Some(format!("topic {name} has {count} partitions, {profiles} has {first}; they must be equal"))
    }

    /// The inputs of a stage and its changelog must be cut alike, because state belongs to a partition's number.
    fn check_co_partitioning(&self, stage: StageName, faults: &mut Vec<String>) {
        let changelog = Settings::changelog(stage);
        let inputs = stage.inputs().iter().map(|topic| topic.as_str().to_owned());
        let counts: Vec<(String, Option<u32>)> =
            inputs.chain([changelog]).map(|name| (name.clone(), self.count(&name))).collect();
        for (name, count) in &counts {
            match (count, counts[0].1) {
                (None, _) if *name == Settings::changelog(stage) => {
                    faults.push(format!("topic {name} does not exist"));
                }
                (Some(count), Some(first)) if *count != first => faults.push(format!(
                    "topic {name} has {count} partitions, {} has {first}; they must be equal",
                    counts[0].0
                )),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world(counts: &[(&str, u32)]) -> World {
        let all = Topic::ALL.iter().map(|topic| (topic.as_str().to_owned(), 4));
        let stateful = StageName::ALL.into_iter().filter(|stage| stage.is_stateful());
        let mut world: BTreeMap<String, u32> = all
            .chain(stateful.map(|stage| (Settings::changelog(stage), 4)))
            .chain([("raw.web".to_owned(), 3)])
            .collect();
        world.extend(counts.iter().map(|(name, count)| ((*name).to_owned(), *count)));
        World(world)
    }

    #[test]
    fn a_world_that_fits_gives_the_partitions_of_every_topic() {
        for stage in StageName::ALL {
            let topology = world(&[]).topology(stage, &["web".to_owned()], &[]).expect("fits");
            assert_eq!(topology.count(Topic::IdentityOp), 4);
        }
    }

    #[test]
    fn partitions_that_do_not_match_are_refused_with_both_numbers() {
        let cases = [
            ("identity-assignment", 6, "identity-assignment has 6 partitions, touchpoint has 4"),
            ("stitch-changelog", 5, "stitch-changelog has 5 partitions, identity-op has 4"),
        ];
        for (topic, count, sentence) in cases {
            for stage in StageName::ALL {
                let error =
                    world(&[(topic, count)]).topology(stage, &[], &[]).expect_err("unequal").to_string();
                assert!(error.contains(sentence), "{stage}: {error}");
            }
        }
    }

    #[test]
    fn an_output_needs_a_topic_that_is_cut_as_profiles_are() {
        let outputs = ["marketing".to_owned()];
        let tried = |counts: &[(&str, u32)]| world(counts).topology(StageName::People, &[], &outputs);
        let fits = tried(&[("unified-profile.marketing", 4)]).expect("fits");
        assert!(fits.outputs.contains_key("marketing"));
        let missing = tried(&[]).expect_err("missing").to_string();
        assert!(missing.contains("topic unified-profile.marketing does not exist"), "{missing}");
        let unequal = tried(&[("unified-profile.marketing", 6)]).expect_err("unequal").to_string();
        assert!(unequal.contains("has 6 partitions, unified-profile has 4; they must be equal"), "{unequal}");
        let of_others = world(&[]).topology(StageName::Facets, &[], &outputs).expect("they do not write it");
        assert!(of_others.outputs.is_empty());
    }

    #[test]
    fn everything_that_is_missing_is_named_at_once() {
        let error = World::default().topology(StageName::Stitch, &[], &[]).expect_err("nothing there");
        let stateful = StageName::ALL.into_iter().filter(|stage| stage.is_stateful());
        assert_eq!(error.0.len(), Topic::ALL.len() + stateful.count(), "{error}");
    }
}
