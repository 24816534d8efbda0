//! How programs look into values and change them: `.a`, `.[0]`, `.[]`, `.[1:]`, and the same before `|=`.

use std::collections::BTreeMap;
use std::rc::Rc;

use jaq_core::box_iter::{BoxIter, box_once};
use jaq_core::path::Opt;
use jaq_core::val::Range;
use jaq_core::{Error, Exn, ValR, ValT, ValX};

use super::arithmetic::{list, made, stopped};
use super::{TooLarge, Value, or_stop};
use crate::meter::{self, Limit};

impl ValT for Value {
    fn from_num(number: &str) -> ValR<Self> {
        match number.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Self::Float(number)),
            _ => Err(Error::new(Self::text("a number is out of range"))),
        }
    }

    fn from_map<I: IntoIterator<Item = (Self, Self)>>(members: I) -> ValR<Self> {
        let mut object = BTreeMap::new();
        for (name, value) in members {
            if !meter::make(64) {
                return stopped();
            }
            match name {
                Self::Text(name) => object.insert(name, value),
                other => return Err(Error::typ(other, "string")),
            };
        }
        made(Self::object(object))
    }

    fn key_values(self) -> BoxIter<'static, ValR<(Self, Self), Self>> {
        match self {
            Self::List(list) => Box::new(Metered(
                (0..list.items.len())
                    .map(move |index| Ok((Self::Int(index as i64), list.items[index].clone()))),
            )),
            Self::Object(object) => {
                let members: Vec<_> =
                    object.members.iter().map(|(name, value)| (Rc::clone(name), value.clone())).collect();
                Box::new(Metered(members.into_iter().map(|(name, value)| Ok((Self::Text(name), value)))))
            }
            other => box_once(Err(Error::typ(other, "iterable (array or object)"))),
        }
    }

    fn values(self) -> Box<dyn Iterator<Item = ValR<Self>>> {
        match self {
            Self::List(list) => {
                Box::new(Metered((0..list.items.len()).map(move |index| Ok(list.items[index].clone()))))
            }
            Self::Object(object) => {
                let values: Vec<_> = object.members.values().cloned().collect();
                Box::new(Metered(values.into_iter().map(Ok)))
            }
            other => box_once(Err(Error::typ(other, "iterable (array or object)"))),
        }
    }

    fn index(self, index: &Self) -> ValR<Self> {
        if !meter::step(1) {
            return stopped();
        }
        match (&self, index) {
            (Self::Object(object), Self::Text(name)) => {
                Ok(object.members.get(name).cloned().unwrap_or_default())
            }
            (Self::List(list), Self::Int(_) | Self::Float(_)) => {
                let place = place(index, list.items.len());
                Ok(place.and_then(|place| list.items.get(place)).cloned().unwrap_or_default())
            }
            (Self::Null, Self::Text(_) | Self::Int(_) | Self::Float(_) | Self::Null) => Ok(Self::Null),
            _ => Err(Error::index(self, index.clone())),
        }
    }

    fn range(self, range: Range<&Self>) -> ValR<Self> {
        match &self {
            Self::Null => Ok(Self::Null),
            Self::List(items) => {
                let (from, to) = bounds(&range, items.items.len())?;
                list(items.items[from..to].to_vec())
            }
            Self::Text(text) => {
                if !meter::step(1 + text.len() as u64 / 16) {
                    return stopped();
                }
                let (from, to) = bounds(&range, text.chars().count())?;
                let cut: String = text.chars().skip(from).take(to - from).collect();
                Ok(Self::text(&cut))
            }
            _ => Err(Error::typ(self, "rangeable (array or string)")),
        }
    }

    fn map_values<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        match self {
            Self::List(items) => {
                let items = Rc::try_unwrap(items).unwrap_or_else(|shared| (*shared).clone()).items;
                let mut changed = Vec::with_capacity(items.len());
                for item in items {
                    for new in f(item) {
                        if !meter::make(16) {
                            return stopped().map_err(Exn::from);
                        }
                        changed.push(new?);
                    }
                }
                Ok(made(Self::list(changed))?)
            }
            Self::Object(object) => {
                let members = Rc::try_unwrap(object).unwrap_or_else(|shared| (*shared).clone()).members;
                let mut changed = BTreeMap::new();
                for (name, value) in members {
                    if !meter::make(48) {
                        return stopped().map_err(Exn::from);
                    }
                    if let Some(new) = f(value).next() {
                        changed.insert(name, new?);
                    }
                }
                Ok(made(Self::object(changed))?)
            }
            other => opt.fail(other, |v| Exn::from(Error::typ(v, "iterable (array or object)"))),
        }
    }

    fn map_index<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        index: &Self,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        match (self, index) {
            (Self::Null, Self::Text(_)) => Self::from_map([])?.map_index(index, opt, f),
            (Self::Object(object), Self::Text(name)) => {
                if !meter::make(48)
                    || (Rc::strong_count(&object) > 1 && !meter::make(48 * object.members.len() as u64))
                {
                    return stopped().map_err(Exn::from);
                }
                let mut object = Rc::try_unwrap(object).unwrap_or_else(|shared| (*shared).clone());
                let old = object.members.get(name).cloned().unwrap_or_default();
                let fits = match f(old).next().transpose()? {
                    Some(new) => object.put(Rc::clone(name), new),
                    None => {
                        object.members.remove(name);
                        Ok(())
                    }
                };
                Ok(made(fits.map(|()| Self::Object(Rc::new(object))))?)
            }
            (Self::List(list), Self::Int(_) | Self::Float(_)) => {
                let Some(place) = place(index, list.items.len()).filter(|place| *place < list.items.len())
                else {
                    let outside = |v| Exn::from(Error::index(v, index.clone()));
                    return opt.fail(Self::List(list), outside);
                };
                if Rc::strong_count(&list) > 1 && !meter::make(16 * list.items.len() as u64) {
                    return stopped().map_err(Exn::from);
                }
                let mut list = Rc::try_unwrap(list).unwrap_or_else(|shared| (*shared).clone());
                let fits = match f(list.items[place].clone()).next().transpose()? {
                    Some(new) => list.set(place, new),
                    None if meter::step(list.items.len() as u64 / 16) => {
                        list.items.remove(place);
                        Ok(())
                    }
                    None => Err(TooLarge(Limit::Steps)),
                };
                Ok(made(fits.map(|()| Self::List(Rc::new(list))))?)
            }
            (other, _) => opt.fail(other, |v| Exn::from(Error::index(v, index.clone()))),
        }
    }

    /// Slices can be read and not changed.
    fn map_range<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        _: Range<&Self>,
        opt: Opt,
        _: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        opt.fail(self, |v| Exn::from(Error::typ(v, "something whose slices can be changed")))
    }

    fn as_bool(&self) -> bool {
        !matches!(self, Self::Null | Self::Bool(false))
    }

    fn into_string(self) -> Self {
        match self {
            Self::Text(_) => self,
            other if meter::make(other.weight()) => Self::text(&other.to_string()),
            _ => Self::Null,
        }
    }
}

/// The place that an index names; negative ones count from the end.
fn place(index: &Value, length: usize) -> Option<usize> {
    let index = match index {
        Value::Int(index) => *index,
        Value::Float(index) => index.floor() as i64,
        _ => return None,
    };
    match usize::try_from(index) {
        Ok(index) => Some(index),
        Err(_) => length.checked_sub(usize::try_from(index.unsigned_abs()).ok()?),
    }
}

/// Where a slice begins and ends.
fn bounds(range: &Range<&Value>, length: usize) -> Result<(usize, usize), Error<Value>> {
    let bound = |bound: &Option<&Value>, open: usize| match bound {
        None | Some(Value::Null) => Ok(open),
        Some(index @ (Value::Int(_) | Value::Float(_))) => {
            Ok(place(index, length).unwrap_or_default().min(length))
        }
        Some(other) => Err(Error::typ((*other).clone(), "integer")),
    };
    let (from, to) = (bound(&range.start, 0)?, bound(&range.end, length)?);
    Ok((from, to.max(from)))
}

/// Charges for each item, and ends once a limit is passed.
struct Metered<I>(I);

impl<I: Iterator> Iterator for Metered<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        if meter::step(1) { self.0.next() } else { None }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl FromIterator<Value> for Value {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Self {
        let mut list = Vec::new();
        for item in items {
            if !meter::make(16) {
                return Self::Null;
            }
            list.push(item);
        }
        or_stop(Self::list(list))
    }
}

impl From<bool> for Value {
    fn from(yes: bool) -> Self {
        Self::Bool(yes)
    }
}

impl From<isize> for Value {
    fn from(number: isize) -> Self {
        Self::Int(number as i64)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::text(&text)
    }
}

impl From<Range<Value>> for Value {
    /// How jq writes a slice in a path.
    fn from(range: Range<Value>) -> Self {
        let members = [("start", range.start.unwrap_or_default()), ("end", range.end.unwrap_or_default())];
        or_stop(Self::object(members.into_iter().map(|(name, value)| (Rc::from(name), value)).collect()))
    }
}
