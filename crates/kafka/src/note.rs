//! What stands beside each committed offset: the number of the commit, and which inputs had been read by then. When a
//! topic is deleted, Kafka forgets its offsets; a new topic of that name would be read from its beginning, as if there had
//! never been another.

use std::collections::BTreeSet;
use std::fmt;

/// Of more inputs than this nothing is noted: Kafka takes no more than 4096 bytes.
const INPUTS_MAX: usize = 400;

/// A note; written as the number, and after a space the inputs' marks, for example `220 1d7f00ac,93b2e1f4`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) commit: u64,
    /// Hashes of names.
    inputs: BTreeSet<u32>,
}

impl Note {
    /// After this commit, when reading has offsets for these topics.
    pub(crate) fn new<'t>(commit: u64, topics: impl Iterator<Item = &'t str>) -> Self {
        Self { commit, inputs: topics.map(hash).collect() }
    }

    /// The note in a text; what cannot be read notes nothing.
    pub(crate) fn read(text: &str) -> Self {
        let (commit, inputs) = text.split_once(' ').unwrap_or((text, ""));
        let inputs = inputs.split(',').filter_map(|mark| u32::from_str_radix(mark, 16).ok());
        Self { commit: commit.parse().unwrap_or_default(), inputs: inputs.collect() }
    }

    /// Whether this topic had been read.
    pub(crate) fn knows(&self, topic: &str) -> bool {
        self.inputs.contains(&hash(topic))
    }

    /// The later of two.
    pub(crate) fn later(self, other: Self) -> Self {
        if other.commit > self.commit { other } else { self }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.commit)?;
        let noted = self.inputs.iter().filter(|_| self.inputs.len() <= INPUTS_MAX);
        noted
            .enumerate()
            .try_for_each(|(place, mark)| write!(f, "{}{mark:08x}", if place == 0 { " " } else { "," }))
    }
}

/// FNV-1a of 32 bits (Fowler, Noll, Vo).
fn hash(topic: &str) -> u32 {
    topic.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_as_it_was_written_and_knows_its_topics_and_no_others() {
        let note = Note::new(220, ["k.raw.web", "k.raw.till"].into_iter());
        let read = Note::read(&note.to_string());
        assert_eq!(read, note);
        assert!(read.knows("k.raw.web") && read.knows("k.raw.till") && !read.knows("k.raw.crm"));
        assert_eq!(Note::read("7"), Note::new(7, std::iter::empty()));
        assert_eq!(Note::read("what is this"), Note::default());
    }

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!((hash(""), hash("a"), hash("foobar")), (0x811c_9dc5, 0xe40c_292c, 0xbf9c_f968));
    }

    #[test]
    fn a_note_is_never_longer_than_kafka_takes() {
        let topics: Vec<String> = (0..2000).map(|number| format!("raw.source{number}")).collect();
        for count in [1, INPUTS_MAX, INPUTS_MAX + 1, 2000] {
            let note = Note::new(u64::MAX, topics.iter().take(count).map(String::as_str)).to_string();
            assert!(note.len() < 4096, "{count}: {}", note.len());
        }
    }
}
