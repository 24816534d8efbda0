//! Merges that the guard holds: a link makes one person of the two, an unlink keeps them two, and either way the merge
//! waits no longer. `KINFOLD_CASES` is that of the simulation; a tenth of the worlds is run.

use std::collections::BTreeSet;

use fastrand::Rng;
use kinfold_model::command::CommandIdentifier;
use kinfold_model::{Command, CommandKind, Guard, Keys, Namespace, Rules};
use kinfold_stitch::review::{Held, held};
use kinfold_testkit::oracle;
use kinfold_testkit::simulation::{Input, Outcome, Schedule, run};
use kinfold_testkit::world::{World, keys, tight_rules};
use serde_json::Value;

use crate::steward::{Steward, said, touchpoint};

/// A world in which merges are held.
struct Case {
    world: World,
    rules: Rules,
    keys: Keys,
    commands: Vec<Command>,
    schedule: Schedule,
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed ^ 0x6865_6c64);
        let keys = keys();
        let world = World::sized(&mut rng, 6, 50, &keys);
        let mut rules = tight_rules(seed);
        let namespaces = ["email", "phone", "cookie"].into_iter().filter(|_| rng.u8(0..3) == 0);
        let namespaces: BTreeSet<Namespace> = namespaces.map(Namespace::new).collect();
        rules.guard = Guard { identifiers: rng.u32(2..=3), namespaces };
        let commands = if rng.bool() { world.commands(&mut rng, 8) } else { Vec::new() };
        let schedule = Schedule { seed, partitions: rng.u32(1..=3), repeated_percent: 0, told: false };
        Self { world, rules, keys, commands, schedule }
    }

    fn run(&self, commands: &[Command]) -> Outcome {
        let records = self.world.records();
        let input = Input::new(&records, commands, &self.keys, &self.rules);
        run(&input, &self.schedule).unwrap_or_else(|fault| panic!("{:?}: {fault}", self.schedule))
    }

    fn held(&self, outcome: &Outcome) -> Vec<Held> {
        outcome.graph.components.values().flat_map(|one| held(one, &self.rules, &self.keys)).collect()
    }

    /// The newest command of all, about the two identifiers of a merge that waits.
    fn decision(&self, kind: CommandKind, one: &Held) -> Command {
        let mut identifiers: Vec<CommandIdentifier> = [one.identifier, one.other]
            .into_iter()
            .zip(one.namespaces.clone())
            .map(|(node, namespace)| CommandIdentifier { node, namespace })
            .collect();
        identifiers.sort();
        let latest =
            self.world.touchpoints.iter().map(|touchpoint| touchpoint.time).max().unwrap_or_default();
        Command {
            command_id: "decision".to_owned(),
            kind,
            author: "a steward".to_owned(),
            reason: "a test".to_owned(),
            time: latest.plus_millis(1000),
            withdrawn: false,
            identifiers,
            source: None,
            touchpoint_id: None,
        }
    }
}

#[test]
fn a_held_merge_that_is_decided_either_way_waits_no_longer_and_people_are_as_was_decided() {
    let all: u64 = std::env::var("KINFOLD_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(2000);
    let cases = all.div_ceil(10);
    let mut decided = 0;
    for seed in 0..cases {
        let case = Case::new(seed);
        let waiting = case.held(&case.run(&case.commands));
        let observations: Vec<_> =
            case.world.touchpoints.iter().map(|one| oracle::Observation::of(one, &case.rules)).collect();
        let mut rng = Rng::with_seed(seed);
        for one in rng.choose_multiple(&waiting, 2) {
            assert_ne!(one.people[0], one.people[1], "{:?}", case.schedule);
            for kind in [CommandKind::Link, CommandKind::Unlink] {
                let commands = [&case.commands[..], &[case.decision(kind, one)]].concat();
                let expected = oracle::commanded(&observations, &commands, &case.rules, &case.keys);
                let are_one = expected.person[&one.identifier] == expected.person[&one.other];
                assert_eq!(are_one, kind == CommandKind::Link, "{:?}: {one:?}", case.schedule);
                let outcome = case.run(&commands);
                for node in [one.identifier, one.other] {
                    let person = outcome.graph.nodes[&node].person;
                    assert_eq!(person, expected.person.get(&node).copied(), "{:?}: {one:?}", case.schedule);
                }
                let still = case.held(&outcome).into_iter().find(|other| other.id == one.id);
                assert_eq!(still, None, "{:?} after {kind}", case.schedule);
                decided += 1;
            }
        }
    }
    assert!(decided as u64 >= cases / 4, "only {decided} decisions: the worlds hold too few merges");
}

#[test]
fn a_merge_that_waits_is_listed_and_then_accepted_or_rejected() {
    for (word, are_one) in [("accept", true), ("reject", false)] {
        let steward = Steward::new();
        let config = steward.path("kinfold.toml");
        std::fs::write(&config, "[identity.guard]\nidentifiers = 2\n").expect("writes");
        let config = config.display().to_string();
        let input = steward.path("people.jsonl");
        let all = [
            touchpoint("t-2", "crm", &["customer_id:C-1", "loyalty_id:L-1"]),
            touchpoint("t-3", "crm", &["email:ann@example.org", "phone:+4930123456"]),
            touchpoint("t-1", "crm", &["customer_id:C-1", "phone:+4930123456"]),
        ];
        std::fs::write(&input, all.join("\n")).expect("writes");
        let guarded = ["--config", &config];
        steward.does(&[&["resolve"], &guarded[..], &[&input.display().to_string()]].concat());
        let list = || -> Value {
            let said = steward.does(&[&["review", "list", "--json"], &guarded[..]].concat());
            serde_json::from_str(&said).expect("JSON")
        };
        let waiting = list();
        assert_eq!(waiting.as_array().map(Vec::len), Some(1), "{waiting}");
        assert_eq!(waiting[0]["sizes"], serde_json::json!([2, 2]));
        let id = waiting[0]["id"].as_str().expect("text");
        assert_eq!(id.len(), 12);
        let decide = ["review", word, id, "--reason", "a test"];
        let told = steward.does(&[&decide[..], &guarded[..]].concat());
        assert!(told.contains(if are_one { "are one person" } else { "are two people" }), "{told}");
        assert_eq!(list(), serde_json::json!([]));
        let again = steward.ask(&[&decide[..], &guarded[..]].concat());
        assert_eq!(again.status.code(), Some(1));
        assert!(said(&again.stderr).contains("no merge waits"), "{}", said(&again.stderr));
    }
}
