//! As of which day somebody's value is, and when it is made anew. In: their purchases and the time. Out: a day, and a time for
//! a timer.
//!
//! Values change with every day that passes, and nobody wants every profile anew each day. So time counts in cells of a few
//! days, and within one only a purchase changes a value.

use kinfold_model::Timestamp;

use crate::day::Day;
use crate::limits::PERIOD_DAYS_MAX;
use crate::purchases::Purchases;

/// How often values are made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refresh {
    days: u32,
}

/// A number of days that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("refresh_days is {0}, and must be from 1 to {PERIOD_DAYS_MAX}")]
pub struct RefreshError(pub u32);

impl Default for Refresh {
    /// Each Monday.
    fn default() -> Self {
        Self { days: 7 }
    }
}

impl Refresh {
    /// Every so many days, counted so that 7 are the Mondays.
    ///
    /// # Errors
    /// [`RefreshError`] for 0, and for more than [`PERIOD_DAYS_MAX`].
    pub fn new(days: u32) -> Result<Self, RefreshError> {
        if (1..=PERIOD_DAYS_MAX).contains(&days) { Ok(Self { days }) } else { Err(RefreshError(days)) }
    }

    /// How many days.
    #[must_use]
    pub fn days(self) -> u32 {
        self.days
    }

    /// As of which day a value is now: the first day of this cell, or, if it is later, that of the last purchase in the
    /// cell, so that a purchase counts at once. It depends on the time by the cell alone.
    #[must_use]
    pub fn as_of(self, purchases: &Purchases, now: Timestamp) -> Day {
        let first = Day::of(now).on_grid(i64::from(self.days));
        let last = first.plus(self.days - 1);
        purchases.days_until(last).last().map_or(first, |(bought, _)| first.max(*bought))
    }

    /// When this cell began.
    #[must_use]
    pub fn began(self, now: Timestamp) -> Timestamp {
        Day::of(now).on_grid(i64::from(self.days)).start()
    }

    /// When the next cell begins. Nothing but a purchase changes a value before.
    #[must_use]
    pub fn next(self, now: Timestamp) -> Timestamp {
        Day::of(now).on_grid(i64::from(self.days)).plus(self.days).start()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kinfold_model::Amount;

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn bought(days: &[&str]) -> Purchases {
        days.iter().map(|day| (day.parse().expect("a day"), Amount::default())).collect()
    }

    #[test]
    fn within_a_cell_the_time_changes_nothing() {
        let (refresh, purchases) = (Refresh::default(), bought(&["2026-02-01"]));
        for now in ["2026-03-02T00:00:00Z", "2026-03-05T12:00:00Z", "2026-03-08T23:59:59.999Z"] {
            assert_eq!(refresh.as_of(&purchases, time(now)).to_string(), "2026-03-02");
            assert_eq!(refresh.began(time(now)), time("2026-03-02T00:00:00Z"));
            assert_eq!(refresh.next(time(now)), time("2026-03-09T00:00:00Z"));
        }
    }

    #[test]
    fn a_purchase_counts_at_once_and_one_of_the_next_cell_does_not() {
        let now = time("2026-03-04T09:00:00Z");
        let as_of = |days: &[&str]| Refresh::default().as_of(&bought(days), now).to_string();
        assert_eq!(as_of(&["2026-03-04"]), "2026-03-04");
        assert_eq!(as_of(&["2026-03-04", "2026-03-09"]), "2026-03-04");
    }

    #[test]
    fn the_time_for_the_next_is_always_later() {
        for days in [1, 7, 366] {
            let refresh = Refresh::new(days).expect("is possible");
            for now in [Timestamp::MIN, time("1969-12-31T23:59:59.999Z"), Timestamp::default()] {
                assert!(refresh.next(now) > now, "{days} {now}");
            }
        }
        assert_eq!(Refresh::new(0), Err(RefreshError(0)));
        assert_eq!(Refresh::new(367), Err(RefreshError(367)));
    }
}
