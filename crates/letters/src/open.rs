//! The fold over `touchpoint-refused`. In: its records, those of a partition in the order of offsets. Out: the letters that nobody
//! has dealt with, without their payloads, by the coordinates of the records that were refused.
//!
//! A record has as many letters as it has parts that were refused, each with a key of its own, because the topic keeps the last
//! record of a key only. Keys lie in different partitions, so that a tombstone counts for its key and for no other.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use kinfold_wire::{Coordinates, SchemaIds};

use crate::key::LetterKey;
use crate::letter::{Letter, Record, Said, said};

/// The letters that stand open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Letters {
    /// In the order in which they were written; never empty.
    pub open: BTreeMap<Coordinates, Vec<Letter>>,
    /// How many records are dealt with, as far back as the topic reaches.
    pub dealt_with: u64,
    /// How many records of the topic are no dead letters.
    pub strange: u64,
}

impl Letters {
    /// Takes the next record of a partition.
    pub fn take(&mut self, record: &Record, ids: &SchemaIds) {
        match said(record, ids) {
            Said::Refused(key, letter) => {
                let letter = Letter::of(&key, *letter, record);
                self.open.entry(key.coordinates).or_default().push(letter);
            }
            Said::DealtWith(LetterKey { coordinates, part }) => {
                if let Entry::Occupied(mut letters) = self.open.entry(coordinates) {
                    letters.get_mut().retain(|letter| letter.part != part);
                    if letters.get().is_empty() {
                        letters.remove();
                    }
                }
                // A tombstone whose letter is gone from the log by now was one of them.
                self.dealt_with += u64::from(part == 0);
            }
            Said::Strange => self.strange += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Place;
    use crate::letter::tests::{at, letter, part_of, stored};

    fn fold(records: &[Record]) -> Letters {
        let mut letters = Letters::default();
        records.iter().for_each(|record| letters.take(record, &SchemaIds::default()));
        letters
    }

    #[test]
    fn a_letter_stands_open_until_a_tombstone_and_again_when_it_is_refused_again() {
        let (a, b) = (at("shop", 1), at("shop", 2));
        let [of_a, part] = [Some(&b"{"[..]), None].map(|payload| letter(&a, "bad_time", payload));
        let of_b = letter(&b, "bad_time", None);
        let mut log =
            vec![stored(0, &a, Some(&of_a)), stored(1, &a, Some(&part)), stored(2, &b, Some(&of_b))];
        let keys = |letters: &Letters| {
            letters.open.iter().map(|(at, all)| (at.offset, all.len())).collect::<Vec<_>>()
        };
        assert_eq!(keys(&fold(&log)), [(1, 2), (2, 1)]);
        assert_eq!(fold(&log).open[&a][0].payload_bytes, Some(1));
        log.push(stored(3, &a, None));
        assert_eq!((keys(&fold(&log)), fold(&log).dealt_with), (vec![(2, 1)], 1));
        log.push(stored(4, &a, Some(&of_a)));
        assert_eq!(keys(&fold(&log)), [(1, 1), (2, 1)]);
        assert_eq!(fold(&log).open[&a][0].place, Place { partition: 0, offset: 4 });
    }

    #[test]
    fn a_tombstone_counts_for_its_part_whatever_partition_is_read_first() {
        let a = at("shop", 1);
        let whole = letter(&a, "bad_time", Some(b"{"));
        let part = letter(&a, "bad_time", None);
        let log =
            [part_of(&a, 0, 0, Some(&whole)), part_of(&a, 1, 0, Some(&part)), part_of(&a, 2, 0, Some(&part))];
        assert_eq!(fold(&log).open[&a].iter().map(|letter| letter.part).collect::<Vec<_>>(), [0, 1, 2]);
        // All are dealt with, and part 0 is refused again; its partition is read first, or last.
        let of_first =
            [part_of(&a, 0, 0, Some(&whole)), part_of(&a, 0, 1, None), part_of(&a, 0, 2, Some(&whole))];
        let of_others = [
            part_of(&a, 1, 0, Some(&part)),
            part_of(&a, 1, 1, None),
            part_of(&a, 2, 0, Some(&part)),
            part_of(&a, 2, 1, None),
        ];
        for log in [[&of_first[..], &of_others[..]].concat(), [&of_others[..], &of_first[..]].concat()] {
            let letters = fold(&log);
            assert_eq!((letters.open[&a].len(), letters.dealt_with), (1, 1));
            assert_eq!((letters.open[&a][0].part, letters.open[&a][0].payload_bytes), (0, Some(1)));
        }
    }

    #[test]
    fn what_is_no_letter_of_its_key_is_counted_and_closes_nothing() {
        let (a, b) = (at("shop", 1), at("shop", 2));
        let of_a = letter(&a, "bad_time", Some(b"{"));
        let mut strange = stored(3, &a, None);
        strange.key = Some(b"raw.shop/0/01".to_vec());
        let mut garbage = stored(4, &a, None);
        garbage.value = Some(b"garbage".to_vec());
        let mut keyless = stored(5, &a, None);
        keyless.key = None;
        let log = [stored(1, &a, Some(&of_a)), stored(2, &b, Some(&of_a)), strange, garbage, keyless];
        let letters = fold(&log);
        assert_eq!((letters.open.keys().collect::<Vec<_>>(), letters.strange), (vec![&a], 4));
    }
}
