//! A steward's command on a state folder: checked against what is stored, carried out at once, and told by what it
//! changed.

use std::path::Path;

use kinfold_model::{Command, CommandKind, Fault, IdentityChange, Keys, View};
use kinfold_stitch::inspect::{self, Known};
use kinfold_stitch::witness::TouchpointMark;
use kinfold_wire::{SchemaIds, Topic, decode};

use crate::argument::Named;
use crate::commands::{Failure, say};
use crate::run::{Run, Setup};
use crate::site::Site;

/// Carries a command out. `named` are its identifiers as the steward wrote them; with `unseen` also one about
/// something that never came is accepted.
pub(crate) fn give(
    site: &Site,
    folder: &Path,
    (command, named): (&Command, &[Named]),
    unseen: bool,
) -> Result<(), Failure> {
    let mut remarks = Vec::new();
    site.graph()?.each(&mut |state| {
        remarks.extend(check(state, (command, named), unseen, &site.keys)?);
        Ok(())
    })?;
    let setup = Setup::new(site.config.clone(), Some(folder))?;
    let mut run = setup.begin(&folder.join("store"))?;
    if run.revised > 0 {
        say(format_args!("rules changed: {} people changed", run.revised))?;
    }
    let earlier = run.heard.changes.len();
    run.command(command)?;
    run.publish()?;
    let what = if command.withdrawn { "is withdrawn" } else { "is kept" };
    say(format_args!("{} {} {what}", command.kind, command.command_id))?;
    for remark in remarks {
        say(remark)?;
    }
    let changes = run.heard.changes()?;
    tell(changes.get(earlier..).unwrap_or_default())?;
    outcome(&run, command, named)
}

/// What a steward should know before the command is carried out.
fn check(
    state: &dyn View,
    (command, named): (&Command, &[Named]),
    unseen: bool,
    keys: &Keys,
) -> Result<Vec<String>, Failure> {
    let given = inspect::commands(state).map_err(Failure::fault)?;
    if command.withdrawn {
        return Ok(Vec::new());
    }
    if let Some(other) = given.iter().find(|other| other.command_id == command.command_id) {
        return Err(Failure::Fault(format!(
            "--id {} names a command already, a {} of {} by {}; choose another id",
            command.command_id, other.kind, other.time, other.author
        )));
    }
    if command.touchpoint_id.is_some() {
        if !unseen {
            touchpoint_is_known(state, command, keys)?;
        }
        return Ok(Vec::new());
    }
    let mut remarks = Vec::new();
    for one in named {
        remarks.extend(standing(state, command, one, unseen)?);
    }
    remarks.extend(contradicted(command, &given));
    Ok(remarks)
}

fn touchpoint_is_known(state: &dyn View, command: &Command, keys: &Keys) -> Result<(), Failure> {
    let (Some(source), Some(id)) = (&command.source, &command.touchpoint_id) else { return Ok(()) };
    let nodes: Vec<_> = command.identifiers.iter().map(|identifier| identifier.node).collect();
    let node = inspect::node(keys.sighting(&nodes), state).map_err(Failure::fault)?;
    let mark = TouchpointMark(keys.touchpoint_mark(id));
    match node.map_or(Known::No, |node| inspect::touchpoint(&node, source, mark)) {
        Known::Apart => Ok(()),
        Known::Merged => Err(Failure::Fault(format!(
            "{source} said more at these identifiers than is told apart, so that one touchpoint cannot be taken back; \
             `kinfold steward forget A --source {source}` takes back all that it says about an identifier"
        ))),
        Known::No => Err(Failure::Fault(
            "this touchpoint was never seen, with these identifiers and this id; give --unseen to take it back before \
             it comes"
                .to_owned(),
        )),
    }
}

/// What is special about one of the identifiers.
fn standing(
    state: &dyn View,
    command: &Command,
    one: &Named,
    unseen: bool,
) -> Result<Option<String>, Failure> {
    let node = inspect::node(one.node, state).map_err(Failure::fault)?;
    let Some(node) = node.filter(|node| unseen || inspect::was_seen(node)) else {
        let never = format!(
            "{one} was never seen; check how it is written, or give --unseen to speak about it before it comes"
        );
        return if unseen { Ok(None) } else { Err(Failure::Fault(never)) };
    };
    let Some(standing) = node.standing() else { return Ok(None) };
    match command.kind {
        CommandKind::Release if standing.overflowed => Err(Failure::Fault(format!(
            "{one} cannot be brought back: it was seen in more combinations than are stored, and none of them is stored \
             any more; raise max_neighbours of {} and rebuild the state from the touchpoints",
            one.namespace
        ))),
        CommandKind::Release if !standing.is_quarantined() => {
            Ok(Some(format!("{one} is not quarantined; it will not be from now on")))
        }
        CommandKind::Link | CommandKind::Unlink if standing.is_blocked() => Ok(Some(format!(
            "{one} is blocked and says nothing about anybody; the command counts once it is not"
        ))),
        CommandKind::Link | CommandKind::Unlink if standing.is_quarantined() => Ok(Some(format!(
            "{one} is quarantined and links nothing; the command counts once it is released"
        ))),
        _ => Ok(None),
    }
}

/// Which command wins where an earlier one says the contrary of the same two.
fn contradicted(command: &Command, given: &[Command]) -> Option<String> {
    let contrary = match command.kind {
        CommandKind::Link => CommandKind::Unlink,
        CommandKind::Unlink => CommandKind::Link,
        CommandKind::Block | CommandKind::Release | CommandKind::Forget => return None,
    };
    let against = given.iter().filter(|other| {
        !other.withdrawn && other.kind == contrary && other.identifiers == command.identifiers
    });
    let other = against.max_by_key(|other| other.time)?;
    let older = match command.kind {
        CommandKind::Link => other.time < command.time,
        _ => other.time <= command.time,
    };
    let wins = if older { format!("this {}", command.kind) } else { format!("that {contrary}") };
    Some(format!(
        "{} {} of {} by {} says the contrary; {wins} wins: the newest does, at the same time unlink",
        other.kind, other.command_id, other.time, other.author
    ))
}

fn tell(changes: &[IdentityChange]) -> Result<(), Failure> {
    if changes.is_empty() {
        return say("nobody changed");
    }
    for change in changes {
        let list = |people: &[kinfold_model::PersonId]| {
            let people: Vec<String> = people.iter().map(ToString::to_string).collect();
            if people.is_empty() { "nobody".to_owned() } else { people.join(", ") }
        };
        let identifiers = change.moves.iter().filter(|turn| turn.namespace.is_some()).count();
        say(format_args!("{}; identifiers moved: {identifiers}", change.kind))?;
        say(format_args!("  before  {}", list(&change.person_ids_before)))?;
        say(format_args!("  after   {}", list(&change.person_ids_after)))?;
    }
    Ok(())
}

/// Whether two identifiers that a command is about are one person now.
fn outcome(run: &Run<'_>, command: &Command, named: &[Named]) -> Result<(), Failure> {
    let (CommandKind::Link | CommandKind::Unlink, [one, other]) = (command.kind, named) else {
        return Ok(());
    };
    let person = |of: &Named| -> Result<_, Failure> {
        let stored = run.local.last(Topic::IdentityAssignment, of.node.to_string().as_bytes());
        let decoded = stored.map_err(Failure::fault)?.map(|value| {
            let read: Result<kinfold_model::Assignment, _> =
                decode(Topic::IdentityAssignment, &SchemaIds::default(), &value);
            read.map_err(|error| Failure::fault(Fault::Protocol(error.to_string())))
        });
        Ok(decoded.transpose()?.map(|assignment| assignment.person_id))
    };
    match (person(one)?, person(other)?) {
        (Some(a), Some(b)) if a == b => say(format_args!("{one} and {other} are one person, {a}")),
        (Some(a), Some(b)) => say(format_args!("{one} and {other} are two people, {a} and {b}")),
        _ => Ok(()),
    }
}
