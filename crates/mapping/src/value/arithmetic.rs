//! `+ - * / %` and the sign, as in jq. Whole numbers beyond 64 bits become floats.

use std::ops::{Add, Div, Mul, Neg, Rem, Sub};
use std::rc::Rc;

use jaq_core::Error;
use jaq_core::ops::Math;

use super::{List, Object, TooLarge, Value};
use crate::meter::{self, Limit};

type Made = Result<Value, Error<Value>>;

/// What every operation answers once a limit is passed.
pub(crate) fn stopped<T>() -> Result<T, Error<Value>> {
    Err(Error::new(Value::Null))
}

/// A value, or the end of the program when it is too large.
pub(crate) fn made(value: Result<Value, TooLarge>) -> Made {
    value.or_else(|TooLarge(limit)| {
        meter::exceed(limit);
        stopped()
    })
}

impl Add for Value {
    type Output = Made;

    fn add(self, other: Self) -> Made {
        if !meter::step(1) {
            return stopped();
        }
        match (self, other) {
            (Self::Null, value) | (value, Self::Null) => Ok(value),
            (Self::Int(a), Self::Int(b)) => {
                Ok(a.checked_add(b).map_or_else(|| Self::Float(a as f64 + b as f64), Self::Int))
            }
            (a @ (Self::Int(_) | Self::Float(_)), b @ (Self::Int(_) | Self::Float(_))) => {
                Ok(Self::Float(a.float() + b.float()))
            }
            (Self::Text(a), Self::Text(b)) => joined(&[&a, &b]),
            (Self::List(a), Self::List(b)) => append(a, &b),
            (Self::Object(a), Self::Object(b)) => merge(a, &b),
            (a, b) => Err(Error::math(a, Math::Add, b)),
        }
    }
}

impl Sub for Value {
    type Output = Made;

    fn sub(self, other: Self) -> Made {
        if !meter::step(1) {
            return stopped();
        }
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => {
                Ok(a.checked_sub(b).map_or_else(|| Self::Float(a as f64 - b as f64), Self::Int))
            }
            (a @ (Self::Int(_) | Self::Float(_)), b @ (Self::Int(_) | Self::Float(_))) => {
                Ok(Self::Float(a.float() - b.float()))
            }
            (Self::List(a), Self::List(b)) => {
                let mut without = b.items.clone();
                without.sort_unstable();
                let kept: Vec<_> =
                    a.items.iter().filter(|item| without.binary_search(item).is_err()).cloned().collect();
                list(kept)
            }
            (a, b) => Err(Error::math(a, Math::Sub, b)),
        }
    }
}

impl Mul for Value {
    type Output = Made;

    fn mul(self, other: Self) -> Made {
        if !meter::step(1) {
            return stopped();
        }
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => {
                Ok(a.checked_mul(b).map_or_else(|| Self::Float(a as f64 * b as f64), Self::Int))
            }
            (a @ (Self::Int(_) | Self::Float(_)), b @ (Self::Int(_) | Self::Float(_))) => {
                Ok(Self::Float(a.float() * b.float()))
            }
            (Self::Text(text), Self::Int(times)) | (Self::Int(times), Self::Text(text)) => {
                repeat(&text, times)
            }
            (Self::Object(a), Self::Object(b)) => merge_deep(a, &b),
            (a, b) => Err(Error::math(a, Math::Mul, b)),
        }
    }
}

impl Div for Value {
    type Output = Made;

    fn div(self, other: Self) -> Made {
        if !meter::step(1) {
            return stopped();
        }
        match (self, other) {
            (Self::Int(a), Self::Int(b)) if b != 0 && a.checked_rem(b) == Some(0) => Ok(Self::Int(a / b)),
            (a @ (Self::Int(_) | Self::Float(_)), b @ (Self::Int(_) | Self::Float(_)))
                if b.float() != 0.0 =>
            {
                Ok(Self::Float(a.float() / b.float()))
            }
            (Self::Text(text), Self::Text(separator)) => split(&text, &separator),
            (a, b) => Err(Error::math(a, Math::Div, b)),
        }
    }
}

impl Rem for Value {
    type Output = Made;

    fn rem(self, other: Self) -> Made {
        if !meter::step(1) {
            return stopped();
        }
        match (self, other) {
            (a @ (Self::Int(_) | Self::Float(_)), b @ (Self::Int(_) | Self::Float(_))) => {
                // As in jq, fractions are cut off first.
                let (whole, by) = (a.float() as i64, b.float() as i64);
                let rest = whole.checked_rem(by).or(if by == -1 { Some(0) } else { None });
                rest.map(Self::Int).ok_or_else(|| Error::math(a, Math::Rem, b))
            }
            (a, b) => Err(Error::math(a, Math::Rem, b)),
        }
    }
}

impl Neg for Value {
    type Output = Made;

    fn neg(self) -> Made {
        match self {
            Self::Int(number) => {
                Ok(number.checked_neg().map_or_else(|| Self::Float(-(number as f64)), Self::Int))
            }
            Self::Float(number) => Ok(Self::Float(-number)),
            other => Err(Error::typ(other, "number")),
        }
    }
}

impl Value {
    /// A number as a float; 0 for anything else.
    fn float(&self) -> f64 {
        match self {
            Self::Int(number) => *number as f64,
            Self::Float(number) => *number,
            _ => 0.0,
        }
    }
}

/// The texts one after the other.
pub(crate) fn joined(parts: &[&str]) -> Made {
    let bytes: usize = parts.iter().map(|part| part.len()).sum();
    if !meter::make(bytes as u64) {
        return stopped();
    }
    Ok(Value::Text(parts.concat().into()))
}

/// A list, charged for.
pub(crate) fn list(items: Vec<Value>) -> Made {
    if meter::make(16 * items.len() as u64) { made(Value::list(items)) } else { stopped() }
}

/// The parts of a text between separators; its characters if there is none.
pub(crate) fn split(text: &str, separator: &str) -> Made {
    // A part takes a place in the list and an allocation.
    let parts = 1 + if separator.is_empty() { text.len() } else { text.len() / separator.len() };
    if !meter::step(parts as u64 / 8) {
        return stopped();
    }
    let part = |part: &str| Value::text(part);
    let parts: Vec<Value> = match (text, separator) {
        ("", _) => Vec::new(),
        (text, "") => text.chars().map(|character| part(character.encode_utf8(&mut [0; 4]))).collect(),
        (text, separator) => text.split(separator).map(part).collect(),
    };
    list(parts)
}

fn repeat(text: &str, times: i64) -> Made {
    let Ok(times) = usize::try_from(times) else { return Ok(Value::Null) };
    if times == 0 {
        return Ok(Value::Null);
    }
    if !meter::make((text.len() as u64).saturating_mul(times as u64)) {
        return stopped();
    }
    Ok(Value::Text(text.repeat(times).into()))
}

fn append(a: Rc<List>, b: &List) -> Made {
    let shared = if Rc::strong_count(&a) > 1 { a.items.len() } else { 0 };
    if !meter::make(16 * (shared + b.items.len()) as u64) {
        return stopped();
    }
    let mut list = Rc::try_unwrap(a).unwrap_or_else(|shared| (*shared).clone());
    let mut fits = Ok(());
    for item in &b.items {
        fits = fits.and_then(|()| list.size.add(item.weight(), item.depth()));
    }
    list.items.extend(b.items.iter().cloned());
    made(fits.map(|()| Value::List(Rc::new(list))))
}

fn merge(a: Rc<Object>, b: &Object) -> Made {
    let shared = if Rc::strong_count(&a) > 1 { a.members.len() } else { 0 };
    if !meter::make(48 * (shared + b.members.len()) as u64) {
        return stopped();
    }
    let mut object = Rc::try_unwrap(a).unwrap_or_else(|shared| (*shared).clone());
    for (name, value) in &b.members {
        if let Err(TooLarge(limit)) = object.put(Rc::clone(name), value.clone()) {
            meter::exceed(limit);
            return stopped();
        }
    }
    Ok(Value::Object(Rc::new(object)))
}

fn merge_deep(a: Rc<Object>, b: &Object) -> Made {
    if !meter::make(48 * (a.members.len() + b.members.len()) as u64) {
        return stopped();
    }
    let mut object = Rc::try_unwrap(a).unwrap_or_else(|shared| (*shared).clone());
    for (name, value) in &b.members {
        let value = match (object.members.get(name), value) {
            (Some(Value::Object(old)), Value::Object(new)) => merge_deep(Rc::clone(old), new)?,
            (_, value) => value.clone(),
        };
        if let Err(TooLarge(limit)) = object.put(Rc::clone(name), value) {
            meter::exceed(limit);
            return stopped();
        }
    }
    Ok(Value::Object(Rc::new(object)))
}

impl Object {
    /// Sets a member.
    pub(super) fn put(&mut self, name: Rc<str>, value: Value) -> Result<(), TooLarge> {
        let (weight, depth) = (value.weight(), value.depth());
        let name_weight = name.len() as u64 + super::PLACE;
        match self.members.insert(name, value) {
            Some(old) => self.size.weight = self.size.weight.saturating_sub(old.weight()),
            None => self.size.weight += name_weight,
        }
        self.size.add(weight, depth)
    }
}

impl List {
    /// Takes the place of an element.
    pub(super) fn set(&mut self, index: usize, value: Value) -> Result<(), TooLarge> {
        let Some(place) = self.items.get_mut(index) else { return Err(TooLarge(Limit::Weight)) };
        let (weight, depth) = (value.weight(), value.depth());
        let old = std::mem::replace(place, value);
        self.size.weight = self.size.weight.saturating_sub(old.weight());
        self.size.add(weight, depth)
    }
}
