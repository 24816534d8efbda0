//! Random histories: whatever happened in between, only what was said and the last assignments remain.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kinfold_model::touchpoint::{Engagement, Order};
use kinfold_model::{
    Consent, ConsentScope, ConsentState, Decision, EffectiveConsent, NodeId, OrderStatus, PersonId,
    Touchpoint, TouchpointIdentifier,
};
use kinfold_profile::fold::{Folded, Terms, fold};
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
    Assigned {
        set: u8,
        person: u8,
    },
    Unassigned {
        set: u8,
    },
    EndOfBatch,
    /// So many milliseconds pass.
    Pause(i64),
}

impl Step {
    fn input(&self) -> Option<FacetsInput> {
        match self {
            Self::Said(touchpoint) => Some(said(touchpoint)),
            Self::Assigned { set, person: number } => Some(assigned(node(*set), person(*number))),
            Self::Unassigned { set } => Some(unassigned(node(*set))),
            Self::EndOfBatch | Self::Pause(_) => None,
        }
    }

    /// Of an assignment, or the end of one.
    fn set(&self) -> Option<u8> {
        match self {
            Self::Assigned { set, .. } | Self::Unassigned { set } => Some(*set),
            Self::Said(_) | Self::EndOfBatch | Self::Pause(_) => None,
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
    (
        (sets, 0..5_u8, 0..3_i64, text(&["shop", "till"])),
        option::of(text(&["web", "app"])),
        option::of(text(&["x", "y"])),
        option::of(an_order()),
        vec(a_consent(), 0..3),
        option::of(text(&["bounce", "Cleaned", "click", "Opened", "call"])),
        (
            option::of(text(&["visit", "order"])),
            option::of(select(&[-1.0, 0.25, 0.3][..])),
            proptest::sample::subsequence(vec!["city", "email", "interest", "street"], 0..3),
        ),
    )
        .prop_map(
            |(
                (set, id, ms, source),
                channel,
                attribute,
                order,
                consents,
                action,
                (kind, sentiment, verified),
            )| {
                let mut touchpoint = touchpoint(&format!("t{id}"), ms, identifiers(set));
                touchpoint.source = source;
                touchpoint.channel = channel;
                touchpoint.r#type = kind;
                touchpoint.engagement = Some(Engagement { action, sentiment, campaign: None });
                touchpoint.attributes = ["city", "interest", "street"]
                    .into_iter()
                    .filter_map(|name| Some((name.to_owned(), attribute.clone()?)))
                    .collect();
                touchpoint.verified = verified.into_iter().map(str::to_owned).collect();
                touchpoint.order = order;
                touchpoint.consents = consents;
                touchpoint
            },
        )
}

fn an_order() -> impl Strategy<Value = Order> {
    (
        select(&["o1", "o2"][..]),
        select(&["1.5", "1.50", "-2", "0.00"][..]),
        0..2_i64,
        select(&OrderStatus::ALL[..]),
        any::<bool>(),
    )
        .prop_map(|(id, value, items, status, is_refunded)| {
            let refunded = if is_refunded && value.starts_with("1.5") { "0.5" } else { "0" };
            Order { status, refunded: refunded.parse().expect("an amount"), ..order(id, value, items) }
        })
}

/// For each policy one purpose. What ends, ends within the times of a history.
fn a_consent() -> impl Strategy<Value = Consent> {
    let text = |of: &'static [&'static str]| select(of).prop_map(str::to_owned);
    (
        text(&["marketing", "newsletter", "survey", "digest"]),
        option::of(text(&["email", "sms"])),
        select(&[Decision::Denied, Decision::Withdrawn, Decision::Granted, Decision::Requested][..]),
        0..3_i64,
        option::of(text(&["gdpr", "fadp"])),
        option::of(0..12_i64),
        any::<bool>(),
    )
        .prop_map(|(purpose, channel, decision, ms, jurisdiction, expires, confirmed)| Consent {
            purpose,
            channel,
            jurisdiction,
            expires: expires.map(at),
            confirmed,
            ..consent(decision, ms)
        })
}

fn a_history() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => a_touchpoint(1..=SETS).prop_map(Box::new).prop_map(Step::Said),
        4 => (1..=SETS, 0..3_u8).prop_map(|(set, person)| Step::Assigned { set, person }),
        1 => (1..=SETS).prop_map(|set| Step::Unassigned { set }),
        2 => Just(Step::EndOfBatch),
        1 => (1..3_i64).prop_map(Step::Pause),
    ];
    vec(step, 0..60)
}

/// A world in which not every attribute is the newest, and one becomes stale.
fn a_world() -> World {
    World { survivorship: Arc::new(crate::world::survivorship()), ..World::new() }
}

fn live(history: &[Step]) -> World {
    let mut world = a_world();
    for batch in history.split(|step| matches!(step, Step::EndOfBatch)) {
        world.batch(batch.iter().filter_map(Step::input));
    }
    world
}

/// The same, and the drivers' clocks go on: what ends is told.
fn live_in_time(history: &[Step]) -> World {
    let mut world = a_world();
    for steps in history.split_inclusive(|step| matches!(step, Step::EndOfBatch | Step::Pause(_))) {
        world.batch(steps.iter().filter_map(Step::input));
        if let Some(Step::Pause(ms)) = steps.last() {
            let now = world.now.plus_millis(*ms).millis();
            world.pass(now);
        }
    }
    world
}

/// What was said, then the last assignment of each node; nothing else ever happened.
fn only_the_end(history: &[Step]) -> World {
    let last: BTreeMap<u8, &Step> =
        history.iter().filter_map(|step| step.set().map(|set| (set, step))).collect();
    let all_said = history.iter().filter(|step| matches!(step, Step::Said(_)));
    let mut world = a_world();
    world.batch(all_said.chain(last.into_values()).filter_map(Step::input));
    world
}

/// Without what was only asked for, and without each yes to a digest that nobody confirmed.
fn without_requests(history: &[Step]) -> Vec<Step> {
    let is_request = |consent: &Consent| match consent.decision {
        Decision::Requested => true,
        Decision::Granted => consent.purpose == "digest" && !consent.confirmed,
        Decision::Denied | Decision::Withdrawn => false,
    };
    let mut history = history.to_vec();
    for step in &mut history {
        if let Step::Said(touchpoint) = step {
            touchpoint.consents.retain(|consent| !is_request(consent));
        }
    }
    history
}

/// What was told of consents, in the order in which it was.
fn told(world: &World) -> Vec<(PersonId, &str, Option<&str>, ConsentState, ConsentState)> {
    let changes = world.changes.iter();
    changes.map(|c| (c.person_id, c.purpose.as_str(), c.channel.as_deref(), c.before, c.after)).collect()
}

/// What changes of consent add up to; each begins where the last one ended.
fn standing(world: &World) -> BTreeMap<(PersonId, ConsentScope), ConsentState> {
    let mut standing = BTreeMap::new();
    for change in &world.changes {
        let scope = ConsentScope { purpose: change.purpose.clone(), channel: change.channel.clone() };
        let before = standing.insert((change.person_id, scope), change.after);
        assert_eq!(before.unwrap_or(ConsentState::Unknown), change.before);
    }
    standing.retain(|_, state| *state != ConsentState::Unknown);
    standing
}

/// The consents of the profiles.
fn listed(world: &World) -> BTreeMap<(PersonId, ConsentScope), ConsentState> {
    let of = |consent: &EffectiveConsent| ConsentScope {
        purpose: consent.purpose.clone(),
        channel: consent.channel.clone(),
    };
    let profiles = world.profiles.values();
    profiles.flat_map(|p| p.consents.iter().map(|c| ((p.person_id, of(c)), c.state))).collect()
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
        let distinct: BTreeSet<_> = touchpoints.iter().map(|one| (&one.source, &one.touchpoint_id)).collect();
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
        prop_assert_eq!(standing(&world), listed(&world));
        let world = live_in_time(&history);
        prop_assert_eq!(standing(&world), listed(&world));
    }

    #[test]
    fn whatever_ended_on_the_way_at_last_all_is_as_if_it_had_been_said_then(history in a_history()) {
        let mut world = live_in_time(&history);
        let mut end = only_the_end(&history);
        let last = world.now.plus_millis(30).millis();
        world.pass(last);
        end.pass(last);
        prop_assert_eq!(world.bytes(), end.bytes());
        prop_assert_eq!(world.pass(last), vec![], "what is due is done once");
        prop_assert_eq!(world.pass(last + 1_000_000), vec![], "everything has ended");
    }

    #[test]
    fn a_request_and_a_yes_that_still_has_to_be_confirmed_change_no_consent(history in a_history()) {
        let (world, without) = (live_in_time(&history), live_in_time(&without_requests(&history)));
        prop_assert_eq!(told(&world), told(&without));
        for (person, profile) in &world.profiles {
            prop_assert_eq!(&profile.consents, &without.profiles[person].consents);
            let mut digests = profile.consents.iter().filter(|consent| consent.purpose == "digest");
            prop_assert!(digests.all(|consent| consent.state == ConsentState::Denied || consent.confirmed));
        }
    }

    #[test]
    fn a_denial_disappears_only_by_a_newer_decision_or_with_its_identifier(history in a_history()) {
        let world = live_in_time(&history);
        for (person, profile) in &world.profiles {
            for consent in profile.consents.iter().filter(|consent| consent.purpose == "marketing") {
                let scope = |said: &Consent| {
                    said.purpose == consent.purpose && (said.channel.is_none() || said.channel == consent.channel)
                };
                let theirs = history.iter().filter_map(|step| match step {
                    Step::Said(touchpoint)
                        if world.members.contains_key(&(*person, touchpoint.sighting)) => Some(touchpoint),
                    _ => None,
                });
                let decided: Vec<(&Touchpoint, &Consent)> = theirs
                    .flat_map(|t| t.consents.iter().filter(|said| scope(said)).map(move |said| (&**t, said)))
                    .collect();
                let stands = |(at, no): &(&Touchpoint, &Consent)| {
                    matches!(no.decision, Decision::Denied | Decision::Withdrawn)
                        && decided.iter().all(|(later, yes)| {
                            yes.decision != Decision::Granted || yes.time <= no.time
                                || !at.identifiers.iter().any(|one| later.identifiers.contains(one))
                        })
                };
                if decided.iter().any(stands) {
                    prop_assert_eq!(consent.state, ConsentState::Denied);
                }
            }
        }
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
        let state = world.people.clone();
        prop_assert_eq!(world.deliver(world.sent.clone()), vec![]);
        for message in world.sent.clone() {
            prop_assert_eq!(world.deliver(vec![message]), vec![]);
        }
        prop_assert_eq!(&world.people, &state);
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
        let (keys, purposes) = (crate::world::keys(), crate::world::purposes());
        let (survivorship, settings) = (crate::world::survivorship(), crate::world::settings());
        let terms =
            Terms { keys: &keys, purposes: &purposes, survivorship: &survivorship, settings: &settings };
        let folded = |members| {
            let Folded { profile, since, until } =
                fold(person(0), members, terms, at(5)).expect("something was said");
            prop_assert!(since.is_none_or(|since| since <= at(5)) && until.is_none_or(|until| until > at(5)));
            Ok((profile, since, until))
        };
        let (one, other) = (folded(members)?, folded(turned)?);
        prop_assert_eq!(postcard::to_stdvec(&one), postcard::to_stdvec(&other));
        prop_assert!(one.0.metrics.first_seen >= at(0));
    }
}
