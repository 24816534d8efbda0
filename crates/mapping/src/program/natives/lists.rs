//! Filters of lists and objects.

use std::collections::BTreeMap;
use std::rc::Rc;

use jaq_core::box_iter::box_once;
use jaq_core::{Bind, Cv, Error, Exn, RunPtr, ValR};

use super::super::Kind;
use super::{Filter, one, text};
use crate::meter;
use crate::value::{Value, list, made, stopped};

pub(super) fn filters() -> Vec<Filter> {
    vec![
        one!("length" / 0, |value, _| length(&value)),
        one!("type" / 0, |value, _| Ok(Value::text(value.kind()))),
        one!("keys" / 0, |value, _| keys(&value)),
        one!("has" / 1, |value, [key, _]| has(&value, key)),
        one!("contains" / 1, |whole, [part, _]| {
            if !meter::step(1 + whole.weight() / 16) {
                return stopped();
            }
            contains(&whole, part).map(Value::Bool)
        }),
        one!("reverse" / 0, |value, _| list(items(&value)?.iter().rev().cloned().collect())),
        one!("sort" / 0, |value, _| {
            let mut items = items(&value)?.to_vec();
            items.sort();
            list(items)
        }),
        one!("unique" / 0, |value, _| {
            let mut items = items(&value)?.to_vec();
            items.sort();
            items.dedup();
            list(items)
        }),
        one!("flatten" / 0, |value, _| items(&value).and_then(flatten)),
        one!("min" / 0, |value, _| items(&value).map(|items| items
            .iter()
            .min()
            .cloned()
            .unwrap_or_default())),
        one!("max" / 0, |value, _| items(&value).map(|items| items
            .iter()
            .max()
            .cloned()
            .unwrap_or_default())),
        one!("compact" / 0, |value, _| compact(value)),
    ]
}

/// A filter as jaq takes it: its name, what it takes, and what it does.
type Asking = (&'static str, Box<[Bind]>, RunPtr<Kind>);

/// The filters that ask another one about each element.
pub(super) fn asking() -> [Asking; 2] {
    let f = || [Bind::Fun(())].into();
    [
        ("sort_by", f(), |cv| box_once(keyed(cv).and_then(|keyed| Ok(sorted(keyed)?)))),
        ("group_by", f(), |cv| box_once(keyed(cv).and_then(|keyed| Ok(groups(keyed)?)))),
    ]
}

pub(in crate::program) fn items(value: &Value) -> Result<&[Value], Error<Value>> {
    match value {
        Value::List(list) if meter::step(1 + list.items().len() as u64 / 8) => Ok(list.items()),
        Value::List(_) => stopped(),
        other => Err(Error::typ(other.clone(), "array")),
    }
}

fn length(value: &Value) -> ValR<Value> {
    Ok(match value {
        Value::Null => Value::Int(0),
        Value::Text(_) => Value::Int(text(value)?.chars().count() as i64),
        Value::List(list) => Value::Int(list.items().len() as i64),
        Value::Object(object) => Value::Int(object.members().len() as i64),
        Value::Int(_) | Value::Float(_) => return super::numbers::absolute(value),
        Value::Bool(_) => return Err(Error::typ(value.clone(), "something that has a length")),
    })
}

fn keys(value: &Value) -> ValR<Value> {
    match value {
        Value::Object(object) => {
            list(object.members().keys().map(|name| Value::Text(Rc::clone(name))).collect())
        }
        Value::List(items) => list((0..items.items().len()).map(|index| Value::Int(index as i64)).collect()),
        other => Err(Error::typ(other.clone(), "iterable (array or object)")),
    }
}

fn has(value: &Value, key: &Value) -> ValR<Value> {
    match (value, key) {
        (Value::Object(object), Value::Text(name)) => Ok(Value::Bool(object.members().contains_key(name))),
        (Value::List(list), Value::Int(index)) => {
            Ok(Value::Bool(usize::try_from(*index).is_ok_and(|index| index < list.items().len())))
        }
        _ => Err(Error::index(value.clone(), key.clone())),
    }
}

/// As jq: a text within a text, each element in some element, each member in the member of its name.
fn contains(whole: &Value, part: &Value) -> Result<bool, Error<Value>> {
    Ok(match (whole, part) {
        (Value::Text(whole), Value::Text(part)) => whole.contains(&**part),
        (Value::List(whole), Value::List(parts)) => {
            for part in parts.items() {
                let mut found = false;
                for item in whole.items() {
                    if !meter::step(1 + item.weight() / 64) {
                        return stopped();
                    }
                    if contains(item, part).unwrap_or(false) {
                        found = true;
                        break;
                    }
                }
                if !found {
                    return Ok(false);
                }
            }
            true
        }
        (Value::Object(whole), Value::Object(parts)) => {
            for (name, part) in parts.members() {
                let Some(value) = whole.members().get(name) else { return Ok(false) };
                if !contains(value, part)? {
                    return Ok(false);
                }
            }
            true
        }
        (a, b) if a.kind() == b.kind() => a == b,
        (a, b) => return Err(Error::index(a.clone(), b.clone())),
    })
}

fn flatten(items: &[Value]) -> ValR<Value> {
    fn into(items: &[Value], flat: &mut Vec<Value>) -> bool {
        items.iter().all(|item| match item {
            Value::List(list) => meter::step(1) && into(list.items(), flat),
            other if meter::make(16) => {
                flat.push(other.clone());
                true
            }
            _ => false,
        })
    }
    let mut flat = Vec::new();
    if into(items, &mut flat) { list(flat) } else { stopped() }
}

/// The elements of the input, each with what the filter gives for it.
fn keyed<'a>(mut cv: Cv<'a, Kind>) -> Result<Vec<(Vec<Value>, Value)>, Exn<'a, Value>> {
    let (f, context) = cv.0.pop_fun();
    let mut keyed = Vec::new();
    for item in items(&cv.1)? {
        let key: Vec<Value> = f.run((context.clone(), item.clone())).collect::<ValXList<'a>>()?;
        keyed.push((key, item.clone()));
    }
    Ok(keyed)
}

type ValXList<'a> = Result<Vec<Value>, Exn<'a, Value>>;

/// The elements in the order of what was given for them.
pub(in crate::program) fn sorted(mut keyed: Vec<(Vec<Value>, Value)>) -> ValR<Value> {
    keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
    list(keyed.into_iter().map(|(_, item)| item).collect())
}

/// The elements for which the same was given, as lists in the order of that.
pub(in crate::program) fn groups(mut keyed: Vec<(Vec<Value>, Value)>) -> ValR<Value> {
    keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut groups: Vec<(Vec<Value>, Vec<Value>)> = Vec::new();
    for (key, item) in keyed {
        match groups.last_mut() {
            Some((last, group)) if *last == key => group.push(item),
            _ => groups.push((key, vec![item])),
        }
    }
    let groups: Vec<Value> = groups.into_iter().map(|(_, group)| list(group)).collect::<Result<_, _>>()?;
    list(groups)
}

/// Without the members that say nothing: null, texts without content, empty lists and objects. Other values pass as they are.
pub(super) fn compact(value: Value) -> ValR<Value> {
    let Value::Object(object) = &value else { return Ok(value) };
    if !meter::make(48 * object.members().len() as u64) {
        return stopped();
    }
    let says = |value: &Value| match value {
        Value::Null => false,
        Value::Text(text) => !text.trim().is_empty(),
        Value::List(list) => !list.items().is_empty(),
        Value::Object(object) => !object.members().is_empty(),
        _ => true,
    };
    if object.members().values().all(says) {
        return Ok(value);
    }
    let members: BTreeMap<Rc<str>, Value> = object
        .members()
        .iter()
        .filter(|(_, value)| says(value))
        .map(|(name, value)| (Rc::clone(name), value.clone()))
        .collect();
    made(Value::object(members))
}
