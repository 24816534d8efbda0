//! A steward's command: a statement about identity that outweighs what touchpoints say. It is evidence like theirs:
//! kept, explained, and taken back by sending it again as withdrawn.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::identifier::Namespace;
use crate::node::NodeId;
use crate::time::Timestamp;

/// What a command says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandKind {
    /// The two identifiers are of one person, whatever the limits per person say.
    Link,
    /// The two identifiers are of different people, whatever touchpoints say. A newer `link` of the same two wins.
    Unlink,
    /// The identifier says nothing about anybody.
    Block,
    /// The identifier is not quarantined, however many others it was seen with.
    Release,
    /// What `source` says about the identifier, or what one touchpoint of `source` says about all of its
    /// identifiers, counts for nothing.
    Forget,
}

impl CommandKind {
    /// All kinds, in the order of the schema.
    pub const ALL: [Self; 5] = [Self::Link, Self::Unlink, Self::Block, Self::Release, Self::Forget];

    /// The name in records, on the command line and in files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Unlink => "unlink",
            Self::Block => "block",
            Self::Release => "release",
            Self::Forget => "forget",
        }
    }
}

impl fmt::Display for CommandKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An identifier without its value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CommandIdentifier {
    /// Its node.
    pub node: NodeId,
    /// The namespace of that node.
    pub namespace: Namespace,
}

/// The record of `identity-command`, keyed by `command_id`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Names it; the same id again with `withdrawn` takes it back, whatever came first.
    pub command_id: String,
    /// What it says.
    pub kind: CommandKind,
    /// Who says so.
    pub author: String,
    /// Why, for whoever asks later. No personal data belongs here.
    pub reason: String,
    /// When.
    pub time: Timestamp,
    /// Whether it is taken back.
    pub withdrawn: bool,
    /// Two for `link` and `unlink`; all of the touchpoint's for `forget` of a touchpoint; else one. Sorted by node.
    pub identifiers: Vec<CommandIdentifier>,
    /// Of `forget`: whose evidence.
    pub source: Option<String>,
    /// Of `forget`: one touchpoint only; `None` for all that the source says about the identifier.
    pub touchpoint_id: Option<String>,
}

impl fmt::Debug for Command {
    /// Neither who says so nor why is printed, for a steward may have written more there than belongs there.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "command {} to {}", self.command_id, self.kind)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde::de::value::{Error, StrDeserializer};

    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own_that_serde_shares() {
        let names: BTreeSet<_> = CommandKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(names.len(), CommandKind::ALL.len());
        for kind in CommandKind::ALL {
            let named: Result<_, Error> = CommandKind::deserialize(StrDeserializer::new(kind.as_str()));
            assert_eq!(named, Ok(kind));
        }
    }
}
