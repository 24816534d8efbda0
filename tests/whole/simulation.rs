//! Random worlds through all stages on 1 to 16 partitions, in random order, with random interleavings and
//! repetitions, commands of stewards and changes of rules: stitch ends as the oracle says, profiles are the fold over
//! the oracle's people.
//!
//! `KINFOLD_CASES` says how many worlds (2,000 by default, 100,000 for a nightly run), `KINFOLD_FIRST` from which seed
//! on; `KINFOLD_SEED` runs one.

use fastrand::Rng;
use kinfold_model::{
    BlockList, Command, CommandKind, Keys, PrivacyRequest, RefusalKind, Rules, Timestamp, Touchpoint,
};
use kinfold_pipeline::StageName;
use kinfold_testkit::requests::RETURNED_MS;
use kinfold_testkit::simulation::{Input, Later, Outcome, Schedule, run};
use kinfold_testkit::world::{World, keys, record, tight_rules};

use crate::erasure;
use crate::truth::Truth;

/// Which seeds are run, where `most` are run when nobody says otherwise.
pub(crate) fn seeds(most: u64) -> Vec<u64> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("KINFOLD_SEED") {
        Some(seed) => vec![seed],
        None => {
            let first = number("KINFOLD_FIRST").unwrap_or_default();
            (first..first + number("KINFOLD_CASES").unwrap_or(most)).collect()
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
    requests: Vec<PrivacyRequest>,
    requests_wait: bool,
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
        // What is on a block list when somebody is erased decides what goes with them, so that rules stay as they are.
        let is_asked = earlier_rules.is_none() && rng.u8(0..3) == 0;
        let mut requests = if is_asked { world.requests(&mut rng, 3) } else { Vec::new() };
        let requests_wait = rng.bool();
        if requests_wait {
            // What the first identifier of a request takes away may be under way when the second is looked at.
            requests.iter_mut().for_each(|request| request.identifiers.truncate(1));
        }
        let mut commands = commands;
        // Who is erased says nothing about sources any more, and whether somebody spoke of that before depends on the order.
        commands.retain(|command| requests.is_empty() || !erasure::is_of_source(command));
        Self { world, keys, rules, earlier_rules, records, commands, requests, requests_wait, schedule }
    }

    fn truth(&self) -> Truth<'_> {
        let run = format!("{:?}", self.schedule);
        let Self { world, keys, rules, commands, .. } = self;
        let now = self.input().now;
        Truth { touchpoints: &world.touchpoints, commands, rules, keys, now, run }
    }

    fn input(&self) -> Input<'_> {
        Input {
            earlier_rules: self.earlier_rules.as_ref(),
            requests: &self.requests,
            requests_wait: self.requests_wait,
            ..Input::new(&self.records, &self.commands, &self.keys, &self.rules)
        }
    }

    fn run(&self) -> Outcome {
        match run(&self.input(), &self.schedule) {
            Ok(outcome) => outcome,
            Err(fault) => panic!("{:?}: {fault}", self.schedule),
        }
    }
}

/// Other rules, under which nothing is lost that these ones need: what was refused, cut to a coarser time, or not
/// stored because there was too much of it, does not come back.
pub(crate) fn earlier_than(rules: &Rules, seed: u64) -> Rules {
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
    for seed in seeds(2000) {
        let case = Case::new(seed);
        let outcome = case.run();
        case.truth().check(&outcome);
        erasure::check(&case.requests, &case.world.touchpoints, &outcome, &case.schedule);
        if case.requests_wait {
            erasure::closes(&case.truth(), &case.requests, &outcome);
        }
        every_record_is_accounted_for(&outcome);
    }
}

#[test]
fn who_agrees_later_to_be_known_again_is_there_with_what_came_since() {
    for seed in seeds(500) {
        let mut rng = Rng::with_seed(seed ^ 0x6261_636b);
        let Case { world, keys, rules, records, schedule, .. } = Case::new(seed);
        let requests = world.requests(&mut rng, 3);
        let (returning, after) = world.later(&mut rng, 8);
        // Other commands are forgotten with whom they are about.
        let mut commands = if rng.bool() { world.commands(&mut rng, 12) } else { Vec::new() };
        commands.retain(|command| command.kind == CommandKind::Link);
        let as_records = |touchpoints: &[Touchpoint]| -> Vec<Vec<u8>> {
            touchpoints.iter().map(|touchpoint| record(touchpoint).to_string().into_bytes()).collect()
        };
        let first = as_records(&returning);
        // All that was ever said is sent again.
        let mut then = as_records(&after);
        then.extend(records.iter().chain(&first).cloned());
        rng.shuffle(&mut then);
        let now = Timestamp::from_millis(RETURNED_MS).expect("in the year 2026");
        let input = Input {
            requests: &requests,
            requests_wait: true,
            later: Some(Later { returning: &first, after: &then, now }),
            ..Input::new(&records, &commands, &keys, &rules)
        };
        let outcome = match run(&input, &schedule) {
            Ok(outcome) => outcome,
            Err(fault) => panic!("{schedule:?}: {fault}"),
        };
        let touchpoints: Vec<Touchpoint> = [&world.touchpoints[..], &returning, &after].concat();
        let (touchpoints, run) = (&touchpoints[..], format!("{schedule:?}"));
        Truth { touchpoints, commands: &commands, rules: &rules, keys: &keys, now, run }.check(&outcome);
        erasure::check(&requests, touchpoints, &outcome, &schedule);
        every_record_is_accounted_for(&outcome);
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
