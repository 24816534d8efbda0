//! Stewards' commands: which can be carried out, and what those that stand amount to.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::{Command, CommandKind, Keys, Marks, NodeKind, Refusal, RefusalKind, Timestamp};

use crate::limits::{COMMAND_IDENTIFIERS_MAX, COMMAND_TEXT_BYTES_MAX};
use crate::node::Orders;
use crate::witness::TouchpointMark;

/// Whether a command can be carried out.
///
/// # Errors
/// A refusal that names the member at fault and the remedy.
pub(crate) fn check(command: &Command) -> Result<(), Refusal> {
    let fault = |member: &str, complaint: &str| Err(Refusal::new(RefusalKind::BadCommand, member, complaint));
    for (member, text) in
        [("command_id", &command.command_id), ("author", &command.author), ("reason", &command.reason)]
    {
        if text.trim().is_empty() {
            return fault(member, "is empty; a command is kept with an id, an author and a reason");
        }
        if text.len() > COMMAND_TEXT_BYTES_MAX {
            return fault(member, &format!("is longer than {COMMAND_TEXT_BYTES_MAX} bytes; shorten it"));
        }
    }
    let identifiers = &command.identifiers;
    if identifiers.len() > COMMAND_IDENTIFIERS_MAX {
        return fault(
            "identifiers",
            &format!("are more than {COMMAND_IDENTIFIERS_MAX}; no touchpoint has so many"),
        );
    }
    if !identifiers.is_sorted_by(|a, b| a.node < b.node) {
        return fault(
            "identifiers",
            "are not sorted by node, or name one twice; sort them and name each once",
        );
    }
    if identifiers.iter().any(|identifier| identifier.node.kind() != NodeKind::Identifier) {
        return fault("identifiers", "name the node of a sighting; name identifiers");
    }
    let of_touchpoint = command.kind == CommandKind::Forget && command.touchpoint_id.is_some();
    let (is_right, right) = match command.kind {
        CommandKind::Link | CommandKind::Unlink => (identifiers.len() == 2, "must be two different ones"),
        _ if of_touchpoint => (!identifiers.is_empty(), "must be all those of the touchpoint"),
        CommandKind::Block | CommandKind::Release | CommandKind::Forget => {
            (identifiers.len() == 1, "must be exactly one")
        }
    };
    if !is_right {
        return fault("identifiers", right);
    }
    match (command.kind, &command.source, &command.touchpoint_id) {
        (CommandKind::Forget, None, _) => {
            fault("source", "is missing; name the source whose evidence to forget")
        }
        (CommandKind::Forget, Some(_), _) | (_, None, None) => Ok(()),
        _ => fault("source", "and `touchpoint_id` belong to `forget` only; leave them out"),
    }
}

/// Of two commands with one id, what is kept: one that was withdrawn stays so.
pub(crate) fn merge(known: Command, arrived: Command) -> Command {
    let withdrawn = known.withdrawn || arrived.withdrawn;
    let text = |command: &Command| (command.time, command.author.clone(), command.reason.clone());
    let kept = if text(&arrived) > text(&known) { arrived } else { known };
    Command { withdrawn, ..kept }
}

/// What those commands to an identifier amount to that stand.
pub(crate) fn of_identifier<'c>(commands: impl IntoIterator<Item = &'c Command>) -> Orders {
    let mut orders = Orders::default();
    for command in commands.into_iter().filter(|command| !command.withdrawn) {
        match command.kind {
            CommandKind::Block => orders.blocked = true,
            CommandKind::Release => orders.released = true,
            CommandKind::Unlink => {
                if let [_, other] = &command.identifiers[..] {
                    let time = orders.apart.entry(other.node).or_insert(command.time);
                    *time = command.time.max(*time);
                }
            }
            CommandKind::Forget if command.touchpoint_id.is_none() => {
                orders.distrusted.extend(command.source.clone());
            }
            CommandKind::Forget | CommandKind::Link => {}
        }
    }
    orders
}

/// The touchpoints that those commands to a node take back that stand.
pub(crate) fn forgotten<'c>(
    commands: impl IntoIterator<Item = &'c Command>,
    keys: &Keys,
) -> BTreeSet<(String, TouchpointMark)> {
    let stands = |command: &&Command| !command.withdrawn && command.kind == CommandKind::Forget;
    let mark = |command: &Command| {
        let mark = keys.touchpoint_mark(command.touchpoint_id.as_ref()?);
        Some((command.source.clone()?, TouchpointMark(mark)))
    };
    commands.into_iter().filter(stands).filter_map(mark).collect()
}

/// The time of the newest command for a steward's link that stands. None does that was given while one of the two was erased, or
/// before.
pub(crate) fn linked_since<'c>(
    commands: impl IntoIterator<Item = &'c Command>,
    marks: &Marks,
) -> Option<Timestamp> {
    let stands = |command: &&Command| {
        !command.withdrawn && command.kind == CommandKind::Link && marks.struck(command.time).is_empty()
    };
    commands.into_iter().filter(stands).map(|command| command.time).max()
}

/// Commands to one node, by id.
pub type Commands = BTreeMap<String, Command>;
