//! The loop that production runs, on a simulated cluster in which everything fails that can: processes, connections,
//! disks, clocks, the answer to a commit. Whatever happened, when it is over the people are those of the oracle, what is
//! published is what a run without any fault publishes, and each raw record became one touchpoint or one refusal. Laws
//! of the log and of the stores are checked throughout, in the testkit.
//!
//! `KINFOLD_CASES` says how many runs (1,000 by default, 100,000 for a nightly run), `KINFOLD_FIRST` from which seed on;
//! `KINFOLD_SEED` runs one, and tells what happens.

use fastrand::Rng;
use kinfold_model::{Command, Keys, PrivacyRequest, Rules, Timestamp};
use kinfold_pipeline::{Metrics, StageName};
use kinfold_testkit::crashes::{Disorder, run};
use kinfold_testkit::simulation::{self, Input, Outcome, Schedule};
use kinfold_testkit::world::{AFTER_MS, LATER_MS, World, keys, tight_rules};
use kinfold_wire::Topic;

use crate::erasure;
use crate::simulation::{earlier_than, seeds};
use crate::truth::{Truth, profiles};

/// A small world, and how it is run.
struct Case {
    seed: u64,
    world: World,
    keys: Keys,
    rules: Rules,
    earlier_rules: Option<Rules>,
    records: Vec<Vec<u8>>,
    commands: Vec<Command>,
    requests: Vec<PrivacyRequest>,
    partitions: u32,
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed ^ 0x6372_6173);
        let keys = keys();
        let (persons, count) = (rng.usize(2..=8), rng.usize(10..=40));
        let world = World::sized(&mut rng, persons, count, &keys);
        let mut records = world.records();
        let repeated: Vec<Vec<u8>> = records.iter().filter(|_| rng.u8(0..8) == 0).cloned().collect();
        records.extend(repeated);
        rng.shuffle(&mut records);
        let rules = if rng.u8(0..3) == 0 { Rules::default() } else { tight_rules(seed) };
        let commands = if rng.u8(0..3) == 0 { world.commands(&mut rng, 4) } else { Vec::new() };
        let earlier_rules = (rng.u8(0..4) == 0).then(|| earlier_than(&rules, seed));
        let partitions = rng.u32(1..=4);
        let is_asked = earlier_rules.is_none() && rng.u8(0..3) == 0;
        let requests = if is_asked { world.requests(&mut rng, 2) } else { Vec::new() };
        let mut commands = commands;
        commands.retain(|command| requests.is_empty() || !erasure::is_of_source(command));
        Self { seed, world, keys, rules, earlier_rules, records, commands, requests, partitions }
    }

    fn input(&self) -> Input<'_> {
        // All consents that end have ended by then, and no run with crashes takes as long.
        let now = Timestamp::from_millis(LATER_MS).expect("in the year 2026");
        Input {
            now,
            earlier_rules: self.earlier_rules.as_ref(),
            requests: &self.requests,
            ..Input::new(&self.records, &self.commands, &self.keys, &self.rules)
        }
    }

    fn run(&self, metrics: &Metrics) -> Option<Outcome> {
        // Whoever asks for one run wants to see it.
        let is_told = std::env::var_os("KINFOLD_SEED").is_some();
        let begin = Timestamp::from_millis(AFTER_MS).expect("in the year 2026");
        let disorder = Disorder { seed: self.seed, begin, partitions: self.partitions, is_told };
        match run(&self.input(), &disorder, metrics) {
            Ok(outcome) => outcome,
            Err(broken) => panic!("seed {}: {broken}", self.seed),
        }
    }

    /// The same input, and nothing fails.
    fn run_in_order(&self) -> Outcome {
        let Self { seed, partitions, .. } = *self;
        let schedule = Schedule { seed, partitions, repeated_percent: 0, told: false };
        match simulation::run(&self.input(), &schedule) {
            Ok(outcome) => outcome,
            Err(fault) => panic!("seed {seed}, without faults: {fault}"),
        }
    }
}

#[test]
fn in_a_simulation_with_crashes_nothing_is_lost_and_nothing_comes_twice() {
    let metrics = Metrics::new("test", &StageName::ALL).expect("the names are known");
    for seed in seeds(1000) {
        judge(seed, &metrics);
    }
}

/// One run, and what has to be true of it.
pub(crate) fn judge(seed: u64, metrics: &Metrics) {
    let case = Case::new(seed);
    let Some(is) = case.run(metrics) else { return };
    let Case { world, commands, rules, keys, .. } = &case;
    let touchpoints = &world.touchpoints;
    let now = case.input().now;
    Truth { touchpoints, commands, rules, keys, now, run: format!("seed {seed}") }.check(&is);
    erasure::check(&case.requests, touchpoints, &is, &seed);
    if !case.requests.is_empty() {
        // Whom a request finds depends on what has come by then.
        return;
    }
    let should = case.run_in_order();
    // Which rules refuse a touchpoint depends on when it comes.
    let alike: &[Topic] = match &case.earlier_rules {
        Some(_) => &[],
        None => &[Topic::Touchpoint, Topic::TouchpointRefused],
    };
    for topic in alike.iter().copied() {
        assert_eq!(values(&is, topic), values(&should, topic), "seed {seed}: {topic}");
    }
    let assignments = |outcome: &Outcome| outcome.table(Topic::IdentityAssignment);
    assert!(assignments(&is) == assignments(&should), "seed {seed}: the assignments differ");
    assert_eq!(profiles(&is), profiles(&should), "seed {seed}: the people differ");
}

/// How many records of a topic there are; of touchpoints, also what they say.
fn values(outcome: &Outcome, topic: Topic) -> (usize, Vec<Option<Vec<u8>>>) {
    let records = outcome.written.get(&topic).map(Vec::as_slice).unwrap_or_default();
    let is_told = topic == Topic::Touchpoint;
    let mut values: Vec<_> = records.iter().filter(|_| is_told).map(|record| record.value.clone()).collect();
    values.sort();
    (records.len(), values)
}
