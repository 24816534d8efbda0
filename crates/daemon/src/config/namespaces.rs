//! The rules of identity, and how long identifiers last. In: `[identity]` and `[namespaces.<name>]`. Out: rules in which what was not
//! mentioned has its default, and whose names all exist; and by namespace what ages, which is no rule of identity.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use kinfold_model::identifier::Namespace;
use kinfold_model::rules::{Contested, Guard, NamespaceRules, NeighbourLimit, Normaliser, Rules};
use kinfold_model::{Ageing, BlockList};

use super::block::block_list;
use super::faults::nearest;
use super::reader::Section;
use super::survivorship::read_ageing;

/// All neighbours of an identifier up to its limit are stored as one value; a million are 30 MB.
const NEIGHBOURS_MAX: i64 = 1_000_000;

/// A component is read with each touchpoint of its people, and must fit into one record while it is handed on. Fewer
/// than 100 would part families of identifiers that are one person's.
const COMPONENT_RANGE: RangeInclusive<i64> = 100..=20_000;

/// What is declared of namespaces.
pub(super) struct Declared {
    pub(super) rules: Rules,
    /// How long identifiers last, of namespaces of which that is said.
    pub(super) ageing: BTreeMap<Namespace, Ageing>,
}

/// Reads both sections.
pub(super) fn read_rules(mut identity: Section<'_>, mut section: Section<'_>) -> Declared {
    let (mut rules, mut ageing) = (Rules::default(), BTreeMap::new());
    let given = section.given();
    let names: BTreeSet<String> =
        rules.namespaces.keys().map(|name| name.as_str().to_owned()).chain(given.iter().cloned()).collect();

    let granularity =
        identity.number("evidence_granularity_ms", rules.evidence_granularity_ms, 0..=31 * 86_400_000);
    rules.evidence_granularity_ms = granularity;
    rules.max_component = identity.number("max_component", rules.max_component, COMPONENT_RANGE);
    rules.block = block_list(&mut identity, &rules.block);
    rules.guard = guard(identity.section("guard"), &rules.guard, &names);
    identity.finish();

    for name in given {
        if !is_name(&name) {
            let remedy = "begin with a-z and go on with a-z, 0-9 or _, 64 letters in all";
            section.fault(&name, "is no name of a namespace", remedy);
        }
        let default = rules.namespaces.get(name.as_str()).cloned();
        let mut declared = section.section(&name);
        let ages = read_ageing(&mut declared);
        if ages != Ageing::default() {
            ageing.insert(Namespace::new(&name), ages);
        }
        let read = namespace(declared, default, &names);
        rules.namespaces.insert(Namespace::new(&name), read);
    }
    check_email_and_its_hash(&section, &rules);
    Declared { rules, ageing }
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
        block: BlockList::default(),
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
        block: block_list(&mut section, &default.block),
    };
    section.finish();
    rules
}

fn guard(mut section: Section<'_>, default: &Guard, names: &BTreeSet<String>) -> Guard {
    let identifiers = section.number("identifiers", default.identifiers, 0..=1_000_000);
    let listed: Vec<&str> = default.namespaces.iter().map(Namespace::as_str).collect();
    let namespaces = section.list("namespaces", &listed, |name| {
        if names.contains(name) { Ok(()) } else { Err(("is no namespace", meant(name, names, None))) }
    });
    section.finish();
    Guard { identifiers, namespaces: namespaces.iter().map(|name| Namespace::new(name)).collect() }
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
            let remedy = meant(&name, names, Some("total"));
            table.fault(&name, "is no namespace", remedy);
        }
    }
    NeighbourLimit { total, of }
}

/// The remedy for a name that is no namespace; `other` is what else may stand there.
fn meant(name: &str, names: &BTreeSet<String>, other: Option<&str>) -> String {
    let list = || other.into_iter().chain(names.iter().map(String::as_str));
    match nearest(name, list()) {
        Some(meant) => format!("did you mean {meant}?"),
        None => format!("write one of {}", list().collect::<Vec<_>>().join(", ")),
    }
}

/// An e-mail is hashed before it becomes a node, so that it meets its SHA-256 there. Without that the hash would
/// silently meet nobody.
fn check_email_and_its_hash(section: &Section<'_>, rules: &Rules) {
    let hashed = rules.namespaces.iter().find(|(_, rules)| rules.normalise == Normaliser::EmailSha256);
    if let Some((name, _)) = hashed
        && !rules.normaliser(&Namespace::new("email")).is_some_and(Normaliser::is_email)
    {
        let what = "is not normalised as an address";
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
