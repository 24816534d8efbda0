//! What a topic was last sent of a person, and the next record of them: only one that says something else, with the next number and
//! the names of what is different. A profile of version 0 in; the same as it is sent out.

use kinfold_model::stored::image;
use kinfold_model::{Keys, UnifiedProfile};
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

/// What it takes to tell of a person.
#[derive(Clone, Copy)]
pub(crate) struct Telling<'k> {
    /// Digests are made with them.
    pub(crate) keys: &'k Keys,
    /// Whether something was erased: the names of what is gone would tell of it, and so nothing is named.
    pub(crate) is_erased: bool,
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
    pub(crate) fn follow(&self, profile: &mut UnifiedProfile, telling: Telling<'_>) -> Option<Self> {
        debug_assert!(profile.version == 0 && profile.changed.is_empty());
        let Telling { keys, is_erased } = telling;
        let digest = keys.content(&image(profile));
        let last = self.contents.as_ref();
        if last.is_some_and(|last| last.digest == digest) {
            return None;
        }
        let parts = Parts::of(profile, keys);
        profile.version = self.version + 1;
        let named = last.filter(|_| !is_erased);
        profile.changed = named.map(|last| last.parts.differing(&parts)).unwrap_or_default();
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
