//! `kinfold privacy`: somebody is erased, restricted, or told what is held on them, receipts are shown, verifiers get their keys, and
//! dead letters are swept.

mod ask;
mod erase;
mod export;
mod restrict;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use kinfold_daemon::letters::Mode;
use kinfold_model::privacy::PrivacyKind;
use kinfold_privacy::verify::{public_key, to_hex};

use super::{Failure, say};
use crate::privacy::key_file;
use crate::privacy::receipts;
use crate::privacy::sweep::sweep;
use crate::site::{Site, Where};

/// What to do.
#[derive(Subcommand)]
pub enum PrivacyCommand {
    /// Forget a person, or single identifiers, now and whenever they come again.
    Erase(erase::Erase),
    /// Keep what is known of a person, and use it for nothing until that is lifted.
    Restrict(restrict::Restrict),
    /// Let what is known of a person be used again.
    Lift(restrict::Restrict),
    /// Write all that is held on a person, as `export.json` and as the page `export.html`.
    Export(export::Export),
    /// Show the last receipt of a request.
    Status {
        /// As `kinfold privacy erase` printed it.
        request_id: String,
        #[command(flatten)]
        place: Where,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make the key of a verifier, and print what belongs into the configuration.
    Keygen {
        /// Where the secret key goes; it is not written over.
        file: PathBuf,
    },
    /// Remove dead letters of a deployment that name somebody who was erased, or whose source lets them be kept for no longer. Capture
    /// does it every hour by itself.
    Sweep {
        #[command(flatten)]
        place: Where,
        /// Only say how many there are.
        #[arg(long)]
        dry_run: bool,
    },
}

impl PrivacyCommand {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Erase(erase) => erase.run(),
            Self::Restrict(restrict) => restrict.run(PrivacyKind::Restrict),
            Self::Lift(restrict) => restrict.run(PrivacyKind::Lift),
            Self::Export(export) => export.run(),
            Self::Status { request_id, place, json } => status(&request_id, &Site::new(&place)?, json),
            Self::Keygen { file } => keygen(&file),
            Self::Sweep { place, dry_run } => {
                let site = Site::new(&place)?;
                if site.state.is_some() {
                    return say("a state folder keeps no dead letters: there is nothing to sweep");
                }
                let mode = if dry_run { Mode::DryRun } else { Mode::Remove };
                say(sweep(&site.config, &site.keys, mode)?)
            }
        }
    }
}

fn status(request_id: &str, site: &Site, json: bool) -> Result<(), Failure> {
    let Some(receipt) = ask::last(request_id, site)? else {
        return Err(Failure::Fault(format!(
            "there is no receipt for {request_id}: no such request has come, or it has not been read yet"
        )));
    };
    if json { say(format_args!("{:#}", receipts::json(&receipt))) } else { say(receipts::text(&receipt)) }
}

fn keygen(file: &Path) -> Result<(), Failure> {
    let key = key_file::make(file)?;
    let name = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or("desk");
    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let name = if name.chars().all(is_bare) { name } else { "desk" };
    say(format_args!("[privacy.verifiers.{name}]\npublic_key = \"{}\"", to_hex(&public_key(&key))))
}
