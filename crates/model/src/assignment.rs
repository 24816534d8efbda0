//! What stitch says in public: which person a node belongs to, and how people changed.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::identifier::Namespace;
use crate::node::{NodeId, PersonId};
use crate::time::Timestamp;

/// The record of `identity-assignment` (compacted, keyed by node): this node belongs to this person. A node that
/// belongs to nobody any more has a tombstone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// An identifier or a sighting.
    pub node: NodeId,
    /// The namespace of an identifier; `None` for a sighting.
    pub namespace: Option<Namespace>,
    /// The person it belongs to from now on.
    pub person_id: PersonId,
    /// Whether it is erased: all that was said at it is forgotten, and a tombstone follows.
    #[serde(default)]
    pub erased: bool,
}

/// How the people of a component changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// Somebody new.
    Created,
    /// Two or more became one.
    Merged,
    /// One became two or more.
    Split,
    /// Identifiers went from somebody to somebody else; or somebody older was found, whose id now stands for them.
    Moved,
    /// Nobody is left.
    Retired,
}

impl ChangeKind {
    /// All kinds, in the order of the schema.
    pub const ALL: [Self; 5] = [Self::Created, Self::Merged, Self::Split, Self::Moved, Self::Retired];

    /// The name in records, metrics and files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Merged => "merged",
            Self::Split => "split",
            Self::Moved => "moved",
            Self::Retired => "retired",
        }
    }
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What brought a change about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeRule {
    /// New evidence, or evidence that is older than what was known.
    #[default]
    Evidence,
    /// An identifier had more neighbours than its namespace allows.
    Quarantine,
    /// A component grew beyond its limit, and identifiers were taken out.
    MaxComponent,
    /// An identifier is on the block list.
    Block,
    /// A steward's command; `command_id` says which.
    Command,
    /// New rules, or another look at what an earlier version decided.
    Rules,
    /// Somebody asked to be forgotten.
    Erasure,
}

impl ChangeRule {
    /// All of them, in the order of the schema.
    pub const ALL: [Self; 7] = [
        Self::Evidence,
        Self::Quarantine,
        Self::MaxComponent,
        Self::Block,
        Self::Command,
        Self::Rules,
        Self::Erasure,
    ];

    /// The name in records and files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Evidence => "evidence",
            Self::Quarantine => "quarantine",
            Self::MaxComponent => "max_component",
            Self::Block => "block",
            Self::Command => "command",
            Self::Rules => "rules",
            Self::Erasure => "erasure",
        }
    }
}

impl fmt::Display for ChangeRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A node that changed its person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Move {
    /// An identifier or a sighting.
    pub node: NodeId,
    /// The namespace of an identifier; `None` for a sighting.
    pub namespace: Option<Namespace>,
    /// Whose it was; `None` for a node that was nobody's.
    pub before: Option<PersonId>,
    /// Whose it is; `None` for a node that is nobody's.
    pub after: Option<PersonId>,
}

/// The record of `identity-change`, keyed by the first person after (or before, when nobody is left).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityChange {
    /// How.
    pub kind: ChangeKind,
    /// Who there was, sorted.
    pub person_ids_before: Vec<PersonId>,
    /// Who there is, sorted.
    pub person_ids_after: Vec<PersonId>,
    /// The nodes whose person is another one than before, sorted.
    pub moved: Vec<NodeId>,
    /// The sighting or identifier whose evidence brought it about.
    pub cause: NodeId,
    /// The time of that evidence.
    pub time: Timestamp,
    /// What made a difference. This and what follows are absent in version 1 of the schema.
    #[serde(default)]
    pub rule: ChangeRule,
    /// The rules that decided; empty in a record of version 1.
    #[serde(default)]
    pub rules_version: String,
    /// The steward's command that brought it about, if one did.
    #[serde(default)]
    pub command_id: Option<String>,
    /// The nodes of `moved`, each with its person before and after; those that are new to their person are not told.
    #[serde(default)]
    pub moves: Vec<Move>,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde::de::value::{Error, StrDeserializer};

    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own_that_serde_shares() {
        let names: BTreeSet<_> = ChangeKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(names.len(), ChangeKind::ALL.len());
        for kind in ChangeKind::ALL {
            let named: Result<_, Error> = ChangeKind::deserialize(StrDeserializer::new(kind.as_str()));
            assert_eq!(named, Ok(kind));
        }
    }

    #[test]
    fn every_rule_has_a_name_of_its_own_that_serde_shares() {
        let names: BTreeSet<_> = ChangeRule::ALL.iter().map(|rule| rule.as_str()).collect();
        assert_eq!(names.len(), ChangeRule::ALL.len());
        for rule in ChangeRule::ALL {
            let named: Result<_, Error> = ChangeRule::deserialize(StrDeserializer::new(rule.as_str()));
            assert_eq!(named, Ok(rule));
        }
    }
}
