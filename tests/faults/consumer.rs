//! One of Kinfold's consumers as a process: started, asked over HTTP, signalled, and ended with its guard.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use kinfold_pipeline::StageName;
use serde_json::Value;

use crate::case::{Failure, Outcome, wrong};
use crate::patience::until;

/// A process that is asked to stop may take so long.
const STOP_PATIENCE: Duration = Duration::from_secs(40);
/// An answer over HTTP may take so long, on a machine that is busy.
const ANSWER: Duration = Duration::from_secs(5);

/// A consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Program {
    Capture,
    Stitch,
    Profile,
}

impl Program {
    pub(crate) const ALL: [Self; 3] = [Self::Capture, Self::Stitch, Self::Profile];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Capture => "kinfold-capture",
            Self::Stitch => "kinfold-stitch",
            Self::Profile => "kinfold-profile",
        }
    }
}

/// Where `cargo build --workspace --bins` left a program: beside the folder of this one.
pub(crate) fn binary(name: &str) -> Outcome<PathBuf> {
    let here = std::env::current_exe()?;
    let path = here.ancestors().nth(2).unwrap_or(Path::new(".")).join(name);
    if path.exists() {
        return Ok(path);
    }
    wrong(format!(
        "{} is missing: `make test` builds it, or `cargo build --workspace --bins`",
        path.display()
    ))
}

/// A port of the loopback interface that nobody has.
pub(crate) fn free_address() -> Outcome<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

/// A process. It is killed when it is dropped.
pub(crate) struct Consumer {
    child: Child,
    address: String,
    log: PathBuf,
}

impl Consumer {
    /// Starts the command, whose HTTP listens at `address`, with its messages in `log`.
    pub(crate) fn start(mut command: Command, address: String, log: PathBuf) -> Outcome<Self> {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::from(File::options().create(true).append(true).open(&log)?))
            .spawn()?;
        Ok(Self { child, address, log })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`, and waits until it is gone.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    /// TERM; gives the exit code.
    pub(crate) fn stop(mut self) -> Outcome<Option<i32>> {
        self.signal("TERM")?;
        let exit = until(STOP_PATIENCE, "a process that was asked to stop", || Ok(self.child.try_wait()?));
        Ok(exit?.code())
    }

    /// STOP: it stands still, as if its machine were suspended.
    pub(crate) fn pause(&self) -> Outcome<()> {
        self.signal("STOP")
    }

    /// CONT: it goes on.
    pub(crate) fn go_on(&self) -> Outcome<()> {
        self.signal("CONT")
    }

    /// The exit code, if it ended by itself. A process that a signal ended has -1.
    pub(crate) fn ended(&mut self) -> Outcome<Option<i32>> {
        Ok(self.child.try_wait()?.map(|status| status.code().unwrap_or(-1)))
    }

    /// Whether it is ready, and its reasons if not; `None` when it does not answer.
    pub(crate) fn ready(&self) -> Option<(bool, String)> {
        let answer = self.get("/ready")?;
        Some((answer.starts_with("HTTP/1.1 200"), body(&answer).to_owned()))
    }

    /// The number of the last commit of each partition at work in a stage's first worker, which is also that of its store.
    pub(crate) fn commits(&self, stage: StageName) -> Option<BTreeMap<i32, u64>> {
        self.commits_of(stage, "partitions")
    }

    /// The same for the partitions that it keeps warm for others: how far each is.
    pub(crate) fn standbys(&self, stage: StageName) -> Option<BTreeMap<i32, u64>> {
        self.commits_of(stage, "standbys")
    }

    fn commits_of(&self, stage: StageName, which: &str) -> Option<BTreeMap<i32, u64>> {
        let status: Value = serde_json::from_str(body(&self.get("/status")?)).ok()?;
        let partitions = status["stages"][format!("{stage}-0")]["facts"][which].as_object()?;
        let commit = |(partition, facts): (&String, &Value)| {
            Some((partition.parse().ok()?, facts["commit"].as_u64()?))
        };
        Some(partitions.iter().filter_map(commit).collect())
    }

    /// The sum of a metric over all of its series whose labels contain `labels`.
    pub(crate) fn metric(&self, name: &str, labels: &str) -> Option<f64> {
        let text = self.get("/metrics")?;
        let lines = text.lines().filter_map(|line| line.rsplit_once(' '));
        let ours = lines.filter(|(series, _)| {
            series
                .strip_prefix(name)
                .is_some_and(|rest| (rest.is_empty() || rest.starts_with('{')) && rest.contains(labels))
        });
        Some(ours.filter_map(|(_, value)| value.parse::<f64>().ok()).sum())
    }

    /// Memory in use now and at most, in megabytes.
    pub(crate) fn memory_mb(&self) -> Outcome<(u64, u64)> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
            kilobytes.map(|kilobytes| kilobytes / 1024)
        };
        match (field("VmRSS:"), field("VmHWM:")) {
            (Some(now), Some(most)) => Ok((now, most)),
            _ => wrong("the kernel does not tell how much memory a process uses"),
        }
    }

    /// What it wrote so far, also under earlier processes of the same name.
    pub(crate) fn log(&self) -> String {
        std::fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        stream.set_read_timeout(Some(ANSWER)).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: kinfold\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    fn signal(&self, signal: &str) -> Outcome<()> {
        let sent = Command::new("kill").args([format!("-{signal}"), self.pid().to_string()]).status()?;
        if sent.success() { Ok(()) } else { Err(Failure::Wrong(format!("process {} is gone", self.pid()))) }
    }

    fn end(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.end();
    }
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}
