//! The sources of this repository: each has cases, and they come out. What they make of payloads that nobody here wrote is
//! compared with a table, which holds no value of theirs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kinfold_capture::Outcome;
use kinfold_cli::run::Setup;
use kinfold_daemon::config::Config;
use kinfold_daemon::sources::{self, judge};
use kinfold_mapping::{Source, cases};
use kinfold_model::{DeadLetter, RefusalKind};
use kinfold_pipeline::StageName;
use kinfold_testkit::data::test_data;
use kinfold_wire::{SchemaIds, Topic, decode};
use serde_json::{Value, json};

use crate::local::config;

/// Every source that is promised; one that is missing here or in the folder is a fault.
const SOURCES: [&str; 17] = [
    "call-centre",
    "cmp",
    "consent-mode",
    "hubspot",
    "mailchimp",
    "pos",
    "rudderstack",
    "salesforce",
    "segment",
    "sendgrid",
    "shopify",
    "snowplow",
    "snowplow-json",
    "social-care",
    "stripe",
    "surveymonkey",
    "typeform",
];

fn folder() -> PathBuf {
    PathBuf::from("..").join("sources")
}

fn deployment() -> Config {
    Config { sources_dir: folder(), ..config() }
}

/// Whether expected files are written and not compared.
pub(crate) fn blessing() -> bool {
    std::env::var_os("KINFOLD_BLESS").is_some()
}

pub(crate) fn compiled(name: &str) -> Source {
    let files = sources::read(&folder(), name).unwrap_or_else(|faults| panic!("{}", faults.join("\n")));
    Source::compile(&files).unwrap_or_else(|faults| panic!("{faults}"))
}

#[test]
fn every_source_has_cases_of_what_is_usual_odd_and_broken() {
    let names = sources::names(&folder()).expect("a folder of sources");
    assert_eq!(names, SOURCES);
    for name in names {
        let files = sources::read(&folder(), &name).unwrap_or_else(|faults| panic!("{}", faults.join("\n")));
        assert!(files.cases.len() >= 3, "{name} has {} cases; write at least three", files.cases.len());
    }
}

#[test]
fn golden_cases_of_sources_come_out_as_they_were_blessed() {
    let judge = judge(&deployment());
    for name in sources::names(&folder()).expect("a folder of sources") {
        let source = compiled(&name);
        let files = sources::read(&folder(), &name).unwrap_or_else(|faults| panic!("{}", faults.join("\n")));
        let mut refused = 0;
        for case in &files.cases {
            let outcome = cases::outcome(&source, &case.record, &judge);
            refused += outcome["refused"].as_array().map_or(0, Vec::len);
            if blessing() {
                let path = folder().join(format!("{name}.cases")).join(format!("{}.out.json", case.name));
                let text = serde_json::to_string_pretty(&outcome).expect("JSON") + "\n";
                std::fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            }
        }
        assert!(refused > 0, "{name} has no case of a record that is refused");
    }
    let (loaded, faults) = sources::load(&deployment()).expect("a folder of sources");
    assert!(faults.is_empty(), "{faults:#?}");
    assert_eq!(loaded.len(), SOURCES.len());
}

#[test]
fn every_attribute_that_a_source_allows_is_made_by_one_of_its_cases() {
    let judge = judge(&deployment());
    let mut missing = BTreeMap::new();
    for name in sources::names(&folder()).expect("a folder of sources") {
        let source = compiled(&name);
        let files = sources::read(&folder(), &name).expect("was read before");
        let mut unseen: BTreeSet<&str> = source.allow().attributes.keys().map(String::as_str).collect();
        for case in &files.cases {
            let outcome = cases::outcome(&source, &case.record, &judge);
            for touchpoint in outcome["touchpoints"].as_array().into_iter().flatten() {
                unseen.retain(|attribute| touchpoint["attributes"].get(attribute).is_none());
            }
        }
        if !unseen.is_empty() {
            missing.insert(name.clone(), format!("{unseen:?}"));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn golden_table_of_payloads_that_nobody_here_wrote() {
    let Some(webhooks) = test_data("segment-webhooks") else { return };
    let Some(vectors) = test_data("vectors") else { return };
    let Some(seeds) = test_data("fivetran-seeds") else { return };
    let Some(snowplow) = test_data("snowplow-web") else { return };
    let Some(rudder) = test_data("rudder-sources") else { return };
    let mut table = Table::default();
    for (source, folder) in [
        ("shopify", "shopify"),
        ("stripe", "stripe-events"),
        ("typeform", "typeform"),
        ("surveymonkey", "survey-monkey"),
        // An event of a repository is nobody's payload here: each of these sources has to refuse it or give nothing.
        ("segment", "github"),
    ] {
        for path in files(&webhooks.join(folder).join("webhook-examples")) {
            table.add(source, &label(folder, &path), &[std::fs::read(&path).expect("a payload")]);
        }
    }
    let bodies: Vec<Value> = read_json(&vectors.join("vendor_webhooks_snowplow_enrich.json"))
        .as_array()
        .cloned()
        .unwrap_or_default();
    for (vendor, source, kind) in
        [("HubSpot", "hubspot", "json"), ("Mailchimp", "mailchimp", "form"), ("Sendgrid", "sendgrid", "json")]
    {
        let of_vendor = bodies.iter().filter(|body| body["vendor"] == vendor && body["kind"] == kind);
        for (index, body) in of_vendor.enumerate() {
            let record = body["body"].as_str().unwrap_or_default().trim().as_bytes().to_vec();
            table.add(source, &format!("vectors {vendor} {index}"), &[record]);
        }
    }
    for (source, file, shape) in [
        ("salesforce", "salesforce/sf_contact_data.csv", Shape::Object("Contact")),
        ("salesforce", "salesforce/sf_lead_data.csv", Shape::Object("Lead")),
        ("salesforce", "salesforce/sf_account_data.csv", Shape::Object("Account")),
        ("hubspot", "hubspot/contact_data.csv", Shape::Properties),
        ("hubspot", "hubspot/contact_merge_audit_data.csv", Shape::Row),
        ("hubspot", "hubspot/email_event_data.csv", Shape::Row),
    ] {
        let records: Vec<Vec<u8>> = rows(&seeds.join(file)).iter().map(|row| shape.record(row)).collect();
        table.add(source, &format!("fivetran-seeds {file}"), &records);
    }
    let events = rows(&snowplow.join("snowplow_web_events.csv"));
    table.add("snowplow", "snowplow-web events as TSV", &events.iter().map(tsv).collect::<Vec<_>>());
    let as_json: Vec<Vec<u8>> = events.iter().map(|row| json!(row).to_string().into_bytes()).collect();
    table.add("snowplow-json", "snowplow-web events as JSON", &as_json);
    for path in files(&rudder) {
        let mut events = Vec::new();
        events_in(&read_json(&path), &mut events);
        table.add("rudderstack", &label("rudder-sources", &path), &events);
    }
    table.compare();
}

#[test]
fn a_record_is_accounted_for_once_whatever_becomes_of_its_parts() {
    let folder = tempfile::tempdir().expect("a folder");
    let setup = Setup::new(config(), None).expect("has a secret").with_source(compiled("sendgrid"));
    let mut run = setup.begin(folder.path()).expect("the store opens");
    let event =
        |event: &str, email: &str| json!({"event": event, "email": email, "timestamp": 1_772_360_100});
    let records = [
        json!([event("open", "ann@example.com"), event("open", ""), 7, event("click", "bo@example.com")])
            .to_string(),
        json!([event("processed", "ann@example.com")]).to_string(),
        "{".to_owned(),
    ];
    let source: Arc<str> = "sendgrid".into();
    for (offset, record) in (0..).zip(&records) {
        run.feed(&source, offset, record.clone().into_bytes()).expect("is handled or refused");
    }
    run.publish().expect("people are published");
    let tally = run.local.tally(StageName::Capture);
    assert_eq!((tally.consumed_total(), tally.passed, tally.refused_total()), (3, 1, 2));
    assert_eq!(tally.parts_refused, [(RefusalKind::Unmappable, 1)].into());
    let mapped = |outcome| tally.mapped.get(&("sendgrid".to_owned(), outcome)).copied().unwrap_or_default();
    let counts = [Outcome::Touchpoint, Outcome::Refused, Outcome::Nothing].map(mapped);
    assert_eq!(counts, [2, 3, 1]);
    assert_eq!(run.heard.written.get(&Topic::Touchpoint), Some(&2));
    let letters: Vec<DeadLetter> = run
        .heard
        .refused
        .iter()
        .map(|value| decode(Topic::TouchpointRefused, &SchemaIds::default(), value).expect("we wrote it"))
        .collect();
    let places: Vec<_> = letters
        .iter()
        .map(|letter| (letter.offset, letter.member.as_str(), letter.payload.is_some()))
        .collect();
    assert_eq!(places, [(0, "[1].identifiers", true), (0, "[2]", false), (2, "", true)]);
}

/// Vendors' canonical events, wherever they lie in the tests of RudderStack.
fn events_in(value: &Value, events: &mut Vec<Vec<u8>>) {
    match value {
        Value::Object(members) if members.contains_key("context") && members["type"].is_string() => {
            events.push(value.to_string().into_bytes());
        }
        Value::Object(members) => members.values().for_each(|value| events_in(value, events)),
        Value::Array(items) => items.iter().for_each(|value| events_in(value, events)),
        _ => {}
    }
}

/// How a row of a replica becomes what the vendor's API gives.
#[derive(Clone, Copy)]
enum Shape {
    /// As it is.
    Row,
    /// The type of the object beside it.
    Object(&'static str),
    /// The columns that begin with `property_`, as properties.
    Properties,
}

impl Shape {
    fn record(self, row: &BTreeMap<String, String>) -> Vec<u8> {
        let mut value = json!(row);
        match self {
            Self::Row => {}
            Self::Object(object) => value["object"] = json!(object),
            Self::Properties => {
                let property = |(name, value): (&String, &String)| {
                    Some((name.strip_prefix("property_")?.to_owned(), value.clone()))
                };
                value["properties"] = json!(row.iter().filter_map(property).collect::<BTreeMap<_, _>>());
            }
        }
        value.to_string().into_bytes()
    }
}

/// A row in the order of the columns of the source.
fn tsv(row: &BTreeMap<String, String>) -> Vec<u8> {
    let source = compiled("snowplow");
    let kinfold_mapping::decode::Format::Csv(columns) = &source.settings().format else { panic!("is CSV") };
    let cell =
        |column: &String| row.get(column).map(|cell| cell.replace(['\t', '\n'], " ")).unwrap_or_default();
    columns.columns.iter().map(cell).collect::<Vec<_>>().join("\t").into_bytes()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    paths.sort();
    paths
}

fn label(folder: &str, path: &Path) -> String {
    format!("{folder} {}", path.file_name().unwrap_or_default().to_string_lossy())
}

fn read_json(path: &Path) -> Value {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rows of a CSV file, without empty cells.
fn rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader =
        csv::Reader::from_path(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let columns = reader.headers().expect("a header").clone();
    let row = |row: csv::StringRecord| {
        let cells = columns.iter().zip(row.iter()).filter(|(_, cell)| !cell.is_empty());
        cells.map(|(column, cell)| (column.to_owned(), cell.to_owned())).collect()
    };
    reader.records().map(|record| row(record.expect("a row"))).collect()
}

/// What came of payloads, in names and numbers.
#[derive(Default)]
struct Table(String);

impl Table {
    fn add(&mut self, source: &str, file: &str, records: &[Vec<u8>]) {
        let (mapping, judge) = (compiled(source), judge(&deployment()));
        let (mut touchpoints, mut nothing) = (0, 0);
        if records.is_empty() {
            return;
        }
        let mut seen: BTreeMap<&str, BTreeMap<String, u64>> = BTreeMap::new();
        // Vendors name events as they like, so that the names are values of theirs.
        let mut types = BTreeSet::new();
        for record in records {
            let outcome = cases::outcome(&mapping, record, &judge);
            let mut note = |what: &'static str, name: &str| {
                *seen.entry(what).or_default().entry(name.to_owned()).or_default() += 1;
            };
            let list = |name: &str| outcome[name].as_array().cloned().unwrap_or_default();
            touchpoints += list("touchpoints").len();
            nothing += usize::from(list("touchpoints").is_empty() && list("refused").is_empty());
            for touchpoint in list("touchpoints") {
                types.insert(touchpoint["type"].to_string());
                for identifier in touchpoint["identifiers"].as_array().into_iter().flatten() {
                    note("namespaces", identifier["namespace"].as_str().unwrap_or_default());
                }
                for name in
                    touchpoint["attributes"].as_object().into_iter().flat_map(|members| members.keys())
                {
                    note("attributes", name);
                }
                for consent in touchpoint["consents"].as_array().into_iter().flatten() {
                    let text = |name: &str| consent[name].as_str().unwrap_or_default().to_owned();
                    note("consents", &format!("{} {}", text("purpose"), text("decision")));
                }
                if touchpoint["order"].is_object() {
                    note("orders", "order");
                }
            }
            for refusal in list("refused") {
                note("refused", refusal["kind"].as_str().unwrap_or_default());
            }
            for name in outcome["dropped"].as_object().into_iter().flat_map(|members| members.keys()) {
                note("dropped", name);
            }
        }
        writeln!(
            self.0,
            "{source} < {file}: {} records, {touchpoints} touchpoints of {} types, {nothing} about nobody",
            records.len(),
            types.len()
        )
        .expect("a String takes whatever is written to it");
        for (what, names) in seen {
            let names: Vec<String> = names.iter().map(|(name, count)| format!("{name} {count}")).collect();
            writeln!(self.0, "  {what}: {}", names.join(", "))
                .expect("a String takes whatever is written to it");
        }
    }

    fn compare(self) {
        let path = Path::new("payloads.txt");
        if blessing() {
            std::fs::write(path, &self.0).expect("is written");
            return;
        }
        let expected = std::fs::read_to_string(path).expect("`make bless` writes it");
        assert!(self.0 == expected, "payloads.txt differs; `make bless` rewrites it:\n{}", self.0);
    }
}
