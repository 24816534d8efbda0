//! The terms of a program become nodes. What the tree has not gives nothing, and the program goes through jaq.

use std::collections::BTreeMap;

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{self, BinaryOp, Def, Term};
use jaq_core::ops::Math;
use jaq_core::path::{self, Opt};

use super::super::objects::OBJECT_MEMBERS_MAX;
use super::calls::{Filters, Names};
use super::{Asking, Child, Does, HEIGHT_MAX, Leaf, NODES_MAX, Node, Part, Pattern};

/// How deep calls of definitions may lie within each other here; the stack of the compiler allows more.
const DEPTH_MAX: u32 = 2000;

/// The tree, and the texts in it.
pub(super) fn compile<'t>(
    program: &'t Term<&'t str>,
    prelude: &'t [Def<&'t str>],
) -> Option<(Node, Vec<Box<str>>)> {
    let mut compiler = Compiler { filters: Filters::new(), texts: BTreeMap::new(), nodes: 0, depth: 0 };
    let mut names = Names::default();
    for definition in prelude {
        names = names.with_definition(definition);
    }
    let root = compiler.node(program, &names, 0)?;
    let mut texts: Vec<(usize, Box<str>)> =
        compiler.texts.into_iter().map(|(text, place)| (place, text.into())).collect();
    texts.sort_unstable();
    let texts = texts.into_iter().map(|(_, text)| text).collect();
    (root.height <= HEIGHT_MAX).then_some((root, texts))
}

pub(super) struct Compiler {
    pub(super) filters: Filters,
    texts: BTreeMap<String, usize>,
    nodes: usize,
    depth: u32,
}

impl Compiler {
    /// The node of a term that sees these names, below so many variables.
    pub(super) fn node<'t>(
        &mut self,
        term: &'t Term<&'t str>,
        names: &Names<'t>,
        level: u32,
    ) -> Option<Node> {
        self.nodes += 1;
        self.depth += 1;
        let node = if self.nodes <= NODES_MAX && self.depth <= DEPTH_MAX {
            self.node_of(term, names, level)
        } else {
            None
        };
        self.depth -= 1;
        node
    }

    fn node_of<'t>(&mut self, term: &'t Term<&'t str>, names: &Names<'t>, level: u32) -> Option<Node> {
        let does = match term {
            Term::Id => Does::Leaf(Leaf::Input),
            Term::Num(digits) => match digits.parse::<isize>() {
                Ok(number) => Does::Leaf(Leaf::Int(number as i64)),
                Err(_) => {
                    Does::Leaf(Leaf::Float(digits.parse::<f64>().ok().filter(|number| number.is_finite())?))
                }
            },
            Term::Str(format, parts) => return self.text_of(*format, parts, names, level),
            Term::Arr(None) => Does::List(Box::new(Node::nothing())),
            Term::Arr(Some(of)) => Does::List(self.child(of, names, level)?),
            Term::Obj(members) => return self.object(members, names, level),
            Term::Neg(of) => {
                let of = self.child(of, names, level)?;
                match of.does {
                    Does::Leaf(Leaf::Int(number)) => Does::Leaf(Leaf::Int(number.checked_neg()?)),
                    _ => Does::Negated(of),
                }
            }
            Term::BinOp(left, BinaryOp::Pipe(Some(pattern)), right) => {
                let of = self.child(left, names, level)?;
                let mut bound = Vec::new();
                let pattern = self.pattern(pattern, names, level, &mut bound)?;
                let mut within = names.clone();
                for (place, name) in bound.iter().enumerate() {
                    within = within.with_variable(name, level + place as u32);
                }
                let then = self.child(right, &within, level + bound.len() as u32)?;
                Does::Bound(of, pattern, then)
            }
            Term::BinOp(left, BinaryOp::Update, right) if is_each(left) => {
                Does::Asks(Asking::MapValues, self.child(right, names, level)?)
            }
            Term::BinOp(left, operator, right) => {
                let (left, right) = (self.child(left, names, level)?, self.child(right, names, level)?);
                match operator {
                    BinaryOp::Pipe(_) if matches!(left.does, Does::Leaf(Leaf::Input)) => return Some(*right),
                    BinaryOp::Pipe(_) if matches!(right.does, Does::Leaf(Leaf::Input)) => return Some(*left),
                    BinaryOp::Pipe(_) => Does::Piped(left, right),
                    BinaryOp::Comma => Does::Both(left, right),
                    BinaryOp::Alt => Does::Else(left, right),
                    BinaryOp::Or => Does::Logic(left, true, right),
                    BinaryOp::And => Does::Logic(left, false, right),
                    BinaryOp::Math(operator) => Does::Math(left, *operator, right),
                    BinaryOp::Cmp(operator) => Does::Compared(left, *operator, right),
                    BinaryOp::Assign | BinaryOp::Update | BinaryOp::UpdateMath(_) | BinaryOp::UpdateAlt => {
                        return None;
                    }
                }
            }
            Term::Fold("reduce", of, parse::Pattern::Var(name), arguments) => {
                let [begin, turn] = arguments.as_slice() else { return None };
                let (of, begin) = (self.child(of, names, level)?, self.child(begin, names, level)?);
                let turn = self.child(turn, &names.with_variable(name, level), level + 1)?;
                Does::Reduced(of, begin, turn)
            }
            Term::TryCatch(tried, catch) => {
                let catch = match catch {
                    Some(catch) => self.child(catch, names, level)?,
                    None => Box::new(Node::nothing()),
                };
                Does::Try(self.child(tried, names, level)?, catch)
            }
            Term::IfThenElse(branches, otherwise) => {
                let mut node = match otherwise {
                    Some(otherwise) => self.node(otherwise, names, level)?,
                    None => Node::new(Does::Leaf(Leaf::Input)),
                };
                for (condition, then) in branches.iter().rev() {
                    let (condition, then) =
                        (self.child(condition, names, level)?, self.child(then, names, level)?);
                    node = Node::new(Does::If(condition, then, Box::new(node)));
                }
                return Some(node);
            }
            Term::Def(definitions, term) => {
                let mut within = names.clone();
                for definition in definitions {
                    within = within.with_definition(definition);
                }
                return self.node(term, &within, level);
            }
            Term::Call(name, arguments) => return self.call(name, arguments, names, level),
            Term::Var(name) => Does::Leaf(Leaf::Variable(names.variable(name)?)),
            Term::Path(of, path::Path(parts)) => {
                let of = self.child(of, names, level)?;
                let mut found = Vec::with_capacity(parts.len());
                for (part, opt) in parts {
                    found.push((self.part(part, names, level)?, matches!(opt, Opt::Optional)));
                }
                Does::Path(of, found)
            }
            Term::Recurse | Term::Label(..) | Term::Break(_) | Term::Fold(..) => return None,
        };
        Some(Node::new(does))
    }

    fn child<'t>(&mut self, term: &'t Term<&'t str>, names: &Names<'t>, level: u32) -> Option<Child> {
        self.node(term, names, level).map(Box::new)
    }

    /// The place of a text.
    pub(super) fn text(&mut self, text: &str) -> usize {
        let next = self.texts.len();
        *self.texts.entry(text.to_owned()).or_insert(next)
    }

    /// A text with filters in it.
    fn text_of<'t>(
        &mut self,
        format: Option<&'t str>,
        parts: &'t [StrPart<&'t str, Term<&'t str>>],
        names: &Names<'t>,
        level: u32,
    ) -> Option<Node> {
        let mut nodes: Vec<Node> = Vec::with_capacity(parts.len());
        let mut plain = String::new();
        for part in parts {
            let term = match part {
                StrPart::Str(text) => {
                    plain.push_str(text);
                    continue;
                }
                StrPart::Char(character) => {
                    plain.push(*character);
                    continue;
                }
                StrPart::Term(term) => term,
            };
            if !plain.is_empty() {
                nodes.push(Node::new(Does::Leaf(Leaf::Text(self.text(&std::mem::take(&mut plain))))));
            }
            let value = self.child(term, names, level)?;
            let written = match format {
                Some(format) => self.call(format, &[], names, level)?,
                None => Node::new(Does::Call(super::calls::to_text, Vec::new())).always_one(),
            };
            nodes.push(Node::new(Does::Piped(value, Box::new(written))));
        }
        if !plain.is_empty() || nodes.is_empty() {
            nodes.push(Node::new(Does::Leaf(Leaf::Text(self.text(&plain)))));
        }
        if nodes.len() > 1 && nodes.iter().all(|node| node.is_one) {
            return Some(Node::new(Does::Joined(nodes)));
        }
        sum(nodes)
    }

    fn object<'t>(
        &mut self,
        members: &'t [(Term<&'t str>, Option<Term<&'t str>>)],
        names: &Names<'t>,
        level: u32,
    ) -> Option<Node> {
        let plain: Option<Vec<&str>> = members.iter().map(|(name, _)| text_in(name)).collect();
        let plain = plain.filter(|plain| (1..=OBJECT_MEMBERS_MAX).contains(&plain.len()));
        if let Some(plain) = plain {
            let mut nodes = Vec::with_capacity(members.len());
            for (name, (_, value)) in plain.into_iter().zip(members) {
                let name = self.text(name);
                let value = match value {
                    Some(value) => self.node(value, names, level)?,
                    None => Node::at(Part::Name(name)),
                };
                nodes.push((name, value));
            }
            return Some(Node::new(Does::Object(nodes)));
        }
        let mut parts = Vec::with_capacity(members.len());
        for (name, value) in members {
            let (name, value) = match (name, value) {
                (name, Some(value)) => (self.node(name, names, level)?, self.node(value, names, level)?),
                // `{$x}` is `{"x": $x}`, and `{(f)}` is `{(f): .[f]}`.
                (Term::Var(variable), None) => (
                    Node::new(Does::Leaf(Leaf::Text(self.text(variable.get(1..)?)))),
                    Node::new(Does::Leaf(Leaf::Variable(names.variable(variable)?))),
                ),
                (name, None) => (self.node(name, names, level)?, Node::at(self.index(name, names, level)?)),
            };
            parts.push(Node::new(Does::Member(Box::new(name), Box::new(value))));
        }
        if parts.is_empty() { Some(Node::new(Does::Object(Vec::new()))) } else { sum(parts) }
    }

    fn part<'t>(
        &mut self,
        part: &'t path::Part<Term<&'t str>>,
        names: &Names<'t>,
        level: u32,
    ) -> Option<Part> {
        Some(match part {
            path::Part::Index(index) => self.index(index, names, level)?,
            path::Part::Range(None, None) => Part::Each,
            path::Part::Range(from, to) => {
                let mut bound = |term: &'t Option<Term<&'t str>>| match term {
                    Some(term) => self.node(term, names, level).map(Some),
                    None => Some(None),
                };
                Part::Slice(bound(from)?, bound(to)?)
            }
        })
    }

    fn index<'t>(&mut self, index: &'t Term<&'t str>, names: &Names<'t>, level: u32) -> Option<Part> {
        Some(match text_in(index) {
            Some(name) => Part::Name(self.text(name)),
            None => Part::Index(self.node(index, names, level)?),
        })
    }

    /// A pattern, and the names of its variables in the order in which they are bound.
    fn pattern<'t>(
        &mut self,
        pattern: &'t parse::Pattern<&'t str>,
        names: &Names<'t>,
        level: u32,
        bound: &mut Vec<&'t str>,
    ) -> Option<Pattern> {
        Some(match pattern {
            parse::Pattern::Var(name) => {
                bound.push(name);
                Pattern::Variable
            }
            parse::Pattern::Arr(patterns) => {
                let mut parts = Vec::with_capacity(patterns.len());
                for (place, pattern) in patterns.iter().enumerate() {
                    let place = Node::new(Does::Leaf(Leaf::Int(place as i64)));
                    parts.push((place, self.pattern(pattern, names, level, bound)?));
                }
                Pattern::Parts(parts)
            }
            parse::Pattern::Obj(patterns) => {
                let mut parts = Vec::with_capacity(patterns.len());
                for (name, pattern) in patterns {
                    let name = self.node(name, names, level)?;
                    parts.push((name, self.pattern(pattern, names, level, bound)?));
                }
                Pattern::Parts(parts)
            }
        })
    }
}

/// The text that a term is, if it is one.
fn text_in<'t>(term: &Term<&'t str>) -> Option<&'t str> {
    match term {
        Term::Str(None, parts) => match parts.as_slice() {
            [StrPart::Str(text)] => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a term is `.[]`.
fn is_each(term: &Term<&str>) -> bool {
    match term {
        Term::Path(of, path::Path(parts)) => {
            matches!(**of, Term::Id)
                && matches!(parts.as_slice(), [(path::Part::Range(None, None), Opt::Essential)])
        }
        _ => false,
    }
}

/// The parts added up, the last two first, as jaq does.
fn sum(nodes: Vec<Node>) -> Option<Node> {
    let mut nodes = nodes.into_iter().rev();
    let last = nodes.next()?;
    Some(nodes.fold(last, |sum, node| Node::new(Does::Math(Box::new(node), Math::Add, Box::new(sum)))))
}

impl Node {
    /// What gives nothing.
    pub(super) fn nothing() -> Self {
        Self::new(Does::Selected(|_| false))
    }

    /// What looks for a part of its input.
    fn at(part: Part) -> Self {
        Self::new(Does::Path(Box::new(Self::new(Does::Leaf(Leaf::Input))), vec![(part, false)]))
    }
}
