//! What must come out of any run, however it went: the people, their ids and their profiles are those of the oracle.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::privacy::Ruling;
use kinfold_model::{
    Amount, Assignment, Command, Keys, NodeId, PersonId, Reach, Rules, Timestamp, Touchpoint, UnifiedProfile,
};
use kinfold_profile::{Cause, PeopleInput};
use kinfold_stitch::groups::Refused;
use kinfold_stitch::node::{Node, Standing};
use kinfold_stitch::people::decide;
use kinfold_testkit::oracle;
use kinfold_testkit::simulation::{Map, Outcome};
use kinfold_testkit::terms::{earlier_terms, outputs, profile_settings, purposes, survivorship};
use kinfold_wire::{SchemaIds, Topic, decode, decode_inner};

/// What went into a run.
pub(crate) struct Truth<'a> {
    /// Each at least once.
    pub(crate) touchpoints: &'a [Touchpoint],
    /// Of stewards.
    pub(crate) commands: &'a [Command],
    /// In force at the end.
    pub(crate) rules: &'a Rules,
    /// Of the deployment.
    pub(crate) keys: &'a Keys,
    /// What has ended by then has ended.
    pub(crate) now: Timestamp,
    /// What a failure is reported with.
    pub(crate) run: String,
}

impl Truth<'_> {
    /// Compares what came out with the oracle.
    pub(crate) fn check(&self, outcome: &Outcome) {
        let Self { touchpoints, commands, rules, keys, run, .. } = self;
        let observations: Vec<_> =
            touchpoints.iter().map(|touchpoint| oracle::Observation::of(touchpoint, rules)).collect();
        let expected = oracle::remembered(&observations, commands, &marks(outcome), rules, keys);
        let broken = outcome.graph.broken_laws(rules, keys);
        assert!(broken.is_empty(), "{run}: {broken:#?}");
        let person: BTreeMap<NodeId, PersonId> =
            outcome.graph.nodes.iter().filter_map(|(id, node)| Some((*id, node.person?))).collect();
        let differing = differing(&person, &expected.person);
        assert!(differing.is_empty(), "{run}: {differing:#?} under {commands:#?}");
        let quarantined: BTreeSet<NodeId> =
            outcome.graph.nodes.iter().filter(|(_, node)| node.is_quarantined()).map(|(id, _)| *id).collect();
        // Of those on the block list not all touchpoints pass capture, and whether they are quarantined is all one.
        let is_blocked = |id: &&NodeId| {
            outcome.graph.nodes.get(id).and_then(Node::standing).is_none_or(Standing::is_blocked)
        };
        let odd: Vec<_> =
            quarantined.symmetric_difference(&expected.quarantined).filter(|id| !is_blocked(id)).collect();
        assert!(odd.is_empty(), "{run}: quarantined or not: {odd:?}");
        assert_eq!(refused(self, outcome), expected.refused, "{run}");
        assert_eq!(published(outcome), expected.person, "{run}: the assignments published");
        let folded = profiles_are_the_fold(self, outcome, &expected);
        outputs_have_what_may_leave(self, outcome, &folded);
        records_tell_what_changed(self, outcome);
    }
}

/// The identifiers that are erased, or were. Whom a request found depends on what had come by then; all else follows from what is
/// erased, and since when it is not any more.
pub(crate) fn marks(outcome: &Outcome) -> oracle::Marks {
    let mark = |node: &Node| {
        let known = &node.standing()?.erased.as_ref()?.mark;
        let mark = match known.reach(Timestamp::MIN)? {
            Reach::Alone => oracle::Mark::Alone,
            Reach::Unclaimed => oracle::Mark::Unclaimed,
            Reach::Everything => oracle::Mark::Everything,
        };
        Some(oracle::Erased { mark, back: known.back() })
    };
    outcome.graph.nodes.iter().filter_map(|(id, node)| Some((*id, mark(node)?))).collect()
}

/// The identifiers that restrict their person, and since when: of each the latest request holds, if it came after the last erasure.
/// Which identifiers a request found depends on what had come by then; all else follows from them.
pub(crate) fn restricted(outcome: &Outcome) -> BTreeMap<NodeId, Timestamp> {
    let rulings = outcome.written.get(&Topic::Erasure).into_iter().flatten();
    let mut latest = BTreeMap::new();
    for value in rulings.filter_map(|record| record.value.as_deref()) {
        let Ruling::Restricted(one) = decode_inner(value).expect("we wrote it") else { continue };
        if erased(outcome, one.node).is_some_and(|erased| one.latest <= erased) {
            continue;
        }
        let word = (one.received, one.ticket.request_id, one.stands);
        let known = latest.entry(one.node).or_insert(word.clone());
        *known = word.max(known.clone());
    }
    let stands = latest.into_iter().filter(|(_, (_, _, stands))| *stands);
    stands.map(|(node, (received, ..))| (node, received)).collect()
}

/// When an identifier was erased last.
fn erased(outcome: &Outcome, node: NodeId) -> Option<Timestamp> {
    outcome.graph.nodes.get(&node)?.standing()?.erased.as_ref()?.mark.erased()
}

/// The profiles as a subscriber would keep them. The version counts publications, and so tells of the past, as does what changed.
pub(crate) fn profiles(outcome: &Outcome) -> BTreeMap<Vec<u8>, serde_json::Value> {
    let read = |(key, value): (Vec<u8>, Vec<u8>)| {
        let profile: UnifiedProfile =
            decode(Topic::UnifiedProfile, &SchemaIds::default(), &value).expect("we wrote it");
        (key, serde_json::json!(UnifiedProfile { version: 0, changed: Vec::new(), ..profile }))
    };
    outcome.table(Topic::UnifiedProfile).into_iter().map(read).collect()
}

/// The nodes whose person is another than expected: which it is, and which it should be.
fn differing(
    is: &BTreeMap<NodeId, PersonId>,
    should: &BTreeMap<NodeId, PersonId>,
) -> BTreeMap<NodeId, (Option<PersonId>, Option<PersonId>)> {
    let nodes: BTreeSet<NodeId> = is.keys().chain(should.keys()).copied().collect();
    let both = nodes.into_iter().map(|node| (node, (is.get(&node).copied(), should.get(&node).copied())));
    both.filter(|(_, (is, should))| is != should).collect()
}

/// The joins that a rule or a steward forbids, as an explanation would name them.
fn refused(truth: &Truth<'_>, outcome: &Outcome) -> BTreeSet<(NodeId, NodeId)> {
    let decide = |component| decide(component, truth.rules, truth.keys);
    let refused = outcome.graph.components.values().flat_map(|component| decide(component).refused);
    let forbidden = refused.filter(|(_, why)| *why != Refused::Contested);
    forbidden.map(|(edge, _)| (edge.identifier, edge.sighting)).collect()
}

/// What a consumer that reads `identity-assignment` alone would believe.
fn published(outcome: &Outcome) -> BTreeMap<NodeId, PersonId> {
    let read = |value: &Vec<u8>| {
        let assignment: Assignment =
            decode(Topic::IdentityAssignment, &SchemaIds::default(), value).expect("we wrote it");
        (assignment.node, assignment.person_id)
    };
    outcome.table(Topic::IdentityAssignment).values().map(read).collect()
}

fn profiles_are_the_fold(
    truth: &Truth<'_>,
    outcome: &Outcome,
    expected: &oracle::Expected,
) -> BTreeMap<PersonId, UnifiedProfile> {
    let settings = profile_settings();
    let terms = oracle::Terms {
        keys: truth.keys,
        purposes: &purposes(),
        survivorship: &survivorship(),
        settings: &settings,
        now: truth.now,
    };
    let counting = oracle::counting(truth.touchpoints, &marks(outcome), truth.rules);
    let mut folded = oracle::profiles(&counting, expected, terms);
    let restricted = restricted(outcome);
    for (person, profile) in &mut folded {
        let theirs = expected.person.iter().filter(|(_, owner)| *owner == person);
        profile.restricted = theirs.filter_map(|(node, _)| restricted.get(node)).min().copied();
    }
    let published = read_people(&outcome.table(Topic::UnifiedProfile));
    assert!(published.keys().eq(folded.keys()), "{}: other people than the oracle's", truth.run);
    for (person, profile) in &published {
        let (is, should) = (serde_json::json!(profile), serde_json::json!(folded[person]));
        assert_eq!(is, should, "{}: {person}", truth.run);
    }
    let revenue = oracle::revenue(&counting, expected, &profile_settings());
    assert_eq!(money(&published), revenue, "{}: money drifts", truth.run);
    folded
}

/// All the money of everybody, by currency.
fn money(people: &BTreeMap<PersonId, UnifiedProfile>) -> BTreeMap<String, Amount> {
    let mut sum: BTreeMap<String, Amount> = BTreeMap::new();
    for (currency, revenue) in people.values().flat_map(|profile| &profile.metrics.revenue) {
        *sum.entry(currency.clone()).or_default() += *revenue;
    }
    sum
}

/// Each output has the people whom it may have, and of them what it may have.
fn outputs_have_what_may_leave(
    truth: &Truth<'_>,
    outcome: &Outcome,
    folded: &BTreeMap<PersonId, UnifiedProfile>,
) {
    for (name, expected) in oracle::shared(folded, &outputs(), &purposes(), truth.now) {
        let shared = read_people(&outcome.output(&name));
        let as_json = |people: &BTreeMap<PersonId, UnifiedProfile>| {
            let json = |(person, profile): (&PersonId, &UnifiedProfile)| {
                (person.to_string(), serde_json::json!(profile))
            };
            people.iter().map(json).collect::<BTreeMap<_, _>>()
        };
        assert_eq!(as_json(&shared), as_json(&expected), "{}: the output {name}", truth.run);
    }
}

/// Each record of a person has the next version, differs from the one before on its topic, and names what does, unless something of them
/// was erased; a tombstone takes away somebody who is there.
fn records_tell_what_changed(truth: &Truth<'_>, outcome: &Outcome) {
    // While processes of both terms are at work, what only one of them has may go and come back, and begins anew then.
    let (_, earlier, ..) = earlier_terms();
    let (now, run) = (outputs(), &truth.run);
    let is_steady = |output: &str| now.get(output).is_some() && earlier.get(output).is_some();
    let erasures = erasures(outcome);
    let mut last: BTreeMap<(Option<&str>, &[u8]), UnifiedProfile> = BTreeMap::new();
    // How many records name nothing because something was erased.
    let mut unnamed: BTreeMap<(Option<&str>, &[u8]), usize> = BTreeMap::new();
    let topics = [Topic::UnifiedProfile, Topic::ProfileOutput];
    for record in topics.iter().filter_map(|topic| outcome.written.get(topic)).flatten() {
        let place = (record.output.as_deref(), record.key.as_slice());
        let Some(value) = &record.value else {
            assert!(last.remove(&place).is_some(), "{run}: a tombstone of somebody who is not there");
            continue;
        };
        let profile: UnifiedProfile =
            decode(Topic::UnifiedProfile, &SchemaIds::default(), value).expect("we wrote it");
        let before = last.insert(place, profile);
        let profile = &last[&place];
        let person = profile.person_id;
        let erased = erasures.get(&person).copied().unwrap_or_default();
        let told = match place.0 {
            Some(output) if !is_steady(output) => oracle::Told::Anew,
            _ if erased > 0 => oracle::Told::Erased,
            _ => oracle::Told::Named,
        };
        oracle::follows(before.as_ref(), profile, told)
            .unwrap_or_else(|broken| panic!("{run}: {person} on {:?}: {broken}", place.0));
        if told == oracle::Told::Erased && before.is_some() && profile.changed.is_empty() {
            let count = unnamed.entry(place).or_default();
            *count += 1;
            assert!(
                *count <= erased,
                "{run}: {person} on {:?}: more records name nothing than erasures came",
                place.0
            );
        }
    }
}

/// How often something of a person was erased, as the stage that publishes them was told.
fn erasures(outcome: &Outcome) -> BTreeMap<PersonId, usize> {
    let told = outcome.written.get(&Topic::ProfileFacet).into_iter().flatten();
    let mut erasures = BTreeMap::new();
    for value in told.filter_map(|record| record.value.as_deref()) {
        if let PeopleInput::Facet(message) = decode_inner(value).expect("we wrote it")
            && message.cause == Cause::Erased
        {
            *erasures.entry(message.person).or_default() += 1;
        }
    }
    erasures
}

/// The people in the last records of a topic, with version 0 and without what changed, and that each is found under their own key.
pub(crate) fn read_people(table: &Map) -> BTreeMap<PersonId, UnifiedProfile> {
    let read = |(key, value): (&Vec<u8>, &Vec<u8>)| {
        let mut profile: UnifiedProfile =
            decode(Topic::UnifiedProfile, &SchemaIds::default(), value).expect("we wrote it");
        assert!(profile.version > 0);
        assert_eq!(*key, profile.person_id.to_string().into_bytes());
        (profile.version, profile.changed) = (0, Vec::new());
        (profile.person_id, profile)
    };
    table.iter().map(read).collect()
}
