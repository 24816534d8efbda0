//! A small file system in memory, for disks that are full. It is unmounted when it is dropped.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::case::{Outcome, not_staged};

/// What fills it.
const FILLER: &str = "filler";

pub(crate) struct Disk {
    pub(crate) folder: PathBuf,
}

impl Disk {
    /// Of so many megabytes.
    pub(crate) fn mount(folder: PathBuf, megabytes: u32) -> Outcome<Self> {
        std::fs::create_dir_all(&folder)?;
        let size = format!("size={megabytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&folder).output();
        match mounted {
            Ok(output) if output.status.success() => Ok(Self { folder }),
            Ok(output) => not_staged(format!("mount: {}", String::from_utf8_lossy(&output.stderr).trim())),
            Err(error) => not_staged(format!("mount: {error}")),
        }
    }

    /// Leaves no byte free.
    pub(crate) fn fill(&self) -> Outcome<()> {
        let mut filler = File::options().create(true).append(true).open(self.folder.join(FILLER))?;
        for size in [1 << 20, 4096] {
            let zeros = vec![0; size];
            loop {
                match filler.write(&zeros) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    /// Leaves so many bytes free of a disk that is full.
    pub(crate) fn leave(&self, bytes: u64) -> Outcome<()> {
        let filler = File::options().write(true).open(self.folder.join(FILLER))?;
        Ok(filler.set_len(filler.metadata()?.len().saturating_sub(bytes))?)
    }

    /// There is room again.
    pub(crate) fn empty(&self) -> Outcome<()> {
        Ok(std::fs::remove_file(self.folder.join(FILLER))?)
    }

    /// Where something on it lies.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.join(name)
    }
}

impl Drop for Disk {
    /// Lazily, because a process that was just killed may still be on its way out.
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(&self.folder).status());
    }
}
