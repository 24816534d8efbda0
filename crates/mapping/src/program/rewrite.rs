//! The text of a program becomes definitions in which nothing runs without being counted.
//!
//! A step is put at the beginning of both sides of every comma, and of every turn of `reduce` and `foreach`. Each call of a
//! definition of the program, or of an argument of one, takes a step too, and is told how deep it stands in its text, so
//! that the depth of the stack is known. The definitions of the prelude call themselves only as `rec`, and only where
//! nothing is left to do after it: there it is that one that takes a step. Whatever a program repeats, it repeats one of
//! these, or takes from a value, which counts by itself.
//!
//! Objects with fixed names become calls of a filter that makes them at once, since jaq would add them up member by member.

use std::collections::BTreeSet;
use std::fmt;

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Def, Pattern, Term};
use jaq_core::load::{Lexer, Parser, span};
use jaq_core::path::{Part, Path};

use super::meters::{CALL, STEP};
use super::objects::{OBJECT, OBJECT_MEMBERS_MAX};
use crate::limits;

/// The definition that a program becomes.
pub(super) const MAIN: &str = "kinfold_program";

/// What jq has, and a program may not use, because it would give another result elsewhere or later.
const AMBIENT: [&str; 15] = [
    "now",
    "env",
    "$ENV",
    "input",
    "inputs",
    "input_filename",
    "input_line_number",
    "halt",
    "halt_error",
    "localtime",
    "strflocaltime",
    "debug",
    "stderr",
    "get_search_list",
    "$__prog_args",
];

/// What is wrong with a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramFault {
    /// From 1; `None` when it is about the program as a whole.
    pub line: Option<usize>,
    /// What is wrong, and the remedy.
    pub what: String,
}

impl fmt::Display for ProgramFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line} {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

impl ProgramFault {
    pub(super) fn whole(what: String) -> Self {
        Self { line: None, what }
    }

    /// At a piece of the text.
    fn at(text: &str, piece: &str, what: String) -> Self {
        let within = text.as_bytes().as_ptr_range().contains(&piece.as_ptr()) || piece.is_empty();
        let line = (within && !piece.is_empty())
            .then(|| text.bytes().take(span(text, piece).start).filter(|byte| *byte == b'\n').count() + 1);
        Self { line, what }
    }
}

/// The definitions of the prelude, counted.
pub(super) fn prelude<'s>(definitions: impl Iterator<Item = Def<&'static str>>) -> Vec<Def<&'s str>> {
    let counted = definitions.map(|definition| {
        let mut rewriter = Rewriter::default();
        // The prelude is ours, and is not too deep: a test compiles it.
        rewriter.definition(definition, 0).unwrap_or_else(|_| Def {
            name: "!",
            args: Vec::new(),
            body: Term::Id,
        })
    });
    counted.map(shorter).collect()
}

/// The same definition, with names that need not live for ever.
fn shorter<'s>(definition: Def<&'static str>) -> Def<&'s str> {
    definition
}

/// The program as it is written.
pub(super) fn parsed(text: &str) -> Result<Term<&str>, ProgramFault> {
    let tokens = Lexer::new(text).lex().map_err(|errors| {
        let (expected, found) = errors.first().map_or(("another letter", ""), |(e, f)| (e.as_str(), *f));
        let found: &str = found;
        let piece = found.get(..found.chars().next().map_or(0, char::len_utf8)).unwrap_or_default();
        ProgramFault::at(text, piece, format!("cannot be read: {expected} is expected"))
    })?;
    Parser::new(&tokens).parse(|parser| parser.term()).map_err(|errors| match errors.into_iter().next() {
        Some((expected, Some(token))) => {
            let piece = token.as_str();
            let shown: String = piece.chars().take(30).collect();
            let what = format!("has `{shown}` where {} is expected", expected.as_str());
            ProgramFault::at(text, piece, what)
        }
        Some((expected, None)) => {
            ProgramFault::whole(format!("ends where {} is expected", expected.as_str()))
        }
        None => ProgramFault::whole("cannot be read".to_owned()),
    })
}

/// The program as one definition, and the texts in it. `numbers[n]` is n in decimal digits.
pub(super) fn program<'s>(
    term: Term<&'s str>,
    numbers: &'s [String],
) -> Result<(Def<&'s str>, BTreeSet<String>), ProgramFault> {
    let mut rewriter = Rewriter { numbers: Some(numbers), ..Rewriter::default() };
    rewriter.names_in(&term, 0)?;
    let main = Def { name: MAIN, args: Vec::new(), body: rewriter.term(term, 0)? };
    Ok((main, rewriter.sayings))
}

/// The fault behind names that are not defined.
pub(super) fn undefined(text: &str, errors: &jaq_core::compile::Errors<&str, ()>) -> ProgramFault {
    let Some((name, kind)) = errors.iter().flat_map(|(_, errors)| errors).next() else {
        return ProgramFault::whole("cannot be compiled".to_owned());
    };
    let what = if AMBIENT.contains(name) {
        format!(
            "uses `{name}`, which would give another result elsewhere or later; take what you need from the payload"
        )
    } else {
        let arity = match kind {
            jaq_core::compile::Undefined::Filter(0) | jaq_core::compile::Undefined::Var => String::new(),
            jaq_core::compile::Undefined::Filter(arity) => format!(" with {arity} arguments"),
            _ => String::new(),
        };
        format!(
            "uses the {} `{name}`{arity}, which is not defined; docs/sources.md lists what there is",
            kind.as_str()
        )
    };
    ProgramFault::at(text, name, what)
}

type Faulty<T> = Result<T, ProgramFault>;

#[derive(Default)]
struct Rewriter<'s> {
    /// `None` in the prelude, where calls are not entered.
    numbers: Option<&'s [String]>,
    /// Every name that the program defines, as a definition or as an argument of one.
    own: BTreeSet<&'s str>,
    sayings: BTreeSet<String>,
}

impl<'s> Rewriter<'s> {
    fn definition(&mut self, definition: Def<&'s str>, depth: u32) -> Faulty<Def<&'s str>> {
        let Def { name, args, body } = definition;
        let body = self.term(body, depth)?;
        let body = if self.numbers.is_none() && name == "rec" { stepped(body) } else { body };
        Ok(Def { name, args, body })
    }

    fn boxed(&mut self, term: Term<&'s str>, depth: u32) -> Faulty<Box<Term<&'s str>>> {
        Ok(Box::new(self.term(term, depth)?))
    }

    fn term(&mut self, term: Term<&'s str>, depth: u32) -> Faulty<Term<&'s str>> {
        let below = self.below(depth)?;
        Ok(match term {
            Term::Id | Term::Recurse | Term::Num(_) | Term::Break(_) | Term::Var(_) => term,
            Term::Str(format, parts) => Term::Str(format, self.parts(parts, below)?),
            Term::Arr(term) => Term::Arr(term.map(|term| self.boxed(*term, below)).transpose()?),
            Term::Obj(members) if is_plain(&members) => {
                let mut arguments = Vec::with_capacity(2 * members.len());
                for (name, value) in members {
                    let value = value.unwrap_or_else(|| of_name(&name));
                    arguments.push(self.term(name, below)?);
                    arguments.push(self.term(value, below)?);
                }
                Term::Call(OBJECT, arguments)
            }
            Term::Obj(members) => Term::Obj(
                members
                    .into_iter()
                    .map(|(name, value)| {
                        Ok((self.term(name, below)?, value.map(|value| self.term(value, below)).transpose()?))
                    })
                    .collect::<Faulty<_>>()?,
            ),
            Term::Neg(term) => Term::Neg(self.boxed(*term, below)?),
            Term::BinOp(left, operator, right) => {
                let operator = match operator {
                    BinaryOp::Pipe(pattern) => {
                        BinaryOp::Pipe(pattern.map(|pattern| self.pattern(pattern, below)).transpose()?)
                    }
                    other => other,
                };
                let branches = matches!(operator, BinaryOp::Comma);
                let (left, right) = (self.term(*left, below)?, self.term(*right, below)?);
                let (left, right) = if branches { (stepped(left), stepped(right)) } else { (left, right) };
                Term::BinOp(Box::new(left), operator, Box::new(right))
            }
            Term::Label(label, term) => Term::Label(label, self.boxed(*term, below)?),
            Term::Fold(kind, source, pattern, arguments) => {
                let (source, pattern) = (self.boxed(*source, below)?, self.pattern(pattern, below)?);
                let mut arguments =
                    arguments.into_iter().map(|term| self.term(term, below)).collect::<Faulty<Vec<_>>>()?;
                if let Some(update) = arguments.get_mut(1) {
                    *update = stepped(std::mem::take(update));
                }
                Term::Fold(kind, source, pattern, arguments)
            }
            Term::TryCatch(term, catch) => Term::TryCatch(
                self.boxed(*term, below)?,
                catch.map(|catch| self.boxed(*catch, below)).transpose()?,
            ),
            Term::IfThenElse(branches, otherwise) => {
                let branches = branches
                    .into_iter()
                    .map(|(condition, then)| Ok((self.term(condition, below)?, self.term(then, below)?)));
                Term::IfThenElse(
                    branches.collect::<Faulty<_>>()?,
                    otherwise.map(|term| self.boxed(*term, below)).transpose()?,
                )
            }
            Term::Def(definitions, term) => {
                let definitions =
                    definitions.into_iter().map(|definition| self.definition(definition, below));
                Term::Def(definitions.collect::<Faulty<_>>()?, self.boxed(*term, below)?)
            }
            Term::Call(name, arguments) => {
                let arguments: Vec<_> =
                    arguments.into_iter().map(|term| self.term(term, below)).collect::<Faulty<_>>()?;
                let call = Term::Call(name, arguments);
                match self.numbers.and_then(|numbers| numbers.get(depth as usize)) {
                    Some(levels) if self.own.contains(name) || name == MAIN => {
                        Term::Call(CALL, vec![Term::Num(levels), call])
                    }
                    _ => call,
                }
            }
            Term::Path(term, Path(parts)) => {
                let term = self.boxed(*term, below)?;
                let parts = parts.into_iter().map(|(part, opt)| {
                    let part = match part {
                        Part::Index(index) => Part::Index(self.term(index, below)?),
                        Part::Range(from, to) => Part::Range(
                            from.map(|from| self.term(from, below)).transpose()?,
                            to.map(|to| self.term(to, below)).transpose()?,
                        ),
                    };
                    Ok((part, opt))
                });
                let parts = parts.collect::<Faulty<_>>()?;
                Term::Path(term, Path(parts))
            }
        })
    }

    fn parts(
        &mut self,
        parts: Vec<StrPart<&'s str, Term<&'s str>>>,
        depth: u32,
    ) -> Faulty<Vec<StrPart<&'s str, Term<&'s str>>>> {
        if let [StrPart::Str(saying)] = parts.as_slice() {
            self.sayings.insert((*saying).to_owned());
        }
        let part = |part| match part {
            StrPart::Term(term) => Ok(StrPart::Term(self.term(term, depth)?)),
            other => Ok(other),
        };
        parts.into_iter().map(part).collect()
    }

    fn pattern(&mut self, pattern: Pattern<&'s str>, depth: u32) -> Faulty<Pattern<&'s str>> {
        let below = self.below(depth)?;
        Ok(match pattern {
            Pattern::Var(name) => Pattern::Var(name),
            Pattern::Arr(items) => {
                Pattern::Arr(items.into_iter().map(|item| self.pattern(item, below)).collect::<Faulty<_>>()?)
            }
            Pattern::Obj(members) => Pattern::Obj(
                members
                    .into_iter()
                    .map(|(name, value)| Ok((self.term(name, below)?, self.pattern(value, below)?)))
                    .collect::<Faulty<_>>()?,
            ),
        })
    }

    fn below(&self, depth: u32) -> Faulty<u32> {
        if depth < limits::TEXT_DEPTH_MAX {
            return Ok(depth + 1);
        }
        let what = format!(
            "is nested more than {} levels deep; write definitions with `def`, which begin anew",
            limits::TEXT_DEPTH_MAX
        );
        Err(ProgramFault::whole(what))
    }

    /// Notes the names that definitions give, wherever they stand.
    fn names_in(&mut self, term: &Term<&'s str>, depth: u32) -> Faulty<()> {
        let below = self.below(depth)?;
        match term {
            Term::Def(definitions, term) => {
                for Def { name, args, body } in definitions {
                    self.own.insert(name);
                    self.own.extend(args.iter().filter(|argument| !argument.starts_with('$')));
                    self.names_in(body, below)?;
                }
                self.names_in(term, below)
            }
            Term::Id | Term::Recurse | Term::Num(_) | Term::Break(_) | Term::Var(_) => Ok(()),
            Term::Str(_, parts) => parts.iter().try_for_each(|part| match part {
                StrPart::Term(term) => self.names_in(term, below),
                _ => Ok(()),
            }),
            Term::Arr(term) => term.iter().try_for_each(|term| self.names_in(term, below)),
            Term::Obj(members) => members.iter().try_for_each(|(name, value)| {
                self.names_in(name, below)?;
                value.iter().try_for_each(|value| self.names_in(value, below))
            }),
            Term::Neg(term) | Term::Label(_, term) => self.names_in(term, below),
            Term::BinOp(left, _, right) => {
                self.names_in(left, below)?;
                self.names_in(right, below)
            }
            Term::Fold(_, source, _, arguments) => {
                self.names_in(source, below)?;
                arguments.iter().try_for_each(|term| self.names_in(term, below))
            }
            Term::TryCatch(term, catch) => {
                self.names_in(term, below)?;
                catch.iter().try_for_each(|catch| self.names_in(catch, below))
            }
            Term::IfThenElse(branches, otherwise) => {
                for (condition, then) in branches {
                    self.names_in(condition, below)?;
                    self.names_in(then, below)?;
                }
                otherwise.iter().try_for_each(|term| self.names_in(term, below))
            }
            Term::Call(_, arguments) => arguments.iter().try_for_each(|term| self.names_in(term, below)),
            Term::Path(term, Path(parts)) => {
                self.names_in(term, below)?;
                parts.iter().try_for_each(|(part, _)| match part {
                    Part::Index(index) => self.names_in(index, below),
                    Part::Range(from, to) => {
                        from.iter().chain(to).try_for_each(|bound| self.names_in(bound, below))
                    }
                })
            }
        }
    }
}

/// Whether every name of an object is a plain text, and there are not too many for [`OBJECT`].
fn is_plain(members: &[(Term<&str>, Option<Term<&str>>)]) -> bool {
    let plain = |name: &Term<&str>| matches!(name, Term::Str(None, parts) if matches!(parts.as_slice(), [StrPart::Str(_)]));
    (1..=OBJECT_MEMBERS_MAX).contains(&members.len()) && members.iter().all(|(name, _)| plain(name))
}

/// `{a}` is `{a: .a}`.
fn of_name<'s>(name: &Term<&'s str>) -> Term<&'s str> {
    let part = (Part::Index(name.clone()), jaq_core::path::Opt::Essential);
    Term::Path(Box::new(Term::Id), Path(vec![part]))
}

/// The same term, after a step.
fn stepped(term: Term<&str>) -> Term<&str> {
    Term::BinOp(Box::new(Term::Call(STEP, Vec::new())), BinaryOp::Pipe(None), Box::new(term))
}
