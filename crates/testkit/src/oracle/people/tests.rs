//! Small worlds whose people a reader can name.

use kinfold_model::rules::NeighbourLimit;
use kinfold_model::{Identifier, NamespaceRules, Rules, Timestamp};

use super::*;
use crate::world::keys;

const HOUR_MS: i64 = 3_600_000;

/// `namespace:value`.
fn node(text: &str) -> NodeId {
    let (namespace, value) = text.split_once(':').expect("namespace:value");
    keys().identifier(&Identifier::new(namespace, value), &Rules::default())
}

fn at(time_ms: i64, identifiers: &[&str]) -> Observation {
    let identifiers = identifiers
        .iter()
        .map(|text| (node(text), Namespace::new(text.split(':').next().expect("namespace"))));
    Observation {
        time: Timestamp::from_millis(time_ms).expect("in range"),
        identifiers: identifiers.collect(),
        ..Observation::default()
    }
}

fn hour(hour: i64, identifiers: &[&str]) -> Observation {
    at(hour * HOUR_MS, identifiers)
}

fn resolve(observations: &[Observation]) -> Expected {
    people(observations, &Rules::default(), &keys())
}

impl Expected {
    fn one_person(&self, nodes: &[&str]) -> bool {
        let persons: BTreeSet<PersonId> = nodes.iter().map(|text| self.person[&node(text)]).collect();
        persons.len() == 1
    }

    fn of_sighting(&self, identifiers: &[&str]) -> PersonId {
        self.person[&hour(0, identifiers).sighting(&keys())]
    }
}

fn rules_with(namespace: &str, change: impl FnOnce(&mut NamespaceRules)) -> Rules {
    let mut rules = Rules::default();
    change(rules.namespaces.get_mut(namespace).expect("a default namespace"));
    rules
}

#[test]
fn what_is_seen_together_in_turn_is_one_person_with_the_id_of_the_oldest_identifier() {
    let expected = resolve(&[
        hour(3, &["email:ann", "cookie:1"]),
        hour(2, &["email:ann", "phone:7"]),
        hour(1, &["cookie:1"]),
        hour(9, &["cookie:2"]),
    ]);
    assert!(expected.one_person(&["email:ann", "cookie:1", "phone:7"]));
    assert_eq!(expected.person[&node("phone:7")], keys().person(node("cookie:1")));
    assert_eq!(expected.person[&node("cookie:2")], keys().person(node("cookie:2")));
    assert_eq!(expected.person.len(), 4 + 2, "identifiers and sightings of two or more");
}

#[test]
fn of_identifiers_first_seen_at_one_time_the_highest_rank_is_the_anchor_never_a_sighting() {
    for value in ["a", "b", "c", "d", "e", "f"] {
        let (email, cookie) = (format!("email:{value}"), format!("cookie:{value}"));
        let expected = resolve(&[hour(1, &[&email, &cookie])]);
        let anchor = [node(&email), node(&cookie)].into_iter().max_by_key(|node| keys().rank(*node));
        assert_eq!(Some(expected.of_sighting(&[&email, &cookie])), anchor.map(|node| keys().person(node)));
    }
}

#[test]
fn the_anchor_is_chosen_by_exact_times_however_coarse_the_evidence() {
    let expected = resolve(&[at(2, &["email:ann", "cookie:1"]), at(1, &["cookie:1"])]);
    assert_eq!(expected.person[&node("email:ann")], keys().person(node("cookie:1")));
    let expected = resolve(&[at(2, &["email:ann", "cookie:1"]), at(1, &["email:ann"])]);
    assert_eq!(expected.person[&node("cookie:1")], keys().person(node("email:ann")));
}

#[test]
fn a_tablet_of_two_customers_belongs_to_neither_and_what_they_did_logged_in_stays_theirs() {
    let ann = ["customer_id:ann", "device_id:tablet"];
    let bob = ["customer_id:bob", "device_id:tablet"];
    let expected =
        resolve(&[hour(1, &ann), hour(2, &bob), hour(3, &["device_id:tablet", "cookie:anonymous"])]);
    assert_eq!(expected.contested, BTreeSet::from([node("device_id:tablet")]));
    assert!(!expected.one_person(&["customer_id:ann", "customer_id:bob"]));
    assert!(!expected.one_person(&["customer_id:ann", "device_id:tablet"]));
    assert!(!expected.one_person(&["customer_id:bob", "device_id:tablet"]));
    assert_eq!(expected.of_sighting(&ann), expected.person[&node("customer_id:ann")]);
    assert_eq!(expected.of_sighting(&bob), expected.person[&node("customer_id:bob")]);
    assert_eq!(expected.person[&node("device_id:tablet")], keys().person(node("device_id:tablet")));
    assert_eq!(
        expected.of_sighting(&["device_id:tablet", "cookie:anonymous"]),
        expected.person[&node("cookie:anonymous")]
    );
}

#[test]
fn two_addresses_on_one_tablet_are_one_person_because_nothing_says_otherwise() {
    let expected =
        resolve(&[hour(1, &["email:a", "device_id:tablet"]), hour(2, &["email:b", "device_id:tablet"])]);
    assert!(
        expected.contested.is_empty() && expected.one_person(&["email:a", "email:b", "device_id:tablet"])
    );
}

#[test]
fn a_tablet_of_one_person_is_theirs_with_every_anonymous_visit() {
    let expected = resolve(&[
        hour(1, &["email:ann", "device_id:tablet"]),
        hour(3, &["device_id:tablet", "cookie:anonymous"]),
    ]);
    assert!(expected.contested.is_empty());
    assert!(expected.one_person(&["email:ann", "device_id:tablet", "cookie:anonymous"]));
}

#[test]
fn a_telephone_of_two_customers_goes_with_the_newest() {
    let (ann, bob) = (["customer_id:1", "phone:7"], ["customer_id:2", "phone:7"]);
    let expected = resolve(&[hour(1, &bob), hour(5, &ann), hour(3, &bob)]);
    assert_eq!(expected.contested, BTreeSet::from([node("phone:7")]));
    assert!(expected.one_person(&["customer_id:1", "phone:7"]));
    assert!(!expected.one_person(&["customer_id:1", "customer_id:2"]));
    assert_eq!(expected.of_sighting(&bob), expected.person[&node("customer_id:2")]);
}

#[test]
fn within_one_step_of_evidence_time_does_not_tell_the_newest_rank_does() {
    let (ann, bob) = (["customer_id:1", "phone:7"], ["customer_id:2", "phone:7"]);
    let sightings = [hour(0, &ann).sighting(&keys()), hour(0, &bob).sighting(&keys())];
    let higher = *sightings.iter().max_by_key(|node| keys().rank(**node)).expect("two");
    for (first, second) in [(&ann, &bob), (&bob, &ann)] {
        let expected = resolve(&[at(HOUR_MS + 1, first), at(HOUR_MS + 2, second)]);
        assert_eq!(expected.person[&node("phone:7")], expected.person[&higher]);
    }
}

#[test]
fn two_customer_numbers_on_one_address_stay_two_people_and_the_newer_keeps_the_address() {
    let (old, new) = (["customer_id:1", "email:ann"], ["customer_id:2", "email:ann"]);
    let expected = resolve(&[hour(1, &old), hour(2, &new)]);
    assert!(expected.one_person(&["customer_id:2", "email:ann"]));
    assert!(!expected.one_person(&["customer_id:1", "email:ann"]));
    assert_eq!(expected.refused, BTreeSet::from([(node("email:ann"), hour(0, &old).sighting(&keys()))]));
}

#[test]
fn a_person_has_no_more_of_a_namespace_than_its_limit() {
    let rules = rules_with("email", |rules| rules.max_per_person = Some(2));
    let visits = [
        hour(1, &["customer_id:1", "email:a"]),
        hour(3, &["customer_id:1", "email:b"]),
        hour(2, &["customer_id:1", "email:c"]),
    ];
    let expected = people(&visits, &rules, &keys());
    assert!(expected.one_person(&["customer_id:1", "email:b", "email:c"]), "the newest two");
    assert!(!expected.one_person(&["customer_id:1", "email:a"]));
    assert!(resolve(&visits).one_person(&["customer_id:1", "email:a", "email:b", "email:c"]));
}

#[test]
fn an_office_telephone_links_nobody_once_it_was_seen_with_too_many() {
    let rules = rules_with("phone", |rules| rules.max_neighbours = NeighbourLimit::total(3));
    let calls = ["ann", "bob", "cem", "dan"].map(|name| format!("email:{name}"));
    let mut visits: Vec<Observation> =
        calls[..3].iter().map(|email| hour(1, &[email, "phone:office"])).collect();
    let expected = people(&visits, &rules, &keys());
    assert!(expected.quarantined.is_empty() && expected.one_person(&["email:ann", "email:bob", "email:cem"]));
    visits.push(hour(9, &[&calls[3], "phone:office"]));
    let expected = people(&visits, &rules, &keys());
    assert_eq!(expected.quarantined, BTreeSet::from([node("phone:office")]));
    let persons: BTreeSet<PersonId> = expected.person.values().copied().collect();
    assert_eq!(persons.len(), 5, "four callers and the telephone");
}

#[test]
fn a_limit_on_neighbours_of_one_namespace_counts_only_those() {
    let rules = rules_with("phone", |rules| {
        rules.max_neighbours.of.insert(Namespace::new("customer_id"), 1);
    });
    let mut visits = vec![hour(1, &["phone:7", "email:a", "cookie:b", "customer_id:1"])];
    assert!(people(&visits, &rules, &keys()).quarantined.is_empty());
    visits.push(hour(1, &["phone:7", "customer_id:2"]));
    assert_eq!(people(&visits, &rules, &keys()).quarantined, BTreeSet::from([node("phone:7")]));
}

#[test]
fn a_cookie_is_not_contested_merely_because_it_was_seen_with_the_family_telephone() {
    let expected = resolve(&[
        hour(1, &["customer_id:1", "phone:7"]),
        hour(2, &["customer_id:2", "phone:7"]),
        hour(3, &["customer_id:1", "cookie:own"]),
        hour(4, &["phone:7", "cookie:own"]),
    ]);
    assert_eq!(expected.contested, BTreeSet::from([node("phone:7")]));
    assert!(expected.one_person(&["customer_id:1", "cookie:own"]));
}
