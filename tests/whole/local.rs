//! The local driver: the same touchpoints in any order, in one call or in several, give the same bytes.

use std::path::Path;
use std::sync::Arc;

use fastrand::Rng;
use kinfold_cli::generate::Plan;
use kinfold_cli::output;
use kinfold_cli::run::{Run, Setup};
use kinfold_daemon::config::Config;
use kinfold_model::Timestamp;

/// A configuration with a secret of its own, so that ids are the same in every run.
pub(crate) fn config() -> Config {
    config_with(&[])
}

fn config_with(settings: &[(&str, &str)]) -> Config {
    let settings = [("KINFOLD_SECRET", "a secret that only tests use")].iter().chain(settings);
    let settings = settings.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::load(None, settings).expect("the settings are right")
}

/// The sample of a plan, as lines.
pub(crate) fn sample(people: usize, touchpoints: usize) -> Plan {
    let start = Timestamp::from_millis(1_767_225_600_000).expect("in range");
    Plan { seed: 11, people, touchpoints, start, days: 90 }
}

fn feed(run: &mut Run<'_>, records: &[Vec<u8>]) {
    let source: Arc<str> = Arc::from("sample");
    for (offset, record) in (0..).zip(records) {
        run.feed(&source, offset, record.clone()).expect("a record is handled or refused");
    }
    run.publish().expect("people are published");
}

/// Resolves the records, each part in a call of its own on the same state, and writes the files of the last call.
fn resolve(parts: &[&[Vec<u8>]], out: &Path) {
    resolve_under(parts.iter().map(|part| (config(), *part)), out);
}

/// The same, each call under a configuration of its own.
fn resolve_under<'r>(parts: impl IntoIterator<Item = (Config, &'r [Vec<u8>])>, out: &Path) {
    let folder = tempfile::tempdir().expect("a folder");
    for (config, part) in parts {
        let setup = Setup::new(config, None).expect("has a secret");
        let mut run = setup.begin(folder.path()).expect("the store opens");
        feed(&mut run, part);
        output::write(&run, Some(out)).expect("files are written");
    }
}

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).expect("it was written")
}

#[test]
fn any_order_of_the_same_touchpoints_gives_the_same_bytes() {
    let (first, second) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let mut records: Vec<Vec<u8>> = sample(150, 4000).generate().map(|generated| generated.record).collect();
    resolve(&[&records], first.path());
    Rng::with_seed(5).shuffle(&mut records);
    resolve(&[&records], second.path());
    for name in ["assignments.jsonl", "profiles.jsonl", "consents.jsonl"] {
        assert!(!read(first.path(), name).is_empty(), "{name}");
        assert!(read(first.path(), name) == read(second.path(), name), "{name} differs");
    }
}

#[test]
fn a_second_call_goes_on_where_the_first_one_ended() {
    let (whole, parts) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let records: Vec<Vec<u8>> = sample(100, 2000).generate().map(|generated| generated.record).collect();
    resolve(&[&records], whole.path());
    // The middle is read by both calls: what is known already counts once.
    resolve(&[&records[..1200], &records[800..]], parts.path());
    assert!(read(whole.path(), "assignments.jsonl") == read(parts.path(), "assignments.jsonl"));
    assert_eq!(profiles(whole.path()), profiles(parts.path()));
}

#[test]
fn a_call_under_other_purposes_ends_as_if_they_had_been_those_of_the_first_one() {
    let (whole, parts) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let records: Vec<Vec<u8>> = sample(100, 2000).generate().map(|generated| generated.record).collect();
    let one_day = || config_with(&[("KINFOLD_PURPOSES__MARKETING__VALID_FOR_MS", "86400000")]);
    resolve_under([(one_day(), records.as_slice())], whole.path());
    // What the second call reads is known, and says nothing new of anybody.
    resolve_under([(config(), records.as_slice()), (one_day(), &records[..1])], parts.path());
    assert!(read(parts.path(), "profiles.jsonl").contains("expired"));
    assert_eq!(profiles(whole.path()), profiles(parts.path()));
}

/// The people of a folder, without their versions, which count steps, and what changed with the last of these.
fn profiles(folder: &Path) -> Vec<serde_json::Value> {
    let parse = |line: &str| {
        let mut profile: serde_json::Value = serde_json::from_str(line).expect("a line is JSON");
        (profile["version"], profile["changed"]) = (0.into(), serde_json::json!([]));
        profile
    };
    read(folder, "profiles.jsonl").lines().map(parse).collect()
}

#[test]
fn what_the_generator_calls_sound_is_accepted_and_nothing_else() {
    let setup = Setup::new(config(), None).expect("has a secret");
    let folder = tempfile::tempdir().expect("a folder");
    let mut run = setup.begin(folder.path()).expect("the store opens");
    let sample: Vec<_> = sample(200, 5000).generate().collect();
    let records: Vec<Vec<u8>> = sample.iter().map(|generated| generated.record.clone()).collect();
    feed(&mut run, &records);
    let unsound = sample.iter().filter(|generated| !generated.sound).count() as u64;
    assert_eq!(run.counts(), (5000, unsound));
    assert!(unsound > 0);
}
