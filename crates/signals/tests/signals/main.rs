//! Signals from the outside: strings that the tests write themselves, vectors of others, and what rules make of both.

mod conformance;
#[path = "../../../model/tests/data/mod.rs"]
mod data;
mod decisions;
mod encode;
mod faults;
mod properties;
