//! `kinfold privacy export`: all that is held on a person becomes two files, on a verifier's word: with their key, or with the signature
//! that they made elsewhere.

use std::path::PathBuf;

use clap::Args;
use kinfold_model::Timestamp;
use kinfold_privacy::verify::{self, ExportOrder};
use serde_json::{Value, json};

use super::ask::signer;
use crate::commands::{Failure, say, steward};
use crate::privacy::{export, request};
use crate::run::now;
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
    #[arg(long)]
    verifier: Option<String>,
    /// The file with the verifier's key.
    #[arg(long, value_name = "FILE", requires = "verifier", conflicts_with = "signature")]
    key: Option<PathBuf>,
    /// The verifier's signature, 128 hex digits, where somebody else has the key.
    #[arg(long, value_name = "HEX", requires = "verifier", requires = "request_id", requires = "time")]
    signature: Option<String>,
    /// The order's own id; with --signature the one that was signed. By default one is made.
    #[arg(long)]
    request_id: Option<String>,
    /// With --signature the time that was signed, in milliseconds since 1970.
    #[arg(long, value_name = "MILLISECONDS", requires = "signature")]
    time: Option<i64>,
    #[command(flatten)]
    place: Where,
}

impl Export {
    pub(super) fn run(self) -> Result<(), Failure> {
        let site = Site::new(&self.place)?;
        let (_, node) = request::identifier(&self.identifier, &site.config, &site.keys)?;
        let order = if site.state.is_none() { self.ordered(&site)? } else { Value::Null };
        let Some(mut document) = export::document(&site, node)? else {
            return Err(Failure::Fault(
                "IDENTIFIER belongs to nobody: it was never seen, or it was erased, and nothing is held on it".to_owned(),
            ));
        };
        document.insert("order".to_owned(), order);
        export::write(&document, &self.out)?;
        let folder = self.out.display();
        say(format_args!("written: {folder}/export.json and {folder}/export.html; both are personal data"))
    }

    /// On whose word, if it is good: what the document says of it.
    fn ordered(&self, site: &Site) -> Result<Value, Failure> {
        let time = match self.time {
            None => now(),
            Some(ms) => Timestamp::from_millis(ms).map_err(|_| {
                Failure::Usage(
                    "--time is no time; write the milliseconds since 1970 that were signed".to_owned(),
                )
            })?,
        };
        let request_id = self.request_id.clone().map_or_else(steward::new_id, Ok)?;
        let verifier = self.verifier.as_deref();
        let order =
            ExportOrder { request_id: &request_id, time, verifier, identifier: self.identifier.trim() };
        let signer = signer(verifier, self.key.as_deref())?;
        let made = signer.map(|signer| verify::sign_text(&verify::export_text(&order), &signer.secret_key));
        let signature = self.signature.as_deref().or(made.as_deref());
        site.config.privacy.verifiers.check_export(&order, signature, now()).map_err(|why| {
            let remedy = if self.signature.is_some() {
                ". The text that was signed has to name --request-id, --time, --verifier and IDENTIFIER as they are given here"
            } else if signature.is_none() {
                ". Give --verifier, and --key or --signature"
            } else {
                ""
            };
            Failure::RequestRefused(format!("{why}{remedy}"))
        })?;
        Ok(json!({ "request_id": request_id, "time": time.to_string(), "verifier": verifier }))
    }
}
