//! The traps that others fell into, and what must happen there. Those that a reader can follow without code are golden
//! cases; here are the ones that need partitions, somebody else's data, or every order.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::command::CommandIdentifier;
use kinfold_model::{Command, CommandKind, Identifier, NodeId, PersonId, Rules, Timestamp};
use kinfold_testkit::data::{hubspot_merges, rules, snowplow, snowplow_stitched, test_data};
use kinfold_testkit::simulation::{Input, Schedule, run};
use kinfold_testkit::world::keys;
use serde_json::json;

const BEGIN_MS: i64 = 1_772_323_200_000;

fn touchpoint(index: i64, identifiers: &[(&str, &str)]) -> Vec<u8> {
    let identifiers: Vec<_> = identifiers
        .iter()
        .map(|(namespace, value)| json!({"namespace": namespace, "value": value}))
        .collect();
    let record = json!({
        "touchpoint_id": format!("t-{index}"), "time": BEGIN_MS + index, "source": "web", "identifiers": identifiers,
    });
    record.to_string().into_bytes()
}

fn node(namespace: &str, value: &str) -> NodeId {
    keys().identifier(&Identifier::new(namespace, value), &Rules::default())
}

/// Whose each node is in the end.
fn people(
    records: &[Vec<u8>],
    commands: &[Command],
    seed: u64,
    partitions: u32,
) -> BTreeMap<NodeId, PersonId> {
    let (keys, rules) = (keys(), rules());
    let schedule = Schedule { seed, partitions, repeated_percent: 5, told: false };
    let outcome = run(&Input::new(records, commands, &keys, &rules), &schedule).expect("runs");
    assert_eq!(outcome.graph.broken_laws(&rules, &keys), Vec::<String>::new(), "seed {seed}");
    outcome.graph.nodes.iter().filter_map(|(id, node)| Some((*id, node.person?))).collect()
}

#[test]
fn three_that_are_joined_at_once_on_three_partitions_are_one_person() {
    for seed in 0..200 {
        let (a, b, c) = (("email", "a@example.org"), ("cookie", "b"), ("phone", "+12015550123"));
        let mut records = vec![touchpoint(0, &[a, b]), touchpoint(1, &[b, c]), touchpoint(2, &[c, a])];
        fastrand::Rng::with_seed(seed).shuffle(&mut records);
        let people = people(&records, &[], seed, 3);
        assert_eq!(people.len(), 6, "three identifiers, three sightings");
        assert_eq!(people.values().collect::<BTreeSet<_>>().len(), 1, "seed {seed}");
    }
}

#[test]
fn anonymous_clicks_belong_to_who_logged_in_whether_they_came_before_or_after() {
    let login = touchpoint(5, &[("cookie", "browser"), ("customer_id", "C-1")]);
    let clicks: Vec<Vec<u8>> = [1, 9].map(|at| touchpoint(at, &[("cookie", "browser")])).into();
    let orders = [[0, 1, 2], [1, 0, 2], [1, 2, 0]];
    let results = orders.map(|order| {
        let all = [&login, &clicks[0], &clicks[1]];
        let records: Vec<Vec<u8>> = order.iter().map(|index| all[*index].clone()).collect();
        people(&records, &[], 1, 4)
    });
    assert_eq!(results[0][&node("cookie", "browser")], results[0][&node("customer_id", "C-1")]);
    assert!(results.iter().all(|people| *people == results[0]), "whatever came first");
}

#[test]
fn contacts_that_a_crm_says_it_merged_are_one_person_until_it_says_otherwise() {
    let Some(folder) = test_data("fivetran-seeds") else { return };
    let merges = hubspot_merges(&folder);
    assert!(merges.len() > 3);
    // Both contacts use one browser, which would join them if a contact's number were not unique.
    let records: Vec<Vec<u8>> = (0..)
        .zip(&merges)
        .flat_map(|(index, merge)| {
            let browser = format!("browser-{index}");
            [(0, &merge.kept), (1, &merge.merged)].map(|(step, contact)| {
                touchpoint(index * 2 + step, &[("customer_id", contact), ("cookie", &browser)])
            })
        })
        .collect();
    let links: Vec<Command> = merges.iter().map(|merge| link(&merge.kept, &merge.merged)).collect();
    let is_one = |people: &BTreeMap<NodeId, PersonId>, merge: &kinfold_testkit::data::Merge| {
        people[&node("customer_id", &merge.kept)] == people[&node("customer_id", &merge.merged)]
    };
    let before = people(&records, &[], 1, 4);
    assert!(!merges.iter().any(|merge| is_one(&before, merge)), "two numbers are two customers");
    let after = people(&records, &links, 1, 4);
    assert!(merges.iter().all(|merge| is_one(&after, merge)));
    let mut taken_back = links.clone();
    taken_back.extend(links.into_iter().map(|link| Command { withdrawn: true, ..link }));
    assert_eq!(people(&records, &taken_back, 1, 4), before);
}

fn link(a: &str, b: &str) -> Command {
    let mut identifiers = [a, b].map(|value| CommandIdentifier {
        node: node("customer_id", value),
        namespace: kinfold_model::Namespace::new("customer_id"),
    });
    identifiers.sort();
    Command {
        command_id: format!("crm-{a}-{b}"),
        kind: CommandKind::Link,
        author: "crm".to_owned(),
        reason: "merged by the vendor".to_owned(),
        time: Timestamp::from_millis(BEGIN_MS).expect("in range"),
        withdrawn: false,
        identifiers: identifiers.into(),
        source: None,
        touchpoint_id: None,
    }
}

/// dbt-snowplow-web gives every page view of a cookie to the login that was seen on it last. We differ in two places:
/// a cookie on which ten people logged in belongs to none of them, and what each did while logged in stays theirs; and a
/// page view without cookie has a login all the same.
#[test]
fn stitched_page_views_differ_from_snowplows_only_where_several_share_a_cookie_or_there_is_none() {
    let Some(folder) = test_data("snowplow-web") else { return };
    let people = people(&snowplow(&folder, 1).records, &[], 1, 4);
    let stitched = snowplow_stitched(&folder);
    assert!(stitched.len() > 10);
    let of = |login: &str| people.get(&node("customer_id", login));
    let mut logins: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for view in &stitched {
        logins.entry(&view.cookie).or_default().insert(&view.login);
    }
    for view in &stitched {
        assert!(of(&view.login).is_some(), "who logged in is somebody");
        if of(&view.login) == of(&view.stitched) {
            continue;
        }
        let is_shared = logins[&*view.cookie].len() > 1;
        let is_without = view.cookie.is_empty() && view.stitched.is_empty();
        assert!(is_shared || is_without, "a difference that nothing explains");
        if is_shared {
            assert!(people[&node("cookie", &view.cookie)] != people[&node("customer_id", &view.login)]);
        }
    }
    let shared: Vec<_> = logins.iter().filter(|(_, logins)| logins.len() > 1).collect();
    assert_eq!(shared.len(), 1, "one cookie is shared");
    let distinct: BTreeSet<_> = shared[0].1.iter().map(|login| of(login)).collect();
    assert_eq!(distinct.len(), shared[0].1.len(), "each login on it is somebody else");
}
