//! What each node gives for its input.

use jaq_core::ValT;

use super::super::natives::{lists, touchpoints::said};
use super::several::{called, enough, first, map_values, objects, pairs};
use super::{Asking, Does, Flow, Leaf, Node, Scope, Stop, Taker, Variable};
use crate::meter;
use crate::value::{Value, joined, made};

impl Node {
    /// Gives every value to whoever takes them, until that one or the node stops.
    pub(super) fn each(&self, scope: Scope<'_>, input: &Value, take: Taker<'_>) -> Flow {
        if self.is_one {
            return take(self.one(scope, input)?);
        }
        step()?;
        match &self.does {
            Does::Piped(first, then) if first.is_one => then.each(scope, &first.one(scope, input)?, take),
            Does::Piped(first, then) => first.each(scope, input, &mut |value| then.each(scope, &value, take)),
            Does::Bound(of, pattern, then) => of.each(scope, input, &mut |value| {
                pattern.bind(scope, &value, scope, &mut |within| then.each(within, input, take))
            }),
            Does::Both(first, then) => {
                first.each(scope, input, take)?;
                then.each(scope, input, take)
            }
            Does::Else(first, otherwise) => {
                let mut found = false;
                first.each(scope, input, &mut |value| {
                    if value.as_bool() {
                        found = true;
                        return take(value);
                    }
                    Ok(())
                })?;
                if found { Ok(()) } else { otherwise.each(scope, input, take) }
            }
            Does::Logic(first, end, then) => first.each(scope, input, &mut |value| {
                if value.as_bool() == *end {
                    return take(Value::Bool(*end));
                }
                then.each(scope, input, &mut |value| take(Value::Bool(value.as_bool())))
            }),
            Does::If(condition, then, otherwise) => condition.each(scope, input, &mut |value| {
                let branch = if value.as_bool() { then } else { otherwise };
                branch.each(scope, input, take)
            }),
            Does::Try(tried, catch) => {
                // What fails is what was tried, unless it had given a value that was not taken.
                let mut refused = false;
                let ended = tried.each(scope, input, &mut |value| {
                    let taken = take(value);
                    refused |= taken.is_err();
                    taken
                });
                match ended {
                    Err(Stop::Error(error)) if !refused => catch.each(scope, &error.into_val(), take),
                    other => other,
                }
            }
            Does::Math(left, operator, right) => {
                pairs(left, right, scope, input, &mut |left, right| take(operator.run(left, right)?))
            }
            Does::Compared(left, operator, right) => pairs(left, right, scope, input, &mut |left, right| {
                take(Value::Bool(operator.run(&left, &right)))
            }),
            Does::Member(name, value) => {
                pairs(name, value, scope, input, &mut |name, value| take(Value::from_map([(name, value)])?))
            }
            Does::Negated(of) => of.each(scope, input, &mut |value| take((-value)?)),
            Does::Object(members) => objects(members, scope, input, take),
            Does::Path(of, parts) => {
                of.each(scope, input, &mut |value| super::paths::each(parts, scope, input, &value, take))
            }
            Does::Call(plain, arguments) => {
                let mut given = [Value::Null, Value::Null];
                called(arguments, 0, &mut given, scope, input, &mut |given| {
                    plain(input.clone(), given)?.map_or(Ok(()), &mut *take)
                })
            }
            Does::Selected(keeps) => {
                if keeps(input) {
                    take(input.clone())
                } else {
                    Ok(())
                }
            }
            Does::Listed => match input {
                Value::Null => Ok(()),
                Value::List(list) => list.items().iter().try_for_each(|item| {
                    step()?;
                    take(item.clone())
                }),
                other => take(other.clone()),
            },
            Does::Asks(Asking::First, of) => first(of, scope, input)?.map_or(Ok(()), take),
            Does::Asks(Asking::FirstSaid, of) => {
                let mut found = Value::Null;
                enough(of.each(scope, input, &mut |value| {
                    found = said(value);
                    if matches!(found, Value::Null) { Ok(()) } else { Err(Stop::Enough) }
                }))?;
                if matches!(found, Value::Null) { Ok(()) } else { take(found) }
            }
            Does::Reduced(of, begin, turn) => super::folds::reduce(of, (begin, turn), scope, input, take),
            // These give one value, unless what they are made of does not.
            Does::Joined(_)
            | Does::Asks(Asking::One | Asking::SortBy | Asking::GroupBy | Asking::MapValues, _)
            | Does::List(_)
            | Does::Leaf(_) => take(self.one(scope, input)?),
        }
    }

    /// The value of a node that gives one.
    pub(super) fn one(&self, scope: Scope<'_>, input: &Value) -> Result<Value, Stop> {
        let does = match &self.does {
            Does::Leaf(leaf) => return Ok(leaf.value(scope, input)),
            does => does,
        };
        step()?;
        Ok(match does {
            Does::List(of) => {
                let mut items = Vec::new();
                of.each(scope, input, &mut |value| {
                    if !meter::make(16) {
                        return Err(Stop::Limit);
                    }
                    items.push(value);
                    Ok(())
                })?;
                made(Value::list(items))?
            }
            Does::Object(members) => {
                if !meter::make(48 * members.len() as u64) {
                    return Err(Stop::Limit);
                }
                let mut object = Vec::with_capacity(members.len());
                for (name, value) in members {
                    object.push((scope.name(*name), value.one(scope, input)?));
                }
                made(Value::object(object.into_iter().collect()))?
            }
            Does::Joined(parts) => {
                let parts =
                    parts.iter().map(|part| part.one(scope, input)).collect::<Result<Vec<_>, Stop>>()?;
                match parts.iter().map(Value::as_text).collect::<Option<Vec<&str>>>() {
                    Some(texts) => joined(&texts)?,
                    // A format may make something else of a value; then the parts are added up as jaq does.
                    None => {
                        let mut parts = parts.into_iter().rev();
                        let last = parts.next().unwrap_or_default();
                        parts.try_fold(last, |sum, part| part + sum)?
                    }
                }
            }
            Does::Negated(of) => (-of.one(scope, input)?)?,
            Does::Piped(first, then) => {
                let value = first.one(scope, input)?;
                match &then.does {
                    // What was made for it alone can be changed in place.
                    Does::Call(plain, arguments) if arguments.is_empty() => {
                        step()?;
                        plain(value, &[Value::Null, Value::Null])?.unwrap_or_default()
                    }
                    _ => then.one(scope, &value)?,
                }
            }
            Does::Bound(of, _, then) => {
                let variable =
                    Variable { level: scope.level(), value: of.one(scope, input)?, older: scope.newest };
                then.one(Scope { newest: Some(&variable), ..scope }, input)?
            }
            Does::Else(first, otherwise) => match first.one(scope, input)? {
                Value::Null | Value::Bool(false) => otherwise.one(scope, input)?,
                found => found,
            },
            Does::Logic(first, end, then) => {
                let decided = first.one(scope, input)?.as_bool() == *end;
                Value::Bool(if decided { *end } else { then.one(scope, input)?.as_bool() })
            }
            Does::Math(left, operator, right) => {
                operator.run(left.one(scope, input)?, right.one(scope, input)?)?
            }
            Does::Compared(left, operator, right) => {
                Value::Bool(operator.run(&left.one(scope, input)?, &right.one(scope, input)?))
            }
            Does::Member(name, value) => {
                Value::from_map([(name.one(scope, input)?, value.one(scope, input)?)])?
            }
            Does::If(condition, then, otherwise) => {
                let branch = if condition.one(scope, input)?.as_bool() { then } else { otherwise };
                branch.one(scope, input)?
            }
            Does::Path(of, parts) => match &of.does {
                Does::Leaf(Leaf::Input) => super::paths::one(parts, scope, input, input)?,
                Does::Leaf(Leaf::Variable(level)) => match scope.variable(*level) {
                    Some(value) => super::paths::one(parts, scope, input, value)?,
                    None => Value::Null,
                },
                _ => super::paths::one(parts, scope, input, &of.one(scope, input)?)?,
            },
            Does::Call(plain, arguments) => {
                let mut given = [Value::Null, Value::Null];
                for (place, argument) in given.iter_mut().zip(arguments) {
                    *place = argument.one(scope, input)?;
                }
                plain(input.clone(), &given)?.unwrap_or_default()
            }
            Does::Asks(Asking::One, of) => first(of, scope, input)?.unwrap_or_default(),
            Does::Asks(Asking::MapValues, of) => map_values(of, scope, input)?,
            Does::Asks(asking, of) => {
                let mut keyed = Vec::new();
                for item in lists::items(input)? {
                    let mut key = Vec::new();
                    of.each(scope, item, &mut |value| {
                        key.push(value);
                        Ok(())
                    })?;
                    keyed.push((key, item.clone()));
                }
                if matches!(asking, Asking::SortBy) { lists::sorted(keyed)? } else { lists::groups(keyed)? }
            }
            Does::Reduced(of, begin, turn) => {
                let mut last = Value::Null;
                super::folds::reduce(of, (begin, turn), scope, input, &mut |value| {
                    last = value;
                    Ok(())
                })?;
                last
            }
            // What may give several is never asked for one, and constants were given above.
            Does::Both(..) | Does::Try(..) | Does::Selected(_) | Does::Listed | Does::Leaf(_) => Value::Null,
        })
    }
}

impl Leaf {
    fn value(&self, scope: Scope<'_>, input: &Value) -> Value {
        match self {
            Self::Input => input.clone(),
            Self::Text(place) => scope.text(*place).clone(),
            Self::Bool(yes) => Value::Bool(*yes),
            Self::Null => Value::Null,
            Self::Int(number) => Value::Int(*number),
            Self::Float(number) => Value::Float(*number),
            Self::Variable(level) => scope.variable(*level).cloned().unwrap_or_default(),
        }
    }
}

/// A step, or the end.
pub(super) fn step() -> Flow {
    if meter::step(1) { Ok(()) } else { Err(Stop::Limit) }
}
