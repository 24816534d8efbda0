//! Purposes: what data may be used for, as a company declares it, and how decisions about each are weighed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Which decision counts of those of one person that nobody took back. A later decision of the other kind takes one back at any
/// identifier at which that was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MergePolicy {
    /// A no, if there is one; else the newest yes that holds.
    #[default]
    Strictest,
    /// The newest of all, a no before a yes of the same time.
    Newest,
}

impl MergePolicy {
    /// Both, as the configuration names them.
    pub const ALL: [Self; 2] = [Self::Strictest, Self::Newest];

    /// The name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Strictest => "strictest",
            Self::Newest => "newest",
        }
    }
}

/// What is declared of one purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purpose {
    /// Whose decision counts.
    pub merge: MergePolicy,
    /// How long a yes lasts, in milliseconds from the decision; `None`: until it is taken back, or as long as it says itself.
    pub valid_for_ms: Option<i64>,
}

impl Purpose {
    /// When a yes of that time ends: as it says itself, or when this purpose lets it end, whichever is earlier.
    #[must_use]
    pub fn end(&self, granted: Timestamp, stated: Option<Timestamp>) -> Option<Timestamp> {
        let declared = self.valid_for_ms.map(|ms| granted.plus_millis(ms));
        stated.into_iter().chain(declared).min()
    }
}

/// All purposes, by name. One that is not declared is as [`Purpose::default`] says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purposes(BTreeMap<String, Purpose>);

impl Purposes {
    /// What is declared of a purpose.
    #[must_use]
    pub fn get(&self, name: &str) -> Purpose {
        self.0.get(name).cloned().unwrap_or_default()
    }

    /// What is declared, in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Purpose)> {
        self.0.iter().map(|(name, purpose)| (name.as_str(), purpose))
    }
}

impl FromIterator<(String, Purpose)> for Purposes {
    fn from_iter<I: IntoIterator<Item = (String, Purpose)>>(purposes: I) -> Self {
        Self(purposes.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_yes_ends_when_it_or_its_purpose_says_whichever_is_earlier() {
        let at = |ms| Timestamp::from_millis(ms).expect("in range");
        let year = Purpose { valid_for_ms: Some(1000), ..Purpose::default() };
        assert_eq!(year.end(at(5), None), Some(at(1005)));
        assert_eq!(year.end(at(5), Some(at(7))), Some(at(7)));
        assert_eq!(year.end(at(5), Some(at(7000))), Some(at(1005)));
        assert_eq!(Purpose::default().end(at(5), Some(at(7000))), Some(at(7000)));
        assert_eq!(Purpose::default().end(at(5), None), None);
    }

    #[test]
    fn what_is_not_declared_is_strict_and_lasts() {
        assert_eq!(Purposes::default().get("marketing"), Purpose::default());
        assert_eq!(Purpose::default().merge, MergePolicy::Strictest);
    }
}
