//! Survivorship and interests. In: `[attributes]`, `[attributes.<name>]` and `[profile]`. Out: which value of each attribute a profile
//! shows, and what it tells of interests, under the names by which touchpoints speak of them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use kinfold_capture::limits::NAME_BYTES_MAX;
use kinfold_model::survivorship::{INTERESTS_MAX, RULES_MAX};
use kinfold_model::{Ageing, AttributeRule, Field, SurvivorRule, Survivorship};
use unicode_normalization::UnicodeNormalization;

use super::profile::read_sources;
use super::reader::{Check, Section};
use super::settings::{DAY_MS, allow};

/// Nothing ages before a day has passed, so that a number of days, hours or seconds that was written by mistake is noticed.
const AGE_RANGE: RangeInclusive<i64> = DAY_MS..=36_500 * DAY_MS;

/// Reads the rules, and of `[profile]` the interests.
pub(super) fn read_survivorship(attributes: Section<'_>, profile: &mut Section<'_>) -> Survivorship {
    let (default, rules) = rules(attributes);
    let interests = profile.list("interests", &Survivorship::INTERESTS, |text| topic(&nfc(text)));
    if interests.len() > INTERESTS_MAX {
        let what = format!("names {} attributes", interests.len());
        profile.fault("interests", what, format!("name at most {INTERESTS_MAX}"));
    }
    let interests_max = profile.number("interests_max", 10, 0..=INTERESTS_MAX as i64);
    let interests: BTreeSet<String> = interests.iter().map(|name| nfc(name)).collect();
    Survivorship::new(default, rules).with_interests(interests, interests_max)
}

fn rules(mut section: Section<'_>) -> (SurvivorRule, BTreeMap<String, AttributeRule>) {
    let default = section.given_choice("default_rule", &SurvivorRule::ALL, SurvivorRule::as_str);
    let default = default.unwrap_or_default();
    if default == SurvivorRule::SourcePriority {
        let remedy = "write it for each attribute, with its sources: [attributes.<name>]";
        section.fault("default_rule", "has no list of sources", remedy);
    }
    let given = section.given();
    if given.len() > RULES_MAX {
        let what = format!("declares {} attributes", given.len());
        section.fault_here(what, format!("declare at most {RULES_MAX}: a profile keeps no more"));
    }
    let mut rules = BTreeMap::new();
    for written in given {
        let name = nfc(&written);
        if let Err((what, remedy)) = attribute(&name) {
            section.fault(&written, what, remedy);
        }
        let declared = rule(section.section(&written), default);
        if rules.insert(name, declared).is_some() {
            let what = "is declared twice, with its letters composed in two ways";
            section.fault(&written, what, "keep one of the two");
        }
    }
    (default, rules)
}

/// A table that only says when a value ages goes by the default rule.
fn rule(mut section: Section<'_>, default: SurvivorRule) -> AttributeRule {
    let rule = section.given_choice("rule", &SurvivorRule::ALL, SurvivorRule::as_str).unwrap_or(default);
    let sources = read_sources(&mut section);
    let is_priority = rule == SurvivorRule::SourcePriority;
    if is_priority && sources.is_empty() && section.is_sound("sources") {
        let remedy =
            "name the sources, the one that is believed most first: sources = [\"crm\", \"webshop\"]";
        section.fault("sources", "names none", remedy);
    } else if !is_priority && !sources.is_empty() {
        let remedy = "write rule = \"source_priority\", or take the list out";
        section.fault("sources", "is of no use to this rule", remedy);
    }
    let ageing = read_ageing(&mut section);
    section.finish();
    AttributeRule { rule, sources, ageing }
}

/// How long values of an attribute last, or identifiers of a namespace.
pub(super) fn read_ageing(section: &mut Section<'_>) -> Ageing {
    Ageing {
        stale_after_ms: section.given_number("stale_after_ms", AGE_RANGE),
        verify_again_after_ms: section.given_number("verify_again_after_ms", AGE_RANGE),
    }
}

/// An attribute that is called like a part of a profile could be permitted by no list of fields, and whoever names one means the part.
fn topic(name: &str) -> Check {
    attribute(name)?;
    let is_attribute = matches!(name.parse::<Field>(), Ok(Field::Attribute(_)));
    let remedy = "write the name of an attribute that touchpoints state, for example newsletter_topic";
    allow(is_attribute, "is the name of a part of a profile and not of an attribute", remedy)
}

fn attribute(name: &str) -> Check {
    let is_plain = name.trim() == name && !name.is_empty() && !name.chars().any(char::is_control);
    let remedy =
        format!("write 1 to {NAME_BYTES_MAX} bytes, without white space at either end or control characters");
    allow(is_plain && name.len() <= NAME_BYTES_MAX, "is no name of an attribute", &remedy)
}

/// A name as touchpoints have it: theirs are in NFC, and these are to be the same.
fn nfc(name: &str) -> String {
    name.nfc().collect()
}
