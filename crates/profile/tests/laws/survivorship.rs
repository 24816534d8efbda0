//! Which value survives, when it becomes stale, what follows from it, and how it is accounted for.

use std::sync::Arc;

use kinfold_model::consent::Decision;
use kinfold_model::survivorship::SOURCES_MAX;
use kinfold_model::touchpoint::Engagement;
use kinfold_model::{
    Ageing, AttributeRule, Field, Form, Namespace, Output, Reason, Standard, SurvivorRule, Survivorship,
    Touchpoint, TouchpointIdentifier, UnifiedProfile,
};
use kinfold_profile::Published;
use kinfold_profile::account::{Account, Accounts};
use kinfold_profile::disclosure::prefix;

use crate::world::{World, assigned, at, consent, identifier, person, said, touchpoint};

fn ann() -> TouchpointIdentifier {
    identifier("email", "ann@example.org")
}

/// A touchpoint of Ann's, with her cookie or not, at which a source states her attributes and says what it has verified.
fn states(id: &str, ms: i64, source: &str, attributes: &[(&str, &str)], verified: &[&str]) -> Touchpoint {
    let cookie = (ms % 2 == 0).then(|| identifier("cookie", "c"));
    Touchpoint {
        source: source.to_owned(),
        attributes: attributes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        verified: verified.iter().map(|name| (*name).to_owned()).collect(),
        ..touchpoint(id, ms, [ann()].into_iter().chain(cookie).collect())
    }
}

/// A world in which an attribute goes by this rule, and these touchpoints are Ann's.
fn world(name: &str, rule: AttributeRule, touchpoints: &[Touchpoint]) -> World {
    let mut world = World::new();
    let rules = [(name.to_owned(), rule)].into();
    world.survivorship = Arc::new(Survivorship::new(SurvivorRule::Newest, rules));
    let nodes =
        touchpoints.iter().map(|one| one.sighting).chain([ann().node, identifier("cookie", "c").node]);
    let nodes: Vec<_> = nodes.collect();
    world.batch(touchpoints.iter().map(said).chain(nodes.into_iter().map(|node| assigned(node, person(1)))));
    world
}

fn profile(world: &World) -> &UnifiedProfile {
    &world.profiles[&person(1)]
}

fn by(rule: SurvivorRule) -> AttributeRule {
    AttributeRule { rule, ..AttributeRule::default() }
}

fn account(world: &World, name: &str) -> Option<Account> {
    let mut accounts = Accounts::default();
    for (key, value) in &world.people {
        if key.starts_with(&prefix(person(1))) {
            accounts.take(key, value).expect("a sound state");
        }
    }
    accounts.of(name, &world.survivorship, world.now)
}

#[test]
fn a_rule_looks_at_all_sightings_of_a_person_and_counts_a_touchpoint_once() {
    let touchpoints = [
        states("1", 1, "crm", &[("city", "Ulm")], &[]),
        states("2", 2, "till", &[("city", "Ulm")], &[]),
        states("3", 3, "web", &[("city", "Bonn")], &[]),
        states("3", 4, "web", &[("city", "Bonn")], &[]),
        states("3", 5, "web", &[("city", "Bonn")], &[]),
    ];
    let world = world("city", by(SurvivorRule::MostFrequent), &touchpoints);
    let city = &profile(&world).attributes["city"];
    assert_eq!((city.value.as_str(), city.reason, city.time), ("Ulm", Reason::MostFrequent, at(2)));
}

#[test]
fn another_rule_takes_effect_when_somebody_changes_and_needs_nothing_said_anew() {
    let touchpoints =
        [states("1", 1, "crm", &[("city", "Ulm")], &[]), states("2", 3, "web", &[("city", "Bonn")], &[])];
    let mut world = world("city", by(SurvivorRule::Newest), &touchpoints);
    assert_eq!(profile(&world).attributes["city"].value, "Bonn");
    let rules = [("city".to_owned(), by(SurvivorRule::Oldest))].into();
    world.survivorship = Arc::new(Survivorship::new(SurvivorRule::Newest, rules));
    world.batch([said(&states("3", 5, "web", &[], &[]))]);
    assert_eq!(profile(&world).attributes["city"].value, "Ulm");
}

#[test]
fn a_value_becomes_stale_on_time_and_fresh_again_when_it_is_confirmed() {
    let ageing = Ageing { stale_after_ms: Some(10), ..Ageing::default() };
    let rule = AttributeRule { ageing, ..by(SurvivorRule::Oldest) };
    let touchpoints = [states("1", 1, "crm", &[("city", "Ulm")], &[])];
    let mut world = world("city", rule, &touchpoints);
    let stale = |world: &World| profile(world).attributes["city"].stale;
    assert_eq!((world.pass(10), stale(&world)), (vec![], None));
    let published = world.pass(11);
    assert!(matches!(published.as_slice(), [Published::Profile(_)]), "{published:?}");
    assert_eq!(stale(&world), Some(at(11)));
    assert_eq!(world.pass(1_000), []);
    world.now = at(5);
    world.batch([said(&states("0", 0, "web", &[], &[]))]);
    assert_eq!(stale(&world), Some(at(11)), "an older record does not make it fresh");
    world.now = at(1_000);
    world.batch([said(&states("2", 995, "web", &[("city", "Ulm")], &[]))]);
    assert_eq!((stale(&world), profile(&world).attributes["city"].confirmed), (None, Some(at(995))));
    world.pass(1_005);
    assert_eq!(stale(&world), Some(at(1_005)));
}

#[test]
fn a_verification_ends_on_time_though_the_value_is_stated_every_night() {
    let ageing = Ageing { stale_after_ms: Some(50), verify_again_after_ms: Some(100) };
    let rule = AttributeRule { ageing, ..by(SurvivorRule::VerifiedFirst) };
    let touchpoints = [
        states("1", 1, "crm", &[("city", "Ulm")], &["city"]),
        states("2", 20, "web", &[("city", "Bonn")], &[]),
        states("3", 95, "crm", &[("city", "Ulm")], &[]),
        states("4", 96, "web", &[("city", "Bonn")], &[]),
    ];
    let mut world = world("city", rule, &touchpoints);
    let city = |world: &World| {
        let city = &profile(world).attributes["city"];
        (city.value.clone(), city.reason, city.verify_again, city.stale)
    };
    assert_eq!((world.pass(100).len(), city(&world)), (0, ("Ulm".to_owned(), Reason::Verified, None, None)));
    let published = world.pass(101);
    assert!(matches!(published.as_slice(), [Published::Profile(_)]), "{published:?}");
    assert_eq!(city(&world), ("Bonn".to_owned(), Reason::Newest, None, None));
    world.now = at(50);
    world.batch([said(&states("0", 0, "web", &[], &[]))]);
    assert_eq!(city(&world).0, "Bonn", "an older record does not bring it back");
    world.now = at(120);
    world.batch([said(&states("5", 119, "crm", &[("city", "Ulm")], &[]))]);
    assert_eq!(city(&world), ("Ulm".to_owned(), Reason::Newest, Some(at(101)), None));
    world.now = at(130);
    world.batch([said(&states("6", 129, "crm", &[("city", "Ulm")], &["city"]))]);
    assert_eq!(city(&world), ("Ulm".to_owned(), Reason::Verified, None, None));
}

#[test]
fn each_of_the_values_that_stand_side_by_side_becomes_stale_on_time() {
    let ageing = Ageing { stale_after_ms: Some(100), ..Ageing::default() };
    let rule = AttributeRule { ageing, ..by(SurvivorRule::Union) };
    let touchpoints = [
        states("1", 1, "crm", &[("company", "Old Ltd")], &[]),
        states("2", 90, "crm", &[("company", "New Ltd")], &[]),
    ];
    let mut world = world("company", rule, &touchpoints);
    let stale = |world: &World| {
        let company = &profile(world).attributes["company"];
        company.values.iter().map(|one| (one.value.clone(), one.stale)).collect::<Vec<_>>()
    };
    let of = |new, old| vec![("New Ltd".to_owned(), new), ("Old Ltd".to_owned(), old)];
    assert_eq!((world.pass(100).len(), stale(&world)), (0, of(None, None)));
    assert_eq!((world.pass(101).len(), stale(&world)), (1, of(None, Some(at(101)))));
    assert_eq!(profile(&world).attributes["company"].stale, None);
    assert_eq!((world.pass(190).len(), stale(&world)), (1, of(Some(at(190)), Some(at(101)))));
}

#[test]
fn identifiers_and_their_verification_age_by_namespace() {
    let ageing = Ageing { stale_after_ms: Some(30), verify_again_after_ms: Some(10) };
    let declared = Survivorship::default().with_identifiers([(Namespace::new("email"), ageing)].into());
    let stated = states("1", 2, "crm", &[], &["email", "cookie"]);
    let mut world = World::new();
    world.survivorship = Arc::new(declared);
    let nodes = [stated.sighting, ann().node, identifier("cookie", "c").node];
    world.batch([said(&stated)].into_iter().chain(nodes.map(|node| assigned(node, person(1)))));
    let told = |world: &World| {
        let UnifiedProfile { identifiers, standard, .. } = profile(world);
        assert_eq!(
            (identifiers[0].stale, identifiers[0].verify_again),
            (None, None),
            "of cookies nothing is said"
        );
        assert_eq!(standard.emails[0].stale, identifiers[1].stale);
        assert_eq!(standard.emails[0].verify_again, identifiers[1].verify_again);
        (identifiers[1].stale, identifiers[1].verify_again)
    };
    assert_eq!((world.pass(11).len(), told(&world)), (0, (None, None)));
    assert_eq!((world.pass(12).len(), told(&world)), (1, (None, Some(at(12)))));
    assert_eq!((world.pass(32).len(), told(&world)), (1, (Some(at(32)), Some(at(12)))));
    world.batch([said(&states("2", 31, "web", &[], &[]))]);
    assert_eq!(told(&world), (None, Some(at(12))), "it was seen again, and not verified");
}

#[test]
fn a_number_is_undeliverable_by_what_a_gateway_says_and_the_address_beside_it_is_not() {
    let number = identifier("phone", "+493511234567");
    let event = |id: &str, ms, channel: &str, action: &str| {
        let engagement = Engagement { action: Some(action.to_owned()), ..Engagement::default() };
        Touchpoint {
            channel: Some(channel.to_owned()),
            engagement: Some(engagement),
            ..touchpoint(id, ms, vec![ann(), number.clone()])
        }
    };
    let told = |events: &[Touchpoint]| {
        let mut world = World::new();
        let nodes = [events[0].sighting, ann().node, number.node];
        let nodes = nodes.map(|node| assigned(node, person(1)));
        world.batch(events.iter().map(said).chain(nodes));
        let Standard { emails, phones, .. } = &profile(&world).standard;
        (emails[0].undeliverable, phones[0].undeliverable)
    };
    assert_eq!(told(&[event("1", 1, "sms", "invalid")]), (None, Some(at(1))));
    let bounced = event("1", 1, "email", "hard_bounce");
    assert_eq!(told(&[bounced.clone(), event("2", 2, "web", "click")]), (Some(at(1)), None));
    assert_eq!(told(&[bounced, event("2", 2, "email", "click")]), (None, None));
}

#[test]
fn what_a_source_has_verified_is_told_of_attributes_and_identifiers() {
    let touchpoints = [
        states("1", 1, "crm", &[("birth_date", "1944-02-29")], &["birth_date", "email"]),
        states("2", 2, "web", &[("birth_date", "1950-01-02")], &["cookie"]),
    ];
    let world = world("birth_date", by(SurvivorRule::VerifiedFirst), &touchpoints);
    let profile = profile(&world);
    let birth = &profile.attributes["birth_date"];
    assert_eq!(
        (birth.value.as_str(), birth.reason, birth.verified),
        ("1944-02-29", Reason::Verified, Some(at(1)))
    );
    let verified: Vec<_> =
        profile.identifiers.iter().map(|one| (one.namespace.as_str(), one.verified)).collect();
    assert_eq!(verified, [("cookie", Some(at(2))), ("email", Some(at(1)))]);
    let standard = &profile.standard;
    assert_eq!(standard.birth_date.map(|day| day.to_string()).as_deref(), Some("1944-02-29"));
    let emails: Vec<_> =
        standard.emails.iter().map(|email| (email.address.as_str(), email.verified)).collect();
    assert_eq!(emails, [("ann@example.org", Some(at(1)))]);
}

#[test]
fn interests_are_the_values_that_the_most_touchpoints_stated() {
    let topic = |id: &str, ms, value| states(id, ms, "web", &[("newsletter_topic", value)], &[]);
    let hobby = |id: &str, ms, value| states(id, ms, "crm", &[("interest", value)], &[]);
    let touchpoints = [
        topic("1", 1, "garden"),
        topic("2", 2, "garden"),
        topic("2", 2, "garden"),
        topic("3", 3, "tea"),
        hobby("4", 4, "chess"),
        hobby("5", 4, "bees"),
    ];
    let world = world("x", by(SurvivorRule::Newest), &touchpoints);
    let interests: Vec<_> =
        profile(&world).interests.iter().map(|one| (one.value.as_str(), one.touchpoints)).collect();
    assert_eq!(interests, [("garden", 2), ("bees", 1), ("chess", 1), ("tea", 1)]);
}

#[test]
fn what_somebody_is_interested_in_is_not_decided_by_the_alphabet() {
    let topics = (0..90).map(|n| format!("a topic {n:02}"));
    let once = topics.enumerate().map(|(n, topic)| (n as i64, topic));
    let often = (100..104).map(|ms| (ms, "zen".to_owned()));
    let stated = |(ms, topic): (i64, String)| {
        let id = format!("t-{ms}");
        states(&id, ms, "web", &[("interest", topic.as_str())], &[])
    };
    let touchpoints: Vec<Touchpoint> = once.chain(often).map(stated).collect();
    let mut turned = touchpoints.clone();
    turned.reverse();
    for touchpoints in [touchpoints, turned] {
        let world = world("interest", by(SurvivorRule::Newest), &touchpoints);
        let interests = &profile(&world).interests;
        let first = &interests[0];
        assert_eq!((first.value.as_str(), first.touchpoints), ("zen", 4));
        assert_eq!((first.first_seen, first.last_seen), (at(100), at(103)));
        assert!(interests[1..].iter().all(|one| one.touchpoints == 1));
    }
}

#[test]
fn two_sources_that_number_alike_are_two_touchpoints_in_every_count() {
    let touchpoints = [
        states("1", 1, "crm", &[("city", "Ulm"), ("interest", "tea")], &[]),
        states("1", 3, "till", &[("city", "Ulm"), ("interest", "tea")], &[]),
        states("1", 5, "till", &[("city", "Ulm"), ("interest", "tea")], &[]),
        states("2", 7, "till", &[("city", "Bonn")], &[]),
    ];
    let world = world("city", by(SurvivorRule::MostFrequent), &touchpoints);
    let profile = profile(&world);
    assert_eq!(profile.metrics.touchpoints, 3);
    assert_eq!(profile.attributes["city"].value, "Ulm", "two touchpoints stated it, and one the other");
    let interests: Vec<_> =
        profile.interests.iter().map(|one| (one.value.as_str(), one.touchpoints)).collect();
    assert_eq!(interests, [("tea", 2)]);
    assert_eq!(profile.timeline.len(), 3);
    assert_eq!(world.check_sums(), Ok(()));
}

#[test]
fn a_list_of_sources_counts_to_its_end_however_much_else_was_said() {
    let source = |n: usize| format!("s{n:02}");
    let stated = |n: usize| {
        let (id, city) = (format!("t-{n}"), format!("city {n:02}"));
        states(&id, 2 * n as i64 + 1, &source(n), &[("city", city.as_str())], &[])
    };
    let touchpoints: Vec<Touchpoint> = (0..SOURCES_MAX).map(stated).collect();
    let last = SOURCES_MAX - 1;
    for listed in [20, 40, last - 1] {
        let rule = AttributeRule {
            sources: vec!["none".to_owned(), source(listed)],
            ..by(SurvivorRule::SourcePriority)
        };
        let world = world("city", rule, &touchpoints);
        let city = &profile(&world).attributes["city"];
        let expected = (format!("city {listed:02}"), Reason::SourcePriority);
        assert_eq!((city.value.clone(), city.reason), expected);
    }
}

#[test]
fn standard_fields_and_interests_leave_only_where_what_they_are_made_of_may() {
    let attributes = [("city", "Ulm"), ("given_name", "Ann"), ("interest", "bees")];
    let mut stated = states("1", 1, "crm", &attributes, &["email"]);
    stated.consents = vec![consent(Decision::Granted, 1)];
    let with = |fields: &[&str], form: Option<Form>| {
        let output = Output {
            purposes: ["marketing".to_owned()].into(),
            fields: fields.iter().map(|name| name.parse::<Field>().expect("a part")).collect(),
            identifiers: form.into_iter().map(|form| (Namespace::new("email"), form)).collect(),
            ..Output::default()
        };
        let mut world = World::new();
        world.outputs = Arc::new([("out".to_owned(), output)].into_iter().collect());
        world.batch([said(&stated), assigned(stated.sighting, person(1)), assigned(ann().node, person(1))]);
        world.shared[&("out".to_owned(), person(1))].clone()
    };
    let all = with(&["city", "given_name", "interests"], Some(Form::Clear));
    let standard = &all.standard;
    assert_eq!(
        (standard.given_name.as_deref(), standard.addresses.len(), standard.emails.len()),
        (Some("Ann"), 1, 1)
    );
    assert_eq!(all.interests.len(), 1, "it needs no more than marketing");
    let hashed = with(&["interest"], Some(Form::Sha256));
    assert!(hashed.standard == kinfold_model::Standard::default(), "a hash is no address");
    assert_eq!((hashed.interests.len(), hashed.identifiers[0].verified), (0, Some(at(1))));
}

#[test]
fn an_account_tells_the_winner_and_all_that_it_won_against_in_order() {
    let touchpoints = [
        states("1", 1, "crm", &[("city", "Ulm")], &["city"]),
        states("2", 2, "till", &[("city", "Bonn")], &[]),
        states("3", 3, "till", &[("city", "Bonn")], &[]),
        states("4", 4, "web", &[("city", "Ulm")], &[]),
    ];
    let sources = vec!["till".to_owned(), "crm".to_owned()];
    let rule = AttributeRule { sources, ..by(SurvivorRule::SourcePriority) };
    let world = world("city", rule.clone(), &touchpoints);
    assert!(account(&world, "street").is_none());
    let account = account(&world, "city").expect("it was stated");
    assert!(account.shown == profile(&world).attributes["city"] && account.rule == rule && !account.is_full);
    let stated = account.stated.iter().map(|one| {
        (one.value.as_str(), one.source.as_str(), one.first.millis(), one.last.millis(), one.touchpoints)
    });
    let stated: Vec<_> = stated.collect();
    let expected =
        [("Bonn", "till", 2, 3, Some(2)), ("Ulm", "crm", 1, 1, Some(1)), ("Ulm", "web", 4, 4, Some(1))];
    assert_eq!(stated, expected);
    assert_eq!(account.stated[1].verified, Some(at(1)));
    let [bonn, ulm, _] = account.stated.as_slice() else { panic!("three were stated") };
    assert_eq!(
        (account.stale(&bonn.value), account.verify_again(ulm)),
        (None, None),
        "nothing ages by this rule"
    );
    let aged = Account {
        rule: AttributeRule {
            ageing: Ageing { stale_after_ms: Some(10), verify_again_after_ms: Some(9) },
            ..rule
        },
        as_of: at(13),
        ..account
    };
    let [bonn, ulm, _] = aged.stated.as_slice() else { panic!("three were stated") };
    assert_eq!((aged.stale(&bonn.value), aged.stale(&ulm.value)), (Some(at(13)), None));
    assert_eq!((aged.verify_again(bonn), aged.verify_again(ulm)), (None, Some(at(10))));
}
