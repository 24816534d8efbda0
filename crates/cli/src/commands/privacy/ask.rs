//! What all requests about somebody's data have in common. In: identifiers, on whose word, and where. Out: requests that are sent, or
//! carried out on a state folder, their receipts, and the exit code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use kinfold_model::privacy::{PrivacyKind, PrivacyScope, ReceiptStatus, RequestIdentifier};
use kinfold_model::{NodeId, PrivacyReceipt};
use kinfold_wire::{SchemaIds, Topic, Trace};
use serde_json::{Value, json};

use crate::commands::{Failure, say, steward};
use crate::privacy::earlier::{self, Earlier};
use crate::privacy::key_file;
use crate::privacy::receipts::{self, Awaited, Receipts};
use crate::privacy::request::{self, Parts, Signer, Wish};
use crate::run::{Setup, now};
use crate::site::{Site, Where};

/// On whose word, and how to answer.
#[derive(Args)]
pub(crate) struct Given {
    /// The request's own id; by default one is made. The same id again gets the same receipt.
    #[arg(long)]
    request_id: Option<String>,
    /// Who has verified that the person is who they say, as the configuration names them.
    #[arg(long, requires = "key")]
    verifier: Option<String>,
    /// The file with the verifier's key.
    #[arg(long, value_name = "FILE", requires = "verifier")]
    key: Option<PathBuf>,
    /// How many seconds to wait for the receipt; 0 does not wait.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    wait: u64,
    /// Print JSON: an array with a receipt for each request.
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) place: Where,
}

/// What was sent before under an id.
#[derive(Default)]
pub(super) struct Before {
    pub(super) sent: Earlier,
    /// Whether that is all of it, so that nobody has to be looked for.
    pub(super) is_whole: bool,
}

/// The last receipt of each request; `None` where there is none yet.
pub(super) type Told = BTreeMap<String, Option<PrivacyReceipt>>;

impl Given {
    /// That somebody vouches for what is asked of a deployment.
    pub(super) fn check_signed(&self, site: &Site) -> Result<(), Failure> {
        if self.verifier.is_none() && site.state.is_none() {
            return Err(Failure::Usage(
                "without --state a request is signed: give --verifier and --key; `kinfold privacy keygen` makes a key"
                    .to_owned(),
            ));
        }
        Ok(())
    }

    /// What is asked for.
    pub(super) fn wish(
        &self,
        site: &Site,
        (kind, scope): (PrivacyKind, PrivacyScope),
        parts: Parts,
    ) -> Result<Wish, Failure> {
        let signer = signer(self.verifier.as_deref(), self.key.as_deref())?;
        let (request_id, time) = match &self.request_id {
            // What comes again was asked when it was first asked.
            Some(id) => (id.clone(), last(id, site)?.map_or_else(now, |receipt| receipt.requested)),
            None => (steward::new_id()?, now()),
        };
        Ok(Wish { request_id, kind, scope, parts, time, signer })
    }

    /// What was sent before under this id to erase whoever has these nodes. Of what was refused nothing was carried out: it may name
    /// fewer people than there are by now, and so it is not whole. Nor is what names nobody but them, for who sent it may not have looked.
    pub(super) fn earlier(&self, site: &Site, nodes: &BTreeSet<NodeId>) -> Result<Before, Failure> {
        let signer = signer(self.verifier.as_deref(), self.key.as_deref())?;
        let (Some(request_id), Some(signer)) = (&self.request_id, signer) else {
            return Ok(Before::default());
        };
        // First the receipts, which are kept for longer: what they are about had been sent.
        let told = statuses(request_id, site)?;
        let sent = earlier::look(site, request_id, &signer, nodes)?;
        let is_missing = |(number, status): (&usize, &ReceiptStatus)| {
            *status != ReceiptStatus::Refused && !sent.parts.contains_key(number)
        };
        if told.iter().any(is_missing) {
            return Err(Failure::RequestRefused(format!(
                "the id {request_id} was used, for another request or for one that `privacy-request` does not keep any more, and nothing \
                 was sent; `kinfold privacy status {request_id}` shows its receipt. For anything else choose another id"
            )));
        }
        let has_others = sent.parts.values().flatten().any(|one| {
            request::node(one, &site.config, &site.keys).is_none_or(|node| !nodes.contains(&node))
        });
        let is_refused = told.get(&1) == Some(&ReceiptStatus::Refused);
        let is_whole = sent.parts.contains_key(&1) && has_others && !is_refused;
        Ok(Before { is_whole, sent })
    }

    /// Whether requests are sent to a deployment and nobody waits for the receipts.
    pub(super) fn only_sends(&self, site: &Site) -> bool {
        self.wait == 0 && site.state.is_none()
    }

    /// Sends the requests, or carries them out, and tells what became of them.
    pub(super) fn ask(&self, site: &Site, wish: &Wish) -> Result<Told, Failure> {
        let receipts = match &site.state {
            Some(_) => here(site, wish)?,
            None => elsewhere(site, wish, Duration::from_secs(self.wait))?,
        };
        if self.only_sends(site) {
            self.tell_sent(&receipts)?
        } else {
            self.tell(&receipts)?
        }
        Ok(receipts)
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

/// The identifiers of the command line, each once.
pub(super) fn named(
    texts: &[String],
    site: &Site,
) -> Result<(Vec<RequestIdentifier>, BTreeSet<NodeId>), Failure> {
    let (mut identifiers, mut nodes) = (Vec::new(), BTreeSet::new());
    for text in texts {
        let (identifier, node) = request::identifier(text, &site.config, &site.keys)?;
        if nodes.insert(node) {
            identifiers.push(identifier);
        }
    }
    Ok((identifiers, nodes))
}

/// Who signs, if anybody does.
pub(super) fn signer(verifier: Option<&str>, key: Option<&Path>) -> Result<Option<Signer>, Failure> {
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
    if wish.kind == PrivacyKind::Erase {
        // What was deleted leaves the disk.
        run.local.store().rewrite();
    }
    Ok(found)
}

/// What was last told of the requests of a command whose first has this id, by their numbers.
fn statuses(request_id: &str, site: &Site) -> Result<BTreeMap<usize, ReceiptStatus>, Failure> {
    let mut told = BTreeMap::new();
    for number in 1.. {
        match last(&request::numbered(request_id, number), site)? {
            Some(receipt) => _ = told.insert(number, receipt.status),
            // The first is sent last.
            None if number > 1 => break,
            None => {}
        }
    }
    Ok(told)
}

/// Sends requests to a deployment, and waits for the receipts, if anybody wants to wait.
fn elsewhere(site: &Site, wish: &Wish, patience: Duration) -> Result<Told, Failure> {
    let desk = Receipts::of(&site.config)?;
    let reader = desk.follow()?;
    let mut waited = BTreeMap::new();
    for request in wish.requests()? {
        let trace = Trace::of_source(&steward::new_id()?, 0, 0);
        site.order(Topic::PrivacyRequest, &request.request_id, &request, trace)?;
        waited.insert(request.request_id, Awaited::new(trace));
    }
    if !patience.is_zero() {
        desk.wait(&reader, &mut waited, patience)?;
    }
    Ok(waited.into_iter().map(|(request_id, awaited)| (request_id, awaited.into_receipt())).collect())
}

pub(super) fn is_done(receipt: &PrivacyReceipt) -> bool {
    receipt.status == ReceiptStatus::Done
}

/// Whether all was done. Only where all was refused nothing was changed.
pub(super) fn outcome(receipts: &Told) -> Result<(), Failure> {
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

/// The last receipt of a request; `None` when there is none.
pub(super) fn last(request_id: &str, site: &Site) -> Result<Option<PrivacyReceipt>, Failure> {
    match &site.state {
        Some(folder) => receipts::in_folder(folder, &site.config, request_id),
        None => Receipts::of(&site.config)?.last(request_id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kinfold_model::Timestamp;

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
