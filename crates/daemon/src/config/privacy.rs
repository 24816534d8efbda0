//! Requests of people about their data. In: `[privacy]`, and the purposes that there are. Out: the public keys of those who verify
//! requests; by consents to which purposes somebody who was erased may come back; and, from the retentions of the whole
//! configuration, how long the last copy of what was erased may live.

use kinfold_checkpoint::{COPIES, LEFTOVER_AGE};
use kinfold_kafka::topics::{COMPACTION_LAG_MS, DELETE_RETENTION_MS, SEGMENT_MS};
use kinfold_model::{Purposes, Returning};
use kinfold_privacy::Verifiers;
use kinfold_privacy::verify::from_hex;

use super::outputs::nfc;
use super::reader::Section;
use super::settings::{allow, is_name};
use super::{Config, PrivacyConfig};

/// Nobody has more desks, and each request is looked up among them.
const VERIFIERS_MAX: usize = 256;

/// Reads the section.
pub(super) fn read_privacy(root: &mut Section<'_>, purposes: &Purposes) -> PrivacyConfig {
    // What is missing may be just what could not be read.
    let are_sound = root.is_sound("purposes");
    let mut section = root.section("privacy");
    let returning = section.list("return_by", &[], |name| {
        let remedy = "correct it, or declare it: [purposes.<name>]";
        allow(!are_sound || purposes.declared(&nfc(name)).is_some(), "is no purpose that is declared", remedy)
    });
    let returning = Returning::by(returning.iter().map(|name| nfc(name)), purposes);
    let mut verifiers = Verifiers::default();
    let mut named = section.section("verifiers");
    let given = named.given();
    if given.len() > VERIFIERS_MAX {
        let what = format!("has {} verifiers", given.len());
        section.fault("verifiers", what, format!("name at most {VERIFIERS_MAX}"));
    }
    for name in given {
        if !is_name(&name) {
            let remedy = "use 1 to 100 of the letters A-Z a-z 0-9 . _ -, for example service-desk";
            named.fault(&name, "is no name of a verifier", remedy);
        }
        let section = named.section(&name);
        if named.is_sound(&name) {
            verifier(section, &name, &mut verifiers);
        }
    }
    section.finish();
    PrivacyConfig { verifiers, returning }
}

fn verifier(mut section: Section<'_>, name: &str, verifiers: &mut Verifiers) {
    let text = section.text("public_key", "", |text| {
        let remedy = "write the 64 hex digits that `kinfold privacy keygen` prints";
        allow(text.is_empty() || from_hex::<32>(text).is_some(), "is no public key", remedy)
    });
    match from_hex(&text).map(|key| verifiers.add(name, &key)) {
        Some(Ok(())) => {}
        Some(Err(error)) => {
            let remedy = "write the 64 hex digits that `kinfold privacy keygen` prints";
            section.fault("public_key", error.to_string(), remedy);
        }
        None if section.is_sound("public_key") => {
            let remedy =
                "write public_key = \"…\" with the 64 hex digits that `kinfold privacy keygen` prints";
            section.fault_here("has no public_key", remedy);
        }
        None => {}
    }
    section.finish();
}

impl Config {
    /// How long after an erasure its last copy in logs, old files and backups may live, in milliseconds, if all goes on as
    /// configured: topics as `kinfold topics plan` shows them, consumers at work. Nobody here knows of mirrors, snapshots of
    /// disks, or versions that an object store keeps.
    #[must_use]
    pub fn last_copy_after_ms(&self) -> i64 {
        // A segment is deleted as a whole, when its newest record has come of age.
        let log = |retention_ms: i64| retention_ms.saturating_add(retention_ms.min(SEGMENT_MS));
        // The value is gone with the compaction; whoever follows the log has seen its tombstone, or makes its state anew,
        // when the tombstone is gone too.
        let compacted = COMPACTION_LAG_MS + DELETE_RETENTION_MS;
        // A copy is gone when there are newer ones, and its files when nobody can be sending them any more.
        let copies = i64::try_from(COPIES).unwrap_or(i64::MAX).saturating_mul(self.checkpoints.interval_ms);
        let leftover_ms = i64::try_from(LEFTOVER_AGE.as_millis()).unwrap_or(i64::MAX);
        let copies = self.checkpoints.url.as_ref().map_or(0, |_| copies.saturating_add(leftover_ms));
        let logs = log(self.topics.raw_retention_ms).max(log(self.topics.refused_retention_ms));
        // A copy may have been made of a store whose files still held what it had deleted. They are rewritten within a week, and
        // what was set aside is kept for no longer.
        logs.max(compacted.saturating_add(copies))
    }
}
