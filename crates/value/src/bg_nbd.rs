//! BG/NBD: whether somebody still buys, and how often they will. In: a [`History`]. Out: probabilities and expectations.
//!
//! The model of P. Fader, B. Hardie and K. L. Lee, "Counting Your Customers" the Easy Way (Marketing Science 24, 2005). While
//! they are alive, people buy at a rate of their own, spread over people as a gamma distribution (`r`, `alpha`); after any
//! purchase they may be gone for good, with a probability of their own, spread as a beta distribution (`a`, `b`). Who never
//! came back counts as alive, because only a repeat purchase can be the last one here.
//!
//! Nothing here is NaN, whatever the history is, and no function of the platform is called.

use crate::limits::{ALPHA_RANGE, FORECAST_DAYS_MAX, SHAPE_RANGE};
use crate::parameters::{NotPossible, checked};
use crate::purchases::History;

/// The four parameters, and the unit of time that they are for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BgNbd {
    r: f64,
    alpha: f64,
    a: f64,
    b: f64,
    period_days: u32,
}

/// What comes of a sum.
#[derive(Clone, Copy)]
struct Series {
    purchases: f64,
    /// How many terms it took.
    terms: f64,
}

/// A history in periods.
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) x: f64,
    pub(crate) t_x: f64,
    pub(crate) t: f64,
}

impl Seen {
    pub(crate) fn of(history: History, period_days: u32) -> Self {
        let periods = |days: u32| f64::from(days) / f64::from(period_days.max(1));
        let t_x = periods(history.recency_days());
        Self { x: f64::from(history.frequency()), t_x, t: periods(history.age_days()) }
    }
}

impl BgNbd {
    /// What the parameters are called, in their order.
    pub const NAMES: [&str; 4] = ["r", "alpha", "a", "b"];

    /// `r`, `alpha`, `a` and `b`, for periods of so many days; `alpha` is in periods, the others have no unit.
    ///
    /// # Errors
    /// [`NotPossible`] for a parameter outside of what can be computed with.
    pub fn new([r, alpha, a, b]: [f64; 4], period_days: u32) -> Result<Self, NotPossible> {
        let ranges = [SHAPE_RANGE, ALPHA_RANGE, SHAPE_RANGE, SHAPE_RANGE];
        checked("bg_nbd", Self::NAMES, [r, alpha, a, b], ranges)?;
        Ok(Self { r, alpha, a, b, period_days: period_days.max(1) })
    }

    /// The parameters in the order of [`Self::NAMES`].
    #[must_use]
    pub fn parameters(&self) -> [f64; 4] {
        [self.r, self.alpha, self.a, self.b]
    }

    /// How probable it is that somebody will buy again at all, from 0 to 1. 1 for somebody who bought once.
    #[must_use]
    pub fn alive(&self, history: History) -> f64 {
        let seen = Seen::of(history, self.period_days);
        if history.frequency() == 0 {
            return 1.0;
        }
        // The odds that they went with the last purchase, as a logarithm: the power alone has no place in a float.
        let silence = libm::log1p((seen.t - seen.t_x) / (self.alpha + seen.t_x));
        let odds = libm::log(self.a / (self.b + seen.x - 1.0)) + (self.r + seen.x) * silence;
        1.0 / (1.0 + libm::exp(odds))
    }

    /// How many purchases somebody is expected to make within so many days from now; 0 within none. Days beyond
    /// [`FORECAST_DAYS_MAX`] are as many as that.
    #[must_use]
    pub fn expected_purchases(&self, history: History, days: u32) -> f64 {
        let seen = Seen::of(history, self.period_days);
        let series = self.expected_of_the_living(seen, self.periods(days));
        debug_assert!(series.terms <= self.terms_max(days), "a sum has more terms than can be");
        self.alive(history) * series.purchases
    }

    /// So many terms the sum for so many days has at most, whoever it is of. They end where a negative binomial number ends: one that
    /// is Poisson, of a mean that has a gamma distribution with the shape `r + x`. The Chernoff bounds of both say how far beyond
    /// its mean either can be. Who bought on `x` days is at least as many days old.
    pub(crate) fn terms_max(&self, days: u32) -> f64 {
        /// What is left out is less than the share of which this is the logarithm.
        const LEFT_OUT: f64 = 45.0;
        let beyond = |mean: f64| libm::sqrt(2.0 * LEFT_OUT * mean) + LEFT_OUT;
        let spread = self.r + beyond(self.r) + LEFT_OUT / 2.0;
        let periods = self.periods(days);
        let mean = periods / self.alpha * spread + 2.0 * periods * f64::from(self.period_days);
        mean + beyond(mean)
    }

    fn periods(&self, days: u32) -> f64 {
        f64::from(days.min(FORECAST_DAYS_MAX)) / f64::from(self.period_days)
    }

    /// The published formula has a hypergeometric function, divides by `a - 1`, and takes differences of what is nearly alike.
    /// This is the same number as a sum in which nothing is subtracted. Somebody alive who never went would make *N* purchases
    /// within that time, which has a negative binomial distribution with `r + x` and `t / (alpha + T + t)`; they are still there for the
    /// *j*-th after now with probability *E q^j*, *q* from a beta distribution with `b + x` and `a`. So the expectation is
    /// that of *1 + E q + … + E q^(N-1)*. Weights are handed from term to term by multiplication and divided by their sum at the
    /// end, so that neither a large history nor a long time makes a term that is too small or too large.
    fn expected_of_the_living(&self, seen: Seen, periods: f64) -> Series {
        /// Where weights are scaled down before they grow out of a float.
        const LARGE: f64 = 1e250;
        /// What is left out may be this part of what is there: less than its last bit.
        const LEFT_OUT: f64 = 1e-17;
        let share = periods / (self.alpha + seen.t + periods);
        if share <= 0.0 {
            return Series { purchases: 0.0, terms: 0.0 };
        }
        let (shape, stays) = (self.r + seen.x, self.b + seen.x);
        let (mut weight, mut weights, mut sum) = (1.0, 1.0, 0.0);
        let (mut there, mut purchases) = (1.0, 0.0);
        let mut n = 0.0;
        loop {
            // From n purchases to n + 1: how much more probable that is, and what the last of them adds.
            let ratio = share * (shape + n) / (n + 1.0);
            weight *= ratio;
            purchases += there;
            there *= (stays + n) / (self.a + stays + n);
            n += 1.0;
            weights += weight;
            sum += weight * purchases;
            let next = (share * (shape + n) / (n + 1.0)).max(share);
            if next < 1.0 {
                // Ratios fall from here on, or rise no further than `share`: what follows is less than a geometric series.
                let rest = weight * next / (1.0 - next);
                let more = rest * (purchases + there / (1.0 - next));
                if rest <= LEFT_OUT * weights && more <= LEFT_OUT * sum {
                    return Series { purchases: sum / weights, terms: n };
                }
            }
            if weight > LARGE {
                (weight, weights, sum) = (weight / LARGE, weights / LARGE, sum / LARGE);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of CDNOW, as published.
    fn cdnow() -> BgNbd {
        BgNbd::new([0.243, 4.414, 0.793, 2.426], 7).expect("are possible")
    }

    fn history(frequency: u32, recency_days: u32, age_days: u32) -> History {
        History::new(frequency, recency_days, age_days).expect("is consistent")
    }

    fn close(is: f64, should: f64) {
        assert!((is - should).abs() <= 1e-12 * should.abs(), "{is} is not {should}");
    }

    /// The numbers were computed from the published formula with 30 digits; those of the second customer are also in the
    /// literature.
    #[test]
    fn the_sum_is_the_published_formula() {
        for (known, days, alive, expected) in [
            (history(0, 0, 272), 273, 1.0, 0.195_109_664_993_088_5),
            (history(2, 213, 272), 273, 0.726_589_721_835_494_8, 1.226_115_806_149_322),
            (history(100, 2100, 2184), 364, 0.726_230_288_813_114_1, 11.265_609_751_814_03),
            (history(1000, 3000, 3010), 18_200, 0.979_089_888_570_045_7, 2_345.683_950_656_837),
            (History::default(), 273, 1.0, 1.196_723_193_320_817),
        ] {
            close(cdnow().alive(known), alive);
            close(cdnow().expected_purchases(known, days), expected);
        }
    }

    #[test]
    fn parameters_at_which_the_formula_divides_by_nothing_are_parameters_like_others() {
        let (one, other) = (history(3, 5, 10), history(5, 100, 5000));
        for (parameters, known, days, expected) in [
            (
                [0.5, 2.0, 0.3, 0.4],
                History::new(0, 0, 10).expect("is consistent"),
                20,
                0.342_090_026_047_880_5,
            ),
            ([0.5, 2.0, 1.0, 0.4], one, 20, 1.084_820_079_2),
            ([0.05, 0.1, 0.01, 50.0], History::default(), 18_200, 1_239.104_367_469_602),
            ([20.0, 300.0, 3.0, 700.0], other, 728, 1.137_432_468_847_543e-10),
        ] {
            let model = BgNbd::new(parameters, 7).expect("are possible");
            let is = model.expected_purchases(known, days);
            assert!((is - expected).abs() < 1e-9 * expected, "{parameters:?}: {is} is not {expected}");
        }
    }

    /// Terms are counted, so that it does not matter how fast the machine is.
    #[test]
    fn no_sum_has_more_terms_than_its_parameters_say() {
        let histories = [
            History::default(),
            history(0, 0, 3000),
            history(1, 1, 1),
            history(9, 9, 9),
            history(40, 300, 400),
            history(900, 900, 900),
        ];
        for (r, alpha) in [(1e-4, 0.05), (0.243, 4.414), (2.0, 0.05), (30.0, 3.0), (1e3, 1e2), (1e5, 1e6)] {
            for (a, b) in [(1e-4, 1e5), (0.793, 2.426), (1e5, 1e-4)] {
                for (period_days, days) in [(1, 30), (7, 365), (7, 3653), (366, 3653)] {
                    let model = BgNbd::new([r, alpha, a, b], period_days).expect("are possible");
                    let most = model.terms_max(days);
                    for known in histories {
                        let seen = Seen::of(known, period_days);
                        let terms = model.expected_of_the_living(seen, model.periods(days)).terms;
                        assert!(terms <= most, "{r} {alpha} {a} {b} {days} {known:?}: {terms} and {most}");
                    }
                }
            }
        }
    }
}
