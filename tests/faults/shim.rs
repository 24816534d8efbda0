//! Libraries of ours that are loaded before libc, so that a process sees a worse world than there is.

use std::path::PathBuf;
use std::process::Command;

use crate::case::{Outcome, not_staged};
use crate::deployment::Deployment;

/// Compiles one of `tests/faults/shim`; where there is no compiler, the case is not staged.
pub(crate) fn compiled(deployment: &Deployment<'_>, name: &str) -> Outcome<PathBuf> {
    let library = deployment.path(&format!("{name}.so"));
    // Beside the manifest of the tests, which is where they run.
    let source = format!("faults/shim/{name}.c");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .args([&source, "-ldl"])
        .output();
    match compiled {
        Ok(output) if output.status.success() => Ok(library),
        Ok(output) => not_staged(format!("cc: {}", String::from_utf8_lossy(&output.stderr).trim())),
        Err(error) => not_staged(format!("cc: {error}")),
    }
}
