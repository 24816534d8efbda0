//! Small worlds whose profiles a reader can write down.

use std::sync::LazyLock;

use kinfold_model::touchpoint::{Engagement, Order};
use kinfold_model::{
    AttributeRule, Consent, Identifier, OrderStatus, Purpose, Reason, Rules, SurvivorRule, Timestamp,
    TouchpointIdentifier,
};

use super::*;
use crate::oracle::{Observation, people};
use crate::terms::purposes;
use crate::world::{World, keys};

fn second(second: i64) -> Timestamp {
    Timestamp::from_millis(second * 1000).expect("in range")
}

fn touchpoint(id: &str, time: i64, identifiers: &[&str]) -> Touchpoint {
    let mut identifiers: Vec<TouchpointIdentifier> = identifiers
        .iter()
        .map(|text| {
            let (namespace, value) = text.split_once(':').expect("namespace:value");
            let identifier = Identifier::new(namespace, value);
            let node = keys().identifier(&identifier, &Rules::default());
            TouchpointIdentifier { node, namespace: identifier.namespace, value: identifier.value }
        })
        .collect();
    identifiers.sort();
    let mut touchpoint = Touchpoint {
        touchpoint_id: id.to_owned(),
        time: second(time),
        source: "crm".to_owned(),
        channel: None,
        r#type: None,
        sighting: identifiers[0].node,
        identifiers,
        attributes: BTreeMap::new(),
        consents: Vec::new(),
        consent_signals: None,
        order: None,
        engagement: None,
        flags: Vec::new(),
        verified: Vec::new(),
    };
    touchpoint.sighting = Observation::of(&touchpoint, &Rules::default()).sighting(&keys());
    touchpoint
}

fn consent(time: i64, decision: Decision) -> Consent {
    Consent {
        purpose: "marketing".to_owned(),
        decision,
        basis: None,
        jurisdiction: None,
        time: second(time),
        wording: None,
        channel: None,
        expires: None,
        signal: None,
        confirmed: false,
    }
}

fn order(id: &str, value: &str, items: i64) -> Option<Order> {
    let (value, currency) = (value.parse().expect("an amount"), "EUR".parse().expect("a currency"));
    let (status, refunded) = (OrderStatus::Placed, Amount::default());
    Some(Order { order_id: id.to_owned(), value, currency, items, status, refunded })
}

fn reaction(action: &str) -> Option<Engagement> {
    Some(Engagement { action: Some(action.to_owned()), ..Engagement::default() })
}

#[test]
fn an_address_is_undeliverable_when_its_newest_event_says_so() {
    let event = |id: &str, time, action: &str| Touchpoint {
        engagement: reaction(action),
        ..touchpoint(id, time, &["email:ann@example.org", "cookie:c"])
    };
    let told = |events: &[Touchpoint]| fold(events)[0].identifiers[1].undeliverable;
    assert_eq!(told(&[event("a", 1, "bounce")]), Some(second(1)));
    assert_eq!(told(&[event("b", 2, "click"), event("a", 1, "bounce")]), None);
    assert_eq!(told(&[event("b", 2, "cleaned"), event("a", 2, "open")]), Some(second(2)));
    assert_eq!(told(&[event("a", 1, "soft_bounce")]), None);
    let two = Touchpoint {
        engagement: reaction("bounce"),
        ..touchpoint("a", 1, &["email:ann@example.org", "email:ben@example.org", "cookie:c"])
    };
    assert!(fold(&[two])[0].identifiers.iter().all(|one| one.undeliverable.is_none()));
}

fn terms<'t>(keys: &'t Keys, purposes: &'t Purposes) -> Terms<'t> {
    static NEWEST: LazyLock<Survivorship> = LazyLock::new(Survivorship::default);
    static SETTINGS: LazyLock<Settings> = LazyLock::new(Settings::default);
    Terms { keys, purposes, survivorship: &NEWEST, settings: &SETTINGS, now: second(1000) }
}

fn fold(touchpoints: &[Touchpoint]) -> Vec<UnifiedProfile> {
    folded(touchpoints, &Purposes::default())
}

fn folded(touchpoints: &[Touchpoint], purposes: &Purposes) -> Vec<UnifiedProfile> {
    let observations: Vec<Observation> =
        touchpoints.iter().map(|touchpoint| Observation::of(touchpoint, &Rules::default())).collect();
    let expected = people(&observations, &Rules::default(), &keys());
    profiles(touchpoints, &expected, terms(&keys(), purposes)).into_values().collect()
}

fn only(touchpoints: &[Touchpoint]) -> UnifiedProfile {
    let mut profiles = fold(touchpoints);
    assert_eq!(profiles.len(), 1);
    profiles.remove(0)
}

#[test]
fn one_person_has_the_touchpoints_and_identifiers_of_all_their_sightings() {
    let profile = only(&[
        touchpoint("1", 30, &["email:ann", "cookie:1"]),
        touchpoint("2", 10, &["cookie:1"]),
        touchpoint("3", 20, &["email:ann"]),
    ]);
    assert_eq!((profile.version, profile.metrics.touchpoints), (0, 3));
    assert_eq!((profile.metrics.first_seen, profile.metrics.last_seen), (second(10), second(30)));
    let seen: Vec<_> =
        profile.identifiers.iter().map(|i| (i.namespace.as_str(), i.first_seen, i.last_seen)).collect();
    assert_eq!(seen, [("cookie", second(10), second(30)), ("email", second(20), second(30))]);
    let email = keys().identifier(&Identifier::new("email", "ann"), &Rules::default());
    assert_eq!(profile.aliases, [keys().person(email)], "the cookie, seen first, gives the id itself");
}

#[test]
fn a_shared_tablet_is_in_the_profile_of_neither_and_has_none_of_its_own() {
    let found = fold(&[
        touchpoint("1", 1, &["customer_id:ann", "device_id:tablet"]),
        touchpoint("2", 2, &["customer_id:bob", "device_id:tablet"]),
    ]);
    let values: BTreeSet<String> =
        found.iter().flat_map(|profile| profile.identifiers.iter().map(|i| i.value.clone())).collect();
    assert_eq!((found.len(), values), (2, BTreeSet::from(["ann".to_owned(), "bob".to_owned()])));
}

#[test]
fn an_address_and_its_hash_are_listed_both_and_are_one_alias() {
    let hash = kinfold_model::keys::sha256_hex("ann@example.org");
    let hashed = touchpoint("1", 1, &[&format!("email_sha256:{hash}"), "email:ann@example.org"]);
    let profile = only(&[hashed, touchpoint("2", 0, &["email:ann@example.org", "cookie:1"])]);
    assert_eq!((profile.identifiers.len(), profile.aliases.len()), (3, 1));
}

#[test]
fn the_newest_attribute_wins_and_of_one_time_the_greatest_touchpoint_id() {
    let said = |id, time, city: &str| {
        let mut touchpoint = touchpoint(id, time, &["email:ann"]);
        touchpoint.attributes.insert("city".to_owned(), city.to_owned());
        touchpoint
    };
    let city = |touchpoints: &[Touchpoint]| only(touchpoints).attributes["city"].value.clone();
    assert_eq!(city(&[said("9", 1, "Ulm"), said("1", 2, "Bonn")]), "Bonn");
    assert_eq!(city(&[said("9", 2, "Ulm"), said("1", 2, "Bonn")]), "Ulm");
}

#[test]
fn a_rule_chooses_among_all_values_and_says_why() {
    let said = |id: &str, time, city: &str, source: &str| Touchpoint {
        attributes: [("city".to_owned(), city.to_owned())].into(),
        source: source.to_owned(),
        ..touchpoint(id, time, &["email:ann"])
    };
    let mut all = [
        said("1", 1, "Ulm", "crm"),
        said("2", 2, "Ulm", "till"),
        said("3", 3, "Bonn", "webshop"),
        said("4", 4, "Bad Bonn", "webshop"),
    ];
    all[2].verified = vec!["city".to_owned()];
    let expected = people(
        &all.iter().map(|one| Observation::of(one, &Rules::default())).collect::<Vec<_>>(),
        &Rules::default(),
        &keys(),
    );
    for (rule, value, reason) in [
        (SurvivorRule::Newest, "Bad Bonn", Reason::Newest),
        (SurvivorRule::Oldest, "Ulm", Reason::Oldest),
        (SurvivorRule::MostFrequent, "Ulm", Reason::MostFrequent),
        (SurvivorRule::SourcePriority, "Ulm", Reason::SourcePriority),
        (SurvivorRule::Longest, "Bad Bonn", Reason::Longest),
        (SurvivorRule::VerifiedFirst, "Bonn", Reason::Verified),
        (SurvivorRule::Union, "Bad Bonn", Reason::Union),
    ] {
        let sources = vec!["erp".to_owned(), "till".to_owned()];
        let rules = [("city".to_owned(), AttributeRule { rule, sources, ..AttributeRule::default() })].into();
        let survivorship = Survivorship::new(SurvivorRule::Newest, rules);
        let (keys, purposes) = (keys(), Purposes::default());
        let terms = Terms { survivorship: &survivorship, ..terms(&keys, &purposes) };
        let city = &profiles(&all, &expected, terms).into_values().next().expect("Ann").attributes["city"];
        assert_eq!((city.value.as_str(), city.reason), (value, reason), "{rule:?}");
    }
}

#[test]
fn copies_of_a_touchpoint_count_once_for_the_least_channel_and_all_that_they_say_is_kept() {
    let by = |channel: Option<&str>, name: &str| {
        let mut touchpoint = touchpoint("1", 1, &["email:ann"]);
        touchpoint.channel = channel.map(str::to_owned);
        touchpoint.attributes.insert(name.to_owned(), "x".to_owned());
        touchpoint
    };
    let profile = only(&[by(Some("web"), "city"), by(Some("till"), "street"), by(None, "country")]);
    assert_eq!(profile.metrics.touchpoints, 1);
    assert_eq!(profile.metrics.channels, BTreeMap::from([("till".to_owned(), 1)]));
    assert_eq!(profile.attributes.len(), 3);
}

#[test]
fn an_order_counts_once_as_its_newest_report_has_it() {
    let bought = |id, time, order| Touchpoint { order, ..touchpoint(id, time, &["email:ann"]) };
    let metrics = only(&[
        bought("1", 1, order("A", "10.00", 1)),
        bought("2", 2, order("A", "12.00", 2)),
        bought("3", 0, order("B", "0.50", 3)),
    ])
    .metrics;
    assert_eq!((metrics.orders, metrics.items, metrics.touchpoints), (2, 5, 3));
    assert_eq!(metrics.revenue, BTreeMap::from([("EUR".to_owned(), "12.50".parse().expect("an amount"))]));
}

#[test]
fn what_came_back_or_to_nothing_brings_nothing_in_and_has_its_day() {
    let became = |id, time, status, refunded: &str| {
        let order = order("A", "10.00", 1).map(|order| Order {
            status,
            refunded: refunded.parse().expect("an amount"),
            ..order
        });
        Touchpoint { order, ..touchpoint(id, time, &["email:ann"]) }
    };
    let metrics = |touchpoints: &[Touchpoint]| only(touchpoints).metrics;
    let bought = || became("1", 1, OrderStatus::Placed, "0");
    let back = metrics(&[bought(), became("2", 9, OrderStatus::Returned, "4")]);
    assert_eq!((back.orders, back.returns, back.revenue["EUR"].to_string()), (1, 1, "6.00".to_owned()));
    assert_eq!((back.first_order, back.last_order), (Some(second(1)), Some(second(1))));
    let nothing = metrics(&[bought(), became("2", 9, OrderStatus::Cancelled, "0")]);
    assert_eq!((nothing.orders, nothing.cancellations, nothing.revenue.len()), (0, 1, 0));
    assert_eq!((nothing.first_order, nothing.sessions, nothing.preferred_hour), (None, 1, Some(0)));
}

#[test]
fn the_newest_decision_holds_and_of_one_time_the_denial() {
    use Decision::{Denied, Granted, Withdrawn};
    let state = |decisions: &[(i64, Decision)]| {
        let mut touchpoint = touchpoint("1", 9, &["email:ann"]);
        touchpoint.consents = decisions.iter().map(|(time, decision)| consent(*time, *decision)).collect();
        let consents = only(&[touchpoint]).consents;
        (consents[0].state, consents[0].since)
    };
    assert_eq!(state(&[(1, Denied), (2, Granted)]), (ConsentState::Granted, second(2)));
    assert_eq!(state(&[(3, Withdrawn), (2, Granted)]), (ConsentState::Denied, second(3)));
    assert_eq!(state(&[(2, Denied), (2, Granted)]), (ConsentState::Denied, second(2)));
}

#[test]
fn a_no_of_one_identifier_outlasts_a_later_yes_of_another_unless_the_newest_counts() {
    use Decision::{Denied, Granted};
    let decided = |id, identifiers: &[&str], time, decision| Touchpoint {
        consents: vec![consent(time, decision)],
        ..touchpoint(id, 1, identifiers)
    };
    let both = touchpoint("0", 1, &["email:ann", "phone:+491"]);
    let said = [both, decided("1", &["phone:+491"], 1, Denied), decided("2", &["email:ann"], 2, Granted)];
    let newest = Purpose { merge: MergePolicy::Newest, ..Purpose::default() };
    let newest: Purposes = [("marketing".to_owned(), newest)].into_iter().collect();
    let state = |purposes: &Purposes| folded(&said, purposes)[0].consents[0].state;
    assert_eq!(state(&Purposes::default()), ConsentState::Denied);
    assert_eq!(state(&newest), ConsentState::Granted);
    let later = decided("3", &["email:ann", "phone:+491"], 3, Granted);
    assert_eq!(only(&[said.to_vec(), vec![later]].concat()).consents[0].state, ConsentState::Granted);
}

#[test]
fn where_a_confirmation_is_asked_for_only_a_confirmed_yes_says_anything() {
    use Decision::{Denied, Granted, Requested};
    let double = Purpose { double_opt_in: true, ..Purpose::default() };
    let double: Purposes = [("marketing".to_owned(), double)].into_iter().collect();
    let states = |purposes: &Purposes, said: &[(i64, Decision, bool)]| -> Vec<ConsentState> {
        let mut touchpoint = touchpoint("1", 9, &["email:ann"]);
        let said = said.iter().map(|(time, decision, confirmed)| (*confirmed, consent(*time, *decision)));
        touchpoint.consents = said.map(|(confirmed, one)| Consent { confirmed, ..one }).collect();
        folded(&[touchpoint], purposes)[0].consents.iter().map(|one| one.state).collect()
    };
    let (none, yes, no) = (vec![], vec![ConsentState::Granted], vec![ConsentState::Denied]);
    for purposes in [&Purposes::default(), &double] {
        assert_eq!(states(purposes, &[(1, Requested, false)]), none);
        assert_eq!(states(purposes, &[(1, Granted, true), (2, Requested, false)]), yes);
        assert_eq!(states(purposes, &[(1, Denied, false), (2, Granted, true)]), yes);
    }
    let unconfirmed = [(1, Denied, false), (2, Granted, false)];
    assert_eq!((states(&Purposes::default(), &unconfirmed), states(&double, &unconfirmed)), (yes, no));
    assert_eq!(states(&double, &[(1, Granted, false)]), none);
}

#[test]
fn a_yes_that_has_ended_is_expired() {
    let until = |end| {
        let mut touchpoint = touchpoint("1", 1, &["email:ann"]);
        touchpoint.consents = vec![Consent { expires: Some(second(end)), ..consent(1, Decision::Granted) }];
        only(&[touchpoint]).consents[0].state
    };
    assert_eq!((until(1000), until(1001)), (ConsentState::Expired, ConsentState::Granted));
}

#[test]
fn every_touchpoint_of_a_world_is_in_one_profile_and_order_does_not_matter() {
    for seed in 0..30 {
        let (keys, rules) = (keys(), crate::world::tight_rules(seed));
        let world = World::new(seed, &keys);
        let expected = people(&world.observations(), &rules, &keys);
        let purposes = purposes();
        let found = profiles(&world.touchpoints, &expected, terms(&keys, &purposes));
        let distinct: BTreeSet<_> =
            world.touchpoints.iter().map(|t| (t.sighting, &t.source, &t.touchpoint_id)).collect();
        let counted: i64 = found.values().map(|profile| profile.metrics.touchpoints).sum();
        assert_eq!(usize::try_from(counted), Ok(distinct.len()), "seed {seed}");
        let mut shuffled = world.touchpoints.clone();
        shuffled.extend(world.touchpoints.into_iter().step_by(4));
        fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
        assert!(profiles(&shuffled, &expected, terms(&keys, &purposes)) == found, "seed {seed}");
    }
}
