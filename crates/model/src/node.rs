//! Ids without personal data: [`NodeId`] of an identifier or a sighting, its [`Rank`], and [`PersonId`].

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// What a node of the identity graph stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeKind {
    /// A set of identifiers that were seen together.
    Sighting,
    /// One identifier.
    Identifier,
}

/// 127 bits of a keyed hash, and one bit that tells identifiers from sightings. Text form: 32 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId([u8; 16]);

impl NodeId {
    /// Takes a hash; its last bit gives way to the kind.
    #[must_use]
    pub fn new(mut hash: [u8; 16], kind: NodeKind) -> Self {
        hash[15] = (hash[15] & !1) | u8::from(kind == NodeKind::Identifier);
        Self(hash)
    }

    /// The bytes as they were stored.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// All 16 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Identifier or sighting.
    #[must_use]
    pub fn kind(self) -> NodeKind {
        if self.0[15] & 1 == 1 { NodeKind::Identifier } else { NodeKind::Sighting }
    }

    /// Whether this is a sighting.
    #[must_use]
    pub fn is_sighting(self) -> bool {
        self.kind() == NodeKind::Sighting
    }

    /// The partition that owns this node when there are `count` of them: the first four bytes, big endian, mod `count`.
    #[must_use]
    pub fn partition(self, count: u32) -> u32 {
        u32::from_be_bytes([self.0[0], self.0[1], self.0[2], self.0[3]]) % count.max(1)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not 32 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a node id is 32 hex digits")]
pub struct NodeIdError;

impl FromStr for NodeId {
    type Err = NodeIdError;

    fn from_str(text: &str) -> Result<Self, NodeIdError> {
        if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(NodeIdError);
        }
        u128::from_str_radix(text, 16).map(|n| Self(n.to_be_bytes())).map_err(|_| NodeIdError)
    }
}

impl Serialize for NodeId {
    /// Hex text for people (JSON, Avro), 16 bytes for state.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for NodeId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
            text.parse().map_err(de::Error::custom)
        } else {
            <[u8; 16]>::deserialize(deserializer).map(Self)
        }
    }
}

/// The total order of nodes: random, every identifier above every sighting. The highest node of a component is its root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    kind: NodeKind,
    hash: u64,
    /// Settles the case, one in 2⁶⁴, that two hashes agree.
    node: NodeId,
}

impl Rank {
    pub(crate) fn new(node: NodeId, hash: u64) -> Self {
        Self { kind: node.kind(), hash, node }
    }
}

/// A person: a UUID of version 8 from a keyed hash of the anchor's node id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersonId(Uuid);

impl PersonId {
    /// Takes a hash; version and variant bits are set as RFC 9562 has them for version 8.
    #[must_use]
    pub fn new(hash: [u8; 16]) -> Self {
        Self(Uuid::new_v8(hash))
    }

    /// The 16 bytes of the UUID.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The bytes as they were stored.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

impl fmt::Display for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_id_survives_its_text() {
        let id = NodeId::new([0xab; 16], NodeKind::Sighting);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string(), "abababababababababababababababaa");
    }

    #[test]
    fn an_identifier_ranks_above_a_sighting_whatever_the_hash() {
        let identifier = Rank::new(NodeId::new([0; 16], NodeKind::Identifier), 0);
        let sighting = Rank::new(NodeId::new([255; 16], NodeKind::Sighting), u64::MAX);
        assert!(identifier > sighting);
    }

    #[test]
    fn text_that_is_no_node_id_is_refused() {
        for text in ["", "ab", "+babababababababababababababababa", "zzababababababababababababababab"] {
            assert_eq!(text.parse::<NodeId>(), Err(NodeIdError));
        }
    }
}
