//! Names of a program, and what is put in where they are called.
//!
//! A name means what it means to jaq: the newest definition or argument of that name and number of arguments, then the
//! definitions of the prelude, then the filters that are written in Rust. A definition that calls itself cannot be put in.

use std::collections::BTreeMap;
use std::rc::Rc;

use jaq_core::load::parse::{Def, Term};
use jaq_core::{Error, ValT};

use super::super::natives::{self, ARGUMENTS_MAX, Filter, selectors};
use super::compile::Compiler;
use super::{Asking, Does, Leaf, Node, Pattern};
use crate::value::Value;

/// Names, the newest first. Those that were there before stay as they were.
#[derive(Clone, Default)]
pub(super) struct Names<'t>(Option<Rc<Link<'t>>>);

struct Link<'t> {
    name: Name<'t>,
    older: Names<'t>,
}

enum Name<'t> {
    /// Bound at this level.
    Variable(&'t str, u32),
    /// It sees the names that are older than it.
    Definition(&'t Def<&'t str>),
    /// The definition whose body this is.
    Itself(&'t Def<&'t str>),
    /// What was given for an argument, with the names that are seen where it was given.
    Argument(&'t str, &'t Term<&'t str>, Names<'t>),
}

impl<'t> Names<'t> {
    fn with(&self, name: Name<'t>) -> Self {
        Self(Some(Rc::new(Link { name, older: self.clone() })))
    }

    pub(super) fn with_definition(&self, definition: &'t Def<&'t str>) -> Self {
        self.with(Name::Definition(definition))
    }

    pub(super) fn with_variable(&self, name: &'t str, level: u32) -> Self {
        self.with(Name::Variable(name, level))
    }

    fn links(&self) -> impl Iterator<Item = &Link<'t>> {
        std::iter::successors(self.0.as_deref(), |link| link.older.0.as_deref())
    }

    /// The level of a variable.
    pub(super) fn variable(&self, variable: &str) -> Option<u32> {
        self.links().find_map(|link| match link.name {
            Name::Variable(name, level) if name == variable => Some(level),
            _ => None,
        })
    }

    fn called(&self, name: &str, arity: usize) -> Option<&Link<'t>> {
        self.links().find(|link| match &link.name {
            Name::Variable(..) => false,
            Name::Definition(definition) | Name::Itself(definition) => {
                definition.name == name && definition.args.len() == arity
            }
            Name::Argument(argument, ..) => *argument == name && arity == 0,
        })
    }
}

/// The filters that are written in Rust.
pub(super) struct Filters {
    plain: BTreeMap<(&'static str, usize), Filter>,
    selectors: BTreeMap<&'static str, fn(&Value) -> bool>,
}

impl Filters {
    pub(super) fn new() -> Self {
        let plain = natives::filters().into_iter().map(|filter| ((filter.name, filter.arity), filter));
        let selectors = selectors::selectors().into_iter().map(|(name, keeps, _)| (name, keeps));
        Self { plain: plain.collect(), selectors: selectors.collect() }
    }
}

/// What is written into a text.
pub(super) fn to_text(value: Value, _: &[Value; ARGUMENTS_MAX]) -> Result<Option<Value>, Error<Value>> {
    Ok(Some(value.into_string()))
}

fn not(value: Value, _: &[Value; ARGUMENTS_MAX]) -> Result<Option<Value>, Error<Value>> {
    Ok(Some(Value::Bool(!value.as_bool())))
}

fn error(value: Value, _: &[Value; ARGUMENTS_MAX]) -> Result<Option<Value>, Error<Value>> {
    Err(Error::new(value))
}

/// `[["a", 1], ["b", 2]]` of `{"a": 1, "b": 2}`
fn key_values(value: Value, _: &[Value; ARGUMENTS_MAX]) -> Result<Option<Value>, Error<Value>> {
    let pairs = value.key_values().map(|pair| pair.map(|(key, value)| [key, value].into_iter().collect()));
    pairs.collect::<Result<Value, _>>().map(Some)
}

fn keys_unsorted(value: Value, _: &[Value; ARGUMENTS_MAX]) -> Result<Option<Value>, Error<Value>> {
    value.key_values().map(|pair| pair.map(|(key, _)| key)).collect::<Result<Value, _>>().map(Some)
}

impl Compiler {
    /// The node of a call.
    pub(super) fn call<'t>(
        &mut self,
        name: &'t str,
        arguments: &'t [Term<&'t str>],
        names: &Names<'t>,
        level: u32,
    ) -> Option<Node> {
        if let Some(link) = names.called(name, arguments.len()) {
            return match &link.name {
                Name::Definition(definition) => self.put_in(definition, &link.older, arguments, names, level),
                Name::Argument(_, term, names) => self.node(term, names, level),
                Name::Itself(_) | Name::Variable(..) => None,
            };
        }
        let asking = match (name, arguments.len()) {
            ("first", 1) => Some(Asking::First),
            ("one", 1) => Some(Asking::One),
            ("first_said", 1) => Some(Asking::FirstSaid),
            ("sort_by", 1) => Some(Asking::SortBy),
            ("group_by", 1) => Some(Asking::GroupBy),
            _ => None,
        };
        if let (Some(asking), [of]) = (asking, arguments) {
            return Some(Node::new(Does::Asks(asking, Box::new(self.node(of, names, level)?))));
        }
        if arguments.is_empty() {
            let does = match name {
                "true" => Does::Leaf(Leaf::Bool(true)),
                "false" => Does::Leaf(Leaf::Bool(false)),
                "null" => Does::Leaf(Leaf::Null),
                "list" => Does::Listed,
                "error_empty" => Does::Call(error, Vec::new()),
                "not" => return Some(Node::new(Does::Call(not, Vec::new())).always_one()),
                "key_values" => return Some(Node::new(Does::Call(key_values, Vec::new())).always_one()),
                "keys_unsorted" => {
                    return Some(Node::new(Does::Call(keys_unsorted, Vec::new())).always_one());
                }
                name => match self.filters.selectors.get(name) {
                    Some(keeps) => Does::Selected(*keeps),
                    None => return self.filter(name, arguments, names, level),
                },
            };
            return Some(Node::new(does));
        }
        self.filter(name, arguments, names, level)
    }

    fn filter<'t>(
        &mut self,
        name: &'t str,
        arguments: &'t [Term<&'t str>],
        names: &Names<'t>,
        level: u32,
    ) -> Option<Node> {
        let filter = self.filters.plain.get(&(name, arguments.len()))?;
        let (plain, is_always_one) = (filter.plain, filter.is_always_one);
        let arguments =
            arguments.iter().map(|argument| self.node(argument, names, level)).collect::<Option<Vec<_>>>()?;
        let node = Node::new(Does::Call(plain, arguments));
        Some(if is_always_one { node.always_one() } else { node })
    }

    /// The body of a definition where it is called. Arguments that are values become variables around it.
    fn put_in<'t>(
        &mut self,
        definition: &'t Def<&'t str>,
        seen: &Names<'t>,
        arguments: &'t [Term<&'t str>],
        names: &Names<'t>,
        level: u32,
    ) -> Option<Node> {
        let mut within = seen.clone();
        let mut bound = Vec::new();
        for (parameter, argument) in definition.args.iter().copied().zip(arguments) {
            if parameter.starts_with('$') {
                let below = level + bound.len() as u32;
                bound.push(self.node(argument, names, below)?);
                within = within.with_variable(parameter, below);
            } else {
                within = within.with(Name::Argument(parameter, argument, names.clone()));
            }
        }
        let within = within.with(Name::Itself(definition));
        let body = self.node(&definition.body, &within, level + bound.len() as u32)?;
        Some(bound.into_iter().rev().fold(body, |body, value| {
            Node::new(Does::Bound(Box::new(value), Pattern::Variable, Box::new(body)))
        }))
    }
}
