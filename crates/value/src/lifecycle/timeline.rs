//! The stage of somebody over time. In: rules and facts. Out: their stage at any time, its last changes, and the next.
//!
//! Conditions are about counts and days, so a stage can change only when something happened, and a number of whole days after it.
//! These points are finite in number, and between two of them nothing changes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use kinfold_model::profile::ProfileIdentifier;
use kinfold_model::{Amount, Contested, Currency, Namespace, Rules, Timestamp};
use serde::{Deserialize, Serialize};

use super::rules::{LifecycleRules, RevenueMin, Stage};
use crate::day::DAY_MS;
use crate::limits::CHANGES_MAX;

/// What is known of somebody, in any order and with any repetition but of orders.
#[derive(Clone, PartialEq, Eq)]
pub struct Facts {
    /// Time of the first touchpoint.
    pub first_seen: Timestamp,
    /// Time of the last.
    pub last_seen: Timestamp,
    /// Since when an identifier of theirs is that of a person, as [`identified`] tells it.
    pub identified: Option<Timestamp>,
    /// Each once.
    pub orders: Vec<Order>,
    /// Other times at which they were seen, as far as they are kept. What is not kept counts as if they had not been there, so these
    /// must be a function of the touchpoints, and not of when they came.
    pub seen: Vec<Timestamp>,
}

/// An order.
#[derive(Clone, PartialEq, Eq)]
pub struct Order {
    /// When it was placed.
    pub time: Timestamp,
    /// What it was worth; less than nothing for a refund, which lowers the revenue and counts for nothing else.
    pub amount: Amount,
    /// In what.
    pub currency: Currency,
}

impl fmt::Debug for Facts {
    /// What somebody bought is their own affair.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "facts with {} orders", self.orders.len())
    }
}

impl fmt::Debug for Order {
    /// When, and not what for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an order at {}", self.time)
    }
}

/// A stage that begins.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The name of the stage.
    pub stage: String,
    /// Its first moment.
    pub time: Timestamp,
}

impl fmt::Debug for Change {
    /// When, and not what to.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a change at {}", self.time)
    }
}

/// Where somebody stands.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifecycle {
    /// The name of the stage.
    pub stage: String,
    /// Since when; the stage before was another one, or there was none.
    pub since: Timestamp,
    /// The last changes, the newest first, at most [`CHANGES_MAX`]. The first of them is `stage` and `since`.
    pub changes: Vec<Change>,
}

impl fmt::Debug for Lifecycle {
    /// Where somebody stands is not for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lifecycle of {} changes", self.changes.len())
    }
}

/// The namespaces whose identifiers are those of a person, and not of a device, which is `contested = "apart"`.
#[must_use]
pub fn personal(rules: &Rules) -> BTreeSet<Namespace> {
    let of_a_person = rules.namespaces.iter().filter(|(_, rules)| rules.contested != Contested::Apart);
    of_a_person.map(|(name, _)| name.clone()).collect()
}

/// Since when somebody has an identifier of one of these namespaces; `None` without any.
#[must_use]
pub fn identified(personal: &BTreeSet<Namespace>, identifiers: &[ProfileIdentifier]) -> Option<Timestamp> {
    let of_a_person = identifiers.iter().filter(|identifier| personal.contains(&identifier.namespace));
    of_a_person.map(|identifier| identifier.first_seen).min()
}

/// The stages of somebody over all time.
pub struct Timeline<'r> {
    rules: &'r LifecycleRules,
    first: Timestamp,
    identified: Option<Timestamp>,
    /// Ascending.
    seen: Vec<Timestamp>,
    /// Ascending; one for each order that is no refund: who sends something back has not bought anew.
    orders: Vec<Timestamp>,
    /// By currency, what orders up to a time amount to. Only of those that the rules ask for.
    revenue: BTreeMap<Currency, Vec<(Timestamp, Amount)>>,
    /// Ascending, each once: the only times at which a stage may begin. The first is `first`.
    points: Vec<Timestamp>,
}

impl<'r> Timeline<'r> {
    /// Of these facts under these rules.
    #[must_use]
    pub fn new(rules: &'r LifecycleRules, facts: &Facts) -> Self {
        let bought = facts.orders.iter().filter(|order| order.amount >= Amount::default());
        let orders = sorted(bought.map(|order| order.time));
        let told =
            facts.seen.iter().copied().chain(facts.identified).chain([facts.first_seen, facts.last_seen]);
        let mut seen = sorted(told.chain(facts.orders.iter().map(|order| order.time)));
        seen.dedup();
        let mut timeline = Self {
            rules,
            first: seen.first().copied().unwrap_or(facts.first_seen),
            identified: facts.identified,
            revenue: revenue(rules, &facts.orders),
            seen,
            orders,
            points: Vec::new(),
        };
        timeline.points = timeline.possible_changes();
        timeline
    }

    /// The stage at a time, of what had happened by then. Before the first touchpoint it is the stage at it.
    #[must_use]
    pub fn stage_at(&self, time: Timestamp) -> &'r str {
        let time = time.max(self.first);
        let stages = self.rules.stages();
        let last = stages.iter().rev().find(|stage| self.holds(stage, time));
        // The first stage has no condition.
        last.or(stages.first()).map_or("", |stage| &stage.name)
    }

    /// Where somebody stands now.
    #[must_use]
    pub fn lifecycle(&self, now: Timestamp) -> Lifecycle {
        let begun = self.points.partition_point(|point| *point <= now.max(self.first));
        let mut points = self.points[..begun].iter().rev().peekable();
        let mut changes = Vec::new();
        while let Some(point) = points.next()
            && changes.len() < CHANGES_MAX
        {
            let stage = self.stage_at(*point);
            if points.peek().is_none_or(|before| self.stage_at(**before) != stage) {
                changes.push(Change { stage: stage.to_owned(), time: *point });
            }
        }
        Lifecycle {
            stage: self.stage_at(now).to_owned(),
            since: changes.first().map_or(self.first, |change| change.time),
            changes,
        }
    }

    /// When the stage will be another one than now, if nothing more happens than is known; `None`: never.
    #[must_use]
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let begun = self.points.partition_point(|point| *point <= now.max(self.first));
        let stage = self.stage_at(now);
        self.points[begun..].iter().copied().find(|point| self.stage_at(*point) != stage)
    }

    fn holds(&self, stage: &Stage, time: Timestamp) -> bool {
        let orders = self.orders.partition_point(|order| *order <= time);
        let since_order =
            orders.checked_sub(1).and_then(|last| Some(whole_days(*self.orders.get(last)?, time)));
        let seen = self.seen.partition_point(|seen| *seen <= time);
        let since_seen = seen.checked_sub(1).and_then(|last| Some(whole_days(*self.seen.get(last)?, time)));
        let orders = u32::try_from(orders).unwrap_or(u32::MAX);
        let identified = self.identified.is_some_and(|since| since <= time);
        stage.identified.is_none_or(|wanted| wanted == identified)
            && within(Some(orders), stage.orders_min, stage.orders_max)
            && within(since_order, stage.days_since_order_min, stage.days_since_order_max)
            && within(since_seen, stage.days_since_seen_min, stage.days_since_seen_max)
            && within(Some(whole_days(self.first, time)), stage.age_days_min, None)
            && stage.revenue_min.as_ref().is_none_or(|wanted| self.revenue_by(wanted, time) >= wanted.amount)
    }

    fn revenue_by(&self, RevenueMin { currency, .. }: &RevenueMin, time: Timestamp) -> Amount {
        let sums = self.revenue.get(currency).map_or(&[][..], Vec::as_slice);
        let by_then = &sums[..sums.partition_point(|(order, _)| *order <= time)];
        by_then.last().map_or_else(Amount::default, |(_, sum)| *sum)
    }

    /// What happened, and the days after it that a rule asks for. A most of so many days ends with the next one. Days after
    /// something are of no interest once it happened again. A refund is no order, and what all amount to is less from it on.
    fn possible_changes(&self) -> Vec<Timestamp> {
        let rules = self.rules.stages().iter();
        let days = |of: &dyn Fn(&Stage) -> [Option<u32>; 2]| {
            let least_and_most = |stage| {
                let [least, most] = of(stage);
                [least, most.map(|days| days + 1)]
            };
            rules.clone().flat_map(least_and_most).flatten().collect::<Vec<u32>>()
        };
        let since_order = days(&|stage| [stage.days_since_order_min, stage.days_since_order_max]);
        let since_seen = days(&|stage| [stage.days_since_seen_min, stage.days_since_seen_max]);
        let age = days(&|stage| [stage.age_days_min, None]);
        let mut points = vec![self.first];
        points.extend(self.identified);
        points.extend(self.revenue.values().flatten().map(|(time, _)| *time));
        points.extend(age.iter().map(|days| after(self.first, *days)));
        let mut of = |times: &[Timestamp], days: &[u32]| {
            for (place, time) in times.iter().enumerate() {
                points.push(*time);
                let again = times.get(place + 1);
                let quiet = days.iter().map(|days| after(*time, *days));
                points.extend(quiet.filter(|point| again.is_none_or(|again| point < again)));
            }
        };
        of(&self.orders, &since_order);
        if !since_seen.is_empty() {
            of(&self.seen, &since_seen);
        }
        points.sort_unstable();
        points.dedup();
        points
    }
}

fn sorted(times: impl Iterator<Item = Timestamp>) -> Vec<Timestamp> {
    let mut times: Vec<Timestamp> = times.collect();
    times.sort_unstable();
    times
}

fn revenue(rules: &LifecycleRules, orders: &[Order]) -> BTreeMap<Currency, Vec<(Timestamp, Amount)>> {
    let asked = rules.stages().iter().filter_map(|stage| stage.revenue_min.as_ref());
    let sums = asked.map(|RevenueMin { currency, .. }| {
        let mut of: Vec<(Timestamp, Amount)> = orders
            .iter()
            .filter(|order| order.currency == *currency)
            .map(|order| (order.time, order.amount))
            .collect();
        of.sort_unstable();
        let mut sum = Amount::default();
        for (_, amount) in &mut of {
            sum += *amount;
            *amount = sum;
        }
        (currency.clone(), of)
    });
    sums.collect()
}

/// `None` is within what asks for nothing.
fn within(value: Option<u32>, least: Option<u32>, most: Option<u32>) -> bool {
    least.is_none_or(|least| value.is_some_and(|value| value >= least))
        && most.is_none_or(|most| value.is_some_and(|value| value <= most))
}

fn whole_days(from: Timestamp, to: Timestamp) -> u32 {
    u32::try_from((to.millis() - from.millis()).div_euclid(DAY_MS)).unwrap_or(0)
}

fn after(time: Timestamp, days: u32) -> Timestamp {
    time.plus_millis(i64::from(days) * DAY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kinfold_model::Namespace;

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn order(text: &str) -> Order {
        let amount = "20.00".parse().expect("an amount");
        Order { time: time(text), amount, currency: "EUR".parse().expect("a currency") }
    }

    fn ann() -> Facts {
        Facts {
            first_seen: time("2026-01-01T08:00:00Z"),
            last_seen: time("2026-02-10T12:00:00Z"),
            identified: Some(time("2026-01-05T08:00:00Z")),
            orders: vec![order("2026-02-10T12:00:00Z"), order("2026-01-05T09:00:00Z")],
            seen: Vec::new(),
        }
    }

    #[test]
    fn somebody_goes_from_stage_to_stage() {
        let (rules, facts) = (LifecycleRules::default(), ann());
        let timeline = Timeline::new(&rules, &facts);
        let lifecycle = timeline.lifecycle(time("2027-03-01T00:00:00Z"));
        let changes: Vec<(&str, String)> = lifecycle
            .changes
            .iter()
            .rev()
            .map(|change| (change.stage.as_str(), change.time.to_string()))
            .collect();
        assert_eq!(
            changes,
            [
                ("anonymous", "2026-01-01T08:00:00.000Z".to_owned()),
                ("prospect", "2026-01-05T08:00:00.000Z".to_owned()),
                ("customer", "2026-01-05T09:00:00.000Z".to_owned()),
                ("repeat", "2026-02-10T12:00:00.000Z".to_owned()),
                ("at_risk", "2026-05-11T12:00:00.000Z".to_owned()),
                ("lapsed", "2027-02-10T12:00:00.000Z".to_owned()),
            ]
        );
        assert_eq!((lifecycle.stage.as_str(), lifecycle.since), ("lapsed", time("2027-02-10T12:00:00Z")));
    }

    #[test]
    fn the_next_change_is_told_in_advance() {
        let (rules, facts) = (LifecycleRules::default(), ann());
        let timeline = Timeline::new(&rules, &facts);
        let next = timeline.next_change(time("2026-03-01T00:00:00Z"));
        assert_eq!(next, Some(time("2026-05-11T12:00:00Z")));
        assert_eq!(timeline.next_change(time("2027-02-10T12:00:00Z")), None);
    }

    #[test]
    fn who_lapsed_and_buys_again_is_back_at_once() {
        let (rules, mut facts) = (LifecycleRules::default(), ann());
        facts.orders.push(order("2027-06-01T00:00:00Z"));
        let lifecycle = Timeline::new(&rules, &facts).lifecycle(time("2027-06-02T00:00:00Z"));
        assert_eq!((lifecycle.stage.as_str(), lifecycle.changes[1].stage.as_str()), ("repeat", "lapsed"));
    }

    #[test]
    fn revenue_counts_in_its_currency_and_from_the_order_that_reaches_it() {
        let text = "[[stages]]\nname = \"any\"\n[[stages]]\nname = \"big\"\nrevenue_min = { currency = \"EUR\", amount = \"40\" }";
        let rules: LifecycleRules = toml::from_str(text).expect("are rules");
        let mut facts = ann();
        assert_eq!(
            Timeline::new(&rules, &facts).lifecycle(time("2026-03-01T00:00:00Z")).since,
            time("2026-02-10T12:00:00Z")
        );
        facts.orders[0].currency = "USD".parse().expect("a currency");
        assert_eq!(Timeline::new(&rules, &facts).stage_at(time("2026-03-01T00:00:00Z")), "any");
    }

    #[test]
    fn a_refund_that_takes_revenue_below_its_least_is_a_change_on_its_day() {
        let text = "[[stages]]\nname = \"any\"\n[[stages]]\nname = \"customer\"\norders_min = 1\n\
                    [[stages]]\nname = \"vip\"\nrevenue_min = { currency = \"EUR\", amount = \"500\" }";
        let rules: LifecycleRules = toml::from_str(text).expect("are rules");
        let (bought, back) = ("2026-03-01T12:00:00Z", "2026-03-10T12:00:00Z");
        let worth = |amount: &str, text| Order { amount: amount.parse().expect("an amount"), ..order(text) };
        let orders = vec![worth("600", bought), worth("-300", back)];
        let facts = Facts {
            first_seen: time(bought),
            last_seen: time(back),
            identified: None,
            orders,
            seen: Vec::new(),
        };
        let timeline = Timeline::new(&rules, &facts);
        assert_eq!(timeline.next_change(time(bought)), Some(time(back)));
        let is = timeline.lifecycle(time("2026-03-20T00:00:00Z"));
        let changes: Vec<(&str, Timestamp)> =
            is.changes.iter().map(|change| (change.stage.as_str(), change.time)).collect();
        assert_eq!((is.stage.as_str(), is.since), ("customer", time(back)));
        assert_eq!(changes, [("customer", time(back)), ("vip", time(bought))]);
    }

    #[test]
    fn a_device_identifies_nobody() {
        let identifier = |namespace: &str, first: &str| ProfileIdentifier {
            namespace: Namespace::new(namespace),
            value: "v".to_owned(),
            first_seen: time(first),
            last_seen: time(first),
            undeliverable: None,
            verified: None,
            verify_again: None,
            stale: None,
        };
        let personal = personal(&Rules::default());
        let cookie = identifier("cookie", "2026-01-01T00:00:00Z");
        assert_eq!(identified(&personal, std::slice::from_ref(&cookie)), None);
        let email = identifier("email", "2026-01-02T00:00:00Z");
        assert_eq!(identified(&personal, &[cookie, email]), Some(time("2026-01-02T00:00:00Z")));
    }
}
