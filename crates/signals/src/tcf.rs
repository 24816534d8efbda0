//! IAB TCF, the Transparency and Consent Framework, versions 2.0 to 2.3: a TC string goes in, all its fields come out.
//!
//! A string is the core segment, then others in any order, each at most once, joined by dots. What disagrees with itself is
//! a fault and no string: a range that runs backwards, an id above the highest one that the list says it has, a bit set
//! behind the last field. After 28 February 2026 a string has to say which vendors were disclosed (TCF 2.3).

use kinfold_model::Timestamp;

use crate::bits::Bits;
use crate::fault::{Fault, FaultKind};
use crate::ids::{Features, PurposeId, Purposes, VendorId, Vendors};
use crate::limits;

const CORE: &str = "tcf core";
const DISCLOSED: &str = "tcf disclosed vendors";
const ALLOWED: &str = "tcf allowed vendors";
const PUBLISHER: &str = "tcf publisher purposes";

/// 2026-03-01T00:00:00Z: strings that were last changed from here on are of TCF 2.3.
const DISCLOSED_FROM_MS: i64 = 1_772_323_200_000;

/// What a TC string says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcString {
    /// When the string was first made.
    pub created: Timestamp,
    /// When the person last decided. Since TCF 2.2 it is the start of that day, UTC.
    pub last_updated: Timestamp,
    /// The consent management platform.
    pub cmp_id: u16,
    /// Its version.
    pub cmp_version: u16,
    /// The screen on which the person decided, as the platform numbers them.
    pub consent_screen: u8,
    /// The language of that screen: two capitals of ISO 639-1.
    pub consent_language: [u8; 2],
    /// The version of the Global Vendor List.
    pub vendor_list_version: u16,
    /// Of the policies: 2 and 3 belong to TCF 2.0 and 2.1, 4 to 2.2, 5 to 2.3.
    pub policy_version: u8,
    /// Whether it holds for one service, and not for the whole web.
    pub is_service_specific: bool,
    /// Whether the texts shown were not those of the framework.
    pub use_non_standard_texts: bool,
    /// Special features that the person opted in to.
    pub special_features: Features,
    /// Purposes with consent.
    pub consents: Purposes,
    /// Purposes for which a legitimate interest was disclosed and not objected to.
    pub legitimate_interests: Purposes,
    /// Whether purpose 1 was not disclosed at all, so that its missing consent says nothing.
    pub purpose_one_untold: bool,
    /// The country whose law the publisher follows: two capitals of ISO 3166-1.
    pub publisher_country: [u8; 2],
    /// Vendors with consent.
    pub vendor_consents: Vendors,
    /// Vendors whose legitimate interest was disclosed and not objected to.
    pub vendor_legitimate_interests: Vendors,
    /// What the publisher forbids, in the order of the string.
    pub restrictions: Vec<Restriction>,
    /// Vendors of whom the person was told. `None`: the string is from before TCF 2.3 and does not say.
    pub disclosed_vendors: Option<Vendors>,
    /// Vendors that may act outside of the framework. `None`: the string does not say. TCF 2.3 no longer has it.
    pub allowed_vendors: Option<Vendors>,
    /// The publisher's own purposes. `None`: the string does not say.
    pub publisher: Option<PublisherPurposes>,
}

/// What a publisher says about some vendors and one purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restriction {
    /// For which purpose.
    pub purpose: PurposeId,
    /// What.
    pub kind: RestrictionKind,
    /// Which vendors.
    pub vendors: Vendors,
}

/// What a publisher may say about vendors and a purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestrictionKind {
    /// They may not.
    NotAllowed,
    /// With consent only.
    RequireConsent,
    /// With legitimate interest only.
    RequireLegitimateInterest,
}

/// What the person decided about the publisher's own processing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublisherPurposes {
    /// Purposes with consent.
    pub consents: Purposes,
    /// Purposes for which a legitimate interest was disclosed and not objected to.
    pub legitimate_interests: Purposes,
    /// Consent for each purpose that the publisher made up, at most 63.
    pub custom_consents: Vec<bool>,
    /// Legitimate interest for each of them.
    pub custom_legitimate_interests: Vec<bool>,
}

impl TcString {
    /// Reads a string.
    ///
    /// # Errors
    /// The first field that cannot be read.
    pub fn read(text: &str) -> Result<Self, Fault> {
        if text.len() > limits::STRING_BYTES_MAX {
            let kind = FaultKind::TooLong { bytes_max: limits::STRING_BYTES_MAX };
            return Err(Fault::new(CORE, "the string", kind));
        }
        let mut segments = text.split('.');
        let mut string = core(segments.next().unwrap_or_default())?;
        for (index, segment) in segments.enumerate() {
            if index + 1 >= limits::SEGMENTS_MAX {
                let kind = FaultKind::TooMany { max: limits::SEGMENTS_MAX };
                return Err(Fault::new(CORE, "the list of segments", kind));
            }
            string.add(segment)?;
        }
        if string.disclosed_vendors.is_none() && string.last_updated.millis() >= DISCLOSED_FROM_MS {
            return Err(Fault::new(DISCLOSED, "the segment", FaultKind::NoDisclosedVendors));
        }
        Ok(string)
    }

    /// What the publisher says about a vendor and a purpose: usually nothing, at most one thing of each kind.
    pub fn restrictions_of(
        &self,
        vendor: VendorId,
        purpose: PurposeId,
    ) -> impl Iterator<Item = RestrictionKind> {
        let of = move |one: &&Restriction| one.purpose == purpose && one.vendors.contains(vendor);
        self.restrictions.iter().filter(of).map(|restriction| restriction.kind)
    }

    fn add(&mut self, segment: &str) -> Result<(), Fault> {
        const FIELD: &str = "vendors";
        let mut bits = Bits::new(segment, "tcf segment")?;
        let kind = bits.number(3, "type")?;
        let part = match kind {
            1 => DISCLOSED,
            2 => ALLOWED,
            3 => PUBLISHER,
            _ => return Err(bits.fault("type", FaultKind::Reserved { value: kind })),
        };
        bits.belongs_to(part);
        let was_there = match kind {
            1 => self.disclosed_vendors.replace(Vendors::read(&mut bits, FIELD)?).is_some(),
            2 => self.allowed_vendors.replace(Vendors::read(&mut bits, FIELD)?).is_some(),
            _ => self.publisher.replace(PublisherPurposes::read(&mut bits)?).is_some(),
        };
        bits.end()?;
        if was_there { Err(Fault::new(part, "the segment", FaultKind::Twice)) } else { Ok(()) }
    }
}

impl Restriction {
    fn read(bits: &mut Bits<'_>) -> Result<Self, Fault> {
        const PURPOSE: &str = "restricted_purpose";
        const KIND: &str = "restriction_type";
        let id = bits.byte(6, PURPOSE)?;
        let purpose = PurposeId::try_from(id);
        let kind = match bits.number(2, KIND)? {
            0 => RestrictionKind::NotAllowed,
            1 => RestrictionKind::RequireConsent,
            2 => RestrictionKind::RequireLegitimateInterest,
            value => return Err(bits.fault(KIND, FaultKind::Reserved { value })),
        };
        Ok(Self {
            purpose: purpose.map_err(|_| bits.fault(PURPOSE, FaultKind::Id { id: id.into() }))?,
            kind,
            vendors: Vendors::ranges(bits, u16::MAX, "restricted_vendors")?,
        })
    }
}

impl PublisherPurposes {
    fn read(bits: &mut Bits<'_>) -> Result<Self, Fault> {
        let consents = Purposes::read(bits, "consents")?;
        let legitimate_interests = Purposes::read(bits, "legitimate_interests")?;
        let customs = bits.number(6, "number_of_custom_purposes")?;
        let mut flags = |field| (0..customs).map(|_| bits.flag(field)).collect::<Result<Vec<_>, _>>();
        Ok(Self {
            consents,
            legitimate_interests,
            custom_consents: flags("custom_consents")?,
            custom_legitimate_interests: flags("custom_legitimate_interests")?,
        })
    }
}

/// The first segment, with which every string begins.
fn core(segment: &str) -> Result<TcString, Fault> {
    let mut bits = Bits::new(segment, CORE)?;
    match bits.number(6, "version")? {
        2 => {}
        1 => return Err(bits.fault("version", FaultKind::TcfV1)),
        3 => return Err(bits.fault("version", FaultKind::GppAsTcf)),
        found => return Err(bits.fault("version", FaultKind::Version { found, known: "2" })),
    }
    let string = TcString {
        created: bits.time("created")?,
        last_updated: bits.time("last_updated")?,
        cmp_id: bits.short(12, "cmp_id")?,
        cmp_version: bits.short(12, "cmp_version")?,
        consent_screen: bits.byte(6, "consent_screen")?,
        consent_language: bits.letters("consent_language")?,
        vendor_list_version: bits.short(12, "vendor_list_version")?,
        policy_version: policy_version(&mut bits)?,
        is_service_specific: bits.flag("is_service_specific")?,
        use_non_standard_texts: bits.flag("use_non_standard_texts")?,
        special_features: Features::read(&mut bits, "special_features")?,
        consents: Purposes::read(&mut bits, "consents")?,
        legitimate_interests: Purposes::read(&mut bits, "legitimate_interests")?,
        purpose_one_untold: bits.flag("purpose_one_treatment")?,
        publisher_country: bits.letters("publisher_country")?,
        vendor_consents: Vendors::read(&mut bits, "vendor_consents")?,
        vendor_legitimate_interests: Vendors::read(&mut bits, "vendor_legitimate_interests")?,
        restrictions: restrictions(&mut bits)?,
        disclosed_vendors: None,
        allowed_vendors: None,
        publisher: None,
    };
    bits.end()?;
    Ok(string)
}

/// New policies change what the bits stand for, so that those of a version that is not known stand for nothing.
fn policy_version(bits: &mut Bits<'_>) -> Result<u8, Fault> {
    const FIELD: &str = "policy_version";
    let found = bits.byte(6, FIELD)?;
    if (2..=5).contains(&found) {
        return Ok(found);
    }
    Err(bits.fault(FIELD, FaultKind::Version { found: found.into(), known: "2 to 5" }))
}

fn restrictions(bits: &mut Bits<'_>) -> Result<Vec<Restriction>, Fault> {
    let count = bits.number(12, "number_of_restrictions")?;
    (0..count).map(|_| Restriction::read(bits)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification: what somebody decided in 2020, with the disclosed vendors.
    const EXAMPLE: &str = "COvFyGBOvFyGBAbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAA.IFoEUQQgAIQwgIwQABAEAAAAOIAACAIAAAAQAIAgEAACEAAAAAgAQBAAAAAAAGBAAgAAAAAAAFAAECAAAgAAQARAEQAAAAAJAAIAAgAAAYQEAAAQmAgBC3ZAYzUw";

    fn fault(text: &str) -> (&'static str, &'static str, FaultKind) {
        let fault = TcString::read(text).expect_err("unreadable");
        (fault.part, fault.field, fault.kind)
    }

    #[test]
    fn the_example_of_the_specification_is_read() {
        let string = TcString::read(EXAMPLE).expect("readable");
        assert_eq!(string.last_updated.to_string(), "2020-02-20T23:57:39.300Z");
        assert_eq!((string.cmp_id, string.vendor_list_version, string.policy_version), (27, 15, 2));
        assert_eq!(string.consents.iter().map(PurposeId::get).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(string.vendor_consents.iter().collect::<Vec<_>>(), [2, 6, 8]);
        assert_eq!(string.vendor_legitimate_interests.iter().collect::<Vec<_>>(), [2, 6, 8]);
        assert_eq!(string.disclosed_vendors.expect("a segment").iter().count(), 79);
    }

    #[test]
    fn strings_of_other_kinds_are_named_as_such() {
        assert_eq!(fault("BOObdrPUOevsguAfDqFENCNAAAAAmeAAA"), (CORE, "version", FaultKind::TcfV1));
        assert_eq!(fault("DBABMA~CPXxRfAPXxRfAAfKABENB"), (CORE, "the text", FaultKind::Character { at: 6 }));
        assert_eq!(fault("DBABMA"), (CORE, "version", FaultKind::GppAsTcf));
        assert_eq!(fault("1YNN").2, FaultKind::Version { found: 53, known: "2" });
        assert_eq!(fault(""), (CORE, "the text", FaultKind::Empty));
    }

    #[test]
    fn a_segment_that_is_there_twice_or_not_known_is_a_fault() {
        let (core, disclosed) = EXAMPLE.split_once('.').expect("two segments");
        assert_eq!(fault(&format!("{EXAMPLE}.{disclosed}")), (DISCLOSED, "the segment", FaultKind::Twice));
        assert_eq!(fault(&format!("{core}.gAAA")).2, FaultKind::Reserved { value: 4 });
        assert_eq!(fault(&format!("{core}.")).2, FaultKind::Empty);
        assert_eq!(fault(&format!("{core}{}", ".".repeat(100))).2, FaultKind::Empty);
    }

    #[test]
    fn what_is_longer_than_the_limit_is_not_looked_at() {
        let kind = FaultKind::TooLong { bytes_max: limits::STRING_BYTES_MAX };
        assert_eq!(fault(&"C".repeat(limits::STRING_BYTES_MAX + 1)).2, kind);
    }
}
