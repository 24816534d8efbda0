//! Properties for librdkafka. In: the table `[kafka.properties]`. Out: names and texts that are passed on as they
//! are, without those on which Kinfold's guarantees rest: these are refused with the reason, under each of their names.
//! What Kinfold only prefers gives way to them. Passwords print as `***`.

use std::collections::BTreeMap;
use std::fmt;

use super::reader::Section;

/// Properties by librdkafka's name.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Properties(BTreeMap<String, String>);

impl Properties {
    /// Name and value of each, in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// As [`Properties::iter`], with `***` for what may be secret.
    pub fn masked(&self) -> impl Iterator<Item = (&str, &str)> {
        self.iter().map(|(name, value)| (name, if is_secret(name) { "***" } else { value }))
    }

    /// Reads the section and notes what Kinfold does not let go of.
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let mut found = BTreeMap::new();
        read_into(&mut section, "", &mut found);
        section.finish();
        Self(found)
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.masked()).finish()
    }
}

/// `security.protocol` without quotes is two tables to TOML; both ways of writing it are taken.
fn read_into(section: &mut Section<'_>, prefix: &str, found: &mut BTreeMap<String, String>) {
    for key in section.given() {
        let name = format!("{prefix}{key}");
        if section.is_table(&key) {
            let mut inner = section.section(&key);
            read_into(&mut inner, &format!("{name}."), found);
            continue;
        }
        let value = section.text(&key, "", |_| Ok(()));
        match OWNED.iter().find(|(owned, _)| *owned == name) {
            Some((_, reason)) => section.fault(&key, format!("cannot be set: {reason}"), "leave it out"),
            None => {
                found.insert(name, value);
            }
        }
    }
}

fn is_secret(name: &str) -> bool {
    // A password is one under a misspelt name too.
    ["pass", "secret", "pem", "token", "oauthbearer.config", "jaas"].iter().any(|word| name.contains(word))
}

const OFFSETS: &str = "offsets are committed with the transaction that holds the results, and nowhere else";
const EXACTLY_ONCE: &str = "a result counts once only because the producer is idempotent and transactional";
const OWN_SETTING: &str = "it follows from a setting of its own under [kafka]";
const NAMES: &str =
    "it is made from deployment.prefix and deployment.instance, so that a successor fences its predecessor";
const LARGE: &str = "records of ours may be large, and one that cannot be written would be tried for ever";
const LOG: &str =
    "how much is logged is told by log.level, and the producer must hear of every broken connection";
const PLACES: &str = "the places of records that were written are told by their delivery reports";
const LAG: &str = "the lag, and what hangs, are measured by statistics each second";
const FENCED: &str = "the producer must hear of every broken connection, to fence what is left on it";
const ASSIGNMENT: &str = "each stage needs a particular way of sharing out partitions";

/// The properties that Kinfold sets itself, and why.
const OWNED: [(&str, &str); 36] = [
    ("acks", EXACTLY_ONCE),
    ("auto.commit.enable", OFFSETS),
    ("auto.commit.interval.ms", OFFSETS),
    ("auto.offset.reset", "a silent reset of the offset is a silent loss of records"),
    ("bootstrap.servers", OWN_SETTING),
    ("check.crcs", "a record that was damaged on its way must be noticed"),
    ("client.id", NAMES),
    ("delivery.report.only.error", PLACES),
    ("enable.auto.commit", OFFSETS),
    ("enable.auto.offset.store", OFFSETS),
    ("enable.gapless.guarantee", EXACTLY_ONCE),
    ("enable.idempotence", EXACTLY_ONCE),
    ("enable.partition.eof", "the end of a partition is found by its last stable offset"),
    ("enabled_events", PLACES),
    ("group.id", NAMES),
    ("group.instance.id", NAMES),
    ("group.protocol", ASSIGNMENT),
    ("group.remote.assignor", ASSIGNMENT),
    ("isolation.level", "results of a transaction that was aborted must not be read"),
    ("log.connection.close", FENCED),
    ("log.queue", FENCED),
    ("log_level", LOG),
    ("max.in.flight", EXACTLY_ONCE),
    ("max.in.flight.requests.per.connection", EXACTLY_ONCE),
    ("message.max.bytes", LARGE),
    ("metadata.broker.list", OWN_SETTING),
    ("offset.store.method", OFFSETS),
    ("partition.assignment.strategy", ASSIGNMENT),
    ("partitioner", "records of one key must lie in the partition whose worker holds its state"),
    ("queued.max.messages.kbytes", OWN_SETTING),
    ("request.required.acks", EXACTLY_ONCE),
    ("session.timeout.ms", OWN_SETTING),
    ("socket.max.fails", FENCED),
    ("statistics.interval.ms", LAG),
    ("transaction.timeout.ms", OWN_SETTING),
    ("transactional.id", NAMES),
];
