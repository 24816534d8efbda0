//! The other direction, for tests alone: fields become strings of TCF and GPP, by the specification and by no code of ours.

use std::collections::BTreeSet;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Bits, written from the front.
#[derive(Default)]
pub(crate) struct Writer(Vec<bool>);

impl Writer {
    pub(crate) fn number(&mut self, value: u64, bits: u32) -> &mut Self {
        self.0.extend((0..bits).rev().map(|bit| value >> bit & 1 == 1));
        self
    }

    pub(crate) fn letters(&mut self, letters: &str) -> &mut Self {
        for letter in letters.bytes() {
            self.number(u64::from(letter - b'A'), 6);
        }
        self
    }

    /// One bit for each id from 1 on.
    pub(crate) fn field(&mut self, ids: &BTreeSet<u16>, length: u16) -> &mut Self {
        self.0.extend((1..=length).map(|id| ids.contains(&id)));
        self
    }

    pub(crate) fn ranges(&mut self, ids: &BTreeSet<u16>) -> &mut Self {
        let mut ranges: Vec<(u16, u16)> = Vec::new();
        for id in ids {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == *id => *last = *id,
                _ => ranges.push((*id, *id)),
            }
        }
        self.number(ranges.len() as u64, 12);
        for (first, last) in ranges {
            self.number(u64::from(first != last), 1).number(first.into(), 16);
            if first != last {
                self.number(last.into(), 16);
            }
        }
        self
    }

    pub(crate) fn vendors(&mut self, ids: &BTreeSet<u16>, as_ranges: bool) -> &mut Self {
        let max = ids.last().copied().unwrap_or_default();
        self.number(max.into(), 16).number(u64::from(as_ranges), 1);
        if as_ranges { self.ranges(ids) } else { self.field(ids, max) }
    }

    pub(crate) fn fibonacci(&mut self, value: u16) -> &mut Self {
        let mut terms = vec![1_u32, 2];
        while terms[terms.len() - 1] <= u32::from(value) {
            terms.push(terms[terms.len() - 1] + terms[terms.len() - 2]);
        }
        let mut left = u32::from(value);
        let mut bits: Vec<bool> = terms
            .iter()
            .rev()
            .map(|term| {
                let fits = *term <= left;
                left -= if fits { *term } else { 0 };
                fits
            })
            .skip_while(|bit| !bit)
            .collect();
        bits.reverse();
        self.0.extend(bits);
        self.0.push(true);
        self
    }

    pub(crate) fn text(&self) -> String {
        let sextet =
            |six: &[bool]| (0..6).fold(0, |value, bit| value << 1 | usize::from(six.get(bit) == Some(&true)));
        self.0.chunks(6).map(|six| char::from(ALPHABET[sextet(six)])).collect()
    }
}

/// The fields of a TC string, as plain as can be.
#[derive(Clone, Debug)]
pub(crate) struct Tcf {
    pub(crate) created_tenths: u64,
    pub(crate) last_updated_tenths: u64,
    pub(crate) cmp: [u16; 2],
    pub(crate) screen: u8,
    pub(crate) language: String,
    pub(crate) list_version: u16,
    pub(crate) policy: u8,
    pub(crate) flags: [bool; 2],
    pub(crate) features: BTreeSet<u16>,
    pub(crate) consents: BTreeSet<u16>,
    pub(crate) interests: BTreeSet<u16>,
    pub(crate) one_untold: bool,
    pub(crate) country: String,
    pub(crate) vendor_consents: BTreeSet<u16>,
    pub(crate) vendor_interests: BTreeSet<u16>,
    /// Purpose, type, vendors.
    pub(crate) restrictions: Vec<(u8, u8, BTreeSet<u16>)>,
    pub(crate) disclosed: Option<BTreeSet<u16>>,
    pub(crate) allowed: Option<BTreeSet<u16>>,
    pub(crate) publisher: Option<Publisher>,
    /// How each list of vendors is written.
    pub(crate) as_ranges: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Publisher {
    pub(crate) consents: BTreeSet<u16>,
    pub(crate) interests: BTreeSet<u16>,
    pub(crate) custom_consents: Vec<bool>,
    pub(crate) custom_interests: Vec<bool>,
}

impl Default for Tcf {
    /// Somebody said no to everything, on 2026-06-01.
    fn default() -> Self {
        Self {
            created_tenths: 17_802_720_000,
            last_updated_tenths: 17_802_720_000,
            cmp: [7, 1],
            screen: 1,
            language: "DE".to_owned(),
            list_version: 100,
            policy: 5,
            flags: [true, false],
            features: BTreeSet::new(),
            consents: BTreeSet::new(),
            interests: BTreeSet::new(),
            one_untold: false,
            country: "DE".to_owned(),
            vendor_consents: BTreeSet::new(),
            vendor_interests: BTreeSet::new(),
            restrictions: Vec::new(),
            disclosed: Some(BTreeSet::from([7, 755])),
            allowed: None,
            publisher: None,
            as_ranges: false,
        }
    }
}

impl Tcf {
    pub(crate) fn text(&self) -> String {
        let mut core = Writer::default();
        core.number(2, 6).number(self.created_tenths, 36).number(self.last_updated_tenths, 36);
        core.number(self.cmp[0].into(), 12).number(self.cmp[1].into(), 12).number(self.screen.into(), 6);
        core.letters(&self.language).number(self.list_version.into(), 12).number(self.policy.into(), 6);
        core.number(self.flags[0].into(), 1).number(self.flags[1].into(), 1).field(&self.features, 12);
        core.field(&self.consents, 24).field(&self.interests, 24).number(self.one_untold.into(), 1);
        core.letters(&self.country).vendors(&self.vendor_consents, self.as_ranges);
        core.vendors(&self.vendor_interests, self.as_ranges).number(self.restrictions.len() as u64, 12);
        for (purpose, kind, vendors) in &self.restrictions {
            core.number((*purpose).into(), 6).number((*kind).into(), 2).ranges(vendors);
        }
        let mut segments = vec![core.text()];
        for (kind, vendors) in [(1, &self.disclosed), (2, &self.allowed)] {
            let segment = |vendors| Writer::default().number(kind, 3).vendors(vendors, self.as_ranges).text();
            segments.extend(vendors.as_ref().map(segment));
        }
        segments.extend(self.publisher.as_ref().map(Publisher::text));
        segments.join(".")
    }
}

impl Publisher {
    fn text(&self) -> String {
        let mut segment = Writer::default();
        segment.number(3, 3).field(&self.consents, 24).field(&self.interests, 24);
        segment.number(self.custom_consents.len() as u64, 6);
        for flag in self.custom_consents.iter().chain(&self.custom_interests) {
            segment.number((*flag).into(), 1);
        }
        segment.text()
    }
}

/// A GPP string of these sections.
pub(crate) fn gpp(sections: &[(u16, String)]) -> String {
    let mut header = Writer::default();
    header.number(3, 6).number(1, 6).number(sections.len() as u64, 12);
    let mut last = 0;
    for (id, _) in sections {
        header.number(0, 1).fibonacci(id - last);
        last = *id;
    }
    std::iter::once(header.text())
        .chain(sections.iter().map(|(_, text)| text.clone()))
        .collect::<Vec<_>>()
        .join("~")
}
