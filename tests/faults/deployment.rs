//! A deployment of Kinfold of its own on the ground's broker: a prefix, its topics, its consumers, and what a local
//! run makes of the same touchpoints.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use kinfold_cli::on_kafka::{People, local};
use kinfold_cli::run::Setup;
use kinfold_daemon::config::Config;
use kinfold_daemon::process::kafka_settings;
use kinfold_kafka::Settings;
use kinfold_kafka::reader::ends;
use kinfold_kafka::topics::{Wanted, apply};
use kinfold_pipeline::StageName;

use crate::case::{Failure, Outcome};
use crate::consumer::{Consumer, Program, binary, free_address};
use crate::ground::Ground;
use crate::load::Load;
use crate::patience::until;

/// After so long without a heartbeat the group takes a member for dead: little more than the 6 s that a broker asks for,
/// and enough for a machine that is busy.
pub(crate) const SESSION: Duration = Duration::from_secs(10);
/// After so long the broker ends a transaction that nobody ends; no record may wait for longer to be written.
pub(crate) const TRANSACTION: Duration = Duration::from_secs(9);
/// A broker that is busy needs some seconds until it leads all partitions of new topics.
const TOPICS: Duration = Duration::from_secs(180);
/// Of every topic.
pub(crate) const PARTITIONS: i32 = 4;

pub(crate) struct Deployment<'g> {
    pub(crate) ground: &'g Ground,
    /// For this program, which goes to the broker and not to the proxy.
    pub(crate) settings: Settings,
    folder: PathBuf,
    environment: BTreeMap<String, String>,
    config: Config,
}

impl<'g> Deployment<'g> {
    /// Creates the topics. The name is that of the case, and no other deployment's on this ground.
    pub(crate) fn new(ground: &'g Ground, name: &str) -> Outcome<Self> {
        Self::with(ground, name, &[])
    }

    /// The same with settings, `KINFOLD_…` and value.
    pub(crate) fn with(ground: &'g Ground, name: &str, more: &[(&str, &str)]) -> Outcome<Self> {
        let environment = environment(ground, name, more);
        let config = Config::load(None, environment.clone().into_iter())?;
        let settings = kafka_settings(&config);
        let folder = ground.folder(name);
        std::fs::create_dir_all(&folder)?;
        let deployment = Self { ground, settings, folder, environment, config };
        deployment.create_topics()?;
        Ok(deployment)
    }

    /// Waits until every partition of every topic can be read.
    fn await_topics(&self) -> Outcome<()> {
        let mut missing = self.topics();
        until(TOPICS, "the broker to lead all partitions", || {
            missing.retain(|topic| !ends(&self.settings, topic).is_ok_and(|ends| !ends.is_empty()));
            Ok(missing.is_empty().then_some(()))
        })
    }

    /// Creates the topics that are missing.
    pub(crate) fn create_topics(&self) -> Outcome<()> {
        let topics = &self.config.topics;
        let wanted = Wanted {
            sources: topics.sources.clone(),
            outputs: self.settings.outputs.clone(),
            partitions: topics.partitions,
            replication: u32::from(topics.replication),
            retention_ms: topics.raw_retention_ms,
            refused_retention_ms: topics.refused_retention_ms,
            identity_change_retention_ms: topics.identity_change_retention_ms,
            consent_change_retention_ms: topics.consent_change_retention_ms,
        };
        apply(&self.settings, &wanted)?;
        self.await_topics()
    }

    /// Starts an instance of a consumer that goes to the broker through the proxy.
    pub(crate) fn start(&self, program: Program, instance: &str) -> Outcome<Consumer> {
        self.start_with(program, instance, &[])
    }

    /// The same with settings of its own.
    pub(crate) fn start_with(
        &self,
        program: Program,
        instance: &str,
        more: &[(&str, &str)],
    ) -> Outcome<Consumer> {
        self.start_in(Command::new(binary(program.as_str())?), program, instance, more)
    }

    /// The same by a command that leads to the program: one that limits it, for example.
    pub(crate) fn start_in(
        &self,
        mut command: Command,
        program: Program,
        instance: &str,
        more: &[(&str, &str)],
    ) -> Outcome<Consumer> {
        let address = free_address()?;
        command
            .env_remove("KINFOLD_CONFIG")
            .envs(&self.environment)
            .env("KINFOLD_KAFKA__BOOTSTRAP", self.ground.proxy.address.to_string())
            .env("KINFOLD_DEPLOYMENT__INSTANCE", instance)
            .env("KINFOLD_STATE__DIR", self.state(instance))
            .env("KINFOLD_HTTP__LISTEN", &address)
            .envs(more.iter().copied());
        let log = self.folder.join(format!("{}-{instance}.log", program.as_str()));
        Consumer::start(command, address, log)
    }

    /// Runs `kinfold` on the state of an instance that is down.
    pub(crate) fn command(&self, instance: &str, more: &[(&str, &str)], words: &[&str]) -> Outcome<Output> {
        let mut command = Command::new(binary("kinfold")?);
        command
            .env_remove("KINFOLD_CONFIG")
            .envs(&self.environment)
            .env("KINFOLD_DEPLOYMENT__INSTANCE", instance)
            .env("KINFOLD_STATE__DIR", self.state(instance))
            .envs(more.iter().copied())
            .args(words);
        Ok(command.output()?)
    }

    /// A file or folder of this deployment.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The state folder of an instance.
    pub(crate) fn state(&self, instance: &str) -> PathBuf {
        self.folder.join(format!("state-{instance}"))
    }

    /// How the ids of all transactions of a stage begin.
    pub(crate) fn transactions(&self, stage: StageName) -> String {
        self.transactions_of(stage, "")
    }

    /// How the ids of all transactions of an instance of a stage begin.
    pub(crate) fn transactions_of(&self, stage: StageName, instance: &str) -> String {
        format!("{}{stage}-{instance}", self.settings.prefix)
    }

    /// Every topic, without the prefix.
    pub(crate) fn topics(&self) -> Vec<String> {
        let raw = self.config.topics.sources.iter().map(|source| kinfold_wire::raw_topic(source));
        let own = kinfold_wire::Topic::ALL.into_iter().map(|topic| topic.as_str().to_owned());
        let stateful = StageName::ALL.into_iter().filter(|stage| stage.is_stateful());
        raw.chain(own).chain(stateful.map(Settings::changelog)).collect()
    }

    /// The people that a local run makes of a load.
    pub(crate) fn expected(&self, load: &Load) -> Outcome<People> {
        let folder = tempfile::tempdir_in(&self.folder)?;
        let setup =
            Setup::new(self.config.clone(), None).map_err(|failure| Failure::Wrong(failure.to_string()))?;
        let people = setup.begin(folder.path()).and_then(|mut run| {
            for (offset, generated) in (0..).zip(&load.records) {
                run.feed(&generated.source.into(), offset, generated.record.clone())?;
            }
            run.publish()?;
            local(&run)
        });
        people.map_err(|failure| Failure::Wrong(failure.to_string()))
    }

    /// What every consumer wrote so far, also those that have ended, by the name of its log.
    pub(crate) fn logs(&self) -> Outcome<BTreeMap<String, String>> {
        let mut logs = BTreeMap::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|end| end == "log") {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                logs.insert(name, String::from_utf8_lossy(&std::fs::read(&path)?).into_owned());
            }
        }
        Ok(logs)
    }

    /// Adds to a failure what the consumers warned of, the last of it.
    pub(crate) fn explained<T>(&self, result: Outcome<T>) -> Outcome<T> {
        result.map_err(|failure| match failure {
            Failure::Wrong(why) => Failure::Wrong(format!("{why}\n{}", self.complaints())),
            not_staged => not_staged,
        })
    }

    fn complaints(&self) -> String {
        const LINES: usize = 8;
        let mut said = String::new();
        for (name, text) in self.logs().unwrap_or_default() {
            let odd: Vec<&str> = text
                .lines()
                .filter(|line| ["ERROR", "WARN", "panicked"].iter().any(|word| line.contains(word)))
                .collect();
            for line in odd.iter().skip(odd.len().saturating_sub(LINES)) {
                said.push_str(&format!("  {name}: {line}\n"));
            }
        }
        said
    }
}

/// The settings of a deployment, the later of two with one name.
fn environment(ground: &Ground, name: &str, more: &[(&str, &str)]) -> BTreeMap<String, String> {
    let (address, prefix, session) = (ground.address(), format!("{name}."), SESSION.as_millis().to_string());
    let (transaction, partitions) = (TRANSACTION.as_millis().to_string(), PARTITIONS.to_string());
    let own = [
        ("KINFOLD_SECRET", "a secret that only tests use"),
        ("KINFOLD_KAFKA__BOOTSTRAP", &address),
        ("KINFOLD_DEPLOYMENT__PREFIX", &prefix),
        ("KINFOLD_KAFKA__SESSION_TIMEOUT_MS", &session),
        ("KINFOLD_KAFKA__TRANSACTION_TIMEOUT_MS", &transaction),
        ("KINFOLD_TOPICS__PARTITIONS", &partitions),
        // A small cache, so that stores are read from their files.
        ("KINFOLD_STATE__CACHE_BYTES", "33554432"),
    ];
    own.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
