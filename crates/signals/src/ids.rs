//! Ids as consent strings write them, and sets of vendors as ranges.
//!
//! A set takes four bytes for each range of the string and none for the vendors within it: a range over all 65,535 ids,
//! repeated as often as a string has room, costs what its text cost.

use std::num::NonZeroU16;

use serde::Deserialize;

use crate::bits::Bits;
use crate::fault::{Fault, FaultKind};

/// A vendor of the Global Vendor List.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "u16")]
pub struct VendorId(NonZeroU16);

impl VendorId {
    /// Its number.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0.get()
    }
}

impl TryFrom<u16> for VendorId {
    type Error = &'static str;

    fn try_from(id: u16) -> Result<Self, &'static str> {
        NonZeroU16::new(id).map(Self).ok_or("vendors are numbered from 1 to 65535")
    }
}

/// A purpose of TCF, 1 to 24. The policies name eleven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "u8")]
pub struct PurposeId(u8);

impl PurposeId {
    /// The highest.
    pub const MAX: u8 = 24;

    /// Its number.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for PurposeId {
    type Error = &'static str;

    fn try_from(id: u8) -> Result<Self, &'static str> {
        if (1..=Self::MAX).contains(&id) {
            Ok(Self(id))
        } else {
            Err("purposes of TCF are numbered from 1 to 24")
        }
    }
}

/// A special feature of TCF, 1 to 12. The policies name two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "u8")]
pub struct FeatureId(u8);

impl FeatureId {
    /// The highest.
    pub const MAX: u8 = 12;

    /// Its number.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for FeatureId {
    type Error = &'static str;

    fn try_from(id: u8) -> Result<Self, &'static str> {
        if (1..=Self::MAX).contains(&id) {
            Ok(Self(id))
        } else {
            Err("special features of TCF are numbered from 1 to 12")
        }
    }
}

/// Some of the 24 purposes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purposes(u32);

impl Purposes {
    pub(crate) fn read(bits: &mut Bits<'_>, field: &'static str) -> Result<Self, Fault> {
        let high = bits.short(12, field)?;
        let low = bits.short(12, field)?;
        Ok(Self(u32::from(high) << 12 | u32::from(low)))
    }

    /// Whether the purpose is one of them.
    #[must_use]
    pub fn contains(self, id: PurposeId) -> bool {
        self.0 >> (24 - id.0) & 1 == 1
    }

    /// Their numbers, ascending.
    pub fn iter(self) -> impl Iterator<Item = PurposeId> {
        (1..=24).map(PurposeId).filter(move |id| self.contains(*id))
    }
}

/// Some of the 12 special features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features(u16);

impl Features {
    pub(crate) fn read(bits: &mut Bits<'_>, field: &'static str) -> Result<Self, Fault> {
        bits.short(12, field).map(Self)
    }

    /// Whether the special feature is one of them.
    #[must_use]
    pub fn contains(self, id: FeatureId) -> bool {
        self.0 >> (12 - id.0) & 1 == 1
    }

    /// Their numbers, ascending.
    pub fn iter(self) -> impl Iterator<Item = FeatureId> {
        (1..=12).map(FeatureId).filter(move |id| self.contains(*id))
    }
}

/// Some vendors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vendors {
    /// First and last of each range; ascending, with at least one id between two ranges.
    ranges: Vec<(u16, u16)>,
}

impl Vendors {
    /// Ids up to a highest one, as one bit for each or as ranges: as TCF writes vendors.
    ///
    /// # Errors
    /// The part ends before; id 0, an id above the highest, a range that runs backwards.
    pub(crate) fn read(bits: &mut Bits<'_>, field: &'static str) -> Result<Self, Fault> {
        let max = bits.short(16, field)?;
        if bits.flag(field)? { Self::ranges(bits, max, field) } else { Self::field(bits, max, field) }
    }

    /// A list of ranges with its length, as publisher restrictions have it.
    ///
    /// # Errors
    /// As [`Vendors::read`].
    pub(crate) fn ranges(bits: &mut Bits<'_>, max: u16, field: &'static str) -> Result<Self, Fault> {
        let mut ranges = Vec::new();
        for _ in 0..bits.short(12, field)? {
            let is_range = bits.flag(field)?;
            let first = bits.short(16, field)?;
            let last = if is_range { bits.short(16, field)? } else { first };
            if last < first {
                return Err(bits.fault(field, FaultKind::Backwards { first, last }));
            }
            if let Some(id) = [first, last].into_iter().find(|id| *id == 0 || *id > max) {
                return Err(bits.fault(field, FaultKind::Id { id: id.into() }));
            }
            ranges.push((first, last));
        }
        Ok(Self::of(ranges))
    }

    fn field(bits: &mut Bits<'_>, max: u16, field: &'static str) -> Result<Self, Fault> {
        let mut ranges = Vec::new();
        let mut open = None;
        for id in 1..=max {
            if bits.flag(field)? {
                open.get_or_insert(id);
            } else if let Some(first) = open.take() {
                ranges.push((first, id - 1));
            }
        }
        ranges.extend(open.map(|first| (first, max)));
        Ok(Self { ranges })
    }

    /// Any ranges that start with 1 or more and run forwards: sorted, and joined where they touch.
    fn of(mut given: Vec<(u16, u16)>) -> Self {
        given.sort_unstable();
        let mut ranges: Vec<(u16, u16)> = Vec::new();
        for (first, last) in given {
            match ranges.last_mut() {
                Some(before) if u32::from(first) <= u32::from(before.1) + 1 => before.1 = before.1.max(last),
                _ => ranges.push((first, last)),
            }
        }
        Self { ranges }
    }

    /// Whether the vendor is one of them.
    #[must_use]
    pub fn contains(&self, id: VendorId) -> bool {
        let at = self.ranges.partition_point(|(_, last)| *last < id.get());
        self.ranges.get(at).is_some_and(|(first, _)| *first <= id.get())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Their numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u16> {
        self.ranges.iter().flat_map(|(first, last)| *first..=*last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vendor(id: u16) -> VendorId {
        VendorId::try_from(id).expect("not 0")
    }

    #[test]
    fn ranges_in_any_order_and_over_each_other_are_one_set() {
        let set = Vendors::of(vec![(20, 20), (1, 3), (2, 5), (6, 6), (9, u16::MAX), (u16::MAX, u16::MAX)]);
        assert_eq!(set.ranges, [(1, 6), (9, u16::MAX)]);
        let holds: Vec<u16> = (1..=12).filter(|id| set.contains(vendor(*id))).collect();
        assert_eq!(holds, [1, 2, 3, 4, 5, 6, 9, 10, 11, 12]);
        assert!(set.contains(vendor(u16::MAX)) && !Vendors::default().contains(vendor(1)));
    }

    #[test]
    fn a_range_over_everybody_costs_what_one_range_costs_however_often_it_is_there() {
        let set = Vendors::of(vec![(1, u16::MAX); 4095]);
        assert_eq!(set.ranges, [(1, u16::MAX)]);
    }

    #[test]
    fn the_first_purpose_is_the_first_bit() {
        let mut bits = Bits::new("gAAB", "test").expect("base64url");
        let purposes = Purposes::read(&mut bits, "purposes").expect("24 bits");
        assert_eq!(purposes.iter().map(PurposeId::get).collect::<Vec<_>>(), [1, 24]);
    }

    #[test]
    fn ids_have_a_range() {
        assert!(VendorId::try_from(0).is_err());
        assert!(PurposeId::try_from(0).is_err() && PurposeId::try_from(25).is_err());
        assert!(FeatureId::try_from(0).is_err() && FeatureId::try_from(13).is_err());
    }
}
