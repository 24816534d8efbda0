//! Where data lies that nobody here wrote: in the folder that `KINFOLD_TEST_DATA` names, seen from the workspace. The crates that
//! are held against such data share this file.

use std::path::PathBuf;

/// A file or folder of it; `None`, with a word about it, where there is none. Under `CI` that is a failure.
#[expect(clippy::print_stderr, reason = "a skipped test must say so, and a test has no other voice")]
#[allow(clippy::disallowed_methods, reason = "the test is the driver here; some of the crates read nothing")]
pub(crate) fn found(name: &str) -> Option<PathBuf> {
    let data = std::env::var_os("KINFOLD_TEST_DATA").unwrap_or_else(|| "../shared/data".into());
    let path = PathBuf::from("../..").join(data).join(name);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var_os("CI").is_none(), "{} is missing: set KINFOLD_TEST_DATA", path.display());
    eprintln!("skipped: {} is missing; KINFOLD_TEST_DATA names another folder", path.display());
    None
}
