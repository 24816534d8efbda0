//! The filters that programs call and that are not written in jq: a part of jq's own, and a few for payloads of vendors.
//!
//! None of them reads a clock, an environment or a file. Each charges the meter for what it reads and makes.

mod lists;
mod selectors;
mod texts;
mod touchpoints;

use jaq_core::load::parse::Def;
use jaq_core::native::{Fun, bome, run, v};
use jaq_core::{Cv, Error, RunPtr, ValR};

use super::Kind;
use crate::meter;
use crate::value::{Value, stopped};

/// Name, arguments and function.
type Filter = (&'static str, Box<[jaq_core::Bind]>, RunPtr<Kind>);

/// The filters that are written in jq: jaq's own, but for those that are faster or safer here, and those of `prelude.jq`.
pub(super) fn definitions() -> impl Iterator<Item = Def<&'static str>> {
    let own = jaq_core::load::parse(include_str!("prelude.jq"), |parser| parser.defs());
    let jaqs = jaq_core::defs().filter(|definition| !selectors::REPLACED.contains(&definition.name));
    jaqs.chain(own.unwrap_or_default())
}

/// The filters that are written here.
pub(super) fn natives() -> impl Iterator<Item = Fun<Kind>> {
    let filters = lists::filters().into_iter().chain(texts::filters()).chain(touchpoints::filters());
    filters.chain(numbers()).map(|filter| run::<Kind>(filter)).chain(selectors::natives())
}

fn numbers() -> Vec<Filter> {
    vec![
        ("floor", v(0), |cv| bome(rounded(&cv.1, f64::floor))),
        ("round", v(0), |cv| bome(rounded(&cv.1, f64::round))),
        ("ceil", v(0), |cv| bome(rounded(&cv.1, f64::ceil))),
        ("abs", v(0), |cv| bome(absolute(&cv.1))),
    ]
}

fn absolute(value: &Value) -> ValR<Value> {
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

/// The text that a filter was given, charged for.
fn text(value: &Value) -> Result<&str, Error<Value>> {
    match value {
        Value::Text(text) if meter::step(1 + text.len() as u64 / 64) => Ok(text),
        Value::Text(_) => stopped(),
        other => Err(Error::typ(other.clone(), "string")),
    }
}

/// A filter of its input and one argument.
fn with_one<'a>(
    mut cv: Cv<'a, Kind>,
    f: impl FnOnce(&Value, &Value) -> ValR<Value>,
) -> jaq_core::ValXs<'a, Value> {
    let argument = cv.0.pop_var();
    bome(f(&cv.1, &argument))
}
