//! Random histories: whatever happened in between, only what was said and the last assignments remain.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::touchpoint::Engagement;
use kinfold_model::{ConsentState, Decision, NodeId, PersonId, Touchpoint, TouchpointIdentifier};
use kinfold_profile::{Cause, FacetMessage, FacetsInput, Member};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::world::{World, assigned, at, consent, identifier, order, person, said, touchpoint, unassigned};

/// Subsets of four identifiers are numbered 1 to 15; 1, 2, 4 and 8 are single identifiers.
const SETS: u8 = 15;

#[derive(Clone, Debug)]
enum Step {
    Said(Box<Touchpoint>),
    Assigned { set: u8, person: u8 },
    Unassigned { set: u8 },
    EndOfBatch,
}

impl Step {
    fn input(&self) -> Option<FacetsInput> {
        match self {
            Self::Said(touchpoint) => Some(said(touchpoint)),
            Self::Assigned { set, person: number } => Some(assigned(node(*set), person(*number))),
            Self::Unassigned { set } => Some(unassigned(node(*set))),
            Self::EndOfBatch => None,
        }
    }

    /// Of an assignment, or the end of one.
    fn set(&self) -> Option<u8> {
        match self {
            Self::Assigned { set, .. } | Self::Unassigned { set } => Some(*set),
            Self::Said(_) | Self::EndOfBatch => None,
        }
    }
}

fn identifiers(set: u8) -> Vec<TouchpointIdentifier> {
    let all = [("email", "a@example.org"), ("phone", "+491"), ("cookie", "c"), ("customer_id", "7")];
    let chosen = all.into_iter().enumerate().filter(|(bit, _)| set & (1 << bit) != 0);
    chosen.map(|(_, (namespace, value))| identifier(namespace, value)).collect()
}

fn node(set: u8) -> NodeId {
    touchpoint("any", 0, identifiers(set)).sighting
}

/// Few values for each member, so that copies, ties and conflicts are the rule.
fn a_touchpoint(sets: impl Strategy<Value = u8>) -> impl Strategy<Value = Touchpoint> {
    let text = |of: &'static [&'static str]| select(of).prop_map(str::to_owned);
    let decision = select(&[Decision::Denied, Decision::Withdrawn, Decision::Granted][..]);
    (
        (sets, 0..5_u8, 0..3_i64, text(&["shop", "till"])),
        option::of(text(&["web", "app"])),
        option::of(text(&["x", "y"])),
        option::of((select(&["o1", "o2"][..]), select(&["1.5", "1.50", "-2", "0.00"][..]), 0..2_i64)),
        option::of((decision, 0..2_i64, option::of(text(&["gdpr", "fadp"])))),
        option::of(text(&["bounce", "Cleaned", "click", "call"])),
    )
        .prop_map(|((set, id, ms, source), channel, attribute, bought, decided, action)| {
            let mut touchpoint = touchpoint(&format!("t{id}"), ms, identifiers(set));
            touchpoint.source = source;
            touchpoint.channel = channel;
            touchpoint.engagement =
                action.map(|action| Engagement { action: Some(action), ..Engagement::default() });
            touchpoint.attributes = attribute.into_iter().map(|value| ("city".to_owned(), value)).collect();
            touchpoint.order = bought.map(|(id, value, items)| order(id, value, items));
            touchpoint.consents.extend(decided.map(|(decision, ms, jurisdiction)| kinfold_model::Consent {
                jurisdiction,
                ..consent(decision, ms)
            }));
            touchpoint
        })
}

fn a_history() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => a_touchpoint(1..=SETS).prop_map(Box::new).prop_map(Step::Said),
        4 => (1..=SETS, 0..3_u8).prop_map(|(set, person)| Step::Assigned { set, person }),
        1 => (1..=SETS).prop_map(|set| Step::Unassigned { set }),
        2 => Just(Step::EndOfBatch),
    ];
    vec(step, 0..60)
}

fn live(history: &[Step]) -> World {
    let mut world = World::new();
    for batch in history.split(|step| matches!(step, Step::EndOfBatch)) {
        world.batch(batch.iter().filter_map(Step::input));
    }
    world
}

/// What was said, then the last assignment of each node; nothing else ever happened.
fn only_the_end(history: &[Step]) -> World {
    let last: BTreeMap<u8, &Step> =
        history.iter().filter_map(|step| step.set().map(|set| (set, step))).collect();
    let all_said = history.iter().filter(|step| matches!(step, Step::Said(_)));
    World::of(all_said.chain(last.into_values()).filter_map(Step::input))
}

/// The facet of the only node there is, as bytes.
fn facet_bytes(world: &World) -> Vec<u8> {
    let member = world.members.values().next().expect("the node is assigned");
    postcard::to_stdvec(member.facet.as_ref().expect("something was said")).expect("a facet has bytes")
}

/// After each message: with how many people its node is.
fn holders_after(messages: &[FacetMessage]) -> Vec<(NodeId, Cause, usize)> {
    let mut holders: BTreeMap<NodeId, BTreeSet<PersonId>> = BTreeMap::new();
    let mut counts = Vec::new();
    for FacetMessage { person, node, member, cause, .. } in messages {
        let of_node = holders.entry(*node).or_default();
        if member.is_some() {
            of_node.insert(*person)
        } else {
            of_node.remove(person)
        };
        counts.push((*node, *cause, of_node.len()));
    }
    counts
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn order_repetition_and_batches_of_touchpoints_leave_no_trace_in_a_facet(
        (touchpoints, shuffled) in vec(a_touchpoint(Just(3)), 1..12).prop_flat_map(|touchpoints| {
            let twice = [touchpoints.clone(), touchpoints.clone()].concat();
            (Just(touchpoints), Just(twice).prop_shuffle())
        }),
        batch in 1..8_usize,
    ) {
        let mut straight = World::of(touchpoints.iter().map(said));
        straight.batch([assigned(node(3), person(0))]);
        let mut world = World::of([assigned(node(3), person(0))]);
        for touchpoints in shuffled.chunks(batch) {
            world.batch(touchpoints.iter().map(said));
        }
        prop_assert_eq!(facet_bytes(&world), facet_bytes(&straight));
        let distinct: BTreeSet<_> = touchpoints.iter().map(|touchpoint| &touchpoint.touchpoint_id).collect();
        prop_assert_eq!(world.profiles[&person(0)].metrics.touchpoints, distinct.len() as i64);
    }

    #[test]
    fn only_what_was_said_and_the_last_assignments_remain(history in a_history()) {
        let world = live(&history);
        let end = only_the_end(&history);
        prop_assert_eq!(world.bytes(), end.bytes());
        prop_assert_eq!(&world.members, &end.members);
        prop_assert_eq!(world.check_sums(), Ok(()));
    }

    #[test]
    fn a_merge_that_is_taken_back_never_was(history in a_history()) {
        let mut world = live(&history);
        let before = world.bytes();
        let moved: Vec<_> = world.members.keys().filter(|(owner, _)| *owner == person(1)).copied().collect();
        world.batch(moved.iter().map(|(_, node)| assigned(*node, person(0))));
        prop_assert!(!world.profiles.contains_key(&person(1)));
        prop_assert_eq!(world.check_sums(), Ok(()));
        world.batch(moved.iter().map(|(owner, node)| assigned(*node, *owner)));
        prop_assert_eq!(world.bytes(), before);
    }

    #[test]
    fn when_every_node_belongs_to_nobody_nobody_is_left_and_assigning_them_again_restores_all(
        history in a_history(),
    ) {
        let mut world = live(&history);
        let (before, held) = (world.bytes(), world.members.keys().copied().collect::<Vec<_>>());
        world.batch(held.iter().map(|(_, node)| unassigned(*node)));
        prop_assert!(world.profiles.is_empty() && world.members.is_empty());
        world.batch(held.iter().map(|(owner, node)| assigned(*node, *owner)));
        prop_assert_eq!(world.bytes(), before);
    }

    #[test]
    fn changes_of_consent_add_up_to_the_consents_of_the_profiles(history in a_history()) {
        let world = live(&history);
        let mut standing: BTreeMap<(PersonId, String), ConsentState> = BTreeMap::new();
        for change in &world.changes {
            let place = (change.person_id, change.purpose.clone());
            let before = standing.insert(place, change.after).unwrap_or(ConsentState::Unknown);
            prop_assert_eq!(before, change.before);
        }
        standing.retain(|_, state| *state != ConsentState::Unknown);
        let listed = world.profiles.values().flat_map(|profile| {
            profile.consents.iter().map(|c| ((profile.person_id, c.purpose.clone()), c.state))
        });
        prop_assert_eq!(standing, listed.collect::<BTreeMap<_, _>>());
    }

    #[test]
    fn a_member_on_the_move_is_never_with_nobody(history in a_history()) {
        for (node, cause, holders) in holders_after(&live(&history).sent) {
            let expected = if cause == Cause::Unassigned { 0..=0 } else { 1..=2 };
            prop_assert!(expected.contains(&holders), "{} is with {} people after {:?}", node, holders, cause);
        }
    }

    #[test]
    fn messages_that_come_again_change_nothing(history in a_history()) {
        let mut world = live(&history);
        let state = world.people.0.clone();
        prop_assert_eq!(world.deliver(world.sent.clone()), vec![]);
        for message in world.sent.clone() {
            prop_assert_eq!(world.deliver(vec![message]), vec![]);
        }
        prop_assert_eq!(&world.people.0, &state);
    }

    #[test]
    fn versions_of_a_node_rise_with_each_message(history in a_history()) {
        let mut last: BTreeMap<NodeId, u64> = BTreeMap::new();
        for message in live(&history).sent {
            let before = last.insert(message.node, message.version).unwrap_or(0);
            prop_assert_eq!(message.version, before + 1);
        }
    }

    #[test]
    fn a_fold_does_not_know_the_order_of_members(
        touchpoints in vec(a_touchpoint(1..=SETS), 1..12),
        seed in any::<prop::sample::Index>(),
    ) {
        let world = World::of(touchpoints.iter().flat_map(|t| [said(t), assigned(t.sighting, person(0))]));
        let members: Vec<(NodeId, Member)> =
            world.members.into_iter().map(|((_, node), member)| (node, member)).collect();
        let mut turned = members.clone();
        turned.rotate_left(seed.index(members.len()));
        turned.reverse();
        let keys = crate::world::keys();
        let (one, other) = (
            kinfold_profile::fold::fold(person(0), members, &keys).expect("something was said"),
            kinfold_profile::fold::fold(person(0), turned, &keys).expect("something was said"),
        );
        prop_assert_eq!(postcard::to_stdvec(&one), postcard::to_stdvec(&other));
        prop_assert!(one.metrics.first_seen >= at(0));
    }
}
