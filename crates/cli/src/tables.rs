//! Tables for people: what a run found, on a screen.

use std::collections::BTreeMap;
use std::time::Duration;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use kinfold_kafka::topics::{Finding, TopicPlan};
use kinfold_model::SourceQuality;
use kinfold_wire::Topic;
use serde_json::{Map, Value};

use crate::avro_json::AvroJson;
use crate::commands::{Failure, state as store};
use crate::output::{Report, table as each_record};
use crate::run::Run;

/// Of a table that is not shown on a terminal.
const WIDTH: u16 = 118;
/// How many people a table shows.
const PEOPLE_SHOWN: usize = 8;

/// The counts of a run in a few lines.
pub(crate) fn report(report: &Report, elapsed: Duration) -> String {
    let count = |name| report.count(name);
    let consumed = count("consumed");
    let refused = consumed - count("passed");
    format!(
        "{consumed} touchpoints read, {refused} refused; {} identifiers, {} people; {} merges, {} splits, {} identifiers quarantined\n\
         {:.1} s, {} touchpoints/s, {} MiB of memory at most",
        count("identifiers"),
        count("people"),
        count("merges"),
        count("splits"),
        count("quarantined"),
        elapsed.as_secs_f64(),
        (consumed as f64 / elapsed.as_secs_f64()).round(),
        count("peak_memory_bytes") >> 20,
    )
}

/// The people with the most identifiers.
pub(crate) fn people(run: &Run<'_>) -> Result<String, Failure> {
    let mut shown: Vec<(usize, Map<String, Value>)> = Vec::new();
    each_record(run, Topic::UnifiedProfile, |profile| {
        let identifiers = profile.get("identifiers").and_then(Value::as_array).map_or(0, Vec::len);
        shown.push((identifiers, profile));
        shown.sort_by_key(|(identifiers, _)| std::cmp::Reverse(*identifiers));
        shown.truncate(PEOPLE_SHOWN);
        Ok(())
    })?;
    let mut table = table(&["person", "name", "identifiers", "touchpoints", "orders", "revenue"]);
    for (_, profile) in &shown {
        let attribute = |name: &str| text(profile, &format!("/attributes/{name}/value"));
        let name = format!("{} {}", attribute("given_name"), attribute("family_name"));
        let identifiers =
            pointer(profile, "/identifiers").and_then(|list| list.as_array().cloned()).unwrap_or_default();
        let mut by_namespace = BTreeMap::<String, u32>::new();
        for identifier in &identifiers {
            let namespace = identifier.get("namespace").and_then(Value::as_str).unwrap_or_default();
            *by_namespace.entry(namespace.to_owned()).or_default() += 1;
        }
        let counted: Vec<String> =
            by_namespace.iter().map(|(name, count)| format!("{count} {name}")).collect();
        let revenue = pointer(profile, "/metrics/revenue")
            .and_then(|sums| sums.as_object().cloned())
            .unwrap_or_default();
        let sums: Vec<String> = revenue
            .iter()
            .map(|(currency, sum)| format!("{} {currency}", sum.as_str().unwrap_or_default()))
            .collect();
        table.add_row([
            text(profile, "/person_id").chars().take(8).collect(),
            name.trim().to_owned(),
            counted.join(", "),
            text(profile, "/metrics/touchpoints"),
            text(profile, "/metrics/orders"),
            sums.join(", "),
        ]);
    }
    right(&mut table, &[3, 4, 5]);
    Ok(format!("The people with the most identifiers\n{table}\n"))
}

/// How people changed, by kind.
pub(crate) fn changes(run: &Run<'_>) -> Result<String, Failure> {
    let mut table = table(&["people were", "times"]);
    for (kind, count) in run.changes_by_kind()? {
        table.add_row([kind, count.to_string()]);
    }
    right(&mut table, &[1]);
    Ok(format!("Merges and other changes of people\n{table}\n"))
}

/// Refusals by kind, each with one sentence.
pub(crate) fn refusals(run: &Run<'_>) -> Result<String, Failure> {
    let reader = AvroJson::new(Topic::TouchpointRefused)?;
    let mut kinds = BTreeMap::<String, (u64, String)>::new();
    for value in &run.heard.refused {
        let letter = reader.read(value)?;
        let entry = kinds.entry(text(&letter, "/kind")).or_insert_with(|| (0, text(&letter, "/sentence")));
        entry.0 += 1;
    }
    let mut table = table(&["refused", "times", "for example"]);
    for (kind, (count, sentence)) in kinds {
        table.add_row([kind, count.to_string(), sentence]);
    }
    right(&mut table, &[1]);
    Ok(format!("Refusals\n{table}\n"))
}

/// Consents by purpose, channel and state.
pub(crate) fn consents(run: &Run<'_>) -> Result<String, Failure> {
    let mut counts = BTreeMap::<(String, String, String), u64>::new();
    each_record(run, Topic::UnifiedProfile, |profile| {
        let consents =
            pointer(&profile, "/consents").and_then(|list| list.as_array().cloned()).unwrap_or_default();
        for consent in consents.iter().filter_map(Value::as_object) {
            let channel = consent.get("channel").and_then(Value::as_str).unwrap_or("any");
            let key = (text(consent, "/purpose"), channel.to_owned(), text(consent, "/state"));
            *counts.entry(key).or_default() += 1;
        }
        Ok(())
    })?;
    let mut table = table(&["purpose", "by channel", "state", "people"]);
    for ((purpose, channel, state), count) in counts {
        table.add_row([purpose, channel, state, count.to_string()]);
    }
    right(&mut table, &[3]);
    Ok(format!("Consents\n{table}\n"))
}

/// What each source sent: how much, what was refused and what is odd, by kind, and its score, 0 to 100.
pub(crate) fn quality(sources: &BTreeMap<String, SourceQuality>) -> String {
    let mut table = table(&["source", "touchpoints", "refused", "flags", "duplicates", "score"]);
    for (name, source) in sources {
        let refused = source.refused.iter().map(|(kind, count)| format!("{count} {kind}"));
        let flags = source.flags.iter().map(|(kind, count)| format!("{count} {}", kind.as_str()));
        let score = source.score_tenths().unwrap_or_default();
        table.add_row([
            printable(name),
            source.touchpoints.to_string(),
            refused.collect::<Vec<_>>().join(", "),
            flags.collect::<Vec<_>>().join(", "),
            share(source.duplicates, source.touchpoints),
            format!("{}.{}", score / 10, score % 10),
        ]);
    }
    right(&mut table, &[1, 4, 5]);
    table.to_string()
}

/// A count and its share of all: `12 (0.4 %)`.
fn share(count: u64, all: u64) -> String {
    let tenths = (u128::from(count) * 1000).checked_div(u128::from(all)).unwrap_or_default();
    if count == 0 { "0".to_owned() } else { format!("{count} ({}.{} %)", tenths / 10, tenths % 10) }
}

/// A name that a record chose, so that it neither breaks a line nor moves the cursor.
pub(crate) fn printable(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// How topics should be.
pub(crate) fn topics(prefix: &str, plans: &[TopicPlan]) -> String {
    let mut table = table(&["topic", "partitions", "settings"]);
    for plan in plans {
        let settings: Vec<String> =
            plan.settings.iter().map(|(key, value)| format!("{key}={value}")).collect();
        table.add_row([format!("{prefix}{}", plan.name), plan.partitions.to_string(), settings.join(" ")]);
    }
    right(&mut table, &[1]);
    table.to_string()
}

/// How topics are, compared with how they should be.
pub(crate) fn findings(prefix: &str, findings: &[(TopicPlan, Finding)]) -> String {
    let mut table = table(&["topic", "finding"]);
    for (plan, finding) in findings {
        table.add_row([format!("{prefix}{}", plan.name), finding.to_string()]);
    }
    table.to_string()
}

/// How stores are.
pub(crate) fn stores(findings: &[store::Finding]) -> String {
    let mut table = table(&["store", "commit", "of", "entries", "bytes", "changelog"]);
    for store::Finding { place, contents } in findings {
        match contents {
            Ok(contents) => {
                let changelog = contents.stamp.as_ref().map_or("none yet".to_owned(), |stamp| {
                    format!("{} in cluster {}", stamp.topic, stamp.cluster)
                });
                table.add_row([
                    place.to_string(),
                    contents.mark.commit.to_string(),
                    if contents.mark.commit == 0 { String::new() } else { contents.mark.time.to_string() },
                    contents.entries.to_string(),
                    contents.bytes.to_string(),
                    changelog,
                ]);
            }
            Err(why) => drop(table.add_row([place.to_string(), "damaged".to_owned(), why.clone()])),
        }
    }
    right(&mut table, &[1, 3, 4]);
    table.to_string()
}

/// An empty table.
pub(crate) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    if table.width().is_none() {
        table.set_width(WIDTH);
    }
    table
}

/// Aligns columns of numbers.
pub(crate) fn right(table: &mut Table, columns: &[usize]) {
    for index in columns {
        if let Some(column) = table.column_mut(*index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

fn pointer<'v>(record: &'v Map<String, Value>, path: &str) -> Option<&'v Value> {
    let mut parts = path.trim_start_matches('/').split('/');
    let first = record.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.get(part))
}

fn text(record: &Map<String, Value>, path: &str) -> String {
    match pointer(record, path) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}
