//! For how long the source of a letter lets it be kept. In: a letter, and the settings of sources. Out: when its time is over.

use kinfold_mapping::sources::ByName;
use kinfold_model::{DeadLetter, Timestamp};
use kinfold_wire::Coordinates;

use crate::letter::place_of;

/// When the time of a letter is over: by the settings of its source, or after `kept_ms`, as long as the topic keeps letters, where the
/// source sets no time, has no mapping or one with faults. `None`: the topic alone sees to it, because no source wrote the record,
/// which cannot be sent back either.
///
/// The time begins with that of the record, as it does where the broker cuts `raw.*`: a record that is sent back and refused again
/// is no younger for it. Where the source's clock was ahead it begins when the letter was written.
#[must_use]
pub fn kept_until(
    letter: &DeadLetter,
    written: Option<Timestamp>,
    sources: &ByName,
    kept_ms: i64,
) -> Option<Timestamp> {
    let refused: Coordinates = place_of(letter);
    let own_ms = sources.get(refused.source()?).and_then(|source| source.settings().refused_retention_ms);
    let kept_ms = own_ms.unwrap_or(kept_ms);
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
    /// As long as the topic keeps letters.
    pub(crate) const HOUR_MS: i64 = 60 * MINUTE_MS;

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
        let until = |written| kept_until(&of_till, written, &sources(), HOUR_MS);
        let end = Some(of_till.time.plus_millis(MINUTE_MS));
        assert_eq!(until(None), end);
        assert_eq!(until(Some(of_till.time.plus_millis(5 * MINUTE_MS))), end, "it was refused again later");
        let earlier = of_till.time.plus_millis(-MINUTE_MS);
        assert_eq!(until(Some(earlier)), Some(of_till.time), "the clock of its source was ahead");
    }

    #[test]
    fn a_source_that_says_nothing_or_is_not_known_keeps_its_letters_as_long_as_the_topic_and_no_longer_if_refused_again()
     {
        for source in ["crm", "unknown"] {
            let letter = letter(&at(source, 0), "bad_time", None);
            let end = Some(letter.time.plus_millis(HOUR_MS));
            let again = letter.time.plus_millis(30 * MINUTE_MS);
            for written in [None, Some(again)] {
                assert_eq!(kept_until(&letter, written, &sources(), HOUR_MS), end);
            }
        }
    }

    #[test]
    fn what_no_source_wrote_is_left_to_the_topic() {
        let mut ours = letter(&at("till", 0), "bad_time", None);
        ours.topic = "touchpoint".to_owned();
        assert_eq!(kept_until(&ours, None, &sources(), HOUR_MS), None);
    }
}
