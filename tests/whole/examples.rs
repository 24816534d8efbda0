//! What the tests of `deploy/examples` share: a real PostgreSQL, who is published on the topic, and what a source says. A machine that
//! lacks what an example needs skips its test; one that runs as CI may not.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use kinfold_cli::run::now;
use kinfold_kafka::Settings;
use kinfold_kafka::reader::{Isolation, read};
use kinfold_testkit::workspace::workspace;
use kinfold_wire::{SchemaIds, Topic, decode};

pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A PostgreSQL of this test, stopped with it.
pub(crate) struct Database {
    folder: PathBuf,
    pub(crate) address: String,
}

impl Database {
    pub(crate) fn start(folder: PathBuf) -> Result<Self, String> {
        let address = asked(script("start").arg(&folder))?;
        Ok(Self { folder, address })
    }

    /// Each row as text, its columns parted by a bar.
    pub(crate) fn rows(&self, query: &str) -> Vec<String> {
        let psql = ["--no-psqlrc", "--tuples-only", "--no-align", "--command", query, &self.address];
        let rows = asked(Command::new("psql").args(psql)).expect("it answers");
        rows.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }

    /// Person → version.
    pub(crate) fn people(&self) -> BTreeMap<String, i64> {
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

pub(crate) fn script(verb: &str) -> Command {
    let mut command = Command::new(workspace().join("deploy/dev/examples.sh"));
    command.arg(verb);
    command
}

/// What a command prints.
pub(crate) fn asked(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() { Ok(said) } else { Err(said + &String::from_utf8_lossy(&output.stderr)) }
}

/// `None` where the machine lacks something.
#[expect(clippy::print_stderr, reason = "a skipped test must say so, and a test has no other voice")]
pub(crate) fn or_skip<T>(found: Result<T, String>) -> Option<T> {
    found
        .inspect_err(|sentence| {
            assert!(std::env::var_os("CI").is_none(), "{sentence}");
            eprintln!("skipped: {sentence}");
        })
        .ok()
}

/// Who is on the topic: person → version. The numbers of a registry are asked for when the records are there, so that it knows them.
pub(crate) fn published(settings: &Settings, ids: impl FnOnce() -> SchemaIds) -> BTreeMap<String, i64> {
    let records = read(settings, Topic::UnifiedProfile.as_str(), Isolation::Committed).expect("is read");
    let ids = ids();
    let mut people = BTreeMap::new();
    for record in records {
        let person = String::from_utf8(record.key.expect("a person")).expect("text");
        match record.value {
            None => _ = people.remove(&person),
            Some(value) => {
                let profile = decode::<kinfold_model::UnifiedProfile>(Topic::UnifiedProfile, &ids, &value);
                people.insert(person, profile.expect("we wrote it").version);
            }
        }
    }
    people
}

/// Forty people, each with an address and a telephone of their own.
pub(crate) fn forty_people() -> impl Iterator<Item = (String, Vec<u8>)> {
    (0..40).map(|n| touchpoint(n, &[("email", &email(n)), ("phone", &format!("+4930901820{n:02}"))]))
}

/// Pairs of them become one.
pub(crate) fn twenty_pairs() -> impl Iterator<Item = (String, Vec<u8>)> {
    (0..20).map(|n| touchpoint(100 + n, &[("email", &email(2 * n)), ("email", &email(2 * n + 1))]))
}

pub(crate) fn email(n: u32) -> String {
    format!("p{n}@example.org")
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
