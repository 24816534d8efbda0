//! No personal value in sight: the three consumers work at the level `trace` on touchpoints that are right, damaged and in
//! vendors' forms; then everything that they print and answer is searched for every value that went in, and for every value as it
//! travels on, which capture may have written otherwise: as it was, in small letters, percent-encoded, in hexadecimal, in Base64 and
//! as SHA-256.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use aho_corasick::AhoCorasick;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use kinfold_daemon::config::Config;
use kinfold_daemon::process::kafka_settings;
use kinfold_kafka::Settings;
use kinfold_kafka::client::produce;
use kinfold_kafka::reader::{Isolation, read};
use kinfold_model::Touchpoint;
use kinfold_testkit::broker::Broker;
use kinfold_testkit::workspace::workspace;
use kinfold_wire::{SchemaIds, Topic, decode, raw_topic};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::command_line::get;
use crate::local::sample;
use crate::on_kafka::free_address;
use crate::programs::{Running, program};

const CONSUMERS: [&str; 3] = ["kinfold-capture", "kinfold-stitch", "kinfold-profile"];
/// Sources of which the cases are sent as payloads.
const MAPPED: [&str; 6] = ["segment", "hubspot", "mailchimp", "salesforce", "call-centre", "typeform"];
/// Members of a touchpoint's attributes that tell of nobody.
const HARMLESS: [&str; 7] = ["language", "country", "plan", "currency", "company", "priority", "score"];
/// Shorter texts are found within others, and therefore looked for as words of their own: `Ann` is, and `Annual` is not.
const SHORTEST: usize = 6;
/// Shorter words are found by accident.
const SHORTEST_WORD: usize = 3;
/// Of numbers, times and amounts, shorter ones are found by accident in all that programs count: postal codes, scores.
const SHORTEST_NUMBER: usize = 8;
/// The form of a text that is looked for as a word of its own.
const AS_A_WORD: &str = "as a word";
/// How long anything may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(180);

#[test]
fn what_consumers_print_and_answer_holds_no_value_of_anybody() {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = Broker::start(&folder.path().join("broker"));
    let (canonical, payloads) = (canonical(), payloads());
    let mut values = BTreeSet::new();
    canonical.iter().for_each(|(_, record)| note_touchpoint(record, &mut values));
    payloads.iter().for_each(|(_, payload)| note_payload(payload, &mut values));
    assert!(values.len() > 1000, "{} values are no sample", values.len());

    let email = address_of_somebody(&canonical);
    let key = folder.path().join("desk.key").display().to_string();
    let mut variables = variables(&broker.address);
    let printed = run(&variables, &["privacy", "keygen", &key]);
    let public = printed.split('"').nth(1).expect("a public key").to_owned();
    variables.insert("KINFOLD_PRIVACY__VERIFIERS__DESK__PUBLIC_KEY".to_owned(), public);
    let settings = kafka_settings(&Config::load(None, variables.clone().into_iter()).expect("right"));
    let applied = program("kinfold").args(["topics", "apply"]).envs(&variables).output().expect("runs");
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    let consumers = CONSUMERS.map(|consumer| start(consumer, &variables, folder.path()));
    let records = canonical.into_iter().chain(payloads);
    produce(&settings, records).expect("records arrive");
    until_at_rest(&settings);
    note_captured(&settings, &mut values);
    // Somebody is erased; somebody else may not ask, and what nobody can read asks for nothing.
    let unreadable = format!("{{\"erase\": \"{email}\"}}").into_bytes();
    produce(&settings, [("privacy-request".to_owned(), unreadable)].into_iter()).expect("it arrives");
    let email = format!("email:{email}");
    let mut seen = run(&variables, &["privacy", "erase", &email, "--verifier", "desk", "--key", &key]);
    assert!(seen.contains("done"), "nobody was erased");
    seen += &run(&variables, &["privacy", "erase", &email, "--verifier", "nobody", "--key", &key]);
    for (address, _) in &consumers {
        for page in ["/metrics", "/status", "/ready", "/live"] {
            let answer = get(address, page).expect("it answers");
            // Each tells the day it is sent, and in January that has the name of somebody.
            let lines = answer.lines().filter(|line| !line.to_ascii_lowercase().starts_with("date:"));
            seen.extend(lines.flat_map(|line| [line, "\n"]));
        }
    }
    let list = program("kinfold").args(["dead", "list"]).envs(&variables).output().expect("runs");
    assert!(list.status.success(), "{}", String::from_utf8_lossy(&list.stderr));
    seen += &String::from_utf8_lossy(&list.stdout);
    for (_, running) in consumers {
        assert_eq!(running.stop(), Some(0));
    }
    for consumer in CONSUMERS {
        let log = std::fs::read_to_string(folder.path().join(consumer)).expect("a log");
        assert!(log.contains("starts"), "{consumer} says nothing");
        seen += &log;
    }
    let found = found(&values, &seen);
    // What was found is personal, so that only its form and place are told.
    assert!(found.is_empty(), "{} of {} values are in sight: {found:#?}", found.len(), values.len());
}

#[test]
fn a_value_is_found_in_every_form() {
    for value in ["Ann.Bloom+x@example.org", "+493023125000", "Ann", "O-99"] {
        let values = BTreeSet::from([value.to_owned()]);
        for (form, text) in forms(value) {
            assert_eq!(found(&values, &format!("key={text}, more")).len(), 1, "{form} of {value}");
        }
    }
    let values = ["Ann.Bloom+x@example.org", "+493023125000", "Ann", "01067", "Bo"].map(str::to_owned).into();
    assert!(found(&values, "The Annual of Ann_ and Bloom, 49302312500, in 01067 ms, Bo").len() == 1, "Ann_");
    assert!(found(&values, "Annual, Hann, 49302312500, 01067, Bo").is_empty());
    // One that is no word of its own hides none that begins with it.
    let values = ["Ann", "Anna.Lee@example.org"].map(str::to_owned).into();
    assert_eq!(found(&values, "<Anna.Lee@example.org>").len(), 1);
}

fn variables(bootstrap: &str) -> BTreeMap<String, String> {
    let sources: Vec<&str> =
        kinfold_cli::generate::SOURCES.iter().map(|(source, _)| *source).chain(MAPPED).collect();
    [
        ("KINFOLD_SECRET", "a secret that only tests use".to_owned()),
        ("KINFOLD_KAFKA__BOOTSTRAP", bootstrap.to_owned()),
        ("KINFOLD_KAFKA__SESSION_TIMEOUT_MS", "10000".to_owned()),
        ("KINFOLD_KAFKA__TRANSACTION_TIMEOUT_MS", "8000".to_owned()),
        ("KINFOLD_TOPICS__PARTITIONS", "2".to_owned()),
        ("KINFOLD_TOPICS__SOURCES", sources.join(",")),
        ("KINFOLD_CAPTURE__SOURCES_DIR", workspace().join("sources").display().to_string()),
        ("KINFOLD_CAPTURE__BRAKE_RATIO", "0".to_owned()),
        ("KINFOLD_LOG__LEVEL", "trace".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn start(consumer: &str, variables: &BTreeMap<String, String>, folder: &Path) -> (String, Running) {
    let address = free_address();
    let log = std::fs::File::create(folder.join(consumer)).expect("a file");
    let child = program(consumer)
        .envs(variables)
        .env("KINFOLD_STATE__DIR", folder.join("state"))
        .env("KINFOLD_HTTP__LISTEN", &address)
        .stdout(log.try_clone().expect("a file"))
        .stderr(Stdio::from(log))
        .spawn();
    (address, Running(child.expect("a consumer starts")))
}

/// Touchpoints of invented people, every tenth of them with a member too much, a time that is none or a cut in the midst.
fn canonical() -> Vec<(String, Vec<u8>)> {
    let damage = |number: usize, mut record: Vec<u8>| {
        match number % 40 {
            7 => record.truncate(record.len() - 9),
            17 => drop(record.splice(..1, *b"{\"shoe_size\":\"Extraordinary\",")),
            27 => drop(record.splice(..1, *b"{\"time\":\"Extraordinary\",")),
            37 => drop(record.splice(..1, *b"Extraordinary{")),
            _ => {}
        }
        record
    };
    let records = sample(300, 3000).generate().enumerate();
    records
        .map(|(number, one)| (raw_topic(one.source), damage(number, with_large_order(one.record))))
        .collect()
}

/// With an amount that nobody writes by accident.
fn with_large_order(record: Vec<u8>) -> Vec<u8> {
    let parts = std::str::from_utf8(&record).ok().and_then(|text| text.split_once(r#""order_id":"#));
    let Some((before, order)) = parts else { return record };
    let order = order.replacen(r#","value":""#, r#","value":"4711300"#, 1);
    format!(r#"{before}"order_id":{order}"#).into_bytes()
}

/// An e-mail address that a record of the sample has.
fn address_of_somebody(records: &[(String, Vec<u8>)]) -> String {
    let of = |record: &[u8]| -> Option<String> {
        let record: Value = serde_json::from_slice(record).ok()?;
        let mut identifiers = record["identifiers"].as_array()?.iter();
        let one = identifiers.find(|one| one["namespace"] == "email")?;
        Some(one["value"].as_str()?.trim().to_owned()).filter(|value| value.contains('@'))
    };
    records.iter().find_map(|(_, record)| of(record)).expect("somebody has one")
}

/// What `kinfold` prints.
fn run(variables: &BTreeMap<String, String>, arguments: &[&str]) -> String {
    let output = program("kinfold").args(arguments).envs(variables).output().expect("runs");
    [output.stdout, output.stderr].iter().map(|said| String::from_utf8_lossy(said).into_owned()).collect()
}

/// The payloads of the cases of some sources, whole and with a cut in the midst.
fn payloads() -> Vec<(String, Vec<u8>)> {
    let mut payloads = Vec::new();
    for source in MAPPED {
        let folder = workspace().join("sources").join(format!("{source}.cases"));
        for entry in std::fs::read_dir(folder).expect("has cases") {
            let path = entry.expect("an entry").path();
            if !path.to_string_lossy().ends_with(".out.json") {
                let payload = std::fs::read(path).expect("a payload");
                payloads.push((raw_topic(source), payload[..payload.len() * 2 / 3].to_vec()));
                payloads.push((raw_topic(source), payload));
            }
        }
    }
    payloads
}

fn note_touchpoint(record: &[u8], values: &mut BTreeSet<String>) {
    values.insert("Extraordinary".to_owned());
    let Ok(touchpoint) = serde_json::from_slice::<Value>(record) else { return };
    let identifiers = touchpoint["identifiers"].as_array().into_iter().flatten();
    let identifiers = identifiers.filter_map(|identifier| identifier["value"].as_str());
    let attributes = touchpoint["attributes"].as_object().into_iter().flatten();
    let attributes = attributes.filter(|(name, _)| !HARMLESS.contains(&name.as_str()));
    let said = identifiers.chain(attributes.filter_map(|(_, value)| value.as_str()));
    values.extend(said.map(str::to_owned));
}

/// Of touchpoints what they say of somebody, as capture wrote it for the stages after it. Names are not among it: of sources,
/// channels, types, actions and purposes. Neither is what tells of nobody.
fn note_captured(settings: &Settings, values: &mut BTreeSet<String>) {
    let records = read(settings, Topic::Touchpoint.as_str(), Isolation::Committed).expect("is read");
    let records = records.into_iter().filter_map(|record| record.value);
    let touchpoints: Vec<Touchpoint> = records
        .map(|value| decode(Topic::Touchpoint, &SchemaIds::default(), &value).expect("capture wrote it"))
        .collect();
    assert!(touchpoints.len() > 2000, "{} touchpoints are no sample", touchpoints.len());
    let mut said = BTreeSet::new();
    for touchpoint in touchpoints {
        let Touchpoint { identifiers, attributes, consents, consent_signals, order, engagement, .. } =
            touchpoint;
        said.extend(identifiers.into_iter().map(|identifier| identifier.value));
        let attributes = attributes.into_iter().filter(|(name, _)| !HARMLESS.contains(&name.as_str()));
        said.extend(attributes.map(|(_, value)| value));
        said.extend(consents.into_iter().filter_map(|consent| consent.wording));
        let signals = consent_signals.map(|signals| [signals.tcf, signals.gpp, signals.us_privacy]);
        said.extend(signals.into_iter().flatten().flatten());
        said.extend(order.into_iter().flat_map(|order| [order.value.to_string(), order.order_id]));
        said.extend(engagement.and_then(|engagement| engagement.campaign));
    }
    let is_telephone = |value: &&String| value.strip_prefix('+').is_some_and(is_number);
    assert!(said.iter().filter(is_telephone).count() > 20, "telephones travel as E.164");
    assert!(said.iter().any(|value| value.starts_with("4711300")), "amounts are unmistakable");
    values.extend(said);
}

/// Of a payload the addresses and telephone numbers, wherever they stand in it.
fn note_payload(payload: &[u8], values: &mut BTreeSet<String>) {
    let text = String::from_utf8_lossy(payload);
    let words = text.split(|c: char| c.is_whitespace() || "\"',;:<>()[]{}\\&=".contains(c));
    let tells = |word: &&str| {
        word.contains('@') || word.starts_with('+') && word[1..].bytes().all(|byte| byte.is_ascii_digit())
    };
    values.extend(words.filter(tells).map(str::to_owned));
}

/// Waits until nothing more comes of what was sent.
fn until_at_rest(settings: &Settings) {
    let count = |topic: Topic| read(settings, topic.as_str(), Isolation::Committed).expect("is read").len();
    let (begin, mut last, mut since) = (Instant::now(), 0, Instant::now());
    while since.elapsed() < Duration::from_secs(8) || last == 0 {
        assert!(begin.elapsed() < PATIENCE, "the consumers do not come to rest");
        thread::sleep(Duration::from_millis(500));
        let now = count(Topic::UnifiedProfile);
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    assert!(count(Topic::TouchpointRefused) > 200, "what is refused is part of the sample");
}

/// Every form in which a value would be the same value, and would not be found by accident.
fn forms(value: &str) -> Vec<(&'static str, String)> {
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
    let escaped = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    let small = value.to_lowercase();
    let mut forms = vec![
        ("SHA-256", hex(&Sha256::digest(value))),
        ("SHA-256 of small letters", hex(&Sha256::digest(&small))),
        ("SHA-256 in Base64", STANDARD.encode(Sha256::digest(&small))),
    ];
    let shortest = if is_number(value) { SHORTEST_NUMBER } else { SHORTEST };
    if value.len() < shortest {
        let is_word = !is_number(value) && value.len() >= SHORTEST_WORD;
        forms.extend(is_word.then(|| (AS_A_WORD, value.to_owned())));
        return forms;
    }
    let without_plus = value.strip_prefix('+').filter(|digits| digits.len() >= SHORTEST_NUMBER);
    forms.extend(without_plus.map(|digits| ("without its plus", digits.to_owned())));
    forms.extend([
        ("as it was", value.to_owned()),
        ("in small letters", small.clone()),
        ("percent-encoded", value.bytes().map(escaped).collect()),
        ("hexadecimal", hex(value.as_bytes())),
        ("Base64", STANDARD.encode(value)),
        ("Base64 without padding", STANDARD_NO_PAD.encode(value)),
        ("Base64 for addresses", URL_SAFE_NO_PAD.encode(value)),
    ]);
    forms
}

/// Digits, and what stands between them.
fn is_number(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_digit() || b"+-. ".contains(&byte))
}

/// Of each value that is in sight the form, and the first line that shows it, in which the value is covered.
fn found(values: &BTreeSet<String>, seen: &str) -> Vec<(&'static str, String)> {
    let of = |(number, value): (usize, &String)| forms(value).into_iter().map(move |form| (number, form));
    let forms: Vec<(usize, (&str, String))> = values.iter().enumerate().flat_map(of).collect();
    let searcher = AhoCorasick::new(forms.iter().map(|(_, (_, text))| text)).expect("are patterns");
    let mut found = BTreeMap::new();
    for line in seen.lines() {
        for hit in searcher.find_overlapping_iter(line) {
            let (number, (form, text)) = &forms[hit.pattern().as_usize()];
            let (before, after) = (line[..hit.start()].chars().next_back(), line[hit.end()..].chars().next());
            if *form == AS_A_WORD && [before, after].into_iter().flatten().any(char::is_alphanumeric) {
                continue;
            }
            found
                .entry(*number)
                .or_insert_with(|| (*form, line.replace(text, "…").chars().take(300).collect()));
        }
    }
    found.into_values().collect()
}
