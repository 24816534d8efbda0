//! `kinfold privacy export`: all that is held on a person becomes two files, on a verifier's word.

use std::path::PathBuf;

use clap::Args;
use kinfold_privacy::verify::{self, Signed};

use super::ask::signer;
use crate::commands::{Failure, say};
use crate::privacy::{export, request};
use crate::site::{Site, Where};

/// Whose data to write, and on whose word.
#[derive(Args)]
pub struct Export {
    /// As namespace:value, or namespace#node.
    #[arg(value_name = "IDENTIFIER")]
    identifier: String,
    /// The folder for the files, which are personal data. What lies there of an earlier export is written over.
    #[arg(long, value_name = "DIR", default_value = "export")]
    out: PathBuf,
    /// Who has verified that the person is who they say, as the configuration names them.
    #[arg(long, requires = "key")]
    verifier: Option<String>,
    /// The file with the verifier's key.
    #[arg(long, value_name = "FILE", requires = "verifier")]
    key: Option<PathBuf>,
    #[command(flatten)]
    place: Where,
}

impl Export {
    pub(super) fn run(self) -> Result<(), Failure> {
        let site = Site::new(&self.place)?;
        let (identifier, node) = request::identifier(&self.identifier, &site.config, &site.keys)?;
        if site.state.is_none() {
            let written = format!("{}:{}", identifier.namespace, identifier.value);
            let signer = signer(self.verifier.as_deref(), self.key.as_deref())?;
            let signature = signer.as_ref().map(|signer| {
                verify::sign_text(&verify::export_text(&written, &signer.verifier), &signer.secret_key)
            });
            let verifier = signer.as_ref().map(|signer| signer.verifier.as_str());
            let signed = Signed { verifier, signature: signature.as_deref() };
            let checked = site.config.privacy.verifiers.check_export(&written, signed);
            checked.map_err(Failure::RequestRefused)?;
        }
        let Some(document) = export::document(&site, node)? else {
            return Err(Failure::Fault(
                "IDENTIFIER belongs to nobody: it was never seen, or it was erased, and nothing is held on it".to_owned(),
            ));
        };
        export::write(&document, &self.out)?;
        let folder = self.out.display();
        say(format_args!("written: {folder}/export.json and {folder}/export.html; both are personal data"))
    }
}
