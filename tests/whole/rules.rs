//! `kinfold rules`: what new rules would change is told without changing anything, and it is what applying them does.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use kinfold_model::Rules;
use kinfold_model::keys::sha256_hex;
use serde_json::Value;

use crate::programs::{kinfold, program};
use crate::steward::{Steward, lines, said};

/// Whose each identifier is. An e-mail and its hash are one.
fn people(out: &Path) -> BTreeMap<(String, String), String> {
    let text = |line: &Value, name: &str| line[name].as_str().expect("text").to_owned();
    let identifier = |line: &Value| match (text(line, "namespace"), text(line, "value")) {
        (namespace, value) if namespace == "email" => ("email_sha256".to_owned(), sha256_hex(&value)),
        other => other,
    };
    let all = lines(&out.join("assignments.jsonl"));
    all.iter().map(|line| (identifier(line), text(line, "person_id"))).collect()
}

fn files(folder: &Path) -> BTreeMap<std::path::PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("can be listed").path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.insert(path.clone(), std::fs::read(&path).expect("can be read"));
        }
    }
    files
}

/// Rules under which a good part of the sample changes.
const STRICTER: &str = "[identity]\nmax_component = 5000\n[identity.guard]\nidentifiers = 3\n\
                        [namespaces.cookie]\nmax_neighbours = 2\n[namespaces.email]\nmax_per_person = 1\n\
                        [namespaces.device_id]\npriority = 2\ncontested = \"newest\"\n";

#[test]
fn a_dry_run_writes_nothing_and_tells_what_applying_the_rules_then_does() {
    let steward = Steward::new();
    let generated = steward.path("sample");
    let made = program("kinfold")
        .args(["generate", "--people", "150", "--touchpoints", "2500", "--out"])
        .arg(&generated)
        .output()
        .expect("runs");
    assert!(made.status.success(), "{}", said(&made.stderr));
    let (before, after) = (steward.path("before"), steward.path("after"));
    let input = generated.join("touchpoints.jsonl").display().to_string();
    steward.does(&["resolve", "--out", &before.display().to_string(), &input]);
    let new = steward.path("new.toml");
    std::fs::write(&new, STRICTER).expect("writes");
    let new = new.display().to_string();

    let state = files(&steward.path("state"));
    let told = steward.does(&["rules", "diff", &new, "--json", "--examples", "1000000"]);
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert!(files(&steward.path("state")) == state, "the dry run wrote into the state folder");

    let said = steward.does(&["resolve", "--config", &new, "--out", &after.display().to_string()]);
    assert!(said.starts_with("rules changed: "), "{said}");
    let (before, after) = (people(&before), people(&after));
    let moved: Vec<_> =
        after.iter().filter(|(identifier, person)| before.get(*identifier) != Some(person)).collect();
    assert!(moved.len() > 20, "the rules change too little to prove anything");
    assert_eq!(told["identifiers_moved"], moved.len(), "{told:#}");
    let concerned = |side: &str| -> BTreeSet<String> {
        let examples = told["examples"].as_array().expect("a list");
        let people = examples.iter().flat_map(|one| one[side].as_array().expect("a list"));
        people.map(|person| person.as_str().expect("text").to_owned()).collect()
    };
    let (gone, come) = (concerned("person_ids_before"), concerned("person_ids_after"));
    for (identifier, person) in &moved {
        assert!(come.contains(*person) && gone.contains(&before[*identifier]), "{identifier:?}");
    }
    let count: u64 = told["people"].as_object().expect("an object").values().filter_map(Value::as_u64).sum();
    assert_eq!(told["examples"].as_array().map(|all| all.len() as u64), Some(count));
    let size = |person: &Value| after.values().filter(|of| *of == person).count();
    for large in told["largest"].as_array().expect("a list") {
        assert_eq!(large["identifiers"], size(&large["person_id"]), "{large}");
    }
    let again = steward.does(&["rules", "diff", &new]);
    assert!(again.contains("nobody would change"), "{again}");
}

#[test]
fn the_version_of_the_rules_is_printed() {
    let answer = kinfold(&["rules", "version"]);
    assert_eq!(said(&answer.stdout).trim(), Rules::default().version().to_string());
}
