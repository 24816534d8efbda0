//! Laws of the lifecycle, over all facts and many rules.

use kinfold_model::{Amount, Timestamp};
use kinfold_value::lifecycle::{Change, Order, RevenueMin, Stage};
use kinfold_value::{Facts, History, Lifecycle, LifecycleRules, Summary, Timeline, Totals};
use proptest::prelude::*;

const HOUR_MS: i64 = 3_600_000;

#[test]
fn where_somebody_stands_and_what_they_paid_is_not_printed() {
    let change = Change { stage: "Extraordinary".to_owned(), time: Timestamp::default() };
    let lifecycle =
        Lifecycle { stage: "Extraordinary".to_owned(), since: change.time, changes: vec![change] };
    let (paid, time) = (amount(471_113), Timestamp::default());
    let totals = Totals { orders: 1, first_order: time, last_order: time, revenue: paid };
    let history = History::new(1, 2, 3).expect("they do not contradict each other");
    let summary = Summary { history, repeat_mean: Some(4711.13), mean: paid };
    let printed = format!("{lifecycle:?} {lifecycle:#?} {totals:?} {totals:#?} {summary:?} {summary:#?}");
    assert!(!printed.contains("Extraordinary") && !printed.contains("4711"), "{printed}");
}

/// Within some weeks, at full hours, so that times fall together.
fn time() -> impl Strategy<Value = Timestamp> {
    (0..1_000_i64).prop_map(|hour| Timestamp::default().plus_millis(hour * HOUR_MS))
}

fn amount(cents: i64) -> Amount {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100).parse().expect("an amount")
}

fn order() -> impl Strategy<Value = Order> {
    let cents = prop_oneof![2 => 0..5_000_i64, 1 => -5_000..0_i64];
    (time(), cents, prop::sample::select(vec!["EUR", "USD"])).prop_map(|(time, cents, currency)| Order {
        time,
        amount: amount(cents),
        currency: currency.parse().expect("a currency"),
    })
}

fn facts() -> impl Strategy<Value = Facts> {
    let (orders, seen) = (prop::collection::vec(order(), 0..8), prop::collection::vec(time(), 0..6));
    (time(), time(), prop::option::of(time()), orders, seen).prop_map(|(a, b, identified, orders, seen)| {
        Facts { first_seen: a.min(b), last_seen: a.max(b), identified, orders, seen }
    })
}

/// Of anything, or of revenue alone: of all that a stage asks for together, hardly anybody has it.
fn stage() -> impl Strategy<Value = Stage> {
    prop_oneof![
        2 => any_stage(),
        1 => (0..9_000_i64).prop_map(|cents| Stage { revenue_min: Some(revenue_min(cents)), ..Stage::default() }),
    ]
}

fn revenue_min(cents: i64) -> RevenueMin {
    RevenueMin { currency: "EUR".parse().expect("a currency"), amount: amount(cents) }
}

fn any_stage() -> impl Strategy<Value = Stage> {
    let days = || prop::option::of(0..20_u32);
    let counts = (prop::option::of(any::<bool>()), prop::option::of(0..4_u32), prop::option::of(4..8_u32));
    let revenue = prop::option::of((0..9_000_i64).prop_map(revenue_min));
    (counts, days(), days(), days(), days(), days(), revenue).prop_map(
        |((identified, orders_min, orders_max), order, quiet, seen, unseen, age_days_min, revenue_min)| {
            Stage {
                name: String::new(),
                identified,
                orders_min,
                orders_max,
                days_since_order_min: order,
                days_since_order_max: quiet.map(|days| days + 20),
                days_since_seen_min: seen,
                days_since_seen_max: unseen.map(|days| days + 20),
                age_days_min,
                revenue_min,
            }
        },
    )
}

/// Half of them ask when somebody was seen. Under the others no touchpoint is a point in time unless something else makes it one.
fn rules() -> impl Strategy<Value = LifecycleRules> {
    (prop::collection::vec(stage(), 0..6), any::<bool>()).prop_map(|(mut stages, ask_when_seen)| {
        let free = Stage::default();
        for stage in stages.iter_mut().filter(|_| !ask_when_seen) {
            (stage.days_since_seen_min, stage.days_since_seen_max) = (None, None);
        }
        let mut all = vec![Stage { name: "anybody".to_owned(), ..Stage::default() }];
        for (place, stage) in stages.into_iter().filter(|stage| *stage != free).enumerate() {
            all.push(Stage { name: format!("s{place}"), ..stage });
        }
        LifecycleRules::new(all).expect("have no fault")
    })
}

/// The stage by the words of the documentation, without points in time and without sorting.
fn stage_by_the_words<'r>(rules: &'r LifecycleRules, facts: &Facts, now: Timestamp) -> &'r str {
    let day = |from: Timestamp, to: Timestamp| u32::try_from((to.millis() - from.millis()) / (24 * HOUR_MS));
    let told = facts.seen.iter().copied().chain(facts.identified).chain([facts.first_seen, facts.last_seen]);
    let seen: Vec<Timestamp> = told.chain(facts.orders.iter().map(|order| order.time)).collect();
    let first = *seen.iter().min().expect("there is one");
    let now = now.max(first);
    let orders: Vec<&Order> = facts.orders.iter().filter(|order| order.time <= now).collect();
    let bought = || orders.iter().filter(|order| order.amount >= Amount::default());
    let ago = |last: Option<Timestamp>| last.map(|last| day(last, now).expect("is not negative"));
    let since_order = ago(bought().map(|order| order.time).max());
    let since_seen = ago(seen.iter().copied().filter(|time| *time <= now).max());
    let count = u32::try_from(bought().count()).expect("are few");
    let holds = |stage: &Stage| {
        let least =
            |least: Option<u32>, is: Option<u32>| least.is_none_or(|least| is.is_some_and(|is| is >= least));
        let most =
            |most: Option<u32>, is: Option<u32>| most.is_none_or(|most| is.is_some_and(|is| is <= most));
        let mut sum = Amount::default();
        let asked = stage.revenue_min.as_ref();
        for order in orders.iter().filter(|order| asked.is_some_and(|asked| asked.currency == order.currency))
        {
            sum += order.amount;
        }
        stage.identified.is_none_or(|wanted| wanted == facts.identified.is_some_and(|since| since <= now))
            && least(stage.orders_min, Some(count))
            && most(stage.orders_max, Some(count))
            && least(stage.days_since_order_min, since_order)
            && most(stage.days_since_order_max, since_order)
            && least(stage.days_since_seen_min, since_seen)
            && most(stage.days_since_seen_max, since_seen)
            && least(stage.age_days_min, day(first, now).ok())
            && asked.is_none_or(|asked| sum >= asked.amount)
    };
    &rules.stages().iter().rev().find(|stage| holds(stage)).expect("the first always holds").name
}

fn hours(from: i64, to: i64) -> impl Iterator<Item = Timestamp> {
    (from..to).map(|hour| Timestamp::default().plus_millis(hour * HOUR_MS))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn the_stage_is_what_the_words_say_at_every_time(rules in rules(), facts in facts()) {
        let timeline = Timeline::new(&rules, &facts);
        for now in hours(-30, 2_100) {
            prop_assert_eq!(timeline.stage_at(now), stage_by_the_words(&rules, &facts, now));
        }
    }

    #[test]
    fn since_and_the_changes_are_where_the_stage_changed(rules in rules(), facts in facts(), now in 0..2_000_i64) {
        let timeline = Timeline::new(&rules, &facts);
        let now = Timestamp::default().plus_millis(now * HOUR_MS + 1);
        let lifecycle = timeline.lifecycle(now);
        prop_assert_eq!(&lifecycle.stage, timeline.stage_at(now));
        prop_assert_eq!(lifecycle.changes.first().map(|change| (&change.stage, change.time)), Some((&lifecycle.stage, lifecycle.since)));
        let mut stage = timeline.stage_at(Timestamp::MIN).to_owned();
        let mut changes = Vec::new();
        for time in hours(0, 2_002).take_while(|time| *time <= now) {
            if timeline.stage_at(time) != stage {
                stage = timeline.stage_at(time).to_owned();
                changes.push((stage.clone(), time));
            }
        }
        let told: Vec<_> = lifecycle.changes.iter().rev().map(|change| (change.stage.clone(), change.time)).collect();
        // The first stage of all begins with the first touchpoint.
        let begun = told.len() > changes.len();
        prop_assert!(told.len() <= 8 && (told.len() == 8 || begun));
        let expected = if begun { &changes[..] } else { &changes[changes.len() - told.len()..] };
        prop_assert_eq!(&told[usize::from(begun)..], expected);
    }

    #[test]
    fn the_next_change_is_exact(rules in rules(), facts in facts(), now in 0..1_200_i64) {
        let timeline = Timeline::new(&rules, &facts);
        let now = Timestamp::default().plus_millis(now * HOUR_MS);
        let stage = timeline.stage_at(now);
        match timeline.next_change(now) {
            Some(next) => {
                prop_assert!(next > now);
                prop_assert_ne!(timeline.stage_at(next), stage);
                prop_assert_eq!(timeline.stage_at(next.plus_millis(-1)), stage);
                for time in hours(0, 2_100).filter(|time| (now..next).contains(time)) {
                    prop_assert_eq!(timeline.stage_at(time), stage);
                }
            }
            None => {
                for time in hours(0, 3_000).filter(|time| *time >= now).chain([Timestamp::MAX]) {
                    prop_assert_eq!(timeline.stage_at(time), stage);
                }
            }
        }
    }

    #[test]
    fn the_order_of_facts_does_not_matter(rules in rules(), facts in facts(), now in time()) {
        let mut other = facts.clone();
        other.orders.reverse();
        other.seen.reverse();
        other.seen.extend(facts.seen.clone());
        let (one, two) = (Timeline::new(&rules, &facts), Timeline::new(&rules, &other));
        prop_assert_eq!(one.lifecycle(now), two.lifecycle(now));
        prop_assert_eq!(one.next_change(now), two.next_change(now));
    }

    #[test]
    fn times_at_the_end_of_all_times_are_times(rules in rules()) {
        let end = Timestamp::MAX;
        let order = Order { time: end, amount: amount(100), currency: "EUR".parse().expect("a currency") };
        let facts = Facts { first_seen: Timestamp::MIN, last_seen: end, identified: Some(end), orders: vec![order], seen: vec![end] };
        let timeline = Timeline::new(&rules, &facts);
        prop_assert_eq!(timeline.next_change(end), None);
        prop_assert_eq!(timeline.lifecycle(end).stage, stage_by_the_words(&rules, &facts, end));
    }
}
