//! The value of one person. In: their purchases, a model and a day. Out: figures as they are published, of fixed digits.
//!
//! A pure function: the same purchases, model and day give the same bytes on every machine.

use std::fmt;

use kinfold_model::{Amount, Currency};
use serde::{Deserialize, Serialize};

use crate::bg_nbd::BgNbd;
use crate::day::Day;
use crate::figure::{Figure, amount_of};
use crate::model::Model;
use crate::purchases::{History, Purchases, Summary};
use crate::scores::Scores;

/// What somebody is worth, as of a day.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Value {
    /// Days since the last purchase.
    pub recency_days: u32,
    /// Days on which they bought, the first among them.
    pub frequency: u32,
    /// What they paid for a purchase on average, to two digits.
    pub monetary: Amount,
    /// Of all amounts here.
    pub currency: Currency,
    /// Among the people of the fit.
    pub scores: Scores,
    /// How many purchases are expected within the horizon of the model.
    pub expected_orders: Figure,
    /// How probable it is that they buy again at all, from 0 to 1.
    pub alive: Figure,
    /// What the purchases within the horizon are expected to be worth today, to two digits: revenue, not profit.
    pub clv: Amount,
    /// The id of the model.
    pub model: String,
    /// The day at whose end this was so.
    pub as_of: Day,
}

impl fmt::Debug for Value {
    /// What somebody is worth is not for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "value as of {} by model {}", self.as_of, self.model)
    }
}

/// What somebody is worth at the end of a day. Later purchases are not known to it. `None` for somebody who had not bought
/// by then: nothing follows from nothing.
#[must_use]
pub fn value(purchases: &Purchases, model: &Model, as_of: Day) -> Option<Value> {
    let summary = Summary::of(purchases, as_of)?;
    let (history, horizon) = (summary.history, model.meaning().horizon_days);
    Some(Value {
        recency_days: summary.days_since_last(),
        frequency: summary.purchases(),
        monetary: summary.mean,
        currency: model.meaning().currency.clone(),
        scores: model.quintiles().scores(&summary),
        expected_orders: Figure::of(model.bg_nbd().expected_purchases(history, horizon)),
        alive: Figure::of(model.bg_nbd().alive(history)),
        clv: amount_of(clv(model, &summary)),
        model: model.id().to_owned(),
        as_of,
    })
}

/// What the purchases within the horizon of the model are expected to be worth today, in units of its currency.
#[must_use]
pub fn clv(model: &Model, summary: &Summary) -> f64 {
    let meaning = model.meaning();
    let worth =
        model.gamma_gamma().expected_value(summary.history.frequency(), summary.repeat_mean.unwrap_or(0.0));
    let horizon = Horizon { days: meaning.horizon_days, discount_per_year: meaning.discount_per_year };
    worth * discounted_purchases(model.bg_nbd(), summary.history, horizon)
}

/// How far to look, and what later money is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Horizon {
    /// Days from now.
    pub days: u32,
    /// What money of a year later is worth less, as a rate.
    pub discount_per_year: f64,
}

impl Horizon {
    /// The ends of the thirty days in which purchases fall.
    fn steps(self) -> impl Iterator<Item = u32> {
        const STEP_DAYS: usize = 30;
        let end = move |begin: u32| begin.saturating_add(STEP_DAYS as u32).min(self.days);
        (0..self.days).step_by(STEP_DAYS).map(end)
    }
}

/// So many terms the sums of a value have at most, whoever it is of.
pub(crate) fn terms_max(model: &BgNbd, horizon: Horizon) -> f64 {
    horizon.steps().chain([horizon.days]).map(|days| model.terms_max(days)).sum()
}

/// How many purchases are expected, each counted by what money of that time is worth now. They are discounted from the end of
/// the thirty days in which they fall.
#[must_use]
pub fn discounted_purchases(model: &BgNbd, history: History, horizon: Horizon) -> f64 {
    const YEAR_DAYS: f64 = 365.0;
    if horizon.discount_per_year <= 0.0 {
        return model.expected_purchases(history, horizon.days);
    }
    let mut before = 0.0;
    let mut sum = 0.0;
    for end in horizon.steps() {
        let by_then = model.expected_purchases(history, end);
        let years = f64::from(end) / YEAR_DAYS;
        // Two forecasts may differ in their last bit the wrong way.
        sum += (by_then - before).max(0.0) * libm::pow(1.0 + horizon.discount_per_year, -years);
        before = by_then;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::TERMS_MAX;
    use crate::model::tests::CDNOW;

    fn day(text: &str) -> Day {
        text.parse().expect("a day")
    }

    fn purchases(days: &[(&str, &str)]) -> Purchases {
        days.iter().map(|(on, paid)| (day(on), paid.parse().expect("an amount"))).collect()
    }

    /// The second of the published customers.
    #[test]
    fn a_value_has_the_published_figures_to_fixed_digits() {
        let model = Model::from_toml(&CDNOW.replace("365", "273")).expect("is a model");
        let bought = purchases(&[("1997-01-01", "29.33"), ("1997-01-18", "29.73"), ("1997-08-02", "14.96")]);
        let value = value(&bought, &model, day("1997-09-30")).expect("somebody who bought");
        assert_eq!(
            (value.expected_orders.to_string(), value.alive.to_string()),
            ("1.2261".into(), "0.7266".into())
        );
        assert_eq!((value.recency_days, value.frequency), (59, 3));
        assert_eq!((value.monetary.to_string(), value.currency.to_string()), ("24.67".into(), "USD".into()));
        assert_eq!(value.scores, Scores { recency: 4, frequency: 4, monetary: 3 });
        assert_eq!((value.model.as_str(), value.as_of), (model.id(), day("1997-09-30")));
        // 1.2261 purchases of 24.66 each, of which the discount takes some per cent.
        let clv: f64 = value.clv.to_string().parse().expect("a number");
        assert!(clv > 28.0 && clv < 30.0, "{clv}");
    }

    #[test]
    fn usual_parameters_take_a_small_part_of_what_may_be_computed() {
        let model = Model::from_toml(CDNOW).expect("is a model");
        let horizon = |days| Horizon { days, discount_per_year: 0.1 };
        assert!(terms_max(model.bg_nbd(), horizon(365)) < TERMS_MAX / 100.0);
        assert!(terms_max(model.bg_nbd(), horizon(3653)) < TERMS_MAX);
    }

    #[test]
    fn who_never_bought_has_no_value() {
        let model = Model::from_toml(CDNOW).expect("is a model");
        assert_eq!(value(&Purchases::default(), &model, day("1997-09-30")), None);
    }

    #[test]
    fn without_a_discount_every_purchase_counts_whole() {
        let model = Model::from_toml(CDNOW).expect("is a model");
        let history = History::new(2, 213, 272).expect("is consistent");
        let purchases = |discount_per_year| {
            discounted_purchases(model.bg_nbd(), history, Horizon { days: 365, discount_per_year })
        };
        assert!((purchases(0.0) - purchases(1e-12)).abs() < 1e-9);
        assert!(purchases(0.1) < purchases(0.0) && purchases(0.5) < purchases(0.1));
    }
}
