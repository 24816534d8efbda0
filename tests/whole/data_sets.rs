//! Data that nobody here wrote: where identifiers are strong, people are the connected components that plain
//! union-find gives, and how well these match the truth is at least what exact matching is known to reach.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use kinfold_capture::{Capture, Settings};
use kinfold_cli::run::Setup;
use kinfold_model::{Assignment, Keys, NodeId, PersonId, Timestamp};
use kinfold_pipeline::Shelf;
use kinfold_testkit::data::{DataSet, easylink, fake_1000, febrl_c, febrl4, kanoniv, rules, test_data};
use kinfold_testkit::oracle::{Observation, components};
use kinfold_wire::{SchemaIds, Topic, decode};

use crate::local::config;

type Reader = fn(&Path, u64) -> DataSet;

/// The groups of nodes that a local run makes of a data set.
fn resolved(records: &[Vec<u8>]) -> BTreeSet<BTreeSet<NodeId>> {
    let folder = tempfile::tempdir().expect("a folder");
    let setup = Setup::new(kinfold_daemon::config::Config { rules: rules(), ..config() }, None)
        .expect("has a secret");
    let mut run = setup.begin(folder.path()).expect("the store opens");
    let source: Arc<str> = Arc::from("data");
    for (offset, record) in (0..).zip(records) {
        run.feed(&source, offset, record.clone()).expect("a record is handled or refused");
    }
    run.publish().expect("people are published");
    assert_eq!(run.counts(), (records.len() as u64, 0), "read, refused");
    let mut groups: BTreeMap<PersonId, BTreeSet<NodeId>> = BTreeMap::new();
    let see = &mut |_: &[u8], value: &[u8]| {
        let assignment: Assignment =
            decode(Topic::IdentityAssignment, &SchemaIds::default(), value).expect("we wrote it");
        groups.entry(assignment.person_id).or_default().insert(assignment.node);
    };
    run.local.visit(Shelf::Topic(Topic::IdentityAssignment), see).expect("the store is read");
    groups.into_values().collect()
}

fn observed(records: &[Vec<u8>]) -> Vec<Observation> {
    let keys = Keys::new(config().require_secret().expect("has a secret"));
    let capture = Capture::new(keys, rules(), Settings::default());
    let touchpoint = |record: &Vec<u8>| capture.touchpoint(record, Timestamp::MAX).expect("is sound");
    records.iter().map(|record| Observation::of(&touchpoint(record), &rules())).collect()
}

/// Sightings are nodes too, but not to the oracle.
fn identifiers_only(groups: BTreeSet<BTreeSet<NodeId>>) -> BTreeSet<BTreeSet<NodeId>> {
    let identifiers =
        |group: BTreeSet<NodeId>| group.into_iter().filter(|node| !node.is_sighting()).collect();
    groups.into_iter().map(identifiers).filter(|group: &BTreeSet<NodeId>| !group.is_empty()).collect()
}

#[test]
fn people_are_the_connected_components_where_identifiers_are_strong() {
    let sets: [(&str, Reader); 5] = [
        ("easylink-2020", easylink),
        ("febrl", febrl4),
        ("febrl-dsgen", febrl_c),
        ("splink-fake1000", fake_1000),
        ("kanoniv-5source", kanoniv),
    ];
    for (name, reader) in sets {
        let Some(folder) = test_data(name) else { continue };
        let data = reader(&folder, 3);
        let expected: BTreeSet<BTreeSet<NodeId>> = components(&observed(&data.records)).into_iter().collect();
        let found = identifiers_only(resolved(&data.records));
        assert!(!found.is_empty());
        let (missing, extra) = (expected.difference(&found).count(), found.difference(&expected).count());
        assert_eq!(
            (missing, extra),
            (0, 0),
            "{name}: components that are not people, people that are not components"
        );
    }
}
