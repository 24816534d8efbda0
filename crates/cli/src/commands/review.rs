//! `kinfold review`: merges that the guard holds, listed and decided.

use clap::Subcommand;
use kinfold_model::{CommandKind, Rules};
use kinfold_stitch::groups::Refused;
use kinfold_stitch::review::{Held, each_held};
use serde_json::json;

use super::steward::{Signed, settle};
use super::{Failure, say};
use crate::argument::Named;
use crate::clear::Clear;
use crate::site::{Site, Where};
use crate::tables;

/// What to do with merges that wait.
#[derive(Subcommand)]
pub enum ReviewCommand {
    /// Show the merges that wait.
    List {
        #[command(flatten)]
        place: Where,
        /// Print a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// The two are one person: a `link` of the two identifiers.
    Accept {
        /// As `kinfold review list` shows it.
        id: String,
        #[command(flatten)]
        signed: Signed,
    },
    /// The two are different people: an `unlink` of the two identifiers.
    Reject {
        /// As `kinfold review list` shows it.
        id: String,
        #[command(flatten)]
        signed: Signed,
    },
}

impl ReviewCommand {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::List { place, json } => list(&Site::new(&place)?, json),
            Self::Accept { id, signed } => decide(&id, CommandKind::Link, &signed),
            Self::Reject { id, signed } => decide(&id, CommandKind::Unlink, &signed),
        }
    }
}

/// The merges that wait, those of the largest people first.
fn held(site: &Site) -> Result<Vec<Held>, Failure> {
    let mut all = Vec::new();
    site.graph()?.each(&mut |state| {
        each_held(state, &site.config.rules, &site.keys, &mut |one| all.push(one)).map_err(Failure::fault)
    })?;
    all.sort_by_key(|one| (std::cmp::Reverse(one.sizes.iter().sum::<usize>()), one.id.clone()));
    Ok(all)
}

fn decide(id: &str, kind: CommandKind, signed: &Signed) -> Result<(), Failure> {
    let site = Site::new(&signed.place)?;
    let Some(one) = held(&site)?.into_iter().find(|one| one.id == id) else {
        let remedy = "`kinfold review list` shows those that do";
        return Err(Failure::Fault(format!("no merge waits with the id {id}; {remedy}")));
    };
    let named = names(&site, std::slice::from_ref(&one))?;
    settle(&site, kind, &named[0], signed)
}

/// The two identifiers of each, clear where they are known.
fn names(site: &Site, held: &[Held]) -> Result<Vec<[Named; 2]>, Failure> {
    let clear = site.clear(&held.iter().flat_map(|one| [one.identifier, one.other]).collect())?;
    Ok(held.iter().map(|one| pair(&clear, one)).collect())
}

fn pair(clear: &Clear<'_>, held: &Held) -> [Named; 2] {
    [clear.name(held.identifier, &held.namespaces[0]), clear.name(held.other, &held.namespaces[1])]
}

fn list(site: &Site, json: bool) -> Result<(), Failure> {
    let held = held(site)?;
    let names = names(site, &held)?;
    let all = held.iter().zip(&names);
    if json {
        let line = |(one, [x, y]): (&Held, &[Named; 2])| {
            json!({
                "id": one.id, "identifiers": [x.to_string(), y.to_string()], "person_ids": one.people,
                "sizes": one.sizes, "why": why(&one.why, &site.config.rules),
            })
        };
        return say(format_args!("{:#}", all.map(line).collect::<serde_json::Value>()));
    }
    if held.is_empty() {
        return say("no merge waits");
    }
    let mut table = tables::table(&["id", "identifiers", "person", "has", "why it waits"]);
    for (one, [x, y]) in all {
        let [a, b] = one.people;
        let [has, others] = one.sizes;
        table.add_row([
            one.id.clone(),
            format!("{x}\n{y}"),
            format!("{a}\n{b}"),
            format!("{has}\n{others}"),
            why(&one.why, &site.config.rules),
        ]);
    }
    tables::right(&mut table, &[3]);
    say(format_args!("{table}\nmerges that wait: {}", held.len()))
}

fn why(refused: &Refused, rules: &Rules) -> String {
    match refused {
        Refused::BothHave(namespace) => format!("each has a {namespace} of their own"),
        _ => format!("each has {} identifiers or more", rules.guard.identifiers),
    }
}
