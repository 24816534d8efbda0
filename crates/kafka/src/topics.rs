//! The topics of a deployment: what they should be, what they are, and how to create what is missing.
//! What exists is never changed here: more partitions would move keys, and a setting may have its reasons.

use std::fmt;
use std::time::Duration;

use kinfold_pipeline::StageName;
use kinfold_wire::{Topic, output_topic, raw_topic};
use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, ConfigResourceResult, NewTopic, ResourceSpecifier,
    TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::error::WorkerError;
use crate::settings::{MESSAGE_BYTES_MAX, Settings};
use crate::world::World;

const TIMEOUT: Duration = Duration::from_secs(30);
const DAY_MS: i64 = 24 * 3600 * 1000;

/// What a compacted topic holds of a key whose value is another one by now, or none, is removed within this time.
pub const COMPACTION_LAG_MS: i64 = 7 * DAY_MS;
/// The same of dead letters that are dealt with: they hold raw records, and their sources may want them gone sooner.
pub const LETTERS_COMPACTION_LAG_MS: i64 = DAY_MS;
/// How long a compacted topic keeps the record of a deletion at least.
pub const DELETE_RETENTION_MS: i64 = 7 * DAY_MS;
/// What a log cuts by time goes in segments, none of which spans more than this, nor more than the log keeps: a record stays
/// for no longer than the retention and a segment.
pub const SEGMENT_MS: i64 = DAY_MS;

/// The setting of a topic that says whose clock tells when a record was written.
pub(crate) const TIME: &str = "message.timestamp.type";
/// Its value that says that it is the broker's. What sources and portals say of time is nobody's to rely on.
pub(crate) const BROKER_TIME: &str = "LogAppendTime";

/// How the topics of a deployment should be.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Each has a topic `raw.<source>`.
    pub sources: Vec<String>,
    /// Each has a topic `unified-profile.<output>`.
    pub outputs: Vec<String>,
    /// Of every topic.
    pub partitions: u32,
    /// Of every topic.
    pub replication: u32,
    /// How long raw records and what is made of them is kept: touchpoints, facets, and requests of people about their data,
    /// all of which hold clear values.
    pub retention_ms: i64,
    /// How long dead letters are kept, which hold raw records.
    pub refused_retention_ms: i64,
    /// How long it is kept how people changed; `None`: for ever.
    pub identity_change_retention_ms: Option<i64>,
    /// How long it is kept how consents changed; `None`: for ever.
    pub consent_change_retention_ms: Option<i64>,
}

/// A topic as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicPlan {
    /// Without the prefix.
    pub name: String,
    /// How many.
    pub partitions: u32,
    /// Settings that differ from the broker's defaults, or must not depend on them.
    pub settings: Vec<(&'static str, String)>,
}

/// How a topic that should be compares with what is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// As it should be.
    Fits,
    /// Not there.
    Missing,
    /// There, but otherwise; each difference is a sentence.
    Differs(Vec<String>),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fits => f.write_str("fits"),
            Self::Missing => f.write_str("is missing"),
            Self::Differs(differences) => f.write_str(&differences.join("; ")),
        }
    }
}

impl Wanted {
    /// All topics, in the order of the data.
    #[must_use]
    pub fn topics(&self) -> Vec<TopicPlan> {
        let raw = self.sources.iter().map(|source| (raw_topic(source), stamped(log(self.retention_ms))));
        let own = Topic::ALL.into_iter().map(|topic| {
            let settings = match topic {
                topic if topic.is_compacted() => compacted(COMPACTION_LAG_MS),
                Topic::Touchpoint | Topic::ProfileFacet => log(self.retention_ms),
                Topic::PrivacyRequest => stamped(log(self.retention_ms)),
                Topic::TouchpointRefused => letters(self.refused_retention_ms),
                Topic::IdentityChange => self.identity_change_retention_ms.map_or_else(whole, log),
                Topic::ConsentChange => self.consent_change_retention_ms.map_or_else(whole, log),
                // What an inner topic says is lost for good when it is deleted before it is read. Commands are few,
                // and what touchpoints say of the same identifiers may come years later. So it is with erasures, and a
                // receipt is what somebody can be shown years later.
                _ => whole(),
            };
            (topic.as_str().to_owned(), settings)
        });
        let outputs = self.outputs.iter().map(|output| (output_topic(output), compacted(COMPACTION_LAG_MS)));
        let stateful = StageName::ALL.into_iter().filter(|stage| stage.is_stateful());
        let changelogs = stateful.map(|stage| (Settings::changelog(stage), compacted(COMPACTION_LAG_MS)));
        raw.chain(own)
            .chain(outputs)
            .chain(changelogs)
            .map(|(name, mut settings)| {
                settings.push(("max.message.bytes", MESSAGE_BYTES_MAX.to_string()));
                if self.replication > 2 {
                    // What was acknowledged is on two brokers, and one may be away.
                    settings.push(("min.insync.replicas", "2".to_owned()));
                }
                TopicPlan { name, partitions: self.partitions, settings }
            })
            .collect()
    }
}

/// Of what is kept for ever.
fn whole() -> Vec<(&'static str, String)> {
    vec![("cleanup.policy", "delete".to_owned()), ("retention.ms", "-1".to_owned())]
}

fn log(retention_ms: i64) -> Vec<(&'static str, String)> {
    vec![
        ("cleanup.policy", "delete".to_owned()),
        ("retention.ms", retention_ms.to_string()),
        ("segment.ms", retention_ms.min(SEGMENT_MS).to_string()),
    ]
}

/// Of a topic to which others write: the broker says when.
fn stamped(mut settings: Vec<(&'static str, String)>) -> Vec<(&'static str, String)> {
    settings.push((TIME, BROKER_TIME.to_owned()));
    settings
}

/// A store, or any other reader, that was off for less than a week need not begin anew; what was deleted is gone from the log
/// after two.
fn compacted(lag_ms: i64) -> Vec<(&'static str, String)> {
    vec![
        ("cleanup.policy", "compact".to_owned()),
        ("delete.retention.ms", DELETE_RETENTION_MS.to_string()),
        ("max.compaction.lag.ms", lag_ms.to_string()),
    ]
}

/// A letter goes when its time is over, and sooner when a tombstone says that it is dealt with.
fn letters(retention_ms: i64) -> Vec<(&'static str, String)> {
    let of_log = log(retention_ms).into_iter().filter(|(key, _)| *key != "cleanup.policy");
    let of_table =
        compacted(LETTERS_COMPACTION_LAG_MS).into_iter().filter(|(key, _)| *key != "cleanup.policy");
    let policy = ("cleanup.policy", "compact,delete".to_owned());
    std::iter::once(policy).chain(of_log).chain(of_table).collect()
}

/// Compares every wanted topic with the broker.
///
/// # Errors
/// When the broker cannot be asked.
pub fn compare(settings: &Settings, wanted: &Wanted) -> Result<Vec<(TopicPlan, Finding)>, WorkerError> {
    let world = World::observe(settings)?;
    let admin = admin(settings)?;
    let mut findings = Vec::new();
    for plan in wanted.topics() {
        let finding = match world.count(&plan.name) {
            None => Finding::Missing,
            Some(partitions) => differences(&plan, partitions, &admin, settings)?,
        };
        findings.push((plan, finding));
    }
    Ok(findings)
}

fn differences(
    plan: &TopicPlan,
    partitions: u32,
    admin: &AdminClient<DefaultClientContext>,
    settings: &Settings,
) -> Result<Finding, WorkerError> {
    let (doing, name) = ("describing a topic", settings.topic(&plan.name));
    let answer = pollster::block_on(admin.describe_configs([&ResourceSpecifier::Topic(&name)], &options()))
        .map_err(WorkerError::kafka(doing))?;
    let described = only(doing, answer)?;
    let mut differences = Vec::new();
    if partitions != plan.partitions {
        differences.push(format!("has {partitions} partitions, the configuration says {}", plan.partitions));
    }
    for (key, value) in &plan.settings {
        let is = described.get(key).and_then(|entry| entry.value.clone()).unwrap_or_default();
        if !is_same(&is, value) {
            differences.push(format!("{key} is {is}, it should be {value}"));
        }
    }
    Ok(if differences.is_empty() { Finding::Fits } else { Finding::Differs(differences) })
}

/// Whether two values of a setting mean the same: a list may stand in any order.
fn is_same(is: &str, wanted: &str) -> bool {
    let sorted = |text: &str| {
        let mut parts: Vec<String> = text.split(',').map(|part| part.trim().to_owned()).collect();
        parts.sort();
        parts
    };
    sorted(is) == sorted(wanted)
}

/// The answer about the one topic that was asked about. Of a topic that the broker refuses to describe nobody knows
/// whether it is as it should be.
fn only(doing: &'static str, answer: Vec<ConfigResourceResult>) -> Result<ConfigResource, WorkerError> {
    let described = answer.into_iter().next().unwrap_or(Err(RDKafkaErrorCode::UnknownTopic));
    described.map_err(|code| WorkerError::kafka(doing)(KafkaError::AdminOp(code)))
}

/// Creates the topics that are missing; returns their names.
///
/// # Errors
/// When the broker cannot be asked, or refuses to create a topic.
pub fn apply(settings: &Settings, wanted: &Wanted) -> Result<Vec<String>, WorkerError> {
    let world = World::observe(settings)?;
    let missing: Vec<(String, TopicPlan)> = wanted
        .topics()
        .into_iter()
        .filter(|plan| world.count(&plan.name).is_none())
        .map(|plan| (settings.topic(&plan.name), plan))
        .collect();
    let replication = i32::try_from(wanted.replication).unwrap_or(i32::MAX);
    let topics: Vec<NewTopic<'_>> = missing
        .iter()
        .map(|(name, plan)| {
            let partitions = i32::try_from(plan.partitions).unwrap_or(i32::MAX);
            let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(replication));
            plan.settings.iter().fold(topic, |topic, (key, value)| topic.set(key, value))
        })
        .collect();
    if topics.is_empty() {
        return Ok(Vec::new());
    }
    let created = pollster::block_on(admin(settings)?.create_topics(&topics, &options()))
        .map_err(WorkerError::kafka("creating topics"))?;
    for result in created {
        result.map_err(|(_, code)| WorkerError::kafka("creating a topic")(KafkaError::AdminOp(code)))?;
    }
    Ok(missing.into_iter().map(|(name, _)| name).collect())
}

/// How long a compacted topic keeps the record of a deletion at least.
///
/// # Errors
/// When the broker cannot be asked.
pub(crate) fn delete_retention(settings: &Settings, topic: &str) -> Result<Duration, WorkerError> {
    let doing = "asking how long a changelog keeps deletions";
    let resource = ResourceSpecifier::Topic(topic);
    let answer = pollster::block_on(admin(settings)?.describe_configs([&resource], &options()))
        .map_err(WorkerError::kafka(doing))?;
    let described = only(doing, answer)?;
    let value = described.get("delete.retention.ms").and_then(|entry| entry.value.as_deref()?.parse().ok());
    Ok(value.map_or(Duration::ZERO, Duration::from_millis))
}

pub(crate) fn admin(settings: &Settings) -> Result<AdminClient<DefaultClientContext>, WorkerError> {
    settings.client().create().map_err(WorkerError::configuration)
}

pub(crate) fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(TIMEOUT)).operation_timeout(Some(TIMEOUT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Wanted {
        Wanted {
            sources: vec!["web".to_owned()],
            outputs: vec!["marketing".to_owned()],
            partitions: 4,
            replication: 1,
            retention_ms: 7,
            refused_retention_ms: 5,
            identity_change_retention_ms: None,
            consent_change_retention_ms: None,
        }
    }

    fn settings_of(name: &str) -> Vec<(&'static str, String)> {
        let topics = wanted().topics();
        topics.into_iter().find(|topic| topic.name == name).expect("planned").settings
    }

    fn says(name: &str, key: &str, value: &str) -> bool {
        settings_of(name).iter().any(|(one, said)| *one == key && said == value)
    }

    #[test]
    fn every_topic_is_planned_once_and_what_is_a_table_is_compacted() {
        let topics = wanted().topics();
        let names: std::collections::BTreeSet<_> = topics.iter().map(|topic| topic.name.as_str()).collect();
        assert_eq!(names.len(), topics.len());
        for topic in &topics {
            let keys: std::collections::BTreeSet<_> = topic.settings.iter().map(|(key, _)| key).collect();
            assert_eq!(keys.len(), topic.settings.len(), "{} has a setting twice", topic.name);
        }
        for (name, policy) in [
            ("raw.web", "delete"),
            ("touchpoint", "delete"),
            ("touchpoint-refused", "compact,delete"),
            ("identity-op", "delete"),
            ("identity-assignment", "compact"),
            ("unified-profile", "compact"),
            ("unified-profile.marketing", "compact"),
            ("stitch-changelog", "compact"),
            ("facets-changelog", "compact"),
            ("people-changelog", "compact"),
        ] {
            assert!(says(name, "cleanup.policy", policy), "{name}");
        }
    }

    #[test]
    fn a_table_forgets_what_is_no_longer_so_within_a_week() {
        for name in ["identity-assignment", "unified-profile", "stitch-changelog", "people-changelog"] {
            assert!(says(name, "max.compaction.lag.ms", "604800000"), "{name}");
            assert!(says(name, "delete.retention.ms", "604800000"), "{name}");
        }
    }

    #[test]
    fn a_letter_that_is_dealt_with_leaves_the_disk_sooner_and_its_tombstone_does_not() {
        assert!(says("touchpoint-refused", "max.compaction.lag.ms", "86400000"));
        assert!(says("touchpoint-refused", "delete.retention.ms", "604800000"));
    }

    #[test]
    fn commands_are_kept_for_ever_and_cut_like_the_other_input_of_stitch() {
        let topics = wanted().topics();
        let of = |topic: Topic| topics.iter().find(|plan| plan.name == topic.as_str()).expect("planned");
        let (commands, ops) = (of(Topic::IdentityCommand), of(Topic::IdentityOp));
        assert_eq!((commands.partitions, &commands.settings), (ops.partitions, &ops.settings));
        assert!(commands.settings.contains(&("cleanup.policy", "delete".to_owned())));
        assert!(commands.settings.contains(&("retention.ms", "-1".to_owned())));
    }

    #[test]
    fn a_topic_that_the_broker_does_not_describe_is_an_error_and_does_not_fit() {
        for answer in [vec![Err(RDKafkaErrorCode::TopicAuthorizationFailed)], Vec::new()] {
            let error = only("describing a topic", answer).expect_err("nothing is known of it");
            assert!(error.to_string().starts_with("describing a topic failed"), "{error}");
        }
    }

    #[test]
    fn what_holds_clear_values_is_kept_for_a_time_and_dead_letters_for_a_time_of_their_own() {
        for (name, retention) in [
            ("raw.web", "7"),
            ("touchpoint", "7"),
            ("profile-facet", "7"),
            ("privacy-request", "7"),
            ("touchpoint-refused", "5"),
        ] {
            assert!(says(name, "retention.ms", retention), "{name}");
            assert!(says(name, "segment.ms", retention), "{name}: what is of age waits for no younger one");
        }
        let long = Wanted { retention_ms: 30 * DAY_MS, ..wanted() };
        let of = |plan: &&TopicPlan| plan.name == "raw.web";
        let raw = long.topics().iter().find(of).expect("planned").settings.clone();
        assert!(raw.contains(&("segment.ms", DAY_MS.to_string())), "{raw:?}");
    }

    #[test]
    fn the_broker_says_when_sources_and_portals_wrote_and_nobody_else_is_asked() {
        for name in ["raw.web", "privacy-request"] {
            assert!(says(name, "message.timestamp.type", "LogAppendTime"), "{name}");
        }
        for name in ["touchpoint", "identity-op", "unified-profile", "people-changelog"] {
            assert!(settings_of(name).iter().all(|(key, _)| *key != "message.timestamp.type"), "{name}");
        }
    }

    #[test]
    fn what_says_that_somebody_was_erased_is_kept_for_ever() {
        for name in ["erasure", "privacy-receipt", "privacy-report"] {
            assert!(says(name, "cleanup.policy", "delete"), "{name}");
            assert!(says(name, "retention.ms", "-1"), "{name}");
        }
    }

    #[test]
    fn what_became_of_people_and_of_consents_is_kept_for_ever_or_each_for_a_time_of_its_own() {
        for name in ["identity-change", "consent-change"] {
            assert!(says(name, "cleanup.policy", "delete") && says(name, "retention.ms", "-1"), "{name}");
        }
        let identity_change_retention_ms = Some(30 * DAY_MS);
        let bounded =
            Wanted { identity_change_retention_ms, consent_change_retention_ms: Some(9), ..wanted() };
        let of = |name: &str| {
            bounded.topics().into_iter().find(|plan| plan.name == name).expect("planned").settings
        };
        let (identity, consent) = (of("identity-change"), of("consent-change"));
        assert!(identity.contains(&("retention.ms", (30 * DAY_MS).to_string())), "{identity:?}");
        assert!(identity.contains(&("segment.ms", DAY_MS.to_string())), "{identity:?}");
        assert!(consent.contains(&("retention.ms", "9".to_owned())), "{consent:?}");
        let rest =
            |wanted: Wanted| wanted.topics().into_iter().filter(|plan| !plan.name.ends_with("-change"));
        assert!(rest(bounded.clone()).eq(rest(wanted())), "and nothing else is");
    }

    #[test]
    fn a_list_of_policies_fits_in_any_order() {
        assert!(is_same("delete,compact", "compact,delete") && is_same("compact, delete", "compact,delete"));
        assert!(!is_same("delete", "compact,delete") && !is_same("", "compact"));
    }
}
