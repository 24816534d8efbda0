//! A real Apache Kafka for a test: one broker on a free port of the loopback interface, stopped when it is dropped.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::workspace::workspace;

/// A broker that runs.
pub struct Broker {
    folder: PathBuf,
    /// `host:port`.
    pub address: String,
}

impl Broker {
    /// Starts a broker that keeps everything in `folder`; brings Kafka's jars first, where they are missing.
    ///
    /// # Panics
    /// When it does not start: the test cannot go on.
    #[must_use]
    pub fn start(folder: &Path) -> Self {
        let output = script(&["start"], folder).output().expect("bash runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "no broker: {said}");
        let address = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Self { folder: folder.to_owned(), address }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        drop(script(&["stop"], &self.folder).output());
    }
}

fn script(verbs: &[&str], folder: &Path) -> Command {
    let script = workspace().join("deploy/dev/kafka.sh");
    let mut command = Command::new("bash");
    command.arg(script).args(verbs).arg(folder);
    command
}
