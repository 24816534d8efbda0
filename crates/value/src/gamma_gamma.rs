//! Gamma-Gamma: what somebody pays for a purchase. In: how many repeat purchases there were and what they were worth on
//! average. Out: what those to come are expected to be worth.
//!
//! The model of P. Fader and B. Hardie, The Gamma-Gamma Model of Monetary Value (2013). What somebody pays varies around a mean of
//! their own as a gamma distribution (`p`), and the means are spread over people as another (`q`, `v`). So an average of few
//! purchases is drawn towards that of all people. It takes what is paid to have nothing to do with how often.

use crate::limits::{SCALE_RANGE, SHAPE_RANGE};
use crate::parameters::{NotPossible, checked};

/// The three parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GammaGamma {
    p: f64,
    q: f64,
    v: f64,
}

impl GammaGamma {
    /// What the parameters are called, in their order.
    pub const NAMES: [&str; 3] = ["p", "q", "v"];

    /// `p`, `q` and `v`; `v` is in units of the currency, the others have no unit.
    ///
    /// # Errors
    /// [`NotPossible`] for a parameter outside of what can be computed with. Of `q` also what is not above 1: then the
    /// mean over people has no end.
    pub fn new([p, q, v]: [f64; 3]) -> Result<Self, NotPossible> {
        let (_, greatest) = SHAPE_RANGE.into_inner();
        let above_one = 1.0001..=greatest;
        checked("gamma_gamma", Self::NAMES, [p, q, v], [SHAPE_RANGE, above_one, SCALE_RANGE])?;
        Ok(Self { p, q, v })
    }

    /// The parameters in the order of [`Self::NAMES`].
    #[must_use]
    pub fn parameters(&self) -> [f64; 3] {
        [self.p, self.q, self.v]
    }

    /// What a purchase is expected to be worth, in units of the currency, after so many repeat purchases of that value on
    /// average. What is worth less than nothing counts as nothing; without repeat purchases it is the mean over all people.
    #[must_use]
    pub fn expected_value(&self, repeats: u32, mean: f64) -> f64 {
        let x = f64::from(repeats);
        let paid = if mean > 0.0 { x * mean } else { 0.0 };
        self.p * (self.v + paid) / (self.p * x + self.q - 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_average_of_few_purchases_is_drawn_towards_that_of_all_people() {
        let model = GammaGamma::new([6.25, 3.74, 15.44]).expect("are possible");
        let all = model.expected_value(0, 0.0);
        assert!((all - 6.25 * 15.44 / 2.74).abs() < 1e-12);
        let (once, often) = (model.expected_value(1, 100.0), model.expected_value(1000, 100.0));
        assert!(all < once && once < often && often < 100.0, "{all} {once} {often}");
    }

    #[test]
    fn refunds_make_no_value_below_nothing() {
        let model = GammaGamma::new([6.25, 3.74, 15.44]).expect("are possible");
        for mean in [-50.0, 0.0, f64::NAN] {
            assert!(model.expected_value(3, mean) > 0.0);
        }
    }

    #[test]
    fn a_spread_without_a_mean_is_refused_by_its_name() {
        let error = GammaGamma::new([6.25, 0.9, 15.44]).expect_err("has no mean");
        assert_eq!(error.to_string(), "gamma_gamma.q is 0.9, and must be from 1.0001 to 100000");
        assert!(GammaGamma::new([f64::NAN, 3.74, 15.44]).is_err());
    }
}
