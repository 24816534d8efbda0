//! What is erased: whatever comes first, nothing is left of it, and each request hears so from both stages. Who agreed later to be known
//! again is there with what came since.

use std::collections::BTreeSet;
use std::sync::Arc;

use kinfold_model::consent::ConsentCause;
use kinfold_model::privacy::{Confirmation, Erasure, Finding, Ticket};
use kinfold_model::{
    Assignment, Consent, ConsentState, Decision, Mark, Marks, NodeId, Output, Outputs, Reach, Touchpoint,
    TouchpointIdentifier, UnifiedProfile,
};
use kinfold_profile::{FacetsInput, Published};

use crate::world::{Memory, World, assigned, at, consent, identifier, person, said, touchpoint, unassigned};

fn ann() -> TouchpointIdentifier {
    identifier("email", "ann@example.org")
}

fn card() -> TouchpointIdentifier {
    identifier("loyalty_id", "L-1")
}

fn ticket() -> Ticket {
    Ticket { request_id: "request-1".to_owned(), desk: 0, asked_by: ann().node }
}

/// Erased at 100 ms.
fn mark(reach: Reach) -> Mark {
    let mut mark = Mark::default();
    mark.erase(reach, at(100));
    mark
}

/// And back since then.
fn back(reach: Reach, ms: i64) -> Mark {
    let mut mark = mark(reach);
    assert!(mark.consent(at(ms)));
    mark
}

/// Ann's address is erased, alone or beside her card.
fn told(node: NodeId, mark: Mark, ticket: Option<Ticket>) -> FacetsInput {
    let company = [(ann().node, false), (card().node, false)].into();
    FacetsInput::Erasure(Erasure { node, marks: Marks::one(ann().node, mark, company), ticket })
}

fn gone(node: NodeId, ticket: Option<Ticket>) -> FacetsInput {
    told(node, mark(Reach::Everything), ticket)
}

/// She agrees, at her address.
fn agrees(id: &str, ms: i64) -> Touchpoint {
    let mut yes = touchpoint(id, ms, vec![ann()]);
    yes.consents.push(consent(Decision::Granted, ms));
    yes
}

/// Whether a text is anywhere in the state.
fn holds(memory: &Memory, text: &str) -> bool {
    let mut bytes = memory.iter().map(|(key, value)| [key.as_slice(), value].concat());
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
    let steps: [&dyn Fn() -> FacetsInput; 4] =
        [&|| said(&click), &|| assigned(node, person(1)), &|| gone(node, Some(ticket())), &|| {
            unassigned(node)
        }];
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
    let strike = || told(node, mark(Reach::Alone), Some(ticket()));
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
    world.batch([gone(node, Some(ticket()))]);
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
    let strike = || gone(node, Some(ticket()));
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

#[test]
fn who_agrees_later_is_there_with_what_came_since_whether_stitch_tells_of_it_before_or_after() {
    let mut old = touchpoint("t-old", 5, vec![ann()]);
    old.attributes.insert("given_name".to_owned(), "Annabella".to_owned());
    let node = old.sighting;
    let yes = agrees("t-yes", 200);
    let mut late = touchpoint("t-late", 300, vec![ann()]);
    late.attributes.insert("city".to_owned(), "Dresden".to_owned());
    let lifted = || told(node, back(Reach::Everything, 200), None);
    let orders: [[&dyn Fn() -> FacetsInput; 4]; 3] = [
        [&|| said(&yes), &lifted, &|| said(&late), &|| assigned(node, person(1))],
        [&lifted, &|| said(&yes), &|| said(&late), &|| assigned(node, person(1))],
        [&|| assigned(node, person(1)), &|| said(&yes), &|| said(&late), &lifted],
    ];
    let mut only_since = World::of([said(&yes), said(&late), assigned(node, person(1))]);
    only_since.batch([]);
    for order in orders {
        for in_one_batch in [true, false] {
            let mut world = World::of([said(&old), assigned(node, person(1))]);
            world.batch([gone(node, Some(ticket()))]);
            world.batch([unassigned(node)]);
            assert!(world.profiles.is_empty());
            if in_one_batch {
                world.batch(order.map(|step| step()));
            } else {
                order.iter().for_each(|step| drop(world.batch([step()])));
            }
            world.batch([said(&old), said(&yes), gone(node, None)]);
            assert_eq!(world.bytes(), only_since.bytes());
            assert!(!holds(&world.facets, "Annabella") && !holds(&world.facets, "t-old"));
        }
    }
}

#[test]
fn who_is_erased_again_needs_a_later_consent() {
    let (yes, again) = (agrees("t-yes", 200), agrees("t-again", 500));
    let node = yes.sighting;
    let mut world = World::of([gone(node, None), said(&yes), assigned(node, person(1))]);
    assert_eq!(world.profiles.len(), 1);
    let mut twice = back(Reach::Everything, 200);
    twice.erase(Reach::Everything, at(300));
    world.batch([told(node, twice.clone(), Some(ticket()))]);
    world.batch([unassigned(node), said(&yes), said(&agrees("t-before", 250))]);
    assert!(world.profiles.is_empty() && !holds(&world.facets, "t-yes"));
    world.batch([said(&again), assigned(node, person(1))]);
    let touchpoints: Vec<i64> = world.profiles.values().map(|one| one.metrics.touchpoints).collect();
    assert_eq!(touchpoints, [1]);
}

#[test]
fn of_very_many_consents_at_one_set_of_identifiers_the_least_counts_in_any_order() {
    let mut yes: Vec<Touchpoint> = (0..20).map(|n| agrees(&format!("t{n}"), 200 + 10 * n)).collect();
    let node = yes[0].sighting;
    let mut late = touchpoint("t-late", 205, vec![ann()]);
    late.attributes.insert("city".to_owned(), "Dresden".to_owned());
    for _ in 0..2 {
        let mut world = World::of([gone(node, None), assigned(node, person(1))]);
        yes.iter().for_each(|yes| drop(world.batch([said(yes)])));
        world.batch([said(&late)]);
        world.batch(yes.iter().map(said));
        let profile = &world.profiles[&person(1)];
        assert_eq!((profile.metrics.touchpoints, profile.attributes.len()), (21, 1));
        yes.reverse();
    }
}

#[test]
fn nothing_but_a_stated_yes_to_that_purpose_that_is_later_brings_anybody_back() {
    let mut other = agrees("t1", 200);
    other.consents[0].purpose = "survey".to_owned();
    let mut silence = agrees("t2", 200);
    silence.consents[0].basis = Some("opt_out".to_owned());
    let mut signal = agrees("t3", 200);
    signal.consents[0].signal = Some("tcf".to_owned());
    let mut denied = agrees("t4", 200);
    denied.consents[0].decision = Decision::Denied;
    let mut both = agrees("t5", 200);
    both.consents.push(consent(Decision::Withdrawn, 200));
    let mut before = agrees("t6", 200);
    before.consents[0].time = at(100);
    let too_early = agrees("t7", 100);
    let node = other.sighting;
    for touchpoint in [other, silence, signal, denied, both, before, too_early] {
        let world = World::of([gone(node, None), said(&touchpoint), assigned(node, person(1))]);
        assert!(world.profiles.is_empty(), "{}", touchpoint.touchpoint_id);
        assert_eq!(world.suppressed, 1);
    }
}

#[test]
fn where_a_double_opt_in_is_asked_for_only_a_confirmed_yes_brings_anybody_back_and_a_request_takes_none_back()
{
    let says = |id: &str, decision, confirmed| {
        let mut says = agrees(id, 200);
        says.consents = vec![Consent { confirmed, purpose: "digest".to_owned(), ..consent(decision, 200) }];
        says
    };
    let asked = says("t1", Decision::Requested, false);
    let unconfirmed = says("t2", Decision::Granted, false);
    let mut confirmed = says("t3", Decision::Granted, true);
    confirmed.consents.push(asked.consents[0].clone());
    let node = asked.sighting;
    for (touchpoint, comes_back) in [(asked, false), (unconfirmed, false), (confirmed, true)] {
        let world = World::of([gone(node, None), said(&touchpoint), assigned(node, person(1))]);
        assert_eq!(world.profiles.len(), usize::from(comes_back), "{}", touchpoint.touchpoint_id);
    }
}

#[test]
fn an_identifier_that_came_back_is_shown_with_what_named_it_since_and_the_rest_was_always_there() {
    let click = |id: &str, ms: i64| touchpoint(id, ms, vec![ann(), card()]);
    let node = click("t", 0).sighting;
    let mut world = World::of([said(&click("t1", 5)), assigned(node, person(1))]);
    world.batch([assigned(ann().node, person(1)), assigned(card().node, person(1))]);
    world.batch([told(node, mark(Reach::Alone), Some(ticket())), unassigned(ann().node)]);
    world.batch([told(node, back(Reach::Alone, 200), None), assigned(ann().node, person(1))]);
    let shown = |world: &World| {
        let identifiers = &world.profiles[&person(1)].identifiers;
        identifiers.iter().map(|one| (one.value.clone(), one.first_seen)).collect::<BTreeSet<_>>()
    };
    assert_eq!(shown(&world), BTreeSet::from([("L-1".to_owned(), at(5))]));
    world.batch([said(&click("t2", 150)), said(&click("t3", 300))]);
    let expected = BTreeSet::from([("L-1".to_owned(), at(5)), ("ann@example.org".to_owned(), at(300))]);
    assert_eq!(shown(&world), expected);
    assert_eq!(world.profiles[&person(1)].metrics.touchpoints, 3);
}

#[test]
fn ids_of_before_that_are_still_to_be_forgotten_are_not_those_of_what_came_since() {
    let many = (0..1500).map(|n| said(&touchpoint(&format!("t{n}"), 5, vec![ann()])));
    let node = agrees("t", 0).sighting;
    let mut world = World::of(many.chain([assigned(node, person(1))]));
    world.batch([gone(node, None)]);
    let since = [said(&agrees("t1499", 200)), said(&agrees("t1", 200)), assigned(node, person(1))];
    world.batch(since);
    world.batch([]);
    world.batch([]);
    world.batch([said(&agrees("t1499", 200)), said(&agrees("t1", 200))]);
    assert_eq!(world.profiles[&person(1)].metrics.touchpoints, 2);
}

/// How many decisions against a purpose went, as facets told of each node in turn.
fn denials(world: &World) -> Vec<u64> {
    let by = confirmed(world).into_iter().filter_map(|by| match by {
        Confirmation::Facets { denials, .. } => Some(denials),
        _ => None,
    });
    by.collect()
}

#[test]
fn a_no_that_goes_with_an_identifier_of_somebody_who_stays_is_counted_for_whoever_asked() {
    let mut yes = touchpoint("t1", 5, vec![ann(), card()]);
    yes.consents.push(consent(Decision::Granted, 5));
    let mut no = touchpoint("t2", 7, vec![ann()]);
    no.consents.push(consent(Decision::Denied, 7));
    let both = yes.sighting;
    let state = |world: &World| world.profiles[&person(1)].consents[0].state;
    let mut world = World::of([said(&yes), said(&no)]);
    world.batch([ann().node, card().node, both].map(|node| assigned(node, person(1))));
    assert_eq!(state(&world), ConsentState::Denied);
    let strike = |node| told(node, mark(Reach::Alone), Some(ticket()));
    let alone = || {
        let (node, marks) = (ann().node, Marks::alone(ann().node, mark(Reach::Alone)));
        FacetsInput::Erasure(Erasure { node, marks, ticket: Some(ticket()) })
    };
    world.batch([alone(), strike(both), unassigned(ann().node)]);
    assert_eq!((state(&world), denials(&world)), (ConsentState::Granted, vec![1, 0]));
    // What is asked again was told, and what is said anew at another identifier holds.
    world.batch([alone()]);
    assert_eq!(denials(&world), [1, 0, 0]);
    let mut anew = touchpoint("t3", 7, vec![card()]);
    anew.consents = no.consents;
    world.batch([said(&anew)]);
    assert_eq!(state(&world), ConsentState::Denied);
}

#[test]
fn a_no_beside_an_identifier_that_is_left_stays_and_of_those_that_go_a_person_erased_whole_misses_none() {
    let device = identifier("cookie", "browser");
    let says = |id: &str, identifiers, decision| {
        let mut says = touchpoint(id, 5, identifiers);
        says.consents.push(consent(decision, 5));
        says
    };
    for (reach, decision, is_gone, expected) in [
        (Reach::Alone, Decision::Denied, false, 0),
        (Reach::Unclaimed, Decision::Denied, true, 1),
        (Reach::Unclaimed, Decision::Withdrawn, true, 1),
        (Reach::Unclaimed, Decision::Granted, true, 0),
        (Reach::Everything, Decision::Denied, true, 0),
    ] {
        let said_so = says("t1", vec![ann(), device.clone()], decision);
        let node = said_so.sighting;
        let mut world = World::of([said(&said_so), assigned(node, person(1))]);
        let company = [(ann().node, false), (device.node, true)].into();
        let marks = Marks::one(ann().node, mark(reach), company);
        world.batch([FacetsInput::Erasure(Erasure { node, marks, ticket: Some(ticket()) })]);
        assert_eq!(denials(&world), [expected], "{reach:?}, {decision:?}");
        assert_eq!(world.profiles.is_empty(), is_gone, "{reach:?}, {decision:?}");
    }
}

/// Ann agrees and states by an attribute of a telling name what is to be erased, while her card says where she lives; an output has both.
fn shared_with_an_output() -> (World, NodeId) {
    let fields = ["illness", "city"].map(|name| name.parse().expect("the name of a part"));
    let output =
        Output { purposes: ["marketing".to_owned()].into(), fields: fields.into(), ..Output::default() };
    let mut told = touchpoint("t1", 5, vec![ann()]);
    told.attributes.insert("illness".to_owned(), "positive".to_owned());
    let mut lives = touchpoint("t2", 5, vec![card()]);
    lives.attributes.insert("city".to_owned(), "Dresden".to_owned());
    lives.consents.push(consent(Decision::Granted, 5));
    let mut world = World::new();
    world.outputs = Arc::new([("out".to_owned(), output)].into_iter().collect());
    world.batch([
        said(&told),
        said(&lives),
        assigned(ann().node, person(1)),
        assigned(card().node, person(1)),
    ]);
    let names = |profile: &UnifiedProfile| profile.attributes.keys().cloned().collect::<Vec<_>>();
    assert_eq!(world.shared.values().map(names).collect::<Vec<_>>(), [["city", "illness"]]);
    (world, told.sighting)
}

#[test]
fn of_what_is_erased_not_even_the_name_stays_for_an_output_that_is_not_configured() {
    let (mut world, node) = shared_with_an_output();
    let configured = std::mem::replace(&mut world.outputs, Arc::new(Outputs::default()));
    world.batch([gone(node, Some(ticket())), unassigned(node)]);
    assert!(world.profiles.contains_key(&person(1)), "her card is left");
    assert!(!holds(&world.people, "illness"));
    world.outputs = configured;
    while world.revise(1).1 {}
    let shared = &world.shared[&("out".to_owned(), person(1))];
    assert_eq!((shared.version, shared.attributes.len(), shared.changed.len()), (2, 1, 0));
}
