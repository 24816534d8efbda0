//! State folders of consumers that are down: their files, copies of them, and what was set aside.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::case::{Outcome, expect};

/// The files of a store whose names contain `part`.
pub(crate) fn files(store: &Path, part: &str) -> Outcome<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(store)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().contains(part) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// Whether the store of a partition was put out of the way, in the folder of its stage.
pub(crate) fn is_set_aside(stage: &Path, partition: usize) -> Outcome<bool> {
    Ok(!files(stage, &format!("{partition}.set-aside-"))?.is_empty())
}

/// How many stores of a stage were put out of the way.
pub(crate) fn set_aside(stage: &Path) -> Outcome<usize> {
    Ok(files(stage, ".set-aside-")?.len())
}

/// Copies a folder with all that is in it; what was in its place is removed.
pub(crate) fn copy(from: &Path, to: &Path) -> Outcome<()> {
    if to.exists() {
        std::fs::remove_dir_all(to)?;
    }
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status()?;
    expect(copied.success(), || format!("{} cannot be copied", from.display()))
}
