//! An explanation for people: short sentences, then tables.

use std::collections::BTreeSet;

use comfy_table::Table;
use kinfold_model::{Command, Rules};
use kinfold_profile::disclosure::Restricted;
use kinfold_stitch::explain::{Answer, Fate, Meeting, Name, Path, Portrait, Said, Sighting, Step};

use super::names::Names;
use super::sentences::{self, minute, person};
use crate::tables::table;

/// How many sightings a table shows.
const SIGHTINGS_SHOWN: usize = 20;

/// Everything known of one identifier.
pub(crate) fn portrait(
    portrait: &Portrait,
    restricted: Restricted,
    names: &Names<'_>,
    rules: &Rules,
) -> String {
    let label = names.label(&portrait.name);
    let belongs = portrait
        .person
        .map_or_else(|| format!("{label} belongs to nobody"), |id| format!("{label} belongs to person {id}"));
    let since = portrait.first_seen.map_or_else(String::new, |time| format!("; first seen {}", minute(time)));
    let mut lines = vec![format!("{belongs}{since}."), standing(portrait, rules)];
    match restricted {
        Restricted::No => {}
        Restricted::Since(time) => {
            lines.push(format!("This person is restricted since {}: no output has them.", minute(time)));
        }
        Restricted::Unknown => lines.push(
            "Whether this person is restricted is not known here: ask on the machine of kinfold-profile that has their state."
                .to_owned(),
        ),
    }
    if portrait.contested {
        lines.push("Several people share it on stronger grounds.".to_owned());
    }
    // The same two people may have met at many sightings.
    let mut refused = BTreeSet::new();
    for meeting in &portrait.meetings {
        if let Fate::Refused(dispute) = &meeting.fate {
            refused.insert(format!("Refused: {}.", sentences::dispute(dispute, names)));
        }
    }
    lines.extend(refused);
    if !portrait.alone.is_empty() {
        lines.push(format!("\nSeen by itself\n{}", said_table(&portrait.alone)));
    }
    if !portrait.meetings.is_empty() {
        lines.push(format!("\nSeen with others\n{}", meetings_table(portrait, names)));
        let more = portrait.meetings.len().saturating_sub(SIGHTINGS_SHOWN);
        if more > 0 {
            lines.push(format!("{more} older sightings are not shown; --json has all."));
        }
    }
    let about = portrait.meetings.iter().flat_map(|meeting| &meeting.sighting.commands);
    lines.extend(commands(portrait.commands.iter().chain(about)));
    lines.join("\n")
}

fn standing(portrait: &Portrait, rules: &Rules) -> String {
    let stand = &portrait.stand;
    let against: Vec<String> =
        stand.hindrances.iter().map(|hindrance| sentences::hindrance(*hindrance, stand, rules)).collect();
    match (stand.links, against.is_empty()) {
        (true, true) => format!("It links people: {}.", sentences::neighbours(stand)),
        (true, false) => {
            format!("It links people because a steward released it, although {}.", against.join(", and "))
        }
        (false, _) => format!("It links nobody: {}.", against.join(", and ")),
    }
}

/// What two identifiers have to do with each other.
pub(crate) fn path(path: &Path, names: &Names<'_>, rules: &Rules) -> String {
    let mut lines = vec![headline(path, names)];
    for dispute in path.steps.iter().flat_map(|step| &step.refused) {
        lines.push(format!("Refused: {}.", sentences::dispute(dispute, names)));
    }
    if let Answer::Unconnected { mutes, .. } = &path.answer {
        for mute in mutes {
            let reasons = mute.stand.hindrances.iter();
            let reasons: Vec<String> =
                reasons.map(|hindrance| sentences::hindrance(*hindrance, &mute.stand, rules)).collect();
            lines.push(format!("{} links nobody: {}.", names.label(&mute.name), reasons.join(", and ")));
        }
    }
    if !path.steps.is_empty() {
        lines.push(steps_table(path, names));
    }
    let about = path.steps.iter().flat_map(|step| &step.sighting.commands);
    lines.extend(commands(path.commands.iter().chain(about)));
    lines.join("\n")
}

fn headline(path: &Path, names: &Names<'_>) -> String {
    let (from, to) = (names.label(&path.from), names.label(&path.to));
    let refused = path.steps.iter().filter(|step| !step.refused.is_empty()).count();
    match &path.answer {
        Answer::SamePerson(_) if path.from == path.to => format!("{from} and {to} are the same identifier."),
        Answer::SamePerson(id) => {
            format!("{from} and {to} are one person (id {id}): {}.", steps(path.steps.len()))
        }
        Answer::Apart { from: first, to: second } => format!(
            "{from} is {} and {to} is {}. Evidence connects them in {}, {refused} of which did not join.",
            person(*first),
            person(*second),
            steps(path.steps.len())
        ),
        Answer::Unconnected { .. } if !path.steps.is_empty() => {
            format!(
                "{from} and {to} are not connected. They were seen on a way of {}, which does not count.",
                steps(path.steps.len())
            )
        }
        Answer::Unconnected { gave_up: true, .. } => {
            format!(
                "{from} and {to} are not connected; of all that is near them, too much was seen to look at all of it."
            )
        }
        Answer::Unconnected { .. } => format!("Nothing that was seen connects {from} and {to}."),
        Answer::Nobody => format!(
            "{from} and {to} belong together, but nothing says any more that they were seen: they are nobody."
        ),
        Answer::Unsettled => {
            format!("What is known of {from} is just on its way from one partition to another; ask again.")
        }
    }
}

fn steps(count: usize) -> String {
    if count == 1 { "1 step".to_owned() } else { format!("{count} steps") }
}

fn steps_table(path: &Path, names: &Names<'_>) -> String {
    let mut rows = table(&["", "identifier", "was seen with", "by", "first", "last", "because"]);
    for (index, step) in path.steps.iter().enumerate() {
        let [by, first, last] = seen(&step.sighting);
        let row = [
            (index + 1).to_string(),
            names.label(&step.from),
            names.label(&step.to),
            by,
            first,
            last,
            because(step),
        ];
        rows.add_row(row);
    }
    rows.to_string()
}

fn because(step: &Step) -> String {
    let refused: Vec<String> =
        step.refused.iter().map(|dispute| format!("refused: {}", sentences::reason(&dispute.why))).collect();
    match (refused.is_empty(), step.sighting.counts) {
        (false, _) => refused.join("; "),
        (true, false) => "this does not count any more".to_owned(),
        (true, true) => sentences::rule(&step.rule, &step.sighting),
    }
}

fn meetings_table(portrait: &Portrait, names: &Names<'_>) -> String {
    let mut rows = table(&["with", "by", "first", "last", "outcome"]);
    for Meeting { sighting, fate } in portrait.meetings.iter().take(SIGHTINGS_SHOWN) {
        let others = sighting.identifiers.iter().filter(|name: &&Name| **name != portrait.name);
        let [by, first, last] = seen(sighting);
        let outcome = match fate {
            Fate::Joined => "one person".to_owned(),
            Fate::Refused(dispute) => format!("refused: {}", sentences::reason(&dispute.why)),
            Fate::Void if sighting.counts => "links nobody".to_owned(),
            Fate::Void => "does not count any more".to_owned(),
        };
        rows.add_row([sentences::several(others, names), by, first, last, outcome]);
    }
    rows.to_string()
}

fn said_table(all: &[Said]) -> String {
    let mut rows = table(&["by", "first", "last"]);
    for said in all {
        rows.add_row([
            sentences::source(said),
            minute(said.evidence.first_seen),
            minute(sentences::last(said)),
        ]);
    }
    rows.to_string()
}

/// Sources, first and last time, one line for each source.
fn seen(sighting: &Sighting) -> [String; 3] {
    if sighting.bond {
        return ["a steward".to_owned(), String::new(), String::new()];
    }
    let column = |of: &dyn Fn(&Said) -> String| sighting.said.iter().map(of).collect::<Vec<_>>().join("\n");
    [
        column(&sentences::source),
        column(&|said| minute(said.evidence.first_seen)),
        column(&|said| minute(sentences::last(said))),
    ]
}

/// A table of stewards' commands, if there are any; each once.
fn commands<'c>(commands: impl Iterator<Item = &'c Command>) -> Option<String> {
    let mut rows: Table = table(&["command", "says", "by", "on", "reason", "stands"]);
    let mut shown = BTreeSet::new();
    for command in commands.filter(|command| shown.insert((command.time, command.command_id.clone()))) {
        rows.add_row([
            command.command_id.clone(),
            command.kind.to_string(),
            command.author.clone(),
            minute(command.time),
            command.reason.clone(),
            if command.withdrawn { "withdrawn".to_owned() } else { "yes".to_owned() },
        ]);
    }
    (!shown.is_empty()).then(|| format!("\nCommands of stewards\n{rows}"))
}
