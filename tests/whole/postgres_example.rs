//! The sink in `deploy/examples/postgres` beside a real Apache Kafka, the three consumers and a real PostgreSQL: its table is what the
//! compacted topic would be, whatever happens to people, and to the sink.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use kinfold_daemon::config::Config;
use kinfold_daemon::process::kafka_settings;
use kinfold_kafka::Settings;
use kinfold_kafka::client::produce;
use kinfold_testkit::broker::Broker;
use kinfold_testkit::workspace::workspace;
use kinfold_wire::SchemaIds;

use crate::deployed::{Consumers, until, variables};
use crate::examples::{Database, PATIENCE, asked, forty_people, or_skip, published, script, twenty_pairs};
use crate::programs::{Running, program};

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
            self.database.people() == published(settings, SchemaIds::default)
        });
    }
}

#[test]
fn the_table_is_as_the_topic_after_merges_and_after_the_sink_was_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    // PostgreSQL may run as somebody else, who has to get through to its own folder.
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).expect("it is ours");
    let found = asked(&mut script("python"))
        .and_then(|python| Ok((python, Database::start(folder.path().join("postgres"))?)));
    let Some((python, database)) = or_skip(found) else { return };
    let broker = Broker::start(&folder.path().join("broker"));
    let variables = variables(&broker, &[("KINFOLD_TOPICS__SOURCES", "crm")]);
    let config = Config::load(None, variables.clone().into_iter()).expect("the settings are right");
    let settings = kafka_settings(&config);
    let applied = program("kinfold").args(["topics", "apply"]).envs(&variables).output().expect("runs");
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    let consumers = Consumers::start(&variables, folder.path());
    let sink = Sink { python: &python, database: &database, broker: &broker };

    produce(&settings, forty_people()).expect("it arrives");
    until("forty people", PATIENCE, || published(&settings, SchemaIds::default).len() == 40);
    sink.follows(&settings);
    let found = database.rows(
        r#"SELECT record -> 'attributes' -> 'given_name' ->> 'value' FROM profile WHERE record -> 'identifiers' @> '[{"namespace": "email", "value": "p7@example.org"}]'"#,
    );
    assert_eq!(found, ["N7"]);

    // Pairs of people become one; a sink that runs all the time is killed while that is written.
    let running = Running(sink.command().spawn().expect("python runs"));
    produce(&settings, twenty_pairs()).expect("it arrives");
    until("something new in the table", PATIENCE, || database.people().len() < 40);
    drop(running);
    until("twenty people", PATIENCE, || published(&settings, SchemaIds::default).len() == 20);
    sink.follows(&settings);
    assert_eq!(database.people().len(), 20, "who is gone is deleted");

    // An output knows less of people, and not all of them: it may not come near these rows.
    let other = "kinfold.unified-profile.newsletter";
    let refused = sink.once(&["--topic", other]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains(other) && said.contains("--tables-in"), "{said}");
    let beside = sink.once(&["--tables-in", "newsletter", "--group", "beside"]);
    assert!(beside.status.success(), "{}", String::from_utf8_lossy(&beside.stderr));
    assert_eq!(database.rows("SELECT count(*) FROM newsletter.profile"), ["20"]);
    assert_eq!(database.people().len(), 20, "its rows are as they were");

    let refused = sink.once(&["--tombstone-days", "0"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("TRUNCATE profile, position"), "{said}");
    let blind = sink.once(&["--schemas", "/nowhere"]);
    let said = String::from_utf8_lossy(&blind.stderr).into_owned();
    assert!(!blind.status.success() && said.contains("/nowhere has no schemas"), "{said}");
    consumers.stop();
}
