//! The standard fields of a profile, typed: what everybody asks for, so that nobody has to parse attributes.
//!
//! They hold nothing that identifiers and attributes do not. Empty is what nobody stated, or what may not be shown.

use serde::{Deserialize, Serialize};

use crate::date::Date;
use crate::time::Timestamp;

/// Standard fields. No `Debug`, for all of it is personal data.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standard {
    /// As the attribute has it.
    pub given_name: Option<String>,
    /// As the attribute has it.
    pub family_name: Option<String>,
    /// `None` also where the attribute is no day.
    pub birth_date: Option<Date>,
    /// BCP 47, where capture could read it.
    pub language: Option<String>,
    /// ISO 3166 alpha-2, where capture could read it.
    pub country: Option<String>,
    /// At most one today: the attributes of an address, side by side.
    pub addresses: Vec<Address>,
    /// Sorted by address. A hash is no address.
    pub emails: Vec<Email>,
    /// Sorted by number.
    pub phones: Vec<Phone>,
    /// Sorted by network and handle.
    pub socials: Vec<Social>,
}

/// Where somebody lives, or has things sent.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// With the number of the house.
    pub street: Option<String>,
    /// As the country writes it, where capture could read it.
    pub postal_code: Option<String>,
    /// The town.
    pub city: Option<String>,
    /// ISO 3166 alpha-2, where capture could read it.
    pub country: Option<String>,
    /// State, province, canton.
    pub region: Option<String>,
    /// When the part was verified whose verification is the oldest; `None` when one that is here never was.
    #[serde(default)]
    pub verified: Option<Timestamp>,
    /// Since when a part has to be verified again.
    #[serde(default)]
    pub verify_again: Option<Timestamp>,
    /// Since when a part is stale.
    #[serde(default)]
    pub stale: Option<Timestamp>,
}

/// An address of e-mail.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Email {
    /// Normalised.
    pub address: String,
    /// When a source last said that it has verified it.
    pub verified: Option<Timestamp>,
    /// Since when it has to be verified again; `None`: it has not, or never was.
    #[serde(default)]
    pub verify_again: Option<Timestamp>,
    /// Since when nobody has carried it for too long; `None`: it is not stale.
    #[serde(default)]
    pub stale: Option<Timestamp>,
    /// When mail was last known not to arrive there; `None` when it arrives, or nobody said.
    pub undeliverable: Option<Timestamp>,
    /// Least time of the touchpoints that carry it.
    pub first_seen: Timestamp,
    /// Greatest such time.
    pub last_seen: Timestamp,
}

/// A telephone number.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phone {
    /// E.164.
    pub number: String,
    /// When a source last said that it has verified it.
    pub verified: Option<Timestamp>,
    /// Since when it has to be verified again; `None`: it has not, or never was.
    #[serde(default)]
    pub verify_again: Option<Timestamp>,
    /// Since when nobody has carried it for too long; `None`: it is not stale.
    #[serde(default)]
    pub stale: Option<Timestamp>,
    /// When messages were last known not to arrive there; `None` when they arrive, or nobody said.
    #[serde(default)]
    pub undeliverable: Option<Timestamp>,
    /// Least time of the touchpoints that carry it.
    pub first_seen: Timestamp,
    /// Greatest such time.
    pub last_seen: Timestamp,
}

/// An account with a social network.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Social {
    /// For example `mastodon`.
    pub network: String,
    /// Of the account.
    pub handle: String,
    /// When a source last said that it has verified it.
    pub verified: Option<Timestamp>,
    /// Since when it has to be verified again; `None`: it has not, or never was.
    #[serde(default)]
    pub verify_again: Option<Timestamp>,
    /// Since when nobody has carried it for too long; `None`: it is not stale.
    #[serde(default)]
    pub stale: Option<Timestamp>,
    /// When messages were last known not to arrive there; `None` when they arrive, or nobody said.
    #[serde(default)]
    pub undeliverable: Option<Timestamp>,
    /// Least time of the touchpoints that carry it.
    pub first_seen: Timestamp,
    /// Greatest such time.
    pub last_seen: Timestamp,
}
