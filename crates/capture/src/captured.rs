//! What capture takes, and what it sends.

use std::collections::BTreeMap;
use std::sync::Arc;

use kinfold_model::{Refusal, Touchpoint};

/// A record as it was received.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RawRecord {
    /// Where it came from, as in `raw.<source>`; `None` when that is not known. A source without a mapping is canonical JSON.
    pub source: Option<Arc<str>>,
    /// Its value.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for RawRecord {
    /// Its size; the bytes are not printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "record of {} bytes", self.bytes.len())
    }
}

/// What comes of a record.
#[derive(Clone, Debug, PartialEq)]
pub enum Captured {
    /// Somebody was seen.
    Touchpoint(Box<Touchpoint>),
    /// A part of the record, or all of it, is refused.
    Refused(Refusal),
    /// What a mapping did, once for each record of a source that has one.
    Mapped(SourceTally),
}

impl From<Touchpoint> for Captured {
    fn from(touchpoint: Touchpoint) -> Self {
        Self::Touchpoint(Box::new(touchpoint))
    }
}

/// What a mapping made of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceTally {
    /// The source.
    pub source: String,
    /// How many touchpoints it gave.
    pub touchpoints: u64,
    /// How many parts of it were refused.
    pub refused: u64,
    /// How many attributes were dropped, by the name under which they are counted: names that the source knows, `special`
    /// and `other`.
    pub dropped: BTreeMap<String, u64>,
}

/// What records and their parts can come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// A touchpoint.
    Touchpoint,
    /// A refusal.
    Refused,
    /// A record that is about nobody: it gave nothing, and that is right.
    Nothing,
}

impl Outcome {
    /// All outcomes.
    pub const ALL: [Self; 3] = [Self::Touchpoint, Self::Refused, Self::Nothing];

    /// The name in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Touchpoint => "touchpoint",
            Self::Refused => "refused",
            Self::Nothing => "nothing",
        }
    }
}

impl SourceTally {
    /// How often each outcome was reached.
    #[must_use]
    pub fn outcomes(&self) -> [(Outcome, u64); 3] {
        let nothing = u64::from(self.touchpoints == 0 && self.refused == 0);
        [
            (Outcome::Touchpoint, self.touchpoints),
            (Outcome::Refused, self.refused),
            (Outcome::Nothing, nothing),
        ]
    }
}
