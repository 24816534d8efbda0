//! What programs work on: JSON values that know their weight and depth, and that charge the meter for all that is done with
//! them.
//!
//! Lists and objects are shared, so that a copy costs nothing. A value can therefore be larger than the memory it takes
//! (`[., .]` again and again), which is why each knows what it would weigh if it were written out.

mod access;
mod arithmetic;
mod json;
mod order;

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::limits;
use crate::meter::{self, Limit};

pub(crate) use arithmetic::{joined, list, made, split, stopped};
pub use json::Unreadable;

/// A JSON value.
#[derive(Clone, Default)]
pub enum Value {
    /// `null`
    #[default]
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A whole number of 64 bits.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Text(Rc<str>),
    /// A list.
    List(Rc<List>),
    /// An object.
    Object(Rc<Object>),
}

/// The elements of a list.
#[derive(Clone, Default)]
pub struct List {
    items: Vec<Value>,
    size: Size,
}

/// The members of an object, by name.
#[derive(Clone, Default)]
pub struct Object {
    members: BTreeMap<Rc<str>, Value>,
    size: Size,
}

/// What a list or an object amounts to.
#[derive(Clone, Copy, Default)]
struct Size {
    /// Bytes, if everything that is shared were there as often as it is seen.
    weight: u64,
    /// Levels: 1 for a list of numbers. An upper bound, when something deep was taken out again.
    depth: u8,
}

/// A value is too deep or too large to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge(pub(crate) Limit);

/// What a number, or a place in a list, weighs.
const PLACE: u64 = 16;

impl List {
    /// The elements.
    #[must_use]
    pub fn items(&self) -> &[Value] {
        &self.items
    }
}

impl Object {
    /// The members, in the order of their names.
    #[must_use]
    pub fn members(&self) -> &BTreeMap<Rc<str>, Value> {
        &self.members
    }
}

impl Size {
    fn add(&mut self, weight: u64, depth: u8) -> Result<(), TooLarge> {
        self.weight = self.weight.saturating_add(weight);
        self.depth = self.depth.max(depth.saturating_add(1));
        if self.depth > limits::DEPTH_MAX {
            return Err(TooLarge(Limit::Depth));
        }
        if self.weight > limits::WEIGHT_MAX {
            return Err(TooLarge(Limit::Weight));
        }
        Ok(())
    }
}

impl Value {
    /// Text, charged for.
    #[must_use]
    pub fn text(text: &str) -> Self {
        if meter::make(text.len() as u64 + PLACE) { Self::Text(text.into()) } else { Self::Null }
    }

    /// A list of these values.
    pub(crate) fn list(items: Vec<Self>) -> Result<Self, TooLarge> {
        let mut size = Size { weight: PLACE, depth: 1 };
        for item in &items {
            size.add(item.weight(), item.depth())?;
        }
        Ok(Self::List(Rc::new(List { items, size })))
    }

    /// An object of these members; of two with one name the last one counts.
    pub(crate) fn object(members: BTreeMap<Rc<str>, Self>) -> Result<Self, TooLarge> {
        let mut size = Size { weight: PLACE, depth: 1 };
        for (name, value) in &members {
            size.add(name.len() as u64 + PLACE + value.weight(), value.depth())?;
        }
        Ok(Self::Object(Rc::new(Object { members, size })))
    }

    /// The member of an object; `None` when it has no such member, or is none.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(object) => object.members.get(name),
            _ => None,
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What it would weigh if it were written out, in bytes of memory.
    #[must_use]
    pub fn weight(&self) -> u64 {
        match self {
            Self::Null | Self::Bool(_) | Self::Int(_) | Self::Float(_) => PLACE,
            Self::Text(text) => PLACE + text.len() as u64,
            Self::List(list) => PLACE + list.size.weight,
            Self::Object(object) => PLACE + object.size.weight,
        }
    }

    /// How many levels of lists and objects it has; 0 for a number.
    #[must_use]
    pub fn depth(&self) -> u8 {
        match self {
            Self::List(list) => list.size.depth,
            Self::Object(object) => object.size.depth,
            _ => 0,
        }
    }

    /// The type, as a refusal names it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Int(_) | Self::Float(_) => "number",
            Self::Text(_) => "string",
            Self::List(_) => "array",
            Self::Object(_) => "object",
        }
    }

    /// Changes the object in place, or makes it anew if it is shared.
    pub(crate) fn with_members(
        self,
        change: impl FnOnce(&mut BTreeMap<Rc<str>, Self>),
    ) -> Result<Self, TooLarge> {
        let Self::Object(object) = self else { return Ok(self) };
        let mut members = Rc::try_unwrap(object).unwrap_or_else(|shared| (*shared).clone()).members;
        change(&mut members);
        Self::object(members)
    }
}

/// A value that is too large ends the program: what stands in its place is never seen.
pub(crate) fn or_stop(made: Result<Value, TooLarge>) -> Value {
    made.unwrap_or_else(|TooLarge(limit)| {
        meter::exceed(limit);
        Value::Null
    })
}

impl std::fmt::Debug for Value {
    /// The type alone: values are personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind())
    }
}
