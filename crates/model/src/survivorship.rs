//! Survivorship: of several values of one attribute, which one a profile shows, as a company declares it; how long values and their
//! verification last, of attributes and of identifiers; and which attributes tell what somebody is interested in.
//!
//! What a facet keeps does not depend on it, so a rule can be changed at any time.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::identifier::Namespace;
use crate::time::Timestamp;

/// Of so many attributes at most a rule is declared: a facet keeps no more.
pub const RULES_MAX: usize = 256;
/// At most so many sources stand in one list, and of so many the newest word on an attribute is kept, whatever else was said of it.
pub const SOURCES_MAX: usize = 64;
/// At most so many attributes tell of interests, and a profile shows at most so many of them.
pub const INTERESTS_MAX: usize = 100;

/// Which value survives. Of those that are equal by a rule the newest does, then that of the greatest touchpoint id, value and
/// source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum SurvivorRule {
    /// The one that was stated last.
    #[default]
    Newest,
    /// The one that was stated first.
    Oldest,
    /// The one that the most distinct touchpoints stated, of whatever source.
    MostFrequent,
    /// The newest of the first source of a list that stated any; else the newest.
    SourcePriority,
    /// The one with the most characters.
    Longest,
    /// The one that a source verified last, unless that has to be done again; else the newest.
    VerifiedFirst,
    /// All of them, side by side.
    Union,
}

impl SurvivorRule {
    /// All of them, as the configuration names them.
    pub const ALL: [Self; 7] = [
        Self::Newest,
        Self::Oldest,
        Self::MostFrequent,
        Self::SourcePriority,
        Self::Longest,
        Self::VerifiedFirst,
        Self::Union,
    ];

    /// The name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Oldest => "oldest",
            Self::MostFrequent => "most_frequent",
            Self::SourcePriority => "source_priority",
            Self::Longest => "longest",
            Self::VerifiedFirst => "verified_first",
            Self::Union => "union",
        }
    }
}

/// How long what was said of something lasts. Both are told of it once they have passed; nothing goes away for that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ageing {
    /// How long a value stands that nobody states again, in milliseconds, before it is stale; `None`: for ever.
    pub stale_after_ms: Option<i64>,
    /// How long a verification counts, in milliseconds, whoever states the value again; `None`: for ever.
    pub verify_again_after_ms: Option<i64>,
}

impl Ageing {
    /// From when on a value is stale that was last confirmed then; `None`: never.
    #[must_use]
    pub fn stale(self, confirmed: Timestamp) -> Option<Timestamp> {
        self.stale_after_ms.map(|ms| confirmed.plus_millis(ms))
    }

    /// From when on a value has to be verified again that was last verified then; `None`: never.
    #[must_use]
    pub fn verify_again(self, verified: Timestamp) -> Option<Timestamp> {
        self.verify_again_after_ms.map(|ms| verified.plus_millis(ms))
    }
}

/// What is declared of one attribute.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AttributeRule {
    /// Which value survives.
    pub rule: SurvivorRule,
    /// The first is believed most; empty unless the rule is [`SurvivorRule::SourcePriority`].
    pub sources: Vec<String>,
    /// How long its values and their verification last.
    pub ageing: Ageing,
}

impl AttributeRule {
    /// The place of a source in the list; the first is 0.
    #[must_use]
    pub fn place(&self, source: &str) -> Option<usize> {
        self.sources.iter().position(|listed| listed == source)
    }
}

/// All that is declared of attributes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Survivorship {
    /// By the name of the attribute.
    rules: BTreeMap<String, AttributeRule>,
    /// Of an attribute of which nothing is declared.
    default: AttributeRule,
    /// By namespace, how long identifiers and their verification last.
    identifiers: BTreeMap<Namespace, Ageing>,
    /// The attributes that tell what somebody is interested in.
    pub interests: BTreeSet<String>,
    /// So many interests a profile shows.
    pub interests_max: usize,
}

impl Survivorship {
    /// Those that tell of interests unless something else is declared.
    pub const INTERESTS: [&'static str; 3] = ["newsletter_topic", "interest", "category"];

    /// These rules, and of all other attributes the default; interests are the usual ones.
    #[must_use]
    pub fn new(default: SurvivorRule, rules: BTreeMap<String, AttributeRule>) -> Self {
        let default = AttributeRule { rule: default, ..AttributeRule::default() };
        let interests = Self::INTERESTS.map(str::to_owned).into();
        Self { rules, default, identifiers: BTreeMap::new(), interests, interests_max: 10 }
    }

    /// The same, with the attributes that tell of interests, and how many interests a profile shows.
    #[must_use]
    pub fn with_interests(self, interests: BTreeSet<String>, interests_max: usize) -> Self {
        Self { interests, interests_max, ..self }
    }

    /// The same, with how long identifiers of these namespaces last.
    #[must_use]
    pub fn with_identifiers(self, identifiers: BTreeMap<Namespace, Ageing>) -> Self {
        Self { identifiers, ..self }
    }

    /// How long identifiers of a namespace last.
    #[must_use]
    pub fn ageing_of(&self, namespace: &Namespace) -> Ageing {
        self.identifiers.get(namespace).copied().unwrap_or_default()
    }

    /// What holds for an attribute.
    #[must_use]
    pub fn of(&self, name: &str) -> &AttributeRule {
        self.rules.get(name).unwrap_or(&self.default)
    }

    /// What holds for attributes of which nothing is declared.
    #[must_use]
    pub fn default_rule(&self) -> SurvivorRule {
        self.default.rule
    }

    /// What is declared, in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &AttributeRule)> {
        self.rules.iter().map(|(name, rule)| (name.as_str(), rule))
    }
}

impl Default for Survivorship {
    /// The newest of every attribute, and the usual interests.
    fn default() -> Self {
        Self::new(SurvivorRule::default(), BTreeMap::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_declared_goes_by_the_default() {
        let crm = AttributeRule {
            rule: SurvivorRule::SourcePriority,
            sources: vec!["crm".to_owned(), "webshop".to_owned()],
            ageing: Ageing { stale_after_ms: Some(5), verify_again_after_ms: Some(3) },
        };
        let declared = Survivorship::new(SurvivorRule::Oldest, [("city".to_owned(), crm.clone())].into());
        assert_eq!(declared.of("city"), &crm);
        assert_eq!(declared.of("street").rule, SurvivorRule::Oldest);
        assert_eq!(Survivorship::default().of("city"), &AttributeRule::default());
        assert_eq!((crm.place("webshop"), crm.place("till")), (Some(1), None));
    }

    #[test]
    fn a_verification_ages_by_itself_and_what_has_no_limit_never_does() {
        let at = |ms| Timestamp::from_millis(ms).expect("in range");
        let ageing = Ageing { stale_after_ms: Some(5), verify_again_after_ms: Some(3) };
        assert_eq!((ageing.stale(at(1)), ageing.verify_again(at(1))), (Some(at(6)), Some(at(4))));
        assert_eq!((Ageing::default().stale(at(1)), Ageing::default().verify_again(at(1))), (None, None));
        let declared = Survivorship::default().with_identifiers([(Namespace::new("email"), ageing)].into());
        assert_eq!(declared.ageing_of(&Namespace::new("email")), ageing);
        assert_eq!(declared.ageing_of(&Namespace::new("phone")), Ageing::default());
    }
}
