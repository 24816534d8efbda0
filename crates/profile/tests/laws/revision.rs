//! After a change of the purposes, the outputs, the rules of survivorship or the settings everybody is weighed anew: once, whatever happens meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kinfold_model::consent::ConsentCause;
use kinfold_model::{
    Consent, ConsentState, Decision, Field, MergePolicy, Output, Outputs, PersonId, Purpose, Purposes,
    SurvivorRule, Survivorship, Touchpoint, TouchpointIdentifier,
};
use kinfold_profile::{FacetsInput, Published, Settings};

use crate::world::{World, assigned, at, consent, identifier, person, purposes, said, touchpoint};
use ConsentState::{Denied, Expired, Granted};

const PEOPLE: u8 = 5;

fn email(n: u8) -> TouchpointIdentifier {
    identifier("email", &format!("p{n}@example.org"))
}

fn phone(n: u8) -> TouchpointIdentifier {
    identifier("phone", &format!("+4930{n}"))
}

fn about(purpose: &str, decision: Decision, ms: i64) -> Consent {
    Consent { purpose: purpose.to_owned(), ..consent(decision, ms) }
}

/// A touchpoint at these identifiers, with these decisions, and a city.
fn decided(id: &str, ms: i64, of: TouchpointIdentifier, consents: Vec<Consent>) -> Touchpoint {
    let attributes = [("city", "Dresden"), ("street", "Lange Str. 5")];
    let attributes = attributes.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Touchpoint { consents, attributes: attributes.into(), ..touchpoint(id, ms, vec![of]) }
}

/// What is said of one person: a no at the telephone and a yes by mail to one purpose, and a yes to another.
fn said_of(n: u8) -> Vec<FacetsInput> {
    let no = decided("t1", 1, phone(n), vec![about("newsletter", Decision::Denied, 1)]);
    let yes = vec![about("newsletter", Decision::Granted, 2), about("survey", Decision::Granted, 3)];
    let yes = decided("t2", 3, email(n), yes);
    let nodes = [no.sighting, yes.sighting, email(n).node, phone(n).node];
    let mut inputs: Vec<_> = nodes.map(|node| assigned(node, person(n))).into();
    inputs.extend([said(&no), said(&yes)]);
    inputs
}

fn output(purpose: &str, field: &str) -> Output {
    let fields: BTreeSet<Field> = [field.parse().expect("the name of a part")].into();
    Output { purposes: [purpose.to_owned()].into(), fields, ..Output::default() }
}

fn outputs<const N: usize>(named: [(&str, Output); N]) -> Arc<Outputs> {
    Arc::new(named.into_iter().map(|(name, output)| (name.to_owned(), output)).collect())
}

type Terms = (Arc<Purposes>, Arc<Outputs>);

/// Under the last of them the newest yes to `newsletter` counts.
fn several() -> [Terms; 4] {
    let long = Purpose { valid_for_ms: Some(1000), ..Purpose::default() };
    let long: Purposes = [("survey".to_owned(), long)].into_iter().collect();
    [
        (Arc::default(), outputs([])),
        (Arc::new(long), outputs([("out", output("survey", "city")), ("more", output("survey", "city"))])),
        (Arc::default(), outputs([("out", output("survey", "street"))])),
        (Arc::new(purposes()), outputs([("out", output("newsletter", "city"))])),
    ]
}

fn begin((purposes, outputs): &Terms) -> World {
    let mut world = World::new();
    world.now = at(20);
    be(&mut world, &(Arc::clone(purposes), Arc::clone(outputs)));
    world
}

/// From now on these terms are those of every process.
fn be(world: &mut World, (purposes, outputs): &Terms) {
    (world.purposes, world.outputs) = (Arc::clone(purposes), Arc::clone(outputs));
}

fn settled(terms: &Terms) -> World {
    let mut world = begin(terms);
    (1..=PEOPLE).for_each(|n| drop(world.batch(said_of(n))));
    world
}

/// Looks at everybody; gives all that was published.
fn revise(world: &mut World) -> Vec<Published> {
    let mut published = Vec::new();
    for _ in 0..100 {
        let (records, is_left) = world.revise(2);
        published.extend(records);
        if !is_left {
            return published;
        }
    }
    panic!("the look comes to an end");
}

/// Each of several lists of states in the order of purposes.
fn states(world: &World, n: u8) -> Vec<ConsentState> {
    world.profiles[&person(n)].consents.iter().map(|consent| consent.state).collect()
}

#[test]
fn a_change_midway_ends_as_if_the_new_terms_had_always_been_those() {
    for before in several() {
        for after in several() {
            for cut in 0..=usize::from(PEOPLE) {
                let mut world = begin(&before);
                let people: Vec<u8> = (1..=PEOPLE).collect();
                let (early, late) = people.split_at(cut);
                early.iter().for_each(|n| drop(world.batch(said_of(*n))));
                be(&mut world, &after);
                // Messages come between the steps of the look, and each step is that of a new process.
                for n in late {
                    world.revise(1);
                    world.batch(said_of(*n));
                }
                revise(&mut world);
                let expected = settled(&after);
                assert_eq!(world.bytes(), expected.bytes());
                assert_eq!(world.shared_bytes(), expected.shared_bytes());
            }
        }
    }
}

#[test]
fn a_step_whose_process_ended_before_it_was_committed_is_done_again() {
    let [before, .., after] = several();
    let mut world = settled(&before);
    be(&mut world, &after);
    for _ in 0..100 {
        let (state, profiles) = (world.people.clone(), world.profiles.clone());
        let (shared, changes) = (world.shared.clone(), world.changes.clone());
        let lost = world.revise(1);
        (world.people, world.profiles, world.shared, world.changes) = (state, profiles, shared, changes);
        assert_eq!(world.revise(1), lost, "the same comes of it");
        if !lost.1 {
            assert_eq!(world.bytes(), settled(&after).bytes());
            return;
        }
    }
    panic!("the look comes to an end");
}

#[test]
fn everybody_who_differs_is_published_once_and_nobody_else() {
    let [before, .., after] = several();
    let mut world = settled(&before);
    let quiet = touchpoint("q", 1, vec![email(9)]);
    world.batch([said(&quiet), assigned(quiet.sighting, person(9)), assigned(email(9).node, person(9))]);
    assert_eq!(revise(&mut world), [], "the terms are the same");
    be(&mut world, &after);
    let published = revise(&mut world);
    let mut times: BTreeMap<PersonId, usize> = BTreeMap::new();
    for record in &published {
        if let Published::Profile(profile) = record {
            *times.entry(profile.person_id).or_default() += 1;
        }
    }
    assert_eq!(times, (1..=PEOPLE).map(|n| (person(n), 1)).collect());
    assert_eq!(revise(&mut world), [], "it is done");
}

#[test]
fn a_stricter_purpose_is_told_as_policy_and_takes_people_away() {
    let [.., newest] = several();
    let mut world = settled(&newest);
    assert_eq!(states(&world, 1), [Granted, Expired]);
    assert_eq!(world.shared_bytes().len(), usize::from(PEOPLE));
    let survey = Purpose { valid_for_ms: Some(4), ..Purpose::default() };
    let strict = [("newsletter".to_owned(), Purpose::default()), ("survey".to_owned(), survey)];
    world.purposes = Arc::new(strict.into_iter().collect());
    world.changes.clear();
    let (published, _) = world.revise(1);
    let [Published::Profile(_), Published::Unshared { .. }, Published::Consent(change)] =
        published.as_slice()
    else {
        panic!("a profile, somebody who is gone, and a change: {published:?}");
    };
    assert_eq!((change.before, change.after, change.cause), (Granted, Denied, ConsentCause::Policy));
    assert_eq!((change.effective, change.since), (None, Some(at(1))));
    revise(&mut world);
    assert_eq!(world.shared.len(), 0);
    assert_eq!(world.changes.len(), usize::from(PEOPLE));
}

#[test]
fn what_is_said_before_somebody_has_their_turn_is_told_by_its_own_cause() {
    let [before, .., after] = several();
    let mut world = settled(&before);
    be(&mut world, &after);
    world.changes.clear();
    world.batch([said(&decided("t9", 9, email(1), vec![about("marketing", Decision::Granted, 9)]))]);
    let told: Vec<_> = world.changes.iter().map(|c| (c.purpose.as_str(), c.after, c.cause)).collect();
    let expected = [
        ("newsletter", Granted, ConsentCause::Policy),
        ("survey", Expired, ConsentCause::Policy),
        ("marketing", Granted, ConsentCause::Decision),
    ];
    assert_eq!(told, expected);
    revise(&mut world);
    assert_eq!(world.changes.iter().filter(|change| change.person_id == person(1)).count(), 3);
}

#[test]
fn when_the_terms_change_again_midway_the_look_begins_again() {
    let [one, two, three, four] = several();
    for most in 1..=usize::from(PEOPLE) {
        let mut world = settled(&one);
        for terms in [&two, &three, &one, &four, &two] {
            be(&mut world, terms);
            assert!(world.revise(most).1, "there are more people");
        }
        revise(&mut world);
        assert_eq!(world.bytes(), settled(&two).bytes());
        assert_eq!(world.shared_bytes(), settled(&two).shared_bytes());
    }
}

#[test]
fn a_new_output_is_sent_everybody_who_may_be_there() {
    let [without, .., with] = several();
    let mut world = settled(&(Arc::clone(&with.0), without.1));
    assert!(world.shared.is_empty());
    be(&mut world, &with);
    let published = revise(&mut world);
    assert!(published.iter().all(|record| matches!(record, Published::Shared { .. })), "{published:?}");
    assert_eq!(world.shared_bytes(), settled(&with).shared_bytes());
    assert_eq!(world.shared.len(), usize::from(PEOPLE));
}

#[test]
fn an_output_that_comes_back_is_sent_everybody_anew_however_far_the_look_without_it_got() {
    let [without, .., with] = several();
    let without = (Arc::clone(&with.0), without.1);
    for most in 1..=usize::from(PEOPLE) + 1 {
        let mut world = settled(&with);
        be(&mut world, &without);
        let (published, _) = world.revise(most);
        assert_eq!(published, [], "nothing is written to a topic that nobody speaks of");
        // Whoever takes an output out deletes its topic. Nothing that stood there helps now, but that its versions go on.
        world.shared.values_mut().for_each(|profile| profile.truncated = vec!["everything".to_owned()]);
        be(&mut world, &with);
        revise(&mut world);
        assert_eq!(world.shared_bytes(), settled(&with).shared_bytes());
    }
}

#[test]
fn who_may_not_be_there_any_more_is_taken_away_by_an_output_that_comes_back() {
    let [without, .., with] = several();
    let without = (Arc::clone(&with.0), without.1);
    let mut world = settled(&with);
    // A partition moves to a process that does not know of the output yet.
    be(&mut world, &without);
    revise(&mut world);
    world.batch([said(&decided("t9", 9, email(1), vec![about("newsletter", Decision::Withdrawn, 9)]))]);
    let everything = said_of(2).into_iter().filter_map(|input| match input {
        FacetsInput::Assignment(assignment) => Some(assigned(assignment.node, person(3))),
        _ => None,
    });
    let published = world.batch(everything);
    assert!(published.contains(&Published::Retired(person(2))));
    assert_eq!(world.shared.len(), usize::from(PEOPLE), "the topic is as it was");
    be(&mut world, &with);
    revise(&mut world);
    let there: Vec<PersonId> = world.shared.keys().map(|(_, person)| *person).collect();
    assert_eq!(there, [3, 4, 5].map(person));
    assert!(!world.profiles.contains_key(&person(2)));
    assert_eq!(revise(&mut world), []);
    // Nothing is remembered of somebody who is gone everywhere, and they begin anew if they come back.
    let stored = world.people.keys().filter(|key| key[0] == 4).count();
    assert_eq!(stored, usize::from(PEOPLE) - 1);
}

#[test]
fn a_purpose_that_lets_a_yes_last_longer_gives_it_back() {
    let [.., short] = several();
    let mut world = settled(&short);
    assert_eq!(states(&world, 1), [Granted, Expired]);
    let newest = Purpose { merge: MergePolicy::Newest, ..Purpose::default() };
    world.purposes = Arc::new([("newsletter".to_owned(), newest)].into_iter().collect());
    world.changes.clear();
    revise(&mut world);
    assert_eq!(states(&world, 1), [Granted, Granted]);
    assert!(world.changes.iter().all(|change| change.cause == ConsentCause::Policy));
    assert_eq!(world.changes.len(), usize::from(PEOPLE));
}

#[test]
fn after_a_change_of_survivorship_or_settings_everybody_shows_what_follows_from_it() {
    let mut world = World::new();
    for n in 1..=PEOPLE {
        let [early, late] = [("t1", 1, "Dresden"), ("t2", 2, "Leipzig")].map(|(id, ms, city)| {
            let attributes = [("city".to_owned(), city.to_owned())].into();
            Touchpoint { attributes, ..touchpoint(id, ms, vec![email(n)]) }
        });
        let nodes = [early.sighting, email(n).node].map(|node| assigned(node, person(n)));
        world.batch(nodes.into_iter().chain([said(&early), said(&late)]));
    }
    let cities = |world: &World| -> BTreeSet<String> {
        world.profiles.values().map(|profile| profile.attributes["city"].value.clone()).collect()
    };
    revise(&mut world);
    assert_eq!(cities(&world), ["Leipzig".to_owned()].into());
    world.survivorship = Arc::new(Survivorship::new(SurvivorRule::Oldest, BTreeMap::new()));
    assert_eq!(revise(&mut world).len(), usize::from(PEOPLE));
    assert_eq!(cities(&world), ["Dresden".to_owned()].into());
    assert!(revise(&mut world).is_empty(), "once is enough");
    assert!(world.profiles.values().all(|profile| profile.timeline.len() == 2));
    world.settings = Arc::new(Settings { timeline: 1, ..Settings::clone(&world.settings) });
    assert_eq!(revise(&mut world).len(), usize::from(PEOPLE));
    assert!(world.profiles.values().all(|profile| profile.timeline.len() == 1));
    assert!(revise(&mut world).is_empty(), "once is enough");
}
