//! The laws of the generator.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::*;

fn plan(seed: u64) -> Plan {
    let start = "2026-03-01T00:00:00Z".parse().expect("a time");
    Plan { seed, people: 500, touchpoints: 20_000, start, days: 30 }
}

fn sound() -> impl Iterator<Item = (Generated, Value)> {
    plan(1).generate().filter(|generated| generated.sound).map(|generated| {
        let value = serde_json::from_slice(&generated.record).expect("a sound record is JSON");
        (generated, value)
    })
}

/// The people by whom each value of a namespace was used.
fn owners(namespace: &str) -> BTreeMap<String, BTreeSet<u32>> {
    let mut owners: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
    for (generated, value) in sound() {
        for identifier in value["identifiers"].as_array().expect("a list") {
            if identifier["namespace"] == namespace {
                let value = identifier["value"].as_str().expect("a text").trim().to_lowercase();
                owners.entry(value).or_default().insert(generated.person);
            }
        }
    }
    owners
}

#[test]
fn equal_plans_give_equal_bytes_and_another_seed_gives_others() {
    let all = |seed| plan(seed).generate().collect::<Vec<_>>();
    assert_eq!(all(7).len(), 20_000);
    assert!(all(7) == all(7));
    assert!(all(7) != all(8));
}

#[test]
fn what_is_personal_belongs_to_one_person_only() {
    for namespace in
        ["customer_id", "loyalty_id", "email", "email_sha256", "card_token", "social", "device_id"]
    {
        let owners = owners(namespace);
        assert!(!owners.is_empty(), "{namespace}");
        assert!(owners.values().all(|people| people.len() == 1), "{namespace}");
    }
}

#[test]
fn families_share_a_telephone_and_a_tablet_and_strangers_a_kiosk() {
    assert!(owners("phone").values().any(|people| people.len() > 1));
    assert!(owners("phone").values().all(|people| people.len() <= 4));
    let cookies = owners("cookie");
    let shared = cookies.iter().filter(|(cookie, people)| !cookie.starts_with("kiosk") && people.len() > 1);
    assert!(shared.count() > 10);
    assert!(cookies.iter().any(|(cookie, people)| cookie.starts_with("kiosk") && people.len() > 50));
}

#[test]
fn people_change_their_email_address() {
    let mut addresses: BTreeMap<u32, usize> = BTreeMap::new();
    for people in owners("email").values() {
        *addresses.entry(*people.first().expect("an owner")).or_default() += 1;
    }
    assert!(addresses.values().any(|count| *count > 1));
}

#[test]
fn every_source_reports_about_its_share() {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    plan(1).generate().for_each(|generated| *counts.entry(generated.source).or_default() += 1);
    for (source, share) in SOURCES {
        let (count, expected) = (counts[source], usize::from(share) * 200);
        assert!(count > expected / 2 && count < expected * 3, "{source}: {count} of about {expected}");
    }
}

#[test]
fn of_some_orders_the_crm_knows_that_they_came_back_or_to_nothing() {
    let mut statuses: BTreeMap<String, usize> = BTreeMap::new();
    for (generated, value) in sound() {
        if let Some(status) = value["order"]["status"].as_str() {
            assert_eq!(generated.source, "crm");
            *statuses.entry(status.to_owned()).or_default() += 1;
        }
    }
    assert!(statuses.keys().eq(["cancelled", "returned"]) && statuses.values().all(|count| *count > 5));
}

#[test]
fn some_orders_are_reported_by_two_sources() {
    let mut reports: BTreeMap<(String, u32), BTreeSet<&str>> = BTreeMap::new();
    for (generated, value) in sound() {
        if let Some(order) = value["order"]["order_id"].as_str() {
            reports.entry((order.to_owned(), generated.person)).or_default().insert(generated.source);
        }
    }
    assert!(reports.values().filter(|sources| sources.len() == 2).count() > 100);
}

#[test]
fn consents_are_granted_denied_and_withdrawn() {
    let mut decisions = BTreeSet::new();
    for (_, value) in sound() {
        for consent in value["consents"].as_array().into_iter().flatten() {
            decisions.insert(consent["decision"].as_str().expect("a text").to_owned());
        }
    }
    assert_eq!(decisions.into_iter().collect::<Vec<_>>(), ["denied", "granted", "withdrawn"]);
}

#[test]
fn who_unsubscribes_decides_about_mail_alone() {
    let unsubscribed = sound().filter(|(_, value)| value["type"] == "unsubscribe");
    let channels: BTreeSet<String> =
        unsubscribed.map(|(_, value)| value["consents"][0]["channel"].to_string()).collect();
    assert_eq!(channels, [r#""email""#.to_owned()].into());
}

#[test]
fn about_one_in_a_hundred_is_damaged_and_as_many_are_repeated() {
    let all: Vec<Generated> = plan(1).generate().collect();
    let damaged = all.iter().filter(|generated| !generated.sound).count();
    let distinct: BTreeSet<&[u8]> = all.iter().map(|generated| generated.record.as_slice()).collect();
    let repeated = all.len() - distinct.len();
    assert!((120..300).contains(&damaged), "{damaged}");
    assert!((120..300).contains(&repeated), "{repeated}");
}

#[test]
fn times_lie_within_the_plan_and_are_roughly_in_order() {
    let times: Vec<Timestamp> =
        sound().map(|(_, value)| value["time"].as_str().expect("a text").parse().expect("a time")).collect();
    let (start, end) = (plan(1).start, plan(1).start.plus_millis(30 * 86_400_000));
    assert!(times.iter().all(|time| (start..=end).contains(time)));
    let late = times.windows(2).filter(|pair| pair[0].millis() - pair[1].millis() > 3_600_000).count();
    assert!((100..2000).contains(&late), "{late}");
}

#[test]
fn who_leaves_buys_nothing_more_and_all_else_goes_on() {
    let all = |churn| plan(1).generate().leaving(churn).collect::<Vec<_>>();
    assert!(all(0) == plan(1).generate().collect::<Vec<_>>(), "without churn nothing is another");
    let orders = |all: &[Generated]| {
        let is_order = |one: &&Generated| {
            let value: Option<Value> = serde_json::from_slice(&one.record).ok();
            ["webshop", "till"].contains(&one.source) && value.is_some_and(|value| value["type"] == "order")
        };
        all.iter().filter(is_order).count()
    };
    let (stay, leave) = (all(0), all(20));
    assert_eq!(leave.len(), stay.len());
    assert!(all(20) == leave, "the same plan, the same bytes");
    let (less, all) = (orders(&leave), orders(&stay));
    assert!(less * 10 < all * 9 && less * 10 > all * 2, "{less} of {all}");
}

#[test]
fn nobody_and_nothing_are_plans_too() {
    assert_eq!(Plan { people: 0, ..plan(1) }.generate().count(), 0);
    assert_eq!(Plan { touchpoints: 0, ..plan(1) }.generate().count(), 0);
    assert_eq!(Plan { people: 1, days: 0, touchpoints: 100, ..plan(1) }.generate().count(), 100);
}
