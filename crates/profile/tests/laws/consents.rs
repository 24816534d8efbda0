//! Decisions of several identifiers, of several channels, and such that end.

use kinfold_model::consent::ConsentCause;
use kinfold_model::{Consent, ConsentState, Context, Decision, Stage, Touchpoint, TouchpointIdentifier};
use kinfold_profile::{FacetMessage, Published};

use crate::world::{World, assigned, at, consent, identifier, people, person, said, touchpoint};
use ConsentState::{Denied, Expired, Granted};

fn ann() -> TouchpointIdentifier {
    identifier("email", "ann@example.org")
}

fn phone() -> TouchpointIdentifier {
    identifier("phone", "+491")
}

/// A touchpoint at these identifiers, with one decision.
fn decided(id: &str, of: &[TouchpointIdentifier], stated: Consent) -> Touchpoint {
    let mut touchpoint = touchpoint(id, stated.time.millis(), of.to_vec());
    touchpoint.consents.push(stated);
    touchpoint
}

fn about(purpose: &str, decision: Decision, ms: i64) -> Consent {
    Consent { purpose: purpose.to_owned(), ..consent(decision, ms) }
}

/// All of it said of one person, who has both identifiers.
fn one_person(touchpoints: &[Touchpoint]) -> World {
    let nodes = touchpoints.iter().map(|touchpoint| touchpoint.sighting).chain([ann().node, phone().node]);
    World::of(touchpoints.iter().map(said).chain(nodes.map(|node| assigned(node, person(1)))))
}

/// What the first stage sends of a touchpoint of one person.
fn facets_of(touchpoint: &Touchpoint) -> Vec<FacetMessage> {
    World::of([said(touchpoint), assigned(touchpoint.sighting, person(1))]).sent
}

fn states(world: &World) -> Vec<(Option<&str>, ConsentState)> {
    let consents = world.profiles[&person(1)].consents.iter();
    consents.map(|consent| (consent.channel.as_deref(), consent.state)).collect()
}

#[test]
fn a_no_of_one_identifier_outlasts_a_later_yes_of_another_unless_the_newest_counts() {
    let said = |purpose| {
        one_person(&[
            decided("t1", &[phone()], about(purpose, Decision::Denied, 1)),
            decided("t2", &[ann()], about(purpose, Decision::Granted, 2)),
        ])
    };
    assert_eq!(states(&said("marketing")), [(None, Denied)]);
    assert_eq!(states(&said("newsletter")), [(None, Granted)]);
}

#[test]
fn a_no_ends_with_a_later_yes_of_the_same_identifier_wherever_that_was_seen() {
    let no = decided("t1", &[phone()], about("marketing", Decision::Denied, 1));
    let yes = decided("t2", &[ann(), phone()], about("marketing", Decision::Granted, 2));
    assert_eq!(states(&one_person(&[no.clone(), yes])), [(None, Granted)]);
    let earlier = decided("t2", &[ann(), phone()], about("marketing", Decision::Granted, 0));
    assert_eq!(states(&one_person(&[no, earlier])), [(None, Denied)]);
}

#[test]
fn a_no_ends_with_a_later_yes_at_any_identifier_at_which_it_was_said() {
    let (old, new) = (identifier("cookie", "old"), identifier("cookie", "new"));
    let said = |no: &TouchpointIdentifier, yes: &TouchpointIdentifier| {
        let touchpoints = [
            decided("t1", &[ann(), no.clone()], about("marketing", Decision::Denied, 1)),
            decided("t2", &[ann(), yes.clone()], about("marketing", Decision::Granted, 2)),
        ];
        let mut world = one_person(&touchpoints);
        world.batch([&old, &new].map(|cookie| assigned(cookie.node, person(1))));
        world
    };
    assert_eq!(states(&said(&old, &new)), [(None, Granted)], "the old cookie says nothing any more");
    assert_eq!(states(&said(&old, &old)), [(None, Granted)]);
}

#[test]
fn a_yes_ends_with_a_later_no_at_any_identifier_at_which_it_was_said_and_stays_gone() {
    let (old, new) = (identifier("cookie", "old"), identifier("cookie", "new"));
    let short = Consent { expires: Some(at(4)), ..about("marketing", Decision::Granted, 3) };
    let mut world = one_person(&[
        decided("t1", std::slice::from_ref(&old), about("marketing", Decision::Granted, 1)),
        decided("t2", &[ann(), old.clone()], about("marketing", Decision::Denied, 2)),
        decided("t3", &[ann(), new], short),
    ]);
    assert_eq!(states(&world), [(None, Granted)]);
    world.pass(4);
    assert_eq!(states(&world), [(None, Expired)], "what was said there first was taken back");
}

#[test]
fn that_somebody_did_not_opt_out_takes_no_decision_back() {
    let basis = Some("opt_out".to_owned());
    let stayed = |ms| Consent { basis: basis.clone(), ..about("marketing", Decision::Granted, ms) };
    let no = || decided("t1", &[ann()], about("marketing", Decision::Withdrawn, 1));
    assert_eq!(states(&one_person(&[decided("t2", &[ann()], stayed(2))])), [(None, Granted)]);
    assert_eq!(states(&one_person(&[no(), decided("t2", &[ann()], stayed(2))])), [(None, Denied)]);
    assert_eq!(states(&one_person(&[no(), decided("t2", &[ann(), phone()], stayed(2))])), [(None, Denied)]);
    let yes = decided("t3", &[ann()], about("marketing", Decision::Granted, 3));
    assert_eq!(states(&one_person(&[no(), decided("t2", &[ann()], stayed(2)), yes])), [(None, Granted)]);
}

#[test]
fn a_yes_that_nobody_confirmed_neither_grants_nor_takes_back_where_a_confirmation_is_asked_for() {
    let yes = |ms, confirmed| Consent { confirmed, ..about("digest", Decision::Granted, ms) };
    let no = || decided("t1", &[ann()], about("digest", Decision::Withdrawn, 1));
    let later = |said| decided("t2", &[ann(), phone()], said);
    assert_eq!(states(&one_person(&[decided("t1", &[ann()], yes(1, false))])), []);
    assert_eq!(states(&one_person(&[no(), later(yes(2, false))])), [(None, Denied)]);
    assert_eq!(states(&one_person(&[no(), later(yes(2, true))])), [(None, Granted)]);
    let mut world = one_person(&[decided("t1", &[ann()], yes(1, true)), later(yes(2, false))]);
    assert_eq!(world.profiles[&person(1)].consents[0].since, at(1), "the one that was confirmed holds");
    assert!(world.profiles[&person(1)].consents[0].confirmed);
    let asked = about("digest", Decision::Requested, 3);
    let published = world.batch([said(&decided("t3", &[ann()], asked))]);
    assert!(matches!(published.as_slice(), [Published::Profile(_)]), "no change of consent: {published:?}");
}

#[test]
fn people_who_are_recalled_are_folded_at_the_time_of_the_driver() {
    let mut world = World::new();
    let yes = decided("t1", &[ann()], about("survey", Decision::Granted, 1));
    for message in facets_of(&yes) {
        let mut output = Vec::new();
        let mut context = Context { now: at(2), state: &mut world.people, output: &mut output };
        people().handle(message.into(), &mut context).expect("a sound state");
    }
    let mut stage = people();
    stage.recall();
    let mut output = Vec::new();
    let mut context = Context { now: at(9), state: &mut world.people, output: &mut output };
    stage.idle(usize::MAX, &mut context).expect("a sound state");
    stage.finish(&mut context).expect("a sound state");
    let Some(Published::Profile(profile)) = output.first() else { panic!("a profile: {output:?}") };
    assert_eq!(profile.consents[0].state, Expired);
}

#[test]
fn what_is_said_of_every_channel_competes_with_what_is_said_of_one() {
    let by = |channel: Option<&str>, decision, ms| Consent {
        channel: channel.map(str::to_owned),
        ..about("marketing", decision, ms)
    };
    let world = one_person(&[
        decided("t1", &[ann()], by(None, Decision::Granted, 1)),
        decided("t2", &[ann()], by(Some("email"), Decision::Withdrawn, 2)),
        decided("t3", &[ann()], by(Some("sms"), Decision::Denied, 0)),
    ]);
    assert_eq!(states(&world), [(None, Granted), (Some("email"), Denied), (Some("sms"), Granted)]);
}

#[test]
fn a_yes_ends_on_time_is_told_once_and_older_news_do_not_bring_it_back() {
    let mut world = one_person(&[decided("t1", &[ann()], about("survey", Decision::Granted, 1))]);
    assert_eq!(states(&world), [(None, Granted)]);
    assert_eq!(world.pass(4), []);
    let published = world.pass(5);
    let [Published::Profile(profile), Published::Consent(change)] = published.as_slice() else {
        panic!("a profile and a change: {published:?}");
    };
    assert_eq!((profile.version, profile.consents[0].expires), (2, Some(at(5))));
    assert_eq!((change.before, change.after, change.cause), (Granted, Expired, ConsentCause::Expiry));
    assert_eq!((change.effective, change.since), (Some(at(5)), Some(at(1))));
    assert_eq!(world.pass(9), []);

    world.now = at(2);
    let late = world.batch([said(&touchpoint("t2", 0, vec![ann()]))]);
    assert!(matches!(late.as_slice(), [Published::Profile(_)]), "no change of consent: {late:?}");
    assert_eq!(states(&world), [(None, Expired)]);
    world.batch([said(&decided("t3", &[ann()], about("survey", Decision::Granted, 8)))]);
    assert_eq!(states(&world), [(None, Granted)], "a new yes is one");
}

#[test]
fn when_the_newer_yes_ends_an_older_one_that_lasts_takes_its_place() {
    let short = Consent { expires: Some(at(6)), ..about("marketing", Decision::Granted, 2) };
    let mut world = one_person(&[
        decided("t1", &[phone()], about("marketing", Decision::Granted, 1)),
        decided("t2", &[ann()], short),
    ]);
    assert_eq!(world.profiles[&person(1)].consents[0].since, at(2));
    assert_eq!(world.pass(6).len(), 2);
    assert_eq!(states(&world), [(None, Granted)]);
    let change = world.changes.last().expect("a change");
    assert_eq!((change.cause, change.since), (ConsentCause::Expiry, Some(at(1))));
}

#[test]
fn a_person_who_is_retired_leaves_no_timer() {
    let mut world = one_person(&[decided("t1", &[ann()], about("survey", Decision::Granted, 1))]);
    world.batch([assigned(ann().node, person(2)), assigned(phone().node, person(2))]);
    let published = world.pass(5);
    assert!(matches!(published.as_slice(), [Published::Profile(of), _] if of.person_id == person(2)));
    assert_eq!(world.pass(1_000), []);
}
