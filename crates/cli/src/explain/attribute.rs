//! Why an attribute of somebody is what it is: how it came about in; sentences and a table, or one object, out. Values are in both,
//! for they are what was asked for.

use kinfold_model::{Ageing, AttributeRule, PersonId, Reason, SurvivorRule, Timestamp};
use kinfold_profile::account::Account;
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
        ("to be verified again since", shown.verify_again),
        ("stale since", shown.stale),
    ];
    let times: Vec<String> =
        times.iter().filter_map(|(what, time)| Some(format!("{what} {}", minute((*time)?)))).collect();
    lines.push(format!("It was {}.", times.join(", ")));
    lines.push(format!("\nAll that was stated, in the order of the rule\n{}", stated_table(account)));
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
            "verify_again": told(account.verify_again(one)), "stale": told(account.stale(&one.value)),
        })
    });
    let values = shown.values.iter().map(|one| one.value.as_str());
    let ageing = rule.ageing;
    json!({
        "question": "attribute",
        "identifier": question.identifier,
        "person_id": question.person,
        "name": question.name,
        "rule": {
            "rule": rule.rule.as_str(), "sources": rule.sources, "stale_after_ms": ageing.stale_after_ms,
            "verify_again_after_ms": ageing.verify_again_after_ms,
        },
        "value": shown.value,
        "values": values.collect::<Vec<_>>(),
        "source": shown.source,
        "time": shown.time.to_string(),
        "reason": shown.reason.as_str(),
        "confirmed": told(shown.confirmed),
        "verified": told(shown.verified),
        "stale": told(shown.stale),
        "verify_again": told(shown.verify_again),
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

/// The last two columns are there where the rule lets values age.
fn stated_table(account: &Account) -> String {
    let ages = account.rule.ageing != Ageing::default();
    let mut names = vec!["value", "source", "first", "last", "touchpoints", "verified"];
    names.extend(["verify again", "stale"].into_iter().filter(|_| ages));
    let mut rows = table(&names);
    let since = |end: Option<Timestamp>| end.map_or_else(String::new, minute);
    for one in &account.stated {
        let mut row = vec![
            one.value.clone(),
            one.source.clone(),
            minute(one.first),
            minute(one.last),
            one.touchpoints.map_or_else(String::new, |count| count.to_string()),
            since(one.verified),
        ];
        row.extend(
            [account.verify_again(one), account.stale(&one.value)].map(since).into_iter().filter(|_| ages),
        );
        rows.add_row(row);
    }
    rows.to_string()
}
