//! `kinfold dead`: what was refused in a deployment, shown and sent back.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use kinfold_daemon::letters::Shelf;
use kinfold_letters::Letter;
use kinfold_wire::Coordinates;

use super::{Failure, load, say};
use crate::dead::replay::{Plan, begin, carry_out};
use crate::dead::selection::Selection;
use crate::{dead, tables};

/// What to do with dead letters.
#[derive(Subcommand)]
pub enum DeadCommand {
    /// Show what was refused and not dealt with: counts by source and kind, then the letters, the newest first.
    List {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        selection: Selection,
        /// Show at most so many letters.
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// Print a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Show all that is known of one refused record.
    Show {
        /// As `kinfold dead list` shows them: topic/partition/offset.
        coordinates: Coordinates,
        #[command(flatten)]
        place: Place,
        /// Print the payload too. It is personal data: whoever sees this screen, or the file it goes to, has it.
        #[arg(long)]
        payload: bool,
    },
    /// Send refused records back to their topics, after what made capture refuse them was mended. Each goes back once, in
    /// one transaction with the note that it is dealt with.
    Replay {
        /// Only these records, as `kinfold dead list` shows them.
        coordinates: Vec<Coordinates>,
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        selection: Selection,
        /// Send at most so many records, the newest first.
        #[arg(long)]
        limit: Option<usize>,
        /// Only say what would be sent.
        #[arg(long)]
        dry_run: bool,
    },
}

/// Which deployment.
#[derive(Args)]
pub struct Place {
    /// The configuration, a TOML file.
    #[arg(long, env = "KINFOLD_CONFIG")]
    config: Option<PathBuf>,
}

/// Which records are to be sent back, and whether they are.
struct Wish {
    coordinates: BTreeSet<Coordinates>,
    selection: Selection,
    limit: Option<usize>,
    dry_run: bool,
}

impl DeadCommand {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::List { place, selection, limit, json } => list(&place, &selection, limit, json),
            Self::Show { coordinates, place, payload } => show(&place, &coordinates, payload),
            Self::Replay { coordinates, place, selection, limit, dry_run } => {
                let coordinates = coordinates.into_iter().collect();
                replay(&place, &Wish { coordinates, selection, limit, dry_run })
            }
        }
    }
}

fn list(place: &Place, selection: &Selection, limit: usize, json: bool) -> Result<(), Failure> {
    let letters = Shelf::open(&load(place.config.as_deref())?)?.letters()?;
    let found = selection.of(&letters);
    if json {
        return say(format_args!("{:#}", dead::json(&found, limit)));
    }
    say(dead::listed(&found, &letters, limit))
}

fn show(place: &Place, coordinates: &Coordinates, payload: bool) -> Result<(), Failure> {
    let shelf = Shelf::open(&load(place.config.as_deref())?)?;
    let letters = shelf.letters()?;
    let found = letters.open.get(coordinates).ok_or_else(|| none_at(coordinates))?;
    let places = found.iter().map(|letter| letter.place).collect();
    shelf.fetch(&places, &mut |place, whole| {
        let Some(short) = found.iter().find(|letter| letter.place == place) else { return Ok(()) };
        say(dead::passport(coordinates, short, &whole))?;
        match &whole.payload {
            Some(bytes) if payload => {
                say(format_args!("\nThe payload, which is personal data:\n{}\n", shown(bytes)))
            }
            Some(_) => say("The payload is personal data; --payload prints it.\n"),
            None => say(""),
        }
    })
}

fn replay(place: &Place, wish: &Wish) -> Result<(), Failure> {
    let config = load(place.config.as_deref())?;
    let shelf = Shelf::open(&config)?;
    // First of all, since what another replay commits after we have read would be sent twice.
    let replayer = if wish.dry_run { None } else { Some(begin(&shelf)?) };
    let letters = shelf.letters()?;
    let mut meant: Vec<(&Coordinates, &[Letter])> = Vec::new();
    for (coordinates, _) in wish.selection.of(&letters) {
        if wish.coordinates.is_empty() || wish.coordinates.contains(coordinates) {
            meant.extend(letters.open.get(coordinates).map(|all| (coordinates, all.as_slice())));
        }
    }
    meant.truncate(wish.limit.unwrap_or(usize::MAX));
    let plan = Plan::new(&meant, &config.topics.sources, &|topic| shelf.world.count(topic));
    let by_source: Vec<String> =
        plan.by_source().into_iter().map(|(source, count)| format!("{count} of {source}")).collect();
    match &replayer {
        None if plan.records.is_empty() => say("nothing would be sent")?,
        None => say(format_args!("would be sent: {}", by_source.join(", ")))?,
        Some(_) if plan.records.is_empty() => say("nothing is to be sent")?,
        Some(replayer) => {
            let done = carry_out(&plan, &shelf, replayer)?;
            let (records, transactions) = (done.records, done.transactions);
            say(format_args!(
                "sent: {}; records: {records}, transactions: {transactions}",
                by_source.join(", ")
            ))?;
            if records < plan.records.len() {
                let gone = plan.records.len() - records;
                say(format_args!("{gone} more are gone from the topic, whose retention passed meanwhile"))?;
            }
        }
    }
    if !plan.others.is_empty() {
        let mut table = tables::table(&["cannot be sent", "because"]);
        for (coordinates, why) in &plan.others {
            table.add_row([coordinates.to_string(), why.clone()]);
        }
        say(table)?;
    }
    match wish.coordinates.iter().find(|one| !letters.open.contains_key(*one)) {
        Some(one) => Err(none_at(one)),
        None => Ok(()),
    }
}

fn none_at(coordinates: &Coordinates) -> Failure {
    Failure::Fault(format!(
        "no dead letter stands open for {coordinates}: it was dealt with, or there never was one; `kinfold dead list` shows \
         those that there are"
    ))
}

/// Text without what would move a terminal's cursor; other bytes as hex.
fn shown(payload: &[u8]) -> String {
    let visible = |c: char| if c.is_control() && !matches!(c, '\n' | '\t') { '\u{fffd}' } else { c };
    match std::str::from_utf8(payload) {
        Ok(text) => text.chars().map(visible).collect(),
        Err(_) => payload.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}
