//! A group of processes with little memory and little of a processor (cgroups, version 1). It is removed when it is
//! dropped.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::case::{Failure, Outcome, not_staged};

const ROOT: &str = "/sys/fs/cgroup";

pub(crate) struct Cgroup {
    folders: Vec<PathBuf>,
}

impl Cgroup {
    /// With so much memory, and so many percent of one processor.
    pub(crate) fn new(name: &str, megabytes: u64, percent: u64) -> Outcome<Self> {
        if !Path::new(ROOT).join("memory/tasks").exists() || !Path::new(ROOT).join("cpu/tasks").exists() {
            return not_staged("no cgroups of version 1 for memory and cpu");
        }
        let name = format!("kinfold-{name}-{}", std::process::id());
        let mut group = Self { folders: Vec::new() };
        let settings = [
            ("memory", "memory.limit_in_bytes", (megabytes << 20).to_string()),
            ("cpu", "cpu.cfs_quota_us", (percent * 1000).to_string()),
        ];
        for (controller, setting, value) in settings {
            let folder = Path::new(ROOT).join(controller).join(&name);
            let made = std::fs::create_dir_all(&folder);
            group.folders.push(folder.clone());
            made.and_then(|()| std::fs::write(folder.join(setting), value)).map_err(|error| {
                Failure::NotStaged(format!("{}: {error}", folder.join(setting).display()))
            })?;
        }
        Ok(group)
    }

    /// A command of the shell that puts itself into the group and then becomes its arguments.
    pub(crate) fn enter(&self) -> String {
        let tasks = self.folders.iter().map(|folder| format!("echo $$ >{}/tasks; ", folder.display()));
        tasks.collect::<String>() + "exec \"$@\""
    }

    /// How often the memory was not enough.
    pub(crate) fn failures(&self) -> u64 {
        let count = self
            .folders
            .iter()
            .filter_map(|folder| std::fs::read_to_string(folder.join("memory.failcnt")).ok());
        count.filter_map(|text| text.trim().parse::<u64>().ok()).sum()
    }
}

impl Drop for Cgroup {
    /// Processes that were just killed may take a moment to leave.
    fn drop(&mut self) {
        for folder in &self.folders {
            for _ in 0..50 {
                if std::fs::remove_dir(folder).is_ok() || !folder.exists() {
                    break;
                }
                thread::sleep(Duration::from_millis(100));
            }
        }
    }
}
