//! What somebody bought when. In: orders, in any order. Out: [`Purchases`] by days, and what is known of them until a day.
//!
//! All that is bought on one day is one purchase: a basket that was sent as two orders is no sign of somebody who comes
//! back. It is also how the published figures came about that the tests compare with. A refund, which is an
//! order of a negative value, is no purchase: it lowers what was paid for those before it. One for which nothing was paid is one, as
//! it is in the published figures.

use std::collections::BTreeMap;
use std::fmt;

use kinfold_model::{Amount, Timestamp};

use crate::day::Day;
use crate::figure::{amount_of, units};
use crate::limits::PAID_BACK_DAYS_MAX;

/// The days on which somebody bought, and those on which something was paid back, in one currency. They are kept apart, because a
/// purchase is worth all that was paid for it until the day on which some of it came back.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Purchases {
    /// Ascending, each once.
    bought: Vec<(Day, Amount)>,
    /// Ascending, each once, and what was paid back as more than nothing.
    refunds: Vec<(Day, Amount)>,
}

impl FromIterator<(Day, Amount)> for Purchases {
    /// What was paid on one day is added up, and so is what was paid back on it.
    fn from_iter<I: IntoIterator<Item = (Day, Amount)>>(orders: I) -> Self {
        let nothing = Amount::default();
        let (mut bought, mut refunds) = (BTreeMap::<Day, Amount>::new(), BTreeMap::<Day, Amount>::new());
        for (day, amount) in orders {
            if amount < nothing {
                *refunds.entry(day).or_default() += nothing - amount;
            } else {
                *bought.entry(day).or_default() += amount;
            }
        }
        Self { bought: bought.into_iter().collect(), refunds: refunds.into_iter().collect() }
    }
}

/// Off the last day on which so much was paid; if there is none, off as many as it takes, the last first. What is more than all of
/// them was paid for something of which nobody told.
fn take_back(bought: &mut [(Day, Amount)], mut back: Amount) {
    let nothing = Amount::default();
    while back > nothing {
        let whole = bought.iter().rposition(|(_, paid)| *paid >= back);
        let place = whole.or_else(|| bought.iter().rposition(|(_, paid)| *paid > nothing));
        let Some((_, paid)) = place.and_then(|place| bought.get_mut(place)) else { return };
        let taken = back.min(*paid);
        (*paid, back) = (*paid - taken, back - taken);
    }
}

impl fmt::Debug for Purchases {
    /// What somebody bought is their own affair.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "purchases on {} days", self.bought.len())
    }
}

impl Purchases {
    /// By day, ascending, with what was paid on it, some of which may have come back later.
    #[must_use]
    pub fn days(&self) -> &[(Day, Amount)] {
        &self.bought
    }

    /// Of these those of that day and before.
    #[must_use]
    pub fn days_until(&self, day: Day) -> &[(Day, Amount)] {
        &self.bought[..self.bought.partition_point(|(bought, _)| *bought <= day)]
    }

    /// What is known at the end of that day: by day, ascending, what was paid on it and had not come back by then, which is never less
    /// than nothing. What was paid back on a day comes off purchases of that day and before, as if the source had said so of these.
    #[must_use]
    pub fn until(&self, day: Day) -> Vec<(Day, Amount)> {
        let mut left = self.days_until(day).to_vec();
        for (day, back) in self.refunds.iter().take_while(|(refunded, _)| *refunded <= day) {
            let by_then = left.partition_point(|(bought, _)| bought <= day);
            let lately = by_then.saturating_sub(PAID_BACK_DAYS_MAX);
            take_back(left.get_mut(lately..by_then).unwrap_or_default(), *back);
        }
        left
    }
}

/// When somebody bought, as far as models of repeat purchases want to know it. Made only of what can be: a repeat
/// purchase takes a day of its own, and no purchase is later than today.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct History {
    frequency: u32,
    recency_days: u32,
    age_days: u32,
}

impl History {
    /// `frequency`: repeat purchases, the first not among them. `recency_days`: from the first purchase to the last, 0 if
    /// there is one only. `age_days`: from the first purchase to today. `None` when they contradict each other.
    #[must_use]
    pub fn new(frequency: u32, recency_days: u32, age_days: u32) -> Option<Self> {
        let in_order = frequency <= recency_days && recency_days <= age_days;
        let together = (frequency == 0) == (recency_days == 0);
        (in_order && together).then_some(Self { frequency, recency_days, age_days })
    }

    /// Repeat purchases; 0 for somebody who bought once.
    #[must_use]
    pub fn frequency(self) -> u32 {
        self.frequency
    }

    /// Days from the first purchase to the last; 0 for somebody who bought once.
    #[must_use]
    pub fn recency_days(self) -> u32 {
        self.recency_days
    }

    /// Days from the first purchase to today.
    #[must_use]
    pub fn age_days(self) -> u32 {
        self.age_days
    }
}

/// What purchases until a day amount to.
#[derive(Clone, Copy, PartialEq)]
pub struct Summary {
    /// When they were.
    pub history: History,
    /// What was paid for a repeat purchase on average, in units of the currency; `None` for somebody who bought once. It is 0 where
    /// all of it came back, and less only where totals say so, in which refunds may outweigh.
    pub repeat_mean: Option<f64>,
    /// What was paid for a purchase on average, the first among them, to two digits.
    pub mean: Amount,
}

impl fmt::Debug for Summary {
    /// When, and not for how much.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "summary of {:?}", self.history)
    }
}

impl Summary {
    /// What is known at the end of that day; `None` for somebody who had not bought by then.
    #[must_use]
    pub fn of(purchases: &Purchases, until: Day) -> Option<Self> {
        let days = purchases.until(until);
        let ((first, first_paid), (last, _)) = (days.first()?, days.last()?);
        let frequency = u32::try_from(days.len() - 1).ok()?;
        let history = History::new(frequency, last.since(*first), until.since(*first))?;
        let mut total = Amount::default();
        days.iter().for_each(|(_, paid)| total += *paid);
        let repeats = units(total) - units(*first_paid);
        Some(Self {
            history,
            repeat_mean: (frequency > 0).then(|| repeats / f64::from(frequency)),
            mean: amount_of(units(total) / (f64::from(frequency) + 1.0)),
        })
    }

    /// Days from the last purchase to that day.
    #[must_use]
    pub fn days_since_last(&self) -> u32 {
        self.history.age_days - self.history.recency_days
    }

    /// On how many days somebody bought, the first among them.
    #[must_use]
    pub fn purchases(&self) -> u32 {
        self.history.frequency.saturating_add(1)
    }
}

/// What a published profile tells of purchases: less than [`Purchases`], because it has no days.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// How many orders there were.
    pub orders: u32,
    /// When the first was placed.
    pub first_order: Timestamp,
    /// When the last was placed.
    pub last_order: Timestamp,
    /// What all of them amount to in one currency.
    pub revenue: Amount,
}

impl fmt::Debug for Totals {
    /// How many orders, and not for how much.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "totals of {} orders", self.orders)
    }
}

impl Totals {
    /// About what [`Summary::of`] would give. Each order is taken for a day of its own, as far as there are days between
    /// the first and the last; the value of a repeat purchase for that of any. `None` for somebody who had not bought by then, or
    /// whose last order is later.
    #[must_use]
    pub fn summary(&self, until: Day) -> Option<Summary> {
        let (first, last) = (Day::of(self.first_order), Day::of(self.last_order));
        if self.orders == 0 || last > until || first > last {
            return None;
        }
        let recency_days = if self.orders == 1 { 0 } else { last.since(first) };
        let frequency = (self.orders - 1).min(recency_days);
        let history = History::new(frequency, recency_days, until.since(first))?;
        let mean = units(self.revenue) / (f64::from(frequency) + 1.0);
        Some(Summary { history, repeat_mean: (frequency > 0).then_some(mean), mean: amount_of(mean) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().expect("a day")
    }

    fn purchases(days: &[(&str, &str)]) -> Purchases {
        days.iter().map(|(on, paid)| (day(on), paid.parse().expect("an amount"))).collect()
    }

    #[test]
    fn what_is_bought_on_one_day_is_one_purchase() {
        let bought = purchases(&[("2026-01-08", "10"), ("2026-01-01", "99.90"), ("2026-01-08", "5.50")]);
        let summary = Summary::of(&bought, day("2026-01-15")).expect("somebody who bought");
        assert_eq!(summary.history, History::new(1, 7, 14).expect("is consistent"));
        assert_eq!(summary.repeat_mean, Some(15.5));
        assert_eq!(summary.mean.to_string(), "57.70");
        assert_eq!((summary.purchases(), summary.days_since_last()), (2, 7));
    }

    /// As text, by day of January.
    fn standing(orders: &[(u32, &str)]) -> Vec<(u32, String)> {
        let first = day("2026-01-01");
        let orders = orders.iter().map(|(on, paid)| (first.plus(on - 1), paid.parse().expect("an amount")));
        let bought: Purchases = orders.collect();
        let there = bought.until(first.plus(99));
        there.iter().map(|(on, paid)| (on.since(first) + 1, paid.to_string())).collect()
    }

    #[test]
    fn a_refund_is_no_purchase_and_comes_off_those_before_it() {
        let of = |days: &[(u32, &str)]| {
            days.iter().map(|(on, paid)| (*on, (*paid).to_owned())).collect::<Vec<_>>()
        };
        for (orders, expected) in [
            (&[(1, "0")][..], &[(1, "0.00")][..]),
            (&[(1, "-10")], &[]),
            (&[(1, "10"), (1, "-4")], &[(1, "6.00")]),
            (&[(1, "10"), (4, "-10")], &[(1, "0.00")]),
            (&[(1, "100"), (5, "15"), (10, "-20")], &[(1, "80.00"), (5, "15.00")]),
            (&[(1, "100"), (5, "15"), (10, "-100")], &[(1, "0.00"), (5, "15.00")]),
            (&[(1, "100"), (5, "15"), (10, "-15")], &[(1, "100.00"), (5, "0.00")]),
            (&[(1, "30"), (5, "15"), (10, "-40")], &[(1, "5.00"), (5, "0.00")]),
            (&[(1, "-40"), (5, "15")], &[(5, "15.00")]),
            (&[(1, "10"), (5, "-40"), (9, "7")], &[(1, "0.00"), (9, "7.00")]),
        ] {
            let there = standing(orders);
            assert_eq!(there, of(expected), "{orders:?}");
            let back: Vec<_> = orders.iter().rev().copied().collect();
            assert_eq!(standing(&back), there, "the order does not matter");
            let again: Vec<(u32, &str)> = there.iter().map(|(on, paid)| (*on, paid.as_str())).collect();
            assert_eq!(standing(&again), there, "what stands, stands");
        }
    }

    #[test]
    fn no_money_is_lost_or_made_while_purchases_cover_what_was_paid_back() {
        let orders: Vec<(u32, &str)> =
            vec![(3, "-6.5"), (1, "10"), (9, "-19"), (5, "12.25"), (9, "4"), (12, "1"), (12, "-0.75")];
        let sum = |orders: &[(u32, &str)]| {
            let mut sum = Amount::default();
            orders.iter().for_each(|(_, paid)| sum += paid.parse::<Amount>().expect("an amount"));
            sum
        };
        let there = standing(&orders);
        let stood: Vec<(u32, &str)> = there.iter().map(|(on, paid)| (*on, paid.as_str())).collect();
        assert_eq!(sum(&stood), sum(&orders));
    }

    #[test]
    fn what_comes_later_is_not_known_yet() {
        let bought = purchases(&[("2026-01-01", "10"), ("2026-02-01", "20")]);
        let summary = Summary::of(&bought, day("2026-01-31")).expect("somebody who bought");
        assert_eq!((summary.purchases(), summary.repeat_mean), (1, None));
        assert_eq!(Summary::of(&bought, day("2025-12-31")), None);
    }

    #[test]
    fn what_is_paid_back_later_is_not_known_yet() {
        let bought = purchases(&[("2026-01-01", "10"), ("2026-01-05", "20"), ("2026-01-08", "-20")]);
        let mean = |until: &str| Summary::of(&bought, day(until)).expect("somebody who bought").repeat_mean;
        assert_eq!((mean("2026-01-07"), mean("2026-01-08")), (Some(20.0), Some(0.0)));
        let known = purchases(&[("2026-01-01", "10"), ("2026-01-05", "20")]);
        let until = day("2026-01-07");
        assert_eq!(Summary::of(&bought, until), Summary::of(&known, until), "as if it had not come about");
    }

    #[test]
    fn no_history_contradicts_itself() {
        for (frequency, recency, age) in [(2, 1, 5), (1, 6, 5), (0, 1, 5), (1, 0, 5)] {
            assert_eq!(History::new(frequency, recency, age), None);
        }
    }

    #[test]
    fn totals_of_orders_on_days_of_their_own_are_what_their_days_are() {
        let bought = purchases(&[("2026-01-01", "30"), ("2026-01-05", "30"), ("2026-01-09", "30")]);
        let told = Totals {
            orders: 3,
            first_order: day("2026-01-01").start(),
            last_order: day("2026-01-09").start(),
            revenue: "90".parse().expect("an amount"),
        };
        let until = day("2026-02-01");
        assert_eq!(told.summary(until), Summary::of(&bought, until));
        assert_eq!(told.summary(day("2026-01-08")), None);
    }

    #[test]
    fn orders_of_one_day_are_no_repeat_purchases_in_totals_either() {
        let at = day("2026-01-01").start();
        let told = Totals { orders: 3, first_order: at, last_order: at, revenue: Amount::default() };
        let summary = told.summary(day("2026-01-02")).expect("somebody who bought");
        assert_eq!((summary.history.frequency(), summary.repeat_mean), (0, None));
    }
}
