//! Capture from the outside: the example of the contract, every refusal, and laws on generated records.
//!
//! Records go in as bytes, as from a log; touchpoints and refusals come out.

mod blocked;
mod conformance;
#[path = "../../../model/tests/data/mod.rs"]
mod data;
mod example;
mod laws;
mod mapped;
mod quality;
mod refusals;
mod signals;

use kinfold_capture::{Capture, Settings};
use kinfold_model::{Keys, Refusal, Rules, Secret, Timestamp, Touchpoint};

/// The record that the README shows, with consent strings that are written out.
const EXAMPLE: &str = include_str!("example.json");

/// An hour after the example.
fn now() -> Timestamp {
    "2026-03-01T11:15:00Z".parse().expect("a valid time")
}

fn keys() -> Keys {
    Keys::new(&Secret::new(b"0123456789abcdef").expect("16 bytes"))
}

fn capture(settings: Settings) -> Capture {
    Capture::new(keys(), Rules::default(), settings)
}

fn captured(record: &[u8], settings: Settings) -> Result<Touchpoint, Refusal> {
    capture(settings).touchpoint(record, now())
}

/// The members every record needs, and `more`, which ends without a comma.
fn with(more: &str) -> String {
    format!(
        r#"{{"time": 1772360100250, "source": "till", "identifiers": [{{"namespace": "cookie", "value": "c1"}}], {more}}}"#
    )
}
