//! Looking into values: `.a`, `.[0]`, `.[1:]`, `.[]`, each with `?` or without.

use jaq_core::{Error, ValT};

use super::walk::step;
use super::{Does, Flow, Leaf, Node, Part, Scope, Stop, Taker};
use crate::value::Value;

/// The value at a path each of whose parts gives one.
pub(super) fn one(
    parts: &[(Part, bool)],
    scope: Scope<'_>,
    input: &Value,
    value: &Value,
) -> Result<Value, Stop> {
    let mut at = value;
    let mut parts = parts.iter();
    while let Some((part, _)) = parts.next() {
        step()?;
        match (part, at) {
            (Part::Name(name), Value::Object(object)) => match object.members().get(scope.name_of(*name)) {
                Some(value) => at = value,
                None => return missing(parts.as_slice(), scope, input),
            },
            (Part::Name(_), Value::Null) => return missing(parts.as_slice(), scope, input),
            _ => {
                let next = part.of(scope, input, at)?;
                return one(parts.as_slice(), scope, input, &next);
            }
        }
    }
    Ok(at.clone())
}

/// What is at a path within null: null, unless a part of it cannot be looked for in null.
fn missing(parts: &[(Part, bool)], scope: Scope<'_>, input: &Value) -> Result<Value, Stop> {
    if parts.iter().all(|(part, _)| matches!(part, Part::Name(_))) {
        return Ok(Value::Null);
    }
    one(parts, scope, input, &Value::Null)
}

/// Gives every value at a path. As in jaq, the indices of all parts are known before the first is looked for: an index
/// that gives nothing or fails does so whatever is at its place, and one that gives nothing hides one that fails.
pub(super) fn each(
    parts: &[(Part, bool)],
    scope: Scope<'_>,
    input: &Value,
    value: &Value,
    take: Taker<'_>,
) -> Flow {
    let mut known = Vec::with_capacity(parts.len());
    explode(parts, &mut known, scope, input, &mut |known| {
        failed(known)?;
        run(known, value, take)
    })
}

/// A part whose indices are known.
enum Known {
    Index(Attempt),
    Slice(Option<Attempt>, Option<Attempt>),
    Each,
}

/// An index, or why there is none.
type Attempt = Result<Value, Error<Value>>;

/// Takes paths whose indices are known.
type KnownTaker<'t> = &'t mut dyn FnMut(&[(Known, bool)]) -> Flow;

fn explode(
    parts: &[(Part, bool)],
    known: &mut Vec<(Known, bool)>,
    scope: Scope<'_>,
    input: &Value,
    found: KnownTaker<'_>,
) -> Flow {
    let Some(((part, optional), rest)) = parts.split_first() else { return found(known) };
    let mut with = |part: Known| {
        known.push((part, *optional));
        let flow = explode(rest, known, scope, input, found);
        known.pop();
        flow
    };
    match part {
        Part::Name(name) => with(Known::Index(Ok(scope.text(*name).clone()))),
        Part::Each => with(Known::Each),
        Part::Index(index) => attempts(index, scope, input, &mut |index| with(Known::Index(index))),
        Part::Slice(None, None) => with(Known::Slice(None, None)),
        Part::Slice(Some(from), None) => {
            attempts(from, scope, input, &mut |from| with(Known::Slice(Some(from), None)))
        }
        Part::Slice(None, Some(to)) => {
            attempts(to, scope, input, &mut |to| with(Known::Slice(None, Some(to))))
        }
        Part::Slice(Some(from), Some(to)) => attempts(from, scope, input, &mut |from| {
            attempts(to, scope, input, &mut |to| with(Known::Slice(Some(from.clone()), Some(to))))
        }),
    }
}

/// Every value of an index, and its error if it ends in one.
fn attempts(index: &Node, scope: Scope<'_>, input: &Value, found: &mut dyn FnMut(Attempt) -> Flow) -> Flow {
    let mut refused = false;
    let ended = index.each(scope, input, &mut |value| {
        let taken = found(Ok(value));
        refused |= taken.is_err();
        taken
    });
    match ended {
        Err(Stop::Error(error)) if !refused => found(Err(error)),
        other => other,
    }
}

fn bound(bound: &Option<Attempt>) -> Option<&Value> {
    bound.as_ref().and_then(|bound| bound.as_ref().ok())
}

/// The first error of an index.
fn failed(parts: &[(Known, bool)]) -> Flow {
    let attempts = parts.iter().flat_map(|(part, _)| match part {
        Known::Index(index) => [Some(index), None],
        Known::Slice(from, to) => [from.as_ref(), to.as_ref()],
        Known::Each => [None, None],
    });
    match attempts.flatten().find_map(|attempt| attempt.as_ref().err()) {
        Some(error) => Err(error.clone().into()),
        None => Ok(()),
    }
}

fn run(parts: &[(Known, bool)], value: &Value, take: Taker<'_>) -> Flow {
    let Some(((part, optional), rest)) = parts.split_first() else { return take(value.clone()) };
    step()?;
    let found = match part {
        Known::Index(Ok(index)) => value.clone().index(index),
        Known::Slice(from, to) => value.clone().range(bound(from)..bound(to)),
        Known::Index(Err(error)) => Err(error.clone()),
        Known::Each => {
            return match value {
                Value::List(list) => list.items().iter().try_for_each(|item| {
                    step()?;
                    run(rest, item, take)
                }),
                Value::Object(object) => object.members().values().try_for_each(|item| {
                    step()?;
                    run(rest, item, take)
                }),
                _ if *optional => Ok(()),
                other => Err(Error::typ(other.clone(), "iterable (array or object)").into()),
            };
        }
    };
    match found {
        Ok(found) => run(rest, &found, take),
        Err(_) if *optional => Ok(()),
        Err(error) => Err(error.into()),
    }
}

impl Part {
    /// Whether it gives one value, or an error, and its indices cannot fail.
    pub(super) fn is_one(&self, optional: bool) -> bool {
        let known =
            |node: &Node| matches!(node.does, Does::Leaf(Leaf::Text(_) | Leaf::Int(_) | Leaf::Variable(_)));
        let one = |node: &Option<Node>| node.as_ref().is_none_or(known);
        !optional
            && match self {
                Self::Name(_) => true,
                Self::Index(index) => known(index),
                Self::Slice(from, to) => one(from) && one(to),
                Self::Each => false,
            }
    }

    /// How high what it looks for indices with is.
    pub(super) fn height(&self) -> u32 {
        let height = |node: &Option<Node>| node.as_ref().map_or(0, |node| node.height);
        match self {
            Self::Name(_) | Self::Each => 0,
            Self::Index(index) => index.height,
            Self::Slice(from, to) => height(from) + height(to),
        }
    }

    /// The one value there.
    fn of(&self, scope: Scope<'_>, input: &Value, value: &Value) -> Result<Value, Stop> {
        let bound = |node: &Option<Node>| node.as_ref().map(|node| node.one(scope, input)).transpose();
        Ok(match self {
            Self::Name(name) => value.clone().index(scope.text(*name))?,
            Self::Index(index) => value.clone().index(&index.one(scope, input)?)?,
            Self::Slice(from, to) => {
                let (from, to) = (bound(from)?, bound(to)?);
                value.clone().range(from.as_ref()..to.as_ref())?
            }
            Self::Each => return Err(Error::typ(value.clone(), "one value").into()),
        })
    }
}
