//! Bad values among good ones: each is refused or flagged, whoever sent it keeps what else was said of them, and no sum of anybody moves.

use std::collections::BTreeMap;
use std::sync::Arc;

use fastrand::Rng;
use kinfold_capture::{Capture, Settings};
use kinfold_cli::run::Setup;
use kinfold_model::{
    Amount, DeadLetter, FlagKind, Keys, RefusalKind, SourceQuality, Timestamp, UnifiedProfile,
};
use kinfold_pipeline::{Shelf, StageName};
use kinfold_wire::{SchemaIds, Topic, decode};
use serde_json::{Value, json};

use crate::local::config;

const PEOPLE: usize = 6;
const ORDERS: usize = 5;

/// Who bought what, by the number of the person.
fn email(person: usize) -> String {
    format!("p{person}@example.org")
}

fn record(id: &str, person: usize, more: &Value) -> Value {
    let mut record = json!({
        "touchpoint_id": id, "time": "2026-03-01T10:00:00Z", "source": "webshop", "channel": "web", "type": "order",
        "identifiers": [{ "namespace": "email", "value": email(person) }],
    });
    for (name, value) in more.as_object().expect("members") {
        record[name] = value.clone();
    }
    record
}

/// Five orders of each of six people, no two of one value.
fn good() -> Vec<Value> {
    let order = |person: usize, order: usize| {
        let value = format!("{}.{order}{person}", 100 * person + order);
        let bought = json!({ "order_id": format!("O-{person}-{order}"), "value": value, "currency": "EUR", "items": 2 });
        record(&format!("good-{person}-{order}"), person, &json!({ "order": bought }))
    };
    (0..PEOPLE).flat_map(|person| (0..ORDERS).map(move |number| order(person, number))).collect()
}

/// What the good orders bring in: of each person five times a hundred euros for each before them, 0 to 4 euros more, as many times ten cents, and
/// a cent for each person before them.
const CENTS_OF_GOOD: usize = {
    let before = PEOPLE * (PEOPLE - 1) / 2;
    let numbers = ORDERS * (ORDERS - 1) / 2;
    ORDERS * before * 10_000 + PEOPLE * numbers * 100 + PEOPLE * numbers * 10 + ORDERS * before
};

/// A revenue in euros and in nothing else.
fn euros(cents: usize) -> BTreeMap<String, String> {
    BTreeMap::from([("EUR".to_owned(), format!("{}.{:02}", cents / 100, cents % 100))])
}

/// A bad order of person 0 under the id of a good one, so that whatever of it passed would be seen in a sum.
fn bad_order(member: &str, value: &Value) -> Value {
    let mut order = json!({ "order_id": "O-0-0", "value": "1.00", "currency": "EUR", "items": 1 });
    order[member] = value.clone();
    // The newest report of an order counts.
    record("bad", 0, &json!({ "order": order, "time": "2026-03-02T10:00:00Z" }))
}

/// What is refused: the record, the kind, and the member at fault.
fn refused() -> Vec<(Value, RefusalKind, &'static str)> {
    use RefusalKind::{BadMoney, OutOfRange, WrongType};
    let orders = [
        ("items", json!(-3), OutOfRange, "order.items"),
        ("items", json!(2.5), WrongType, "order.items"),
        ("items", json!(10_000_000_000_i64), OutOfRange, "order.items"),
        ("value", json!(format!("1{}", "0".repeat(30))), BadMoney, "order.value"),
        ("value", json!("1e30"), BadMoney, "order.value"),
        ("value", json!(1e30), WrongType, "order.value"),
        ("value", json!("NaN"), BadMoney, "order.value"),
        ("value", json!("-Infinity"), BadMoney, "order.value"),
        ("value", json!("12,50"), BadMoney, "order.value"),
        ("value", json!("0.00001"), BadMoney, "order.value"),
        ("currency", json!("Euros"), BadMoney, "order.currency"),
        ("currency", json!("€"), BadMoney, "order.currency"),
        ("status", json!("paid twice"), BadMoney, "order.status"),
        ("refunded", json!("1.01"), OutOfRange, "order.refunded"),
        ("refunded", json!("NaN"), BadMoney, "order.refunded"),
    ];
    let moods = [(json!("NaN"), WrongType), (json!(1e30), OutOfRange)].map(|(sentiment, kind)| {
        let mood = json!({ "engagement": { "sentiment": sentiment } });
        (record("bad", 0, &mood), kind, "engagement.sentiment")
    });
    orders
        .map(|(member, value, kind, path)| (bad_order(member, &value), kind, path))
        .into_iter()
        .chain(moods)
        .collect()
}

/// What came out of records.
struct Found {
    /// By e-mail address.
    profiles: BTreeMap<String, UnifiedProfile>,
    letters: Vec<DeadLetter>,
    /// Of the source, as the metrics have it.
    quality: SourceQuality,
}

fn resolve(records: &[Value]) -> Found {
    let folder = tempfile::tempdir().expect("a folder");
    let setup = Setup::new(config(), None).expect("has a secret");
    let mut run = setup.begin(folder.path()).expect("the store opens");
    let source: Arc<str> = Arc::from("webshop");
    for (offset, record) in (0..).zip(records) {
        run.feed(&source, offset, record.to_string().into_bytes()).expect("a record is handled or refused");
    }
    run.publish().expect("people are published");
    let mut profiles = BTreeMap::new();
    let see = &mut |_: &[u8], value: &[u8]| {
        let profile: UnifiedProfile =
            decode(Topic::UnifiedProfile, &SchemaIds::default(), value).expect("we wrote it");
        let email = profile.identifiers.first().map(|identifier| identifier.value.clone());
        profiles.insert(email.unwrap_or_default(), UnifiedProfile { version: 0, ..profile });
    };
    run.local.visit(Shelf::Topic(Topic::UnifiedProfile), see).expect("the store is read");
    let letter = |value: &Vec<u8>| {
        decode(Topic::TouchpointRefused, &SchemaIds::default(), value).expect("we wrote it")
    };
    let letters = run.heard.refused.iter().map(letter).collect();
    let mut quality = SourceQuality::default();
    run.local.tally(StageName::Capture).sources.values().for_each(|of_place| quality.add(of_place));
    Found { profiles, letters, quality }
}

/// Of all people together, by currency.
fn revenue(profiles: &BTreeMap<String, UnifiedProfile>) -> BTreeMap<String, String> {
    let mut sums = BTreeMap::<String, Amount>::new();
    for (currency, amount) in profiles.values().flat_map(|profile| &profile.metrics.revenue) {
        *sums.entry(currency.clone()).or_default() += *amount;
    }
    sums.into_iter().map(|(currency, sum)| (currency, sum.to_string())).collect()
}

/// The flags that capture sets on a record.
fn flags(record: &Value) -> Vec<(FlagKind, String)> {
    let keys = Keys::new(config().require_secret().expect("has a secret"));
    let capture = Capture::new(keys, config().rules, Settings::default());
    let now: Timestamp = "2026-03-03T00:00:00Z".parse().expect("a time");
    let touchpoint = capture.touchpoint(record.to_string().as_bytes(), now).expect("a flag refuses nothing");
    touchpoint.flags.into_iter().map(|flag| (flag.kind, flag.member)).collect()
}

/// How many touchpoints have a flag of this kind.
fn flagged(quality: &SourceQuality, kind: FlagKind) -> u64 {
    quality.flags.get(&kind).copied().unwrap_or_default()
}

#[test]
fn profiles_among_bad_records_are_those_without_them_to_the_last_bit() {
    let clean = resolve(&good());
    assert_eq!(clean.profiles.len(), PEOPLE);
    let bad = refused();
    let mut records: Vec<Value> =
        good().into_iter().chain(bad.iter().map(|(record, ..)| record.clone())).collect();
    Rng::with_seed(9).shuffle(&mut records);
    let found = resolve(&records);
    assert_eq!(revenue(&clean.profiles), euros(CENTS_OF_GOOD));
    assert_eq!(revenue(&found.profiles), euros(CENTS_OF_GOOD));
    assert!(found.profiles == clean.profiles, "a record that was refused left something behind");
    let mut is: Vec<(&str, &str)> =
        found.letters.iter().map(|letter| (letter.kind.as_str(), letter.member.as_str())).collect();
    let mut should: Vec<(&str, &str)> =
        bad.iter().map(|(_, kind, member)| (kind.as_str(), *member)).collect();
    is.sort_unstable();
    should.sort_unstable();
    assert_eq!(is, should);
    assert_eq!(found.quality.refused.values().sum::<u64>(), bad.len() as u64, "the metrics tell of each");
}

#[test]
fn a_currency_that_nobody_knows_is_flagged_and_has_a_sum_of_its_own() {
    let bought = json!({ "order_id": "X-1", "value": "999999999999.99", "currency": "XQX" });
    let odd = record("odd-currency", 0, &json!({ "order": bought }));
    assert_eq!(flags(&odd), [(FlagKind::Malformed, "order.currency".to_owned())]);
    let records: Vec<Value> = good().into_iter().chain([odd]).collect();
    let (clean, found) = (resolve(&good()), resolve(&records));
    assert_eq!(flagged(&found.quality, FlagKind::Malformed), 1);
    let mut expected = euros(CENTS_OF_GOOD);
    expected.insert("XQX".to_owned(), "999999999999.99".to_owned());
    assert_eq!(revenue(&found.profiles), expected);
    let mean = |found: &Found| found.profiles[&email(0)].metrics.average_order_value["EUR"];
    assert_eq!(mean(&found), mean(&clean), "the mean is that of one currency");
}

#[test]
fn an_order_of_a_negative_value_that_came_back_is_flagged_and_taken_as_it_stands() {
    let bought = json!({ "order_id": "R-1", "value": "-50.00", "currency": "EUR", "status": "returned" });
    let odd = record("odd-return", 0, &json!({ "order": bought }));
    assert_eq!(flags(&odd), [(FlagKind::Implausible, "order.status".to_owned())]);
    let records: Vec<Value> = good().into_iter().chain([odd]).collect();
    let found = resolve(&records);
    assert_eq!(flagged(&found.quality, FlagKind::Implausible), 1);
    assert_eq!(revenue(&found.profiles), euros(CENTS_OF_GOOD - 5000));
}

#[test]
fn the_largest_amounts_that_pass_add_up_exactly() {
    let order = |number: usize| {
        let bought =
            json!({ "order_id": format!("L-{number}"), "value": "999999999999.9999", "currency": "CHF" });
        record(&format!("large-{number}"), 0, &json!({ "order": bought }))
    };
    let records: Vec<Value> = (0..1000).map(order).collect();
    let sums = revenue(&resolve(&records).profiles);
    assert_eq!(sums, BTreeMap::from([("CHF".to_owned(), "999999999999999.90".to_owned())]));
}

#[test]
fn a_birth_that_cannot_be_is_flagged_and_kept_is_in_no_standard_field_and_takes_no_place_from_one_that_can() {
    for (text, kind) in [
        ("2199-12-31", FlagKind::Implausible),
        ("1870-01-02", FlagKind::Implausible),
        ("31.2.1984", FlagKind::Malformed),
        ("NaN", FlagKind::Malformed),
    ] {
        let odd = record("odd-birth", 0, &json!({ "attributes": { "birth_date": text } }));
        assert_eq!(flags(&odd), [(kind, "attributes.birth_date".to_owned())], "{text}");
        let records: Vec<Value> = good().into_iter().chain([odd]).collect();
        let found = resolve(&records);
        assert_eq!(flagged(&found.quality, kind), 1, "{text}");
        let profile = &found.profiles[&email(0)];
        assert_eq!(profile.attributes["birth_date"].value, text, "it is kept as it is");
        assert_eq!(profile.standard.birth_date.map(|date| date.to_string()), None, "{text}");
        assert_eq!(revenue(&found.profiles), euros(CENTS_OF_GOOD), "{text}");
        for time in ["2026-02-28T10:00:00Z", "2026-03-02T10:00:00Z"] {
            let can_be = json!({ "attributes": { "birth_date": "1984-02-29" }, "time": time });
            let records: Vec<Value> =
                records.iter().cloned().chain([record("good-birth", 0, &can_be)]).collect();
            let profile = &resolve(&records).profiles[&email(0)];
            assert_eq!(profile.attributes["birth_date"].value, "1984-02-29", "{text}, {time}");
            let birth_date = profile.standard.birth_date.map(|date| date.to_string());
            assert_eq!(birth_date.as_deref(), Some("1984-02-29"), "{text}, {time}");
        }
    }
}
