//! Telephone numbers that reach nobody. In: how many numbers of a country are already given away. Out: the next one,
//! out of ranges that regulators keep for fiction (Bundesnetzagentur, ARCEP, Ofcom, NANP, PTS, ACMA) and that are
//! valid to libphonenumber (hence without 0115 496 0xxx). When a country's ranges are used up, the rest of its
//! people have no telephone.

/// The beginning of a range as people write it, and how many digits follow.
type Range = (&'static str, u32);

const DE: &[Range] = &[
    ("+49 30 23125 ", 3),
    ("+49 69 90009 ", 3),
    ("+49 40 66969 ", 3),
    ("+49 221 4710 ", 3),
    ("+49 89 99998 ", 3),
];
const FR: &[Range] = &[
    ("+33 1 99 00 ", 4),
    ("+33 2 61 91 ", 4),
    ("+33 3 53 01 ", 4),
    ("+33 4 65 71 ", 4),
    ("+33 5 36 49 ", 4),
];
const GB: &[Range] = &[
    ("+44 20 7946 0", 3),
    ("+44 113 496 0", 3),
    ("+44 114 496 0", 3),
    ("+44 116 496 0", 3),
    ("+44 117 496 0", 3),
    ("+44 118 496 0", 3),
    ("+44 121 496 0", 3),
    ("+44 131 496 0", 3),
    ("+44 141 496 0", 3),
    ("+44 151 496 0", 3),
    ("+44 161 496 0", 3),
    ("+44 191 498 0", 3),
];
const US: &[Range] = &[
    ("+1 212 555 01", 2),
    ("+1 213 555 01", 2),
    ("+1 312 555 01", 2),
    ("+1 415 555 01", 2),
    ("+1 503 555 01", 2),
    ("+1 510 555 01", 2),
    ("+1 530 555 01", 2),
    ("+1 559 555 01", 2),
    ("+1 602 555 01", 2),
    ("+1 617 555 01", 2),
    ("+1 619 555 01", 2),
    ("+1 702 555 01", 2),
    ("+1 707 555 01", 2),
    ("+1 808 555 01", 2),
    ("+1 907 555 01", 2),
    ("+1 916 555 01", 2),
];
const SE: &[Range] = &[("+46 8 465 004 ", 2), ("+46 31 390 06 ", 2), ("+46 40 628 04 ", 2)];
const AU: &[Range] = &[
    ("+61 2 5550 ", 4),
    ("+61 2 7010 ", 4),
    ("+61 3 5550 ", 4),
    ("+61 3 7010 ", 4),
    ("+61 7 5550 ", 4),
    ("+61 7 7010 ", 4),
    ("+61 8 5550 ", 4),
    ("+61 8 7010 ", 4),
];

/// In the order of the countries.
const RANGES: [&[Range]; 6] = [DE, FR, GB, US, SE, AU];

/// A number: which country's, and which of them.
#[derive(Clone, Copy)]
pub(super) struct Phone {
    country: u8,
    index: u32,
}

/// Gives out each number once.
#[derive(Default)]
pub(super) struct Exchange {
    given: [u32; RANGES.len()],
}

impl Exchange {
    /// The next number of a country, if there is one left.
    pub(super) fn next(&mut self, country: u8) -> Option<Phone> {
        let slot = usize::from(country);
        let index = self.given[slot];
        let capacity: u32 = RANGES[slot].iter().map(|(_, digits)| 10_u32.pow(*digits)).sum();
        (index < capacity).then(|| {
            self.given[slot] += 1;
            Phone { country, index }
        })
    }
}

impl Phone {
    /// The number with its spaces, ready to be displayed.
    pub(super) fn written(self) -> impl std::fmt::Display {
        let mut index = self.index;
        let mut ranges = RANGES[usize::from(self.country)].iter();
        let (prefix, digits) = loop {
            let (prefix, digits) = ranges.next().expect("the exchange gives out no index beyond the ranges");
            let size = 10_u32.pow(*digits);
            if index < size {
                break (*prefix, *digits as usize);
            }
            index -= size;
        };
        std::fmt::from_fn(move |f| write!(f, "{prefix}{index:0digits$}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_given_out_once_until_there_are_none() {
        let mut exchange = Exchange::default();
        let all: Vec<String> =
            std::iter::from_fn(|| exchange.next(0)).map(|phone| phone.written().to_string()).collect();
        let distinct: std::collections::BTreeSet<&String> = all.iter().collect();
        assert_eq!((all.len(), distinct.len()), (5000, 5000));
        assert_eq!((all[0].as_str(), all[4999].as_str()), ("+49 30 23125 000", "+49 89 99998 999"));
    }
}
