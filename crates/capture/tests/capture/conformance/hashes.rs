//! Hashes of e-mail addresses: UID2 exchanges them in Base64, others in hex.

use kinfold_model::Normaliser;
use kinfold_model::keys::sha256_hex;
use serde_json::{Value, json};

use super::{Normalised, Suite, list};

/// That both spellings of a hash are read, and that the hash of what we normalise is theirs.
pub(super) fn uid2(vectors: &Value) -> [Suite; 3] {
    let ours = Normalised::by(Normaliser::EmailUid2);
    let hash = |value: &Value| ours.value("email_sha256", value, "DE");
    let mut of_addresses = Suite::new("UID2 hashes of e-mails", "`email_sha256` of the normalised address");
    for (index, case) in list(&vectors["email_valid"]).iter().enumerate() {
        let address = ours.value("email", &case["input"], "DE").map(|address| sha256_hex(&address));
        let theirs = hash(&case["sha256_b64"]);
        let normalised = case["normalized"].as_str().unwrap_or_default();
        let is_idn = !normalised.rsplit('@').next().is_some_and(str::is_ascii);
        of_addresses.compare(index, address.as_deref(), theirs.as_deref(), || {
            is_idn.then_some(
                "The hash is of the address with its domain in ASCII, so that both spellings have one hash.",
            )
        });
    }
    let mut spellings = Suite::new("UID2 spellings of a hash", "`email_sha256`");
    for case in list(&vectors["email_hash"]) {
        let theirs = hash(&case["normalized"]);
        assert!(theirs.is_some(), "their own spelling is read");
        for (index, input) in list(&case["inputs"]).iter().enumerate() {
            spellings.compare(index, hash(input).as_deref(), theirs.as_deref(), || None);
        }
    }
    let mut invalid = Suite::new("UID2 hashes that are none", "`email_sha256`");
    for (index, case) in list(&vectors["email_hash_invalid"]).iter().enumerate() {
        invalid.compare(index, hash(&json!(case)).as_deref(), None, || None);
    }
    [of_addresses, spellings, invalid]
}
