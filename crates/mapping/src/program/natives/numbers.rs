//! Filters of numbers.

use jaq_core::{Error, ValR};

use super::{Filter, one};
use crate::value::Value;

pub(super) fn filters() -> Vec<Filter> {
    vec![
        one!("floor" / 0, |value, _| rounded(&value, f64::floor)),
        one!("round" / 0, |value, _| rounded(&value, f64::round)),
        one!("ceil" / 0, |value, _| rounded(&value, f64::ceil)),
        one!("abs" / 0, |value, _| absolute(&value)),
    ]
}

/// Without its sign.
pub(super) fn absolute(value: &Value) -> ValR<Value> {
    match value {
        Value::Int(number) if *number < 0 => -Value::Int(*number),
        Value::Int(number) => Ok(Value::Int(*number)),
        Value::Float(number) => Ok(Value::Float(number.abs())),
        other => Err(Error::typ(other.clone(), "number")),
    }
}

fn rounded(value: &Value, round: fn(f64) -> f64) -> ValR<Value> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Int(number) => Ok(Value::Int(*number)),
        Value::Float(number) => {
            let number = round(*number);
            Ok(if number.abs() < EXACT { Value::Int(number as i64) } else { Value::Float(number) })
        }
        other => Err(Error::typ(other.clone(), "number")),
    }
}
