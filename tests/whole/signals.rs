//! The rules of `[signals.<purpose>]` hold wherever records are captured: the same configuration, the same decisions.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::programs::program;
use crate::steward::{lines, said};

/// The tests run in their own folder, beside that of the mappings.
const RULES: &str = r#"
    [capture]
    sources_dir = "../sources"

    [signals.advertising]
    gpc = true
    tcf = { purposes = [2] }

    [signals.tracking]
    gpc = true
"#;

/// A rule for each kind of signal that is no string of the IAB.
const OTHERS: &str = r#"
    [capture]
    sources_dir = "../sources"

    [signals.sale]
    opt_outs = ["sale"]

    [signals.ads]
    consent_mode = ["ad_storage"]

    [signals.measuring]
    segment = ["Analytics"]

    [signals.newsletter]
    email = { double_opt_in = true }
"#;

/// A folder with a configuration that has the rules, and one that has none.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().expect("a folder"));
        let (without, _) = RULES.split_once("[signals").expect("rules");
        std::fs::write(desk.path("rules.toml"), RULES).expect("writes");
        std::fs::write(desk.path("none.toml"), without).expect("writes");
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).expect("writes");
        self.path(name).display().to_string()
    }

    /// What `kinfold` answers under a configuration.
    fn ask(&self, config: &str, arguments: &[&str]) -> String {
        let mut command = program("kinfold");
        command.env("KINFOLD_SECRET", "the secret of tests of signals").args(arguments);
        let answer = command.arg("--config").arg(self.path(config)).output().expect("kinfold runs");
        assert!(answer.status.success(), "{arguments:?}: {}", said(&answer.stderr));
        said(&answer.stdout)
    }
}

/// A touchpoint of somebody with these signals.
fn record(id: &str, signals: Value) -> String {
    let record = json!({
        "touchpoint_id": id, "time": "2026-03-01T10:15:00Z", "source": "shop", "channel": "web", "type": "consent",
        "identifiers": [{"namespace": "customer_id", "value": id}], "consent_signals": signals,
    });
    format!("{record}\n")
}

#[test]
fn people_have_the_decisions_that_their_signals_mean_and_none_without_rules() {
    let desk = Desk::new();
    let unreadable = record("two", json!({"tcf": "no string"}));
    let file = desk.file("records.jsonl", &(record("one", json!({"gpc": true})) + &unreadable));
    let decisions = |config: &str| -> Vec<[Value; 2]> {
        let out = desk.path(&format!("{config}.out"));
        desk.ask(config, &["resolve", "--strict", "--out", &out.display().to_string(), &file]);
        let consents = lines(&out.join("consents.jsonl"));
        consents.iter().map(|consent| ["purpose", "state"].map(|name| consent[name].clone())).collect()
    };
    let denied = |purpose: &str| [json!(purpose), json!("denied")];
    assert_eq!(decisions("rules.toml"), [denied("advertising"), denied("tracking")]);
    assert!(decisions("none.toml").is_empty());
}

#[test]
fn every_kind_of_rule_decides_and_somebody_who_only_asked_for_a_newsletter_has_no_entry() {
    let desk = Desk::new();
    desk.file("others.toml", OTHERS);
    let signals = [
        ("one", json!({"us_privacy": "1YYN"})),
        ("two", json!({"consent_mode": {"ad_storage": "denied"}})),
        ("three", json!({"segment": {"categoryPreferences": {"Analytics": true}}})),
        ("four", json!({"email": "opt_in_requested"})),
        ("five", json!({"email": "opt_in_confirmed"})),
        ("six", json!({"email": "spam_complaint"})),
    ];
    let records: String = signals.into_iter().map(|(id, signals)| record(id, signals)).collect();
    let file = desk.file("records.jsonl", &records);
    let out = desk.path("out");
    desk.ask("others.toml", &["resolve", "--strict", "--out", &out.display().to_string(), &file]);
    let mut found: Vec<String> = lines(&out.join("consents.jsonl"))
        .iter()
        .map(|consent| ["purpose", "channel", "state"].map(|name| consent[name].to_string()).join(" "))
        .collect();
    found.sort();
    let expected = [
        r#""ads" null "denied""#,
        r#""measuring" null "granted""#,
        r#""newsletter" "email" "denied""#,
        r#""newsletter" "email" "granted""#,
        r#""sale" null "denied""#,
    ];
    assert_eq!(found, expected);
}

#[test]
fn what_a_mapping_passes_on_as_a_signal_is_decided_by_the_rules() {
    let desk = Desk::new();
    desk.file("others.toml", OTHERS);
    let payload = json!({
        "type": "identify", "messageId": "m-1", "userId": "C-1", "timestamp": "2026-03-01T10:15:00Z",
        "context": {"consent": {"categoryPreferences": {"Analytics": false}}},
    });
    let file = desk.file("payload.json", &payload.to_string());
    let out = desk.path("out");
    let place = out.display().to_string();
    desk.ask("others.toml", &["resolve", "--strict", "--source", "segment", "--out", &place, &file]);
    let consents = lines(&out.join("consents.jsonl"));
    let [only] = consents.as_slice() else { panic!("one consent, not {}", consents.len()) };
    assert_eq!((&only["purpose"], &only["state"]), (&json!("measuring"), &json!("denied")));
}

#[test]
fn what_cannot_be_read_counts_against_its_source_where_there_are_rules() {
    let desk = Desk::new();
    let file = desk.file("records.jsonl", &record("one", json!({"tcf": "no string"})));
    let table = |config: &str| desk.ask(config, &["quality", "--as-of", "2026-03-01T12:00:00Z", &file]);
    assert!(table("rules.toml").contains("1 malformed"), "{}", table("rules.toml"));
    assert!(!table("none.toml").contains("malformed"), "{}", table("none.toml"));
}

#[test]
fn a_mapping_is_judged_by_what_the_consumers_would_say_to_its_signals() {
    let desk = Desk::new();
    let purposes: serde_json::Map<String, Value> =
        (0..31).map(|number| (format!("p-{number}"), json!(true))).collect();
    let payload = json!({
        "event": "save", "time": "2026-03-01T10:15:00Z", "user_id": "C-1", "purposes": purposes, "gpc": true,
    });
    let file = desk.file("payload.json", &payload.to_string());
    let mapped = |config: &str| desk.ask(config, &["map", "cmp", &file]);
    // With the two that Global Privacy Control means, there is one decision more than a touchpoint has room for.
    assert!(mapped("rules.toml").contains("refused   too_many_elements"), "{}", mapped("rules.toml"));
    assert!(!mapped("none.toml").contains("refused"), "{}", mapped("none.toml"));
}

#[test]
fn the_rules_in_effect_are_printed() {
    let desk = Desk::new();
    let settings = desk.ask("rules.toml", &["config", "check"]);
    assert!(settings.contains("\n[signals.tracking]\n"), "{settings}");
}
