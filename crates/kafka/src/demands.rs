//! What the settings of topics have to be, or state is lost, results cannot be written, or what was erased comes back. Asked before a
//! worker begins.

use std::collections::BTreeSet;

use kinfold_pipeline::StageName;
use kinfold_wire::{Topic, output_topic, raw_topic};
use rdkafka::admin::ResourceSpecifier;
use rdkafka::error::KafkaError;

use crate::error::WorkerError;
use crate::settings::{MESSAGE_BYTES_MAX, Settings};
use crate::topics::{BROKER_TIME, TIME, admin, options};
use crate::world::WorldError;

const DOING: &str = "asking for the settings of topics";

/// Checks the topics that Kinfold writes, the changelog of a stage, and those of its inputs whose times have to be the broker's.
///
/// # Errors
/// [`WorldError`] with every setting that would do harm, as it is and as it must be; others when the broker cannot be asked.
pub fn check(settings: &Settings, stage: StageName) -> Result<(), WorkerError> {
    let own = Topic::ALL.into_iter().map(|topic| topic.as_str().to_owned());
    let changelog = stage.is_stateful().then(|| Settings::changelog(stage));
    let outputs = settings.outputs.iter().filter(|_| stage == StageName::People);
    let outputs = outputs.map(|output| output_topic(output));
    let written: BTreeSet<String> = own.chain(outputs).chain(changelog.clone()).collect();
    let timed = timed(settings, stage);
    let names: BTreeSet<&String> = written.union(&timed).collect();
    let full: Vec<String> = names.iter().map(|name| settings.topic(name)).collect();
    let resources: Vec<ResourceSpecifier<'_>> =
        full.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
    let answer = pollster::block_on(admin(settings)?.describe_configs(&resources, &options()))
        .map_err(WorkerError::kafka(DOING))?;
    let mut faults = Vec::new();
    for (name, described) in names.into_iter().zip(answer) {
        let described = described.map_err(|code| WorkerError::kafka(DOING)(KafkaError::AdminOp(code)))?;
        let value = |key: &str| described.get(key).and_then(|entry| entry.value.clone());
        if written.contains(name) {
            faults.extend(too_small(name, value("max.message.bytes").as_deref()));
        }
        if timed.contains(name) {
            faults.extend(undated(name, value(TIME).as_deref()));
        }
        if changelog.as_ref() == Some(name) {
            faults.extend(forgetful(name, value("cleanup.policy").as_deref()));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(WorldError(faults).into()) }
}

/// The inputs of a stage by whose times it is decided whether somebody who was erased comes back.
fn timed(settings: &Settings, stage: StageName) -> BTreeSet<String> {
    match stage {
        StageName::Capture if settings.broker_time => {
            settings.sources.iter().map(|source| raw_topic(source)).collect()
        }
        StageName::Privacy if settings.broker_time => BTreeSet::from([Topic::PrivacyRequest.to_string()]),
        _ => BTreeSet::new(),
    }
}

/// Whoever writes there could say that a consent came after an erasure, or an erasure before a consent.
fn undated(topic: &str, time: Option<&str>) -> Option<String> {
    let time = time.unwrap_or("unknown");
    (time != BROKER_TIME).then(|| {
        format!(
            "topic {topic} has {TIME} {time}, it must be {BROKER_TIME} where [privacy] return_by names a purpose, or a \
             producer's clock could undo an erasure; change it with kafka-configs.sh --alter, or leave return_by empty"
        )
    })
}

/// What is larger than its topic takes would be tried for ever.
fn too_small(topic: &str, bytes: Option<&str>) -> Option<String> {
    let most: usize = bytes?.parse().ok()?;
    (most < MESSAGE_BYTES_MAX).then(|| {
        format!("topic {topic} has max.message.bytes {most}, it must be {MESSAGE_BYTES_MAX} or more, because records of ours may be as large")
    })
}

/// What a changelog deletes by time or size is gone from the state that is restored from it.
fn forgetful(topic: &str, policy: Option<&str>) -> Option<String> {
    let policy = policy.filter(|policy| *policy != "compact")?;
    Some(format!("topic {topic} has cleanup.policy {policy}, it must be compact, or state is lost"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::tests::settings;

    #[test]
    fn settings_that_do_harm_are_named_with_what_they_must_be() {
        let said = too_small("touchpoint", Some("1048588")).expect("too small");
        assert!(
            said.contains("touchpoint") && said.contains("1048588") && said.contains("8388608"),
            "{said}"
        );
        for policy in ["delete", "compact,delete"] {
            let said = forgetful("stitch-changelog", Some(policy)).expect("state would be lost");
            assert!(said.contains(policy) && said.contains("must be compact"), "{said}");
        }
    }

    #[test]
    fn where_somebody_may_come_back_the_broker_tells_the_time_of_all_that_others_write() {
        let said = undated("raw.web", Some("CreateTime")).expect("the producer's");
        for part in
            ["raw.web", "message.timestamp.type CreateTime", "LogAppendTime", "kafka-configs.sh", "return_by"]
        {
            assert!(said.contains(part), "{said}");
        }
        assert!(undated("raw.web", None).is_some(), "nobody knows whose it is");
        assert_eq!(undated("raw.web", Some("LogAppendTime")), None);
        let of = |broker_time, stage| {
            let settings = Settings { broker_time, ..settings(&[]) };
            timed(&settings, stage).into_iter().collect::<Vec<_>>()
        };
        assert_eq!(of(true, StageName::Capture), ["raw.shop"]);
        assert_eq!(of(true, StageName::Privacy), ["privacy-request"]);
        for stage in StageName::ALL {
            assert!(of(false, stage).is_empty(), "{stage}: nobody comes back");
        }
        assert!(of(true, StageName::Facets).is_empty(), "it reads what we write");
    }

    #[test]
    fn settings_that_do_no_harm_are_let_be() {
        assert_eq!(too_small("touchpoint", Some("8388608")), None);
        assert_eq!(too_small("touchpoint", Some("20000000")), None);
        assert_eq!(forgetful("stitch-changelog", Some("compact")), None);
    }
}
