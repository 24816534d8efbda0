//! What the figures promise, on invented people and on data that others published.

mod cdnow;
#[path = "../../../model/tests/data/mod.rs"]
mod data;
mod figures;
mod lifecycle;
