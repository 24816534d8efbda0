//! `kinfold clv`: a model of what a state holds is that of the same purchases in a file.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::json;

use crate::programs::kinfold;

/// A purchase: who, on which day of 2025, and how many cents.
type Bought = (usize, u32, u32);

/// People who come back more or less often, for longer or shorter, and pay more or less; each day of each once.
fn purchases() -> Vec<Bought> {
    let mut rng = fastrand::Rng::with_seed(34);
    let mut bought = Vec::new();
    for person in 0..400 {
        let gap = [6, 12, 25, 50, 100][person % 5];
        let leaves = [0.05, 0.2, 0.4, 0.8][person / 5 % 4];
        let mean = [1_000, 2_000, 3_000, 6_000, 12_000][person / 20 % 5];
        let mut day = rng.u32(0..90);
        while day < 365 {
            bought.push((person, day, mean / 2 + rng.u32(0..mean)));
            if rng.f64() < leaves {
                break;
            }
            day += rng.u32(1..2 * gap);
        }
    }
    bought
}

/// As a calendar of 2025 has it.
fn date(day: u32) -> String {
    let months = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut rest = day;
    for (month, days) in (1..).zip(months) {
        if rest < days {
            return format!("2025-{month:02}-{:02}", rest + 1);
        }
        rest -= days;
    }
    unreachable!("the year has 365 days")
}

fn money(cents: u32) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

fn csv(bought: &[Bought]) -> String {
    let mut file = "id,date,value\n".to_owned();
    for (person, day, cents) in bought {
        writeln!(file, "{person},{},{}", date(*day), money(*cents)).expect("a String takes it");
    }
    file
}

/// Each order is told twice, by the shop and by the CRM; some are in a currency of which there is no model.
fn touchpoints(bought: &[Bought]) -> String {
    let mut file = String::new();
    for (number, (person, day, cents)) in bought.iter().enumerate() {
        let email = json!({ "namespace": "email", "value": format!("p{person}@example.org") });
        let customer = json!({ "namespace": "customer_id", "value": format!("C-{person}") });
        for (source, identifiers) in [("webshop", json!([email])), ("crm", json!([email, customer]))] {
            let record = json!({
                "touchpoint_id": format!("{source}-{number}"), "time": format!("{}T12:00:00Z", date(*day)), "source": source,
                "channel": "web", "type": "order", "identifiers": identifiers,
                "order": { "order_id": format!("O-{number}"), "value": money(*cents), "currency": "EUR", "items": 1 },
            });
            writeln!(file, "{record}").expect("a String takes it");
        }
        let abroad = json!({
            "touchpoint_id": format!("abroad-{number}"), "time": "2025-07-01T12:00:00Z", "source": "webshop", "channel": "web",
            "type": "order", "identifiers": [email],
            "order": { "order_id": format!("A-{number}"), "value": "5.00", "currency": "CHF", "items": 1 },
        });
        writeln!(file, "{abroad}").expect("a String takes it");
    }
    file
}

fn fit(out: &Path, of: &[&str]) -> String {
    let out_text = out.to_str().expect("text");
    let answer = kinfold(
        &[&["clv", "fit", "--currency", "EUR", "--until", "2025-12-31", "--out", out_text], of].concat(),
    );
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    let said = String::from_utf8(answer.stdout).expect("a table is text");
    assert!(["alpha", "400 customers"].iter().all(|words| said.contains(words)), "{said}");
    std::fs::read_to_string(out).expect("it was written")
}

#[test]
fn a_state_and_a_file_of_the_same_purchases_give_the_same_model() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
    let bought = purchases();
    let once: BTreeSet<(usize, u32)> = bought.iter().map(|(person, day, _)| (*person, *day)).collect();
    assert_eq!(once.len(), bought.len(), "nobody buys twice on a day");
    std::fs::write(at("t.csv"), csv(&bought)).expect("writes");
    std::fs::write(at("t.jsonl"), touchpoints(&bought)).expect("writes");
    let answer = kinfold(&["resolve", "--state", &at("state"), &at("t.jsonl")]);
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    let of_state = fit(Path::new(&at("a.toml")), &["--state", &at("state")]);
    let of_file = fit(Path::new(&at("b.toml")), &["--transactions", &at("t.csv")]);
    assert_eq!(of_state, of_file);
}

#[test]
fn a_forecast_is_compared_with_what_came_and_drawn() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
    std::fs::write(at("t.csv"), csv(&purchases())).expect("writes");
    let (csv_file, svg_file) = (at("t.csv"), at("t.svg"));
    let flags = ["clv", "track", "--currency", "EUR", "--transactions", &csv_file, "--svg", &svg_file];
    let answer = kinfold(&[&flags[..], &["--until", "2025-08-31"]].concat());
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    let said = String::from_utf8(answer.stdout).expect("a table is text");
    assert!(said.contains("400 customers") && said.contains("% apart"), "{said}");
    assert!(std::fs::read_to_string(at("t.svg")).expect("it was written").starts_with("<svg"));
    let answer = kinfold(&[&flags[..], &["--until", "2025-12-31"]].concat());
    assert_eq!(answer.status.code(), Some(64), "there is nothing left to compare with");
}

#[test]
fn a_folder_without_people_is_named_with_the_remedy() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().to_str().expect("text");
    let answer = kinfold(&["clv", "fit", "--currency", "EUR", "--state", state, "--out", "unused.toml"]);
    assert_eq!(answer.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&answer.stderr).contains("kinfold resolve --state"));
}

#[test]
fn invented_people_who_stop_buying_can_be_fitted() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
    let run = |arguments: &[&str]| {
        let answer = kinfold(arguments);
        assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    };
    run(&["generate", "--churn", "25", "--out", &at("sample")]);
    // Some records of a sample are damaged on purpose.
    drop(kinfold(&["resolve", "--state", &at("state"), &at("sample/touchpoints.jsonl")]));
    run(&["clv", "fit", "--currency", "EUR", "--state", &at("state"), "--out", &at("model.toml")]);
}
