//! The rules of identity: which namespaces exist, and what each may do.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::block_list::BlockList;
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
    /// As `Email`, and what one provider ignores is left out, as UID2 prescribes it for hashing.
    EmailUid2,
    /// As `Email`, and what any of the large providers ignores is left out.
    EmailProvider,
}

impl Normaliser {
    /// All normalisers, as the configuration names them.
    pub const ALL: [Self; 7] = [
        Self::Text,
        Self::Email,
        Self::EmailSha256,
        Self::Phone,
        Self::Social,
        Self::EmailUid2,
        Self::EmailProvider,
    ];

    /// The name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Email => "email",
            Self::EmailSha256 => "email_sha256",
            Self::Phone => "phone",
            Self::Social => "social",
            Self::EmailUid2 => "email_uid2",
            Self::EmailProvider => "email_provider",
        }
    }

    /// Whether values are addresses in the clear, whose nodes are those of their SHA-256.
    #[must_use]
    pub fn is_email(self) -> bool {
        matches!(self, Self::Email | Self::EmailUid2 | Self::EmailProvider)
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

/// When a merge is held for review: a join between two people of which one of these is true.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    /// Both have at least this many identifiers; 0 never holds.
    pub identifiers: u32,
    /// Both have a value of one of these namespaces, and not the same.
    pub namespaces: BTreeSet<Namespace>,
}

/// Which rules decided: a hash of all of them. Text form: 16 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RulesVersion([u8; 8]);

impl fmt::Display for RulesVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
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
    /// Values that link nothing, besides those blocked everywhere.
    pub block: BlockList,
}

impl NamespaceRules {
    /// How many sightings an identifier may be part of before it is quarantined whatever its neighbours are. It
    /// bounds what is stored of it; an identifier within `max_neighbours` comes near it only when the same few
    /// others were seen in ever new combinations.
    #[must_use]
    pub fn max_sightings(&self) -> u32 {
        self.max_neighbours.total.saturating_mul(4).saturating_add(16)
    }
}

/// The rules of all namespaces. What a configuration does not mention keeps its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// By name.
    pub namespaces: BTreeMap<Namespace, NamespaceRules>,
    /// Evidence is remembered in steps of this many milliseconds, so that a returning visitor costs one read.
    pub evidence_granularity_ms: i64,
    /// Values that link nothing in any namespace.
    pub block: BlockList,
    /// Which merges wait for a steward.
    pub guard: Guard,
    /// How many identifiers and sightings a component may hold. Each touchpoint reads its component, so this bounds
    /// the time that one may take; and a component must fit into one record while it is handed on.
    pub max_component: u32,
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

    /// A hash of everything that these rules say.
    ///
    /// # Panics
    /// Never: rules are plain data.
    #[must_use]
    pub fn version(&self) -> RulesVersion {
        let bytes = postcard::to_extend(self, Vec::new()).expect("rules are plain data, and a Vec grows");
        let mut version = [0; 8];
        version.copy_from_slice(&blake3::hash(&bytes).as_bytes()[..8]);
        RulesVersion(version)
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
            block: BlockList::default(),
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
        let mut namespaces: BTreeMap<Namespace, NamespaceRules> =
            namespaces.into_iter().map(|(name, rules)| (Namespace::new(name), rules)).collect();
        for (name, rules) in &mut namespaces {
            rules.block = BlockList::of_namespace(name.as_str());
        }
        Self {
            namespaces,
            evidence_granularity_ms: 3_600_000,
            block: BlockList::everywhere(),
            guard: Guard { identifiers: 50, namespaces: BTreeSet::new() },
            max_component: 2000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every way to differ from the default by one field.
    fn changed() -> Vec<Rules> {
        let changes: [fn(&mut Rules); 14] = [
            |rules| rules.evidence_granularity_ms += 1,
            |rules| rules.max_component += 1,
            |rules| rules.guard.identifiers += 1,
            |rules| _ = rules.guard.namespaces.insert(Namespace::new("email")),
            |rules| rules.block = BlockList::default(),
            |rules| drop(rules.namespaces.remove("cookie")),
            |rules| {
                drop(rules.namespaces.insert(Namespace::new("hotel"), rules.namespaces["cookie"].clone()))
            },
            |rules| cookie(rules).priority += 1,
            |rules| cookie(rules).max_per_person = Some(7),
            |rules| cookie(rules).max_neighbours.total += 1,
            |rules| _ = cookie(rules).max_neighbours.of.insert(Namespace::new("email"), 3),
            |rules| cookie(rules).contested = Contested::Newest,
            |rules| cookie(rules).normalise = Normaliser::Social,
            |rules| cookie(rules).block = BlockList::of_namespace("email"),
        ];
        let changed = |change: fn(&mut Rules)| {
            let mut rules = Rules::default();
            change(&mut rules);
            rules
        };
        changes.map(changed).into()
    }

    fn cookie(rules: &mut Rules) -> &mut NamespaceRules {
        rules.namespaces.get_mut("cookie").expect("a default namespace")
    }

    #[test]
    fn equal_rules_have_one_version_and_rules_that_differ_in_any_field_another() {
        assert_eq!(Rules::default().version(), Rules::default().version());
        let mut versions: BTreeSet<RulesVersion> = changed().iter().map(Rules::version).collect();
        assert!(versions.insert(Rules::default().version()), "a change of the default changes its version");
        assert_eq!(versions.len(), changed().len() + 1, "no two rules share a version");
    }

    #[test]
    fn a_version_is_16_hex_digits() {
        let text = Rules::default().version().to_string();
        assert!(text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit()), "{text}");
        assert_eq!(RulesVersion([0, 0, 0, 0, 0, 0, 1, 0xab]).to_string(), "00000000000001ab");
    }

    #[test]
    fn rules_are_read_back_as_they_were_written() {
        let bytes = postcard::to_stdvec(&Rules::default()).expect("plain data");
        assert_eq!(postcard::from_bytes(&bytes), Ok(Rules::default()));
    }
}
