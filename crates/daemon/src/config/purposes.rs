//! Purposes. In: `[purposes.<name>]`. Out: what is declared of each, under the name by which touchpoints speak of it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use kinfold_capture::limits::NAME_BYTES_MAX;
use kinfold_model::output::FIELDS_MAX;
use kinfold_model::{Basis, Field, MergePolicy, Purpose, Purposes, Silence};
use unicode_normalization::UnicodeNormalization;

use super::reader::{Check, Section};
use super::settings::DAY_MS;

/// A profile keeps no more.
const PURPOSES_MAX: usize = 64;

/// No yes lasts for less than a day, and nothing is too old before, so that a number of days, hours or seconds that was written by mistake is noticed.
const DAYS_RANGE: RangeInclusive<i64> = DAY_MS..=36_500 * DAY_MS;

/// Reads the section.
pub(super) fn read_purposes(root: &mut Section<'_>) -> Purposes {
    let mut section = root.section("purposes");
    let given = section.given();
    if given.len() > PURPOSES_MAX {
        let what = format!("declares {} purposes", given.len());
        root.fault("purposes", what, format!("declare at most {PURPOSES_MAX}: a profile keeps no more"));
    }
    let mut purposes = BTreeMap::new();
    for written in given {
        // Those of touchpoints are in NFC, and this is to be the same one.
        let name: String = written.nfc().collect();
        if !is_name(&name) {
            let remedy = format!(
                "write 1 to {NAME_BYTES_MAX} bytes, without white space at either end or control characters"
            );
            section.fault(&written, "is no name of a purpose", remedy);
        }
        let declared = purpose(section.section(&written));
        if purposes.insert(name, declared).is_some() {
            let what = "is declared twice, with its letters composed in two ways";
            section.fault(&written, what, "keep one of the two");
        }
    }
    purposes.into_iter().collect()
}

fn purpose(mut section: Section<'_>) -> Purpose {
    let purpose = Purpose {
        merge: section.given_choice("merge", &MergePolicy::ALL, MergePolicy::as_str).unwrap_or_default(),
        valid_for_ms: section.given_number("valid_for_ms", DAYS_RANGE),
        double_opt_in: section.given_boolean("double_opt_in").unwrap_or_default(),
        basis: section.given_choice("basis", &Basis::ALL, Basis::as_str).unwrap_or_default(),
        fields: fields(&mut section),
        retention_ms: section.given_number("retention_ms", DAYS_RANGE),
        default: section.given_choice("default", &Silence::ALL, Silence::as_str),
        defaults: defaults(section.section("defaults")),
    };
    section.finish();
    purpose
}

fn fields(section: &mut Section<'_>) -> Option<BTreeSet<Field>> {
    let given = section.given_list("fields", field)?;
    if given.len() > FIELDS_MAX {
        let what = format!("names {} fields", given.len());
        section.fault(
            "fields",
            what,
            format!("name at most {FIELDS_MAX}, or leave the setting out: then all are permitted"),
        );
    }
    // The names of attributes are in NFC where touchpoints have them.
    Some(given.iter().filter_map(|text| text.nfc().collect::<String>().parse().ok()).collect())
}

/// That a text names a part of a profile.
pub(super) fn field(text: &str) -> Check {
    text.parse::<Field>().map(|_| ()).map_err(|error| ("is no part of a profile", error.to_string()))
}

/// By jurisdiction.
fn defaults(mut section: Section<'_>) -> BTreeMap<String, Silence> {
    let mut defaults = BTreeMap::new();
    for place in section.given() {
        if !is_name(&place) || place.chars().any(char::is_uppercase) {
            let remedy =
                "write it as consents say it, in lower case, for example gdpr, uk-gdpr, lgpd, us or us-ca";
            section.fault(&place, "is no jurisdiction", remedy);
        }
        let silence = section.given_choice(&place, &Silence::ALL, Silence::as_str);
        defaults.extend(silence.map(|silence| (place, silence)));
    }
    defaults
}

fn is_name(text: &str) -> bool {
    let plain = text.trim() == text && !text.chars().any(char::is_control);
    plain && !text.is_empty() && text.len() <= NAME_BYTES_MAX
}
