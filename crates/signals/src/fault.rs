//! Why a signal cannot be read: where, and what is wrong there.
//!
//! A fault holds names of fields and numbers, and never a piece of the signal, so that it can be logged.

/// Why a signal cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{part}: {field} {kind}")]
pub struct Fault {
    /// The segment or section, for example `tcf core`.
    pub part: &'static str,
    /// The field within it, for example `vendor_consents`.
    pub field: &'static str,
    /// What is wrong with it.
    pub kind: FaultKind,
}

impl Fault {
    pub(crate) fn new(part: &'static str, field: &'static str, kind: FaultKind) -> Self {
        Self { part, field, kind }
    }
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// Nothing is there.
    #[error("is empty")]
    Empty,
    /// Longer than a limit.
    #[error("is longer than {bytes_max} bytes")]
    TooLong {
        /// The limit.
        bytes_max: usize,
    },
    /// More elements than a limit.
    #[error("has more than {max} elements")]
    TooMany {
        /// The limit.
        max: usize,
    },
    /// A character that is none of base64url, counted in bytes from the start of the part.
    #[error("has a character at byte {at} that base64url does not have")]
    Character {
        /// Which byte, from 0.
        at: usize,
    },
    /// The part ends within the field.
    #[error("ends too early")]
    Short,
    /// What follows the last field may only be zeros.
    #[error("has bits set behind its last field")]
    Leftover,
    /// A version that cannot be read.
    #[error("is {found}; {known} can be read")]
    Version {
        /// The version that was found.
        found: u64,
        /// Those that are known, as a sentence has them.
        known: &'static str,
    },
    /// A string of the first framework.
    #[error("is 1; strings of TCF v1 were retired in 2020: ask for one of version 2")]
    TcfV1,
    /// A GPP string where a TCF string was expected.
    #[error("is 3; this is a GPP string: hand it in as one")]
    GppAsTcf,
    /// A value that the specification leaves without a meaning.
    #[error("is {value}, which has no meaning")]
    Reserved {
        /// The value.
        value: u64,
    },
    /// An id that there is not.
    #[error("names {id}, which lies outside its range")]
    Id {
        /// The id.
        id: u64,
    },
    /// A range whose end lies before its start.
    #[error("has a range from {first} back to {last}")]
    Backwards {
        /// Where the range starts.
        first: u16,
        /// Where it ends.
        last: u16,
    },
    /// The segment stands there twice.
    #[error("is there twice")]
    Twice,
    /// The segment has to be there and is not.
    #[error("is missing; strings of TCF 2.3 have it, and those of before end on 28 February 2026")]
    NoDisclosedVendors,
    /// The header and what follows it disagree.
    #[error("names {named} sections, and {found} follow")]
    Sections {
        /// How many the header names.
        named: usize,
        /// How many follow it.
        found: usize,
    },
    /// Text or a value of another form.
    #[error("must be {expected}")]
    Form {
        /// The form, as a sentence has it.
        expected: &'static str,
    },
}
