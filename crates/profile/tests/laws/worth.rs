//! What somebody is worth and where they stand: a function of what was said and the time, told when it changes and once.

use std::sync::Arc;

use kinfold_model::profile::{ProfileLifecycle, ProfileValue};
use kinfold_model::touchpoint::Order;
use kinfold_model::{OrderStatus, Touchpoint, TouchpointIdentifier};
use kinfold_profile::{Published, Settings, Valuation};
use kinfold_value::lifecycle::Stage;
use kinfold_value::{LifecycleRules, Model, Refresh};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::world::{World, assigned, at, identifier, order, person, said, settings, touchpoint, unassigned};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// 1970-01-12, a Monday: here a cell of seven days begins.
const MONDAY_MS: i64 = 11 * DAY_MS;

/// A model of euros, of which every parameter is possible.
const MODEL: &str = include_str!("../model.toml");

/// Values by that model, made anew every so many days.
pub(crate) fn with_model(refresh_days: u32) -> Settings {
    let model = Model::from_toml(MODEL).expect("is a model");
    let refresh = Refresh::new(refresh_days).expect("a number of days");
    Settings { valuation: Some(Valuation { model, refresh }), ..settings() }
}

/// New until somebody buys, then a customer, quiet after 2 days without a touchpoint and gone 5 days after the last order.
fn short_stages() -> Settings {
    let stage = |name: &str| Stage { name: name.to_owned(), ..Stage::default() };
    let stages = vec![
        stage("new"),
        Stage { orders_min: Some(1), ..stage("customer") },
        Stage { days_since_seen_min: Some(2), ..stage("quiet") },
        Stage { days_since_order_min: Some(5), ..stage("gone") },
    ];
    Settings { lifecycle: LifecycleRules::new(stages).expect("stages without faults"), ..settings() }
}

fn world(settings: Settings) -> World {
    World { settings: Arc::new(settings), ..World::new() }
}

fn ann() -> TouchpointIdentifier {
    identifier("email", "ann@example.org")
}

fn bob() -> TouchpointIdentifier {
    identifier("email", "bob@example.org")
}

fn bought(who: TouchpointIdentifier, ms: i64, order: Order) -> Touchpoint {
    let id = format!("{ms}-{}", order.order_id);
    Touchpoint { order: Some(order), ..touchpoint(&id, ms, vec![who]) }
}

/// All of it is said of one person.
fn tell(world: &mut World, touchpoints: &[Touchpoint]) -> Vec<Published> {
    world.batch(touchpoints.iter().flat_map(|one| [said(one), assigned(one.sighting, person(1))]))
}

fn value(world: &World) -> Option<&ProfileValue> {
    world.profiles[&person(1)].value.as_ref()
}

fn lifecycle(world: &World) -> &ProfileLifecycle {
    world.profiles[&person(1)].lifecycle.as_ref().expect("everybody is in a stage")
}

fn stage(world: &World) -> (&str, i64) {
    (&lifecycle(world).stage, lifecycle(world).since.millis())
}

fn profiles(published: &[Published]) -> usize {
    published.iter().filter(|record| matches!(record, Published::Profile(_))).count()
}

#[test]
fn without_a_model_there_is_no_value_and_everybody_is_in_a_stage() {
    let mut world = world(settings());
    tell(&mut world, &[bought(ann(), 1, order("O-1", "20", 1))]);
    assert_eq!((value(&world), stage(&world)), (None, ("customer", 1)));
}

#[test]
fn purchases_are_orders_that_count_in_the_currency_of_the_model() {
    let mut world = world(with_model(7));
    world.now = at(MONDAY_MS);
    let francs = Order { currency: "CHF".parse().expect("a code"), ..order("O-4", "70", 1) };
    let (returned, cancelled) = (OrderStatus::Returned, OrderStatus::Cancelled);
    tell(
        &mut world,
        &[
            bought(ann(), DAY_MS, order("O-1", "30", 1)),
            bought(ann(), DAY_MS + 1, order("O-2", "10", 1)),
            bought(ann(), 4 * DAY_MS, order("O-3", "50", 1)),
            bought(
                ann(),
                9 * DAY_MS,
                Order {
                    status: returned,
                    refunded: "20".parse().expect("an amount"),
                    ..order("O-3", "50", 1)
                },
            ),
            bought(ann(), 5 * DAY_MS, francs),
            bought(ann(), 6 * DAY_MS, Order { status: cancelled, ..order("O-5", "90", 1) }),
        ],
    );
    let value = value(&world).expect("there are purchases");
    // 40 on the first day and 30 on the fourth.
    assert_eq!((value.frequency, value.monetary.to_string(), value.recency_days), (2, "35.00".to_owned(), 7));
    assert_eq!((value.as_of.as_str(), value.currency.to_string()), ("1970-01-12", "EUR".to_owned()));
    assert_eq!((value.recency_score, value.frequency_score, value.monetary_score), (3, 3, 4));
    assert!(value.alive < 1.0 && value.expected_purchases > 0.0);
}

#[test]
fn a_refund_that_is_an_order_of_its_own_is_no_purchase_and_its_money_counts() {
    let told = |orders: &[(i64, &str, &str)]| {
        let mut world = world(with_model(7));
        world.now = at(MONDAY_MS);
        let bought = |(day, id, value): &(i64, &str, &str)| bought(ann(), day * DAY_MS, order(id, value, 1));
        tell(&mut world, &orders.iter().map(bought).collect::<Vec<_>>());
        let revenue = world.profiles[&person(1)].metrics.revenue["EUR"].to_string();
        let value = value(&world);
        (value.map(|value| (value.frequency, value.recency_days, value.monetary.to_string())), revenue)
    };
    let (bought, back) = ([(1, "O-1", "30"), (4, "O-2", "50")], (9, "R-2", "-20"));
    let (value, revenue) = told(&[&bought[..], &[back]].concat());
    assert_eq!((value, revenue.as_str()), (Some((2, 7, "30.00".to_owned())), "60.00"));
    let (value, revenue) = told(&[&bought[..], &[(9, "R-1", "-50")]].concat());
    assert_eq!((value, revenue.as_str()), (Some((2, 7, "15.00".to_owned())), "30.00"));
    let (value, revenue) = told(&[back]);
    assert_eq!((value, revenue.as_str()), (None, "-20.00"), "who only gave back bought nothing");
}

#[test]
fn who_bought_in_other_currencies_alone_has_no_value_and_no_timer() {
    let mut world = world(with_model(7));
    let francs = Order { currency: "CHF".parse().expect("a code"), ..order("O-1", "70", 1) };
    tell(&mut world, &[bought(ann(), 1, francs)]);
    assert_eq!(value(&world), None);
    assert_eq!(profiles(&world.pass(50 * DAY_MS)), 0);
}

#[test]
fn a_value_is_made_anew_once_in_each_cell_and_not_between() {
    let mut world = world(with_model(7));
    world.now = at(MONDAY_MS + DAY_MS);
    tell(&mut world, &[bought(ann(), DAY_MS, order("O-1", "30", 1))]);
    assert_eq!(value(&world).map(|value| value.as_of.as_str()), Some("1970-01-12"));
    assert_eq!(world.pass(MONDAY_MS + 7 * DAY_MS - 1), []);
    assert_eq!(profiles(&world.pass(MONDAY_MS + 7 * DAY_MS)), 1);
    assert_eq!(
        value(&world).map(|value| (value.as_of.as_str(), value.recency_days)),
        Some(("1970-01-19", 17))
    );
    assert_eq!(world.pass(MONDAY_MS + 14 * DAY_MS - 1), []);
    let version = world.profiles[&person(1)].version;
    // However late it is looked at, it is told once for the cell that it is in.
    assert_eq!(profiles(&world.pass(MONDAY_MS + 40 * DAY_MS)), 1);
    assert_eq!(world.profiles[&person(1)].version, version + 1);
}

#[test]
fn a_purchase_of_a_cell_to_come_counts_when_that_begins() {
    let mut world = world(with_model(7));
    world.now = at(MONDAY_MS);
    tell(&mut world, &[bought(ann(), MONDAY_MS + 7 * DAY_MS + 1, order("O-1", "30", 1))]);
    assert_eq!(value(&world), None);
    assert_eq!(profiles(&world.pass(MONDAY_MS + 7 * DAY_MS)), 1);
    assert_eq!(value(&world).map(|value| value.as_of.as_str()), Some("1970-01-19"));
}

#[test]
fn a_stage_begins_on_time_is_told_once_and_older_news_do_not_bring_the_one_before_back() {
    let mut world = world(short_stages());
    tell(&mut world, &[bought(ann(), 1, order("O-1", "30", 1))]);
    assert_eq!(stage(&world), ("customer", 1));
    assert_eq!(world.pass(2 * DAY_MS), []);
    assert_eq!(profiles(&world.pass(2 * DAY_MS + 1)), 1);
    assert_eq!(stage(&world), ("quiet", 2 * DAY_MS + 1));
    assert_eq!(world.pass(5 * DAY_MS), []);
    assert_eq!(profiles(&world.pass(5 * DAY_MS + 1)), 1);
    assert_eq!(stage(&world), ("gone", 5 * DAY_MS + 1));
    assert_eq!(world.pass(1_000 * DAY_MS), []);
    // A driver that was told an earlier time hears of something that changes nothing of it.
    world.now = at(DAY_MS);
    tell(&mut world, &[touchpoint("late", HOUR_MS, vec![ann()])]);
    assert_eq!(stage(&world), ("gone", 5 * DAY_MS + 1));
    let stages: Vec<&str> = lifecycle(&world).changes.iter().map(|change| change.stage.as_str()).collect();
    assert_eq!(stages, ["gone", "quiet", "customer"]);
}

#[test]
fn a_late_touchpoint_corrects_the_past() {
    let mut world = world(short_stages());
    tell(&mut world, &[bought(ann(), 0, order("O-1", "30", 1))]);
    world.pass(6 * DAY_MS);
    assert_eq!(stage(&world), ("gone", 5 * DAY_MS));
    tell(&mut world, &[bought(ann(), 3 * DAY_MS, order("O-2", "30", 1))]);
    assert_eq!(stage(&world), ("quiet", 5 * DAY_MS));
    let changes = lifecycle(&world).changes.iter();
    let changes: Vec<_> = changes.map(|one| (one.stage.as_str(), one.time.millis() / DAY_MS)).collect();
    assert_eq!(changes, [("quiet", 5), ("customer", 3), ("quiet", 2), ("customer", 0)]);
    assert_eq!(profiles(&world.pass(8 * DAY_MS)), 1, "as if it had been known");
    assert_eq!(stage(&world), ("gone", 8 * DAY_MS));
}

#[test]
fn people_who_merge_and_part_are_worth_what_they_were_and_leave_no_timer() {
    let settings = Settings { lifecycle: short_stages().lifecycle, ..with_model(7) };
    let (of_ann, of_bob) =
        (bought(ann(), DAY_MS, order("O-1", "30", 1)), bought(bob(), 3 * DAY_MS, order("O-2", "50", 1)));
    let mut world = world(settings);
    world.now = at(MONDAY_MS);
    tell(&mut world, std::slice::from_ref(&of_ann));
    let alone = world.profiles[&person(1)].clone();
    world.batch([said(&of_bob), assigned(of_bob.sighting, person(2))]);
    world.batch([assigned(of_bob.sighting, person(1))]);
    let together = value(&world).expect("they bought");
    assert_eq!((together.frequency, together.monetary.to_string()), (2, "40.00".to_owned()));
    assert_eq!(stage(&world), ("gone", 8 * DAY_MS));
    world.batch([assigned(of_bob.sighting, person(2))]);
    let parted = &world.profiles[&person(1)];
    assert_eq!((&parted.value, &parted.lifecycle), (&alone.value, &alone.lifecycle));
    world.batch([unassigned(of_ann.sighting), unassigned(of_bob.sighting)]);
    assert_eq!(world.profiles.len(), 0);
    assert_eq!(world.pass(1_000 * DAY_MS), []);
}

#[test]
fn what_the_timers_set_off_survives_a_restart_and_comes_once() {
    let mut world = world(short_stages());
    tell(&mut world, &[bought(ann(), 0, order("O-1", "30", 1))]);
    // Each batch is handled by a stage that was just made: all that it knows of timers is in the state.
    let before = (world.people.clone(), world.profiles.clone());
    world.pass(2 * DAY_MS);
    let after = world.people.clone();
    (world.people, world.profiles) = before;
    world.pass(2 * DAY_MS);
    assert!(world.people == after, "done again after a crash, it is the same");
    assert_eq!(world.pass(2 * DAY_MS), []);
}

fn a_touchpoint() -> impl Strategy<Value = Touchpoint> {
    let status = prop::sample::select(vec![OrderStatus::Placed, OrderStatus::Placed, OrderStatus::Cancelled]);
    let order_of = prop::option::of((0..5_u8, 1..90_i64, status));
    (0..40_i64, any::<bool>(), order_of).prop_map(|(quarter_days, is_ann, order_of)| {
        let (ms, who) = (quarter_days * DAY_MS / 4, if is_ann { ann() } else { bob() });
        match order_of {
            Some((id, euros, status)) => {
                let order = Order { status, ..order(&format!("O-{id}"), &euros.to_string(), 1) };
                bought(who, ms, order)
            }
            None => touchpoint(&format!("seen-{ms}"), ms, vec![who]),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_was_heard_when_all_is_as_if_it_had_been_folded_at_the_end(
        touchpoints in vec(a_touchpoint(), 1..12),
        heard in vec(0..15_i64, 12),
    ) {
        let settings = || Settings { lifecycle: short_stages().lifecycle, ..with_model(2) };
        let mut step_by_step = world(settings());
        let mut told: Vec<(i64, &Touchpoint)> = heard.iter().copied().zip(&touchpoints).collect();
        told.sort_by_key(|(day, _)| *day);
        for (day, touchpoint) in told {
            step_by_step.pass(day * DAY_MS);
            tell(&mut step_by_step, std::slice::from_ref(touchpoint));
            prop_assert_eq!(step_by_step.check_sums(), Ok(()));
        }
        step_by_step.pass(17 * DAY_MS);
        let mut at_once = world(settings());
        at_once.now = at(17 * DAY_MS);
        tell(&mut at_once, &touchpoints);
        prop_assert!(step_by_step.bytes() == at_once.bytes());
        prop_assert_eq!(at_once.pass(17 * DAY_MS), []);
    }
}
