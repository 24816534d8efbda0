//! The filters that programs call and that are not written in jq: a part of jq's own, and a few for payloads of vendors.
//!
//! None of them reads a clock, an environment or a file. Each charges the meter for what it reads and makes.

pub(super) mod lists;
mod numbers;
pub(super) mod selectors;
mod texts;
pub(super) mod touchpoints;

use jaq_core::box_iter::box_once;
use jaq_core::load::parse::Def;
use jaq_core::native::{Fun, run, v};
use jaq_core::{Cv, Error, Exn, RunPtr, ValXs};

use super::Kind;
use crate::meter;
use crate::value::{Value, stopped};

/// The most arguments that a filter of values takes.
pub(super) const ARGUMENTS_MAX: usize = 2;

/// What a filter makes of its input and its arguments, those that it does not take being null: a value, nothing, or an
/// error.
pub(super) type Plain = fn(Value, &[Value; ARGUMENTS_MAX]) -> Result<Option<Value>, Error<Value>>;

/// A filter of values, as jaq calls it and as [`super::direct`] does.
pub(super) struct Filter {
    /// What programs call it.
    pub(super) name: &'static str,
    /// How many arguments it takes.
    pub(super) arity: usize,
    /// Whether it gives a value or an error, and never nothing.
    pub(super) is_always_one: bool,
    /// What it does.
    pub(super) plain: Plain,
    run: RunPtr<Kind>,
}

/// A filter that may give nothing.
macro_rules! maybe {
    ($name:literal / $arity:literal, $plain:expr) => {{
        const PLAIN: super::Plain = $plain;
        let run: jaq_core::RunPtr<super::Kind> = |cv| super::called::<$arity>(cv, PLAIN);
        super::Filter { name: $name, arity: $arity, is_always_one: false, plain: PLAIN, run }
    }};
}
use maybe;

/// A filter that gives a value or an error.
macro_rules! one {
    ($name:literal / $arity:literal, $plain:expr) => {{
        const ONE: fn(Value, &[Value; super::ARGUMENTS_MAX]) -> jaq_core::ValR<Value> = $plain;
        let plain: super::Plain = |value, given| ONE(value, given).map(Some);
        let run: jaq_core::RunPtr<super::Kind> =
            |cv| super::called::<$arity>(cv, |value, given| ONE(value, given).map(Some));
        super::Filter { name: $name, arity: $arity, is_always_one: true, plain, run }
    }};
}
use one;

/// The filters that are written in jq: jaq's own, but for those that are faster or safer here, and those of `prelude.jq`.
pub(super) fn definitions() -> impl Iterator<Item = Def<&'static str>> {
    let own = jaq_core::load::parse(include_str!("prelude.jq"), |parser| parser.defs());
    let jaqs = jaq_core::defs().filter(|definition| !selectors::REPLACED.contains(&definition.name));
    jaqs.chain(own.unwrap_or_default())
}

/// The filters that are written here.
pub(super) fn natives() -> impl Iterator<Item = Fun<Kind>> {
    let filters = filters().into_iter().map(|filter| run::<Kind>((filter.name, v(filter.arity), filter.run)));
    let asking = lists::asking().into_iter().map(run::<Kind>);
    let listed = run::<Kind>(("list", v(0), |cv| touchpoints::listed(cv)));
    filters.chain(asking).chain([listed]).chain(selectors::natives())
}

/// Those of them that are functions of values alone.
pub(super) fn filters() -> Vec<Filter> {
    let filters = lists::filters().into_iter().chain(texts::filters()).chain(touchpoints::filters());
    filters.chain(numbers::filters()).collect()
}

/// Calls a filter for jaq.
fn called<'a, const ARITY: usize>(mut cv: Cv<'a, Kind>, plain: Plain) -> ValXs<'a, Value> {
    let mut given = [Value::Null, Value::Null];
    for place in given.iter_mut().take(ARITY).rev() {
        *place = cv.0.pop_var();
    }
    match plain(cv.1, &given) {
        Ok(Some(value)) => box_once(Ok(value)),
        Ok(None) => Box::new(std::iter::empty()),
        Err(error) => box_once(Err(Exn::from(error))),
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
