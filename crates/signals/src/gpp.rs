//! IAB GPP, the Global Privacy Platform: a string goes in, its sections come out, each read by itself.
//!
//! A string is a header that lists section ids, then the sections, joined by `~`. When the header cannot be read nothing
//! can. A section that cannot be read is a fault in its place, and the others count all the same, so that a new section of
//! one state does not hide the opt-out of another.

pub mod us;

use crate::bits::Bits;
use crate::fault::{Fault, FaultKind};
use crate::limits;
use crate::tcf::TcString;
use crate::us_privacy::UsPrivacy;
use us::UsSection;

const HEADER: &str = "gpp header";

/// What a GPP string says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gpp {
    /// In ascending order of their ids, each id once.
    pub sections: Vec<Section>,
}

/// One section of a GPP string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its id, from 1.
    pub id: u16,
    /// What it says, or why it cannot be read.
    pub content: Result<Content, Fault>,
}

/// What a section says.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// Id 2: TCF of the European Union.
    Tcf(Box<TcString>),
    /// Id 6: the US Privacy string.
    UsPrivacy(UsPrivacy),
    /// Ids 7 to 23: the United States, and the states that have a section.
    Us(UsSection),
    /// A section that is passed on as it stands and says nothing here.
    ///
    /// Id 1 is TCF v1, which was retired. Id 5 is TCF Canada, whose lists of vendors are written in several ways that only
    /// guessing tells apart. Ids 24 to 27 (Maryland, Indiana, Kentucky, Rhode Island) are drafts: published as with a
    /// header, written without one by the reference encoder, and changed by it without a new version. Others are not known.
    Raw(String),
}

impl std::fmt::Debug for Content {
    /// What is only passed on is not printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcf(said) => std::fmt::Debug::fmt(said, f),
            Self::UsPrivacy(said) => std::fmt::Debug::fmt(said, f),
            Self::Us(said) => std::fmt::Debug::fmt(said, f),
            Self::Raw(text) => write!(f, "section of {} bytes", text.len()),
        }
    }
}

impl Gpp {
    /// Reads a string.
    ///
    /// # Errors
    /// The header cannot be read, or names another number of sections than there are.
    pub fn read(text: &str) -> Result<Self, Fault> {
        let fault = |field, kind| Err(Fault::new(HEADER, field, kind));
        if text.len() > limits::STRING_BYTES_MAX {
            return fault("the string", FaultKind::TooLong { bytes_max: limits::STRING_BYTES_MAX });
        }
        let mut parts = text.split('~');
        let ids = section_ids(parts.next().unwrap_or_default())?;
        let found = parts.clone().count();
        if ids.len() != found {
            return fault("the list of sections", FaultKind::Sections { named: ids.len(), found });
        }
        let sections =
            ids.into_iter().zip(parts).map(|(id, text)| Section { id, content: Content::read(id, text) });
        Ok(Self { sections: sections.collect() })
    }

    /// Why sections cannot be read.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.sections.iter().filter_map(|section| section.content.as_ref().err())
    }
}

impl Content {
    /// Reads the section with this id.
    ///
    /// # Errors
    /// The first field that cannot be read. What is passed on as it stands is never a fault.
    pub fn read(id: u16, text: &str) -> Result<Self, Fault> {
        if id == 2 {
            return TcString::read(text).map(|string| Self::Tcf(Box::new(string)));
        }
        if id == 6 {
            return UsPrivacy::read(text).map(Self::UsPrivacy);
        }
        match us::Area::of(id) {
            Some(area) => UsSection::read(area, text).map(Self::Us),
            None => Ok(Self::Raw(text.to_owned())),
        }
    }
}

/// The ids that the header of a string lists: ascending, at most [`limits::SECTIONS_MAX`].
///
/// # Errors
/// It is no header, or lists too many.
pub fn section_ids(header: &str) -> Result<Vec<u16>, Fault> {
    const IDS: &str = "section_ids";
    let mut bits = Bits::new(header, HEADER)?;
    let (kind, version) = (bits.number(6, "type")?, bits.number(6, "version")?);
    if kind != 3 {
        return Err(bits.fault("type", FaultKind::Form { expected: "3: this is no GPP string" }));
    }
    if version != 1 {
        return Err(bits.fault("version", FaultKind::Version { found: version, known: "1" }));
    }
    let mut ids = Vec::new();
    let mut last = 0;
    for _ in 0..bits.number(12, IDS)? {
        let is_range = bits.flag(IDS)?;
        // Each id is written as its distance from the one before, so that they ascend.
        let first = further(&mut bits, last)?;
        last = if is_range { further(&mut bits, first)? } else { first };
        if ids.len() + usize::from(last - first) >= limits::SECTIONS_MAX {
            return Err(bits.fault(IDS, FaultKind::TooMany { max: limits::SECTIONS_MAX }));
        }
        ids.extend(first..=last);
    }
    bits.end()?;
    Ok(ids)
}

fn further(bits: &mut Bits<'_>, last: u16) -> Result<u16, Fault> {
    const IDS: &str = "section_ids";
    let distance = bits.fibonacci(IDS)?;
    let id = last.checked_add(distance);
    id.ok_or_else(|| bits.fault(IDS, FaultKind::Id { id: u64::from(last) + u64::from(distance) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCF: &str = "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA";

    fn fault(text: &str) -> FaultKind {
        Gpp::read(text).expect_err("unreadable").kind
    }

    #[test]
    fn sections_are_read_in_the_order_of_the_header() {
        let gpp = Gpp::read(&format!("DBACNYA~{TCF}~1YNN")).expect("readable");
        let ids: Vec<u16> = gpp.sections.iter().map(|section| section.id).collect();
        assert_eq!(ids, [2, 6]);
        assert!(matches!(gpp.sections[0].content, Ok(Content::Tcf(_))));
        assert!(matches!(gpp.sections[1].content, Ok(Content::UsPrivacy(_))));
        assert_eq!(gpp.faults().count(), 0);
    }

    #[test]
    fn a_header_may_list_ids_as_a_range() {
        assert_eq!(section_ids("DBABjw"), Ok(vec![5, 6]));
    }

    #[test]
    fn a_section_that_cannot_be_read_leaves_the_others() {
        let gpp = Gpp::read("DBACNYA~C~1YNN").expect("the header is readable");
        assert_eq!(gpp.faults().count(), 1);
        assert!(matches!(gpp.sections[1].content, Ok(Content::UsPrivacy(_))));
    }

    #[test]
    fn sections_that_are_not_read_are_passed_on() {
        let gpp = Gpp::read("DBABjw~anything at all~1YNN").expect("readable");
        assert_eq!(gpp.sections[0].content, Ok(Content::Raw("anything at all".to_owned())));
    }

    #[test]
    fn a_header_that_is_none_is_a_fault() {
        assert_eq!(fault(TCF), FaultKind::Form { expected: "3: this is no GPP string" });
        assert_eq!(fault("DCAA"), FaultKind::Version { found: 2, known: "1" });
        assert_eq!(fault("DBACNYA~1YNN"), FaultKind::Sections { named: 2, found: 1 });
        assert_eq!(fault("DBAA~1YNN"), FaultKind::Sections { named: 0, found: 1 });
        assert_eq!(fault(""), FaultKind::Empty);
        let long = format!("DBABMA~{}", "A".repeat(limits::STRING_BYTES_MAX));
        assert_eq!(fault(&long), FaultKind::TooLong { bytes_max: limits::STRING_BYTES_MAX });
    }

    #[test]
    fn a_range_of_all_ids_is_refused_before_it_is_written_out() {
        // One range, from 1 on, 46,368 long: 22 zeros and two ones.
        let bits = format!("000011{}{}1{}{}", "000001", "000000000001", "11", "0".repeat(22) + "11");
        let padded = format!("{bits:0<54}");
        let text: String = padded
            .as_bytes()
            .chunks(6)
            .map(|six| six.iter().fold(0, |value, bit| value << 1 | usize::from(bit - b'0')))
            .map(|value| {
                char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[value])
            })
            .collect();
        let kind = section_ids(&text).map_err(|fault| fault.kind);
        assert_eq!(kind, Err(FaultKind::TooMany { max: limits::SECTIONS_MAX }));
    }
}
