//! The rules of identity: which namespaces exist, and what each may do.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::identifier::Namespace;

/// How values of a namespace are cleaned, and what is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Normaliser {
    /// Unicode NFC, trimmed.
    Text,
    /// An address: trimmed, lower case, domain in ASCII.
    Email,
    /// 64 hex digits: the SHA-256 of a normalised e-mail; shares the node of that e-mail.
    EmailSha256,
    /// E.164.
    Phone,
    /// `network:handle`, lower case.
    Social,
}

impl Normaliser {
    /// All normalisers, as the configuration names them.
    pub const ALL: [Self; 5] = [Self::Text, Self::Email, Self::EmailSha256, Self::Phone, Self::Social];

    /// The name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Email => "email",
            Self::EmailSha256 => "email_sha256",
            Self::Phone => "phone",
            Self::Social => "social",
        }
    }
}

/// What becomes of the edges of an identifier that two people share on stronger grounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contested {
    /// They are tried last, the newest first.
    Newest,
    /// They are left out: the identifier belongs to neither.
    Apart,
}

impl Contested {
    /// Both, as the configuration names them.
    pub const ALL: [Self; 2] = [Self::Newest, Self::Apart];

    /// The name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Apart => "apart",
        }
    }
}

/// How many distinct others an identifier may be seen with before it is quarantined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeighbourLimit {
    /// In all.
    pub total: u32,
    /// Of one namespace; those not named here count towards the total only.
    pub of: BTreeMap<Namespace, u32>,
}

impl NeighbourLimit {
    /// A limit on the total only.
    #[must_use]
    pub fn total(total: u32) -> Self {
        Self { total, of: BTreeMap::new() }
    }
}

/// The rules of one namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespaceRules {
    /// 1 is strongest.
    pub priority: u8,
    /// How many values one person may have; 1 makes the namespace `unique`, `None` sets no limit.
    pub max_per_person: Option<u32>,
    /// Beyond this the identifier links nothing.
    pub max_neighbours: NeighbourLimit,
    /// What happens when two people share a value.
    pub contested: Contested,
    /// How values are cleaned.
    pub normalise: Normaliser,
}

/// The rules of all namespaces. What a configuration does not mention keeps its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// By name.
    pub namespaces: BTreeMap<Namespace, NamespaceRules>,
    /// Evidence is remembered in steps of this many milliseconds, so that a returning visitor costs one read.
    pub evidence_granularity_ms: i64,
}

impl Rules {
    /// The rules of a namespace, if it exists.
    #[must_use]
    pub fn namespace(&self, namespace: &Namespace) -> Option<&NamespaceRules> {
        self.namespaces.get(namespace)
    }

    /// How values of a namespace are cleaned, if it exists.
    #[must_use]
    pub fn normaliser(&self, namespace: &Namespace) -> Option<Normaliser> {
        self.namespaces.get(namespace).map(|rules| rules.normalise)
    }

    /// The namespace that a node carries: that of the e-mail for its SHA-256, else itself.
    #[must_use]
    pub fn node_namespace(&self, namespace: &Namespace) -> Namespace {
        match self.normaliser(namespace) {
            Some(Normaliser::EmailSha256) => Namespace::new("email"),
            _ => namespace.clone(),
        }
    }
}

impl Default for Rules {
    fn default() -> Self {
        use Contested::{Apart, Newest};
        use Normaliser::{Email, EmailSha256, Phone, Social, Text};
        let rule = |priority, max_per_person, neighbours, contested, normalise| NamespaceRules {
            priority,
            max_per_person,
            max_neighbours: NeighbourLimit::total(neighbours),
            contested,
            normalise,
        };
        let namespaces = [
            ("customer_id", rule(1, Some(1), 1000, Newest, Text)),
            ("loyalty_id", rule(2, Some(1), 1000, Newest, Text)),
            ("email", rule(3, Some(20), 200, Newest, Email)),
            ("email_sha256", rule(3, Some(20), 200, Newest, EmailSha256)),
            ("phone", rule(4, Some(20), 100, Newest, Phone)),
            ("social", rule(5, Some(20), 100, Newest, Social)),
            ("card_token", rule(5, Some(20), 100, Newest, Text)),
            ("device_id", rule(8, None, 100, Apart, Text)),
            ("cookie", rule(9, None, 50, Apart, Text)),
            ("anonymous_id", rule(9, None, 50, Apart, Text)),
        ];
        Self {
            namespaces: namespaces.into_iter().map(|(name, rules)| (Namespace::new(name), rules)).collect(),
            evidence_granularity_ms: 3_600_000,
        }
    }
}
