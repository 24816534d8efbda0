//! Why an attribute of somebody is what it is: how it came about in; sentences and a table, or one object, out. Values are in both,
//! for they are what was asked for.

use kinfold_model::{AttributeRule, PersonId, Reason, SurvivorRule, Timestamp};
use kinfold_profile::account::{Account, Stated};
use serde_json::{Value, json};

use super::sentences::minute;
use crate::tables::table;

/// An attribute that was asked for.
pub(crate) struct Question<'q> {
    /// The identifier that was named, as it is shown.
    pub(crate) label: String,
    /// The same for programs.
    pub(crate) identifier: Value,
    /// Whose it is.
    pub(crate) person: PersonId,
    /// Of the attribute.
    pub(crate) name: &'q str,
}

/// For people.
pub(crate) fn text(question: &Question<'_>, account: &Account) -> String {
    let (Question { label, person, name, .. }, shown) = (question, &account.shown);
    let mut lines = vec![
        format!("{name} of {label} (person {person}) is {}.", shown.value),
        format!(
            "The rule is {}. The value won because {}; {} stated it on {}.",
            rule(&account.rule),
            because(shown.reason),
            shown.source,
            minute(shown.time)
        ),
    ];
    let times = [
        ("last confirmed on", shown.confirmed),
        ("verified on", shown.verified),
        ("stale since", shown.stale),
    ];
    let times: Vec<String> =
        times.iter().filter_map(|(what, time)| Some(format!("{what} {}", minute((*time)?)))).collect();
    lines.push(format!("It was {}.", times.join(", ")));
    lines.push(format!("\nAll that was stated, in the order of the rule\n{}", stated_table(&account.stated)));
    if account.is_full {
        lines.push(
            "There were more values than are counted: of those without a number only the newest, the oldest, the longest, \
             the last verified and the newest of each source are known."
                .to_owned(),
        );
    }
    lines.join("\n")
}

/// For programs.
pub(crate) fn object(question: &Question<'_>, account: &Account) -> Value {
    let (shown, rule) = (&account.shown, &account.rule);
    let stated = account.stated.iter().enumerate().map(|(place, one)| {
        json!({
            "value": one.value, "source": one.source, "first": one.first.to_string(), "last": one.last.to_string(),
            "touchpoints": one.touchpoints, "verified": told(one.verified), "won": place == 0,
        })
    });
    let values = shown.values.iter().map(|one| one.value.as_str());
    json!({
        "question": "attribute",
        "identifier": question.identifier,
        "person_id": question.person,
        "name": question.name,
        "rule": { "rule": rule.rule.as_str(), "sources": rule.sources, "stale_after_ms": rule.stale_after_ms },
        "value": shown.value,
        "values": values.collect::<Vec<_>>(),
        "source": shown.source,
        "time": shown.time.to_string(),
        "reason": shown.reason.as_str(),
        "confirmed": told(shown.confirmed),
        "verified": told(shown.verified),
        "stale": told(shown.stale),
        "stated": stated.collect::<Vec<_>>(),
        "all_are_counted": !account.is_full,
    })
}

fn told(time: Option<Timestamp>) -> Option<String> {
    time.map(|time| time.to_string())
}

fn rule(rule: &AttributeRule) -> String {
    match rule.rule {
        SurvivorRule::SourcePriority => format!("source_priority ({})", rule.sources.join(", ")),
        other => other.as_str().to_owned(),
    }
}

fn because(reason: Reason) -> &'static str {
    match reason {
        Reason::Only => "nobody stated another one",
        Reason::Newest => "it was stated last",
        Reason::Oldest => "it was stated first",
        Reason::MostFrequent => "the most touchpoints stated it",
        Reason::SourcePriority => "its source comes first among those that stated any",
        Reason::Longest => "it is the longest",
        Reason::Verified => "it was verified last",
        Reason::Union => "all stand side by side, and it is the newest",
    }
}

fn stated_table(stated: &[Stated]) -> String {
    let mut rows = table(&["value", "source", "first", "last", "touchpoints", "verified"]);
    for one in stated {
        rows.add_row([
            one.value.clone(),
            one.source.clone(),
            minute(one.first),
            minute(one.last),
            one.touchpoints.map_or_else(String::new, |count| count.to_string()),
            one.verified.map_or_else(String::new, minute),
        ]);
    }
    rows.to_string()
}
