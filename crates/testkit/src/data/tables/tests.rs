//! The readers against the counts that were published for the data sets, and against exact matching.

use std::collections::BTreeSet;

use kinfold_capture::{Capture, Settings};
use kinfold_model::{Identifier, NodeId, Timestamp};
use serde_json::Value;

use super::super::{quality, record_id, rules, test_data};
use super::*;
use crate::oracle::{Observation, components};
use crate::world::keys;

/// F1 of connected components, which is what exact matching on all identifiers finds.
fn exact_matching(set: &DataSet) -> f64 {
    let (keys, rules) = (keys(), rules());
    let node = |namespace: &str, value: &str| keys.identifier(&Identifier::new(namespace, value), &rules);
    let observations: Vec<Observation> = set
        .records
        .iter()
        .map(|record| {
            let record: Value = serde_json::from_slice(record).expect("JSON");
            let identifiers = record["identifiers"].as_array().expect("a list").iter().map(|identifier| {
                let (namespace, value) = (identifier["namespace"].as_str(), identifier["value"].as_str());
                let identifier = Identifier::new(namespace.expect("text"), value.expect("text"));
                (keys.identifier(&identifier, &rules), identifier.namespace)
            });
            Observation { time: Timestamp::MIN, identifiers: identifiers.collect(), ..Observation::default() }
        })
        .collect();
    let mut component_of: BTreeMap<NodeId, usize> = BTreeMap::new();
    for (index, component) in components(&observations).into_iter().enumerate() {
        component_of.extend(component.into_iter().map(|node| (node, index)));
    }
    let found: Vec<usize> =
        (0..set.records.len()).map(|index| component_of[&node("record_id", &record_id(index))]).collect();
    quality(&found, &set.clusters).f1
}

fn clusters(set: &DataSet) -> usize {
    set.clusters.iter().collect::<BTreeSet<_>>().len()
}

#[test]
fn easylink_has_its_published_counts_and_floor() {
    let Some(folder) = test_data("easylink-2020") else { return };
    let set = easylink(&folder, 1);
    assert_eq!((set.records.len(), clusters(&set)), (25_887, 16_392));
    let f1 = exact_matching(&set);
    assert!((f1 - 0.956).abs() < 0.0006, "{f1}");
}

#[test]
fn febrl4_has_its_published_counts_and_floor() {
    let Some(folder) = test_data("febrl") else { return };
    let set = febrl4(&folder, 1);
    assert_eq!((set.records.len(), clusters(&set)), (10_000, 5_000));
    let f1 = exact_matching(&set);
    assert!((f1 - 0.954).abs() < 0.0006, "{f1}");
}

#[test]
fn febrl_c_has_its_published_counts_and_floor() {
    let Some(folder) = test_data("febrl-dsgen") else { return };
    let set = febrl_c(&folder, 1);
    assert_eq!((set.records.len(), clusters(&set)), (10_000, 6_000));
    let f1 = exact_matching(&set);
    assert!((f1 - 0.910).abs() < 0.0006, "{f1}");
}

#[test]
fn fake_1000_has_its_published_counts() {
    let Some(folder) = test_data("splink-fake1000") else { return };
    let set = fake_1000(&folder, 1);
    assert_eq!((set.records.len(), clusters(&set)), (1_000, 251));
}

#[test]
fn kanoniv_has_all_people_and_activities_and_no_truth() {
    let Some(folder) = test_data("kanoniv-5source") else { return };
    let set = kanoniv(&folder, 1);
    assert_eq!((set.records.len(), set.clusters.len()), (6_539 + 12_716, 0));
}

#[test]
fn snowplow_has_its_published_counts() {
    let Some(folder) = test_data("snowplow-web") else { return };
    let set = snowplow(&folder, 1);
    assert_eq!((set.records.len(), clusters(&set)), (160, 25));
}

#[test]
fn a_seed_shuffles_records_and_truth_alike() {
    let Some(folder) = test_data("snowplow-web") else { return };
    let (one, same, other) = (snowplow(&folder, 1), snowplow(&folder, 1), snowplow(&folder, 2));
    assert_eq!((&one.records, &one.clusters), (&same.records, &same.clusters));
    assert_ne!(one.records, other.records);
}

#[test]
fn capture_refuses_no_record() {
    type Reader = fn(&Path, u64) -> DataSet;
    let readers: [(&str, Reader); 6] = [
        ("easylink-2020", easylink),
        ("febrl", febrl4),
        ("febrl-dsgen", febrl_c),
        ("splink-fake1000", fake_1000),
        ("kanoniv-5source", kanoniv),
        ("snowplow-web", snowplow),
    ];
    let capture = Capture::new(keys(), rules(), Settings::default());
    let now: Timestamp = "2026-11-01T00:00:00Z".parse().expect("a time");
    for (folder, reader) in readers {
        let Some(path) = test_data(folder) else { return };
        for (index, record) in reader(&path, 1).records.iter().enumerate() {
            assert_eq!(capture.touchpoint(record, now).err(), None, "{folder}, record {index}");
        }
    }
}

#[test]
fn only_what_can_be_an_address_is_one() {
    for text in ["ann@example.org", "a.b+c@x-y.example.org"] {
        assert_eq!(address(text), text);
    }
    for text in
        ["", "ann", "a@b@example.org", "ann@org", "ann@.org", "ann@example.c8m", ".ann@example.org", "ann@"]
    {
        assert_eq!(address(text), "", "{text}");
    }
}
