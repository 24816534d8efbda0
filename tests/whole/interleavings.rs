//! Interleavings that seeds hardly ever find, played message by message: the test says which node takes its turn.
//!
//! Each node has a partition of its own. As on Kafka, a partition takes its messages in the order in which they were
//! written; a command comes on another topic, so that it may be read before all that waits.

use std::collections::{BTreeSet, VecDeque};

use kinfold_model::command::CommandIdentifier;
use kinfold_model::rules::NeighbourLimit;
use kinfold_model::{
    ChangeRule, Command, CommandKind, Context, Identifier, Keys, Namespace, NodeId, Partition, Rules, Stage,
    Timestamp, View,
};
use kinfold_pipeline::{Overlay, Store, Writes};
use kinfold_stitch::laws::AtRest;
use kinfold_stitch::op::{Body, Cause, Observation, Seen};
use kinfold_stitch::witness::TouchpointMark;
use kinfold_stitch::{Op, Stitch, Stitched};
use kinfold_testkit::simulation::Map;
use kinfold_testkit::world::keys;

/// So many that a handful of nodes soon has one each.
const PARTITIONS: u32 = 32;

/// Stitch on all partitions, and what waits before each of them.
struct Play {
    keys: Keys,
    rules: Rules,
    stages: Vec<Stitch>,
    stores: Vec<Map>,
    waiting: Vec<VecDeque<Op>>,
}

impl Play {
    fn new(rules: &Rules) -> Self {
        let (keys, rules) = (keys(), rules.clone());
        let stage = |index| Stitch::new(keys.clone(), rules.clone(), Partition { index, count: PARTITIONS });
        let stages = (0..PARTITIONS).map(stage).collect();
        let stores = (0..PARTITIONS).map(|_| Map::new()).collect();
        let waiting = (0..PARTITIONS).map(|_| VecDeque::new()).collect();
        Self { keys, rules, stages, stores, waiting }
    }

    /// A message is written.
    fn write(&mut self, op: Op) {
        self.waiting[place(op.to)].push_back(op);
    }

    /// A node handles a message at once; what follows from it is written.
    fn handle(&mut self, op: Op) {
        let place = place(op.to);
        let (mut writes, mut output) = (Writes::new(), Vec::new());
        let mut state = Overlay::new(&self.stores[place], &mut writes);
        let mut context = Context { now: Timestamp::MAX, state: &mut state, output: &mut output };
        self.stages[place].handle(op, &mut context).expect("a sound message over a sound state");
        self.stages[place].finish(&mut context).expect("a sound state");
        self.stores[place].commit(writes).expect("memory cannot fail");
        for one in output {
            if let Stitched::Op(op) = one {
                self.write(op);
            }
        }
    }

    /// A node handles all that waits for it by now.
    fn turn(&mut self, node: NodeId) {
        for op in std::mem::take(&mut self.waiting[place(node)]) {
            self.handle(op);
        }
    }

    /// All take turns until nothing waits.
    fn rest(&mut self) {
        while let Some(op) = self.waiting.iter_mut().find_map(VecDeque::pop_front) {
            self.handle(op);
        }
    }

    /// All but one take turns until nothing waits for them.
    fn rest_without(&mut self, absent: NodeId) {
        let others = (0..self.waiting.len()).filter(|other| *other != place(absent));
        while let Some(op) = others.clone().find_map(|other| self.waiting[other].pop_front()) {
            self.handle(op);
        }
    }

    fn graph(&self) -> AtRest {
        AtRest::read(self.stores.iter().map(|store| store as &dyn View)).expect("a sound state")
    }

    fn assert_lawful(&self) {
        assert_eq!(self.graph().broken_laws(&self.rules, &self.keys), Vec::<String>::new());
    }
}

fn place(node: NodeId) -> usize {
    node.partition(PARTITIONS) as usize
}

/// Three cookies of ascending rank. They, the sighting of the first two and that of the last two have a partition each.
fn cookies() -> [NodeId; 3] {
    let (keys, rules) = (keys(), Rules::default());
    let cookie = |value: String| keys.identifier(&Identifier::new("cookie", &value), &rules);
    let mut tries = (0..).map(|number| [0, 1, 2].map(|index| cookie(format!("{number}-{index}"))));
    let is_right = |cookies: &[NodeId; 3]| {
        let nodes = cookies.windows(2).map(sighting).chain(*cookies);
        let places: BTreeSet<usize> = nodes.map(place).collect();
        places.len() == 5 && cookies.is_sorted_by_key(|cookie| keys.rank(*cookie))
    };
    tries.find(is_right).expect("numbers do not end")
}

fn sighting(of: &[NodeId]) -> NodeId {
    keys().sighting(&sorted(of))
}

fn sorted(nodes: &[NodeId]) -> Vec<NodeId> {
    let mut nodes = nodes.to_vec();
    nodes.sort();
    nodes
}

/// A touchpoint had these cookies. Its id is its time.
fn seen(millis: i64, cookies: &[NodeId]) -> Op {
    let (to, time) = (sighting(cookies), Timestamp::from_millis(millis).expect("in range"));
    let one = |node| Seen { node, namespace: Namespace::new("cookie"), blocked: false };
    let observation = Observation {
        time,
        source: "web".to_owned(),
        mark: TouchpointMark(keys().touchpoint_mark(&time.to_string())),
        identifiers: sorted(cookies).into_iter().map(one).collect(),
        consented: None,
    };
    let cause = Cause { node: to, time, rule: ChangeRule::Evidence, command_id: None };
    Op { to, hops: 0, cause, body: Body::Observe(observation) }
}

/// A steward's command about cookies.
fn command(kind: CommandKind, cookies: &[NodeId], withdrawn: bool) -> Command {
    let one = |node| CommandIdentifier { node, namespace: Namespace::new("cookie") };
    Command {
        command_id: format!("{kind} {cookies:?}"),
        kind,
        author: "a steward".to_owned(),
        reason: "a test".to_owned(),
        time: Timestamp::MIN,
        withdrawn,
        identifiers: sorted(cookies).into_iter().map(one).collect(),
        source: None,
        touchpoint_id: None,
    }
}

fn given(command: Command) -> Op {
    Op::command(command, &keys()).expect("a sound command")
}

/// That the touchpoint of a time counts for nothing.
fn forget(millis: i64, cookies: &[NodeId], withdrawn: bool) -> Op {
    let time = Timestamp::from_millis(millis).expect("in range");
    let (source, touchpoint_id) = (Some("web".to_owned()), Some(time.to_string()));
    given(Command { source, touchpoint_id, ..command(CommandKind::Forget, cookies, withdrawn) })
}

#[test]
fn an_edge_that_overtakes_what_its_sighting_has_become_is_not_taken_away_again() {
    let [low, middle, high] = cookies();
    let pair = sighting(&[low, middle]);
    let mut play = Play::new(&Rules::default());
    play.write(seen(1, &[low, middle]));
    play.rest();
    // All are with the highest now; but the first pair, which is absent, believes to be with the middle one.
    play.write(seen(2, &[middle, high]));
    play.rest_without(pair);
    // The pair counts for nothing, then counts again. It tells that to the middle one, where it waits, and to the low
    // one, which asks the right root to be joined again.
    play.handle(forget(1, &[low, middle], false));
    play.handle(forget(1, &[low, middle], true));
    play.turn(low);
    let graph = play.graph();
    let heard = graph.components[&high].members[&pair].told.version;
    assert!(heard + 2 == graph.nodes[&pair].told.version, "the root has heard neither");
    play.turn(high);
    play.rest();
    play.assert_lawful();
    let people = play.graph().nodes.into_values().map(|node| node.person);
    assert_eq!(people.collect::<BTreeSet<_>>().len(), 1);
}

#[test]
fn a_sighting_is_somebody_though_one_identifier_was_blocked_when_it_came_and_the_other_is_blocked_later() {
    let [stranger, crowded, other] = cookies();
    let pair = sighting(&[crowded, other]);
    let mut rules = Rules::default();
    let of_cookies = rules.namespaces.get_mut(&Namespace::new("cookie")).expect("is there by default");
    of_cookies.max_neighbours = NeighbourLimit::total(0);
    let mut play = Play::new(&rules);
    play.write(seen(1, &[stranger, crowded]));
    play.rest();
    play.handle(given(command(CommandKind::Block, &[crowded], false)));
    play.handle(given(command(CommandKind::Block, &[other], false)));
    play.rest();
    // The blocked one says that it is blocked. Then it is only quarantined, and need say no more.
    play.write(seen(2, &[crowded, other]));
    play.rest_without(other);
    play.handle(given(command(CommandKind::Block, &[crowded], true)));
    play.rest_without(other);
    play.rest();
    play.assert_lawful();
    assert!(play.graph().nodes[&pair].person.is_some());
}
