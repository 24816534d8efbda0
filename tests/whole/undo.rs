//! Taking back: evidence that came and was retracted, and commands that were given and withdrawn, leave what would be
//! there if they had never come: the same graph, the same assignments, the same people.
//!
//! `KINFOLD_CASES` and `KINFOLD_FIRST` are those of the simulation; a tenth of the cases is run here.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use kinfold_model::command::CommandIdentifier;
use kinfold_model::{Command, CommandKind, Keys, NodeId, Rules, Touchpoint};
use kinfold_testkit::simulation::{Input, Outcome, Schedule, run};
use kinfold_testkit::world::{World, keys, record, tight_rules};
use kinfold_wire::Topic;

use crate::truth::profiles;

fn seeds() -> std::ops::Range<u64> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = number("KINFOLD_FIRST").unwrap_or_default();
    first..first + number("KINFOLD_CASES").unwrap_or(2000).div_ceil(10)
}

/// A world, under rules that leave out nothing for good.
struct Case {
    seed: u64,
    rng: Rng,
    keys: Keys,
    rules: Rules,
    world: World,
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed ^ 0x756e_646f);
        let keys = keys();
        let persons = *rng.choice(&[3, 8, 25]).expect("not empty");
        let world = World::sized(&mut rng, persons, 60, &keys);
        let mut rules = if rng.bool() { Rules::default() } else { tight_rules(seed) };
        // Of an identifier that is part of too many sightings, what is stored depends on what once was there.
        for of_namespace in rules.namespaces.values_mut() {
            let total = &mut of_namespace.max_neighbours.total;
            *total = (*total).max(20);
        }
        Self { seed, rng, keys, rules, world }
    }

    fn run(&mut self, touchpoints: &[Touchpoint], commands: &[Command]) -> Outcome {
        let mut records: Vec<Vec<u8>> =
            touchpoints.iter().map(|touchpoint| record(touchpoint).to_string().into_bytes()).collect();
        self.rng.shuffle(&mut records);
        let partitions = *self.rng.choice(&[1, 2, 4, 16]).expect("not empty");
        let schedule = Schedule { seed: self.rng.u64(..), partitions, repeated_percent: 2, told: false };
        let input = Input::new(&records, commands, &self.keys, &self.rules);
        run(&input, &schedule).unwrap_or_else(|fault| panic!("seed {}: {fault}", self.seed))
    }
}

/// All that a subscriber would see of two runs is the same.
fn assert_same(seed: u64, is: &Outcome, should: &Outcome) {
    assert!(is.graph.image() == should.graph.image(), "seed {seed}: the graphs differ");
    let assignments = |outcome: &Outcome| outcome.table(Topic::IdentityAssignment);
    assert!(assignments(is) == assignments(should), "seed {seed}: the assignments differ");
    assert_eq!(profiles(is), profiles(should), "seed {seed}: the people differ");
}

#[test]
fn commands_that_were_withdrawn_leave_no_trace() {
    for seed in seeds() {
        let mut case = Case::new(seed);
        let touchpoints = case.world.touchpoints.clone();
        let given = case.world.commands(&mut case.rng, 10);
        let mut commands: Vec<Command> =
            given.iter().flat_map(|one| [one.clone(), Command { withdrawn: true, ..one.clone() }]).collect();
        case.rng.shuffle(&mut commands);
        let is = case.run(&touchpoints, &commands);
        let should = case.run(&touchpoints, &[]);
        assert_same(seed, &is, &should);
    }
}

#[test]
fn touchpoints_that_were_taken_back_leave_no_trace() {
    for seed in seeds() {
        let mut case = Case::new(seed);
        let all = case.world.touchpoints.clone();
        let (kept, taken_back) = divided(&mut case.rng, &all);
        let commands: Vec<Command> =
            taken_back.iter().enumerate().map(|(index, one)| forget(index, one, &case.rules)).collect();
        let is = case.run(&all, &commands);
        let should = case.run(&kept, &[]);
        assert_same(seed, &is, &should);
    }
}

/// Touchpoints that stay, and those that go: all of a sighting of several identifiers or none, because what they said
/// of a person besides identity stays where it was said.
fn divided(rng: &mut Rng, all: &[Touchpoint]) -> (Vec<Touchpoint>, Vec<Touchpoint>) {
    let mut counts: BTreeMap<(NodeId, &str), BTreeSet<&str>> = BTreeMap::new();
    for one in all {
        counts.entry((one.sighting, &one.source)).or_default().insert(&one.touchpoint_id);
    }
    // One source's touchpoints at one sighting are told apart up to eight.
    let too_many: BTreeSet<NodeId> =
        counts.iter().filter(|(_, ids)| ids.len() > 8).map(|((sighting, _), _)| *sighting).collect();
    let sightings: BTreeSet<NodeId> = all.iter().map(|one| one.sighting).collect();
    let go: BTreeSet<NodeId> = sightings
        .into_iter()
        .filter(|one| one.is_sighting() && !too_many.contains(one) && rng.u8(0..3) == 0)
        .collect();
    all.iter().cloned().partition(|one| !go.contains(&one.sighting))
}

fn forget(index: usize, touchpoint: &Touchpoint, rules: &Rules) -> Command {
    let identifiers: BTreeMap<NodeId, CommandIdentifier> = touchpoint
        .identifiers
        .iter()
        .map(|one| {
            let namespace = rules.node_namespace(&one.namespace);
            (one.node, CommandIdentifier { node: one.node, namespace })
        })
        .collect();
    Command {
        command_id: format!("forget-{index}"),
        kind: CommandKind::Forget,
        author: "a steward".to_owned(),
        reason: "a test".to_owned(),
        time: touchpoint.time,
        withdrawn: false,
        identifiers: identifiers.into_values().collect(),
        source: Some(touchpoint.source.clone()),
        touchpoint_id: Some(touchpoint.touchpoint_id.clone()),
    }
}
