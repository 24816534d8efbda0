//! Parameters of the models. In: what is known of many people. Out: the parameters under which it is most likely, and how sure
//! they are.
//!
//! The same people give the same bits, in whatever order they come: they are sorted before anything is added up.

use std::collections::BTreeMap;

use crate::bg_nbd::{BgNbd, Seen};
use crate::gamma_gamma::GammaGamma;
use crate::limits::{CUSTOMERS_MAX, REPEAT_CUSTOMERS_MIN};
use crate::parameters::NotPossible;
use crate::peak::Peak;
use crate::purchases::{History, Summary};

/// What fits a model best.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fitted<M, const N: usize> {
    /// With its parameters.
    pub model: M,
    /// Of each parameter, from the curvature of the likelihood; `None` where that says nothing.
    pub standard_errors: Option<[f64; N]>,
    /// The natural logarithm of the likelihood.
    pub log_likelihood: f64,
}

/// Why there are no parameters.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FitError {
    /// Of too few people anything could be said.
    #[error(
        "only {found} people bought again for more than nothing, and it takes {REPEAT_CUSTOMERS_MIN}; fit on a longer time or on \
         more people"
    )]
    TooFew {
        /// How many there are.
        found: u64,
    },
    /// More people than are held in memory.
    #[error("more than {CUSTOMERS_MAX} people bought; fit on a part of them")]
    TooMany,
    /// The likelihood has its peak where no parameters are.
    #[error("the purchases do not determine the parameters: {0}; fit on a longer time or on more people")]
    Nowhere(#[from] NotPossible),
}

/// What is known of the people to fit on.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    histories: BTreeMap<History, u64>,
    /// Repeat purchases and their mean, of those who bought again for more than nothing.
    spending: Vec<(u32, f64)>,
    customers: usize,
}

impl Sample {
    /// Takes in somebody who bought.
    ///
    /// # Errors
    /// [`FitError::TooMany`].
    pub fn take(&mut self, summary: &Summary) -> Result<(), FitError> {
        if self.customers == CUSTOMERS_MAX {
            return Err(FitError::TooMany);
        }
        self.customers += 1;
        *self.histories.entry(summary.history).or_default() += 1;
        let mean = summary.repeat_mean.filter(|mean| *mean > 0.0);
        self.spending.extend(mean.map(|mean| (summary.history.frequency(), mean)));
        Ok(())
    }

    /// How many people bought.
    #[must_use]
    pub fn customers(&self) -> u64 {
        self.customers as u64
    }

    /// How many of them bought again.
    #[must_use]
    pub fn repeat_customers(&self) -> u64 {
        self.histories.iter().filter(|(history, _)| history.frequency() > 0).map(|(_, people)| people).sum()
    }

    /// How many of those paid more than nothing for it on average: on these spending is fitted.
    #[must_use]
    pub fn paying_customers(&self) -> u64 {
        self.spending.len() as u64
    }

    /// How many repeat purchases they made.
    #[must_use]
    pub fn repeat_purchases(&self) -> u64 {
        self.histories.iter().map(|(history, people)| u64::from(history.frequency()) * people).sum()
    }

    /// BG/NBD, for periods of so many days.
    ///
    /// # Errors
    /// [`FitError`].
    pub fn bg_nbd(&self, period_days: u32) -> Result<Fitted<BgNbd, 4>, FitError> {
        self.enough(self.repeat_customers())?;
        let people = self.customers as f64;
        let rows: Vec<(u32, Seen, f64)> = self
            .histories
            .iter()
            .map(|(history, n)| (history.frequency(), Seen::of(*history, period_days), *n as f64))
            .collect();
        let age = rows.iter().map(|(_, seen, n)| seen.t * n).sum::<f64>() / people;
        let start = [1.0, age.max(1.0), 1.0, 2.0];
        let peak = Peak::find(start, |parameters| bg_nbd_likelihood(parameters, &rows) / people);
        Ok(fitted(&peak, BgNbd::new(peak.at, period_days)?, people))
    }

    /// Gamma-Gamma.
    ///
    /// # Errors
    /// [`FitError`].
    pub fn gamma_gamma(&self) -> Result<Fitted<GammaGamma, 3>, FitError> {
        self.enough(self.paying_customers())?;
        let mut rows = self.spending.clone();
        rows.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let people = rows.len() as f64;
        let mean = rows.iter().map(|(_, mean)| mean).sum::<f64>() / people;
        let start = [2.0, 3.0, mean];
        let peak = Peak::find(start, |parameters| gamma_gamma_likelihood(parameters, &rows) / people);
        Ok(fitted(&peak, GammaGamma::new(peak.at)?, people))
    }

    fn enough(&self, found: u64) -> Result<(), FitError> {
        if found < REPEAT_CUSTOMERS_MIN { Err(FitError::TooFew { found }) } else { Ok(()) }
    }
}

fn fitted<M, const N: usize>(peak: &Peak<N>, model: M, people: f64) -> Fitted<M, N> {
    let standard_errors = peak.standard_errors(people);
    Fitted { model, standard_errors, log_likelihood: peak.log_likelihood(people) }
}

/// The logarithm of the likelihood. Rows of one frequency follow each other, so that what depends on it alone is computed once.
fn bg_nbd_likelihood(&[r, alpha, a, b]: &[f64; 4], rows: &[(u32, Seen, f64)]) -> f64 {
    let ln_alpha = libm::log(alpha);
    let mut of_frequency = (None, 0.0, 0.0);
    rows.iter().fold(0.0, |sum, (frequency, seen, people)| {
        let x = seen.x;
        if of_frequency.0 != Some(frequency) {
            let rate = ln_gamma(r + x) - ln_gamma(r) + r * ln_alpha;
            let stays = ln_gamma(a + b) - ln_gamma(b) + ln_gamma(b + x) - ln_gamma(a + b + x);
            of_frequency = (Some(frequency), rate + stays, libm::log(a / (b + x - 1.0)));
        }
        let (_, common, went) = of_frequency;
        let alive = -(r + x) * libm::log(alpha + seen.t);
        // Who went did so with the last purchase. The odds as in `BgNbd::alive`, which keep both parts in a float.
        let either = if seen.x > 0.0 {
            let odds = went + (r + x) * libm::log1p((seen.t - seen.t_x) / (alpha + seen.t_x));
            odds.max(0.0) + libm::log1p(libm::exp(-odds.abs()))
        } else {
            0.0
        };
        sum + people * (common + alive + either)
    })
}

/// The same for what was paid.
fn gamma_gamma_likelihood(&[p, q, v]: &[f64; 3], rows: &[(u32, f64)]) -> f64 {
    let constant = q * libm::log(v) - ln_gamma(q);
    let mut of_frequency = (None, 0.0);
    rows.iter().fold(0.0, |sum, (frequency, mean)| {
        let x = f64::from(*frequency);
        if of_frequency.0 != Some(frequency) {
            let common = ln_gamma(p * x + q) - ln_gamma(p * x) + p * x * libm::log(x);
            of_frequency = (Some(frequency), common + constant);
        }
        let paid = (p * x - 1.0) * libm::log(*mean) - (p * x + q) * libm::log(x * mean + v);
        sum + of_frequency.1 + paid
    })
}

/// The logarithm of the gamma function of what is positive.
fn ln_gamma(value: f64) -> f64 {
    libm::lgamma_r(value).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_who_came_back_are_an_error_that_says_so() {
        let mut sample = Sample::default();
        for age_days in 0..100 {
            let history = History::new(0, 0, age_days).expect("is consistent");
            let once = Summary { history, repeat_mean: None, mean: kinfold_model::Amount::default() };
            sample.take(&once).expect("is not too many");
        }
        assert_eq!(sample.bg_nbd(7), Err(FitError::TooFew { found: 0 }));
        assert_eq!(sample.gamma_gamma(), Err(FitError::TooFew { found: 0 }));
    }
}
