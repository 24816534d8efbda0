//! The block lists of all namespaces, made ready once: which identifiers say nothing about anybody.
//!
//! A record is refused when all its identifiers are blocked, for then it says nothing of anybody. Beside another
//! identifier a blocked one stays where it is: it is part of what was seen together, and stitch lets it link nothing.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::keys::sha256_hex;
use kinfold_model::{
    BlockList, Identifier, Namespace, NamespaceRules, Normaliser, Refusal, RefusalKind, Rules,
};

use crate::path::Path;
use crate::text;

/// The namespace whose values share their nodes with their hashes.
const EMAIL: &str = "email";

/// What is blocked, by namespace.
pub struct Blocks {
    everywhere: Listed,
    namespaces: BTreeMap<Namespace, Listed>,
}

/// One block list, and what of another one concerns the same nodes.
#[derive(Default)]
struct Listed {
    /// As a value is compared: NFC, in lower case.
    values: BTreeSet<String>,
    /// Of values: 64 hex digits.
    hashes: BTreeSet<String>,
    list: BlockList,
}

impl Blocks {
    /// The lists of these rules. An e-mail and its SHA-256 are one identifier, so that what blocks one blocks the other;
    /// patterns cannot, because a hash does not tell what it is of.
    #[must_use]
    pub fn new(rules: &Rules) -> Self {
        let mut namespaces: BTreeMap<Namespace, Listed> =
            rules.namespaces.iter().map(|(name, rules)| (name.clone(), Listed::of(&rules.block))).collect();
        let is_hashed = |rules: &NamespaceRules| rules.normalise == Normaliser::EmailSha256;
        let everywhere = Listed::of(&rules.block);
        let emails = namespaces.get(EMAIL).into_iter().flat_map(|listed| &listed.values);
        let hashes: BTreeSet<String> =
            emails.chain(&everywhere.values).map(|value| sha256_hex(value)).collect();
        let mut stated = BTreeSet::new();
        for (name, _) in rules.namespaces.iter().filter(|(_, rules)| is_hashed(rules)) {
            if let Some(listed) = namespaces.get_mut(name) {
                stated.extend(listed.values.iter().cloned());
                listed.values.extend(hashes.iter().cloned());
            }
        }
        if let Some(email) = namespaces.get_mut(EMAIL) {
            email.hashes = stated;
        }
        Self { everywhere, namespaces }
    }

    /// Whether a normalised value says nothing about anybody, whatever its case.
    #[must_use]
    pub fn hold(&self, namespace: &Namespace, value: &str) -> bool {
        let value = text::lower(value);
        let own = self.namespaces.get(namespace);
        self.everywhere.holds(&value) || own.is_some_and(|listed| listed.holds(&value))
    }

    /// # Errors
    /// `blocked_identifier` when these, which must be one or more, are all blocked.
    pub(crate) fn check(&self, identifiers: &[Identifier]) -> Result<(), Refusal> {
        if !identifiers.iter().all(|identifier| self.hold(&identifier.namespace, &identifier.value)) {
            return Ok(());
        }
        let complaint = "are all on the block list, so that nobody can be recognised by them; send at least one that \
                         is of a single person, or correct `block` and `block_patterns` in the configuration";
        Err(Refusal::new(
            RefusalKind::BlockedIdentifier,
            Path::ROOT.member("identifiers").to_string(),
            complaint,
        ))
    }
}

impl Listed {
    fn of(list: &BlockList) -> Self {
        let values = list.values().iter().map(|value| text::lower(&text::nfc(value.as_str().into())));
        Self { values: values.collect(), hashes: BTreeSet::new(), list: list.clone() }
    }

    fn holds(&self, value: &str) -> bool {
        self.values.contains(value)
            || self.list.holds(value)
            || (!self.hashes.is_empty() && self.hashes.contains(&sha256_hex(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(values: &[&str], patterns: &[&str]) -> BlockList {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        BlockList::new(own(values), own(patterns)).expect("valid patterns")
    }

    fn with(namespace: &str, block: BlockList) -> Blocks {
        let mut rules = Rules::default();
        rules.namespaces.get_mut(namespace).expect("a default namespace").block = block;
        Blocks::new(&rules)
    }

    fn hold(blocks: &Blocks, namespace: &str, value: &str) -> bool {
        blocks.hold(&Namespace::new(namespace), value)
    }

    #[test]
    fn every_default_value_is_blocked_in_its_place_whatever_its_case() {
        let rules = Rules::default();
        let blocks = Blocks::new(&rules);
        for (name, of_namespace) in &rules.namespaces {
            for value in of_namespace.block.values().iter().chain(rules.block.values()) {
                assert!(
                    blocks.hold(name, value) && blocks.hold(name, &value.to_uppercase()),
                    "{name} {value}"
                );
                assert!(!blocks.hold(name, &format!("{value}7a")), "{name} {value}: the whole value counts");
            }
        }
    }

    #[test]
    fn every_default_pattern_is_anchored_and_blocks_what_it_is_meant_for() {
        let blocks = Blocks::new(&Rules::default());
        for (namespace, value, expected) in [
            ("cookie", "0000", true),
            ("device_id", "00000000-0000-0000-0000-000000000000", true),
            ("device_id", "00:00:00:00:00:00", true),
            ("device_id", "00000000-0000-0000-0000-000000000001", false),
            ("email", "noreply@shop.example.org", true),
            ("email", "No-Reply@Shop.Example.org", true),
            ("email", "do-not-reply@example.org", true),
            ("email", "donotreply@example.org", true),
            ("email", "mailer-daemon@example.org", true),
            ("email", "postmaster@example.org", true),
            ("email", "ann.noreply@example.org", false),
            ("email", "noreply.ann@example.org", false),
            ("email", "x@localhost", true),
            ("email", "x@example.invalid", true),
            ("email", "x@localhost.example.org", false),
            ("phone", "+1000000", true),
            ("phone", "+49000000", false),
            ("phone", "+15555555", true),
            ("phone", "+5555555555", true),
            ("phone", "+155555551", false),
            ("device_id", "ffffffff-ffff-ffff-ffff-ffffffffffff", true),
            ("device_id", "FF:FF:FF:FF:FF:FF", true),
            ("device_id", "ffffffff-ffff-ffff-ffff-fffffffffffe", false),
        ] {
            assert_eq!(hold(&blocks, namespace, value), expected, "{namespace} {value}");
        }
    }

    #[test]
    fn ordinary_values_are_not_blocked_by_default() {
        let blocks = Blocks::new(&Rules::default());
        for (namespace, values) in [
            ("customer_id", ["0012", "1", "C-4711", "10000000"].as_slice()),
            ("loyalty_id", &["0400-1234-0000", "L1"]),
            ("email", &["ann@example.org", "test@example.com", "anonymous@example.org", "reply@example.org"]),
            ("email_sha256", &["973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b"]),
            ("phone", &["+493511234567", "+16502530000", "+4915555555555", "+41441234567", "+15555551234"]),
            ("social", &["github:ann", "x:test", "mastodon.social:none"]),
            ("card_token", &["tok_0000", "4f2a00000000"]),
            ("device_id", &["ffa0c1d2-0000-4000-8000-000000000000", "a1:b2:c3:00:00:ff", "ff"]),
            ("cookie", &["GA1.2.123.456", "c1", "nullable", "testing"]),
            ("anonymous_id", &["anon-17", "00000001"]),
        ] {
            for value in values {
                assert!(!hold(&blocks, namespace, value), "{namespace} {value}");
            }
        }
    }

    #[test]
    fn a_list_of_a_namespace_is_for_that_namespace() {
        let blocks = with("cookie", list(&["demo"], &["bot-.*"]));
        for (value, of_cookie) in [("demo", true), ("bot-17", true), ("a bot-17", false)] {
            assert_eq!(hold(&blocks, "cookie", value), of_cookie, "{value}");
            assert!(!hold(&blocks, "device_id", value), "{value}");
        }
        assert!(!hold(&blocks, "no such namespace", "demo") && hold(&blocks, "no such namespace", "null"));
    }

    #[test]
    fn what_blocks_an_email_blocks_its_hash_and_the_other_way_round() {
        let (ann, ben) = ("ann@example.org", "ben@example.org");
        let blocks = with("email", list(&[ann], &["b.*"]));
        assert!(hold(&blocks, "email_sha256", &sha256_hex(ann)));
        assert!(
            hold(&blocks, "email", ben) && !hold(&blocks, "email_sha256", &sha256_hex(ben)),
            "no pattern can"
        );
        let blocks = with("email_sha256", list(&[&sha256_hex(ann)], &[]));
        assert!(hold(&blocks, "email", ann) && !hold(&blocks, "email", ben));
        assert!(!hold(&blocks, "phone", ann), "for no other namespace");
    }

    #[test]
    fn a_value_is_compared_in_nfc_and_lower_case() {
        let blocks = with("cookie", list(&["ZU\u{308}RICH"], &[]));
        assert!(hold(&blocks, "cookie", "zürich") && hold(&blocks, "cookie", "ZÜRICH"));
    }
}
