//! Block lists. In: `block` and `block_patterns` of `[identity]` or of a namespace. Out: a list whose patterns compile.
//! What is given takes the place of the default list of that place, which it does not add to.

use std::collections::BTreeSet;

use kinfold_model::block_list::check_pattern;
use kinfold_model::{BlockList, BlockListError};

use super::reader::{Check, Section};

/// Each touchpoint is compared with every list of its namespaces.
const ENTRIES_MAX: usize = 10_000;

/// No placeholder is longer, and a longer pattern is several.
const ENTRY_BYTES_MAX: usize = 256;

/// Reads both lists.
pub(super) fn block_list(section: &mut Section<'_>, default: &BlockList) -> BlockList {
    let values = entries(section, "block", default.values(), value);
    let patterns = entries(section, "block_patterns", default.patterns(), pattern);
    let values = values.iter().map(|value| value.trim().to_lowercase()).collect();
    match BlockList::new(values, patterns) {
        Ok(list) => list,
        // Noted where it stands, by `pattern`.
        Err(BlockListError::Pattern { .. }) => default.clone(),
        Err(BlockListError::TooLarge) => {
            let what = "takes more than 1 MiB of memory";
            section.fault("block_patterns", what, "write fewer patterns, or shorter repetitions");
            default.clone()
        }
    }
}

fn entries(
    section: &mut Section<'_>,
    key: &str,
    default: &BTreeSet<String>,
    check: fn(&str) -> Check,
) -> BTreeSet<String> {
    let default: Vec<&str> = default.iter().map(String::as_str).collect();
    let entries = section.list(key, &default, check);
    if entries.len() > ENTRIES_MAX {
        let remedy = format!("write at most {ENTRIES_MAX}; a pattern can stand for many values");
        section.fault(key, format!("has {} entries", entries.len()), remedy);
        return BTreeSet::new();
    }
    entries.into_iter().collect()
}

fn value(text: &str) -> Check {
    if text.trim().is_empty() {
        return Err(("is empty", "leave it out: an empty value is refused in any case".to_owned()));
    }
    within(text)
}

fn pattern(text: &str) -> Check {
    if text.is_empty() {
        return Err(("is empty", "leave it out: an empty value is refused in any case".to_owned()));
    }
    within(text)?;
    check_pattern(text).map_err(|error| {
        let remedy = format!("{error}; the syntax is that of https://docs.rs/regex, without look-around");
        ("cannot be used", remedy)
    })
}

fn within(text: &str) -> Check {
    if text.len() <= ENTRY_BYTES_MAX {
        Ok(())
    } else {
        Err(("is too long", format!("write at most {ENTRY_BYTES_MAX} bytes")))
    }
}
