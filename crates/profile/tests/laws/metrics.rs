//! What is counted of a person: what each number means, and that it is the same however people were put together.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::touchpoint::{Engagement, Order};
use kinfold_model::{Amount, OrderStatus, Touchpoint, TouchpointIdentifier};
use kinfold_profile::bought::Bought;
use kinfold_profile::disclosure::prefix;
use kinfold_value::Day;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::world::{World, assigned, identifier, order, person, said, touchpoint};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

fn ann() -> TouchpointIdentifier {
    identifier("email", "ann@example.org")
}

fn card() -> TouchpointIdentifier {
    identifier("loyalty_id", "L-1")
}

/// A world in which all of it is said of one person.
fn world(touchpoints: &[Touchpoint]) -> World {
    World::of(touchpoints.iter().flat_map(|one| [said(one), assigned(one.sighting, person(1))]))
}

fn report(source: &str, ms: i64, order: Order) -> Touchpoint {
    let id = format!("{source}-{ms}-{}", order.order_id);
    Touchpoint { source: source.to_owned(), order: Some(order), ..touchpoint(&id, ms, vec![ann()]) }
}

fn became(status: OrderStatus, refunded: &str, order: Order) -> Order {
    Order { status, refunded: refunded.parse().expect("an amount"), ..order }
}

fn euros(amounts: &BTreeMap<String, Amount>) -> String {
    amounts.get("EUR").map(Amount::to_string).unwrap_or_default()
}

#[test]
fn of_several_sources_the_first_that_is_named_is_believed_and_of_others_the_newest_report() {
    let revenue = |reports: &[(&str, i64, &str)]| {
        let reports: Vec<_> =
            reports.iter().map(|(source, ms, value)| report(source, *ms, order("O", value, 1))).collect();
        euros(&world(&reports).profiles[&person(1)].metrics.revenue)
    };
    assert_eq!(revenue(&[("till", 9, "2"), ("shop", 1, "1"), ("crm", 10, "3")]), "1.00");
    assert_eq!(revenue(&[("crm", 10, "3"), ("till", 9, "2")]), "2.00");
    assert_eq!(revenue(&[("crm", 10, "3"), ("erp", 9, "4")]), "3.00");
    assert_eq!(revenue(&[("shop", 1, "1"), ("shop", 2, "5")]), "5.00", "its own newest report");
}

#[test]
fn a_return_takes_its_money_out_and_does_not_move_the_purchase() {
    let bought = report("shop", DAY_MS, order("O-1", "100", 2));
    let back = report("shop", 5 * DAY_MS, became(OrderStatus::Returned, "40", order("O-1", "100", 2)));
    let other = report("shop", 3 * DAY_MS, order("O-2", "50.01", 1));
    let metrics = &world(&[bought, back, other]).profiles[&person(1)].metrics;
    assert_eq!((metrics.orders, metrics.returns, metrics.cancellations, metrics.items), (2, 1, 0, 3));
    assert_eq!(
        (euros(&metrics.revenue), euros(&metrics.average_order_value)),
        ("110.01".into(), "55.00".into())
    );
    assert_eq!(metrics.first_order.map(|time| time.millis()), Some(DAY_MS));
    assert_eq!(metrics.last_order.map(|time| time.millis()), Some(3 * DAY_MS));
    assert_eq!(metrics.days_between_orders, Some(2.0));
}

#[test]
fn a_cancelled_order_counts_for_nothing_but_that() {
    let bought = report("shop", 1, order("O-1", "100", 2));
    let cancelled = report("shop", 2, became(OrderStatus::Cancelled, "0", order("O-1", "100", 2)));
    let metrics = &world(&[bought, cancelled]).profiles[&person(1)].metrics;
    assert_eq!((metrics.orders, metrics.cancellations, metrics.items), (0, 1, 0));
    assert!(metrics.revenue.is_empty() && metrics.average_order_value.is_empty());
    assert_eq!((metrics.first_order, metrics.days_between_orders), (None, None));
}

#[test]
fn what_somebody_bought_is_what_their_profile_counts() {
    let at_card = |said: Touchpoint| {
        let elsewhere = touchpoint("", 0, vec![card()]);
        Touchpoint { sighting: elsewhere.sighting, identifiers: elsewhere.identifiers, ..said }
    };
    let touchpoints = [
        report("crm", DAY_MS, order("O-1", "90", 2)),
        report("shop", 3 * DAY_MS, became(OrderStatus::Returned, "40", order("O-1", "100", 2))),
        report("till", 4 * DAY_MS, order("O-2", "7", 1)),
        at_card(report("shop", 5 * DAY_MS, became(OrderStatus::Cancelled, "0", order("O-2", "7", 1)))),
        at_card(report("till", 2 * DAY_MS, order("O-3", "-5", 1))),
    ];
    let world = world(&touchpoints);
    let metrics = &world.profiles[&person(1)].metrics;
    let mut bought = Bought::default();
    for (key, value) in world.people.iter().filter(|(key, _)| key.starts_with(&prefix(person(1)))) {
        bought.take(key, value).expect("a sound state");
    }
    let purchases = bought.purchases(&world.settings, &"EUR".parse().expect("a currency"));
    let mut revenue = Amount::default();
    let last = purchases.days().last().map(|(day, _)| day.plus(9)).expect("they bought");
    purchases.until(last).iter().for_each(|(_, paid)| revenue += *paid);
    assert_eq!((metrics.orders, revenue.to_string()), (2, euros(&metrics.revenue)));
    assert_eq!(revenue.to_string(), "55.00");
    let days: Vec<Day> = purchases.days().iter().map(|(day, _)| *day).collect();
    let first = metrics.first_order.map(Day::of).expect("there is an order");
    assert_eq!(days, [first], "a refund is an order, but no purchase");
}

#[test]
fn a_touchpoint_that_comes_with_other_contents_counts_once_and_wholly() {
    let copy = |channel: Option<&str>, action: &str, sentiment| Touchpoint {
        channel: channel.map(str::to_owned),
        r#type: Some(action.to_owned()),
        engagement: Some(Engagement { action: Some(action.to_owned()), sentiment, campaign: None }),
        ..touchpoint("t1", 1, vec![ann()])
    };
    let copies = [
        copy(None, "open", Some(1.0)),
        copy(Some("email"), "click", None),
        copy(Some("web"), "reply", Some(-1.0)),
    ];
    for turn in 0..copies.len() {
        let mut copies = copies.to_vec();
        copies.rotate_left(turn);
        let profile = &world(&copies).profiles[&person(1)];
        let metrics = &profile.metrics;
        assert_eq!((metrics.touchpoints, &metrics.channels), (1, &[("email".to_owned(), 1)].into()));
        assert_eq!((metrics.opens, metrics.clicks, metrics.replies, metrics.sentiment), (0, 1, 0, None));
        assert_eq!(metrics.types, [("click".to_owned(), 1)].into());
        assert_eq!((metrics.channel_seen.len(), profile.timeline.len()), (1, 1));
    }
}

#[test]
fn the_preferred_channel_is_that_of_most_touchpoints_and_of_several_the_least() {
    let by = |id: &str, hour: i64, channel: &str| Touchpoint {
        channel: Some(channel.to_owned()),
        ..touchpoint(id, hour * HOUR_MS, vec![ann()])
    };
    let mut all = vec![by("1", 9, "web"), by("2", 34, "web"), by("3", 34, "call"), by("4", 50, "call")];
    let metrics = &world(&all).profiles[&person(1)].metrics;
    assert_eq!((metrics.preferred_channel.as_deref(), metrics.sessions), (Some("call"), 3));
    assert_eq!(metrics.preferred_hour, Some(1), "of several the least, half an hour west of Greenwich");
    let seen = metrics.channel_seen["call"];
    assert_eq!((seen.first_seen.millis(), seen.last_seen.millis()), (34 * HOUR_MS, 50 * HOUR_MS));
    all.push(by("5", 33, "web"));
    let metrics = &world(&all).profiles[&person(1)].metrics;
    assert_eq!((metrics.preferred_channel.as_deref(), metrics.preferred_hour), (Some("web"), Some(8)));
}

#[test]
fn a_timeline_shows_the_last_ten_of_all_sightings_and_nobodys_address() {
    let of = |n: i64| {
        let whose = if n % 2 == 0 { ann() } else { card() };
        let engagement = Some(Engagement { action: Some("Opened".to_owned()), ..Engagement::default() });
        let order = Some(order(&format!("O-{n}"), "1", 1));
        Touchpoint { engagement, order, ..touchpoint(&format!("t{n}"), n, vec![whose]) }
    };
    let all: Vec<_> = (0..30).map(of).collect();
    let mut world = world(&all);
    let shown = |world: &World| {
        let timeline = &world.profiles[&person(1)].timeline;
        timeline.iter().map(|entry| entry.time.millis()).collect::<Vec<_>>()
    };
    assert_eq!(shown(&world), (20..30).rev().collect::<Vec<_>>());
    let newest = world.profiles[&person(1)].timeline[0].clone();
    assert_eq!((newest.action.as_deref(), newest.order_id.as_deref()), (Some("Opened"), Some("O-29")));
    let bytes = postcard::to_stdvec(&world.profiles[&person(1)].timeline).expect("encodes");
    assert!(!String::from_utf8_lossy(&bytes).contains("ann@"));
    world.batch([assigned(card().node, person(2))]);
    assert_eq!(shown(&world), (5..15).rev().map(|n| 2 * n).collect::<Vec<_>>(), "after a split only hers");
}

/// Of a few people; ids of orders tell whose they are, as they do where each order is one person's.
fn a_report() -> impl Strategy<Value = (usize, Touchpoint)> {
    (
        0..4_usize,
        0..3_u8,
        0..50_i64,
        select(&["shop", "till", "crm", "erp"][..]),
        select(&["0.01", "19.99", "1000000000", "-3.3333"][..]),
        select(&OrderStatus::ALL[..]),
        any::<bool>(),
    )
        .prop_map(|(whose, number, half_hour, source, value, status, is_refunded)| {
            let refunded = if is_refunded && !value.starts_with('-') { "0.01" } else { "0" };
            let order = became(status, refunded, order(&format!("O-{whose}-{number}"), value, 1));
            let mut report = report(source, half_hour * HOUR_MS / 2, order);
            report.identifiers = vec![identifier("email", &format!("p{whose}@example.org"))];
            report.sighting = report.identifiers[0].node;
            (whose, report)
        })
}

fn revenue(world: &World) -> Amount {
    let mut sum = Amount::default();
    for revenue in world.profiles.values().flat_map(|profile| profile.metrics.revenue.values()) {
        sum += *revenue;
    }
    sum
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn money_never_drifts_whoever_is_merged_and_parted(
        reports in vec(a_report(), 1..25),
        merges in vec((0..4_usize, 0..4_u8), 0..12),
    ) {
        let own = |whose: usize| person(u8::try_from(whose).expect("few"));
        let mut world =
            World::of(reports.iter().flat_map(|(whose, one)| [said(one), assigned(one.sighting, own(*whose))]));
        let (sum, bytes) = (revenue(&world), world.bytes());
        let node = |whose: usize| identifier("email", &format!("p{whose}@example.org")).node;
        let seen: BTreeSet<usize> = reports.iter().map(|(whose, _)| *whose).collect();
        for (whose, to) in merges.into_iter().filter(|(whose, _)| seen.contains(whose)) {
            world.batch([assigned(node(whose), person(to))]);
            prop_assert_eq!(revenue(&world), sum);
            prop_assert_eq!(world.check_sums(), Ok(()));
        }
        world.batch(seen.into_iter().map(|whose| assigned(node(whose), own(whose))));
        prop_assert_eq!(world.bytes(), bytes);
    }

    #[test]
    fn sessions_of_a_person_are_the_runs_of_all_their_half_hours(
        half_hours in vec((0..60_i64, any::<bool>()), 1..30),
    ) {
        let touchpoints: Vec<_> = half_hours
            .iter()
            .enumerate()
            .map(|(n, (half_hour, of_card))| {
                let whose = if *of_card { card() } else { ann() };
                touchpoint(&format!("t{n}"), half_hour * HOUR_MS / 2 + 7, vec![whose])
            })
            .collect();
        let active: BTreeSet<i64> = half_hours.iter().map(|(half_hour, _)| *half_hour).collect();
        let runs = active.iter().filter(|half_hour| !active.contains(&(*half_hour - 1))).count();
        let world = world(&touchpoints);
        prop_assert_eq!(usize::try_from(world.profiles[&person(1)].metrics.sessions), Ok(runs));
        prop_assert_eq!(world.check_sums(), Ok(()));
    }
}
