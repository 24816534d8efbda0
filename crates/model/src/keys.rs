//! The keyed hashes of a deployment: identifier → node id → rank, and anchor → person id.
//!
//! Whoever lacks the secret can neither tell an identifier from a node id nor compute a node id from an identifier.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::identifier::Identifier;
use crate::node::{NodeId, NodeKind, PersonId, Rank};
use crate::rules::Rules;

/// The secret of a deployment: 16 bytes or more. Prints as `***`.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

/// A secret that is too short to protect anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret needs at least 16 bytes, for example the output of `openssl rand -hex 32`")]
pub struct SecretError;

impl Secret {
    /// White space around the secret is dropped, because files and shells add it.
    ///
    /// # Errors
    /// [`SecretError`] when fewer than 16 bytes are left.
    pub fn new(bytes: &[u8]) -> Result<Self, SecretError> {
        let trimmed = bytes.trim_ascii();
        if trimmed.len() < 16 { Err(SecretError) } else { Ok(Self(trimmed.to_vec())) }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// One BLAKE3 key per purpose, all derived from the deployment's secret. Prints as `***`.
#[derive(Clone)]
pub struct Keys {
    node: [u8; 32],
    sighting: [u8; 32],
    bond: [u8; 32],
    rank: [u8; 32],
    person: [u8; 32],
    record: [u8; 32],
    content: [u8; 32],
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Keys {
    /// Derives the keys. The context strings are part of the format: another string, other ids.
    #[must_use]
    pub fn new(secret: &Secret) -> Self {
        Self {
            node: blake3::derive_key("kinfold 2026 node id", &secret.0),
            sighting: blake3::derive_key("kinfold 2026 sighting id", &secret.0),
            bond: blake3::derive_key("kinfold 2026 steward's link id", &secret.0),
            rank: blake3::derive_key("kinfold 2026 rank", &secret.0),
            person: blake3::derive_key("kinfold 2026 person id", &secret.0),
            record: blake3::derive_key("kinfold 2026 touchpoint id", &secret.0),
            content: blake3::derive_key("kinfold 2026 content of a record", &secret.0),
        }
    }

    /// The node of an identifier. An e-mail and its SHA-256 have the same node, because the e-mail is hashed first.
    #[must_use]
    pub fn identifier(&self, identifier: &Identifier, rules: &Rules) -> NodeId {
        let namespace = rules.node_namespace(&identifier.namespace);
        let mut hasher = blake3::Hasher::new_keyed(&self.node);
        hasher.update(namespace.as_str().as_bytes()).update(&[0]);
        match rules.normaliser(&identifier.namespace) {
            Some(normaliser) if normaliser.is_email() => {
                hasher.update(sha256_hex(&identifier.value).as_bytes())
            }
            _ => hasher.update(identifier.value.as_bytes()),
        };
        NodeId::new(first_16(hasher.finalize()), NodeKind::Identifier)
    }

    /// The node of a sighting: a hash of its identifiers' nodes, which must be sorted and distinct.
    /// A sighting of one identifier is that identifier's node.
    #[must_use]
    pub fn sighting(&self, identifiers: &[NodeId]) -> NodeId {
        debug_assert!(identifiers.is_sorted_by(|a, b| a < b));
        if let [only] = identifiers {
            return *only;
        }
        let mut hasher = blake3::Hasher::new_keyed(&self.sighting);
        for id in identifiers {
            hasher.update(id.as_bytes());
        }
        NodeId::new(first_16(hasher.finalize()), NodeKind::Sighting)
    }

    /// The node of a steward's link between identifiers, whose nodes must be sorted and distinct. It ranks as a
    /// sighting and is none of them.
    #[must_use]
    pub fn bond(&self, identifiers: &[NodeId]) -> NodeId {
        let mut hasher = blake3::Hasher::new_keyed(&self.bond);
        for id in identifiers {
            hasher.update(id.as_bytes());
        }
        NodeId::new(first_16(hasher.finalize()), NodeKind::Sighting)
    }

    /// A touchpoint's id as the identity graph knows it: enough to tell touchpoints of one sighting apart.
    #[must_use]
    pub fn touchpoint_mark(&self, touchpoint_id: &str) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] =
            first_16(blake3::keyed_hash(&self.record, touchpoint_id.as_bytes()));
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }

    /// Where a node stands in the order that elects roots and settles ties.
    #[must_use]
    pub fn rank(&self, node: NodeId) -> Rank {
        let hash = first_16(blake3::keyed_hash(&self.rank, node.as_bytes()));
        let [a, b, c, d, e, f, g, h, ..] = hash;
        Rank::new(node, u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }

    /// The id of the person whose anchor is this node.
    #[must_use]
    pub fn person(&self, anchor: NodeId) -> PersonId {
        PersonId::new(first_16(blake3::keyed_hash(&self.person, anchor.as_bytes())))
    }

    /// The id of a touchpoint that came without one: a hash of the record as it was received.
    #[must_use]
    pub fn touchpoint_id(&self, record: &[u8]) -> String {
        format!("{:032x}", u128::from_be_bytes(first_16(blake3::keyed_hash(&self.record, record))))
    }

    /// By what it is seen whether a content is another one than that of before. Whoever lacks the secret can neither try values against
    /// it nor make two that have the same.
    #[must_use]
    pub fn content(&self, content: &[u8]) -> [u8; 16] {
        first_16(blake3::keyed_hash(&self.content, content))
    }
}

/// Lower-case hex of the SHA-256 of a text, as advertising platforms exchange e-mail addresses.
#[must_use]
pub fn sha256_hex(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    Sha256::digest(text.as_bytes()).iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn first_16(hash: blake3::Hash) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_bytes()[..16]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(secret: &str) -> Keys {
        Keys::new(&Secret::new(secret.as_bytes()).expect("long enough"))
    }

    #[test]
    fn an_email_and_its_sha256_are_one_node() {
        let (keys, rules) = (keys("0123456789abcdef"), Rules::default());
        let hash = "973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b"; // of test@example.com
        assert_eq!(
            keys.identifier(&Identifier::new("email", "test@example.com"), &rules),
            keys.identifier(&Identifier::new("email_sha256", hash), &rules)
        );
    }

    #[test]
    fn another_secret_gives_other_ids() {
        let ann = Identifier::new("email", "ann@example.org");
        let rules = Rules::default();
        assert_ne!(
            keys("0123456789abcdef").identifier(&ann, &rules),
            keys("0123456789abcdeg").identifier(&ann, &rules)
        );
    }

    #[test]
    fn another_secret_tells_the_same_content_by_something_else() {
        let (one, other) = (keys("0123456789abcdef"), keys("0123456789abcdeg"));
        assert_eq!(one.content(b"Dresden"), one.content(b"Dresden"));
        assert_ne!(one.content(b"Dresden"), one.content(b"Leipzig"));
        assert_ne!(one.content(b"Dresden"), other.content(b"Dresden"));
    }

    #[test]
    fn namespace_and_value_do_not_run_into_each_other() {
        let (keys, rules) = (keys("0123456789abcdef"), Rules::default());
        assert_ne!(
            keys.identifier(&Identifier::new("a", "bc"), &rules),
            keys.identifier(&Identifier::new("ab", "c"), &rules)
        );
    }

    #[test]
    fn a_short_secret_is_refused_and_none_is_printed() {
        assert!(Secret::new(b"  too short    ").is_err());
        assert_eq!(format!("{:?}", Secret::new(b"0123456789abcdef")), "Ok(***)");
    }
}
