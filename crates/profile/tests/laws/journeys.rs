//! Single journeys, each for one promise.

use kinfold_model::consent::ConsentCause;
use kinfold_model::{ConsentState, Context, Decision, Fault, Halt, Stage, Touchpoint, TouchpointIdentifier};
use kinfold_profile::{Cause, Facets, Published, Table};

use crate::world::{
    Memory, World, assigned, consent, identifier, keys, order, people, person, run, said, touchpoint,
    unassigned,
};

fn ann() -> TouchpointIdentifier {
    identifier("email", "ann@example.org")
}

fn card() -> TouchpointIdentifier {
    identifier("loyalty_id", "L-1")
}

fn decided(id: &str, of: TouchpointIdentifier, decision: Decision, ms: i64) -> Touchpoint {
    let mut touchpoint = touchpoint(id, ms, vec![of]);
    touchpoint.consents.push(consent(decision, ms));
    touchpoint
}

/// The consent changes among what was published: before, after, cause.
fn consent_changes(published: &[Published]) -> Vec<(ConsentState, ConsentState, ConsentCause)> {
    let change = |record: &Published| match record {
        Published::Consent(change) => Some((change.before, change.after, change.cause)),
        _ => None,
    };
    published.iter().filter_map(change).collect()
}

#[test]
fn an_assignment_may_come_before_or_after_what_was_said() {
    let click = touchpoint("t1", 5, vec![ann(), card()]);
    let (say, assign) = (|| said(&click), || assigned(click.sighting, person(1)));
    let mut after = World::of([say()]);
    assert!(after.sent.is_empty());
    after.batch([assign()]);
    let mut before = World::of([assign()]);
    assert!(before.profiles.is_empty(), "nothing was said of this person yet");
    before.batch([say()]);
    assert_eq!(after.bytes(), before.bytes());
    assert_eq!(after.bytes().len(), 1);
}

#[test]
fn an_order_counts_once_however_many_report_it() {
    let mut web = touchpoint("t1", 1, vec![ann()]);
    web.order = Some(order("O-1", "129.90", 2));
    let mut till = touchpoint("t2", 2, vec![card()]);
    till.order = Some(order("O-1", "130.00", 3));
    let world = World::of([&web, &till].into_iter().flat_map(|t| [said(t), assigned(t.sighting, person(1))]));
    let metrics = &world.profiles[&person(1)].metrics;
    assert_eq!((metrics.touchpoints, metrics.orders, metrics.items), (2, 1, 3));
    assert_eq!(metrics.revenue["EUR"].to_string(), "130.00");
}

#[test]
fn copies_that_differ_in_channel_count_for_the_least_one() {
    let copy = |channel: Option<&str>| {
        let mut copy = touchpoint("t1", 1, vec![ann()]);
        copy.channel = channel.map(str::to_owned);
        copy
    };
    let mut world = World::of([assigned(ann().node, person(1)), said(&copy(Some("web")))]);
    world.batch([said(&copy(Some("app")))]);
    assert_eq!(world.profiles[&person(1)].metrics.channels, [("app".to_owned(), 1)].into());
    assert_eq!(world.batch([said(&copy(Some("web")))]), []);
    assert_eq!(world.batch([said(&copy(None))]), [], "a copy without a channel takes none away");
    assert_eq!(world.profiles[&person(1)].metrics.touchpoints, 1);
}

#[test]
fn a_denial_wins_at_one_time_and_a_withdrawal_is_a_denial() {
    let yes = decided("t1", ann(), Decision::Granted, 7);
    let no_longer = decided("t2", card(), Decision::Withdrawn, 7);
    let world =
        World::of([&yes, &no_longer].into_iter().flat_map(|t| [said(t), assigned(t.sighting, person(1))]));
    assert_eq!(world.profiles[&person(1)].consents[0].state, ConsentState::Denied);
}

#[test]
fn causes_of_consent_changes_follow_what_happened_to_the_facets() {
    use ConsentState::{Denied, Granted, Unknown};
    let (yes, no) = (decided("t1", ann(), Decision::Granted, 1), decided("t2", card(), Decision::Denied, 2));
    let mut world = World::new();
    let both = [said(&yes), said(&no), assigned(ann().node, person(1)), assigned(card().node, person(2))];
    let first = [(Unknown, Granted, ConsentCause::Decision), (Unknown, Denied, ConsentCause::Decision)];
    assert_eq!(consent_changes(&world.batch(both)), first);

    let merged = world.batch([assigned(card().node, person(1))]);
    let expected = [(Granted, Denied, ConsentCause::Merge), (Denied, Unknown, ConsentCause::Merge)];
    assert_eq!(consent_changes(&merged), expected);

    let split = world.batch([assigned(card().node, person(2))]);
    let expected = [(Denied, Granted, ConsentCause::Split), (Unknown, Denied, ConsentCause::Decision)];
    assert_eq!(consent_changes(&split), expected);

    let renewed = world.batch([said(&decided("t3", ann(), Decision::Granted, 9))]);
    assert_eq!(consent_changes(&renewed), [(Granted, Granted, ConsentCause::Decision)]);
}

#[test]
fn a_node_of_nobody_ends_the_consents_of_its_person_without_a_merge() {
    use ConsentState::{Denied, Granted, Unknown};
    let (yes, no) = (decided("t1", ann(), Decision::Granted, 1), decided("t2", card(), Decision::Denied, 2));
    let mut world =
        World::of([&yes, &no].into_iter().flat_map(|t| [said(t), assigned(t.sighting, person(1))]));

    let fewer = world.batch([unassigned(card().node)]);
    assert_eq!(consent_changes(&fewer), [(Denied, Granted, ConsentCause::Split)]);
    let last = world.batch([unassigned(ann().node)]);
    assert_eq!(last[0], Published::Retired(person(1)));
    assert_eq!(consent_changes(&last), [(Granted, Unknown, ConsentCause::Split)]);
    assert_eq!(world.batch([unassigned(ann().node), unassigned(ann().node)]), [], "it has nobody to leave");

    assert_eq!(
        world.batch([said(&decided("t3", ann(), Decision::Denied, 9))]),
        [],
        "kept until it has a person"
    );
    let again = world.batch([assigned(ann().node, person(2))]);
    assert_eq!(consent_changes(&again), [(Unknown, Denied, ConsentCause::Decision)]);
    let causes: Vec<_> = world.sent[2..].iter().map(|m| (m.person, m.cause, m.member.is_some())).collect();
    let left = Cause::Unassigned;
    assert_eq!(
        causes,
        [(person(1), left, false), (person(1), left, false), (person(2), Cause::Arrived, true)]
    );
}

#[test]
fn a_person_whose_facets_went_to_somebody_and_to_nobody_at_once_was_merged() {
    use ConsentState::{Granted, Unknown};
    let (yes, click) = (decided("t1", ann(), Decision::Granted, 1), touchpoint("t2", 2, vec![card()]));
    let mut world =
        World::of([&yes, &click].into_iter().flat_map(|t| [said(t), assigned(t.sighting, person(1))]));
    let published = world.batch([assigned(ann().node, person(2)), unassigned(card().node)]);
    let expected = [(Granted, Unknown, ConsentCause::Merge), (Unknown, Granted, ConsentCause::Decision)];
    assert_eq!(consent_changes(&published), expected);
}

#[test]
fn a_person_without_facets_is_retired_and_begins_again_at_version_1() {
    let click = touchpoint("t1", 1, vec![ann(), card()]);
    let mut world =
        World::of([said(&click), assigned(click.sighting, person(1)), assigned(ann().node, person(1))]);
    world.batch([said(&touchpoint("t2", 2, vec![ann(), card()]))]);
    assert_eq!(world.profiles[&person(1)].version, 2);

    let published = world.batch([assigned(click.sighting, person(2))]);
    assert!(published.contains(&Published::Retired(person(1))), "an identifier alone says nothing");
    let publication = [&[Table::Publication.tag()], person(1).as_bytes().as_slice()].concat();
    assert!(!world.people.contains_key(&publication));

    world.batch([assigned(click.sighting, person(1))]);
    assert_eq!(world.profiles[&person(1)].version, 1);
}

#[test]
fn only_identifiers_that_are_members_are_shown_and_give_aliases() {
    let click = touchpoint("t1", 1, vec![ann(), card()]);
    let own = keys().person(ann().node);
    let mut world = World::of([said(&click), assigned(click.sighting, own), assigned(ann().node, own)]);
    let shown = |world: &World| {
        let identifiers = &world.profiles[&own].identifiers;
        identifiers.iter().map(|i| i.value.clone()).collect::<Vec<_>>()
    };
    assert_eq!(shown(&world), ["ann@example.org"]);
    assert_eq!(world.profiles[&own].aliases, []);
    world.batch([assigned(card().node, own)]);
    assert_eq!(shown(&world), ["ann@example.org", "L-1"]);
    assert_eq!(world.profiles[&own].aliases, [keys().person(card().node)]);
}

#[test]
fn an_email_and_its_hash_keep_their_own_times() {
    let hash = identifier("email_sha256", &kinfold_model::keys::sha256_hex("ann@example.org"));
    assert_eq!(hash.node, ann().node);
    let (clear, hashed) = (touchpoint("t1", 1, vec![ann()]), touchpoint("t2", 9, vec![hash]));
    let world = World::of([said(&clear), said(&hashed), assigned(ann().node, person(1))]);
    let seen =
        world.profiles[&person(1)].identifiers.iter().map(|i| (i.first_seen.millis(), i.last_seen.millis()));
    assert_eq!(seen.collect::<Vec<_>>(), [(1, 1), (9, 9)]);
}

#[test]
fn several_changes_of_a_node_in_one_batch_are_one_message() {
    let clicks = ["t1", "t2", "t3"].map(|id| touchpoint(id, 1, vec![ann()]));
    let mut world = World::of(clicks.iter().map(said).chain([assigned(ann().node, person(1))]));
    let causes = |world: &World| world.sent.iter().map(|m| (m.person, m.cause)).collect::<Vec<_>>();
    assert_eq!(causes(&world), [(person(1), Cause::Arrived)]);

    let to = |n| assigned(ann().node, person(n));
    world.batch([to(2), said(&touchpoint("t4", 1, vec![ann()])), to(1)]);
    assert_eq!(causes(&world)[1..], [(person(1), Cause::Touchpoint)]);

    world.batch([to(2), to(3)]);
    assert_eq!(causes(&world)[2..], [(person(3), Cause::MovedIn), (person(1), Cause::Left)]);
}

#[test]
fn what_changes_nothing_sends_and_stores_nothing() {
    let click = touchpoint("t1", 1, vec![ann()]);
    let mut world = World::of([said(&click), assigned(ann().node, person(1))]);
    let (sent, stored) = (world.sent.len(), world.facets.clone());
    let to = |n| assigned(ann().node, person(n));
    assert_eq!(world.batch([said(&click), to(1), to(2), to(1)]), []);
    assert_eq!((world.sent.len(), &world.facets), (sent, &stored));
}

#[test]
fn a_profile_that_folds_to_the_same_is_not_published_again() {
    let mut world = World::of([said(&touchpoint("t1", 1, vec![ann()])), assigned(ann().node, person(1))]);
    let mut again = world.sent[0].clone();
    again.version += 1;
    assert_eq!(world.deliver(vec![again]), []);
}

#[test]
fn corrupt_state_is_a_fault_in_both_stages() {
    let click = touchpoint("t1", 1, vec![ann()]);
    let world = World::of([said(&click), assigned(ann().node, person(1))]);
    let broken =
        |memory: &Memory| -> Memory { memory.keys().map(|key| (key.clone(), vec![1, 255])).collect() };

    let (mut state, mut output) = (broken(&world.facets), Vec::new());
    let mut context = Context { now: click.time, state: &mut state, output: &mut output };
    let result = Facets::default().handle(said(&click), &mut context);
    assert!(matches!(result, Err(Halt::Fault(Fault::Corrupt { what: "node", .. }))), "{result:?}");

    let (mut state, mut output) = (broken(&world.people), Vec::new());
    let mut context = Context { now: click.time, state: &mut state, output: &mut output };
    let result = people().handle(world.sent[0].clone().into(), &mut context);
    assert!(matches!(result, Err(Halt::Fault(Fault::Corrupt { what: "member", .. }))), "{result:?}");
}

#[test]
fn each_table_is_used_by_the_stage_that_owns_it() {
    let click = touchpoint("t1", 1, vec![ann()]);
    let mut world = World::of([said(&click), assigned(ann().node, person(1))]);
    run(&mut Facets::default(), &mut world.facets, world.now, []);
    let tags = |memory: &Memory| memory.keys().map(|key| key[0]).collect::<Vec<_>>();
    assert_eq!(tags(&world.facets), [Table::Node.tag(), Table::Seen.tag()]);
    assert_eq!(tags(&world.people), [Table::Member, Table::Publication, Table::Revision].map(Table::tag));
}

#[test]
fn a_touchpoint_that_is_sent_again_is_told_to_whoever_counts_and_changes_nothing() {
    let click = touchpoint("t1", 1, vec![identifier("cookie", "c")]);
    let mut world = World::of([said(&click), said(&touchpoint("t2", 1, vec![identifier("cookie", "c")]))]);
    assert_eq!(world.repeated, [""; 0]);
    world.batch([said(&click), said(&click)]);
    assert_eq!(world.repeated, ["shop", "shop"]);
    let elsewhere = touchpoint("t1", 1, vec![identifier("cookie", "another")]);
    world.batch([said(&elsewhere)]);
    assert_eq!(world.repeated.len(), 2, "an id is that of its sighting");
}
