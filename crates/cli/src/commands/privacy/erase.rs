//! `kinfold privacy erase`: a person, or single identifiers, are forgotten, and dead letters that name them are swept.

use std::collections::BTreeSet;

use clap::{Args, ValueEnum};
use kinfold_daemon::letters::Mode;
use kinfold_model::PersonId;
use kinfold_model::privacy::{PrivacyKind, PrivacyScope, RequestIdentifier};
use serde_json::{Value, json};

use super::ask::{Before, Given, is_done, named, outcome};
use crate::commands::{Failure, say};
use crate::privacy::former;
use crate::privacy::request::{Parts, Wish, spread};
use crate::privacy::sweep::sweep;
use crate::site::Site;

/// Whom to forget, and on whose word.
#[derive(Args)]
pub struct Erase {
    /// As namespace:value, or namespace#node.
    #[arg(value_name = "IDENTIFIER", required = true)]
    identifiers: Vec<String>,
    /// Everything of the person, or these identifiers alone.
    #[arg(long, value_enum, default_value_t = Scope::Person)]
    scope: Scope,
    /// Also those with whom the person was once one. Look at them first, with `--dry-run`: whoever was parted because they are
    /// somebody else is forgotten, too.
    #[arg(long)]
    include_former: bool,
    /// Only say who those are, each with an identifier; nothing is sent.
    #[arg(long, requires = "include_former")]
    dry_run: bool,
    /// Leave dead letters to kinfold-capture.
    #[arg(long)]
    no_sweep: bool,
    #[command(flatten)]
    given: Given,
}

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

impl Erase {
    pub(super) fn run(self) -> Result<(), Failure> {
        let site = Site::new(&self.given.place)?;
        self.check(&site)?;
        if self.dry_run {
            let (_, nodes) = named(&self.identifiers, &site)?;
            return self.tell_former(&former::look(&site.config, &nodes)?);
        }
        let wish = self.wish(&site)?;
        let receipts = self.given.ask(&site, &wish)?;
        if self.given.only_sends(&site) {
            return Ok(());
        }
        if site.state.is_none() && !self.no_sweep && receipts.values().flatten().any(is_done) {
            let told = sweep(&site.config, &site.keys, Mode::Remove)?;
            if !self.given.json {
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
        if self.dry_run { Ok(()) } else { self.given.check_signed(site) }
    }

    /// What is asked for, with the identifiers of former people, if they are wanted.
    fn wish(&self, site: &Site) -> Result<Wish, Failure> {
        let (mut identifiers, nodes) = named(&self.identifiers, site)?;
        let asks = (PrivacyKind::Erase, self.scope.into());
        if !self.include_former {
            return self.given.wish(site, asks, spread(Parts::new(), &identifiers));
        }
        let Before { sent, is_whole } = self.given.earlier(site, &nodes)?;
        let parts = if is_whole {
            // Whoever was asked about may be forgotten by now, and nobody would be found.
            self.tell_sent_before(sent.parts.values().map(Vec::len).sum())?;
            sent.parts
        } else {
            let found = former::look(&site.config, &nodes)?;
            if !self.given.json {
                self.tell_former(&found)?;
            }
            identifiers.extend(found.into_values());
            let known: BTreeSet<&RequestIdentifier> = sent.parts.values().flatten().collect();
            identifiers.retain(|one| !known.contains(one));
            spread(sent.parts, &identifiers)
        };
        let wish = self.given.wish(site, asks, parts)?;
        Ok(Wish { time: sent.time.unwrap_or(wish.time), ..wish })
    }

    fn tell_sent_before(&self, identifiers: usize) -> Result<(), Failure> {
        if self.given.json {
            return Ok(());
        }
        say(format_args!("this was asked before, and is sent again as it was; identifiers: {identifiers}"))
    }

    /// Those with whom somebody was once one, each with an identifier by which `kinfold explain` knows them.
    fn tell_former(&self, found: &former::Found) -> Result<(), Failure> {
        // The namespace of one that is known by its node ends with a `#`.
        let name = |one: &RequestIdentifier| format!("{}{}", one.namespace, one.value);
        if self.given.json {
            let one = |(person, identifier): (&PersonId, &RequestIdentifier)| json!({ "person_id": person.to_string(), "identifier": name(identifier) });
            let all: Value = found.iter().map(one).collect();
            return say(format_args!("{all:#}"));
        }
        say(format_args!("people with whom they were once one: {}", found.len()))?;
        found
            .iter()
            .try_for_each(|(person, identifier)| say(format_args!("  {person}  {}", name(identifier))))
    }
}
