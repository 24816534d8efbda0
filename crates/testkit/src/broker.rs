//! A real Apache Kafka for a test: one broker on a free port of the loopback interface, stopped when it is dropped.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::workspace::workspace;

/// A broker that runs, or that was ended and can be started again.
pub struct Broker {
    folder: PathBuf,
    /// What it is started with.
    settings: Vec<String>,
    /// `host:port`.
    pub address: String,
    /// `host:port` of the listener behind a proxy, if there is one.
    pub behind: Option<String>,
}

impl Broker {
    /// Starts a broker that keeps everything in `folder`; brings Kafka's jars first, where they are missing.
    ///
    /// # Panics
    /// When it does not start: the test cannot go on.
    #[must_use]
    pub fn start(folder: &Path) -> Self {
        Self::start_with(folder, Vec::new()).unwrap_or_else(|said| panic!("no broker: {said}"))
    }

    /// The same with settings for `kafka.sh start`: `behind=HOST:PORT` first, then the broker's own as `KEY=VALUE`.
    ///
    /// # Errors
    /// What `kafka.sh` says.
    pub fn start_with(folder: &Path, settings: Vec<String>) -> Result<Self, String> {
        let mut broker = Self { folder: folder.to_owned(), settings, address: String::new(), behind: None };
        broker.start_again()?;
        Ok(broker)
    }

    /// Starts it with the data of before. Its addresses stay, unless somebody took a port.
    ///
    /// # Errors
    /// What `kafka.sh` says.
    pub fn start_again(&mut self) -> Result<(), String> {
        let started = script("start", &self.folder).args(&self.settings).output();
        let output = started.map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(last_line_first(&String::from_utf8_lossy(&output.stderr)));
        }
        self.address = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        self.behind =
            std::fs::read_to_string(self.folder.join("behind")).ok().map(|text| text.trim().to_owned());
        Ok(())
    }

    /// Ends it at once, as a crash would.
    pub fn crash(&self) {
        drop(script("crash", &self.folder).output());
    }

    /// Runs one of Kafka's tools to its end, and gives what it wrote.
    ///
    /// # Errors
    /// What the tool says when it fails.
    pub fn tool(&self, class: &str, arguments: &[&str]) -> Result<String, String> {
        let server = ["--bootstrap-server", &self.address];
        let output = script("run", Path::new(class)).args(server).args(arguments).output();
        let output = output.map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() { Ok(said) } else { Err(said + &String::from_utf8_lossy(&output.stderr)) }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        drop(script("stop", &self.folder).output());
    }
}

/// The script ends with what is wrong, after the end of the broker's log.
fn last_line_first(said: &str) -> String {
    format!("{}\n{said}", said.trim_end().lines().last().unwrap_or_default())
}

/// A verb of `kafka.sh` with its first argument.
#[must_use]
pub fn script(verb: &str, argument: &Path) -> Command {
    let script = workspace().join("deploy/dev/kafka.sh");
    let mut command = Command::new("bash");
    command.arg(script).arg(verb).arg(argument);
    command
}
