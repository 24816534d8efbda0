//! What is erased: whatever comes first, nothing is left of it, and each request hears so from both stages.

use std::collections::BTreeSet;

use kinfold_model::consent::ConsentCause;
use kinfold_model::privacy::{Confirmation, Erasure, Extent, Finding, Ticket};
use kinfold_model::{Assignment, Decision, NodeId, TouchpointIdentifier};
use kinfold_profile::{FacetsInput, Published};

use crate::world::{Memory, World, assigned, consent, identifier, person, said, touchpoint, unassigned};

fn ann() -> TouchpointIdentifier {
    identifier("email", "ann@example.org")
}

fn card() -> TouchpointIdentifier {
    identifier("loyalty_id", "L-1")
}

fn ticket() -> Ticket {
    Ticket { request_id: "request-1".to_owned(), desk: 0, asked_by: ann().node }
}

fn erased(node: NodeId, extent: Extent, ticket: Option<Ticket>) -> FacetsInput {
    FacetsInput::Erasure(Erasure { node, extent, ticket })
}

/// Whether a text is anywhere in the state.
fn holds(memory: &Memory, text: &str) -> bool {
    let mut bytes = memory.0.iter().map(|(key, value)| [key.as_slice(), value].concat());
    bytes.any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
}

/// Which stages have confirmed, in the order of their reports.
fn confirmed(world: &World) -> Vec<Confirmation> {
    let by = |report: &kinfold_model::privacy::Report| match report.finding {
        Finding::Confirmed { by, .. } => Some(by),
        _ => None,
    };
    world.reports.iter().filter_map(by).collect()
}

#[test]
fn whether_the_touchpoint_the_person_or_the_erasure_comes_first_nothing_is_left_and_both_stages_say_so() {
    let mut click = touchpoint("t-secret", 5, vec![ann()]);
    click.attributes.insert("given_name".to_owned(), "Annabella".to_owned());
    let node = click.sighting;
    let steps: [&dyn Fn() -> FacetsInput; 4] = [
        &|| said(&click),
        &|| assigned(node, person(1)),
        &|| erased(node, Extent::Everything, Some(ticket())),
        &|| unassigned(node),
    ];
    let orders =
        [[0, 1, 2, 3], [1, 0, 2, 3], [2, 0, 1, 3], [0, 2, 1, 3], [0, 1, 3, 2], [2, 1, 3, 0], [1, 2, 3, 0]];
    for order in orders {
        for in_one_batch in [true, false] {
            let mut world = World::new();
            if in_one_batch {
                world.batch(order.map(|step| steps[step]()));
            } else {
                order.iter().for_each(|step| drop(world.batch([steps[*step]()])));
            }
            world.batch([said(&click), assigned(node, person(2))]);
            for text in ["ann@example.org", "t-secret", "Annabella"] {
                assert!(!holds(&world.facets, text) && !holds(&world.people, text), "{order:?}: {text}");
            }
            assert!(world.profiles.is_empty() && world.members.is_empty(), "{order:?}");
            let confirmed = confirmed(&world);
            assert_eq!(confirmed.len(), 2, "{order:?}: {confirmed:?}");
            assert!(matches!(confirmed[0], Confirmation::Facets { .. }), "{order:?}: {confirmed:?}");
            assert_eq!(confirmed[1], Confirmation::People { partition: 0 }, "{order:?}");
            assert!(world.suppressed > 0, "{order:?}");
        }
    }
}

#[test]
fn an_identifier_that_is_taken_out_leaves_the_rest_and_does_not_come_back() {
    let mut click = touchpoint("t1", 5, vec![ann(), card()]);
    click.attributes.insert("city".to_owned(), "Dresden".to_owned());
    let node = click.sighting;
    let strike = || erased(node, Extent::Identifier(ann().node), Some(ticket()));
    let mut before = World::of([strike()]);
    before.batch([said(&click), assigned(node, person(1)), assigned(card().node, person(1))]);
    let mut after = World::of([said(&click), assigned(node, person(1)), assigned(card().node, person(1))]);
    assert!(holds(&after.people, "ann@example.org"));
    after.batch([strike()]);
    after.batch([said(&click)]);
    for world in [&before, &after] {
        assert!(!holds(&world.facets, "ann@example.org") && !holds(&world.people, "ann@example.org"));
        let profile = &world.profiles[&person(1)];
        assert_eq!(profile.attributes["city"].value, "Dresden");
        let shown: BTreeSet<&str> = profile.identifiers.iter().map(|one| one.value.as_str()).collect();
        assert_eq!(shown, BTreeSet::from(["L-1"]));
        assert!(confirmed(world).contains(&Confirmation::People { partition: 0 }));
    }
    assert_eq!(before.bytes(), after.bytes());
}

#[test]
fn consents_that_go_with_an_erasure_are_told_with_that_cause_although_the_tombstone_came_first() {
    let mut said_yes = touchpoint("t1", 5, vec![ann()]);
    said_yes.consents.push(consent(Decision::Granted, 5));
    let node = said_yes.sighting;
    let mut world = World::of([said(&said_yes), assigned(node, person(1))]);
    let farewell = Assignment { node, namespace: None, person_id: person(1), erased: true };
    let published = world.batch([FacetsInput::Assignment(farewell)]);
    world.batch([unassigned(node)]);
    world.batch([erased(node, Extent::Everything, Some(ticket()))]);
    let retired = published.iter().any(|record| matches!(record, Published::Retired(_)));
    let causes: Vec<ConsentCause> = world.changes.iter().map(|change| change.cause).collect();
    assert!(retired && causes == [ConsentCause::Decision, ConsentCause::Erasure], "{causes:?}");
    assert_eq!(confirmed(&world).len(), 2, "and who asked hears of it");
}

#[test]
fn an_erasure_that_comes_twice_changes_nothing_more() {
    let click = touchpoint("t1", 5, vec![ann(), card()]);
    let node = click.sighting;
    let other = touchpoint("t2", 6, vec![card()]);
    let strike = || erased(node, Extent::Everything, Some(ticket()));
    let mut once =
        World::of([said(&click), said(&other), assigned(node, person(1)), assigned(card().node, person(1))]);
    let mut twice =
        World::of([said(&click), said(&other), assigned(node, person(1)), assigned(card().node, person(1))]);
    once.batch([strike()]);
    twice.batch([strike(), strike()]);
    twice.batch([strike()]);
    assert_eq!(once.bytes(), twice.bytes());
    assert_eq!(once.profiles.len(), 1);
}
