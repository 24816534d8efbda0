//! The two native filters that stand in every rewritten program: one takes a step, the other knows how deep calls are.
//!
//! Their names are no words of the language, so that no program can call or redefine them.

use jaq_core::box_iter::box_once;
use jaq_core::native::Fun;
use jaq_core::{Bind, Cv, Exn, Native, ValXs};

use super::Kind;
use crate::meter;
use crate::value::Value;

/// Takes a step, and gives its input.
pub(super) const STEP: &str = "!step";
/// Enters a call: `!call($levels; f)`.
pub(super) const CALL: &str = "!call";

/// Steps where a program looks for paths: a path grows by a link with each, and is let go by recursion.
const STEPS_OF_A_PATH: u64 = 50;
/// Levels of an update, which calls the next one from within.
const LEVELS_OF_AN_UPDATE: u32 = 8;

/// An end that no `try` catches.
pub(super) fn stop<'a, T: 'a>() -> ValXs<'a, T, Value> {
    box_once(Err(Exn::halt(0)))
}

pub(super) fn natives() -> [Fun<Kind>; 2] {
    let step = Native::new(|cv: Cv<'_, Kind>| if meter::step(1) { box_once(Ok(cv.1)) } else { stop() })
        .with_paths(|cv| if meter::step(STEPS_OF_A_PATH) { box_once(Ok(cv.1)) } else { stop() })
        .with_update(|cv, f| within(LEVELS_OF_AN_UPDATE, || f(cv.1)));
    let call = Native::new(|mut cv: Cv<'_, Kind>| {
        let ((f, context), levels) = (cv.0.pop_fun(), levels(&cv.0.pop_var()));
        within(levels, || f.run((context, cv.1)))
    })
    .with_paths(|mut cv| {
        let ((f, context), levels) = (cv.0.pop_fun(), levels(&cv.0.pop_var()));
        within(levels, || f.paths((context, cv.1)))
    })
    .with_update(|mut cv, update| {
        let ((f, context), levels) = (cv.0.pop_fun(), levels(&cv.0.pop_var()));
        within(levels, || f.update((context, cv.1), update))
    });
    [(STEP, [].into(), step), (CALL, [Bind::Var(()), Bind::Fun(())].into(), call)]
}

fn levels(value: &Value) -> u32 {
    match value {
        Value::Int(levels) => u32::try_from(*levels).unwrap_or(u32::MAX),
        _ => u32::MAX,
    }
}

/// Calls a filter, and asks it for each of its outputs, so many levels deeper.
fn within<'a, T: 'a>(levels: u32, call: impl FnOnce() -> ValXs<'a, T, Value>) -> ValXs<'a, T, Value> {
    if !meter::step(1) || !meter::enter(levels) {
        return stop();
    }
    let outputs = call();
    meter::leave(levels);
    Box::new(Within { levels, outputs, is_stopped: false })
}

struct Within<'a, T> {
    levels: u32,
    outputs: ValXs<'a, T, Value>,
    is_stopped: bool,
}

impl<'a, T> Iterator for Within<'a, T> {
    type Item = Result<T, Exn<'a, Value>>;

    /// Once a limit is passed, one end, and then nothing: jaq holds whoever promises one output to it.
    fn next(&mut self) -> Option<Self::Item> {
        if self.is_stopped {
            return None;
        }
        if !meter::enter(self.levels) {
            let is_over = self.outputs.size_hint().1 == Some(0);
            self.is_stopped = true;
            return if is_over { None } else { Some(Err(Exn::halt(0))) };
        }
        let output = self.outputs.next();
        meter::leave(self.levels);
        output
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.is_stopped { (0, Some(0)) } else { self.outputs.size_hint() }
    }
}
