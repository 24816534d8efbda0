//! A simulated run as lines that a person can follow: who handles what, in the order of handling. Ids are cut to their
//! first eight digits; messages that a partition sends to itself within one step are not shown.

use kinfold_model::privacy::Restriction;
use kinfold_model::{Assignment, Command, NodeId};
use kinfold_pipeline::{InRecord, Origin, StageName};
use kinfold_stitch::Op;
use kinfold_stitch::op::{Body, Errand, Observation};
use kinfold_wire::{SchemaIds, Topic, decode, decode_inner};

/// One record on its way into a stage.
#[must_use]
pub(crate) fn line(stage: StageName, record: &InRecord) -> String {
    let place = format!("{stage:>8} {:>2}  ", record.partition);
    let value = record.value.as_deref().unwrap_or_default();
    let ids = SchemaIds::default();
    let what = match record.origin {
        Origin::Raw(_) => String::from_utf8_lossy(value).into_owned(),
        Origin::Topic(Topic::IdentityOp) => {
            decode_inner::<Op>(value).map_or_else(|e| e.to_string(), |op| message(&op))
        }
        Origin::Topic(Topic::IdentityCommand) => decode::<Command>(Topic::IdentityCommand, &ids, value)
            .map_or_else(|e| e.to_string(), |one| command(&one)),
        Origin::Topic(Topic::IdentityAssignment) => {
            match decode::<Assignment>(Topic::IdentityAssignment, &ids, value) {
                Ok(one) => format!("{} belongs to {}", short(one.node), one.person_id),
                Err(_) => format!(
                    "{} belongs to nobody",
                    String::from_utf8_lossy(record.key.as_deref().unwrap_or_default())
                ),
            }
        }
        Origin::Topic(topic) => format!("{topic}, {} bytes", value.len()),
    };
    place + &what
}

fn short(id: NodeId) -> String {
    let kind = if id.is_sighting() { "s" } else { "i" };
    format!("{kind}-{}", &id.to_string()[..8])
}

fn command(command: &Command) -> String {
    let about: Vec<String> = command.identifiers.iter().map(|one| short(one.node)).collect();
    let (source, touchpoint) = (command.source.as_deref(), command.touchpoint_id.as_deref());
    let of: Vec<&str> = source.into_iter().chain(touchpoint).collect();
    let withdrawn = if command.withdrawn { ", withdrawn" } else { "" };
    format!("{} {}: {} {}{withdrawn}", command.command_id, command.kind, about.join(" "), of.join(" "))
}

fn message(op: &Op) -> String {
    let to = short(op.to);
    let text = match &op.body {
        Body::Observe(Observation { time, source, identifiers, .. }) => {
            let seen: Vec<String> = identifiers.iter().map(|seen| short(seen.node)).collect();
            format!("{source} saw {} at {time}", seen.join(" "))
        }
        Body::Command(one) => command(one),
        Body::Link(news) if news.stands => format!("you are part of {}", short(news.sighting)),
        Body::Link(news) => format!("{} counts no more", short(news.sighting)),
        Body::Blocked { identifier, stands } => format!("{} is blocked: {stands}", short(*identifier)),
        Body::Distrust { identifier, source, stands } => {
            format!("{source} is not believed about {}: {stands}", short(*identifier))
        }
        Body::Shed => "your component is too large".to_owned(),
        Body::Demand { demand, ticket, .. } => {
            format!("{} names you and wants: {demand:?}", ticket.request_id)
        }
        Body::Erase { reach, ticket, .. } => format!("{} erases you, {reach:?}", ticket.request_id),
        Body::Erased { identifier, mark, .. } => format!("{} is erased: {mark:?}", short(*identifier)),
        Body::Agreed { time } => format!("somebody agreed at {time} to be known again"),
        Body::Errand(errand) => errand_text(errand),
        Body::SentBack(errand) => format!("sent back: {}", errand_text(errand)),
        Body::Absorb { from, component, .. } => {
            format!("absorb {} of {} nodes, epoch {}", short(*from), component.members.len(), component.epoch)
        }
        Body::Point { root, epoch, person } => {
            let person = person.map_or_else(|| "nobody".to_owned(), |person| person.to_string());
            format!("your root is {}, you belong to {person}, epoch {epoch}", short(*root))
        }
        Body::Seed { component } => {
            format!("be the root of {} nodes, epoch {}", component.members.len(), component.epoch)
        }
    };
    format!("to {to}, hop {}: {text}", op.hops)
}

fn errand_text(errand: &Errand) -> String {
    match errand {
        Errand::Join { node, other, other_root, .. } => {
            let held = other_root.map(|root| format!(", which {} holds", short(root))).unwrap_or_default();
            format!("join {} with {}{held}", short(*node), short(*other))
        }
        Errand::Tell { node, told } => format!(
            "{} is now version {}, silent: {}, first seen: {}",
            short(*node),
            told.version,
            told.silent,
            told.first_seen.map_or_else(|| "never".to_owned(), |time| time.to_string()),
        ),
        Errand::Settle { node, .. } => format!("see that {} belongs to somebody", short(*node)),
        Errand::Erase { node, ticket, .. } => {
            format!("{} erases the person of {}", ticket.request_id, short(*node))
        }
        Errand::Restrict(Restriction { node, stands, ticket, .. }) => {
            format!("{} restricts the person of {}: {stands}", ticket.request_id, short(*node))
        }
    }
}
