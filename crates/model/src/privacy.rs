//! Requests of people about their data, and what became of them: the records of `privacy-request` and `privacy-receipt`,
//! and what the stages tell each other about an erasure.
//!
//! An erasure has two halves. What is known goes: facets, profiles, the places where identifiers met. What stays is a mark
//! at each erased identifier, which is a keyed hash, so that what comes later, or comes again, is not taken in.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::erasure::Marks;
use crate::identifier::{Identifier, Namespace};
use crate::node::{NodeId, PersonId};
use crate::time::Timestamp;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrivacyKind {
    /// To be forgotten (GDPR, Art. 17).
    Erase,
    /// That what is known is kept and used for nothing (GDPR, Art. 18).
    Restrict,
    /// That what was restricted may be used again.
    Lift,
}

impl PrivacyKind {
    /// All of them, in the order of the schema.
    pub const ALL: [Self; 3] = [Self::Erase, Self::Restrict, Self::Lift];

    /// The name in records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Erase => "erase",
            Self::Restrict => "restrict",
            Self::Lift => "lift",
        }
    }
}

/// How far a request goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrivacyScope {
    /// All that belongs to the person to whom the identifier belongs.
    #[default]
    Person,
    /// This identifier alone; the person stays.
    Identifier,
}

impl PrivacyScope {
    /// The name in records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Identifier => "identifier",
        }
    }
}

/// What a request wants of each identifier that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Demand {
    /// To be forgotten, so far.
    Erase(PrivacyScope),
    /// Nothing of its person may be used.
    Restrict,
    /// What is known of its person may be used again.
    Lift,
}

/// The record of `privacy-request`. `Debug` masks the identifiers, which are personal data.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivacyRequest {
    /// Names it; the same id again gets the same answer.
    pub request_id: String,
    /// What is asked for.
    pub kind: PrivacyKind,
    /// How far it goes.
    #[serde(default)]
    pub scope: PrivacyScope,
    /// Of whom, 1 to 16; each as its source would write it.
    pub identifiers: Vec<RequestIdentifier>,
    /// When the person asked.
    pub time: Timestamp,
    /// Who has verified that the person is who they say, as the configuration names them.
    #[serde(default)]
    pub verifier: Option<String>,
    /// The verifier's signature: 128 hex digits.
    #[serde(default)]
    pub signature: Option<String>,
}

impl fmt::Debug for PrivacyRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "request {} to {}", self.request_id, self.kind.as_str())
    }
}

/// An identifier in a request.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequestIdentifier {
    /// One of the configuration, for example `email`.
    pub namespace: Namespace,
    /// As a source would write it.
    pub value: String,
}

impl fmt::Debug for RequestIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:***", self.namespace)
    }
}

impl From<Identifier> for RequestIdentifier {
    fn from(Identifier { namespace, value }: Identifier) -> Self {
        Self { namespace, value }
    }
}

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptStatus {
    /// It is being carried out.
    Accepted,
    /// All stages have confirmed it.
    Done,
    /// It was not carried out and changed nothing; the reason says why.
    Refused,
}

impl ReceiptStatus {
    /// All of them, in the order of the schema.
    pub const ALL: [Self; 3] = [Self::Accepted, Self::Done, Self::Refused];

    /// The name in records and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }
}

/// The record of `privacy-receipt`, keyed by request: the last one of a request is the one that holds. It has no identifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivacyReceipt {
    /// Of which request.
    pub request_id: String,
    /// What was asked for.
    pub kind: PrivacyKind,
    /// How far it goes.
    pub scope: PrivacyScope,
    /// How far it has come.
    pub status: ReceiptStatus,
    /// Why it was refused, or which of its identifiers were left out and why, or what whoever asked has to see to, such as decisions
    /// against a purpose that went with what was erased; a sentence each, without values.
    pub reasons: Vec<String>,
    /// Whom the identifiers belonged to, sorted.
    pub person_ids: Vec<PersonId>,
    /// How many identifiers were erased, those that had been erased before not counted; or how many were restricted or lifted.
    pub identifiers: i64,
    /// How many sets of identifiers, that touchpoints had, were looked at because one of them was erased.
    pub sightings: i64,
    /// How many touchpoints were forgotten.
    pub touchpoints: i64,
    /// The stages that have confirmed it, in the order of their times.
    pub stages: Vec<StageConfirmation>,
    /// When the person asked.
    pub requested: Timestamp,
    /// When the request was written to the log.
    pub received: Timestamp,
    /// When the last stage confirmed it; `None` before.
    pub completed: Option<Timestamp>,
    /// When the last copy in logs, old files and backups is gone, by the retentions of the configuration; `None` before it is completed,
    /// and where nothing was erased.
    pub last_copy_gone: Option<Timestamp>,
}

/// A stage has done its part of a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StageConfirmation {
    /// When.
    pub time: Timestamp,
    /// Its name.
    pub stage: String,
}

/// One piece of the work on a request, which every stage confirms: one node, asked by another one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ticket {
    /// Of which request.
    pub request_id: String,
    /// Which partition of the stage that answers for requests is told.
    pub desk: u32,
    /// Who asked the node: the identifier that the request names, or one that was erased for it.
    pub asked_by: NodeId,
}

/// The record of the inner topic `erasure`: what stitch tells facets of a node, because somebody asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ruling {
    /// It is erased, or something of it.
    Erased(Erasure),
    /// It is restricted, or is not any more.
    Restricted(Restriction),
}

impl Ruling {
    /// What it is about.
    #[must_use]
    pub fn node(&self) -> NodeId {
        match self {
            Self::Erased(erasure) => erasure.node,
            Self::Restricted(restriction) => restriction.node,
        }
    }
}

/// The person to whom this identifier belongs, now and whoever that is later, is restricted by it, or is not any more. Of several
/// about one identifier the latest holds, by [`Restriction::received`] and then by the request's id, in whatever order they come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restriction {
    /// An identifier.
    pub node: NodeId,
    /// Whether it is restricted.
    pub stands: bool,
    /// When the request was written to the log.
    pub received: Timestamp,
    /// No touchpoint that came before the request has a later time: an erasure of that time or a later one ends the restriction.
    pub latest: Timestamp,
    /// Which request, and who wants it confirmed.
    pub ticket: Ticket,
}

/// What is erased of the identifiers of a node. What counts of its touchpoints follows from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// An identifier or a sighting.
    pub node: NodeId,
    /// All marks that it knows of.
    pub marks: Marks,
    /// Who wants it confirmed; `None` for what came after the erasure, and when a mark is lifted.
    pub ticket: Option<Ticket>,
}

/// What a stage tells the one that answers for requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// About which request.
    pub request_id: String,
    /// Which partition is told.
    pub desk: u32,
    /// What.
    pub finding: Finding,
}

/// What a stage found or did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Finding {
    /// An identifier of the request belongs to this person, whose identifiers were asked.
    Resolved {
        /// Of the request.
        identifier: NodeId,
        /// `None` for one that belongs to nobody.
        person: Option<PersonId>,
        /// Which nodes were asked.
        asked: Vec<NodeId>,
        /// Whether it had been erased before.
        was_erased: bool,
    },
    /// Nobody has seen an identifier of the request.
    Unknown {
        /// Of the request.
        identifier: NodeId,
    },
    /// An identifier of the request belongs to too many people to be anybody's.
    Shared {
        /// Of the request.
        identifier: NodeId,
    },
    /// A stage has done a piece of the work.
    Confirmed {
        /// Who asked.
        asked_by: NodeId,
        /// Who was asked.
        node: NodeId,
        /// Which stage, and what it did.
        by: Confirmation,
    },
}

/// What a stage did for one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Confirmation {
    /// Stitch marked the node and asked so many others.
    Stitch {
        /// How many.
        asked: u32,
        /// Whether an identifier was marked that had not been.
        is_new: bool,
    },
    /// Facets has forgotten what so many touchpoints had said there, in all.
    Facets {
        /// How many.
        touchpoints: u64,
        /// How many decisions against a purpose went with them just now that may have been those of somebody who remains; 0 for
        /// what was forgotten before.
        denials: u64,
    },
    /// Facets knows of a later request that says otherwise of the node, and keeps to that.
    Overruled,
    /// This partition of people has published whoever was concerned.
    People {
        /// Which.
        partition: u32,
    },
}

impl Ticket {
    /// The report that a piece of the work is done.
    #[must_use]
    pub fn confirm(&self, node: NodeId, by: Confirmation) -> Report {
        let Self { request_id, desk, asked_by } = self.clone();
        Report { request_id, desk, finding: Finding::Confirmed { asked_by, node, by } }
    }
}
