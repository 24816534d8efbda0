//! `kinfold steward`: commands about identity, given, taken back and listed.

use std::io::Read;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use kinfold_model::command::CommandIdentifier;
use kinfold_model::{Command, CommandKind};
use kinfold_stitch::Op;
use serde_json::json;

use super::{Failure, say};
use crate::argument::{self, Named};
use crate::run::now;
use crate::site::{Site, Where};
use crate::{applied, tables};

/// What to say.
#[derive(Subcommand)]
pub enum StewardCommand {
    /// Two identifiers are of one person, whatever the limits per person say.
    Link {
        #[command(flatten)]
        pair: Pair,
        #[command(flatten)]
        given: Given,
    },
    /// Two identifiers are of different people, whatever touchpoints say.
    Unlink {
        #[command(flatten)]
        pair: Pair,
        #[command(flatten)]
        given: Given,
    },
    /// An identifier says nothing about anybody.
    Block {
        /// As namespace:value, or namespace#node.
        #[arg(value_name = "A")]
        a: String,
        #[command(flatten)]
        given: Given,
    },
    /// An identifier is not quarantined, however many others it was seen with.
    Release {
        /// As namespace:value, or namespace#node.
        #[arg(value_name = "A")]
        a: String,
        #[command(flatten)]
        given: Given,
    },
    /// What a source says about an identifier, or one touchpoint, counts for nothing.
    Forget {
        /// As namespace:value, or namespace#node.
        #[arg(value_name = "A", required_unless_present = "touchpoint", requires = "source")]
        a: Option<String>,
        /// Whose evidence about A.
        #[arg(long, requires = "a")]
        source: Option<String>,
        /// A file with the touchpoint, exactly as it came.
        #[arg(long, value_name = "FILE", conflicts_with_all = ["a", "source"])]
        touchpoint: Option<PathBuf>,
        #[command(flatten)]
        given: Given,
    },
    /// Take a command back.
    Withdraw {
        /// As `kinfold steward list` shows it.
        command_id: String,
        #[command(flatten)]
        signed: Signed,
    },
    /// Show all commands, the oldest first.
    List {
        #[command(flatten)]
        place: Where,
        /// Print a JSON array.
        #[arg(long)]
        json: bool,
    },
}

/// The two that a command is about.
#[derive(Args)]
pub struct Pair {
    /// As namespace:value, or namespace#node.
    #[arg(value_name = "A")]
    a: String,
    /// As namespace:value, or namespace#node.
    #[arg(value_name = "B")]
    b: String,
}

/// Who says something, and why, and where it counts.
#[derive(Args)]
pub struct Signed {
    #[command(flatten)]
    pub(crate) place: Where,
    /// Who says so.
    #[arg(long, env = "USER", hide_env_values = true)]
    author: String,
    /// Why, for whoever asks later; no personal data belongs here.
    #[arg(long)]
    reason: String,
}

/// All that a new command needs besides what it says.
#[derive(Args)]
pub struct Given {
    #[command(flatten)]
    signed: Signed,
    /// The command's own id; by default one is made.
    #[arg(long)]
    id: Option<String>,
    /// Accept an identifier or a touchpoint that was never seen.
    #[arg(long)]
    unseen: bool,
}

/// What a command says, without who, when and why.
struct Says {
    kind: CommandKind,
    /// As they are shown, in the order in which they were written.
    named: Vec<Named>,
    source: Option<String>,
    touchpoint_id: Option<String>,
}

impl StewardCommand {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Link { pair, given } => about_two(CommandKind::Link, &pair, &given),
            Self::Unlink { pair, given } => about_two(CommandKind::Unlink, &pair, &given),
            Self::Block { a, given } => about_one(CommandKind::Block, &a, &given),
            Self::Release { a, given } => about_one(CommandKind::Release, &a, &given),
            Self::Forget { a: Some(a), source, given, .. } => {
                let site = Site::new(&given.signed.place)?;
                let named = vec![argument::identifier("A", &a, &site.config, &site.keys)?];
                let says = Says { kind: CommandKind::Forget, named, source, touchpoint_id: None };
                give(&site, says, &given)
            }
            Self::Forget { touchpoint, given, .. } => forget_touchpoint(touchpoint, &given),
            Self::Withdraw { command_id, signed } => withdraw(&command_id, &signed),
            Self::List { place, json } => list(&Site::new(&place)?, json),
        }
    }
}

fn about_two(kind: CommandKind, pair: &Pair, given: &Given) -> Result<(), Failure> {
    let site = Site::new(&given.signed.place)?;
    let a = argument::identifier("A", &pair.a, &site.config, &site.keys)?;
    let b = argument::identifier("B", &pair.b, &site.config, &site.keys)?;
    if a.node == b.node {
        return Err(Failure::Usage("A and B are the same identifier; name two different ones".to_owned()));
    }
    give(&site, Says { kind, named: vec![a, b], source: None, touchpoint_id: None }, given)
}

fn about_one(kind: CommandKind, a: &str, given: &Given) -> Result<(), Failure> {
    let site = Site::new(&given.signed.place)?;
    let named = vec![argument::identifier("A", a, &site.config, &site.keys)?];
    give(&site, Says { kind, named, source: None, touchpoint_id: None }, given)
}

fn forget_touchpoint(file: Option<PathBuf>, given: &Given) -> Result<(), Failure> {
    let file = file.ok_or_else(|| Failure::Usage("name A and --source, or --touchpoint".to_owned()))?;
    let site = Site::new(&given.signed.place)?;
    let touchpoint = argument::touchpoint("--touchpoint", &file, &site.config, &site.keys)?;
    let named = touchpoint.identifiers.into_iter().map(|one| Named {
        node: one.node,
        namespace: site.config.rules.node_namespace(&one.namespace),
        value: Some(one.value),
    });
    let says = Says {
        kind: CommandKind::Forget,
        named: named.collect(),
        source: Some(touchpoint.source),
        touchpoint_id: Some(touchpoint.touchpoint_id),
    };
    give(&site, says, given)
}

fn give(site: &Site, says: Says, given: &Given) -> Result<(), Failure> {
    let command_id = match &given.id {
        Some(id) => id.clone(),
        None => new_id()?,
    };
    decide(
        site,
        &says.named,
        given.unseen,
        Command {
            command_id,
            kind: says.kind,
            author: given.signed.author.clone(),
            reason: given.signed.reason.clone(),
            time: now(),
            withdrawn: false,
            identifiers: identifiers(&says.named),
            source: says.source,
            touchpoint_id: says.touchpoint_id,
        },
    )
}

/// A steward's decision about a merge that waits: a link or an unlink of these two.
pub(super) fn settle(
    site: &Site,
    kind: CommandKind,
    named: &[Named],
    signed: &Signed,
) -> Result<(), Failure> {
    decide(
        site,
        named,
        false,
        Command {
            command_id: new_id()?,
            kind,
            author: signed.author.clone(),
            reason: signed.reason.clone(),
            time: now(),
            withdrawn: false,
            identifiers: identifiers(named),
            source: None,
            touchpoint_id: None,
        },
    )
}

/// Sorted by node, each node once.
fn identifiers(named: &[Named]) -> Vec<CommandIdentifier> {
    let bare = |one: &Named| CommandIdentifier { node: one.node, namespace: one.namespace.clone() };
    let mut identifiers: Vec<CommandIdentifier> = named.iter().map(bare).collect();
    identifiers.sort();
    identifiers.dedup_by_key(|identifier| identifier.node);
    identifiers
}

/// Carries a command out on a state folder, or sends it to the deployment.
fn decide(site: &Site, named: &[Named], unseen: bool, command: Command) -> Result<(), Failure> {
    let checked = Op::command(command.clone(), &site.keys);
    checked.map_err(|refusal| Failure::Usage(format!("the command is refused: {}", refusal.sentence)))?;
    match &site.state {
        Some(folder) => applied::give(site, folder, (&command, named), unseen),
        None => {
            site.send(&command)?;
            say(format_args!("{} {} is on its way to kinfold-stitch", command.kind, command.command_id))
        }
    }
}

fn withdraw(command_id: &str, signed: &Signed) -> Result<(), Failure> {
    let site = Site::new(&signed.place)?;
    let mut known = site.commands()?.into_iter().filter(|command| command.command_id == command_id);
    let Some(known) = known.next() else {
        let remedy = "`kinfold steward list` shows those that there are";
        return Err(Failure::Fault(format!("no command has the id {command_id}; {remedy}")));
    };
    if known.withdrawn {
        return Err(Failure::Fault(format!("{} {command_id} is withdrawn already", known.kind)));
    }
    let clear = site.clear(&known.identifiers.iter().map(|one| one.node).collect())?;
    let named: Vec<Named> =
        known.identifiers.iter().map(|one| clear.name(one.node, &one.namespace)).collect();
    let (author, reason) = (signed.author.clone(), signed.reason.clone());
    // The later word is the one that is kept.
    let time = now().max(known.time.plus_millis(1));
    decide(&site, &named, true, Command { author, reason, time, withdrawn: true, ..known })
}

fn list(site: &Site, json: bool) -> Result<(), Failure> {
    let commands = site.commands()?;
    let nodes = commands.iter().flat_map(|command| &command.identifiers).map(|one| one.node);
    let clear = site.clear(&nodes.collect())?;
    let names = |command: &Command| -> Vec<String> {
        command.identifiers.iter().map(|one| clear.name(one.node, &one.namespace).to_string()).collect()
    };
    let state = |command: &Command| if command.withdrawn { "withdrawn" } else { "stands" };
    if json {
        let line = |command: &Command| {
            json!({
                "command_id": command.command_id, "kind": command.kind, "identifiers": names(command),
                "source": command.source, "touchpoint_id": command.touchpoint_id, "author": command.author,
                "time": command.time.to_string(), "reason": command.reason, "state": state(command),
            })
        };
        return say(format_args!("{:#}", commands.iter().map(line).collect::<serde_json::Value>()));
    }
    let mut table = tables::table(&["id", "kind", "identifiers", "author", "time", "reason", "state"]);
    for command in &commands {
        let about = command.source.iter().chain(&command.touchpoint_id).map(|of| format!("of {of}"));
        let identifiers: Vec<String> = names(command).into_iter().chain(about).collect();
        table.add_row([
            command.command_id.clone(),
            command.kind.to_string(),
            identifiers.join("\n"),
            command.author.clone(),
            command.time.to_string(),
            command.reason.clone(),
            state(command).to_owned(),
        ]);
    }
    say(format_args!("{table}\ncommands: {}", commands.len()))
}

/// A UUID of version 7: the time, then random bits.
pub(super) fn new_id() -> Result<String, Failure> {
    let random = std::path::Path::new("/dev/urandom");
    let mut bytes = [0; 16];
    std::fs::File::open(random)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(Failure::file(random))?;
    let [_, _, time @ ..] = now().millis().to_be_bytes();
    bytes[..6].copy_from_slice(&time);
    bytes[6] = (bytes[6] & 0x0f) | 0x70;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    Ok([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}
