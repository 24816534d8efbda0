//! Targets: bytes of others go in, and what the laws say about them comes out.
//!
//! A target is a function of bytes that panics nowhere and finds the law that they break, if they break one. `main.rs`
//! gives targets random changes of their seeds for as long as it is told; the tests give each target its seeds, the
//! regressions in `fuzz/regressions/<target>/`, and some thousand changes of them. Which changes depends on the seed alone.
//!
//! This goes without coverage: cargo-fuzz needs a sanitizer's instrumentation of all dependencies, hence a second build of
//! everything, for code that has few branches that hide behind exact values; the words of each format stand in its seeds.

pub mod changes;
pub mod targets;

use std::path::PathBuf;

pub use targets::{TARGETS, Target};

/// Where the bytes are kept by which a target once failed.
#[must_use]
pub fn regressions(target: &Target) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("regressions").join(target.name)
}
