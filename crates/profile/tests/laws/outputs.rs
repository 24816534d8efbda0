//! What leaves for a purpose, when it is taken away, and that it stays away.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kinfold_model::keys::sha256_hex;
use kinfold_model::{
    Consent, ConsentState, Decision, Field, Form, Namespace, Output, Touchpoint, TouchpointIdentifier,
    UnifiedProfile,
};
use kinfold_profile::Published;

use crate::world::{World, assigned, at, consent, identifier, order, person, said, touchpoint};

fn ann() -> TouchpointIdentifier {
    identifier("email", "ann@example.org")
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn part(name: &str) -> Field {
    name.parse().expect("the name of a part")
}

/// An output for these purposes that asks for these fields.
fn output(purposes: &[&str], fields: &[&str]) -> Output {
    let fields = fields.iter().flat_map(|name| part(name).parts()).collect();
    Output { purposes: set(purposes), fields, ..Output::default() }
}

/// A world with one output, `out`, in which what these touchpoints say is said of one person.
fn world(output: Output, touchpoints: &[Touchpoint]) -> World {
    let mut world = World::new();
    with(&mut world, output);
    let nodes = touchpoints.iter().map(|touchpoint| touchpoint.sighting).chain([ann().node]);
    world.batch(touchpoints.iter().map(said).chain(nodes.map(|node| assigned(node, person(1)))));
    world
}

fn with(world: &mut World, output: Output) {
    world.outputs = Arc::new([("out".to_owned(), output)].into_iter().collect());
}

fn there(world: &World) -> Option<&UnifiedProfile> {
    world.shared.get(&("out".to_owned(), person(1)))
}

fn attributes(world: &World) -> Vec<&str> {
    there(world).map(|profile| profile.attributes.keys().map(String::as_str).collect()).unwrap_or_default()
}

/// A touchpoint at which somebody says where they live.
fn lives(id: &str, ms: i64, city: &str) -> Touchpoint {
    let attributes = [("city".to_owned(), city.to_owned()), ("street".to_owned(), "Lange Str. 5".to_owned())];
    Touchpoint { attributes: attributes.into(), ..touchpoint(id, ms, vec![ann()]) }
}

fn decided(id: &str, stated: Consent) -> Touchpoint {
    let mut touchpoint = touchpoint(id, stated.time.millis(), vec![ann()]);
    touchpoint.consents.push(stated);
    touchpoint
}

fn about(purpose: &str, decision: Decision, ms: i64) -> Consent {
    Consent { purpose: purpose.to_owned(), ..consent(decision, ms) }
}

#[test]
fn nobody_leaves_without_a_yes_and_with_it_only_what_is_asked_for() {
    let mut world = world(output(&["marketing"], &["city"]), &[lives("t1", 1, "Dresden")]);
    assert_eq!(there(&world), None);
    world.batch([said(&decided("t2", consent(Decision::Granted, 2)))]);
    let shared = there(&world).expect("there is a yes");
    assert_eq!(attributes(&world), ["city"]);
    assert_eq!((shared.version, shared.identifiers.len(), shared.metrics.touchpoints), (1, 0, 0));
    assert_eq!((shared.consents.len(), shared.aliases.len()), (1, 0));
}

#[test]
fn who_withdraws_is_taken_away_in_the_batch_that_tells_it_and_comes_back_with_a_yes() {
    let touchpoints = [lives("t1", 1, "Dresden"), decided("t2", consent(Decision::Granted, 2))];
    let mut world = world(output(&["marketing"], &["city"]), &touchpoints);
    assert!(there(&world).is_some());
    let published = world.batch([said(&decided("t3", consent(Decision::Withdrawn, 3)))]);
    let [Published::Profile(_), Published::Unshared { output, person: gone }, Published::Consent(change)] =
        published.as_slice()
    else {
        panic!("a profile, somebody who is gone, and a change: {published:?}");
    };
    assert_eq!((&**output, *gone), ("out", person(1)));
    assert_eq!((change.before, change.after), (ConsentState::Granted, ConsentState::Denied));
    world.batch([said(&decided("t4", consent(Decision::Granted, 4)))]);
    assert_eq!(there(&world).map(|profile| profile.version), Some(1), "versions begin anew");
}

#[test]
fn whoever_is_told_by_their_profile_which_outputs_have_them_is_told_right() {
    let mut world = world(output(&["marketing"], &["city"]), &[lives("t1", 1, "Dresden")]);
    let told_right = |world: &World, expected: bool| {
        let profile = world.profiles.get(&person(1)).expect("is published");
        let told = kinfold_profile::recipients(profile, &world.outputs, &world.purposes, world.now);
        let told: Vec<&str> = told.map(|(name, _)| name).collect();
        assert_eq!((told == ["out"], there(world).is_some()), (expected, expected), "{told:?}");
    };
    told_right(&world, false);
    world.batch([said(&decided("t2", consent(Decision::Granted, 2)))]);
    told_right(&world, true);
    world.batch([said(&decided("t3", consent(Decision::Withdrawn, 3)))]);
    told_right(&world, false);
}

#[test]
fn a_field_that_needs_more_leaves_while_all_of_it_is_allowed() {
    let more = BTreeMap::from([(part("city"), set(&["survey"]))]);
    let output = Output { more, ..output(&["marketing"], &["city", "street"]) };
    let touchpoints = [lives("t1", 1, "Dresden"), decided("t2", consent(Decision::Granted, 2))];
    let mut world = world(output, &touchpoints);
    assert_eq!(attributes(&world), ["street"]);
    world.batch([said(&decided("t3", about("survey", Decision::Granted, 3)))]);
    assert_eq!(attributes(&world), ["city", "street"]);
    world.pass(7);
    assert_eq!(attributes(&world), ["street"], "that yes has ended");
}

#[test]
fn what_is_too_old_goes_on_time_and_older_news_do_not_bring_it_back() {
    let touchpoints = [lives("t1", 1, "Dresden"), touchpoint("t2", 5, vec![ann()])];
    let mut world = world(output(&["service"], &["city", "metrics.last_seen"]), &touchpoints);
    assert_eq!(attributes(&world), ["city"]);
    assert_eq!(world.pass(10), []);
    let published = world.pass(11);
    assert!(
        matches!(published.as_slice(), [Published::Shared { .. }]),
        "the profile is the same: {published:?}"
    );
    assert_eq!(attributes(&world), [""; 0]);
    world.now = at(6);
    let late = world.batch([said(&touchpoint("t3", 2, vec![ann()]))]);
    assert!(matches!(late.as_slice(), [Published::Profile(_)]), "{late:?}");
    let published = world.pass(15);
    assert!(
        matches!(published.as_slice(), [Published::Unshared { .. }]),
        "nothing new was heard: {published:?}"
    );
    assert_eq!(world.pass(1_000), []);
    assert!(world.profiles.contains_key(&person(1)));
    world.now = at(1_000);
    world.batch([said(&lives("t4", 999, "Leipzig"))]);
    assert_eq!(attributes(&world), ["city"]);
}

#[test]
fn a_sum_is_as_old_as_the_oldest_thing_in_it() {
    let bought = |id: &str, ms, value| {
        let order = Some(order(id, value, 1));
        Touchpoint { order, ..touchpoint(id, ms, vec![ann()]) }
    };
    let touchpoints = [bought("t1", 1, "10.00"), bought("t2", 5, "20.00")];
    let mut world = world(output(&["service"], &["metrics.orders", "metrics.last_seen"]), &touchpoints);
    let orders = |world: &World| there(world).map(|profile| profile.metrics.orders);
    assert_eq!(orders(&world), Some(2));
    world.pass(11);
    assert_eq!(orders(&world), Some(0));
    assert_eq!(there(&world).map(|profile| profile.metrics.last_seen), Some(at(5)));
}

#[test]
fn entries_of_a_timeline_and_dates_of_orders_are_as_old_as_they_say() {
    let bought =
        |id: &str, ms| Touchpoint { order: Some(order(id, "10.00", 1)), ..touchpoint(id, ms, vec![ann()]) };
    let fields = ["timeline", "metrics.first_order", "metrics.last_order", "metrics.revenue"];
    let mut world = world(output(&["service"], &fields), &[bought("t1", 1), bought("t2", 5)]);
    let shown = |world: &World| {
        let profile = there(world).expect("nothing is needed");
        let entries = profile.timeline.iter().map(|entry| entry.time.millis()).collect::<Vec<_>>();
        (entries, profile.metrics.first_order, profile.metrics.last_order, profile.metrics.revenue.len())
    };
    assert_eq!(shown(&world), (vec![5, 1], Some(at(1)), Some(at(5)), 1));
    world.pass(11);
    assert_eq!(shown(&world), (vec![5], None, Some(at(5)), 0));
}

#[test]
fn value_and_lifecycle_leave_where_they_are_asked_for_and_are_as_old_as_the_first_touchpoint() {
    let bought =
        |id: &str, ms| Touchpoint { order: Some(order(id, "10.00", 1)), ..touchpoint(id, ms, vec![ann()]) };
    let touchpoints = [bought("t1", 1), bought("t2", 5)];
    let shown = |world: &World| {
        let profile = there(world).expect("nothing is needed");
        (profile.value.is_some(), profile.lifecycle.is_some())
    };
    for (fields, expected) in [
        (&["city"][..], (false, false)),
        (&["value"], (true, false)),
        (&["lifecycle"], (false, true)),
        (&["value", "lifecycle"], (true, true)),
    ] {
        let mut world = World { settings: Arc::new(crate::worth::with_model(7)), ..World::new() };
        with(&mut world, output(&["service"], fields));
        world.batch(touchpoints.iter().flat_map(|one| [said(one), assigned(one.sighting, person(1))]));
        assert_eq!(shown(&world), expected);
        world.pass(11);
        assert_eq!(shown(&world), (false, false), "the first touchpoint is too old");
    }
}

#[test]
fn identifiers_leave_in_the_form_that_is_asked_for_and_no_others_do() {
    let phone = identifier("phone", "+493511234567");
    let email = |form| BTreeMap::from([(Namespace::new("email"), form)]);
    let granted = Touchpoint {
        consents: vec![consent(Decision::Granted, 1)],
        ..touchpoint("t1", 1, vec![ann(), phone.clone()])
    };
    let shown = |output: Output| {
        let mut world = world(output, std::slice::from_ref(&granted));
        world.batch([assigned(phone.node, person(1))]);
        let identifiers = there(&world).expect("there is a yes").identifiers.iter();
        identifiers.map(|one| (one.namespace.to_string(), one.value.clone())).collect::<Vec<_>>()
    };
    let with = |identifiers| Output { identifiers, ..output(&["marketing"], &[]) };
    assert!(shown(with(BTreeMap::new())).is_empty());
    assert_eq!(shown(with(email(Form::Clear))), [("email".to_owned(), "ann@example.org".to_owned())]);
    let hash = sha256_hex("ann@example.org");
    assert_eq!(shown(with(email(Form::Sha256))), [("email_sha256".to_owned(), hash)]);
    let digits = BTreeMap::from([(Namespace::new("phone"), Form::Sha256Digits)]);
    assert_eq!(shown(with(digits)), [("phone_sha256".to_owned(), sha256_hex("493511234567"))]);
}

#[test]
fn an_address_and_its_hash_that_leave_alike_are_one() {
    let hash = sha256_hex("ann@example.org");
    let hashed = touchpoint("t2", 9, vec![identifier("email_sha256", &hash)]);
    let forms = [(Namespace::new("email"), Form::Sha256), (Namespace::new("email_sha256"), Form::Clear)];
    let output = Output { identifiers: forms.into(), ..output(&["marketing"], &[]) };
    let world = world(output, &[decided("t1", consent(Decision::Granted, 1)), hashed]);
    let identifiers = &there(&world).expect("there is a yes").identifiers;
    let seen: Vec<_> =
        identifiers.iter().map(|one| (&one.value, one.first_seen.millis(), one.last_seen.millis())).collect();
    assert_eq!(seen, [(&hash, 1, 9)]);
}

#[test]
fn who_is_retired_is_taken_away_everywhere() {
    let mut world = world(output(&["marketing"], &["city"]), &[decided("t1", consent(Decision::Granted, 1))]);
    assert!(there(&world).is_some());
    let published = world.batch([assigned(ann().node, person(2))]);
    assert!(published.contains(&Published::Retired(person(1))));
    assert_eq!(world.shared.keys().map(|(_, person)| *person).collect::<Vec<_>>(), [person(2)]);
}

#[test]
fn another_configuration_takes_effect_when_somebody_changes_although_their_profile_would_not() {
    let touchpoints = [lives("t1", 1, "Dresden"), decided("t2", consent(Decision::Granted, 2))];
    let mut world = world(output(&["marketing"], &["city"]), &touchpoints);
    with(&mut world, output(&["marketing"], &["street"]));
    let mut again = world.sent.last().expect("a message").clone();
    again.version += 1;
    let published = world.deliver(vec![again]);
    assert!(matches!(published.as_slice(), [Published::Shared { .. }]), "{published:?}");
    assert_eq!(attributes(&world), ["street"]);
}
