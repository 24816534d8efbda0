//! The values of the model that stand whole in the state of a stage or on an inner topic: each has a form of its own, by a number.

use crate::command::Command;
use crate::first_forms;
use crate::privacy::Ruling;
use crate::quality::SourceQuality;

mod report;

first_forms! {
    Command: "command",
    Ruling: "erasure",
    SourceQuality: "source_quality",
}

#[cfg(test)]
#[path = "../tests/frozen/mod.rs"]
mod frozen;
#[cfg(test)]
mod tests;
