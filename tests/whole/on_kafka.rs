//! The three consumers on a real Apache Kafka, two instances of each, and the second joins while the first is at
//! work: the people they publish are those of the local driver, also after a steward's command, and every record is
//! accounted for.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use kinfold_cli::on_kafka::compare;
use kinfold_cli::run::{Run, Setup};
use kinfold_daemon::config::Config;
use kinfold_model::command::CommandIdentifier;
use kinfold_model::profile::ProfileIdentifier;
use kinfold_model::{Command, CommandKind, Identifier, Keys, Rules, Secret, Timestamp, UnifiedProfile};
use kinfold_pipeline::Shelf;
use kinfold_testkit::broker::Broker;
use kinfold_wire::{SchemaIds, Topic, decode};

use crate::command_line::get;
use crate::local::sample;
use crate::programs::{Running, program};

const CONSUMERS: [&str; 3] = ["kinfold-capture", "kinfold-stitch", "kinfold-profile"];

/// One instance of every consumer: three processes, each with the address at which it answers.
struct Instance(Vec<(&'static str, String, Running)>);

impl Instance {
    fn start(settings: &BTreeMap<String, String>, name: &str, folder: &Path) -> Self {
        let consumer = |consumer: &'static str| {
            let address = free_address();
            let log = std::fs::File::create(folder.join(format!("{consumer}-{name}.log"))).expect("a file");
            let child = program(consumer)
                .envs(settings)
                .env("KINFOLD_DEPLOYMENT__INSTANCE", name)
                .env("KINFOLD_STATE__DIR", folder.join(name))
                .env("KINFOLD_HTTP__LISTEN", &address)
                .stderr(Stdio::from(log))
                .spawn()
                .expect("a consumer starts");
            (consumer, address, Running(child))
        };
        Self(CONSUMERS.map(consumer).into())
    }

    /// Sums of the counters of one stage: consumed, passed, refused.
    fn counted(&self, stage: &str) -> (u64, u64, u64) {
        let answers = self.0.iter().filter_map(|(_, address, _)| get(address, "/metrics"));
        let metrics: String = answers.collect();
        let sum = |name: &str| {
            let begin = format!("{name}{{");
            let lines = metrics.lines().filter(|line| line.starts_with(&begin) && line.contains(stage));
            lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
        };
        (
            sum("kinfold_records_consumed_total"),
            sum("kinfold_records_passed_total"),
            sum("kinfold_records_refused_total"),
        )
    }

    fn stop(self) {
        for (consumer, _, running) in self.0 {
            assert_eq!(running.stop(), Some(0), "{consumer}");
        }
    }
}

pub(crate) fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("has an address").to_string()
}

#[test]
fn two_instances_of_each_consumer_publish_the_people_of_the_local_driver() {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = Broker::start(&folder.path().join("broker"));
    let settings: BTreeMap<String, String> = [
        ("KINFOLD_SECRET", "a secret that only tests use"),
        ("KINFOLD_KAFKA__BOOTSTRAP", &broker.address),
        ("KINFOLD_KAFKA__SESSION_TIMEOUT_MS", "10000"),
        ("KINFOLD_KAFKA__TRANSACTION_TIMEOUT_MS", "8000"),
        ("KINFOLD_TOPICS__PARTITIONS", "4"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let applied = program("kinfold").args(["topics", "apply"]).envs(&settings).output().expect("runs");
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    let checked = program("kinfold").args(["topics", "check"]).envs(&settings).output().expect("runs");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));

    let plan = sample(800, 20_000);
    let config = Config::load(None, settings.clone().into_iter()).expect("the settings are right");
    let setup = Setup::new(config.clone(), None).expect("has a secret");
    let mut run = setup.begin(&folder.path().join("local")).expect("the store opens");
    for (offset, generated) in (0..).zip(plan.generate()) {
        run.feed(&generated.source.into(), offset, generated.record).expect("a record is handled or refused");
    }
    run.publish().expect("people are published");

    let first = Instance::start(&settings, "first", folder.path());
    let (people, second) = thread::scope(|scope| {
        let joins = scope.spawn(|| {
            thread::sleep(Duration::from_secs(4));
            Instance::start(&settings, "second", folder.path())
        });
        let people = compare(plan, &run, &config);
        (people, joins.join().expect("the second instance starts"))
    });
    match people {
        Ok(people) => assert!(people > 500, "{people}"),
        Err(failure) => panic!("{failure}\n{}", complaints(folder.path())),
    }
    part_two_identifiers(&mut run, &settings);
    if let Err(failure) = compare(sample(1, 0), &run, &config) {
        panic!("after a steward's command: {failure}\n{}", complaints(folder.path()));
    }
    let ((consumed, passed, refused), (more, also, too)) =
        (first.counted("capture"), second.counted("capture"));
    assert_eq!(consumed + more, 20_000);
    assert_eq!((passed + also, refused + too), (20_000 - run.counts().1, run.counts().1));
    second.stop();
    first.stop();
}

/// A steward keeps two identifiers of one person apart, on the topic and in the local run.
fn part_two_identifiers(run: &mut Run<'_>, settings: &BTreeMap<String, String>) {
    let mut pair: Option<[ProfileIdentifier; 2]> = None;
    let see = &mut |_: &[u8], value: &[u8]| {
        let profile: UnifiedProfile =
            decode(Topic::UnifiedProfile, &SchemaIds::default(), value).expect("we wrote it");
        let of = |name: &str| profile.identifiers.iter().find(|one| one.namespace.as_str() == name).cloned();
        if let (None, Some(customer), Some(email)) = (&pair, of("customer_id"), of("email")) {
            pair = Some([customer, email]);
        }
    };
    run.local.visit(Shelf::Topic(Topic::UnifiedProfile), see).expect("the store is read");
    let pair = pair.expect("somebody has both");
    let [customer, email] = pair.each_ref().map(|one| format!("{}:{}", one.namespace, one.value));
    let said = program("kinfold")
        .args(["steward", "unlink", &customer, &email, "--author", "a steward", "--reason", "a test"])
        .envs(settings)
        .output()
        .expect("runs");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let keys = Keys::new(&Secret::new(settings["KINFOLD_SECRET"].as_bytes()).expect("is long enough"));
    let mut identifiers = pair.map(|one| CommandIdentifier {
        node: keys.identifier(&Identifier::new(one.namespace.as_str(), &one.value), &Rules::default()),
        namespace: one.namespace,
    });
    identifiers.sort();
    let command = Command {
        command_id: "unlink".to_owned(),
        kind: CommandKind::Unlink,
        author: "a steward".to_owned(),
        reason: "a test".to_owned(),
        time: Timestamp::MAX,
        withdrawn: false,
        identifiers: identifiers.into(),
        source: None,
        touchpoint_id: None,
    };
    run.command(&command).expect("the command is carried out");
    run.publish().expect("people are published");
    assert!(run.changes_by_kind().expect("changes are read").contains_key("split"), "it makes a difference");
}

/// What the consumers warned of, for a test that failed.
fn complaints(folder: &Path) -> String {
    let logs = std::fs::read_dir(folder).expect("a folder").filter_map(Result::ok);
    let texts = logs.filter_map(|entry| std::fs::read_to_string(entry.path()).ok());
    let odd = |line: &&str| line.contains("ERROR") || line.contains("WARN");
    texts
        .flat_map(|text| text.lines().filter(odd).map(str::to_owned).collect::<Vec<_>>())
        .collect::<Vec<_>>()
        .join("\n")
}
