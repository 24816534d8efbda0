//! The nouns of Kinfold, and the seam through which a stage meets the world.
//!
//! Nothing here decides and nothing here performs I/O: what goes in are values that somebody else read, what
//! comes out are the records of the public topics ([`Touchpoint`], [`Assignment`], [`IdentityChange`],
//! [`UnifiedProfile`], [`ConsentChange`], [`PrivacyRequest`], [`PrivacyReceipt`], [`DeadLetter`]) and the ids that hold them together.

// What the tests of several crates share says `kinfold_model` here, too.
#[cfg(test)]
extern crate self as kinfold_model;

pub mod assignment;
pub mod block_list;
pub mod command;
pub mod consent;
pub mod date;
pub mod erasure;
pub mod field;
mod forms;
pub mod identifier;
pub mod keys;
pub mod money;
pub mod node;
pub mod output;
pub mod privacy;
pub mod profile;
pub mod purpose;
pub mod quality;
pub mod refusal;
pub mod rules;
pub mod seam;
pub mod standard;
pub mod stored;
pub mod survivorship;
pub mod time;
pub mod touchpoint;
pub mod versioned;

pub use assignment::{Assignment, ChangeKind, ChangeRule, IdentityChange, Move};
pub use block_list::{BlockList, BlockListError};
pub use command::{Command, CommandKind};
pub use consent::{Consent, ConsentChange, ConsentScope, ConsentState, Decision, EffectiveConsent};
pub use date::Date;
pub use erasure::{Agreements, Mark, Marks, Reach, Returning};
pub use field::{Field, Metric};
pub use identifier::{Identifier, Namespace};
pub use keys::{Keys, Secret};
pub use money::{Amount, Currency};
pub use node::{NodeId, NodeKind, PersonId, Rank};
pub use output::{Form, Output, Outputs};
pub use privacy::{PrivacyReceipt, PrivacyRequest};
pub use profile::{Reason, UnifiedProfile};
pub use purpose::{Basis, MergePolicy, Purpose, Purposes, Silence};
pub use quality::{Flag, FlagKind, SourceQuality};
pub use refusal::{DeadLetter, Refusal, RefusalKind};
pub use rules::{Contested, Guard, NamespaceRules, Normaliser, Rules, RulesVersion};
pub use seam::{Context, Fault, Halt, Partition, Stage, State, View};
pub use standard::Standard;
pub use survivorship::{Ageing, AttributeRule, SurvivorRule, Survivorship};
pub use time::Timestamp;
pub use touchpoint::{OrderStatus, Touchpoint, TouchpointIdentifier};
