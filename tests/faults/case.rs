//! A case: a fault that is staged, and what is expected of Kinfold. What comes out is what was seen, or why the case
//! failed, or why it could not be staged here.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::ground::Ground;

/// A case. Several may have one number: they stage the same fault in different ways.
pub(crate) struct Case {
    /// As in the list of faults.
    pub(crate) number: u8,
    pub(crate) fault: &'static str,
    pub(crate) expected: &'static str,
    /// Whether it belongs to the set that every run of the tests includes.
    pub(crate) is_short: bool,
    pub(crate) run: fn(&Ground) -> Outcome<Seen>,
}

/// What a case saw when all was as expected.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) what: String,
    /// From the fault to the first commit after it; the slowest, where there were several.
    pub(crate) first_commit: Option<Duration>,
    /// From the fault to the end of the backlog.
    pub(crate) caught_up: Option<Duration>,
}

/// Why a case gives nothing to see.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something is not as expected.
    Wrong(String),
    /// This machine cannot stage it.
    NotStaged(String),
}

pub(crate) type Outcome<T> = Result<T, Failure>;

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Wrong(error.to_string())
    }
}

/// Fails the case with a sentence unless something holds.
pub(crate) fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Outcome<()> {
    if holds { Ok(()) } else { Err(Failure::Wrong(otherwise())) }
}

/// Fails the case with a sentence.
pub(crate) fn wrong<T>(why: impl Into<String>) -> Outcome<T> {
    Err(Failure::Wrong(why.into()))
}

/// Says that this machine cannot stage the case.
pub(crate) fn not_staged<T>(why: impl Into<String>) -> Outcome<T> {
    Err(Failure::NotStaged(why.into()))
}

impl Case {
    /// Runs it. A panic is a failure of this case alone.
    pub(crate) fn staged(&self, ground: &Ground) -> Outcome<Seen> {
        catch_unwind(AssertUnwindSafe(|| (self.run)(ground))).unwrap_or_else(|panic| {
            let said = panic.downcast_ref::<String>().cloned();
            let said = said.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            wrong(format!("panicked: {}", said.unwrap_or_default()))
        })
    }
}
