//! The sink in `deploy/examples/postgres` beside a real Apache Kafka, the three consumers and a real PostgreSQL: its table is what the
//! compacted topic would be, whatever happens to people, and to the sink.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use kinfold_cli::run::now;
use kinfold_daemon::config::Config;
use kinfold_daemon::process::kafka_settings;
use kinfold_kafka::Settings;
use kinfold_kafka::client::produce;
use kinfold_kafka::reader::{Isolation, read};
use kinfold_testkit::broker::Broker;
use kinfold_testkit::workspace::workspace;
use kinfold_wire::{SchemaIds, Topic, decode};

use crate::deployed::{Consumers, until, variables};
use crate::programs::{Running, program};

const PATIENCE: Duration = Duration::from_secs(120);

/// A PostgreSQL of this test, stopped with it.
struct Database {
    folder: PathBuf,
    address: String,
}

impl Database {
    fn start(folder: PathBuf) -> Result<Self, String> {
        let address = asked(script("start").arg(&folder))?;
        Ok(Self { folder, address })
    }

    /// Each row as text, its columns parted by a bar.
    fn rows(&self, query: &str) -> Vec<String> {
        let psql = ["--no-psqlrc", "--tuples-only", "--no-align", "--command", query, &self.address];
        let rows = asked(Command::new("psql").args(psql)).expect("it answers");
        rows.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }

    /// Person → version.
    fn people(&self) -> BTreeMap<String, i64> {
        let rows = self.rows("SELECT person_id, version FROM profile");
        let row = |row: &String| {
            let (person, version) = row.split_once('|').expect("two columns");
            (person.to_owned(), version.parse().expect("a number"))
        };
        rows.iter().map(row).collect()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        drop(script("stop").arg(&self.folder).output());
    }
}

fn script(verb: &str) -> Command {
    let mut command = Command::new(workspace().join("deploy/dev/examples.sh"));
    command.arg(verb);
    command
}

/// What a command prints.
fn asked(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() { Ok(said) } else { Err(said + &String::from_utf8_lossy(&output.stderr)) }
}

/// `None` where the machine has neither PostgreSQL nor a Python that can get what the sink imports.
#[expect(clippy::print_stderr, reason = "a skipped test must say so, and a test has no other voice")]
fn machine(folder: &Path) -> Option<(String, Database)> {
    let found = asked(&mut script("python"))
        .and_then(|python| Ok((python, Database::start(folder.join("postgres"))?)));
    match found {
        Ok(found) => Some(found),
        Err(sentence) => {
            assert!(std::env::var_os("CI").is_none(), "{sentence}");
            eprintln!("skipped: {sentence}");
            None
        }
    }
}

struct Sink<'s> {
    python: &'s str,
    database: &'s Database,
    broker: &'s Broker,
}

impl Sink<'_> {
    fn command(&self) -> Command {
        let examples = workspace().join("deploy/examples/postgres/sink.py");
        let mut command = Command::new(self.python);
        command.arg(examples).args([
            "--bootstrap",
            &self.broker.address,
            "--database",
            &self.database.address,
        ]);
        command.arg("--schemas").arg(workspace().join("schemas/published/unified-profile"));
        // Who was killed is missed soon.
        command.args(["--kafka", "session.timeout.ms=6000"]);
        command
    }

    /// Reads to the end of the topic.
    fn once(&self, more: &[&str]) -> Output {
        self.command().arg("--once").args(more).output().expect("python runs")
    }

    /// Reads to the end until the table is as the topic.
    fn follows(&self, settings: &Settings) {
        until("the table to be as the topic", PATIENCE, || {
            let output = self.once(&[]);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            self.database.people() == published(settings)
        });
    }
}

/// Who is on the topic: person → version.
fn published(settings: &Settings) -> BTreeMap<String, i64> {
    let records = read(settings, Topic::UnifiedProfile.as_str(), Isolation::Committed).expect("is read");
    let mut people = BTreeMap::new();
    for record in records {
        let person = String::from_utf8(record.key.expect("a person")).expect("text");
        match record.value {
            None => _ = people.remove(&person),
            Some(value) => {
                let profile = decode::<kinfold_model::UnifiedProfile>(
                    Topic::UnifiedProfile,
                    &SchemaIds::default(),
                    &value,
                );
                people.insert(person, profile.expect("we wrote it").version);
            }
        }
    }
    people
}

fn touchpoint(id: u32, identifiers: &[(&str, &str)]) -> (String, Vec<u8>) {
    let identifiers: Vec<String> = identifiers
        .iter()
        .map(|(namespace, value)| format!(r#"{{"namespace":"{namespace}","value":"{value}"}}"#))
        .collect();
    let record = format!(
        r#"{{"touchpoint_id":"{id}","time":{},"source":"crm","identifiers":[{}],"attributes":{{"given_name":"N{id}"}}}}"#,
        now().millis(),
        identifiers.join(",")
    );
    ("raw.crm".to_owned(), record.into_bytes())
}

#[test]
fn the_table_is_as_the_topic_after_merges_and_after_the_sink_was_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    // PostgreSQL may run as somebody else, who has to get through to its own folder.
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).expect("it is ours");
    let Some((python, database)) = machine(folder.path()) else { return };
    let broker = Broker::start(&folder.path().join("broker"));
    let variables = variables(&broker, &[("KINFOLD_TOPICS__SOURCES", "crm")]);
    let config = Config::load(None, variables.clone().into_iter()).expect("the settings are right");
    let settings = kafka_settings(&config);
    let applied = program("kinfold").args(["topics", "apply"]).envs(&variables).output().expect("runs");
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    let consumers = Consumers::start(&variables, folder.path());
    let sink = Sink { python: &python, database: &database, broker: &broker };

    let email = |n: u32| format!("p{n}@example.org");
    let said =
        (0..40).map(|n| touchpoint(n, &[("email", &email(n)), ("phone", &format!("+4930901820{n:02}"))]));
    produce(&settings, said).expect("it arrives");
    until("forty people", PATIENCE, || published(&settings).len() == 40);
    sink.follows(&settings);
    let found = database.rows(
        r#"SELECT record -> 'attributes' -> 'given_name' ->> 'value' FROM profile WHERE record -> 'identifiers' @> '[{"namespace": "email", "value": "p7@example.org"}]'"#,
    );
    assert_eq!(found, ["N7"]);

    // Pairs of people become one; a sink that runs all the time is killed while that is written.
    let running = Running(sink.command().spawn().expect("python runs"));
    let said =
        (0..20).map(|n| touchpoint(100 + n, &[("email", &email(2 * n)), ("email", &email(2 * n + 1))]));
    produce(&settings, said).expect("it arrives");
    until("something new in the table", PATIENCE, || database.people().len() < 40);
    drop(running);
    until("twenty people", PATIENCE, || published(&settings).len() == 20);
    sink.follows(&settings);
    assert_eq!(database.people().len(), 20, "who is gone is deleted");

    let refused = sink.once(&["--tombstone-days", "0"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("TRUNCATE profile, position"), "{said}");
    let blind = sink.once(&["--schemas", "/nowhere"]);
    let said = String::from_utf8_lossy(&blind.stderr).into_owned();
    assert!(!blind.status.success() && said.contains("/nowhere has no schemas"), "{said}");
    consumers.stop();
}
