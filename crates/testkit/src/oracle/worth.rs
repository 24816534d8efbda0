//! What somebody is worth and where they stand, from all their touchpoints at once, in the words of `docs/value.md`.
//!
//! The figures of a value come from the model, whose own tests hold them against published ones; what is bought when, and as of which
//! day, is found out here. A stage is looked for at each time at which it might begin.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::profile::{ProfileIdentifier, ProfileLifecycle, ProfileValue, StageChange};
use kinfold_model::{Amount, Timestamp, Touchpoint};
use kinfold_profile::Settings;
use kinfold_value::lifecycle::Stage;
use kinfold_value::{Day, Purchases, value};

use super::metrics::{Settled, orders};

const DAY_MS: i64 = 86_400_000;
const HALF_HOUR_MS: i64 = 1_800_000;
/// As many changes as are told.
const CHANGES: usize = 8;

/// What they are worth now.
pub(super) fn worth(
    touchpoints: &[&Touchpoint],
    settings: &Settings,
    now: Timestamp,
) -> Option<ProfileValue> {
    let valuation = settings.valuation.as_ref()?;
    let meaning = valuation.model.meaning();
    let orders = standing_orders(touchpoints, settings);
    let bought = orders.iter().filter(|order| order.said.currency == meaning.currency);
    let bought: Vec<(Day, Amount)> = bought.map(|order| (Day::of(order.placed), order.net())).collect();
    // The first day of the cell, or a later one in it on which they bought. A cell of the grid begins on 1970-01-05.
    let length = i64::from(valuation.refresh.days());
    let day = |time: Timestamp| time.millis().div_euclid(DAY_MS);
    let first = day(now) - (day(now) - 4).rem_euclid(length);
    let paid = bought.iter().filter(|(_, amount)| *amount >= Amount::default());
    let in_cell = paid.map(|(day, _)| day.number()).filter(|day| *day < first + length);
    let as_of = in_cell.chain([first]).max()?;
    let as_of = Day::of(Timestamp::from_millis(as_of * DAY_MS).ok()?);
    let by_then = purchases(bought.into_iter().filter(|(day, _)| *day <= as_of));
    let worth = value(&by_then.into_iter().collect::<Purchases>(), &valuation.model, as_of)?;
    Some(ProfileValue {
        recency_days: worth.recency_days.into(),
        frequency: worth.frequency.into(),
        monetary: worth.monetary,
        currency: worth.currency,
        recency_score: worth.scores.recency.into(),
        frequency_score: worth.scores.frequency.into(),
        monetary_score: worth.scores.monetary.into(),
        expected_purchases: worth.expected_orders.to_f64(),
        alive: worth.alive.to_f64(),
        lifetime_value: worth.clv,
        horizon_days: meaning.horizon_days.into(),
        model: worth.model,
        as_of: worth.as_of.to_string(),
    })
}

/// The days on which they bought, each with what they paid and did not get back. What was paid back on a day comes off the last day by
/// then that had as much, or else off the last ones that had any; worlds are shorter than the days that are looked at.
fn purchases(orders: impl Iterator<Item = (Day, Amount)>) -> Vec<(Day, Amount)> {
    let nothing = Amount::default();
    let (refunds, paid): (Vec<_>, Vec<_>) = orders.partition(|(_, amount)| *amount < nothing);
    let mut left: BTreeMap<Day, Amount> = BTreeMap::new();
    paid.into_iter().for_each(|(day, amount)| *left.entry(day).or_default() += amount);
    let mut sums: BTreeMap<Day, Amount> = BTreeMap::new();
    refunds.into_iter().for_each(|(day, amount)| *sums.entry(day).or_default() += amount);
    for (day, sum) in sums {
        let mut back = nothing - sum;
        loop {
            let some = left.range(..=day).filter(|(_, paid)| **paid > nothing);
            let some: Vec<(Day, Amount)> = some.map(|(day, paid)| (*day, *paid)).collect();
            let as_much = some.iter().rfind(|(_, paid)| *paid >= back);
            let Some((from, paid)) = as_much.or(some.last()).copied() else { break };
            left.insert(from, if paid > back { paid - back } else { nothing });
            if paid >= back {
                break;
            }
            back = back - paid;
        }
    }
    left.into_iter().collect()
}

/// Where they stand now, and how they came there.
pub(super) fn lifecycle(
    touchpoints: &[&Touchpoint],
    identifiers: &[ProfileIdentifier],
    settings: &Settings,
    now: Timestamp,
) -> ProfileLifecycle {
    let past = Past::new(touchpoints, identifiers, settings);
    let mut changes: Vec<StageChange> = Vec::new();
    for time in past.times(settings).into_iter().filter(|time| *time <= now.max(past.first)) {
        let stage = past.stage(settings, time);
        if changes.last().is_none_or(|last| last.stage != stage) {
            changes.push(StageChange { stage, time });
        }
    }
    changes.reverse();
    changes.truncate(CHANGES);
    let StageChange { stage, time } =
        changes.first().cloned().expect("a first touchpoint is the first change");
    ProfileLifecycle { stage, since: time, changes }
}

fn standing_orders<'t>(touchpoints: &[&'t Touchpoint], settings: &Settings) -> Vec<Settled<'t>> {
    orders(touchpoints, settings).into_iter().filter(|order| !order.is_cancelled()).collect()
}

/// What happened when.
struct Past<'t> {
    first: Timestamp,
    identified: Option<Timestamp>,
    orders: Vec<Settled<'t>>,
    /// Half-hours and the two ends.
    seen: BTreeSet<Timestamp>,
}

impl<'t> Past<'t> {
    fn new(touchpoints: &[&'t Touchpoint], identifiers: &[ProfileIdentifier], settings: &Settings) -> Self {
        let times: BTreeSet<Timestamp> = touchpoints.iter().map(|one| one.time).collect();
        let (first, last) = times.first().copied().zip(times.last().copied()).expect("there is a touchpoint");
        let half_hour = |time: &Timestamp| {
            let begin = time.millis() / HALF_HOUR_MS * HALF_HOUR_MS;
            Timestamp::from_millis(begin).expect("worlds are of our time").max(first)
        };
        let orders = standing_orders(touchpoints, settings);
        let bought = orders.iter().map(|order| order.placed);
        let personal = identifiers.iter().filter(|one| settings.personal.contains(&one.namespace));
        let identified = personal.map(|one| one.first_seen).min();
        let seen = times.iter().map(half_hour).chain([first, last]).chain(bought).chain(identified).collect();
        Self { first, identified, orders, seen }
    }

    /// All that happened, and every whole day after it that a stage might ask for.
    fn times(&self, settings: &Settings) -> BTreeSet<Timestamp> {
        let stages = settings.lifecycle.stages().iter();
        let asked = stages.flat_map(|stage| {
            [
                stage.days_since_order_min,
                stage.days_since_order_max,
                stage.days_since_seen_min,
                stage.days_since_seen_max,
                stage.age_days_min,
            ]
        });
        let days = asked.flatten().max().unwrap_or_default() + 1;
        let later = |time: &Timestamp| {
            let time = *time;
            (0..=i64::from(days)).map(move |day| time.plus_millis(day * DAY_MS))
        };
        self.seen.iter().flat_map(later).filter(|time| *time >= self.first).collect()
    }

    /// The last stage of which everything holds.
    fn stage(&self, settings: &Settings, time: Timestamp) -> String {
        let holds = |stage: &&Stage| self.holds(stage, time);
        settings.lifecycle.stages().iter().rfind(holds).map(|stage| stage.name.clone()).unwrap_or_default()
    }

    fn holds(&self, stage: &Stage, time: Timestamp) -> bool {
        let days = |since: Timestamp| (time.millis() - since.millis()) / DAY_MS;
        let by_then: Vec<&Settled<'_>> = self.orders.iter().filter(|order| order.placed <= time).collect();
        // A refund is none of them, and lowers the revenue.
        let bought: Vec<_> = by_then.iter().filter(|order| order.net() >= Amount::default()).collect();
        let since_order = bought.iter().map(|order| days(order.placed)).min();
        let since_seen = self.seen.iter().filter(|seen| **seen <= time).map(|seen| days(*seen)).min();
        let least = |asked: Option<u32>, is: Option<i64>| {
            asked.is_none_or(|asked| is.is_some_and(|is| is >= i64::from(asked)))
        };
        let most = |asked: Option<u32>, is: Option<i64>| {
            asked.is_none_or(|asked| is.is_some_and(|is| is <= i64::from(asked)))
        };
        let orders = i64::try_from(bought.len()).ok();
        let is_identified = self.identified.is_some_and(|since| since <= time);
        let has_paid = stage.revenue_min.as_ref().is_none_or(|asked| {
            let mut sum = Amount::default();
            let of = by_then.iter().filter(|order| order.said.currency == asked.currency);
            of.for_each(|order| sum += order.net());
            sum >= asked.amount
        });
        stage.identified.is_none_or(|asked| asked == is_identified)
            && least(stage.orders_min, orders)
            && most(stage.orders_max, orders)
            && least(stage.days_since_order_min, since_order)
            && most(stage.days_since_order_max, since_order)
            && least(stage.days_since_seen_min, since_seen)
            && most(stage.days_since_seen_max, since_seen)
            && least(stage.age_days_min, Some(days(self.first)))
            && has_paid
    }
}
