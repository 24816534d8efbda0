//! What is made of the values of nodes that may give several: the first of them, or every combination.

use std::collections::BTreeMap;
use std::rc::Rc;

use jaq_core::Error;

use super::super::natives::ARGUMENTS_MAX;
use super::{Flow, Node, Scope, Stop, Taker};
use crate::meter;
use crate::value::{Value, made};

/// Whoever stopped because of having enough has not failed.
pub(super) fn enough(flow: Flow) -> Flow {
    match flow {
        Err(Stop::Enough) => Ok(()),
        other => other,
    }
}

pub(super) fn first(of: &Node, scope: Scope<'_>, input: &Value) -> Result<Option<Value>, Stop> {
    if of.is_one {
        return of.one(scope, input).map(Some);
    }
    let mut found = None;
    enough(of.each(scope, input, &mut |value| {
        found = Some(value);
        Err(Stop::Enough)
    }))?;
    Ok(found)
}

/// The elements of a list replaced by all that is given for them, or the members of an object by the first of that.
pub(super) fn map_values(of: &Node, scope: Scope<'_>, input: &Value) -> Result<Value, Stop> {
    let charged = |bytes| if meter::make(bytes) { Ok(()) } else { Err(Stop::Limit) };
    match input {
        Value::List(list) => {
            let mut changed = Vec::with_capacity(list.items().len());
            for item in list.items() {
                of.each(scope, item, &mut |value| {
                    charged(16)?;
                    changed.push(value);
                    Ok(())
                })?;
            }
            Ok(made(Value::list(changed))?)
        }
        Value::Object(object) => {
            let mut changed = BTreeMap::new();
            for (name, value) in object.members() {
                charged(48)?;
                if let Some(value) = first(of, scope, value)? {
                    changed.insert(Rc::clone(name), value);
                }
            }
            Ok(made(Value::object(changed))?)
        }
        other => Err(Error::typ(other.clone(), "iterable (array or object)").into()),
    }
}

/// Every value of one with every value of the other. As in jaq, an error of the first is one only where the other gives
/// anything.
pub(super) fn pairs(
    left: &Node,
    right: &Node,
    scope: Scope<'_>,
    input: &Value,
    take: &mut dyn FnMut(Value, Value) -> Flow,
) -> Flow {
    let mut refused = false;
    let ended = left.each(scope, input, &mut |one| {
        let taken = right.each(scope, input, &mut |other| take(one.clone(), other));
        refused |= taken.is_err();
        taken
    });
    match ended {
        Err(Stop::Error(error)) if !refused => match first(right, scope, input) {
            Ok(None) => Ok(()),
            Err(Stop::Limit) => Err(Stop::Limit),
            _ => Err(Stop::Error(error)),
        },
        other => other,
    }
}

/// Calls a filter with every combination of its arguments, the last of them fastest.
pub(super) fn called(
    arguments: &[Node],
    place: usize,
    given: &mut [Value; ARGUMENTS_MAX],
    scope: Scope<'_>,
    input: &Value,
    call: &mut dyn FnMut(&[Value; ARGUMENTS_MAX]) -> Flow,
) -> Flow {
    let Some((argument, rest)) = arguments.split_first() else { return call(given) };
    argument.each(scope, input, &mut |value| {
        if let Some(given) = given.get_mut(place) {
            *given = value;
        }
        called(rest, place + 1, given, scope, input, call)
    })
}

/// An object for each combination of the members' values, the last of them fastest; none if one has no value.
pub(super) fn objects(members: &[(usize, Node)], scope: Scope<'_>, input: &Value, take: Taker<'_>) -> Flow {
    let mut all: Vec<(Rc<str>, Vec<Value>)> = Vec::with_capacity(members.len());
    for (name, node) in members {
        let mut values = Vec::with_capacity(1);
        node.each(scope, input, &mut |value| {
            if !values.is_empty() && !meter::make(16) {
                return Err(Stop::Limit);
            }
            values.push(value);
            Ok(())
        })?;
        if values.is_empty() {
            return Ok(());
        }
        all.push((scope.name(*name), values));
    }
    let mut places = vec![0; all.len()];
    loop {
        if !meter::make(48 * all.len() as u64) {
            return Err(Stop::Limit);
        }
        let member = |((name, values), place): (&(Rc<str>, Vec<Value>), &usize)| {
            (Rc::clone(name), values.get(*place).cloned().unwrap_or_default())
        };
        let object: BTreeMap<Rc<str>, Value> = all.iter().zip(&places).map(member).collect();
        take(made(Value::object(object))?)?;
        let Some(next) = super::super::objects::after(places, &all) else { return Ok(()) };
        places = next;
    }
}
