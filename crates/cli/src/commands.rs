//! The commands of `kinfold`, and how they fail.

mod clv;
mod config;
mod dead;
mod demo;
mod explain;
mod generate;
mod map;
mod privacy;
mod quality;
mod resolve;
mod review;
mod rules;
pub(crate) mod state;
mod steward;
mod topics;

use std::io::Write;
use std::path::Path;

use clap::Subcommand;
use kinfold_daemon::config::{Config, ConfigFaults};
use kinfold_daemon::letters::LettersError;

pub use resolve::Resolve;

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Resolve files of touchpoints into people, in one process.
    Resolve(Resolve),
    /// Say why an identifier is who it is, or why two are one person or not.
    Explain(explain::Explain),
    /// Show all stages at work on a sample of every channel.
    Demo(demo::Demo),
    /// Show what the mapping of a source makes of a file.
    Map(map::Map),
    /// Write realistic touchpoints, with the truth beside them.
    Generate(generate::Generate),
    /// Show what each source sent, how much of it is odd, and its score.
    Quality(quality::Quality),
    /// Fit the model by which values of customers are made, and see whether its forecasts come true.
    #[command(subcommand)]
    Clv(clv::ClvCommand),
    /// Say what touchpoints do not: who is one person, who is not, and what counts for nothing.
    #[command(subcommand)]
    Steward(steward::StewardCommand),
    /// Do what people ask for about their data: erase it, or write down what is held on them.
    #[command(subcommand)]
    Privacy(privacy::PrivacyCommand),
    /// Decide merges that wait for a steward.
    #[command(subcommand)]
    Review(review::ReviewCommand),
    /// Look at the rules of identity, and at what other rules would change.
    #[command(subcommand)]
    Rules(rules::RulesCommand),
    /// Look at the configuration.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Look at what was refused in a deployment, and send it back after what was wrong is mended.
    #[command(subcommand)]
    Dead(dead::DeadCommand),
    /// Look after the topics of a deployment.
    #[command(subcommand)]
    Topics(topics::TopicsCommand),
    /// Look after the stores of the consumers on this machine.
    #[command(subcommand)]
    State(state::StateCommand),
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// A [`Failure`] that says what to do about it.
    pub fn run(self) -> Result<(), Failure> {
        match self {
            Self::Resolve(resolve) => resolve.run(),
            Self::Explain(explain) => explain.run(),
            Self::Demo(demo) => demo.run(),
            Self::Map(map) => map.run(),
            Self::Generate(generate) => generate.run(),
            Self::Quality(quality) => quality.run(),
            Self::Clv(command) => command.run(),
            Self::Steward(command) => command.run(),
            Self::Privacy(command) => command.run(),
            Self::Review(command) => command.run(),
            Self::Rules(command) => command.run(),
            Self::Config(command) => command.run(),
            Self::Dead(command) => command.run(),
            Self::Topics(command) => command.run(),
            Self::State(command) => command.run(),
        }
    }
}

/// Why a command did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigFaults),
    /// The command is wrong.
    #[error("{0}")]
    Usage(String),
    /// Some records were refused, and that was not to be.
    #[error("{0} records were refused; they are listed in refused.jsonl when --out is given")]
    Refused(u64),
    /// A file cannot be read or written.
    #[error("{path}: {why}")]
    File {
        /// Which.
        path: String,
        /// What the system says.
        why: std::io::Error,
    },
    /// Topics are missing or differ.
    #[error("{0} topics are missing or differ; `kinfold topics apply` creates those that are missing")]
    Topics(usize),
    /// Stores are damaged.
    #[error("{0} stores are damaged; `kinfold state rebuild` sets them aside, and they are made anew")]
    Stores(usize),
    /// What somebody asked for about their data is not done, and will not be.
    #[error("the request is refused: {0}")]
    RequestRefused(String),
    /// Nobody reads the answer any more, as with `kinfold … | head`; that is no fault.
    #[error("the reader has gone")]
    ReaderGone,
    /// All else.
    #[error("{0}")]
    Fault(String),
}

impl Failure {
    /// The exit code of wrong usage and wrong configuration.
    pub const USAGE: u8 = kinfold_daemon::process::USAGE;

    /// As README.md documents it, and `kinfold help` after the commands.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Usage(_) => Self::USAGE,
            Self::ReaderGone => 0,
            Self::Refused(_) | Self::RequestRefused(_) => 2,
            Self::File { .. } | Self::Topics(_) | Self::Stores(_) | Self::Fault(_) => 1,
        }
    }

    /// For `map_err`: any fault of a path.
    pub fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.display().to_string();
        move |why| Self::File { path, why }
    }

    /// For `map_err`: a fault of anything else.
    pub fn fault(error: impl std::fmt::Display) -> Self {
        Self::Fault(error.to_string())
    }
}

impl From<LettersError> for Failure {
    fn from(error: LettersError) -> Self {
        Self::fault(error)
    }
}

impl From<kinfold_kafka::WorkerError> for Failure {
    fn from(error: kinfold_kafka::WorkerError) -> Self {
        Self::fault(error)
    }
}

/// Prints a line of the answer.
pub(crate) fn say(line: impl std::fmt::Display) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{line}").map_err(|error| match error.kind() {
        std::io::ErrorKind::BrokenPipe => Failure::ReaderGone,
        _ => Failure::File { path: "standard output".to_owned(), why: error },
    })
}

pub(crate) fn load(config: Option<&Path>) -> Result<Config, Failure> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    Ok(Config::load(config, std::env::vars_os().filter_map(text))?)
}
