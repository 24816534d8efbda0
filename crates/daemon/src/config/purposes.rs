//! Purposes. In: `[purposes.<name>]`. Out: what is declared of each, under the name by which touchpoints speak of it.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use kinfold_capture::limits::NAME_BYTES_MAX;
use kinfold_model::{MergePolicy, Purpose, Purposes};
use unicode_normalization::UnicodeNormalization;

use super::reader::Section;
use super::settings::DAY_MS;

/// A profile keeps no more.
const PURPOSES_MAX: usize = 64;

/// No yes lasts for less than a day, so that a number of days, hours or seconds that was written by mistake is noticed.
const VALID_FOR_RANGE: RangeInclusive<i64> = DAY_MS..=36_500 * DAY_MS;

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
        valid_for_ms: section.given_number("valid_for_ms", VALID_FOR_RANGE),
    };
    section.finish();
    purpose
}

fn is_name(text: &str) -> bool {
    let plain = text.trim() == text && !text.chars().any(char::is_control);
    plain && !text.is_empty() && text.len() <= NAME_BYTES_MAX
}
