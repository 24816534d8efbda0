//! The connector in `deploy/examples/connect` beside a real Apache Kafka, a real schema registry, the three consumers and a real
//! PostgreSQL, in a worker of Kafka Connect: its table is what the compacted topic would be, also when people merge and the worker is
//! killed meanwhile; who is erased is deleted, and the worker's log has nobody's address.

use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;

use kinfold_daemon::config::Config;
use kinfold_daemon::process::kafka_settings;
use kinfold_kafka::client::produce;
use kinfold_testkit::broker::Broker;
use kinfold_testkit::workspace::workspace;
use kinfold_wire::Topic;

use crate::command_line::get;
use crate::dead_on_kafka::Deployment;
use crate::deployed::{Consumers, until, variables};
use crate::examples::{
    Database, PATIENCE, asked, email, forty_people, or_skip, published, script, twenty_pairs,
};
use crate::on_kafka::free_address;
use crate::programs::Running;

/// A schema registry of this test; its address as `host:port`.
struct Registry {
    address: String,
    _running: Running,
}

impl Registry {
    fn start() -> Self {
        let address = free_address();
        let (_, port) = address.rsplit_once(':').expect("host and port");
        let child = script("registry")
            .arg(port)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("Java runs");
        let running = Running(child);
        until("the registry to answer", PATIENCE, || {
            get(&address, "/apis/ccompat/v7/subjects")
                .is_some_and(|answer| answer.starts_with("HTTP/1.1 200"))
        });
        Self { address, _running: running }
    }

    /// As `[registry] url` has it.
    fn url(&self) -> String {
        format!("http://{}/apis/ccompat/v7", self.address)
    }
}

/// What a worker is started with.
struct Worker<'w> {
    broker: &'w Broker,
    registry: &'w Registry,
    database: &'w Database,
    log: PathBuf,
}

impl Worker<'_> {
    fn start(&self) -> Running {
        let log = File::options().create(true).append(true).open(&self.log).expect("a file");
        let (user, database) = self.database.address.split_once('@').expect("user and place");
        let mut command = script("worker");
        // Who was killed is missed soon.
        command.args(["listeners=http://127.0.0.1:0", "consumer.session.timeout.ms=6000"]);
        command
            .env("KAFKA_BOOTSTRAP", &self.broker.address)
            .env("REGISTRY_URL", format!("http://{}", self.registry.address))
            .env("DATABASE", database)
            .env("DATABASE_USER", user.trim_start_matches("postgresql://"))
            .env("DATABASE_PASSWORD", "");
        command.stdout(Stdio::null()).stderr(Stdio::from(log));
        Running(command.spawn().expect("Java runs"))
    }
}

#[test]
fn a_sink_connector_keeps_the_table_as_the_topic_after_merges_an_erasure_and_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    // PostgreSQL may run as somebody else, who has to get through to its own folder.
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).expect("it is ours");
    let found = asked(&mut script("connect")).and_then(|_| Database::start(folder.path().join("postgres")));
    let Some(database) = or_skip(found) else { return };
    let tables = workspace().join("deploy/examples/connect/tables.sql");
    database.rows(&std::fs::read_to_string(tables).expect("it is there"));
    let registry = Registry::start();
    let broker = Broker::start(&folder.path().join("broker"));
    let url = registry.url();
    let variables =
        variables(&broker, &[("KINFOLD_TOPICS__SOURCES", "crm"), ("KINFOLD_REGISTRY__URL", &url)]);
    let config = Config::load(None, variables.clone().into_iter()).expect("the settings are right");
    let mut deployment = Deployment { variables, settings: kafka_settings(&config) };
    let key = folder.path().join("desk.key").display().to_string();
    let printed = deployment.said(&["privacy", "keygen", &key]);
    let public = printed.split('"').nth(1).expect("a public key").to_owned();
    deployment.variables.insert("KINFOLD_PRIVACY__VERIFIERS__DESK__PUBLIC_KEY".to_owned(), public);
    deployment.said(&["topics", "apply"]);
    let consumers = Consumers::start(&deployment.variables, folder.path());
    let settings = &deployment.settings;
    let on_topic = || {
        let ids = || config.registry.schema_ids(&settings.prefix, Topic::UnifiedProfile).expect("it answers");
        published(settings, ids)
    };
    let log = folder.path().join("worker.log");
    let worker = Worker { broker: &broker, registry: &registry, database: &database, log: log.clone() };

    let running = worker.start();
    produce(settings, forty_people()).expect("they arrive");
    until("forty people", PATIENCE, || on_topic().len() == 40);
    until("the table to be as the topic", PATIENCE, || database.people() == on_topic());
    let found = database.rows(
        r#"SELECT given_name FROM profile WHERE restricted IS NULL AND record -> 'identifiers' @> '[{"namespace": "email", "value": "p7@example.org"}]'"#,
    );
    assert_eq!(found, ["N7"]);

    produce(settings, twenty_pairs()).expect("they arrive");
    until("something new in the table", PATIENCE, || database.people().len() < 40);
    drop(running);
    until("twenty people", PATIENCE, || on_topic().len() == 20);
    let running = worker.start();
    until("the table to be as the topic again", PATIENCE, || database.people() == on_topic());
    assert_eq!(database.people().len(), 20, "who is gone is deleted");

    let hers = format!("email:{}", email(0));
    let erase = ["privacy", "erase", hers.as_str(), "--request-id", "r-1", "--wait", "180"];
    let signed = ["--verifier", "desk", "--key", key.as_str()];
    deployment.said(&[&erase[..], &signed[..]].concat());
    until("nineteen people", PATIENCE, || on_topic().len() == 19);
    until("nineteen rows", PATIENCE, || database.people() == on_topic());
    let found = database.rows("SELECT count(*) FROM profile WHERE record::text LIKE '%p0@example.org%'");
    assert_eq!(found, ["0"], "she is in nobody's record");
    drop(running);
    let said = std::fs::read_to_string(log).expect("it was written");
    assert!(!said.contains("@example.org"), "the worker's log has an address");
    consumers.stop();
}
