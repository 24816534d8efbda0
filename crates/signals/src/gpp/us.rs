//! The sections of the United States: one table says which fields each has, in their order, and one function reads them.
//!
//! Every field is two bits, of which 3 has no meaning. Behind the core a section may tell, after a dot, whether the browser
//! sent Global Privacy Control. That is read in every section, also of states that do not ask for it: it is a no.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::bits::Bits;
use crate::fault::{Fault, FaultKind};
use crate::limits;

/// Where a section holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Area {
    /// The agreement that stands for all states, versions 1 and 2.
    National,
    /// CCPA and CPRA.
    California,
    /// VCDPA.
    Virginia,
    /// CPA.
    Colorado,
    /// UCPA.
    Utah,
    /// CTDPA.
    Connecticut,
    /// FDBR.
    Florida,
    /// MCDPA.
    Montana,
    /// OCPA.
    Oregon,
    /// TDPSA.
    Texas,
    /// DPDPA.
    Delaware,
    /// ICDPA.
    Iowa,
    /// NDPA.
    Nebraska,
    /// NHPA.
    NewHampshire,
    /// NJDPA.
    NewJersey,
    /// TIPA.
    Tennessee,
    /// MNCDPA.
    Minnesota,
}

/// What a person can be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Notice {
    /// That data is processed.
    Processing,
    /// That it is shared with others.
    Sharing,
    /// That they can opt out of its sale.
    SaleOptOut,
    /// That they can opt out of its sharing for advertising.
    SharingOptOut,
    /// That they can opt out of targeted advertising.
    TargetedAdvertisingOptOut,
    /// That they can opt out of the processing of sensitive data.
    SensitiveDataOptOut,
    /// That they can limit the use of sensitive data.
    SensitiveDataLimit,
}

/// What a person can opt out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptOut {
    /// The sale of their data.
    Sale,
    /// Its sharing for advertising across sites.
    Sharing,
    /// Targeted advertising.
    TargetedAdvertising,
}

impl OptOut {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sale, Self::Sharing, Self::TargetedAdvertising];

    /// As rules name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sale => "sale",
            Self::Sharing => "sharing",
            Self::TargetedAdvertising => "targeted_advertising",
        }
    }

    /// The notice that makes the absence of an opt-out mean something.
    #[must_use]
    pub fn notice(self) -> Notice {
        match self {
            Self::Sale => Notice::SaleOptOut,
            Self::Sharing => Notice::SharingOptOut,
            Self::TargetedAdvertising => Notice::TargetedAdvertisingOptOut,
        }
    }
}

/// Whether a notice was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notified {
    /// There is nothing to give notice of.
    NotApplicable,
    /// It was.
    Yes,
    /// It was not.
    No,
}

/// What the person chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// There is nothing to choose, or nobody was asked.
    NotApplicable,
    /// Opted out; of what needs consent: did not consent.
    No,
    /// Did not opt out; of what needs consent: consented.
    Yes,
}

/// What a section says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsSection {
    /// Where it holds.
    pub area: Area,
    /// The version of its layout: 1, or 2 of the national section.
    pub version: u8,
    /// The notices that the section knows.
    pub notices: BTreeMap<Notice, Notified>,
    /// The opt-outs that it knows.
    pub opt_outs: BTreeMap<OptOut, Choice>,
    /// By category of sensitive data, in the order of the section; states differ in their categories.
    pub sensitive: Vec<Choice>,
    /// By age and use, in the order of the section.
    pub children: Vec<Choice>,
    /// Processing that goes beyond what was said. `None`: the section does not know it.
    pub beyond_what_was_said: Option<Choice>,
    /// Multi-State Privacy Agreement: covered transaction, opt-out option mode, service provider mode. `None`: not
    /// applicable.
    pub mspa: [Option<bool>; 3],
    /// Whether the browser sent Global Privacy Control. `None`: the section does not say.
    pub gpc: Option<bool>,
}

/// A field of a core segment.
#[derive(Clone, Copy)]
enum Field {
    Notice(Notice),
    OptOut(OptOut),
    Sensitive(usize),
    Children(usize),
    Beyond,
    Mspa,
}

struct Layout {
    id: u16,
    area: Area,
    /// Of the part in a fault.
    name: &'static str,
    /// ISO 3166-2, in lower case.
    place: &'static str,
    version: u8,
    fields: &'static [Field],
}

/// The fields of a section: its first notice, what else comes before the opt-outs, and the numbers of the lists.
macro_rules! layout {
    ($id:literal $area:ident $place:literal $version:literal: $($field:expr),+) => {
        Layout {
            id: $id,
            area: Area::$area,
            name: concat!("gpp ", $place),
            place: $place,
            version: $version,
            fields: &[$($field),+, Field::Mspa],
        }
    };
}

const PROCESSING: Field = Field::Notice(Notice::Processing);
const SHARING: Field = Field::Notice(Notice::Sharing);
const SALE_NOTICE: Field = Field::Notice(Notice::SaleOptOut);
const SHARING_NOTICE: Field = Field::Notice(Notice::SharingOptOut);
const ADS_NOTICE: Field = Field::Notice(Notice::TargetedAdvertisingOptOut);
const SENSITIVE_NOTICE: Field = Field::Notice(Notice::SensitiveDataOptOut);
const LIMIT_NOTICE: Field = Field::Notice(Notice::SensitiveDataLimit);
const SALE: Field = Field::OptOut(OptOut::Sale);
const SHARED: Field = Field::OptOut(OptOut::Sharing);
const ADS: Field = Field::OptOut(OptOut::TargetedAdvertising);
const BEYOND: Field = Field::Beyond;
const fn sensitive(categories: usize) -> Field {
    Field::Sensitive(categories)
}
const fn children(uses: usize) -> Field {
    Field::Children(uses)
}

#[rustfmt::skip]
const LAYOUTS: [Layout; 18] = [
    layout!(7 National "us" 1: SHARING, SALE_NOTICE, SHARING_NOTICE, ADS_NOTICE, SENSITIVE_NOTICE, LIMIT_NOTICE, SALE, SHARED, ADS, sensitive(12), children(2), BEYOND),
    layout!(7 National "us" 2: SHARING, SALE_NOTICE, SHARING_NOTICE, ADS_NOTICE, SENSITIVE_NOTICE, LIMIT_NOTICE, SALE, SHARED, ADS, sensitive(16), children(3), BEYOND),
    layout!(8 California "us-ca" 1: SALE_NOTICE, SHARING_NOTICE, LIMIT_NOTICE, SALE, SHARED, sensitive(9), children(2), BEYOND),
    layout!(9 Virginia "us-va" 1: SHARING, SALE_NOTICE, ADS_NOTICE, SALE, ADS, sensitive(8), children(1)),
    layout!(10 Colorado "us-co" 1: SHARING, SALE_NOTICE, ADS_NOTICE, SALE, ADS, sensitive(7), children(1)),
    layout!(11 Utah "us-ut" 1: SHARING, SALE_NOTICE, ADS_NOTICE, SENSITIVE_NOTICE, SALE, ADS, sensitive(8), children(1)),
    layout!(12 Connecticut "us-ct" 1: SHARING, SALE_NOTICE, ADS_NOTICE, SALE, ADS, sensitive(8), children(3)),
    layout!(13 Florida "us-fl" 1: PROCESSING, SALE_NOTICE, ADS_NOTICE, SALE, ADS, sensitive(8), children(3), BEYOND),
    layout!(14 Montana "us-mt" 1: SHARING, SALE_NOTICE, ADS_NOTICE, SALE, ADS, sensitive(8), children(3), BEYOND),
    layout!(15 Oregon "us-or" 1: PROCESSING, SALE_NOTICE, ADS_NOTICE, SALE, ADS, sensitive(11), children(3), BEYOND),
    layout!(16 Texas "us-tx" 1: PROCESSING, SALE_NOTICE, ADS_NOTICE, SALE, ADS, sensitive(8), children(1), BEYOND),
    layout!(17 Delaware "us-de" 1: PROCESSING, SALE_NOTICE, ADS_NOTICE, SALE, ADS, sensitive(9), children(5), BEYOND),
    layout!(18 Iowa "us-ia" 1: PROCESSING, SALE_NOTICE, ADS_NOTICE, SENSITIVE_NOTICE, SALE, ADS, sensitive(8), children(1)),
    layout!(19 Nebraska "us-ne" 1: PROCESSING, SALE_NOTICE, ADS_NOTICE, SALE, ADS, sensitive(8), children(1), BEYOND),
    layout!(20 NewHampshire "us-nh" 1: PROCESSING, SALE_NOTICE, ADS_NOTICE, SALE, ADS, sensitive(8), children(3), BEYOND),
    layout!(21 NewJersey "us-nj" 1: PROCESSING, SALE_NOTICE, ADS_NOTICE, SALE, ADS, sensitive(10), children(5), BEYOND),
    layout!(22 Tennessee "us-tn" 1: PROCESSING, SALE_NOTICE, ADS_NOTICE, SALE, ADS, sensitive(8), children(1), BEYOND),
    layout!(23 Minnesota "us-mn" 1: PROCESSING, SALE_NOTICE, ADS_NOTICE, SALE, ADS, sensitive(8), children(1), BEYOND),
];

impl Area {
    /// Where the section with this id holds; `None` when it is none of the United States, or a draft.
    #[must_use]
    pub fn of(id: u16) -> Option<Self> {
        LAYOUTS.iter().find(|layout| layout.id == id).map(|layout| layout.area)
    }

    /// Its code of ISO 3166, in lower case: `us-ca`; `us` for the national section.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        LAYOUTS.iter().find(|layout| layout.area == self).map_or("us", |layout| layout.place)
    }
}

impl UsSection {
    /// Reads the section of an area.
    ///
    /// # Errors
    /// The first field that cannot be read.
    pub fn read(area: Area, text: &str) -> Result<Self, Fault> {
        let mut layouts = LAYOUTS.iter().filter(|layout| layout.area == area);
        let name = layouts.clone().next().map_or("gpp us", |layout| layout.name);
        let mut segments = text.split('.');
        let mut bits = Bits::new(segments.next().unwrap_or_default(), name)?;
        let version = bits.byte(6, "version")?;
        let Some(layout) = layouts.find(|layout| layout.version == version) else {
            let known = if area == Area::National { "1 and 2" } else { "1" };
            return Err(bits.fault("version", FaultKind::Version { found: version.into(), known }));
        };
        let mut section = Self::core(layout, &mut bits)?;
        bits.end()?;
        for (index, segment) in segments.enumerate() {
            if index + 1 >= limits::SEGMENTS_MAX {
                let kind = FaultKind::TooMany { max: limits::SEGMENTS_MAX };
                return Err(Fault::new(name, "the list of segments", kind));
            }
            if section.gpc.replace(gpc(segment, name)?).is_some() {
                return Err(Fault::new(name, "gpc", FaultKind::Twice));
            }
        }
        Ok(section)
    }

    fn core(layout: &Layout, bits: &mut Bits<'_>) -> Result<Self, Fault> {
        let mut section = Self {
            area: layout.area,
            version: layout.version,
            notices: BTreeMap::new(),
            opt_outs: BTreeMap::new(),
            sensitive: Vec::new(),
            children: Vec::new(),
            beyond_what_was_said: None,
            mspa: [None; 3],
            gpc: None,
        };
        for field in layout.fields {
            match *field {
                Field::Notice(notice) => drop(section.notices.insert(notice, notified(bits)?)),
                Field::OptOut(opt_out) => drop(section.opt_outs.insert(opt_out, choice(bits, "opt_out")?)),
                Field::Sensitive(count) => section.sensitive = choices(bits, count, "sensitive_data")?,
                Field::Children(count) => section.children = choices(bits, count, "known_child")?,
                Field::Beyond => section.beyond_what_was_said = Some(choice(bits, "other_processing")?),
                Field::Mspa => {
                    for mode in &mut section.mspa {
                        *mode = match choice(bits, "mspa")? {
                            Choice::NotApplicable => None,
                            Choice::No => Some(true),
                            Choice::Yes => Some(false),
                        };
                    }
                }
            }
        }
        Ok(section)
    }
}

fn two_bits(bits: &mut Bits<'_>, field: &'static str) -> Result<u64, Fault> {
    match bits.number(2, field)? {
        value @ 0..=2 => Ok(value),
        value => Err(bits.fault(field, FaultKind::Reserved { value })),
    }
}

fn notified(bits: &mut Bits<'_>) -> Result<Notified, Fault> {
    Ok([Notified::NotApplicable, Notified::Yes, Notified::No][two_bits(bits, "notice")? as usize])
}

fn choice(bits: &mut Bits<'_>, field: &'static str) -> Result<Choice, Fault> {
    Ok([Choice::NotApplicable, Choice::No, Choice::Yes][two_bits(bits, field)? as usize])
}

fn choices(bits: &mut Bits<'_>, count: usize, field: &'static str) -> Result<Vec<Choice>, Fault> {
    (0..count).map(|_| choice(bits, field)).collect()
}

/// The segment behind the core: its type, and one bit.
fn gpc(segment: &str, name: &'static str) -> Result<bool, Fault> {
    let mut bits = Bits::new(segment, name)?;
    let kind = bits.number(2, "segment_type")?;
    if kind != 1 {
        return Err(bits.fault("segment_type", FaultKind::Reserved { value: kind }));
    }
    let gpc = bits.flag("gpc")?;
    bits.end()?;
    Ok(gpc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_from_7_to_23_has_an_area_of_its_own() {
        let mut areas: Vec<Area> = (7..=23).map(|id| Area::of(id).expect("an area")).collect();
        areas.dedup();
        assert_eq!(areas.len(), 17);
        assert!([1, 2, 3, 4, 5, 6, 24, 25, 26, 27].map(Area::of).iter().all(Option::is_none));
        assert_eq!((Area::National.as_str(), Area::NewJersey.as_str()), ("us", "us-nj"));
    }

    #[test]
    fn opt_outs_notices_and_gpc_are_read() {
        let section = UsSection::read(Area::California, "BVWSSSVY.YA").expect("readable");
        assert_eq!(
            section.opt_outs,
            BTreeMap::from([(OptOut::Sale, Choice::No), (OptOut::Sharing, Choice::No)])
        );
        assert!(section.notices.values().all(|notified| *notified == Notified::Yes));
        assert_eq!(section.mspa, [Some(true), Some(true), Some(false)]);
        assert_eq!(section.gpc, Some(true));
    }

    #[test]
    fn what_is_no_section_names_its_field() {
        for (text, field, kind) in [
            ("", "the text", FaultKind::Empty),
            ("BV", "opt_out", FaultKind::Short),
            ("CVWSSSVY", "version", FaultKind::Version { found: 2, known: "1" }),
            ("B_WSSSVY", "notice", FaultKind::Reserved { value: 3 }),
            ("BVWSSSVZ", "the text", FaultKind::Leftover),
            ("BVWSSSVY.YA.YA", "gpc", FaultKind::Twice),
            ("BVWSSSVY.gA", "segment_type", FaultKind::Reserved { value: 2 }),
            ("BVWSSSVY.", "the text", FaultKind::Empty),
        ] {
            let fault = UsSection::read(Area::California, text).expect_err(text);
            assert_eq!((fault.field, fault.kind), (field, kind), "{text}");
        }
    }
}
