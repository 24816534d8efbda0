//! What stitch says in public: which person a node belongs to, and how people changed.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::identifier::Namespace;
use crate::node::{NodeId, PersonId};
use crate::time::Timestamp;

/// The record of `identity-assignment` (compacted, keyed by node): this node belongs to this person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// An identifier or a sighting.
    pub node: NodeId,
    /// The namespace of an identifier; `None` for a sighting.
    pub namespace: Option<Namespace>,
    /// The person it belongs to from now on.
    pub person_id: PersonId,
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
}
