//! The rules of identity. In: `[identity]` and `[namespaces.<name>]`. Out: rules in which what was not mentioned has
//! its default, and whose names all exist.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::identifier::Namespace;
use kinfold_model::rules::{Contested, NamespaceRules, NeighbourLimit, Normaliser, Rules};

use super::faults::nearest;
use super::reader::Section;

/// All neighbours of an identifier up to its limit are stored as one value; a million are 30 MB.
const NEIGHBOURS_MAX: i64 = 1_000_000;

/// Reads both sections.
pub(super) fn read_rules(mut identity: Section<'_>, mut section: Section<'_>) -> Rules {
    let mut rules = Rules::default();
    let granularity =
        identity.number("evidence_granularity_ms", rules.evidence_granularity_ms, 0..=31 * 86_400_000);
    rules.evidence_granularity_ms = granularity;
    identity.finish();

    let given = section.given();
    let names: BTreeSet<String> =
        rules.namespaces.keys().map(|name| name.as_str().to_owned()).chain(given.iter().cloned()).collect();
    for name in given {
        if !is_name(&name) {
            let remedy = "begin with a-z and go on with a-z, 0-9 or _, 64 letters in all";
            section.fault(&name, "is no name of a namespace", remedy);
        }
        let default = rules.namespaces.get(name.as_str()).cloned();
        let read = namespace(section.section(&name), default, &names);
        rules.namespaces.insert(Namespace::new(&name), read);
    }
    check_email_and_its_hash(&section, &rules);
    rules
}

fn namespace(
    mut section: Section<'_>,
    default: Option<NamespaceRules>,
    names: &BTreeSet<String>,
) -> NamespaceRules {
    let is_new = default.is_none();
    let default = default.unwrap_or(NamespaceRules {
        priority: u8::MAX,
        max_per_person: None,
        max_neighbours: NeighbourLimit::total(100),
        contested: Contested::Newest,
        normalise: Normaliser::Text,
    });
    let has_priority = section.given().iter().any(|key| key == "priority");
    if is_new && !has_priority {
        section.fault(
            "priority",
            "is missing, and the namespace is new",
            "write priority = 1 (strongest) to 255",
        );
    }
    let rules = NamespaceRules {
        priority: section.number("priority", default.priority, 1..=255),
        max_per_person: max_per_person(&mut section, default.max_per_person),
        max_neighbours: max_neighbours(&mut section, default.max_neighbours, names),
        contested: section
            .given_choice("contested", &Contested::ALL, Contested::as_str)
            .unwrap_or(default.contested),
        normalise: section
            .given_choice("normalise", &Normaliser::ALL, Normaliser::as_str)
            .unwrap_or(default.normalise),
    };
    section.finish();
    rules
}

/// `unique` is another word for `max_per_person = 1`; the two must not contradict each other.
fn max_per_person(section: &mut Section<'_>, default: Option<u32>) -> Option<u32> {
    let unique = section.given_boolean("unique");
    let max = section.given_number::<u32>("max_per_person", 0..=1_000_000);
    match (unique, max) {
        (None, None) => default,
        (Some(true), None | Some(1)) => Some(1),
        (Some(true), Some(_)) => {
            section.fault("max_per_person", "contradicts unique = true", "leave one of the two out");
            Some(1)
        }
        (Some(false), Some(1)) => {
            section.fault(
                "max_per_person",
                "is 1, which contradicts unique = false",
                "leave one of the two out",
            );
            Some(1)
        }
        (Some(false), None) => default.filter(|max| *max > 1),
        (_, Some(max)) => Some(max).filter(|max| *max > 0),
    }
}

/// A number, or a table with `total` and the names of other namespaces.
fn max_neighbours(
    section: &mut Section<'_>,
    default: NeighbourLimit,
    names: &BTreeSet<String>,
) -> NeighbourLimit {
    let key = "max_neighbours";
    if !section.is_table(key) {
        return section.given_number(key, 1..=NEIGHBOURS_MAX).map_or(default, NeighbourLimit::total);
    }
    let mut table = section.section(key);
    let total = table.number("total", default.total, 1..=NEIGHBOURS_MAX);
    let mut of = BTreeMap::new();
    for name in table.given() {
        if names.contains(&name) {
            of.insert(Namespace::new(&name), table.number(&name, total, 0..=NEIGHBOURS_MAX));
        } else {
            let list = || names.iter().map(String::as_str);
            let remedy = match nearest(&name, list().chain(["total"])) {
                Some(meant) => format!("did you mean {meant}?"),
                None => format!("write total or one of {}", list().collect::<Vec<_>>().join(", ")),
            };
            table.fault(&name, "is no namespace", remedy);
        }
    }
    NeighbourLimit { total, of }
}

/// An e-mail is hashed before it becomes a node, so that it meets its SHA-256 there. Without that the hash would
/// silently meet nobody.
fn check_email_and_its_hash(section: &Section<'_>, rules: &Rules) {
    let hashed = rules.namespaces.iter().find(|(_, rules)| rules.normalise == Normaliser::EmailSha256);
    if let Some((name, _)) = hashed
        && rules.normaliser(&Namespace::new("email")) != Some(Normaliser::Email)
    {
        let what = "is not normalised as \"email\"";
        section.fault(
            "email",
            what,
            format!("leave normalise out: {name} holds the SHA-256 of an e-mail and must meet it"),
        );
    }
}

fn is_name(text: &str) -> bool {
    let letters = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    letters && text.len() <= 64 && text.starts_with(|first: char| first.is_ascii_lowercase())
}
