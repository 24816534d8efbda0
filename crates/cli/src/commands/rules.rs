//! `kinfold rules`: which rules are in force, and what other rules would change.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use kinfold_model::{Keys, PersonId};
use kinfold_pipeline::LocalPorts;
use kinfold_store::{Memory, RocksStore};
use serde_json::{Map, Value, json};

use super::{Failure, load, say};
use crate::rules_diff::{Difference, Fate, Group, compare};
use crate::site::secret_of;
use crate::tables;

/// What to do with the rules.
#[derive(Subcommand)]
pub enum RulesCommand {
    /// Print the version of the rules: a hash of everything that they say.
    Version {
        /// The configuration, a TOML file; every setting has a default.
        #[arg(long, env = "KINFOLD_CONFIG")]
        config: Option<PathBuf>,
    },
    /// Show what other rules would make of the stored evidence; writes nothing.
    Diff {
        /// A configuration with the rules to try.
        new: PathBuf,
        /// The state folder of `kinfold resolve --state`.
        #[arg(long)]
        state: PathBuf,
        /// The configuration in force; it is asked for the secret, and for the version of its rules.
        #[arg(long, env = "KINFOLD_CONFIG")]
        config: Option<PathBuf>,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
        /// How many examples to show of each kind.
        #[arg(long, default_value_t = 3)]
        examples: usize,
    },
}

impl RulesCommand {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Version { config } => say(load(config.as_deref())?.rules.version()),
            Self::Diff { new, state, config, json, examples } => {
                diff(&new, &state, config.as_deref(), &Show { json, examples })
            }
        }
    }
}

struct Show {
    json: bool,
    examples: usize,
}

fn diff(new: &Path, state: &Path, old: Option<&Path>, show: &Show) -> Result<(), Failure> {
    let new = load(Some(new))?;
    let old = load(old)?;
    let asked = if old.require_secret().is_ok() { &old } else { &new };
    let keys = Keys::new(&secret_of(asked, state)?);
    let memory = Memory::new(old.state.cache_bytes);
    let store = RocksStore::open_read_only(&state.join("store"), &memory).map_err(Failure::fault)?;
    let ports = LocalPorts::new(&keys, &new.rules, new.capture.clone());
    let difference = compare(&store, &ports)?;
    let versions = [old.rules.version().to_string(), new.rules.version().to_string()];
    if show.json {
        return say(format_args!("{:#}", as_json(&difference, &versions, show.examples)));
    }
    let [before, after] = &versions;
    say(format_args!("rules {before} → {after}; nothing was written\n"))?;
    say(as_text(&difference, show.examples))
}

/// The examples of each fate, those that concern most identifiers first.
fn examples(difference: &Difference, most: usize) -> Vec<&Group> {
    let mut shown = Vec::new();
    for fate in Fate::ALL {
        let mut of: Vec<&Group> = difference.groups.iter().filter(|group| group.fate == fate).collect();
        of.sort_by_key(|group| std::cmp::Reverse(group.identifiers));
        shown.extend(of.into_iter().take(most));
    }
    shown
}

fn as_json(difference: &Difference, [before, after]: &[String; 2], most: usize) -> Value {
    let count = |fate: Fate| (fate.as_str().to_owned(), json!(difference.count(fate)));
    let people: Map<String, Value> = Fate::ALL.into_iter().map(count).collect();
    let large =
        |(person, identifiers): (PersonId, u64)| json!({ "person_id": person, "identifiers": identifiers });
    let example = |group: &Group| {
        let (rule, cause) = group.because.unzip();
        let after: Vec<PersonId> = group.after.iter().map(|(person, _)| *person).collect();
        json!({
            "kind": group.fate.as_str(), "person_ids_before": group.before, "person_ids_after": after,
            "identifiers": group.identifiers, "moved": group.moved, "rule": rule, "cause": cause,
        })
    };
    json!({
        "rules_version_before": before, "rules_version": after, "people": people,
        "identifiers_moved": difference.identifiers_moved(),
        "largest": difference.largest().into_iter().map(large).collect::<Value>(),
        "examples": examples(difference, most).into_iter().map(example).collect::<Value>(),
    })
}

fn as_text(difference: &Difference, most: usize) -> String {
    if difference.groups.is_empty() {
        return "nobody would change".to_owned();
    }
    let mut counts = tables::table(&["people would be", "times"]);
    for fate in Fate::ALL {
        counts.add_row([fate.as_str().to_owned(), difference.count(fate).to_string()]);
    }
    tables::right(&mut counts, &[1]);
    let mut largest = tables::table(&["the largest new people", "identifiers"]);
    for (person, identifiers) in difference.largest() {
        largest.add_row([person.to_string(), identifiers.to_string()]);
    }
    tables::right(&mut largest, &[1]);
    let mut table =
        tables::table(&["for example", "before", "after", "identifiers", "of them moved", "because of"]);
    for group in examples(difference, most) {
        let lines = |people: Vec<String>| people.join("\n");
        let because = group.because.map(|(rule, cause)| format!("{rule}\nat {cause}")).unwrap_or_default();
        table.add_row([
            group.fate.as_str().to_owned(),
            lines(group.before.iter().map(ToString::to_string).collect()),
            lines(group.after.iter().map(|(person, _)| person.to_string()).collect()),
            group.identifiers.to_string(),
            group.moved.to_string(),
            because,
        ]);
    }
    tables::right(&mut table, &[3, 4]);
    format!(
        "{counts}\n{} identifiers would get another person\n\n{largest}\n\n{table}",
        difference.identifiers_moved()
    )
}
