//! Who was erased and agreed later to be known again: on any number of partitions, in any order, twice erased, and whatever is replayed,
//! people are those of a graph that only ever saw what counts.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use fastrand::Rng;
use kinfold_model::privacy::{Demand, PrivacyScope, Ruling, Ticket};
use kinfold_model::{
    Context, Fault, Identifier, Keys, Mark, NodeId, Partition, PersonId, Reach, Rules, Secret, Stage, State,
    Timestamp, Touchpoint, TouchpointIdentifier,
};
use kinfold_stitch::laws::AtRest;
use kinfold_stitch::node::Node;
use kinfold_stitch::op::{Op, Seen};
use kinfold_stitch::{Stitch, Stitched};

/// How many worlds are tried.
const SEEDS: u64 = 400;

#[derive(Default)]
struct Memory(BTreeMap<Vec<u8>, Vec<u8>>);

impl State for Memory {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        Ok(self.0.get(key).cloned())
    }

    fn scan(&self, prefix: &[u8]) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Fault> {
        let found = self.0.range(prefix.to_vec()..).take_while(|(key, _)| key.starts_with(prefix));
        Ok(found.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.0.insert(key, value);
    }

    fn delete(&mut self, key: Vec<u8>) {
        self.0.remove(&key);
    }
}

/// A partition of the stage, and what waits for it.
struct Seat {
    stage: Stitch,
    memory: Memory,
    waiting: VecDeque<Op>,
}

/// All partitions.
struct Graph {
    seats: Vec<Seat>,
    rng: Rng,
    /// Of a hundred messages, how many come twice.
    repeated_percent: u8,
    /// What facets was told because somebody asked.
    rulings: Vec<Ruling>,
}

impl Graph {
    fn new(seed: u64, partitions: u32) -> Self {
        let seat = |index| {
            let stage = Stitch::new(keys(), rules(), Partition { index, count: partitions });
            Seat { stage, memory: Memory::default(), waiting: VecDeque::new() }
        };
        let mut rng = Rng::with_seed(seed);
        let repeated_percent = rng.choice([0, 0, 5]).expect("not empty");
        Self { seats: (0..partitions).map(seat).collect(), rng, repeated_percent, rulings: Vec::new() }
    }

    fn count(&self) -> u32 {
        u32::try_from(self.seats.len()).expect("few")
    }

    /// These messages come, one now and then, until nothing is on its way.
    fn run(&mut self, ops: Vec<Op>) {
        let mut ops: VecDeque<Op> = ops.into();
        loop {
            let busy: Vec<usize> =
                (0..self.seats.len()).filter(|i| !self.seats[*i].waiting.is_empty()).collect();
            if busy.is_empty() || self.rng.u8(0..3) == 0 {
                let Some(op) = ops.pop_front() else {
                    if busy.is_empty() {
                        return;
                    }
                    continue;
                };
                self.send(op);
                continue;
            }
            let index = *self.rng.choice(&busy).expect("not empty");
            let most = self.rng.usize(1..=4);
            let again = self.repeated_percent;
            let seat = &mut self.seats[index];
            let mut output = Vec::new();
            let mut context = Context { now: at(0), state: &mut seat.memory, output: &mut output };
            for _ in 0..most.min(seat.waiting.len()) {
                let op = seat.waiting.pop_front().expect("counted");
                if self.rng.u8(0..100) < again {
                    seat.stage.handle(op.clone(), &mut context).expect("sound");
                }
                seat.stage.handle(op, &mut context).expect("sound");
            }
            seat.stage.finish(&mut context).expect("sound");
            for sent in output {
                match sent {
                    Stitched::Op(op) => self.send(op),
                    Stitched::Ruled(ruling) => self.rulings.push(ruling),
                    _ => {}
                }
            }
        }
    }

    fn send(&mut self, op: Op) {
        let to = op.to.partition(self.count()) as usize;
        self.seats[to].waiting.push_back(op);
    }

    fn at_rest(&self) -> AtRest {
        AtRest::read(self.seats.iter().map(|seat| &seat.memory as &dyn State)).expect("sound")
    }

    /// The identifiers of each person.
    fn people(&self) -> BTreeSet<Vec<NodeId>> {
        let mut people: BTreeMap<PersonId, Vec<NodeId>> = BTreeMap::new();
        for (id, node) in self.at_rest().nodes {
            if let Some(person) = node.person.filter(|_| !id.is_sighting()) {
                people.entry(person).or_default().push(id);
            }
        }
        people.into_values().collect()
    }

    fn marks(&self) -> BTreeMap<NodeId, Mark> {
        let mark = |node: &Node| Some(node.standing()?.erased.as_ref()?.mark.clone());
        self.at_rest().nodes.iter().filter_map(|(id, node)| Some((*id, mark(node)?))).collect()
    }
}

fn keys() -> Keys {
    Keys::new(&Secret::new(b"0123456789abcdef").expect("long enough"))
}

fn rules() -> Rules {
    Rules { evidence_granularity_ms: 1, ..Rules::default() }
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms).expect("in range")
}

fn identifier((namespace, value): (&str, &str)) -> TouchpointIdentifier {
    let clear = Identifier::new(namespace, value);
    let node = keys().identifier(&clear, &rules());
    TouchpointIdentifier { node, namespace: clear.namespace, value: clear.value }
}

/// Somebody was seen with these, and perhaps agreed to be known again.
#[derive(Clone, Debug)]
struct Said {
    id: String,
    time: i64,
    names: Vec<(&'static str, &'static str)>,
    agreed: bool,
}

impl Said {
    fn op(&self) -> Op {
        let mut identifiers: Vec<TouchpointIdentifier> = self.names.iter().copied().map(identifier).collect();
        identifiers.sort_by_key(|one| one.node);
        let nodes: Vec<NodeId> = identifiers.iter().map(|one| one.node).collect();
        let seen = identifiers.iter().map(|one| Seen {
            node: one.node,
            namespace: one.namespace.clone(),
            blocked: false,
        });
        let seen = seen.collect();
        let touchpoint = Touchpoint {
            touchpoint_id: self.id.clone(),
            time: at(self.time),
            source: "shop".to_owned(),
            channel: None,
            r#type: None,
            sighting: keys().sighting(&nodes),
            identifiers,
            attributes: BTreeMap::new(),
            consents: Vec::new(),
            consent_signals: None,
            order: None,
            engagement: None,
            flags: Vec::new(),
        };
        Op::observe(&touchpoint, seen, self.agreed.then(|| at(self.time)), &keys())
    }

    /// What of it counts; `None` when nothing does. This shares no code with the stage.
    fn left(&self, marks: &BTreeMap<NodeId, Mark>) -> Option<Self> {
        let reach = |name: &(&'static str, &'static str)| {
            marks.get(&identifier(*name).node).and_then(|mark| mark.reach(at(self.time)))
        };
        let (struck, left): (Vec<_>, Vec<_>) =
            self.names.iter().copied().partition(|name| reach(name).is_some());
        let goes = match struck.iter().filter_map(reach).max() {
            None => false,
            Some(Reach::Everything) => true,
            Some(Reach::Unclaimed) => left.iter().all(|(namespace, _)| *namespace == "cookie"),
            Some(Reach::Alone) => left.is_empty(),
        };
        (!goes).then(|| Self { names: left, ..self.clone() })
    }
}

fn demand(name: (&str, &str), demand: Demand, request: &str, latest: i64) -> Op {
    let asked_by = identifier(name).node;
    let ticket = Ticket { request_id: request.to_owned(), desk: 0, asked_by };
    Op::demand(demand, ticket, at(latest), at(latest))
}

const NAMES: [(&str, &str); 12] = [
    ("customer_id", "C-1"),
    ("customer_id", "C-2"),
    ("customer_id", "C-3"),
    ("email", "ann@example.org"),
    ("email", "bea@example.org"),
    ("email", "cid@example.org"),
    ("email", "dee@example.org"),
    ("phone", "+491711"),
    ("phone", "+491712"),
    ("cookie", "c1"),
    ("cookie", "c2"),
    ("cookie", "c3"),
];

/// Touchpoints within a time, each at a moment of its own, so that nothing is decided by what else is equal.
fn said(rng: &mut Rng, first: i64, count: usize, agreed: bool) -> Vec<Said> {
    let mut times: Vec<i64> = (0..500).collect();
    rng.shuffle(&mut times);
    let one = |time: i64, rng: &mut Rng| {
        let mut names = NAMES;
        rng.shuffle(&mut names);
        let names = names[..rng.usize(1..=3)].to_vec();
        Said { id: format!("t{}", first + time), time: first + time, names, agreed }
    };
    times[..count].iter().map(|time| one(*time, rng)).collect()
}

fn ops(rng: &mut Rng, said: &[&[Said]]) -> Vec<Op> {
    let mut ops: Vec<Op> = said.iter().flat_map(|said| said.iter().map(Said::op)).collect();
    rng.shuffle(&mut ops);
    ops
}

#[test]
fn people_are_those_of_a_graph_that_only_saw_what_counts() {
    let (mut back, mut twice) = (0, 0);
    for seed in 0..SEEDS {
        let mut rng = Rng::with_seed(seed ^ 0x7265_7475);
        let partitions = *rng.choice(&[1, 2, 3, 7]).expect("not empty");
        let mut graph = Graph::new(seed, partitions);
        let mut all: Vec<Said> = Vec::new();
        let mut came_back = BTreeSet::new();
        for round in 0..3 {
            let first = round * 10_000;
            let (agreed, later) = (rng.usize(0..6), rng.usize(0..10));
            // Nobody can have come back before the first erasure.
            let back = said(&mut rng, first, if round == 0 { 0 } else { agreed }, true);
            let ops_back = ops(&mut rng, &[&back]);
            graph.run(ops_back);
            let late = said(&mut rng, first + 1000, later + 4, false);
            all.extend(back);
            all.extend(late);
            let now = ops(&mut rng, &[&all]);
            graph.run(now);
            for request in 0..rng.usize(0..3) {
                let scope =
                    *rng.choice(&[PrivacyScope::Person, PrivacyScope::Identifier]).expect("not empty");
                let name = *rng.choice(&NAMES).expect("not empty");
                let request = format!("r{round}-{request}");
                graph.run(vec![demand(name, Demand::Erase(scope), &request, first + 5000)]);
            }
            let again = ops(&mut rng, &[&all]);
            graph.run(again);
            let marks = graph.marks();
            for (node, mark) in &marks {
                if !mark.holds() {
                    came_back.insert(*node);
                } else if came_back.contains(node) {
                    twice += 1;
                }
            }
            let broken = graph.at_rest().broken_laws(&rules(), &keys());
            assert!(broken.is_empty(), "seed {seed}, round {round}: {broken:#?}");
            let left: Vec<Said> = all.iter().filter_map(|one| one.left(&marks)).collect();
            let mut expected = Graph::new(seed, 1);
            expected.run(left.iter().map(Said::op).collect());
            assert_eq!(graph.people(), expected.people(), "seed {seed}, round {round}: {marks:#?} {all:#?}");
        }
        back += came_back.len();
    }
    assert!(back > 0 && twice > 0, "{back} came back, {twice} were erased again");
}

#[test]
fn who_is_erased_cannot_be_restricted_and_who_came_again_can() {
    let ann = ("email", "ann@example.org");
    let one = |time: i64, agreed| Said {
        id: format!("t{time}"),
        time,
        names: vec![ann, ("phone", "+491711")],
        agreed,
    };
    for partitions in [1, 3] {
        let mut graph = Graph::new(7, partitions);
        graph.run(vec![one(1, false).op()]);
        graph.run(vec![demand(ann, Demand::Erase(PrivacyScope::Person), "erase", 100)]);
        let restricts = |graph: &mut Graph, request: &str, time: i64| -> BTreeSet<(NodeId, Timestamp)> {
            graph.rulings.clear();
            graph.run(vec![demand(ann, Demand::Restrict, request, time)]);
            let restricted = graph.rulings.iter().filter_map(|ruling| match ruling {
                Ruling::Restricted(one) => Some((one.node, one.latest)),
                Ruling::Erased(_) => None,
            });
            restricted.collect()
        };
        assert_eq!(restricts(&mut graph, "too-early", 150), BTreeSet::new());
        graph.run(vec![one(200, true).op()]);
        let both = [ann, ("phone", "+491711")].map(|name| (identifier(name).node, at(300)));
        assert_eq!(restricts(&mut graph, "again", 300), BTreeSet::from(both));
    }
}
