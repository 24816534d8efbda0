//! The schemas of the public topics: every version that was ever published, built into the program.
//!
//! The highest version is the current one, with which we write; any version can be read.

use std::sync::LazyLock;

use serde_avro_fast::Schema;

use crate::topic::Topic;

/// All published versions of one topic's schema.
pub struct Contract {
    topic: Topic,
    /// Version 1 first; never empty.
    versions: Vec<Version>,
}

/// One published version.
pub struct Version {
    topic: Topic,
    number: u32,
    json: &'static str,
    schema: Schema,
}

pub(crate) static TOUCHPOINT: LazyLock<Contract> = LazyLock::new(|| {
    published(
        Topic::Touchpoint,
        &[
            include_str!("../../../schemas/published/touchpoint/1.avsc"),
            include_str!("../../../schemas/published/touchpoint/2.avsc"),
            include_str!("../../../schemas/published/touchpoint/3.avsc"),
            include_str!("../../../schemas/published/touchpoint/4.avsc"),
            include_str!("../../../schemas/published/touchpoint/5.avsc"),
        ],
    )
});

pub(crate) static TOUCHPOINT_REFUSED: LazyLock<Contract> = LazyLock::new(|| {
    published(
        Topic::TouchpointRefused,
        &[
            include_str!("../../../schemas/published/touchpoint-refused/1.avsc"),
            include_str!("../../../schemas/published/touchpoint-refused/2.avsc"),
            include_str!("../../../schemas/published/touchpoint-refused/3.avsc"),
            include_str!("../../../schemas/published/touchpoint-refused/4.avsc"),
        ],
    )
});

pub(crate) static IDENTITY_COMMAND: LazyLock<Contract> = LazyLock::new(|| {
    published(Topic::IdentityCommand, &[include_str!("../../../schemas/published/identity-command/1.avsc")])
});

pub(crate) static IDENTITY_ASSIGNMENT: LazyLock<Contract> = LazyLock::new(|| {
    published(
        Topic::IdentityAssignment,
        &[
            include_str!("../../../schemas/published/identity-assignment/1.avsc"),
            include_str!("../../../schemas/published/identity-assignment/2.avsc"),
        ],
    )
});

pub(crate) static IDENTITY_CHANGE: LazyLock<Contract> = LazyLock::new(|| {
    published(
        Topic::IdentityChange,
        &[
            include_str!("../../../schemas/published/identity-change/1.avsc"),
            include_str!("../../../schemas/published/identity-change/2.avsc"),
            include_str!("../../../schemas/published/identity-change/3.avsc"),
        ],
    )
});

pub(crate) static UNIFIED_PROFILE: LazyLock<Contract> = LazyLock::new(|| {
    published(
        Topic::UnifiedProfile,
        &[
            include_str!("../../../schemas/published/unified-profile/1.avsc"),
            include_str!("../../../schemas/published/unified-profile/2.avsc"),
            include_str!("../../../schemas/published/unified-profile/3.avsc"),
            include_str!("../../../schemas/published/unified-profile/4.avsc"),
            include_str!("../../../schemas/published/unified-profile/5.avsc"),
            include_str!("../../../schemas/published/unified-profile/6.avsc"),
        ],
    )
});

pub(crate) static CONSENT_CHANGE: LazyLock<Contract> = LazyLock::new(|| {
    published(
        Topic::ConsentChange,
        &[
            include_str!("../../../schemas/published/consent-change/1.avsc"),
            include_str!("../../../schemas/published/consent-change/2.avsc"),
            include_str!("../../../schemas/published/consent-change/3.avsc"),
            include_str!("../../../schemas/published/consent-change/4.avsc"),
        ],
    )
});

pub(crate) static PRIVACY_REQUEST: LazyLock<Contract> = LazyLock::new(|| {
    published(
        Topic::PrivacyRequest,
        &[
            include_str!("../../../schemas/published/privacy-request/1.avsc"),
            include_str!("../../../schemas/published/privacy-request/2.avsc"),
        ],
    )
});

pub(crate) static PRIVACY_RECEIPT: LazyLock<Contract> = LazyLock::new(|| {
    published(
        Topic::PrivacyReceipt,
        &[
            include_str!("../../../schemas/published/privacy-receipt/1.avsc"),
            include_str!("../../../schemas/published/privacy-receipt/2.avsc"),
        ],
    )
});

impl Contract {
    /// Whose schema this is.
    #[must_use]
    pub fn topic(&self) -> Topic {
        self.topic
    }

    /// The version with which records are written.
    #[must_use]
    pub fn current(&self) -> &Version {
        self.versions.last().expect("a contract has at least one version")
    }

    /// A version by its number, from 1.
    #[must_use]
    pub fn version(&self, number: u32) -> Option<&Version> {
        self.versions.iter().find(|version| version.number == number)
    }

    /// All versions, version 1 first.
    #[must_use]
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// The version with this Rabin fingerprint, in the byte order of the wire (little endian). Versions that
    /// differ in words only have one fingerprint and one form on the wire.
    #[must_use]
    pub fn by_fingerprint(&self, fingerprint: [u8; 8]) -> Option<&Version> {
        self.versions.iter().rev().find(|version| version.fingerprint() == fingerprint)
    }
}

impl Version {
    /// Whose schema this is.
    #[must_use]
    pub fn topic(&self) -> Topic {
        self.topic
    }

    /// From 1.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The schema as it was published, for a schema registry or the header of a file.
    #[must_use]
    pub fn json(&self) -> &'static str {
        self.json
    }

    /// The Rabin fingerprint of the schema's canonical form, in the byte order of the wire (little endian).
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 8] {
        *self.schema.rabin_fingerprint()
    }

    pub(crate) fn schema(&self) -> &Schema {
        &self.schema
    }
}

fn published(topic: Topic, texts: &[&'static str]) -> Contract {
    let version = |(number, json): (u32, &&'static str)| Version {
        topic,
        number,
        json,
        schema: json.parse().expect("the published schemas are part of the program, and a test parses each"),
    };
    Contract { topic, versions: (1..).zip(texts).map(version).collect() }
}
