//! What a topic was last sent of a person, and the next record of them: only one that says something else, with the next number and
//! the names of what is different. A profile of version 0 in; the same as it is sent out.

use kinfold_model::UnifiedProfile;
use kinfold_model::stored::image;
use serde::{Deserialize, Serialize};

#[cfg(test)]
use crate::parts::Part;
use crate::parts::Parts;

/// The last record of a person on a topic. By default there was none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Edition {
    version: i64,
    /// `None`: the topic may have nothing of the person.
    contents: Option<Contents>,
}

/// Whether a profile is another one tells the long digest alone; which of its parts are tell the short ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Contents {
    digest: [u8; 16],
    parts: Parts,
}

impl Edition {
    /// Whether there was one.
    pub(crate) fn is_published(&self) -> bool {
        self.version > 0
    }

    /// The same number, and nothing that was made of the person's data: the next profile is another one whatever it says.
    pub(crate) fn forgotten(&self) -> Self {
        Self { version: self.version, contents: None }
    }

    /// The next edition, if this profile says anything else than the last one. The profile gets its version and tells what changed.
    pub(crate) fn follow(&self, profile: &mut UnifiedProfile) -> Option<Self> {
        debug_assert!(profile.version == 0 && profile.changed.is_empty());
        let mut digest = [0; 16];
        digest.copy_from_slice(&blake3::hash(&image(profile)).as_bytes()[..16]);
        let last = self.contents.as_ref();
        if last.is_some_and(|last| last.digest == digest) {
            return None;
        }
        let parts = Parts::of(profile);
        profile.version = self.version + 1;
        profile.changed = last.map(|last| last.parts.differing(&parts)).unwrap_or_default();
        Some(Self { version: profile.version, contents: Some(Contents { digest, parts }) })
    }
}

#[cfg(test)]
impl Edition {
    /// One that has these parts.
    pub(crate) fn sample(parts: Vec<Part>) -> Self {
        Self { version: 4, contents: Some(Contents { digest: [9; 16], parts: Parts::sample(parts) }) }
    }
}
