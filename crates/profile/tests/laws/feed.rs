//! What a reader of the feed can count on: one record for all that changed in a batch, which names it, and that has room where records
//! have room by default. [`World`] holds each record of every other test against the one before.

use std::collections::BTreeMap;
use std::sync::Arc;

use kinfold_model::{Decision, Output, SurvivorRule, Survivorship, Touchpoint, TouchpointIdentifier};
use kinfold_profile::{PROFILE_BYTES_MAX, Published};
use kinfold_wire::{Framing, Topic, encode};

use crate::world::{World, assigned, consent, identifier, order, person, said, touchpoint};

fn ann() -> TouchpointIdentifier {
    identifier("email", "ann@example.org")
}

fn states(id: &str, ms: i64, name: &str, value: &str) -> Touchpoint {
    Touchpoint { attributes: [(name.to_owned(), value.to_owned())].into(), ..touchpoint(id, ms, vec![ann()]) }
}

fn known(touchpoints: &[Touchpoint]) -> World {
    World::of(touchpoints.iter().map(said).chain([assigned(ann().node, person(1))]))
}

fn changed(world: &World) -> Vec<&str> {
    world.profiles[&person(1)].changed.iter().map(String::as_str).collect()
}

fn profiles(published: &[Published]) -> usize {
    published.iter().filter(|one| matches!(one, Published::Profile(_))).count()
}

#[test]
fn the_first_record_names_nothing_and_later_ones_what_is_another_than_before() {
    let mut world = known(&[states("t1", 5, "city", "Dresden"), states("t2", 5, "nickname", "Annie")]);
    assert_eq!((world.profiles[&person(1)].version, changed(&world)), (1, vec![]));
    world.batch([said(&states("t3", 5, "nickname", "Anna"))]);
    assert_eq!(changed(&world), ["attributes.nickname", "metrics.touchpoints", "timeline"]);
    world.batch([said(&Touchpoint {
        consents: vec![consent(Decision::Granted, 5)],
        order: Some(order("O-1", "9.90", 1)),
        ..touchpoint("t4", 5, vec![ann()])
    })]);
    let expected = [
        "consents.marketing",
        "lifecycle",
        "metrics.average_order_value",
        "metrics.first_order",
        "metrics.items",
        "metrics.last_order",
        "metrics.orders",
        "metrics.revenue",
        "metrics.touchpoints",
        "timeline",
    ];
    assert_eq!(changed(&world), expected);
}

#[test]
fn several_changes_of_a_batch_are_one_record_and_what_was_taken_back_within_it_is_none() {
    let mut world = known(&[states("t1", 5, "city", "Dresden")]);
    let published =
        world.batch([said(&states("t2", 5, "age", "39")), said(&states("t3", 5, "nickname", "Annie"))]);
    assert_eq!(profiles(&published), 1);
    let named = ["attributes.age", "attributes.nickname", "metrics.touchpoints", "timeline"];
    assert_eq!(changed(&world), named);
    let to = |n| assigned(ann().node, person(n));
    assert_eq!(profiles(&world.batch([to(2), to(1)])), 0);
}

#[test]
fn what_goes_with_a_split_is_named_and_who_comes_back_is_a_first_record() {
    let lives = states("t1", 5, "city", "Dresden");
    let alone = touchpoint("t2", 5, vec![ann(), identifier("loyalty_id", "L-1")]);
    let mut world = known(&[lives.clone(), alone.clone()]);
    world.batch([assigned(alone.sighting, person(1))]);
    world.batch([assigned(lives.sighting, person(2))]);
    let gone = ["attributes.city", "standard.addresses"];
    assert!(gone.iter().all(|part| changed(&world).contains(part)), "{:?}", changed(&world));
    world.batch([assigned(alone.sighting, person(2))]);
    assert!(!world.profiles.contains_key(&person(1)), "nothing is left of them");
    world.batch([assigned(alone.sighting, person(1))]);
    assert_eq!((world.profiles[&person(1)].version, changed(&world)), (1, vec![]));
}

#[test]
fn an_output_names_what_is_another_there_whatever_else_is() {
    let mut world = World::new();
    let output = Output {
        purposes: ["marketing".to_owned()].into(),
        fields: ["city".parse().expect("the name of a part")].into(),
        ..Output::default()
    };
    world.outputs = Arc::new([("out".to_owned(), output)].into_iter().collect());
    let mut yes = states("t1", 5, "city", "Dresden");
    yes.consents.push(consent(Decision::Granted, 5));
    world.batch([said(&yes), assigned(ann().node, person(1))]);
    let there = |world: &World| {
        let shared = &world.shared[&("out".to_owned(), person(1))];
        (shared.version, shared.changed.clone())
    };
    assert_eq!(there(&world), (1, vec![]));
    world.batch([said(&states("t2", 6, "nickname", "Annie"))]);
    assert_eq!(there(&world), (1, vec![]), "nothing of it may leave there");
    world.batch([said(&states("t3", 6, "city", "Leipzig")), said(&states("t4", 6, "city", "Leipzig"))]);
    assert_eq!(there(&world), (2, vec!["attributes.city".to_owned(), "standard.addresses".to_owned()]));
}

/// A bot that states as much as one may, under names of its own at each touchpoint.
fn babble(number: usize, values: usize) -> Touchpoint {
    let long = |which: usize| format!("{number:02} {which:02} {}", "x".repeat(4000));
    let name = |which: usize| (format!("n{:03}", (number / values) * 40 + which), long(which));
    Touchpoint {
        attributes: (0..40).map(name).collect::<BTreeMap<_, _>>(),
        ..touchpoint(&format!("t{number:02}"), 100 + i64::try_from(number).expect("a few"), vec![ann()])
    }
}

#[test]
fn a_bot_gives_a_record_that_has_room_the_same_in_whatever_order_it_talks() {
    let spoken: Vec<Touchpoint> = (0..28).map(|number| babble(number, 4)).collect();
    let world = |order: &[Touchpoint]| {
        let mut world = World::new();
        world.survivorship = Arc::new(Survivorship::new(SurvivorRule::Union, BTreeMap::new()));
        world.batch([assigned(ann().node, person(1))]);
        order.iter().for_each(|one| drop(world.batch([said(one)])));
        world
    };
    let backwards: Vec<Touchpoint> = spoken.iter().rev().cloned().collect();
    let (one, other) = (world(&spoken), world(&backwards));
    assert_eq!(one.bytes(), other.bytes());
    let profile = &one.profiles[&person(1)];
    let written = encode(Topic::UnifiedProfile, Framing::SingleObject, profile).expect("it can be written");
    assert!(written.len() <= PROFILE_BYTES_MAX, "{} bytes", written.len());
    assert!(written.len() > PROFILE_BYTES_MAX / 2, "no more is cut than has to be: {} bytes", written.len());
    assert!(profile.truncated.contains(&"timeline".to_owned()));
    assert_eq!(profile.metrics.touchpoints, 28);
}
