//! `kinfold config check`: the settings in effect, or everything that is wrong with them, with the model of values, and with the sources.

use std::path::PathBuf;

use clap::Subcommand;
use kinfold_daemon::{sources, valuation};

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
        let config = load(config.as_deref())?;
        say(config.describe().trim_end())?;
        let profile = valuation::settings(&config).map_err(|fault| Failure::Usage(fault.to_string()))?;
        if let Some(valuation) = &profile.valuation {
            let (model, until) = (valuation.model.id(), valuation.model.fitted_until());
            say(format_args!("\n# values are by model {model}, fitted until {until}"))?;
        }
        let folder = config.sources_dir.display();
        let (loaded, faults) =
            sources::load(&config).map_err(|error| Failure::Usage(format!("{folder}: {error}")))?;
        if !faults.is_empty() {
            let lines: Vec<String> = faults.into_values().flatten().collect();
            return Err(Failure::Usage(format!(
                "the sources in {folder} have faults:\n  {}",
                lines.join("\n  ")
            )));
        }
        let names: Vec<&str> = loaded.keys().map(String::as_str).collect();
        match names.as_slice() {
            [] => say(format_args!("\n# {folder} holds no sources: every record is canonical")),
            _ => say(format_args!("\n# {} sources, with all their cases: {}", names.len(), names.join(", "))),
        }
    }
}
