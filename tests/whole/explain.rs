//! Explanations of random worlds: they agree with the oracle, and every step of a chain is evidence that was given.
//!
//! `KINFOLD_CASES` is that of the simulation; a twentieth of the worlds is explained. `KINFOLD_SEED` runs one.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use kinfold_model::{Command, Keys, NodeId, Rules, View};
use kinfold_stitch::explain::{Against, Answer, Fate, Graph, LineKind, Path, Step};
use kinfold_testkit::oracle::{self, Expected};
use kinfold_testkit::simulation::{Input, Map, Schedule, run};
use kinfold_testkit::world::{World, keys, tight_rules};

/// So many pairs of each world are explained.
const PAIRS: usize = 60;

fn seeds() -> Vec<u64> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("KINFOLD_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("KINFOLD_CASES").unwrap_or(2000).div_ceil(20)).collect(),
    }
}

/// A world at rest.
struct Case {
    seed: u64,
    keys: Keys,
    rules: Rules,
    stores: Vec<Map>,
    expected: Expected,
    /// What touchpoints had in common: each sighting with its identifiers.
    sightings: BTreeMap<NodeId, BTreeSet<NodeId>>,
    identifiers: Vec<NodeId>,
    commands: Vec<Command>,
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed ^ 0x7768_793f);
        let keys = keys();
        let persons = *rng.choice(&[3, 8, 20]).expect("not empty");
        let world = World::sized(&mut rng, persons, 80, &keys);
        let rules = if rng.u8(0..4) == 0 { Rules::default() } else { tight_rules(seed) };
        let commands: Vec<Command> = if rng.bool() { world.commands(&mut rng, 12) } else { Vec::new() };
        let records = world.records();
        let input = Input::new(&records, &commands, &keys, &rules);
        let partitions = *rng.choice(&[1, 3, 8]).expect("not empty");
        let outcome = run(&input, &Schedule { seed, partitions, repeated_percent: 0, told: false })
            .expect("a run ends");
        let observations: Vec<_> =
            world.touchpoints.iter().map(|touchpoint| oracle::Observation::of(touchpoint, &rules)).collect();
        let expected = oracle::commanded(&observations, &commands, &rules, &keys);
        let mut sightings: BTreeMap<NodeId, BTreeSet<NodeId>> = BTreeMap::new();
        for touchpoint in &world.touchpoints {
            let nodes = touchpoint.identifiers.iter().map(|identifier| identifier.node);
            sightings.entry(touchpoint.sighting).or_default().extend(nodes);
        }
        let identifiers: BTreeSet<NodeId> = outcome
            .graph
            .nodes
            .iter()
            .filter(|(_, node)| node.standing().is_some())
            .map(|(id, _)| *id)
            .collect();
        let identifiers = identifiers.into_iter().collect();
        Self { seed, keys, rules, stores: outcome.stores, expected, sightings, identifiers, commands }
    }

    /// Asks the graph, which can only be read.
    fn ask(&self, question: impl FnOnce(&Graph<'_>)) {
        let states = self.stores.iter().map(|store| Some(store as &dyn View)).collect();
        question(&Graph::new(states, &self.rules, &self.keys));
    }

    fn pairs(&self) -> Vec<(NodeId, NodeId)> {
        let mut rng = Rng::with_seed(self.seed);
        let one = |rng: &mut Rng| *rng.choice(&self.identifiers).expect("a world has identifiers");
        let mut pairs: Vec<(NodeId, NodeId)> = (0..PAIRS).map(|_| (one(&mut rng), one(&mut rng))).collect();
        // Strangers are many; of those who were seen together there should be some too.
        for identifiers in self.sightings.values().take(PAIRS) {
            pairs.extend(identifiers.first().copied().zip(identifiers.last().copied()));
        }
        // What is on the block list was refused before anybody could see it.
        let was_seen = |id: &NodeId| self.identifiers.binary_search(id).is_ok();
        pairs.retain(|(from, to)| was_seen(from) && was_seen(to));
        pairs
    }

    fn check(&self, from: NodeId, to: NodeId, path: &Path) {
        let Self { seed, expected, .. } = self;
        let person = |id: &NodeId| expected.person.get(id);
        let is_one = person(&from).is_some() && person(&from) == person(&to);
        let told = matches!(path.answer, Answer::SamePerson(_));
        assert_eq!(told, is_one, "seed {seed}: {from} and {to} are told to be {:?}", path.answer);
        let refused = path.steps.iter().map(|step| step.refused.len()).sum::<usize>();
        match &path.answer {
            Answer::SamePerson(id) => {
                assert_eq!(Some(id), person(&from), "seed {seed}: another person");
                assert_eq!(refused, 0, "seed {seed}: one person across a refused join");
                assert!(from == to || !path.steps.is_empty(), "seed {seed}: no evidence that {from} is {to}");
                self.counts(&path.steps);
            }
            Answer::Apart { from: first, to: second } => {
                assert!(refused > 0, "seed {seed}: {from} and {to} are apart and nothing was refused");
                assert_eq!((first.as_ref(), second.as_ref()), (person(&from), person(&to)), "seed {seed}");
                self.counts(&path.steps);
            }
            Answer::Unconnected { mutes, gave_up } => {
                assert!(!gave_up, "seed {seed}: a small world was too much to look at");
                let silent = path.steps.iter().any(|step| !step.sighting.counts);
                assert!(
                    path.steps.is_empty() || silent || !mutes.is_empty(),
                    "seed {seed}: {from} and {to} are connected by what links"
                );
            }
            Answer::Nobody => assert_eq!(person(&from), None, "seed {seed}"),
            Answer::Unsettled => panic!("seed {seed}: nothing is on its way"),
        }
        self.leads(from, to, &path.steps);
    }

    /// Every step goes on where the last one ended, within a sighting or a steward's link of both its ends.
    fn leads(&self, from: NodeId, to: NodeId, steps: &[Step]) {
        let seed = self.seed;
        let mut at = from;
        for step in steps {
            assert_eq!(step.from.node, at, "seed {seed}: the steps do not meet");
            at = step.to.node;
            let named = |id| step.sighting.identifiers.iter().any(|name| name.node == id);
            assert!(named(step.from.node) && named(step.to.node), "seed {seed}: a step leaves its sighting");
            if !step.sighting.bond {
                let given = &self.sightings[&step.sighting.node];
                let is_given = given.contains(&step.from.node) && given.contains(&step.to.node);
                assert!(is_given, "seed {seed}: a step was never observed");
                assert!(!step.sighting.said.is_empty(), "seed {seed}: a step without a source");
            }
        }
        assert!(steps.is_empty() || at == to, "seed {seed}: the steps end elsewhere");
    }

    fn counts(&self, steps: &[Step]) {
        for step in steps {
            let sighting = &step.sighting;
            assert!(sighting.counts, "seed {}: a step that nothing says", self.seed);
            assert!(sighting.bond || sighting.said.iter().any(|said| said.counts), "seed {}", self.seed);
            for dispute in &step.refused {
                let evidence = match &dispute.against {
                    Against::TooMany { most, here, there, .. } => here.len() + there.len() > *most as usize,
                    Against::BothHave { here, there, .. } => !here.is_empty() && !there.is_empty(),
                    Against::KeptApart { commands, .. } => !commands.is_empty(),
                    Against::BothLarge { least, here, there } => here.min(there) >= &(*least as usize),
                    Against::Contested { .. } => true,
                };
                assert!(evidence, "seed {}: {:?} is no reason", self.seed, dispute.against);
            }
        }
    }
}

#[test]
fn a_path_says_what_the_oracle_says_and_every_step_is_evidence() {
    let mut kinds = BTreeMap::<&str, usize>::new();
    for seed in seeds() {
        let case = Case::new(seed);
        case.ask(|graph| {
            for (from, to) in case.pairs() {
                let path = graph.path(from, to).expect("memory can be read").expect("both were seen");
                case.check(from, to, &path);
                let kind = match path.answer {
                    Answer::SamePerson(_) => "same",
                    Answer::Apart { .. } => "apart",
                    Answer::Unconnected { .. } if path.steps.is_empty() => "strangers",
                    Answer::Unconnected { .. } => "through what does not link",
                    Answer::Nobody | Answer::Unsettled => "nobody",
                };
                *kinds.entry(kind).or_default() += 1;
            }
        });
    }
    if seeds().len() >= 100 {
        for kind in ["same", "apart", "strangers", "through what does not link"] {
            assert!(kinds.contains_key(kind), "no world had two who are {kind}: {kinds:?}");
        }
    }
}

#[test]
fn a_portrait_names_the_person_the_quarantine_and_the_refused_joins_of_the_oracle() {
    for seed in seeds() {
        let case = Case::new(seed);
        let mut refused = BTreeSet::new();
        case.ask(|graph| {
            for id in &case.identifiers {
                let portrait = graph.identifier(*id).expect("memory can be read").expect("it was seen");
                assert_eq!(portrait.person.as_ref(), case.expected.person.get(id), "seed {seed}: {id}");
                let stand = &portrait.stand;
                assert!(
                    stand.links || !stand.hindrances.is_empty(),
                    "seed {seed}: {id} is mute without a reason"
                );
                assert!(!(stand.links && case.expected.quarantined.contains(id)), "seed {seed}: {id} links");
                for meeting in &portrait.meetings {
                    if let Fate::Refused(dispute) = &meeting.fate
                        && !matches!(dispute.against, Against::Contested { .. })
                    {
                        refused.insert((*id, meeting.sighting.node));
                    }
                }
                let sketch = graph.sketch(*id, 40).expect("memory can be read");
                assert_eq!(sketch.identifiers.first(), Some(&portrait.name), "seed {seed}");
                for line in &sketch.lines {
                    let ends = (line.edge.identifier, line.edge.sighting);
                    let joined = case.expected.person.get(&ends.0) == case.expected.person.get(&ends.1);
                    assert!(line.kind != LineKind::Joined || joined, "seed {seed}: a line that joins nobody");
                }
            }
        });
        assert_eq!(refused, case.expected.refused, "seed {seed}");
    }
}

#[test]
fn every_command_about_two_identifiers_is_told_and_whether_it_is_withdrawn() {
    for seed in seeds() {
        let case = Case::new(seed);
        case.ask(|graph| {
            for command in &case.commands {
                let nodes: Vec<NodeId> =
                    command.identifiers.iter().map(|identifier| identifier.node).collect();
                let told = match (&nodes[..], &command.touchpoint_id) {
                    ([one], None) => graph.identifier(*one).expect("reads").map(|portrait| portrait.commands),
                    ([one, other], None) => {
                        graph.path(*one, *other).expect("reads").ok().map(|path| path.commands)
                    }
                    // A touchpoint that is taken back is told with its sighting.
                    _ => None,
                };
                let Some(told) = told else { continue };
                let told = told.iter().find(|told| told.command_id == command.command_id);
                let told = told.unwrap_or_else(|| panic!("seed {seed}: {} is not told", command.command_id));
                let is_same = |other: &&Command| other.command_id == command.command_id;
                let withdrawn = case.commands.iter().filter(is_same).any(|other| other.withdrawn);
                assert_eq!((told.kind, told.withdrawn), (command.kind, withdrawn), "seed {seed}");
                assert_eq!((&told.author, &told.reason), (&command.author, &command.reason), "seed {seed}");
            }
        });
    }
}

#[test]
fn nobody_can_be_explained_of_whom_nothing_was_seen() {
    let case = Case::new(1);
    let stranger = NodeId::from_bytes([0xff; 16]);
    case.ask(|graph| {
        assert_eq!(graph.identifier(stranger), Ok(None));
        assert_eq!(graph.path(case.identifiers[0], stranger), Ok(Err(stranger)));
        let sighting = *case.sightings.keys().find(|id| id.is_sighting()).expect("some touchpoint had two");
        assert_eq!(graph.identifier(sighting), Ok(None));
    });
}
