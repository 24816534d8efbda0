//! Where the workspace is now. Where it was when a test was compiled may be another place: builds are shared among checkouts.

use std::path::{Path, PathBuf};

/// The folder of the workspace, seen from where cargo starts tests and benchmarks: a folder of one of its packages.
///
/// # Panics
/// When the process runs elsewhere: a test cannot find its data then.
pub fn workspace() -> PathBuf {
    let here = std::env::current_dir().expect("a process is somewhere");
    let root = here.ancestors().find(|folder| folder.join("Cargo.lock").exists()).map(Path::to_owned);
    root.expect("tests run in a folder of the workspace")
}
