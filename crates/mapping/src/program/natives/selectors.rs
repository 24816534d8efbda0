//! Filters that let their input pass or not, constants, and those that give the first of several. As natives they cost a
//! fraction of what jq's own definitions of them do, and mappings consist of them.

use jaq_core::box_iter::box_once;
use jaq_core::native::Fun;
use jaq_core::{Bind, Cv, Native, ValXs};

use super::super::Kind;
use super::touchpoints::said;
use crate::value::Value;

/// A filter that passes what it keeps, also as a path and before `|=`.
macro_rules! selector {
    ($name:literal, $keeps:expr) => {{
        const KEEPS: fn(&Value) -> bool = $keeps;
        (
            $name,
            KEEPS,
            Native::new(|cv: Cv<'_, Kind>| if KEEPS(&cv.1) { box_once(Ok(cv.1)) } else { nothing() })
                .with_paths(|cv| if KEEPS(&cv.1.0) { box_once(Ok(cv.1)) } else { nothing() })
                .with_update(|cv, f| if KEEPS(&cv.1) { f(cv.1) } else { box_once(Ok(cv.1)) }),
        )
    }};
}

/// A filter that gives the same whatever its input is.
macro_rules! constant {
    ($name:literal, $value:expr) => {
        ($name, [].into(), Native::new(|_: Cv<'_, Kind>| box_once(Ok($value))))
    };
}

/// The names of jq's own definitions that these take the place of.
pub(super) const REPLACED: [&str; 5] = ["empty", "true", "false", "not", "join"];

/// The name of one that passes what it keeps, what it keeps, and how jaq calls it.
type Selector = (&'static str, fn(&Value) -> bool, Native<Kind>);

/// Those that pass what they keep.
pub(in crate::program) fn selectors() -> [Selector; 10] {
    [
        selector!("values", |value| !matches!(value, Value::Null)),
        selector!("nulls", |value| matches!(value, Value::Null)),
        selector!("strings", |value| matches!(value, Value::Text(_))),
        selector!("numbers", |value| matches!(value, Value::Int(_) | Value::Float(_))),
        selector!("booleans", |value| matches!(value, Value::Bool(_))),
        selector!("arrays", |value| matches!(value, Value::List(_))),
        selector!("objects", |value| matches!(value, Value::Object(_))),
        selector!("iterables", |value| matches!(value, Value::List(_) | Value::Object(_))),
        selector!("scalars", |value| !matches!(value, Value::List(_) | Value::Object(_))),
        // It keeps nothing, and is what is left where `|=` finds nothing.
        selector!("empty", |_| false),
    ]
}

pub(super) fn natives() -> Vec<Fun<Kind>> {
    let selectors = selectors().into_iter().map(|(name, _, native)| (name, [].into(), native));
    let others: [Fun<Kind>; 6] = [
        constant!("true", Value::Bool(true)),
        constant!("false", Value::Bool(false)),
        constant!("null", Value::Null),
        (
            "not",
            [].into(),
            Native::new(|cv: Cv<'_, Kind>| {
                box_once(Ok(Value::Bool(matches!(cv.1, Value::Null | Value::Bool(false)))))
            }),
        ),
        ("first_said", [Bind::Fun(())].into(), Native::<Kind>::new(|cv| first_said(cv))),
        ("one", [Bind::Fun(())].into(), Native::<Kind>::new(|cv| one(cv))),
    ];
    selectors.chain(others).collect()
}

fn nothing<'a, T: 'a>() -> ValXs<'a, T, Value> {
    Box::new(std::iter::empty())
}

/// The first that is not null and no text without content, trimmed; nothing if there is none.
fn first_said<'a>(mut cv: Cv<'a, Kind>) -> ValXs<'a, Value> {
    let (f, context) = cv.0.pop_fun();
    for value in f.run((context, cv.1)) {
        match value.map(said) {
            Ok(Value::Null) => {}
            found => return box_once(found),
        }
    }
    nothing()
}

/// The first of several, or null: a member whose value is nothing would take its whole object with it.
fn one<'a>(mut cv: Cv<'a, Kind>) -> ValXs<'a, Value> {
    let (f, context) = cv.0.pop_fun();
    box_once(f.run((context, cv.1)).next().unwrap_or(Ok(Value::Null)))
}
