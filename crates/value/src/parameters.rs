//! What a parameter may be. In: values from a file or from a fit. Out: a sentence about the first that makes no sense.

use std::ops::RangeInclusive;

/// A parameter that cannot be computed with.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{model}.{name} is {value}, and must be from {least} to {greatest}")]
pub struct NotPossible {
    /// Of which model: `bg_nbd` or `gamma_gamma`.
    pub model: &'static str,
    /// Which parameter.
    pub name: &'static str,
    /// What it is.
    pub value: f64,
    /// What it may be at least.
    pub least: f64,
    /// What it may be at most.
    pub greatest: f64,
}

/// NaN is in no range.
pub(crate) fn checked<const N: usize>(
    model: &'static str,
    names: [&'static str; N],
    values: [f64; N],
    ranges: [RangeInclusive<f64>; N],
) -> Result<(), NotPossible> {
    for ((name, value), range) in names.into_iter().zip(values).zip(ranges) {
        if !range.contains(&value) {
            let (least, greatest) = range.into_inner();
            return Err(NotPossible { model, name, value, least, greatest });
        }
    }
    Ok(())
}
