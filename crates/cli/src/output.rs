//! What a run found, as files: `assignments.jsonl`, `profiles.jsonl`, `profiles.<output>.jsonl` of each output,
//! `consents.jsonl`, `refused.jsonl`, `changes.jsonl` and `report.json`. Lines are sorted by key, so that two runs can be
//! compared with `cmp`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use kinfold_model::{Fault, NodeId};
use kinfold_pipeline::{Shelf, StageName};
use kinfold_wire::Topic;
use serde_json::{Map, Value, json};

use crate::avro_json::AvroJson;
use crate::commands::Failure;
use crate::run::Run;

/// Counts of a run, as `report.json` has them.
pub struct Report(Map<String, Value>);

impl Report {
    /// A number of the report; 0 when it has none of this name.
    #[must_use]
    pub fn count(&self, name: &str) -> u64 {
        self.0.get(name).and_then(Value::as_u64).unwrap_or_default()
    }
}

/// Counts everything, and writes the files where a folder is given.
///
/// # Errors
/// When the state cannot be read or the files cannot be written.
pub fn write(run: &Run<'_>, folder: Option<&Path>) -> Result<Report, Failure> {
    let seconds = run.began.elapsed().as_secs_f64();
    let identifiers = identifiers(run)?;
    let mut people = 0_u64;
    run.local.visit(Shelf::Topic(Topic::UnifiedProfile), &mut |_, _| people += 1).map_err(Failure::fault)?;
    let report = report(run, seconds, identifiers.len(), people)?;
    if let Some(folder) = folder {
        std::fs::create_dir_all(folder).map_err(Failure::file(folder))?;
        assignments(run, &identifiers, &mut Lines::create(folder, "assignments.jsonl")?)?;
        profiles(run, &mut Lines::create(folder, "profiles.jsonl")?)?;
        for output in &run.outputs {
            shared(run, output, &mut Lines::create(folder, &format!("profiles.{output}.jsonl"))?)?;
        }
        consents(run, &mut Lines::create(folder, "consents.jsonl")?)?;
        refused(run, &mut Lines::create(folder, "refused.jsonl")?)?;
        changes(run, &mut Lines::create(folder, "changes.jsonl")?)?;
        let mut lines = Lines::create(folder, "report.json")?;
        lines.write(&format!("{:#}", Value::Object(report.0.clone())))?;
        lines.end()?;
    }
    Ok(report)
}

/// Every identifier that was seen: namespace, value, node.
fn identifiers(run: &Run<'_>) -> Result<BTreeSet<(String, String, NodeId)>, Failure> {
    let mut seen = BTreeSet::new();
    let mut fault: Option<Fault> = None;
    let see = &mut |key: &[u8], value: &[u8]| match kinfold_profile::facets::identifiers(key, value) {
        Ok(identifiers) => seen.extend(
            identifiers.into_iter().map(|one| (one.namespace.as_str().to_owned(), one.value, one.node)),
        ),
        Err(error) => fault = Some(error),
    };
    run.local.visit(Shelf::Stage(StageName::Facets), see).map_err(Failure::fault)?;
    fault.map_or(Ok(seen), |fault| Err(Failure::fault(fault)))
}

fn assignments(
    run: &Run<'_>,
    identifiers: &BTreeSet<(String, String, NodeId)>,
    lines: &mut Lines,
) -> Result<(), Failure> {
    let reader = AvroJson::new(Topic::IdentityAssignment)?;
    for (namespace, value, node) in identifiers {
        let record =
            run.local.last(Topic::IdentityAssignment, node.to_string().as_bytes()).map_err(Failure::fault)?;
        let Some(record) = record else { continue };
        let person_id = reader.read(&record)?.remove("person_id").unwrap_or_default();
        lines
            .write(&json!({ "namespace": namespace, "value": value, "person_id": person_id }).to_string())?;
    }
    lines.end()
}

fn profiles(run: &Run<'_>, lines: &mut Lines) -> Result<(), Failure> {
    table(run, Topic::UnifiedProfile, |profile| lines.write(&Value::Object(profile).to_string()))?;
    lines.end()
}

/// What an output has of people.
fn shared(run: &Run<'_>, output: &str, lines: &mut Lines) -> Result<(), Failure> {
    let reader = AvroJson::new(Topic::ProfileOutput)?;
    let mut result = Ok(());
    let see = &mut |_: &[u8], value: &[u8]| {
        if result.is_ok() {
            let read = reader.read(value);
            result = read.and_then(|profile| lines.write(&Value::Object(profile).to_string()));
        }
    };
    run.local.visit_output(output, see).map_err(Failure::fault)?;
    result?;
    lines.end()
}

/// The consents of the people that are published, each with the cause of its last change.
fn consents(run: &Run<'_>, lines: &mut Lines) -> Result<(), Failure> {
    table(run, Topic::ConsentChange, |mut change| {
        let expires = change.get("evidence").and_then(|evidence| evidence.get("expires")).cloned();
        let mut take = |name: &str| change.remove(name).unwrap_or_default();
        let since = take("since");
        // Without a decision that still stands there is nothing to tell but that it is gone.
        if since.is_null() {
            return Ok(());
        }
        let line = json!({
            "person_id": take("person_id"), "purpose": take("purpose"), "state": take("after"), "since": since,
            "jurisdiction": take("jurisdiction"), "cause": take("cause"), "channel": take("channel"), "expires": expires,
        });
        lines.write(&line.to_string())
    })?;
    lines.end()
}

fn refused(run: &Run<'_>, lines: &mut Lines) -> Result<(), Failure> {
    let reader = AvroJson::new(Topic::TouchpointRefused)?;
    let mut sorted = BTreeMap::new();
    for value in &run.heard.refused {
        let mut letter = reader.read(value)?;
        let topic = letter.remove("topic").unwrap_or_default();
        let source =
            topic.as_str().map(|topic| topic.strip_prefix("raw.").unwrap_or(topic)).unwrap_or_default();
        let offset = letter.get("offset").and_then(Value::as_i64).unwrap_or_default();
        let line = json!({
            "source": source, "offset": offset, "kind": letter.get("kind"), "sentence": letter.get("sentence"),
        });
        sorted.insert((source.to_owned(), offset), line.to_string());
    }
    sorted.values().try_for_each(|line| lines.write(line))?;
    lines.end()
}

fn changes(run: &Run<'_>, lines: &mut Lines) -> Result<(), Failure> {
    let reader = AvroJson::new(Topic::IdentityChange)?;
    let mut sorted = Vec::with_capacity(run.heard.changes.len());
    for (index, value) in run.heard.changes.iter().enumerate() {
        let change = reader.read(value)?;
        let line = json!({
            "kind": change.get("kind"), "person_ids_before": change.get("person_ids_before"),
            "person_ids_after": change.get("person_ids_after"), "cause": change.get("cause"), "time": change.get("time"),
            "rule": change.get("rule"), "command_id": change.get("command_id"), "moved": identifiers_moved(&change),
        });
        let first = change.get("person_ids_after").and_then(|ids| ids.get(0)).and_then(Value::as_str);
        sorted.push((first.unwrap_or_default().to_owned(), index, line.to_string()));
    }
    sorted.sort();
    sorted.iter().try_for_each(|(_, _, line)| lines.write(line))?;
    lines.end()
}

/// How many identifiers got another person, or none, by a change.
fn identifiers_moved(change: &Map<String, Value>) -> usize {
    let moves = change.get("moves").and_then(Value::as_array).into_iter().flatten();
    moves.filter(|turn| turn.get("namespace").is_some_and(|namespace| !namespace.is_null())).count()
}

/// Hands every record of a compacted topic to `each`, in the order of keys.
pub(crate) fn table(
    run: &Run<'_>,
    topic: Topic,
    mut each: impl FnMut(Map<String, Value>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let reader = AvroJson::new(topic)?;
    let mut result = Ok(());
    let see = &mut |_: &[u8], value: &[u8]| {
        if result.is_ok() {
            result = reader.read(value).and_then(&mut each);
        }
    };
    run.local.visit(Shelf::Topic(topic), see).map_err(Failure::fault)?;
    result
}

fn report(run: &Run<'_>, seconds: f64, identifiers: usize, people: u64) -> Result<Report, Failure> {
    let tally = run.local.tally(StageName::Capture);
    let refused: Map<String, Value> =
        tally.refused.iter().map(|(kind, count)| (kind.as_str().to_owned(), json!(count))).collect();
    let kinds = run.changes_by_kind()?;
    let kind = |name: &str| kinds.get(name).copied().unwrap_or_default();
    let mut quarantined = 0_u64;
    let see = &mut |key: &[u8], value: &[u8]| {
        quarantined += u64::from(
            kinfold_stitch::node_of_entry(key, value)
                .is_ok_and(|node| node.is_some_and(|node| node.is_quarantined())),
        );
    };
    run.local.visit(Shelf::Stage(StageName::Stitch), see).map_err(Failure::fault)?;
    let consumed = tally.consumed_total();
    let report = json!({
        "consumed": consumed, "passed": tally.passed, "refused": refused, "identifiers": identifiers, "people": people,
        "merges": kind("merged"), "splits": kind("split"), "quarantined": quarantined, "seconds": seconds,
        "touchpoints_per_second": (consumed as f64 / seconds.max(f64::MIN_POSITIVE)).round(),
        "peak_memory_bytes": peak_memory_bytes(), "rules_version": run.rules_version,
    });
    match report {
        Value::Object(report) => Ok(Report(report)),
        _ => Err(Failure::Fault("a report is an object".to_owned())),
    }
}

/// The most memory this process ever held, from Linux; `null` elsewhere.
fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// A file that is written line by line.
struct Lines {
    name: String,
    file: BufWriter<File>,
}

impl Lines {
    fn create(folder: &Path, name: &str) -> Result<Self, Failure> {
        let path = folder.join(name);
        let file = File::create(&path).map_err(Failure::file(&path))?;
        Ok(Self { name: path.display().to_string(), file: BufWriter::new(file) })
    }

    fn write(&mut self, line: &str) -> Result<(), Failure> {
        writeln!(self.file, "{line}").map_err(Failure::file(Path::new(&self.name)))
    }

    fn end(&mut self) -> Result<(), Failure> {
        self.file.flush().map_err(Failure::file(Path::new(&self.name)))
    }
}
