//! What counts of all that was said: observations minus what stewards took back, and which identifiers link nothing.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::{
    Command, CommandKind, Contested, Keys, Namespace, NamespaceRules, NodeId, Rules, Timestamp, Touchpoint,
};

/// These identifiers were seen together at this time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// When.
    pub time: Timestamp,
    /// Who says so.
    pub source: String,
    /// In which touchpoint.
    pub touchpoint_id: String,
    /// At least one; distinct nodes, each with the namespace that its node carries.
    pub identifiers: Vec<(NodeId, Namespace)>,
    /// Those of them that are on the block list.
    pub blocked: BTreeSet<NodeId>,
}

impl Observation {
    /// What a touchpoint says about identity. Patterns of the block list are not looked at.
    #[must_use]
    pub fn of(touchpoint: &Touchpoint, rules: &Rules) -> Self {
        let nodes: BTreeMap<NodeId, Namespace> = touchpoint
            .identifiers
            .iter()
            .map(|identifier| (identifier.node, rules.node_namespace(&identifier.namespace)))
            .collect();
        let is_listed = |namespace: &Namespace, value: &str| {
            let of_namespace = rules.namespace(namespace).map(|rules| &rules.block);
            let mut lists = of_namespace.into_iter().chain([&rules.block]);
            lists.any(|list| list.values().contains(&value.to_lowercase()))
        };
        let blocked = touchpoint.identifiers.iter().filter(|one| is_listed(&one.namespace, &one.value));
        Self {
            time: touchpoint.time,
            source: touchpoint.source.clone(),
            touchpoint_id: touchpoint.touchpoint_id.clone(),
            blocked: blocked.map(|identifier| identifier.node).collect(),
            identifiers: nodes.into_iter().collect(),
        }
    }

    /// The node of this set of identifiers.
    #[must_use]
    pub fn sighting(&self, keys: &Keys) -> NodeId {
        let nodes: BTreeSet<NodeId> = self.identifiers.iter().map(|(node, _)| *node).collect();
        keys.sighting(&nodes.into_iter().collect::<Vec<_>>())
    }
}

/// What an erased identifier takes away besides itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// What names nothing else.
    Alone,
    /// What names nothing else but devices.
    Unclaimed,
    /// Whatever names it.
    Everything,
}

/// That an identifier is erased, or was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erased {
    /// How far.
    pub mark: Mark,
    /// From which time on it counts again; `None`: never.
    pub back: Option<Timestamp>,
}

/// The identifiers that are erased, or were.
pub type Marks = BTreeMap<NodeId, Erased>;

/// How far an identifier is erased in what was said then.
fn mark(node: NodeId, time: Timestamp, marks: &Marks) -> Option<Mark> {
    let erased = marks.get(&node)?;
    if erased.back.is_some_and(|back| back <= time) { None } else { Some(erased.mark) }
}

/// What counts of touchpoints where some identifiers are erased. An identifier that is left out keeps its place, with a node that is
/// nobody's.
#[must_use]
pub fn counting(touchpoints: &[Touchpoint], marks: &Marks, rules: &Rules) -> Vec<Touchpoint> {
    let left = touchpoints.iter().filter(|one| !is_gone(&Observation::of(one, rules), marks, rules));
    let mut left: Vec<Touchpoint> = left.cloned().collect();
    for touchpoint in &mut left {
        for identifier in &mut touchpoint.identifiers {
            if mark(identifier.node, touchpoint.time, marks).is_some() {
                identifier.node = NodeId::from_bytes([0; 16]);
            }
        }
    }
    left
}

/// Whether nothing counts that was said, by what is erased.
fn is_gone(observation: &Observation, marks: &Marks, rules: &Rules) -> bool {
    let mark = |node: &NodeId| mark(*node, observation.time, marks);
    let is_device = |namespace: &Namespace| {
        rules.namespace(namespace).is_some_and(|rules| rules.contested == Contested::Apart)
    };
    let left = observation
        .identifiers
        .iter()
        .filter(|(node, _)| mark(node).is_none() && !observation.blocked.contains(node));
    let left: Vec<&Namespace> = left.map(|(_, namespace)| namespace).collect();
    let mut named = observation.identifiers.iter().filter_map(|(node, _)| mark(node));
    named.any(|mark| match mark {
        Mark::Everything => true,
        Mark::Unclaimed => left.iter().all(|namespace| is_device(namespace)),
        Mark::Alone => left.is_empty(),
    })
}

/// More touchpoints of one source at one sighting cannot be taken back one by one.
const TOLD_APART: usize = 8;

/// All evidence, merged.
pub(super) struct Evidence<'a> {
    pub(super) rules: &'a Rules,
    /// Of every identifier that anything names.
    pub(super) namespace: BTreeMap<NodeId, Namespace>,
    /// Of all nodes of which something counts, exact.
    pub(super) first_seen: BTreeMap<NodeId, Timestamp>,
    /// Of sightings of two or more, in steps of the granularity; of stewards' links, exact.
    pub(super) newest: BTreeMap<NodeId, Timestamp>,
    /// The identifiers of sightings of two or more of which something counts.
    pub(super) together: BTreeMap<NodeId, BTreeSet<NodeId>>,
    /// Sightings of two or more, each with an identifier that is not left out of all that counts there.
    pub(super) named: BTreeSet<(NodeId, NodeId)>,
    /// The two identifiers of each steward's link.
    pub(super) bonds: BTreeMap<NodeId, (NodeId, NodeId)>,
    /// Pairs that a steward keeps apart, and since when.
    pub(super) apart: BTreeMap<(NodeId, NodeId), Timestamp>,
    pub(super) blocked: BTreeSet<NodeId>,
    pub(super) quarantined: BTreeSet<NodeId>,
}

impl<'a> Evidence<'a> {
    pub(super) fn of(
        observations: &[Observation],
        commands: &[Command],
        marks: &Marks,
        rules: &'a Rules,
        keys: &Keys,
    ) -> Self {
        let standing = standing(commands);
        let mut all = Self {
            rules,
            namespace: BTreeMap::new(),
            first_seen: BTreeMap::new(),
            newest: BTreeMap::new(),
            together: BTreeMap::new(),
            named: BTreeSet::new(),
            bonds: BTreeMap::new(),
            apart: BTreeMap::new(),
            blocked: BTreeSet::new(),
            quarantined: BTreeSet::new(),
        };
        for observation in observations {
            all.namespace.extend(observation.identifiers.iter().cloned());
            all.blocked.extend(&observation.blocked);
        }
        let overflowed = all.overflowed(observations, marks, keys);
        for observation in all.counting(observations, &standing, &overflowed, marks, keys) {
            all.add(observation, marks, keys);
        }
        all.blocked.extend(marks.iter().filter(|(_, erased)| erased.back.is_none()).map(|(node, _)| *node));
        all.follow(&standing, marks, keys);
        all.quarantined = all.crowded();
        for command in standing.iter().filter(|command| command.kind == CommandKind::Release) {
            all.quarantined.remove(&command.identifiers[0].node);
        }
        all.quarantined.extend(&overflowed);
        let reachable: BTreeSet<NodeId> = all.blocked.difference(&overflowed).copied().collect();
        let named = &all.named;
        let speaks =
            |sighting, node: &NodeId| named.contains(&(sighting, *node)) && !reachable.contains(node);
        all.together.retain(|sighting, nodes| nodes.iter().any(|node| speaks(*sighting, node)));
        let (together, blocked) = (&all.together, &all.blocked);
        all.first_seen.retain(|node, _| {
            !blocked.contains(node) && (!node.is_sighting() || together.contains_key(node))
        });
        all
    }

    pub(super) fn rules_of(&self, identifier: NodeId) -> &NamespaceRules {
        let namespace = &self.namespace[&identifier];
        self.rules.namespace(namespace).expect("capture refuses namespaces that the rules do not name")
    }

    /// Identifiers that are part of more sightings than are stored.
    /// Of one that is, or was, erased those count that were not forgotten.
    fn overflowed(&self, observations: &[Observation], marks: &Marks, keys: &Keys) -> BTreeSet<NodeId> {
        let mut sightings: BTreeMap<NodeId, BTreeSet<NodeId>> = BTreeMap::new();
        for observation in observations.iter().filter(|observation| observation.identifiers.len() > 1) {
            let is_gone = is_gone(observation, marks, self.rules);
            for (node, _) in &observation.identifiers {
                let is_left = !is_gone && mark(*node, observation.time, marks).is_none();
                if is_left || !marks.contains_key(node) {
                    sightings.entry(*node).or_default().insert(observation.sighting(keys));
                }
            }
        }
        let too_many = |(node, all): &(&NodeId, &BTreeSet<NodeId>)| {
            all.len() > self.rules_of(**node).max_sightings() as usize
        };
        sightings.iter().filter(too_many).map(|(node, _)| *node).collect()
    }

    /// The observations that no steward took back.
    fn counting<'o>(
        &self,
        observations: &'o [Observation],
        standing: &[&Command],
        overflowed: &BTreeSet<NodeId>,
        marks: &Marks,
        keys: &Keys,
    ) -> Vec<&'o Observation> {
        let forget: Vec<&&Command> =
            standing.iter().filter(|command| command.kind == CommandKind::Forget).collect();
        let place = |observation: &Observation| (observation.sighting(keys), observation.source.clone());
        let mut touchpoints: BTreeMap<(NodeId, String), BTreeSet<&str>> = BTreeMap::new();
        for observation in observations {
            touchpoints.entry(place(observation)).or_default().insert(&observation.touchpoint_id);
        }
        let is_taken_back = |observation: &Observation, command: &Command| {
            if command.source.as_ref() != Some(&observation.source) {
                return false;
            }
            let nodes: Vec<NodeId> = command.identifiers.iter().map(|identifier| identifier.node).collect();
            match &command.touchpoint_id {
                Some(id) => {
                    *id == observation.touchpoint_id
                        && keys.sighting(&nodes) == observation.sighting(keys)
                        && touchpoints[&place(observation)].len() <= TOLD_APART
                }
                None => {
                    let alone = observation.identifiers.len() == 1;
                    observation.identifiers.iter().any(|(node, _)| *node == nodes[0])
                        && (alone || !overflowed.contains(&nodes[0]))
                }
            }
        };
        observations
            .iter()
            .filter(|observation| !is_gone(observation, marks, self.rules))
            .filter(|observation| !forget.iter().any(|command| is_taken_back(observation, command)))
            .collect()
    }

    fn add(&mut self, observation: &Observation, marks: &Marks, keys: &Keys) {
        let sighting = observation.sighting(keys);
        let identifiers: BTreeSet<NodeId> = observation.identifiers.iter().map(|(node, _)| *node).collect();
        let is_left = |node: &NodeId| mark(*node, observation.time, marks).is_none();
        let left: Vec<NodeId> = identifiers.iter().copied().filter(is_left).collect();
        for node in left.iter().copied().chain([sighting]) {
            let first_seen = self.first_seen.entry(node).or_insert(observation.time);
            *first_seen = observation.time.min(*first_seen);
        }
        if identifiers.len() > 1 {
            let time = observation.time.floor(self.rules.evidence_granularity_ms);
            let newest = self.newest.entry(sighting).or_insert(time);
            *newest = time.max(*newest);
            self.together.insert(sighting, identifiers);
            self.named.extend(left.into_iter().map(|node| (sighting, node)));
        }
    }

    /// What stewards say of identifiers.
    fn follow(&mut self, standing: &[&Command], marks: &Marks, keys: &Keys) {
        for command in standing {
            let nodes: Vec<NodeId> = command.identifiers.iter().map(|identifier| identifier.node).collect();
            let named = command.identifiers.iter().map(|one| (one.node, one.namespace.clone()));
            self.namespace.extend(named);
            match command.kind {
                CommandKind::Block => drop(self.blocked.insert(nodes[0])),
                // Of what was erased then, or later, a steward's link says nothing.
                CommandKind::Link if nodes.iter().any(|node| mark(*node, command.time, marks).is_some()) => {}
                CommandKind::Link => {
                    let bond = keys.bond(&nodes);
                    let newest = self.newest.entry(bond).or_insert(command.time);
                    *newest = command.time.max(*newest);
                    self.bonds.insert(bond, (nodes[0], nodes[1]));
                }
                CommandKind::Unlink => {
                    let time = self.apart.entry((nodes[0], nodes[1])).or_insert(command.time);
                    *time = command.time.max(*time);
                }
                CommandKind::Release | CommandKind::Forget => {}
            }
        }
        let (bonds, newest) = (&self.bonds, &self.newest);
        self.apart
            .retain(|pair, time| !bonds.iter().any(|(bond, linked)| linked == pair && newest[bond] > *time));
    }

    /// Identifiers seen with more distinct others than their namespace allows, in all or of one namespace.
    fn crowded(&self) -> BTreeSet<NodeId> {
        let mut others: BTreeMap<NodeId, BTreeSet<NodeId>> = BTreeMap::new();
        for (sighting, identifiers) in &self.together {
            for identifier in identifiers.iter().filter(|one| self.named.contains(&(*sighting, **one))) {
                let rest = identifiers.iter().filter(|n| *n != identifier);
                others.entry(*identifier).or_default().extend(rest);
            }
        }
        let exceeds = |identifier: &NodeId, others: &BTreeSet<NodeId>| {
            let limit = &self.rules_of(*identifier).max_neighbours;
            let of = |namespace: &Namespace| {
                others.iter().filter(|other| self.namespace[*other] == *namespace).count()
            };
            others.len() > limit.total as usize
                || limit.of.iter().any(|(namespace, most)| of(namespace) > *most as usize)
        };
        others
            .iter()
            .filter(|(identifier, others)| exceeds(identifier, others))
            .map(|(node, _)| *node)
            .collect()
    }
}

/// The commands that were not withdrawn.
fn standing(commands: &[Command]) -> Vec<&Command> {
    let withdrawn: BTreeSet<&str> =
        commands.iter().filter(|command| command.withdrawn).map(|command| &*command.command_id).collect();
    commands.iter().filter(|command| !withdrawn.contains(&*command.command_id)).collect()
}
