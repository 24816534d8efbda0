//! What an explanation says in words, for tables, JSON and pictures alike.

use kinfold_model::{Command, Contested, PersonId, Rules, Timestamp};
use kinfold_stitch::explain::{Against, Dispute, Hindrance, Name, Rule, Said, Sighting, Stand};
use kinfold_stitch::groups::Refused;

use super::names::Names;

/// How many identifiers a sentence names.
const NAMED_MAX: usize = 6;

/// To the minute, UTC.
pub(super) fn minute(time: Timestamp) -> String {
    time.to_string().chars().take(16).map(|c| if c == 'T' { ' ' } else { c }).collect()
}

/// The last time, which is kept in steps of the evidence granularity and must not look earlier than the first.
pub(super) fn last(said: &Said) -> Timestamp {
    said.evidence.last_seen.max(said.evidence.first_seen)
}

/// The sources that said something.
pub(super) fn source(said: &Said) -> String {
    let name = said.source.clone().unwrap_or_else(|| "other sources".to_owned());
    if said.counts { name } else { format!("{name} (taken back)") }
}

/// Some identifiers, the first few by name.
pub(super) fn several<'n>(identifiers: impl IntoIterator<Item = &'n Name>, names: &Names<'_>) -> String {
    let all: Vec<&Name> = identifiers.into_iter().collect();
    let mut labels: Vec<String> = all.iter().take(NAMED_MAX).map(|name| names.label(name)).collect();
    if all.len() > NAMED_MAX {
        labels.push(format!("{} more", all.len() - NAMED_MAX));
    }
    labels.join(", ")
}

/// What speaks against an identifier.
pub(super) fn hindrance(hindrance: Hindrance, stand: &Stand, rules: &Rules) -> String {
    match hindrance {
        Hindrance::Captured => "its value was on the block list when it was seen".to_owned(),
        Hindrance::Listed => "its value is on the block list".to_owned(),
        Hindrance::Ordered => "a steward blocked it".to_owned(),
        Hindrance::Erased => "it was erased because somebody asked to be forgotten".to_owned(),
        Hindrance::Overflowed => format!(
            "it was seen in {} combinations with others, more than are kept, so that none is; this cannot be undone",
            stand.sightings
        ),
        Hindrance::Crowded => crowded(stand),
        Hindrance::Shed => format!(
            "it was taken out of a group that had grown beyond {} identifiers and sightings",
            rules.max_component
        ),
    }
}

fn crowded(stand: &Stand) -> String {
    let of_one = stand.neighbours_of.iter().find(|(_, count, most)| *count > *most as usize);
    match of_one {
        Some((namespace, count, most)) => {
            format!("it was seen with {count} other identifiers of namespace {namespace}, {most} are allowed")
        }
        None => neighbours(stand),
    }
}

/// With how many others it was seen.
pub(super) fn neighbours(stand: &Stand) -> String {
    let most = stand.neighbours_max.map_or_else(String::new, |most| format!(", {most} are allowed"));
    let others = if stand.neighbours == 1 { "identifier" } else { "identifiers" };
    format!("it was seen with {} other {others}{most}", stand.neighbours)
}

/// Why a step joins.
pub(super) fn rule(rule: &Rule, sighting: &Sighting) -> String {
    match rule {
        Rule::Steward => match sighting.commands.iter().find(|command| !command.withdrawn) {
            Some(command) => format!("a steward linked them ({})", command.command_id),
            None => "a steward linked them".to_owned(),
        },
        Rule::Priority { namespace, priority } => {
            format!("they were seen together; {namespace} has priority {priority}")
        }
        Rule::ContestedNewest { namespace } => {
            format!("they were seen together; the {namespace} is shared, and its newest sighting wins")
        }
    }
}

/// Why a join was refused, in a few words.
pub(super) fn reason(refused: &Refused) -> String {
    match refused {
        Refused::TooMany(namespace) => format!("too many {namespace}"),
        Refused::KeptApart(..) => "a steward keeps them apart".to_owned(),
        Refused::BothLarge => "both are large: for review".to_owned(),
        Refused::BothHave(namespace) => format!("both have {namespace}: for review"),
        Refused::Contested => "shared by several people".to_owned(),
    }
}

/// Why a join was refused, and the evidence against it.
pub(super) fn dispute(dispute: &Dispute, names: &Names<'_>) -> String {
    let identifier = names.label(&dispute.identifier);
    let here = person(dispute.person_here);
    let there = person(dispute.person_there);
    match &dispute.against {
        Against::TooMany { namespace, most, here: own, there: other } => format!(
            "{identifier} does not join {here} with {there}: one person would have {} values of {namespace}, and {most} \
             may be: {} against {}",
            own.len() + other.len(),
            several(own, names),
            several(other, names)
        ),
        Against::BothHave { namespace, here: own, there: other } => format!(
            "{identifier} does not join {here} with {there}: both have a {namespace} ({} against {}), so their merge waits \
             for a steward",
            several(own, names),
            several(other, names)
        ),
        Against::BothLarge { least, here: own, there: other } => format!(
            "{identifier} does not join {here} with {there}: both have {least} identifiers or more ({own} and {other}), so \
             their merge waits for a steward"
        ),
        Against::KeptApart { pair, commands } => {
            let by: Vec<String> = commands.iter().map(command).collect();
            format!(
                "{identifier} does not join {here} with {there}: a steward keeps {} and {} apart ({})",
                names.label(&pair[0]),
                names.label(&pair[1]),
                by.join("; ")
            )
        }
        Against::Contested { rule, claims } => {
            let claims: Vec<String> = (claims.iter().take(NAMED_MAX))
                .map(|claim| format!("{} with {}", person(claim.person), names.label(&claim.through)))
                .collect();
            let rule = match rule {
                Contested::Apart => "belongs to none of them",
                Contested::Newest => "goes to whom it was seen with last",
            };
            format!(
                "{identifier} does not join {here} with {there}: it is shared by several people on stronger grounds ({}), and \
                 so it {rule}",
                claims.join("; ")
            )
        }
    }
}

/// A person, or nobody.
pub(super) fn person(person: Option<PersonId>) -> String {
    person.map_or_else(|| "nobody".to_owned(), |id| format!("person {id}"))
}

/// A command in a few words.
pub(super) fn command(command: &Command) -> String {
    let Command { command_id, author, reason, time, .. } = command;
    format!("{command_id} by {author} on {}: {reason}", minute(*time))
}
