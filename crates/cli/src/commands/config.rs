//! `kinfold config check`: the settings in effect, or everything that is wrong with them.

use std::path::PathBuf;

use clap::Subcommand;

use super::{Failure, load, say};

/// What to do with the configuration.
#[derive(Subcommand)]
pub enum ConfigCommand {
    /// Check a configuration and print the settings in effect.
    Check {
        /// The configuration, a TOML file.
        #[arg(long, env = "KINFOLD_CONFIG")]
        config: Option<PathBuf>,
    },
}

impl ConfigCommand {
    pub(super) fn run(self) -> Result<(), Failure> {
        let Self::Check { config } = self;
        say(load(config.as_deref())?.describe().trim_end())?;
        Ok(())
    }
}
