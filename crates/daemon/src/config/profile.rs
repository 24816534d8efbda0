//! Profiles. In: `[profile]` and `[orders]`. Out: how the members of a person are folded.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use kinfold_capture::limits::NAME_BYTES_MAX;
use kinfold_model::survivorship::SOURCES_MAX;
use kinfold_profile::{Settings, TIMELINE_MAX};
use unicode_normalization::UnicodeNormalization;

use super::reader::Section;
use super::settings::allow;

/// From the westernmost clocks of the world to the easternmost.
const OFFSETS: RangeInclusive<i64> = -720..=840;

/// Reads both sections but for the interests.
pub(super) fn read_profile(profile: &mut Section<'_>, mut orders: Section<'_>) -> Settings {
    let default = Settings::default();
    // It is a small constant.
    let most = i64::try_from(TIMELINE_MAX).unwrap_or(i64::MAX);
    let settings = Settings {
        order_sources: read_sources(&mut orders),
        utc_offset_minutes: profile.number("utc_offset_minutes", default.utc_offset_minutes, OFFSETS),
        timeline: profile.number("timeline", default.timeline, 0..=most),
        ..default
    };
    orders.finish();
    settings
}

/// The list of a section of whom is believed before whom: sources as touchpoints name them, which need not have a topic of their own.
pub(super) fn read_sources(section: &mut Section<'_>) -> Vec<String> {
    let given = section.list("sources", &[], |text| {
        let is_name = text.trim() == text && !text.is_empty() && text.len() <= NAME_BYTES_MAX;
        let remedy = format!("write 1 to {NAME_BYTES_MAX} bytes, without white space at either end");
        allow(is_name, "is no name of a source", &remedy)
    });
    // Those of touchpoints are in NFC, and these are to be the same ones.
    let sources: Vec<String> = given.iter().map(|name| name.nfc().collect()).collect();
    let distinct: BTreeSet<&String> = sources.iter().collect();
    if distinct.len() < sources.len() {
        section.fault(
            "sources",
            "names a source twice",
            "name each source once, the one to be believed first",
        );
    }
    if sources.len() > SOURCES_MAX {
        let what = format!("names {} sources", sources.len());
        section.fault("sources", what, format!("name at most {SOURCES_MAX}"));
    }
    sources
}
