//! The peak of a likelihood. In: a function of positive parameters, and where to begin. Out: where it is greatest, how high it is,
//! and how sharp.

use std::convert::Infallible;

use basin::{CostFunction, Executor, NelderMead, SimplexProgress};

/// Where a likelihood is greatest.
pub(crate) struct Peak<const N: usize> {
    /// The parameters there.
    pub(crate) at: [f64; N],
    /// By person.
    height: f64,
    /// Of logarithms, for one person.
    standard_errors_of_one: Option<[f64; N]>,
}

/// What is minimised, over logarithms of the parameters, which are positive that way.
struct Cost<F>(F);

impl<F: Fn(&[f64]) -> f64> CostFunction for Cost<F> {
    type Param = Vec<f64>;
    type Output = f64;
    type Error = Infallible;

    fn cost(&self, logarithms: &Vec<f64>) -> Result<f64, Infallible> {
        Ok((self.0)(logarithms))
    }
}

impl<const N: usize> Peak<N> {
    /// A likelihood by person, so that steps and tolerances do not depend on how many there are.
    pub(crate) fn find(start: [f64; N], likelihood: impl Fn(&[f64; N]) -> f64) -> Self {
        /// Far outside of any parameter that is accepted.
        const LOGARITHM_MAX: f64 = 25.0;
        let cost = |logarithms: &[f64]| {
            let mut parameters = [0.0; N];
            for (parameter, logarithm) in parameters.iter_mut().zip(logarithms) {
                if logarithm.abs() > LOGARITHM_MAX {
                    return f64::INFINITY;
                }
                *parameter = libm::exp(*logarithm);
            }
            let height = likelihood(&parameters);
            if height.is_finite() { -height } else { f64::INFINITY }
        };
        // A simplex can collapse on its way; a new one, first large and then small, goes on from there.
        let mut top = start.map(libm::log);
        for step in [1.0, 0.5, 0.1, 0.01] {
            top = descend(top, step, &cost);
        }
        let standard_errors_of_one = deviations(&top, &cost);
        Self { at: top.map(libm::exp), height: -cost(&top), standard_errors_of_one }
    }

    /// The logarithm of the likelihood of so many people.
    pub(crate) fn log_likelihood(&self, people: f64) -> f64 {
        self.height * people
    }

    /// Of each parameter, for so many people; `None` where the curvature says nothing.
    pub(crate) fn standard_errors(&self, people: f64) -> Option<[f64; N]> {
        let of = |one: [f64; N]| std::array::from_fn(|i| self.at[i] * one[i] / libm::sqrt(people));
        self.standard_errors_of_one.map(of)
    }
}

/// The best point that a simplex with edges of that length, begun here, comes to.
fn descend<const N: usize>(from: [f64; N], step: f64, cost: &impl Fn(&[f64]) -> f64) -> [f64; N] {
    /// Many times what it takes.
    const ITERATIONS_MAX: u64 = 5_000;
    /// Of a logarithm: more digits than the data have. Below it a float hardly tells two likelihoods apart.
    const SIZE: f64 = 1e-7;
    let mut vertices = vec![from.to_vec()];
    for axis in 0..N {
        let mut vertex = from.to_vec();
        vertex[axis] += step;
        vertices.push(vertex);
    }
    let solver = NelderMead::new()
        .with_absolute_simplex_size_tolerance(Some(SIZE))
        .with_relative_simplex_size_tolerance(None);
    let run = Executor::new(Cost(cost), solver, SimplexProgress::from_simplex(vertices))
        .max_iter(ITERATIONS_MAX)
        .run();
    let mut best = from;
    if let Ok(found) = run
        && cost(found.param()) <= cost(&from)
    {
        best.iter_mut().zip(found.param()).for_each(|(best, found)| *best = *found);
    }
    best
}

/// Of each logarithm, for one person: the root of the diagonal of the inverse of the second derivatives.
fn deviations<const N: usize>(top: &[f64; N], cost: &impl Fn(&[f64]) -> f64) -> Option<[f64; N]> {
    /// About a per mille of a parameter: differences of costs keep some digits, and a curve is still nearly a parabola.
    const STEP: f64 = 1e-3;
    let at = |first: (usize, f64), second: (usize, f64)| {
        let mut moved = *top;
        moved[first.0] += first.1 * STEP;
        moved[second.0] += second.1 * STEP;
        cost(&moved)
    };
    let curvature = std::array::from_fn(|i| {
        std::array::from_fn(|j| {
            let alike = at((i, 1.0), (j, 1.0)) + at((i, -1.0), (j, -1.0));
            let opposite = at((i, 1.0), (j, -1.0)) + at((i, -1.0), (j, 1.0));
            (alike - opposite) / (4.0 * STEP * STEP)
        })
    });
    let variances = diagonal_of_inverse(curvature)?;
    variances
        .iter()
        .all(|variance| *variance > 0.0 && variance.is_finite())
        .then(|| variances.map(libm::sqrt))
}

/// By Cholesky's factors; `None` for a matrix that is not that of a peak.
fn diagonal_of_inverse<const N: usize>(matrix: [[f64; N]; N]) -> Option<[f64; N]> {
    let mut factor = [[0.0; N]; N];
    for i in 0..N {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| factor[i][k] * factor[j][k]).sum();
            let rest = matrix[i][j] - known;
            factor[i][j] = if i == j {
                Some(rest).filter(|rest| *rest > 0.0).map(libm::sqrt)?
            } else {
                rest / factor[j][j]
            };
        }
    }
    let mut diagonal = [0.0; N];
    for (column, variance) in diagonal.iter_mut().enumerate() {
        // The column of the inverse of the factor, whose square is what stands in the diagonal.
        let mut inverse = [0.0; N];
        for i in column..N {
            let one = if i == column { 1.0 } else { 0.0 };
            let known: f64 = (column..i).map(|k| factor[i][k] * inverse[k]).sum();
            inverse[i] = (one - known) / factor[i][i];
        }
        *variance = inverse.iter().map(|value| value * value).sum();
    }
    Some(diagonal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_of_a_matrix_is_that_of_the_textbook() {
        let is = diagonal_of_inverse([[4.0, 2.0], [2.0, 3.0]]).expect("is positive");
        assert!((is[0] - 3.0 / 8.0).abs() < 1e-15 && (is[1] - 0.5).abs() < 1e-15, "{is:?}");
        assert_eq!(diagonal_of_inverse([[1.0, 2.0], [2.0, 1.0]]), None);
    }
}
