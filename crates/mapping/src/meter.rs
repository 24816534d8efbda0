//! What a program has used. Values and native filters charge here for all they do; once a limit is passed, everything fails
//! at once until the program has ended, whatever it tries to catch.
//!
//! There is one meter a thread, because the operators of a value cannot be handed one. Outside of a program nothing is
//! limited.

use std::cell::Cell;
use std::fmt;

use crate::limits;

/// A limit that a program passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// It took too many steps.
    Steps,
    /// It made too much.
    Bytes,
    /// Its calls were nested too deep.
    Calls,
    /// It made a value that is nested too deep.
    Depth,
    /// It made a value that is too large.
    Weight,
    /// It gave too many touchpoints, or too large ones.
    Outputs,
}

impl Limit {
    /// All limits.
    pub const ALL: [Self; 6] =
        [Self::Steps, Self::Bytes, Self::Calls, Self::Depth, Self::Weight, Self::Outputs];
}

impl fmt::Display for Limit {
    /// The predicate of a sentence about a program.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Steps => write!(f, "takes more than {} steps", limits::STEPS_MAX),
            Self::Bytes => write!(f, "makes more than {} bytes", limits::MADE_BYTES_MAX),
            Self::Calls => write!(f, "nests calls more than {} levels deep", limits::CALL_DEPTH_MAX),
            Self::Depth => write!(f, "makes a value of more than {} levels", limits::DEPTH_MAX),
            Self::Weight => write!(f, "makes a value of more than {} bytes", limits::WEIGHT_MAX),
            Self::Outputs => write!(
                f,
                "gives more than {} touchpoints, or more than {} bytes of them",
                limits::OUTPUTS_MAX,
                limits::OUTPUT_WEIGHT_MAX
            ),
        }
    }
}

struct Meter {
    steps: Cell<u64>,
    bytes: Cell<u64>,
    calls: Cell<u32>,
    breach: Cell<Option<Limit>>,
}

thread_local! {
    static METER: Meter = const {
        Meter {
            steps: Cell::new(u64::MAX),
            bytes: Cell::new(u64::MAX),
            calls: Cell::new(0),
            breach: Cell::new(None),
        }
    };
}

/// While it lives, programs are limited. Dropping it ends that.
pub(crate) struct Limited {
    begun_with: u64,
}

impl Limited {
    /// Begins with so many steps.
    pub(crate) fn to_steps(steps: u64) -> Self {
        METER.with(|meter| {
            meter.steps.set(steps);
            meter.bytes.set(limits::MADE_BYTES_MAX);
            meter.calls.set(0);
            meter.breach.set(None);
        });
        Self { begun_with: steps }
    }

    /// How many steps were taken.
    pub(crate) fn taken(&self) -> u64 {
        METER.with(|meter| self.begun_with - meter.steps.get().min(self.begun_with))
    }

    /// The first limit that was passed.
    pub(crate) fn breach(&self) -> Option<Limit> {
        METER.with(|meter| meter.breach.get())
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        METER.with(|meter| {
            meter.steps.set(u64::MAX);
            meter.bytes.set(u64::MAX);
            meter.calls.set(0);
            meter.breach.set(None);
        });
    }
}

/// Takes steps. False: a limit is passed, and the caller has to fail.
pub(crate) fn step(count: u64) -> bool {
    METER.with(|meter| take(meter, &meter.steps, count, Limit::Steps))
}

/// Takes bytes for something that is about to be made, and a step. False: as [`step`].
pub(crate) fn make(bytes: u64) -> bool {
    METER.with(|meter| {
        take(meter, &meter.bytes, bytes, Limit::Bytes) && take(meter, &meter.steps, 1, Limit::Steps)
    })
}

/// Enters calls that are `levels` deep. True has to be followed by [`leave`].
pub(crate) fn enter(levels: u32) -> bool {
    METER.with(|meter| {
        let calls = meter.calls.get().saturating_add(levels);
        if calls > limits::CALL_DEPTH_MAX {
            set(meter, Limit::Calls);
        }
        let allowed = meter.breach.get().is_none();
        if allowed {
            meter.calls.set(calls);
        }
        allowed
    })
}

/// Leaves calls that were entered.
pub(crate) fn leave(levels: u32) {
    METER.with(|meter| meter.calls.set(meter.calls.get().saturating_sub(levels)));
}

/// Notes that a limit is passed.
pub(crate) fn exceed(limit: Limit) {
    METER.with(|meter| set(meter, limit));
}

fn take(meter: &Meter, stock: &Cell<u64>, count: u64, limit: Limit) -> bool {
    let left = stock.get();
    if left < count {
        set(meter, limit);
    } else if left != u64::MAX {
        stock.set(left - count);
    }
    meter.breach.get().is_none()
}

/// Outside of a program there is nobody to stop.
fn set(meter: &Meter, limit: Limit) {
    if meter.steps.get() != u64::MAX && meter.breach.get().is_none() {
        meter.breach.set(Some(limit));
    }
}
