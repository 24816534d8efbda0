//! Components beyond their limit: whatever connects them is taken out until they fit, nobody else is harmed, and the
//! graph stays lawful.

use std::collections::BTreeSet;

use kinfold_model::Rules;
use kinfold_testkit::simulation::{Input, Outcome, Schedule, run};
use kinfold_testkit::world::keys;
use serde_json::json;

const MAX_COMPONENT: u32 = 60;

fn touchpoint(index: usize, identifiers: &[(&str, String)]) -> Vec<u8> {
    let identifiers: Vec<_> = identifiers
        .iter()
        .map(|(namespace, value)| json!({"namespace": namespace, "value": value}))
        .collect();
    let record = json!({
        "touchpoint_id": format!("t-{index}"), "time": 1_772_323_200_000_i64 + i64::try_from(index).expect("small"),
        "source": "web", "identifiers": identifiers,
    });
    record.to_string().into_bytes()
}

fn resolve(records: &[Vec<u8>], partitions: u32) -> Outcome {
    let rules = Rules { max_component: MAX_COMPONENT, ..Rules::default() };
    let keys = keys();
    let schedule = Schedule { seed: 1, partitions, repeated_percent: 2, told: false };
    let outcome = run(&Input::new(records, &[], &keys, &rules), &schedule).expect("runs");
    assert_eq!(outcome.graph.broken_laws(&rules, &keys), Vec::<String>::new());
    outcome
}

#[test]
fn a_chain_longer_than_a_component_may_be_falls_into_pieces_that_fit() {
    // cookie 0 – e-mail 0 – cookie 1 – e-mail 1 – …
    let records: Vec<Vec<u8>> = (0..400)
        .map(|n: usize| {
            let cookie = ("cookie", format!("browser-{}", n.div_ceil(2)));
            touchpoint(n, &[cookie, ("email", format!("p{}@example.org", n / 2))])
        })
        .collect();
    for partitions in [1, 4] {
        let outcome = resolve(&records, partitions);
        let sizes = outcome.graph.components.values().map(|component| component.members.len());
        assert!(sizes.max() <= Some(MAX_COMPONENT as usize));
        let shed: BTreeSet<&str> = (outcome.graph.nodes.values())
            .filter_map(|node| node.standing().filter(|standing| standing.shed))
            .map(|standing| standing.namespace.as_str())
            .collect();
        assert_eq!(shed, ["cookie"].into(), "the weakest namespace is taken out, and no other");
        let notes = &outcome.tallies[&kinfold_pipeline::StageName::Stitch].notes;
        assert!(notes["shed"] > 0);
    }
}

#[test]
fn people_beside_a_component_that_is_too_large_are_as_they_would_be_without_it() {
    let pair = |n: usize| [("customer_id", format!("C-{n}")), ("email", format!("p{n}@example.org"))];
    let apart: Vec<Vec<u8>> = (0..20).map(|n| touchpoint(n, &pair(n))).collect();
    // One e-mail on more devices than anybody has; below the limit of neighbours it would join them all.
    let star = (100..290).map(|n| {
        touchpoint(n, &[("email", "shared@example.org".to_owned()), ("device_id", format!("device-{n}"))])
    });
    let both: Vec<Vec<u8>> = apart.iter().cloned().chain(star).collect();
    let (alone, beside) = (resolve(&apart, 4), resolve(&both, 4));
    for (id, node) in &alone.graph.nodes {
        assert_eq!(beside.graph.nodes[id].person, node.person);
    }
    assert!(beside.graph.nodes.len() > alone.graph.nodes.len() + 190);
}
