//! Who is restricted is kept and found and leaves on no output, whatever comes first, whoever they become one with, until it is lifted.

use std::collections::BTreeSet;
use std::sync::Arc;

use kinfold_model::privacy::{Confirmation, Erasure, Finding, Restriction, Ticket};
use kinfold_model::{
    Decision, Mark, Marks, NodeId, Output, Reach, Timestamp, Touchpoint, TouchpointIdentifier,
};
use kinfold_profile::{FacetsInput, Published};
use proptest::prelude::*;

use crate::world::{World, assigned, at, consent, identifier, person, said, touchpoint};

fn ann() -> TouchpointIdentifier {
    identifier("email", "ann@example.org")
}

fn bea() -> TouchpointIdentifier {
    identifier("email", "bea@example.org")
}

/// A request of that time, about one identifier.
fn asked(node: NodeId, ms: i64, stands: bool) -> FacetsInput {
    let ticket = Ticket { request_id: format!("request-{ms}"), desk: 0, asked_by: node };
    FacetsInput::Restriction(Restriction { node, stands, received: at(ms), latest: at(ms), ticket })
}

pub(crate) fn restricts(node: NodeId, ms: i64) -> FacetsInput {
    asked(node, ms, true)
}

fn lifts(node: NodeId, ms: i64) -> FacetsInput {
    asked(node, ms, false)
}

fn erased(ms: i64) -> Mark {
    let mut mark = Mark::default();
    mark.erase(Reach::Everything, at(ms));
    mark
}

/// Somebody who says yes.
fn granted(id: &str, of: TouchpointIdentifier) -> Touchpoint {
    Touchpoint { consents: vec![consent(Decision::Granted, 1)], ..touchpoint(id, 1, vec![of]) }
}

/// A world with an output for marketing.
fn world() -> World {
    let purposes = BTreeSet::from(["marketing".to_owned()]);
    let output = Output { purposes, ..Output::default() };
    World { outputs: Arc::new([("out".to_owned(), output)].into_iter().collect()), ..World::new() }
}

/// The inputs by which Ann is person 1, and is on the output.
fn anns() -> [FacetsInput; 3] {
    let yes = granted("t1", ann());
    [said(&yes), assigned(yes.sighting, person(1)), assigned(ann().node, person(1))]
}

fn beas() -> [FacetsInput; 3] {
    let yes = granted("t2", bea());
    [said(&yes), assigned(yes.sighting, person(2)), assigned(bea().node, person(2))]
}

fn there(world: &World) -> Vec<u8> {
    let is_there = |n: &u8| world.shared.contains_key(&("out".to_owned(), person(*n)));
    (1..=3).filter(is_there).collect()
}

fn since(world: &World, n: u8) -> Option<Timestamp> {
    world.profiles.get(&person(n)).and_then(|profile| profile.restricted)
}

#[test]
fn who_is_restricted_is_taken_away_in_the_batch_that_tells_it_and_comes_back_when_it_is_lifted() {
    let mut world = world();
    world.batch(anns());
    assert_eq!((there(&world), since(&world, 1)), (vec![1], None));
    let published = world.batch([restricts(ann().node, 50)]);
    let [Published::Profile(profile), Published::Unshared { person: gone, .. }, Published::Report(_)] =
        published.as_slice()
    else {
        panic!("a profile, somebody who is gone, and a report: {published:?}");
    };
    assert_eq!((profile.restricted, *gone), (Some(at(50)), person(1)));
    assert_eq!(profile.consents.len(), 1, "all is kept");
    let published = world.batch([lifts(ann().node, 60)]);
    assert!(
        matches!(
            published.as_slice(),
            [Published::Profile(_), Published::Shared { .. }, Published::Report(_)]
        ),
        "{published:?}"
    );
    assert_eq!((there(&world), since(&world, 1)), (vec![1], None));
}

#[test]
fn what_is_said_of_somebody_who_is_restricted_is_taken_in_and_used_for_nothing() {
    let mut world = world();
    world.batch(anns());
    world.batch([restricts(ann().node, 50)]);
    let more = touchpoint("t3", 3, vec![ann()]);
    let published = world.batch([said(&more)]);
    assert!(matches!(published.as_slice(), [Published::Profile(_)]), "{published:?}");
    assert_eq!(world.profiles[&person(1)].metrics.touchpoints, 2);
    world.batch([lifts(ann().node, 60)]);
    assert_eq!(world.profiles[&person(1)].metrics.touchpoints, 2);
    assert_eq!(there(&world), [1]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_first_and_however_often_the_latest_word_holds(
        order in Just((0..8_usize).collect::<Vec<_>>()).prop_shuffle(),
        batch in 1..=8_usize,
        last_lifts in any::<bool>(),
    ) {
        let node = ann().node;
        let mut inputs: Vec<Option<FacetsInput>> = anns().map(Some).into();
        inputs.extend([restricts(node, 50), lifts(node, 60), restricts(node, 70), restricts(node, 50)].map(Some));
        inputs.push(Some(asked(node, 80, !last_lifts)));
        let mut world = world();
        for places in order.chunks(batch) {
            world.batch(places.iter().filter_map(|place| inputs[*place].take()).collect::<Vec<_>>());
        }
        let expected = if last_lifts { (vec![1], None) } else { (vec![], Some(at(80))) };
        prop_assert_eq!((there(&world), since(&world, 1)), expected);
    }
}

#[test]
fn who_becomes_one_with_somebody_who_is_restricted_is_too_and_is_not_when_they_are_parted() {
    let mut world = world();
    world.batch(anns().into_iter().chain(beas()));
    world.batch([restricts(ann().node, 50)]);
    assert_eq!(there(&world), [2]);
    let hers = [granted("t1", ann()).sighting, ann().node];
    world.batch(hers.map(|node| assigned(node, person(2))));
    assert_eq!((there(&world), since(&world, 2)), (vec![], Some(at(50))));
    world.batch(hers.map(|node| assigned(node, person(3))));
    assert_eq!(there(&world), [2]);
    assert_eq!((since(&world, 2), since(&world, 3)), (None, Some(at(50))));
}

#[test]
fn as_long_as_one_identifier_restricts_a_person_they_are_since_the_first_that_still_does() {
    let mut world = world();
    world.batch(anns().into_iter().chain(beas()));
    world.batch([restricts(ann().node, 50), restricts(bea().node, 40)]);
    world.batch([assigned(bea().node, person(1))]);
    assert_eq!(since(&world, 1), Some(at(40)));
    world.batch([lifts(bea().node, 60)]);
    assert_eq!((there(&world).contains(&1), since(&world, 1)), (false, Some(at(50))));
    world.batch([lifts(ann().node, 60)]);
    assert_eq!((there(&world).contains(&1), since(&world, 1)), (true, None));
}

#[test]
fn what_became_too_old_in_the_meantime_does_not_come_back() {
    let mut world = World::new();
    let output = Output { purposes: ["service".to_owned()].into(), ..Output::default() };
    world.outputs = Arc::new([("out".to_owned(), output)].into_iter().collect());
    world.batch(anns());
    assert_eq!(there(&world), [1]);
    world.batch([restricts(ann().node, 2)]);
    world.pass(11);
    world.now = at(5);
    world.batch([lifts(ann().node, 6)]);
    assert_eq!(there(&world), [0_u8; 0], "it had been too old");
}

#[test]
fn who_is_erased_is_restricted_no_more_and_both_stages_confirm_whatever_is_asked() {
    let mut world = world();
    world.batch(anns());
    let node = ann().node;
    world.batch([restricts(node, 50)]);
    let ticket = Some(Ticket { request_id: "erase".to_owned(), desk: 0, asked_by: node });
    world.batch([FacetsInput::Erasure(Erasure { node, marks: Marks::alone(node, erased(60)), ticket })]);
    assert_eq!(since(&world, 1), None);
    world.batch([restricts(node, 90)]);
    world.batch([assigned(node, person(1))]);
    assert_eq!(since(&world, 1), None);
    let by = |finding: &Finding| match finding {
        Finding::Confirmed { by, .. } => Some(*by),
        _ => None,
    };
    let confirmed: Vec<Confirmation> =
        world.reports.iter().filter_map(|report| by(&report.finding)).collect();
    let of_people = confirmed.iter().filter(|by| matches!(by, Confirmation::People { .. })).count();
    assert_eq!((confirmed.len(), of_people), (6, 3));
}

#[test]
fn who_comes_again_is_restricted_by_what_was_asked_since_and_not_by_what_was_before_whatever_comes_first() {
    let node = ann().node;
    let mut back = erased(60);
    back.consent(at(200));
    let told = |mark: &Mark| {
        FacetsInput::Erasure(Erasure { node, marks: Marks::alone(node, mark.clone()), ticket: None })
    };
    let yes = Touchpoint { time: at(300), ..granted("t3", ann()) };
    for (time, expected) in [(50, None), (300, Some(at(300)))] {
        let inputs: [&dyn Fn() -> FacetsInput; 3] =
            [&|| restricts(node, time), &|| told(&erased(60)), &|| told(&back)];
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut world = world();
            world.batch(anns());
            order.iter().for_each(|place| drop(world.batch([inputs[*place]()])));
            world.batch([said(&yes), assigned(node, person(1))]);
            assert_eq!(world.profiles[&person(1)].restricted, expected, "{time}: {order:?}");
        }
    }
}
