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

/// The identifiers that are erased.
pub type Marks = BTreeMap<NodeId, Mark>;

/// Whether nothing counts that was said, by what is erased.
fn is_gone(observation: &Observation, marks: &Marks, rules: &Rules) -> bool {
    let is_device = |namespace: &Namespace| {
        rules.namespace(namespace).is_some_and(|rules| rules.contested == Contested::Apart)
    };
    let left = observation
        .identifiers
        .iter()
        .filter(|(node, _)| !marks.contains_key(node) && !observation.blocked.contains(node));
    let left: Vec<&Namespace> = left.map(|(_, namespace)| namespace).collect();
    let named = observation.identifiers.iter().filter_map(|(node, _)| marks.get(node));
    named.into_iter().any(|mark| match mark {
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
            bonds: BTreeMap::new(),
            apart: BTreeMap::new(),
            blocked: BTreeSet::new(),
            quarantined: BTreeSet::new(),
        };
        for observation in observations {
            all.namespace.extend(observation.identifiers.iter().cloned());
            all.blocked.extend(&observation.blocked);
        }
        let mut overflowed = all.overflowed(observations, keys);
        overflowed.retain(|node| !marks.contains_key(node));
        for observation in all.counting(observations, &standing, &overflowed, marks, keys) {
            all.add(observation, keys);
        }
        all.blocked.extend(marks.keys());
        all.follow(&standing, keys);
        all.quarantined = all.crowded();
        for command in standing.iter().filter(|command| command.kind == CommandKind::Release) {
            all.quarantined.remove(&command.identifiers[0].node);
        }
        all.quarantined.extend(&overflowed);
        let reachable: BTreeSet<NodeId> = all.blocked.difference(&overflowed).copied().collect();
        all.together.retain(|_, identifiers| !identifiers.is_subset(&reachable));
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
    fn overflowed(&self, observations: &[Observation], keys: &Keys) -> BTreeSet<NodeId> {
        let mut sightings: BTreeMap<NodeId, BTreeSet<NodeId>> = BTreeMap::new();
        for observation in observations.iter().filter(|observation| observation.identifiers.len() > 1) {
            for (node, _) in &observation.identifiers {
                sightings.entry(*node).or_default().insert(observation.sighting(keys));
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

    fn add(&mut self, observation: &Observation, keys: &Keys) {
        let sighting = observation.sighting(keys);
        let identifiers: BTreeSet<NodeId> = observation.identifiers.iter().map(|(node, _)| *node).collect();
        for node in identifiers.iter().copied().chain([sighting]) {
            let first_seen = self.first_seen.entry(node).or_insert(observation.time);
            *first_seen = observation.time.min(*first_seen);
        }
        if identifiers.len() > 1 {
            let time = observation.time.floor(self.rules.evidence_granularity_ms);
            let newest = self.newest.entry(sighting).or_insert(time);
            *newest = time.max(*newest);
            self.together.insert(sighting, identifiers);
        }
    }

    /// What stewards say of identifiers.
    fn follow(&mut self, standing: &[&Command], keys: &Keys) {
        for command in standing {
            let nodes: Vec<NodeId> = command.identifiers.iter().map(|identifier| identifier.node).collect();
            let named = command.identifiers.iter().map(|one| (one.node, one.namespace.clone()));
            self.namespace.extend(named);
            match command.kind {
                CommandKind::Block => drop(self.blocked.insert(nodes[0])),
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
        for identifiers in self.together.values() {
            for identifier in identifiers {
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
