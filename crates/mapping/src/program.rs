//! A jq program, compiled once, that turns one document into touchpoints within limits.
//!
//! The language is jq as the jaq library runs it, less all that depends on when or where it runs. Every definition, every
//! branch and every turn of a loop takes a step, and so does all that is done with values; a program that passes a limit is
//! stopped, and no `try` of it can go on. What needs neither recursion nor paths as values goes the `direct` way, several
//! times as fast, and all else through jaq; which one is decided by the text of the program, so that it is the same everywhere.

mod direct;
mod meters;
mod natives;
mod objects;
mod rewrite;

use std::collections::BTreeSet;

use jaq_core::data::JustLut;
use jaq_core::load::parse::Def;
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars};

use crate::limits;
use crate::meter::{Limit, Limited};
use crate::value::Value;

use direct::Direct;
pub use rewrite::ProgramFault;

/// What jaq needs to know of the values.
type Kind = JustLut<Value>;

/// The stack of the thread that compiles: a program is at most [`limits::PROGRAM_BYTES_MAX`] long, each byte of it may be a
/// level, and a level takes less than 4 KiB. Only what is used becomes memory.
const COMPILER_STACK_BYTES: usize = 256 << 20;

/// A compiled program.
pub struct Program {
    filter: jaq_core::Filter<Kind>,
    /// `None`: it goes through jaq.
    direct: Option<Direct>,
    /// The texts that the program holds: what it says in an error is passed on only if it is one of them, since all else
    /// may be a value of the record.
    sayings: BTreeSet<String>,
}

/// Why a document gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// A limit was passed.
    Limit(Limit),
    /// The program ended in an error, with these words if they are its own.
    Error(Option<String>),
}

impl Program {
    /// Compiles the text of a program.
    ///
    /// # Errors
    /// What is wrong with it, with the line.
    pub fn compile(text: &str) -> Result<Self, ProgramFault> {
        if text.len() > limits::PROGRAM_BYTES_MAX {
            return Err(ProgramFault::whole(format!(
                "has {} bytes; write at most {}",
                text.len(),
                limits::PROGRAM_BYTES_MAX
            )));
        }
        std::thread::scope(|scope| {
            let compiler = std::thread::Builder::new().stack_size(COMPILER_STACK_BYTES);
            let compiled =
                compiler.spawn_scoped(scope, || compile(text)).map(std::thread::ScopedJoinHandle::join);
            match compiled {
                Ok(Ok(compiled)) => compiled,
                Ok(Err(_)) => Err(ProgramFault::whole("cannot be compiled: the compiler gave up".to_owned())),
                Err(error) => Err(ProgramFault::whole(format!("cannot be compiled: no thread ({error})"))),
            }
        })
    }

    /// What the program makes of a document, within `steps`, from which it takes those that it needs.
    ///
    /// # Errors
    /// [`Stop`]; nothing of what was made before it is kept.
    pub fn run(&self, document: Value, steps: &mut u64) -> Result<Vec<Value>, Stop> {
        let limited = Limited::to_steps((*steps).min(limits::STEPS_MAX));
        let ended = self.outputs(document);
        *steps = steps.saturating_sub(limited.taken());
        match limited.breach() {
            Some(limit) => Err(Stop::Limit(limit)),
            None => ended,
        }
    }

    fn outputs(&self, document: Value) -> Result<Vec<Value>, Stop> {
        let mut outputs = Outputs::default();
        let Some(direct) = &self.direct else {
            let context = Ctx::<Kind>::new(&self.filter.lut, Vars::new([]));
            for output in self.filter.id.run((context, document)) {
                outputs.take(output.map_err(|exception| self.stop(exception.get_err().ok()))?)?;
            }
            return Ok(outputs.taken);
        };
        let mut full = None;
        let ended = direct.each(&document, &mut |output| {
            outputs.take(output).map_err(|stop| {
                full = Some(stop);
                direct::Stop::Enough
            })
        });
        match (ended, full) {
            (_, Some(stop)) => Err(stop),
            (Ok(()), None) => Ok(outputs.taken),
            (Err(direct::Stop::Error(error)), None) => Err(self.stop(Some(error))),
            (Err(_), None) => Err(self.stop(None)),
        }
    }

    fn stop(&self, error: Option<jaq_core::Error<Value>>) -> Stop {
        let words = error.and_then(|error| match error.into_val() {
            Value::Text(words) => self.sayings.get(&*words).cloned(),
            _ => None,
        });
        Stop::Error(words)
    }
}

#[derive(Default)]
struct Outputs {
    taken: Vec<Value>,
    weight: u64,
}

impl Outputs {
    fn take(&mut self, output: Value) -> Result<(), Stop> {
        self.weight += output.weight();
        if self.taken.len() >= limits::OUTPUTS_MAX || self.weight > limits::OUTPUT_WEIGHT_MAX {
            return Err(Stop::Limit(Limit::Outputs));
        }
        self.taken.push(output);
        Ok(())
    }
}

fn compile(text: &str) -> Result<Program, ProgramFault> {
    let numbers: Vec<String> = (0..=limits::TEXT_DEPTH_MAX).map(|number| number.to_string()).collect();
    let term = rewrite::parsed(text)?;
    let prelude: Vec<Def<&str>> = natives::definitions().collect();
    let direct = Direct::compile(&term, &prelude);
    let (main, sayings) = rewrite::program(term, &numbers)?;
    let arena = Arena::default();
    let mut definitions: Vec<Def<&str>> = rewrite::prelude(natives::definitions());
    definitions.push(main);
    let loader = Loader::new(definitions);
    let modules = loader
        .load(&arena, File { code: rewrite::MAIN, path: () })
        .map_err(|_| ProgramFault::whole("cannot be loaded".to_owned()))?;
    let funs =
        jaq_core::funs::<Kind>().chain(meters::natives()).chain(objects::natives()).chain(natives::natives());
    let filter = Compiler::default()
        .with_funs(funs)
        .compile(modules)
        .map_err(|errors| rewrite::undefined(text, &errors))?;
    Ok(Program { filter, direct, sayings })
}

#[cfg(test)]
mod tests;
