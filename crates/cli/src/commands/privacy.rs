//! `kinfold privacy`: somebody is erased or told what is held on them, receipts are shown, verifiers get their keys, and dead
//! letters are swept.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use kinfold_daemon::letters::Mode;
use kinfold_model::privacy::{PrivacyScope, ReceiptStatus, RequestIdentifier};
use kinfold_model::{NodeId, PersonId, PrivacyReceipt};
use kinfold_privacy::verify::{self, Signed, public_key, to_hex};
use kinfold_wire::{SchemaIds, Topic};
use serde_json::{Value, json};

use super::{Failure, say};
use crate::privacy::receipts::{self, Receipts};
use crate::privacy::request::{self, Signer, Wish};
use crate::privacy::sweep::sweep;
use crate::privacy::{export, former, key_file};
use crate::run::{Setup, now};
use crate::site::{Site, Where};

/// What to do.
#[derive(Subcommand)]
pub enum PrivacyCommand {
    /// Forget a person, or single identifiers, now and whenever they come again.
    Erase(Erase),
    /// Write all that is held on a person, as `export.json` and as the page `export.html`.
    Export(Export),
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

/// Whom to forget, and on whose word.
#[derive(Args)]
pub struct Erase {
    /// As namespace:value, or namespace#node.
    #[arg(value_name = "IDENTIFIER", required = true)]
    identifiers: Vec<String>,
    /// Everything of the person, or these identifiers alone.
    #[arg(long, value_enum, default_value_t = Scope::Person)]
    scope: Scope,
    /// The request's own id; by default one is made. The same id again gets the same receipt.
    #[arg(long)]
    request_id: Option<String>,
    /// Also those with whom the person was once one. Look at them first, with `--dry-run`: whoever was parted because they are
    /// somebody else is forgotten, too.
    #[arg(long)]
    include_former: bool,
    /// Only say who those are, each with an identifier; nothing is sent.
    #[arg(long, requires = "include_former")]
    dry_run: bool,
    /// Who has verified that the person is who they say, as the configuration names them.
    #[arg(long, requires = "key")]
    verifier: Option<String>,
    /// The file with the verifier's key.
    #[arg(long, value_name = "FILE", requires = "verifier")]
    key: Option<PathBuf>,
    /// How many seconds to wait for the receipt; 0 does not wait.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    wait: u64,
    /// Leave dead letters to kinfold-capture.
    #[arg(long)]
    no_sweep: bool,
    /// Print JSON: an array with a receipt for each request.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Where,
}

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

/// The last receipt of each request; `None` where there is none yet.
type Told = BTreeMap<String, Option<PrivacyReceipt>>;

/// How far an erasure goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Scope {
    /// All that belongs to the person to whom an identifier belongs.
    Person,
    /// The identifiers alone; the person stays.
    Identifier,
}

impl From<Scope> for PrivacyScope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Person => Self::Person,
            Scope::Identifier => Self::Identifier,
        }
    }
}

impl PrivacyCommand {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Erase(erase) => erase.run(),
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

impl Erase {
    fn run(self) -> Result<(), Failure> {
        let site = Site::new(&self.place)?;
        self.check(&site)?;
        if self.dry_run {
            let (_, nodes) = self.named(&site)?;
            return self.tell_former(&former::look(&site.config, &nodes)?);
        }
        let wish = self.wish(&site)?;
        let receipts = match &site.state {
            Some(_) => here(&site, &wish)?,
            None => elsewhere(&site, &wish, Duration::from_secs(self.wait))?,
        };
        if self.wait == 0 && site.state.is_none() {
            return self.tell_sent(&receipts);
        }
        self.tell(&receipts)?;
        if site.state.is_none() && !self.no_sweep && receipts.values().flatten().any(is_done) {
            let told = sweep(&site.config, &site.keys, Mode::Remove)?;
            if !self.json {
                say(told)?;
            }
        }
        outcome(&receipts)
    }

    /// That what is asked for goes together.
    fn check(&self, site: &Site) -> Result<(), Failure> {
        if self.include_former && self.scope == Scope::Identifier {
            return Err(Failure::Usage(
                "--include-former is about people, and --scope identifier leaves people as they are; leave one of the two out"
                    .to_owned(),
            ));
        }
        if self.include_former && site.state.is_some() {
            return Err(Failure::Usage(
                "--include-former reads `identity-change`, and a state folder keeps none; name the people one by one"
                    .to_owned(),
            ));
        }
        if self.verifier.is_none() && site.state.is_none() && !self.dry_run {
            return Err(Failure::Usage(
                "without --state a request is signed: give --verifier and --key; `kinfold privacy keygen` makes a key"
                    .to_owned(),
            ));
        }
        Ok(())
    }

    /// The identifiers of the command line, each once.
    fn named(&self, site: &Site) -> Result<(Vec<RequestIdentifier>, BTreeSet<NodeId>), Failure> {
        let (mut identifiers, mut nodes) = (Vec::new(), BTreeSet::new());
        for text in &self.identifiers {
            let (identifier, node) = request::identifier(text, &site.config, &site.keys)?;
            if nodes.insert(node) {
                identifiers.push(identifier);
            }
        }
        Ok((identifiers, nodes))
    }

    /// What is asked for, with the identifiers of former people, if they are wanted.
    fn wish(&self, site: &Site) -> Result<Wish, Failure> {
        let signer = signer(self.verifier.as_deref(), self.key.as_deref())?;
        let (mut identifiers, nodes) = self.named(site)?;
        if self.include_former {
            let found = former::look(&site.config, &nodes)?;
            if !self.json {
                self.tell_former(&found)?;
            }
            identifiers.extend(found.into_values());
        }
        let (request_id, time) = match &self.request_id {
            // What comes again was asked when it was first asked; with another time it would be another request.
            Some(id) => (id.clone(), last(id, site)?.map_or_else(now, |receipt| receipt.requested)),
            None => (super::steward::new_id()?, now()),
        };
        Ok(Wish { request_id, scope: self.scope.into(), identifiers, time, signer })
    }

    /// Those with whom somebody was once one, each with an identifier by which `kinfold explain` knows them.
    fn tell_former(&self, found: &former::Found) -> Result<(), Failure> {
        // The namespace of one that is known by its node ends with a `#`.
        let name = |one: &RequestIdentifier| format!("{}{}", one.namespace, one.value);
        if self.json {
            let one = |(person, identifier): (&PersonId, &RequestIdentifier)| json!({ "person_id": person.to_string(), "identifier": name(identifier) });
            let all: Value = found.iter().map(one).collect();
            return say(format_args!("{all:#}"));
        }
        say(format_args!("people with whom they were once one: {}", found.len()))?;
        found
            .iter()
            .try_for_each(|(person, identifier)| say(format_args!("  {person}  {}", name(identifier))))
    }

    /// That requests were sent, and nobody waits for them.
    fn tell_sent(&self, receipts: &Told) -> Result<(), Failure> {
        if self.json {
            return self.tell(receipts);
        }
        receipts.keys().try_for_each(|request_id| {
            say(format_args!(
                "request {request_id} is on its way to kinfold-profile; `kinfold privacy status {request_id}` shows its receipt"
            ))
        })
    }

    fn tell(&self, receipts: &Told) -> Result<(), Failure> {
        if self.json {
            let none = |request_id: &String| json!({ "request_id": request_id, "status": Value::Null });
            let one = |(request_id, receipt): (&String, &Option<PrivacyReceipt>)| {
                receipt.as_ref().map_or_else(|| none(request_id), receipts::json)
            };
            let all: Value = receipts.iter().map(one).collect();
            return say(format_args!("{all:#}"));
        }
        receipts.iter().try_for_each(|(request_id, receipt)| match receipt {
            Some(receipt) => say(receipts::text(receipt)),
            None => say(format_args!("request      {request_id}\nstatus       no receipt yet")),
        })
    }
}

impl Export {
    fn run(self) -> Result<(), Failure> {
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

/// Who signs, if anybody does.
fn signer(verifier: Option<&str>, key: Option<&Path>) -> Result<Option<Signer>, Failure> {
    let (Some(verifier), Some(file)) = (verifier, key) else { return Ok(None) };
    Ok(Some(Signer { verifier: verifier.to_owned(), secret_key: key_file::read(file)? }))
}

/// Carries requests out on a state folder.
fn here(site: &Site, wish: &Wish) -> Result<Told, Failure> {
    let Some(folder) = &site.state else { return Ok(BTreeMap::new()) };
    let setup = Setup::new(site.config.clone(), Some(folder.as_path()))?;
    let mut run = setup.begin(&folder.join("store"))?;
    let mut found = BTreeMap::new();
    for request in wish.requests()? {
        run.request(&request)?;
        run.publish()?;
        let told = std::mem::take(&mut run.heard.receipts);
        let told = told.iter().map(|value| receipts::read(&SchemaIds::default(), value));
        let told: Vec<PrivacyReceipt> = told.collect::<Result<_, _>>()?;
        // Behind a refusal may stand the receipt of an earlier request with this id.
        let answer = told.iter().find(|receipt| receipts::is_final(receipt)).or(told.last());
        found.insert(request.request_id, answer.cloned());
    }
    // What was deleted leaves the disk.
    run.local.store().rewrite();
    Ok(found)
}

/// Sends requests to a deployment, and waits for the receipts, if anybody wants to wait.
fn elsewhere(site: &Site, wish: &Wish, patience: Duration) -> Result<Told, Failure> {
    let desk = Receipts::of(&site.config)?;
    let reader = desk.follow()?;
    let mut waited = BTreeMap::new();
    for request in wish.requests()? {
        site.order(Topic::PrivacyRequest, &request.request_id, &request)?;
        waited.insert(request.request_id, None);
    }
    if !patience.is_zero() {
        desk.wait(&reader, &mut waited, patience)?;
    }
    Ok(waited)
}

fn is_done(receipt: &PrivacyReceipt) -> bool {
    receipt.status == ReceiptStatus::Done
}

/// Whether all was done. Only where all was refused nothing was changed.
fn outcome(receipts: &Told) -> Result<(), Failure> {
    let refused = |receipt: &&PrivacyReceipt| receipt.status == ReceiptStatus::Refused;
    let reasons: Vec<String> =
        receipts.values().flatten().filter(refused).map(|receipt| receipt.reasons.join("; ")).collect();
    if !reasons.is_empty() && reasons.len() == receipts.len() {
        return Err(Failure::RequestRefused(reasons.join("; ")));
    }
    let Some((request_id, receipt)) =
        receipts.iter().find(|(_, receipt)| !receipt.as_ref().is_some_and(is_done))
    else {
        return Ok(());
    };
    Err(Failure::Fault(match receipt.as_ref().filter(refused) {
        Some(receipt) => {
            format!("request {request_id} was refused, and others were not: {}", receipt.reasons.join("; "))
        }
        None => format!(
            "request {request_id} is not done yet; it goes on, and `kinfold privacy status {request_id}` shows how far it is"
        ),
    }))
}

fn status(request_id: &str, site: &Site, json: bool) -> Result<(), Failure> {
    let Some(receipt) = last(request_id, site)? else {
        return Err(Failure::Fault(format!(
            "there is no receipt for {request_id}: no such request has come, or it has not been read yet"
        )));
    };
    if json { say(format_args!("{:#}", receipts::json(&receipt))) } else { say(receipts::text(&receipt)) }
}

fn last(request_id: &str, site: &Site) -> Result<Option<PrivacyReceipt>, Failure> {
    match &site.state {
        Some(folder) => receipts::in_folder(folder, &site.config, request_id),
        None => Receipts::of(&site.config)?.last(request_id),
    }
}

fn keygen(file: &Path) -> Result<(), Failure> {
    let key = key_file::make(file)?;
    let name = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or("desk");
    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let name = if name.chars().all(is_bare) { name } else { "desk" };
    say(format_args!("[privacy.verifiers.{name}]\npublic_key = \"{}\"", to_hex(&public_key(&key))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kinfold_model::Timestamp;
    use kinfold_model::privacy::PrivacyKind;

    fn of(statuses: &[Option<ReceiptStatus>]) -> Told {
        let receipt = |(number, status): (usize, &Option<ReceiptStatus>)| {
            let request_id = format!("r-{number}");
            let receipt = status.map(|status| PrivacyReceipt {
                request_id: request_id.clone(),
                kind: PrivacyKind::Erase,
                scope: PrivacyScope::Person,
                status,
                reasons: Vec::new(),
                person_ids: Vec::new(),
                identifiers: 0,
                sightings: 0,
                touchpoints: 0,
                stages: Vec::new(),
                requested: Timestamp::default(),
                received: Timestamp::default(),
                completed: None,
                last_copy_gone: None,
            });
            (request_id, receipt)
        };
        statuses.iter().enumerate().map(receipt).collect()
    }

    #[test]
    fn the_exit_code_says_refused_only_where_nothing_was_changed() {
        use ReceiptStatus::{Accepted, Done, Refused};
        for (statuses, code) in [
            (&[Some(Done), Some(Done)][..], 0),
            (&[Some(Refused)], 2),
            (&[Some(Refused), Some(Refused)], 2),
            (&[Some(Refused), Some(Done)], 1),
            (&[Some(Refused), Some(Accepted)], 1),
            (&[Some(Refused), None], 1),
            (&[Some(Done), None], 1),
            (&[Some(Accepted)], 1),
        ] {
            let told = outcome(&of(statuses)).map_or_else(|failure| failure.exit_code(), |()| 0);
            assert_eq!(told, code, "{statuses:?}");
        }
    }
}
