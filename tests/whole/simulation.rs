//! Random worlds through all stages on 1 to 16 partitions, in random order, with random interleavings and
//! repetitions, commands of stewards and changes of rules: stitch ends as the oracle says, profiles are the fold over
//! the oracle's people.
//!
//! `KINFOLD_CASES` says how many worlds (2,000 by default, 100,000 for a nightly run), `KINFOLD_FIRST` from which seed
//! on; `KINFOLD_SEED` runs one.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use kinfold_model::{
    Assignment, BlockList, Command, Keys, NodeId, PersonId, RefusalKind, Rules, UnifiedProfile,
};
use kinfold_pipeline::StageName;
use kinfold_stitch::groups::Refused;
use kinfold_stitch::node::{Node, Standing};
use kinfold_stitch::people::decide;
use kinfold_testkit::oracle;
use kinfold_testkit::simulation::{Input, Outcome, Schedule, run};
use kinfold_testkit::world::{World, keys, tight_rules};
use kinfold_wire::{SchemaIds, Topic, decode};

fn seeds() -> Vec<u64> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("KINFOLD_SEED") {
        Some(seed) => vec![seed],
        None => {
            let first = number("KINFOLD_FIRST").unwrap_or_default();
            (first..first + number("KINFOLD_CASES").unwrap_or(2000)).collect()
        }
    }
}

/// A world, the rules it lives under, and how it is run.
struct Case {
    world: World,
    keys: Keys,
    rules: Rules,
    earlier_rules: Option<Rules>,
    records: Vec<Vec<u8>>,
    commands: Vec<Command>,
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
        let commands = if rng.bool() { world.commands(&mut rng, 12) } else { Vec::new() };
        let earlier_rules = (rng.u8(0..4) == 0).then(|| earlier_than(&rules, seed));
        // Whoever asks for one run wants to see it.
        let told = std::env::var_os("KINFOLD_SEED").is_some();
        let schedule = Schedule { seed, partitions, repeated_percent, told };
        Self { world, keys, rules, earlier_rules, records, commands, schedule }
    }

    fn run(&self) -> Outcome {
        let input = Input {
            earlier_rules: self.earlier_rules.as_ref(),
            ..Input::new(&self.records, &self.commands, &self.keys, &self.rules)
        };
        match run(&input, &self.schedule) {
            Ok(outcome) => outcome,
            Err(fault) => panic!("{:?}: {fault}", self.schedule),
        }
    }
}

/// Other rules, under which nothing is lost that these ones need: what was refused, cut to a coarser time, or not
/// stored because there was too much of it, does not come back.
fn earlier_than(rules: &Rules, seed: u64) -> Rules {
    let mut earlier = tight_rules(seed + 1);
    earlier.evidence_granularity_ms = rules.evidence_granularity_ms;
    earlier.block = BlockList::default();
    for (name, of_namespace) in &mut earlier.namespaces {
        let total = &mut of_namespace.max_neighbours.total;
        *total = rules.namespaces[name].max_neighbours.total.max(*total);
        of_namespace.block = BlockList::default();
    }
    earlier
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
        let expected = oracle::commanded(&observations, &case.commands, &case.rules, &case.keys);
        let outcome = case.run();
        let broken = outcome.graph.broken_laws(&case.rules, &case.keys);
        assert!(broken.is_empty(), "{:?}: {broken:#?}", case.schedule);
        let person: BTreeMap<NodeId, PersonId> =
            outcome.graph.nodes.iter().filter_map(|(id, node)| Some((*id, node.person?))).collect();
        let differing = differing(&person, &expected.person);
        assert!(differing.is_empty(), "{:?}: {differing:#?} under {:#?}", case.schedule, case.commands);
        let quarantined: BTreeSet<NodeId> =
            outcome.graph.nodes.iter().filter(|(_, node)| node.is_quarantined()).map(|(id, _)| *id).collect();
        // Of those on the block list not all touchpoints pass capture, and whether they are quarantined is all one.
        let is_blocked = |id: &&NodeId| {
            outcome.graph.nodes.get(id).and_then(Node::standing).is_none_or(Standing::is_blocked)
        };
        let odd: Vec<_> =
            quarantined.symmetric_difference(&expected.quarantined).filter(|id| !is_blocked(id)).collect();
        assert!(odd.is_empty(), "{:?}: quarantined or not: {odd:?}", case.schedule);
        assert_eq!(refused(&case, &outcome), expected.refused, "{:?}", case.schedule);
        assert_eq!(published(&outcome), expected.person, "{:?}: the assignments published", case.schedule);
        profiles_are_the_fold(&case, &outcome, &expected);
        every_record_is_accounted_for(&outcome);
    }
}

/// The nodes whose person is another than expected: which it is, and which it should be.
fn differing(
    is: &BTreeMap<NodeId, PersonId>,
    should: &BTreeMap<NodeId, PersonId>,
) -> BTreeMap<NodeId, (Option<PersonId>, Option<PersonId>)> {
    let nodes: BTreeSet<NodeId> = is.keys().chain(should.keys()).copied().collect();
    let both = nodes.into_iter().map(|node| (node, (is.get(&node).copied(), should.get(&node).copied())));
    both.filter(|(_, (is, should))| is != should).collect()
}

/// The joins that a rule or a steward forbids, as an explanation would name them.
fn refused(case: &Case, outcome: &Outcome) -> BTreeSet<(NodeId, NodeId)> {
    let decide = |component| decide(component, &case.rules, &case.keys);
    let refused = outcome.graph.components.values().flat_map(|component| decide(component).refused);
    let forbidden = refused.filter(|(_, why)| *why != Refused::Contested);
    forbidden.map(|(edge, _)| (edge.identifier, edge.sighting)).collect()
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
        // A touchpoint of blocked identifiers alone is nobody's.
        let blocked = tally.refused.get(&RefusalKind::BlockedIdentifier).copied().unwrap_or_default();
        assert_eq!(tally.refused_total(), blocked, "{stage}");
    }
}
