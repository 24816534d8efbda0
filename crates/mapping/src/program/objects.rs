//! The filter that makes an object of fixed names at once: `!object("a"; f; "b"; g)` for `{a: f, b: g}`.
//!
//! Members that give several values give an object for each combination, the last member fastest, as in jq.

use std::collections::BTreeMap;
use std::rc::Rc;

use jaq_core::box_iter::box_once;
use jaq_core::native::Fun;
use jaq_core::{Bind, Cv, Exn, Native, ValXs};

use super::Kind;
use super::meters::stop;
use crate::meter;
use crate::value::{Value, made};

/// Its name, which is no word of the language.
pub(super) const OBJECT: &str = "!object";
/// Objects with more members are added up by jaq.
pub(super) const OBJECT_MEMBERS_MAX: usize = 24;

pub(super) fn natives() -> Vec<Fun<Kind>> {
    macro_rules! of_sizes {
        ($($size:literal)*) => {
            vec![$((OBJECT, arguments($size), Native::<Kind>::new(|cv| object::<$size>(cv)))),*]
        };
    }
    of_sizes!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24)
}

fn arguments(size: usize) -> Box<[Bind]> {
    std::iter::repeat_n(Bind::Fun(()), 2 * size).collect()
}

fn object<const SIZE: usize>(mut cv: Cv<'_, Kind>) -> ValXs<'_, Value> {
    let mut filters = Vec::with_capacity(2 * SIZE);
    for _ in 0..2 * SIZE {
        filters.push(cv.0.pop_fun());
    }
    // They come off in the reverse order.
    filters.reverse();
    let mut members: Vec<(Rc<str>, Vec<Value>)> = Vec::with_capacity(SIZE);
    let mut filters = filters.into_iter();
    while let (Some((name, names)), Some((value, values))) = (filters.next(), filters.next()) {
        let Some(Ok(Value::Text(name))) = name.run((names, Value::Null)).next() else { return stop() };
        let mut given = Vec::with_capacity(1);
        for value in value.run((values, cv.1.clone())) {
            match value {
                Ok(value) if given.is_empty() || meter::make(16) => given.push(value),
                Ok(_) => return stop(),
                Err(exception) => return box_once(Err(exception)),
            }
        }
        if given.is_empty() {
            return Box::new(std::iter::empty());
        }
        members.push((name, given));
    }
    if members.iter().all(|(_, values)| values.len() == 1) {
        if !meter::make(48 * SIZE as u64) {
            return stop();
        }
        let members =
            members.into_iter().filter_map(|(name, values)| Some((name, values.into_iter().next()?)));
        return box_once(made(Value::object(members.collect())).map_err(Exn::from));
    }
    let mut places = Some(vec![0; members.len()]);
    Box::new(std::iter::from_fn(move || {
        let now = places.take()?;
        if !meter::make(48 * SIZE as u64) {
            return Some(Err(Exn::halt(0)));
        }
        let member = |((name, values), place): (&(Rc<str>, Vec<Value>), &usize)| {
            (Rc::clone(name), values.get(*place).cloned().unwrap_or_default())
        };
        let object: BTreeMap<Rc<str>, Value> = members.iter().zip(&now).map(member).collect();
        places = after(now, &members);
        Some(made(Value::object(object)).map_err(Exn::from))
    }))
}

/// The next combination; `None` after the last.
pub(super) fn after(mut places: Vec<usize>, members: &[(Rc<str>, Vec<Value>)]) -> Option<Vec<usize>> {
    for (place, (_, values)) in places.iter_mut().zip(members).rev() {
        *place += 1;
        if *place < values.len() {
            return Some(places);
        }
        *place = 0;
    }
    None
}
