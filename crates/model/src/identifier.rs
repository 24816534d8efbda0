//! An identifier: a namespace and a normalised value, for example (`email`, `ann@example.org`).

use std::borrow::Borrow;
use std::fmt;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

/// The kind of an identifier: `email`, `customer_id`, `cookie`, … Always one that the rules name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Namespace(CompactString);

impl Namespace {
    /// No check is made here: the rules know which namespaces exist.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(CompactString::new(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Namespace {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A namespace and a normalised value. `Debug` masks the value, which is personal data.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identifier {
    /// The kind of identifier.
    pub namespace: Namespace,
    /// The value as the namespace's normaliser left it; never empty.
    pub value: String,
}

impl Identifier {
    /// Joins the two; the value must already be normalised.
    #[must_use]
    pub fn new(namespace: &str, value: &str) -> Self {
        Self { namespace: Namespace::new(namespace), value: value.to_owned() }
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:***", self.namespace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_keeps_the_value_to_itself() {
        assert_eq!(format!("{:?}", Identifier::new("email", "ann@example.org")), "email:***");
    }
}
