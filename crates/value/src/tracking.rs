//! Whether a forecast comes true. In: purchases of people, and parameters that were fitted on the first part of that time.
//! Out: repeat purchases by week, those that were made and those that were expected, and how far they are apart.

use std::collections::BTreeMap;

use crate::bg_nbd::BgNbd;
use crate::day::Day;
use crate::limits::WEEKS_MAX;
use crate::purchases::{History, Purchases, Summary};

/// Which time is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Week 1 begins with it.
    pub first: Day,
    /// The last day that the fit knew.
    pub fitted_until: Day,
    /// The last day that is compared.
    pub until: Day,
}

/// Repeat purchases from the beginning to the end of a week.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Week {
    /// From 1.
    pub number: u32,
    /// That were made.
    pub made: u64,
    /// That the parameters expect of people who first bought when these did.
    pub expected: f64,
}

/// What came of a forecast. Of people who bought first after the fit nothing is in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tracking {
    /// Ascending; at least one, at most [`WEEKS_MAX`].
    pub weeks: Vec<Week>,
    /// The last week of which the fit knew all.
    pub fitted_weeks: u32,
    /// How many people there are.
    pub customers: u64,
    /// Repeat purchases after the fit that were made.
    pub later_made: u64,
    /// Those that were expected, of each person by what they had done before.
    pub later_expected: f64,
}

/// Compares. `None` when the time after the fit has not one whole week.
#[must_use]
pub fn track(people: &[Purchases], model: &BgNbd, span: Span) -> Option<Tracking> {
    let weeks = (span.until.since(span.first) + 1) / 7;
    let fitted_weeks = (span.fitted_until.since(span.first) + 1) / 7;
    if weeks <= fitted_weeks || weeks > WEEKS_MAX || span.fitted_until < span.first {
        return None;
    }
    let mut begun = BTreeMap::<Day, u64>::new();
    let mut repeats = BTreeMap::<Day, u64>::new();
    let (mut later_made, mut later_expected) = (0, 0.0);
    let end = span.first.plus(weeks * 7 - 1);
    for purchases in people {
        let Some(known) = Summary::of(purchases, span.fitted_until) else { continue };
        let days = purchases.days_until(end);
        let Some(((first, _), later)) = days.split_first() else { continue };
        *begun.entry(*first).or_default() += 1;
        for (day, _) in later {
            *repeats.entry(*day).or_default() += 1;
            later_made += u64::from(*day > span.fitted_until);
        }
        later_expected += model.expected_purchases(known.history, end.since(span.fitted_until));
    }
    let week = |number: u32| {
        let end = span.first.plus(number * 7 - 1);
        let expected = begun.range(..=end).map(|(first, people)| {
            *people as f64 * model.expected_purchases(History::default(), end.since(*first))
        });
        Week { number, made: repeats.range(..=end).map(|(_, made)| made).sum(), expected: expected.sum() }
    };
    Some(Tracking {
        weeks: (1..=weeks).map(week).collect(),
        fitted_weeks,
        customers: begun.values().sum(),
        later_made,
        later_expected,
    })
}

impl Tracking {
    /// By which part of what was made the expectation differs at the end; negative when it is less. 0 when nothing was.
    #[must_use]
    pub fn error_at_end(&self) -> f64 {
        self.weeks.last().map_or(0.0, Week::error)
    }

    /// The mean of such parts, without their signs, over the weeks after the fit.
    #[must_use]
    pub fn mean_error(&self) -> f64 {
        let later = self.weeks.iter().filter(|week| week.number > self.fitted_weeks);
        let (sum, weeks) = later.fold((0.0, 0.0), |(sum, n), week| (sum + week.error().abs(), n + 1.0));
        if weeks > 0.0 { sum / weeks } else { 0.0 }
    }
}

impl Week {
    fn error(&self) -> f64 {
        if self.made == 0 { 0.0 } else { self.expected / self.made as f64 - 1.0 }
    }
}
