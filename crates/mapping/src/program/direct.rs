//! The direct way: a program without recursion, as a tree that is walked once for each document.
//!
//! In goes the program as it was parsed, out comes the tree, or nothing where the program uses what the tree has not:
//! recursion, paths as values, updates, labels. Such a program goes through jaq, which is the measure of this: what both can
//! run gives the same on both, but for the number of steps. jaq boxes an iterator for each filter that it calls and a context
//! for each argument; here definitions are put in where they are called, a filter that gives one value returns it, and one
//! that gives several hands them to whoever asked. Mappings consist of the former.
//!
//! Every node but a leaf takes a step. No node is entered again before it is left, so that the stack is
//! bounded by the height of the tree, which is limited.

mod calls;
mod compile;
mod folds;
mod paths;
mod several;
mod shape;
mod walk;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use jaq_core::Error;
use jaq_core::load::parse::{Def, Term};
use jaq_core::ops::{Cmp, Math};

use super::natives::Plain;
use crate::value::Value;

/// The nodes of a program at most, after definitions were put in where they are called.
const NODES_MAX: usize = 20_000;
/// Nodes that may be entered at once, each with up to 1 KiB of the stack; a thread has at least 2 MiB.
const HEIGHT_MAX: u32 = 700;
/// Programs whose constants a thread keeps.
const PROGRAMS_KEPT: usize = 64;

/// A program as a tree.
pub(super) struct Direct {
    root: Node,
    /// The texts in it; values of a thread cannot be kept here, because threads share programs.
    texts: Vec<Box<str>>,
    /// No other program of this process has it.
    id: u64,
}

/// Why nothing more comes.
pub(super) enum Stop {
    /// An error, which `try` catches.
    Error(Error<Value>),
    /// Whoever asked has enough.
    Enough,
    /// A limit was passed.
    Limit,
}

/// What taking a value answers: an error to stop.
type Flow = Result<(), Stop>;

/// Takes values.
type Taker<'t> = &'t mut dyn FnMut(Value) -> Flow;

/// A part of a program.
struct Node {
    does: Does,
    /// Whether it gives one value or an error, never nothing and never more.
    is_one: bool,
    /// How many nodes are entered at once in it, at most.
    height: u32,
}

type Child = Box<Node>;

/// What a node gives without asking another one, and without a step.
enum Leaf {
    /// `.`
    Input,
    /// A text of the program.
    Text(usize),
    Bool(bool),
    Null,
    Int(i64),
    Float(f64),
    /// The variable that was bound at this level.
    Variable(u32),
}

/// What a node does.
enum Does {
    Leaf(Leaf),
    /// `[f]`
    List(Child),
    /// `{a: f, b: g}` with names that are texts of the program.
    Object(Vec<(usize, Node)>),
    /// `{(f): g}`
    Member(Child, Child),
    /// `"a\(f)b"`, of parts that each give one value.
    Joined(Vec<Node>),
    Negated(Child),
    /// `f | g`
    Piped(Child, Child),
    /// `f as $x | g`
    Bound(Child, Pattern, Child),
    /// `f, g`
    Both(Child, Child),
    /// `f // g`
    Else(Child, Child),
    /// `f or g`, which ends at true; `f and g`, which ends at false.
    Logic(Child, bool, Child),
    Math(Child, Math, Child),
    Compared(Child, Cmp, Child),
    If(Child, Child, Child),
    Try(Child, Child),
    /// `reduce f as $x (g; h)`
    Reduced(Child, Child, Child),
    /// `f.a[1]?[]`
    Path(Child, Vec<(Part, bool)>),
    /// A filter of values, with those of its arguments that it takes.
    Call(Plain, Vec<Node>),
    /// What passes if it is kept.
    Selected(fn(&Value) -> bool),
    /// `list`
    Listed,
    /// A filter that asks another one.
    Asks(Asking, Child),
}

/// Filters that ask another one.
#[derive(Clone, Copy)]
enum Asking {
    First,
    One,
    FirstSaid,
    SortBy,
    GroupBy,
    /// `.[] |= f`
    MapValues,
}

/// A part of a path; what belongs to it is whether a value that has none is passed over.
enum Part {
    /// The name of a member, or where it is another value its index.
    Name(usize),
    Index(Node),
    Slice(Option<Node>, Option<Node>),
    Each,
}

/// What variables are bound to: a value, or parts of it.
enum Pattern {
    /// The variable of this level.
    Variable,
    /// The values at these places.
    Parts(Vec<(Node, Pattern)>),
}

/// What the nodes of a program see beside their input.
#[derive(Clone, Copy)]
struct Scope<'s> {
    texts: &'s [Value],
    newest: Option<&'s Variable<'s>>,
}

struct Variable<'s> {
    level: u32,
    value: Value,
    older: Option<&'s Variable<'s>>,
}

impl Direct {
    /// The tree of a program, if it can be one.
    pub(super) fn compile<'t>(program: &'t Term<&'t str>, prelude: &'t [Def<&'t str>]) -> Option<Self> {
        static PROGRAMS: AtomicU64 = AtomicU64::new(0);
        let (root, texts) = compile::compile(program, prelude)?;
        Some(Self { root, texts, id: PROGRAMS.fetch_add(1, Ordering::Relaxed) })
    }

    /// Gives what the program makes of a document.
    pub(super) fn each(&self, document: &Value, take: Taker<'_>) -> Flow {
        let texts = self.texts();
        self.root.each(Scope { texts: &texts, newest: None }, document, take)
    }

    /// The texts as values of this thread.
    fn texts(&self) -> Rc<[Value]> {
        thread_local! {
            static KEPT: RefCell<BTreeMap<u64, Rc<[Value]>>> = const { RefCell::new(BTreeMap::new()) };
        }
        KEPT.with_borrow_mut(|kept| {
            if let Some(texts) = kept.get(&self.id) {
                return Rc::clone(texts);
            }
            if kept.len() >= PROGRAMS_KEPT {
                kept.clear();
            }
            let texts: Rc<[Value]> = self.texts.iter().map(|text| Value::Text(Rc::from(&**text))).collect();
            kept.insert(self.id, Rc::clone(&texts));
            texts
        })
    }
}

impl From<Error<Value>> for Stop {
    fn from(error: Error<Value>) -> Self {
        Self::Error(error)
    }
}

#[cfg(test)]
mod tests;
