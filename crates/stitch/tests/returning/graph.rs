//! A graph whose touchpoints, links and demands come in any order, beside the graph that saw only what counts.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use fastrand::Rng;
use kinfold_model::command::CommandIdentifier;
use kinfold_model::privacy::{Demand, Ruling, Ticket};
use kinfold_model::{
    Assignment, Command, CommandKind, Context, Identifier, Keys, Mark, NodeId, Partition, PersonId, Reach,
    Rules, Secret, Stage, Timestamp, Touchpoint, TouchpointIdentifier, View,
};
use kinfold_stitch::laws::AtRest;
use kinfold_stitch::node::Node;
use kinfold_stitch::op::{Op, Seen};
use kinfold_stitch::{Stitch, Stitched};
/// How many worlds are tried.
pub(crate) const SEEDS: u64 = 400;

/// State without a disk.
pub(crate) type Memory = BTreeMap<Vec<u8>, Vec<u8>>;

/// A partition of the stage, and what waits for it.
pub(crate) struct Seat {
    pub(crate) stage: Stitch,
    pub(crate) memory: Memory,
    pub(crate) waiting: VecDeque<Op>,
}

/// All partitions.
pub(crate) struct Graph {
    pub(crate) seats: Vec<Seat>,
    pub(crate) rng: Rng,
    /// Of a hundred messages, how many come twice.
    pub(crate) repeated_percent: u8,
    /// What facets was told because somebody asked.
    pub(crate) rulings: Vec<Ruling>,
    /// The last assignment of each node that has one, as whoever reads the topic keeps it.
    pub(crate) assigned: BTreeMap<NodeId, PersonId>,
}

impl Graph {
    pub(crate) fn new(seed: u64, partitions: u32) -> Self {
        Self::under(&rules(), seed, partitions)
    }

    pub(crate) fn under(rules: &Rules, seed: u64, partitions: u32) -> Self {
        let seat = |index| {
            let stage = Stitch::new(keys(), rules.clone(), Partition { index, count: partitions });
            Seat { stage, memory: Memory::default(), waiting: VecDeque::new() }
        };
        let mut rng = Rng::with_seed(seed);
        let repeated_percent = rng.choice([0, 0, 5]).expect("not empty");
        let (seats, rulings, assigned) = ((0..partitions).map(seat).collect(), Vec::new(), BTreeMap::new());
        Self { seats, rng, repeated_percent, rulings, assigned }
    }

    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.seats.len()).expect("few")
    }

    /// These messages come, one now and then, until nothing is on its way.
    pub(crate) fn run(&mut self, ops: Vec<Op>) {
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
                    Stitched::Unassigned(node)
                    | Stitched::Assigned(Assignment { node, erased: true, .. }) => {
                        self.assigned.remove(&node);
                    }
                    Stitched::Assigned(Assignment { node, person_id, .. }) => {
                        self.assigned.insert(node, person_id);
                    }
                    _ => {}
                }
            }
        }
    }

    pub(crate) fn send(&mut self, op: Op) {
        let to = op.to.partition(self.count()) as usize;
        self.seats[to].waiting.push_back(op);
    }

    pub(crate) fn at_rest(&self) -> AtRest {
        AtRest::read(self.seats.iter().map(|seat| &seat.memory as &dyn View)).expect("sound")
    }

    /// The identifiers of each person.
    pub(crate) fn people(&self) -> BTreeSet<Vec<NodeId>> {
        let mut people: BTreeMap<PersonId, Vec<NodeId>> = BTreeMap::new();
        for (id, node) in self.at_rest().nodes {
            if let Some(person) = node.person.filter(|_| !id.is_sighting()) {
                people.entry(person).or_default().push(id);
            }
        }
        people.into_values().collect()
    }

    pub(crate) fn marks(&self) -> BTreeMap<NodeId, Mark> {
        let mark = |node: &Node| Some(node.standing()?.erased.as_ref()?.mark.clone());
        self.at_rest().nodes.iter().filter_map(|(id, node)| Some((*id, mark(node)?))).collect()
    }

    /// Whether what was told of each node last is what it is.
    pub(crate) fn is_told(&self) -> bool {
        let nodes = self.at_rest().nodes;
        let is: BTreeMap<NodeId, PersonId> =
            nodes.into_iter().filter_map(|(id, node)| Some((id, node.person?))).collect();
        is == self.assigned
    }

    /// Whether these identifiers are one person.
    pub(crate) fn are_one(&self, names: &[(&str, &str)]) -> bool {
        let nodes: BTreeSet<NodeId> = names.iter().map(|name| identifier(*name).node).collect();
        self.people().iter().any(|person| nodes.iter().all(|node| person.contains(node)))
    }
}

pub(crate) fn keys() -> Keys {
    Keys::new(&Secret::new(b"0123456789abcdef").expect("long enough"))
}

pub(crate) fn rules() -> Rules {
    Rules { evidence_granularity_ms: 1, ..Rules::default() }
}

pub(crate) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms).expect("in range")
}

pub(crate) fn identifier((namespace, value): (&str, &str)) -> TouchpointIdentifier {
    let clear = Identifier::new(namespace, value);
    let node = keys().identifier(&clear, &rules());
    TouchpointIdentifier { node, namespace: clear.namespace, value: clear.value }
}

/// Somebody was seen with these, and perhaps agreed to be known again.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) id: String,
    pub(crate) time: i64,
    pub(crate) names: Vec<(&'static str, &'static str)>,
    pub(crate) agreed: bool,
}

/// What of a touchpoint counts: fewer names perhaps, at the sighting that it was.
pub(crate) struct Left {
    said: Said,
    sighting: NodeId,
}

impl Left {
    pub(crate) fn op(&self) -> Op {
        Op { to: self.sighting, ..self.said.op() }
    }
}

/// The graph that saw only what counts. A touchpoint that is later names no fewer of its sighting, as who came back counts from then
/// on: those that name the most come last.
pub(crate) fn expected(seed: u64, mut left: Vec<Left>, links: impl Iterator<Item = Op>) -> Graph {
    left.sort_by_key(|one| one.said.names.len());
    let mut graph = Graph::new(seed, 1);
    graph.run(left.iter().map(Left::op).chain(links).collect());
    graph
}

impl Said {
    pub(crate) fn op(&self) -> Op {
        op_of(&self.id, self.time, &self.names, self.agreed)
    }

    /// What of it counts; `None` when nothing does. This shares no code with the stage.
    pub(crate) fn left(&self, marks: &BTreeMap<NodeId, Mark>) -> Option<Left> {
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
        (!goes).then(|| Left { sighting: self.op().to, said: Self { names: left, ..self.clone() } })
    }
}

/// Somebody was seen with these names, and perhaps agreed to be known again.
pub(crate) fn op_of(id: &str, time: i64, names: &[(&str, &str)], agreed: bool) -> Op {
    let mut identifiers: Vec<TouchpointIdentifier> = names.iter().copied().map(identifier).collect();
    identifiers.sort_by_key(|one| one.node);
    let nodes: Vec<NodeId> = identifiers.iter().map(|one| one.node).collect();
    let seen = identifiers.iter().map(|one| Seen {
        node: one.node,
        namespace: one.namespace.clone(),
        blocked: false,
    });
    let seen = seen.collect();
    let touchpoint = Touchpoint {
        touchpoint_id: id.to_owned(),
        time: at(time),
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
        verified: Vec::new(),
    };
    Op::observe(&touchpoint, seen, agreed.then(|| at(time)), &keys())
}

/// A steward says at this time that these two are of one person.
#[derive(Clone, Debug)]
pub(crate) struct Linked {
    pub(crate) time: i64,
    pub(crate) names: [(&'static str, &'static str); 2],
}

impl Linked {
    pub(crate) fn op(&self) -> Op {
        self.told(false)
    }

    pub(crate) fn told(&self, withdrawn: bool) -> Op {
        let ends = self.names.map(identifier);
        let ends = ends.map(|one| CommandIdentifier { node: one.node, namespace: one.namespace });
        let mut identifiers = Vec::from(ends);
        identifiers.sort();
        let command = Command {
            command_id: format!("c{}", self.time),
            kind: CommandKind::Link,
            author: "a steward".to_owned(),
            reason: "a test".to_owned(),
            time: at(self.time),
            withdrawn,
            identifiers,
            source: None,
            touchpoint_id: None,
        };
        Op::command(command, &keys()).expect("can be carried out")
    }

    /// Whether it was said when neither of the two was erased, and of neither it is forgotten.
    pub(crate) fn counts(&self, marks: &BTreeMap<NodeId, Mark>) -> bool {
        let is_struck = |name: &(&str, &str)| {
            marks.get(&identifier(*name).node).is_some_and(|mark| mark.reach(at(self.time)).is_some())
        };
        !self.names.iter().any(is_struck)
    }
}

pub(crate) fn demand(name: (&str, &str), demand: Demand, request: &str, latest: i64) -> Op {
    let asked_by = identifier(name).node;
    let ticket = Ticket { request_id: request.to_owned(), desk: 0, asked_by };
    Op::demand(demand, ticket, at(latest), at(latest))
}

/// A steward takes a touchpoint back.
pub(crate) fn forget(said: &Said) -> Op {
    let named = said.names.iter().copied().map(identifier);
    let named = named.map(|one| CommandIdentifier { node: one.node, namespace: one.namespace });
    let mut identifiers: Vec<CommandIdentifier> = named.collect();
    identifiers.sort();
    let command = Command {
        command_id: format!("forget-{}", said.id),
        kind: CommandKind::Forget,
        author: "a steward".to_owned(),
        reason: "a test".to_owned(),
        time: at(said.time),
        withdrawn: false,
        identifiers,
        source: Some("shop".to_owned()),
        touchpoint_id: Some(said.id.clone()),
    };
    Op::command(command, &keys()).expect("can be carried out")
}

pub(crate) const NAMES: [(&str, &str); 12] = [
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
pub(crate) fn said(rng: &mut Rng, first: i64, count: usize, agreed: bool) -> Vec<Said> {
    let mut times: Vec<i64> = (0..500).collect();
    rng.shuffle(&mut times);
    let one = |time: i64, rng: &mut Rng| {
        let mut names = NAMES.to_vec();
        rng.shuffle(&mut names);
        names.truncate(rng.usize(1..=3));
        Said { id: format!("t{}", first + time), time: first + time, names, agreed }
    };
    times[..count].iter().map(|time| one(*time, rng)).collect()
}

/// Stewards' links within the same times, each at a moment of its own.
pub(crate) fn linked(rng: &mut Rng, first: i64, count: usize) -> Vec<Linked> {
    let one = |index: usize| {
        let mut names = NAMES.to_vec();
        rng.shuffle(&mut names);
        let time = first + 500 * rng.i64(0..4) + 500 + i64::try_from(index).expect("few");
        Linked { time, names: [names[0], names[1]] }
    };
    (0..count).map(one).collect()
}

pub(crate) fn ops(rng: &mut Rng, said: &[Said], linked: &[Linked]) -> Vec<Op> {
    let mut ops: Vec<Op> = said.iter().map(Said::op).chain(linked.iter().map(Linked::op)).collect();
    rng.shuffle(&mut ops);
    ops
}
