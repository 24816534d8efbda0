//! What a person is told of what was said of them, and that they are told of nobody else.

use kinfold_model::PersonId;
use kinfold_profile::disclosure::{Disclosure, Restricted, prefix};

use crate::restrictions::restricts;
use crate::world::{World, assigned, at, identifier, person, said, touchpoint, unassigned};

fn disclosed(world: &World, of: PersonId) -> Disclosure {
    let mut disclosure = Disclosure::default();
    for (key, value) in &world.people {
        if key.starts_with(&prefix(of)) {
            disclosure.take(key, value).expect("a sound state");
        }
    }
    disclosure
}

fn values(disclosure: Disclosure) -> Vec<String> {
    let said = disclosure.into_said();
    said.values().flat_map(|said| &said.identifiers).map(|one| one.value.clone()).collect()
}

#[test]
fn others_whom_a_touchpoint_named_are_left_out() {
    let (ann, bea) = (identifier("email", "ann@example.org"), identifier("email", "bea@example.org"));
    let both = touchpoint("t1", 1, vec![ann.clone(), bea.clone()]);
    let mut world = World::of([
        said(&both),
        assigned(both.sighting, person(1)),
        assigned(ann.node, person(1)),
        assigned(bea.node, person(2)),
    ]);
    let disclosure = disclosed(&world, person(1));
    assert!(disclosure.has(ann.node) && !disclosure.has(bea.node) && !disclosure.has(both.sighting));
    assert_eq!(values(disclosure), ["ann@example.org"]);
    world.batch([assigned(bea.node, person(1))]);
    assert_eq!(values(disclosed(&world, person(1))).len(), 2, "now they are one");
}

#[test]
fn an_identifier_that_has_left_is_the_persons_no_more() {
    let ann = identifier("email", "ann@example.org");
    let only = touchpoint("t1", 1, vec![ann.clone()]);
    let mut world =
        World::of([said(&only), assigned(only.sighting, person(1)), assigned(ann.node, person(1))]);
    assert!(disclosed(&world, person(1)).has(ann.node));
    world.batch([unassigned(ann.node)]);
    let disclosure = disclosed(&world, person(1));
    assert!(!disclosure.has(ann.node));
    assert_eq!(values(disclosure), [""; 0]);
}

#[test]
fn of_whom_nothing_is_held_here_it_is_not_known_whether_they_are_restricted() {
    let ann = identifier("email", "ann@example.org");
    let only = touchpoint("t1", 1, vec![ann.clone()]);
    let mut world =
        World::of([said(&only), assigned(only.sighting, person(1)), assigned(ann.node, person(1))]);
    assert_eq!(disclosed(&world, person(1)).restricted(), Restricted::No);
    assert_eq!(disclosed(&world, person(2)).restricted(), Restricted::Unknown);
    world.batch([restricts(ann.node, 5)]);
    assert_eq!(disclosed(&world, person(1)).restricted(), Restricted::Since(at(5)));
    world.batch([unassigned(ann.node), unassigned(only.sighting)]);
    assert_eq!(disclosed(&world, person(1)).restricted(), Restricted::Unknown, "they are nobody any more");
}
