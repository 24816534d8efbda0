//! Random worlds through all stages on 1 to 16 partitions, in random order, with random interleavings and
//! repetitions: stitch ends as the oracle says, profiles are the fold over the oracle's people.
//!
//! `KINFOLD_CASES` says how many worlds (500 by default, 10,000 for a nightly run); `KINFOLD_SEED` runs one.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use kinfold_model::{Assignment, Keys, NodeId, PersonId, Rules, Timestamp, UnifiedProfile};
use kinfold_pipeline::StageName;
use kinfold_testkit::oracle;
use kinfold_testkit::simulation::{Outcome, Schedule, run};
use kinfold_testkit::world::{World, keys, tight_rules};
use kinfold_wire::{SchemaIds, Topic, decode};

fn seeds() -> Vec<u64> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("KINFOLD_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("KINFOLD_CASES").unwrap_or(500)).collect(),
    }
}

/// A world, the rules it lives under, and how it is run.
struct Case {
    world: World,
    keys: Keys,
    rules: Rules,
    records: Vec<Vec<u8>>,
    schedule: Schedule,
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed ^ 0x6b69_6e66);
        let keys = keys();
        let (persons, count) =
            (*rng.choice(&[3, 8, 25]).expect("not empty"), *rng.choice(&[15, 60, 150]).expect("not empty"));
        let world = World::sized(&mut rng, persons, count, &keys);
        let mut records = world.records();
        let repeated: Vec<Vec<u8>> = records.iter().filter(|_| rng.u8(0..3) == 0).cloned().collect();
        records.extend(repeated);
        rng.shuffle(&mut records);
        let partitions = *rng.choice(&[1, 2, 3, 4, 7, 16]).expect("not empty");
        let repeated_percent = *rng.choice(&[0, 2, 5]).expect("not empty");
        let rules = if rng.u8(0..5) == 0 { Rules::default() } else { tight_rules(seed) };
        Self { world, keys, rules, records, schedule: Schedule { seed, partitions, repeated_percent } }
    }

    fn run(&self) -> Outcome {
        let now = Timestamp::MAX;
        match run(&self.records, now, &self.keys, &self.rules, &self.schedule) {
            Ok(outcome) => outcome,
            Err(fault) => panic!("{:?}: {fault}", self.schedule),
        }
    }
}

#[test]
fn stitch_ends_as_the_oracle_says_in_any_order_on_any_number_of_partitions() {
    for seed in seeds() {
        let case = Case::new(seed);
        let observations: Vec<_> = case
            .world
            .touchpoints
            .iter()
            .map(|touchpoint| oracle::Observation::of(touchpoint, &case.rules))
            .collect();
        let expected = oracle::people(&observations, &case.rules, &case.keys);
        let outcome = case.run();
        let broken = outcome.graph.broken_laws(&case.keys);
        assert!(broken.is_empty(), "{:?}: {broken:#?}", case.schedule);
        let person: BTreeMap<NodeId, PersonId> =
            outcome.graph.nodes.iter().filter_map(|(id, node)| Some((*id, node.person?))).collect();
        assert_eq!(person, expected.person, "{:?}", case.schedule);
        let quarantined: BTreeSet<NodeId> =
            outcome.graph.nodes.iter().filter(|(_, node)| node.quarantined).map(|(id, _)| *id).collect();
        assert_eq!(quarantined, expected.quarantined, "{:?}", case.schedule);
        assert_eq!(published(&outcome), expected.person, "{:?}: the assignments published", case.schedule);
        profiles_are_the_fold(&case, &outcome, &expected);
        every_record_is_accounted_for(&outcome);
    }
}

/// What a consumer that reads `identity-assignment` alone would believe.
fn published(outcome: &Outcome) -> BTreeMap<NodeId, PersonId> {
    let read = |value: &Vec<u8>| {
        let assignment: Assignment =
            decode(Topic::IdentityAssignment, &SchemaIds::default(), value).expect("we wrote it");
        (assignment.node, assignment.person_id)
    };
    outcome.table(Topic::IdentityAssignment).values().map(read).collect()
}

fn profiles_are_the_fold(case: &Case, outcome: &Outcome, expected: &oracle::Expected) {
    let folded = oracle::profiles(&case.world.touchpoints, expected, &case.keys);
    let table = outcome.table(Topic::UnifiedProfile);
    let published: BTreeMap<PersonId, UnifiedProfile> = table
        .values()
        .map(|value| {
            let mut profile: UnifiedProfile =
                decode(Topic::UnifiedProfile, &SchemaIds::default(), value).expect("we wrote it");
            assert!(profile.version > 0);
            profile.version = 0;
            (profile.person_id, profile)
        })
        .collect();
    assert!(published.keys().eq(folded.keys()), "{:?}: other people than the oracle's", case.schedule);
    for (person, profile) in &published {
        let (is, should) = (serde_json::json!(profile), serde_json::json!(folded[person]));
        assert_eq!(is, should, "{:?}: {person}", case.schedule);
    }
}

fn every_record_is_accounted_for(outcome: &Outcome) {
    for stage in StageName::ALL {
        let tally = &outcome.tallies[&stage];
        assert_eq!(tally.consumed_total(), tally.passed + tally.refused_total(), "{stage}");
        assert_eq!(tally.refused_total(), 0, "{stage}");
    }
}
