//! For how long the source of a letter lets it be kept. In: a letter, and the settings of sources. Out: when its time is over.

use kinfold_mapping::sources::ByName;
use kinfold_model::{DeadLetter, Timestamp};
use kinfold_wire::Coordinates;

use crate::letter::place_of;

/// When the time of a letter is over by the settings of its source; `None`: it is kept as long as the topic keeps it, because its
/// source sets no time, has no mapping or one with faults, or because no source wrote the record.
///
/// The time begins with that of the record, as it does where the broker cuts `raw.*`: a record that is sent back and refused again
/// is no younger for it. Where the source's clock was ahead it begins when the letter was written.
#[must_use]
pub fn kept_until(letter: &DeadLetter, written: Option<Timestamp>, sources: &ByName) -> Option<Timestamp> {
    let refused: Coordinates = place_of(letter);
    let kept_ms = sources.get(refused.source()?)?.settings().refused_retention_ms?;
    let from = written.map_or(letter.time, |written| written.min(letter.time));
    Some(from.plus_millis(kept_ms))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::letter::tests::{at, letter};
    use kinfold_mapping::{Source, SourceFiles};

    pub(crate) const MINUTE_MS: i64 = 60_000;

    /// `till` keeps letters for a minute, `crm` says nothing of them.
    pub(crate) fn sources() -> ByName {
        let source = |(name, toml): (&str, &str)| {
            let toml = format!("format = \"json\"\n{toml}");
            let files = SourceFiles {
                name: name.to_owned(),
                toml,
                program: ".".to_owned(),
                ..SourceFiles::default()
            };
            (name.to_owned(), Arc::new(Source::compile(&files).expect("is right")))
        };
        [("till", "refused_retention_ms = 60000"), ("crm", "")].map(source).into()
    }

    #[test]
    fn a_letter_is_kept_as_long_as_its_source_says_from_the_time_of_its_record_on() {
        let of_till = letter(&at("till", 0), "bad_time", None);
        let until = |written| kept_until(&of_till, written, &sources());
        let end = Some(of_till.time.plus_millis(MINUTE_MS));
        assert_eq!(until(None), end);
        assert_eq!(until(Some(of_till.time.plus_millis(5 * MINUTE_MS))), end, "it was refused again later");
        let earlier = of_till.time.plus_millis(-MINUTE_MS);
        assert_eq!(until(Some(earlier)), Some(of_till.time), "the clock of its source was ahead");
    }

    #[test]
    fn a_source_that_says_nothing_or_is_not_known_leaves_its_letters_to_the_topic() {
        for source in ["crm", "unknown"] {
            assert_eq!(kept_until(&letter(&at(source, 0), "bad_time", None), None, &sources()), None);
        }
        let mut ours = letter(&at("till", 0), "bad_time", None);
        ours.topic = "touchpoint".to_owned();
        assert_eq!(kept_until(&ours, None, &sources()), None, "no source wrote it");
    }
}
