//! The laws of `[privacy]`, and of the time after which the last copy is gone.

use kinfold_privacy::verify::{public_key, to_hex};

use super::{load, only_fault};
use crate::process::kafka_settings;

const DAY_MS: i64 = 86_400_000;

/// Of a verifier.
fn key() -> String {
    to_hex(&public_key(&[7; 32]))
}

#[test]
fn verifiers_are_read_by_name_from_the_file_and_from_variables_and_described_as_they_are() {
    let key = key();
    let text = format!("[privacy.verifiers.\"service.desk\"]\npublic_key = \"{}\"\n", key.to_uppercase());
    let config =
        load(&text, &[("KINFOLD_PRIVACY__VERIFIERS__PORTAL__PUBLIC_KEY", key.as_str())]).expect("valid");
    let verifiers = &config.privacy.verifiers;
    assert!(verifiers.named().map(|(name, _)| name).eq(["portal", "service.desk"]));
    assert!(verifiers.named().all(|(_, public)| to_hex(&public) == key));
    assert_eq!(&load(&config.describe(), &[]).expect("accepted").privacy.verifiers, verifiers);
    assert_eq!(load("", &[]).expect("valid").privacy.verifiers.named().count(), 0);
}

#[test]
fn verifiers_that_cannot_be_meant_are_faults() {
    let right = format!("public_key = \"{}\"", key());
    let crowd: String = (0..257).map(|n| format!("[privacy.verifiers.v{n}]\n{right}\n")).collect();
    let with_a_typo = format!("[privacy.verifiers.desk]\n{right}\nkey = 1\n");
    let neutral = format!("[privacy.verifiers.desk]\npublic_key = \"01{}\"\n", "0".repeat(62));
    let spaced = format!("[privacy.verifiers.\"service desk\"]\n{right}\n");
    for (text, expected) in [
        ("[privacy.verifiers.desk]\n", "privacy.verifiers.desk has no public_key; write public_key"),
        ("[privacy.verifiers.desk]\npublic_key = \"\"\n", "has no public_key"),
        (
            "[privacy.verifiers.desk]\npublic_key = \"abc\"\n",
            "public_key is no public key; write the 64 hex digits",
        ),
        ("[privacy.verifiers.desk]\npublic_key = 5\n", "is a number; write a text in quotes"),
        ("[privacy.verifiers]\ndesk = \"abc\"\n", "is a text and not a section"),
        ("[privacy]\nverifier = \"desk\"\n", "did you mean privacy.verifiers?"),
        (&neutral, "is no public key of Ed25519"),
        (&with_a_typo, "privacy.verifiers.desk.key is no setting"),
        (&spaced, "is no name of a verifier"),
        (&crowd, "has 257 verifiers; name at most 256"),
    ] {
        let said = only_fault(text, &[]);
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn who_may_come_back_is_told_by_purposes_that_are_declared_and_nobody_does_by_default() {
    let text = "[privacy]\nreturn_by = [\"news\"]\n[purposes.news]\n";
    let config = load(text, &[]).expect("valid");
    assert!(config.privacy.returning.purposes().eq(["news"]));
    assert_eq!(load(&config.describe(), &[]).expect("accepted").privacy.returning, config.privacy.returning);
    let confirmed = load(&format!("{text}double_opt_in = true\n"), &[]).expect("valid");
    assert_ne!(
        confirmed.privacy.returning, config.privacy.returning,
        "it knows that a yes has to be confirmed"
    );
    let nobody = load("", &[]).expect("valid");
    assert_eq!(nobody.privacy.returning.purposes().count(), 0);
    assert!(kafka_settings(&config).broker_time && !kafka_settings(&nobody).broker_time);
    let said = only_fault("[privacy]\nreturn_by = [\"news\"]\n", &[]);
    assert!(said.contains("is no purpose that is declared"), "{said}");
}

#[test]
fn the_last_copy_is_gone_when_the_slowest_of_logs_changelogs_and_copies_has_forgotten() {
    let after = |text: &str| load(text, &[]).expect("valid").last_copy_after_ms();
    let day = |days: i64| days * DAY_MS;
    // Changelogs: a week until they are compacted, a week until their tombstones are gone.
    assert_eq!(after(""), day(14));
    // A segment is deleted when its newest record is of age.
    assert_eq!(after("[topics]\nraw_retention_ms = 2_592_000_000"), day(31));
    assert_eq!(after("[topics]\nrefused_retention_ms = 2_592_000_000"), day(31));
    assert_eq!(after("[topics]\nraw_retention_ms = 60_000"), day(14));
    // The two newest copies are kept, and what no copy needs for another day.
    let copies = "[checkpoints]\nurl = \"file:///copies\"\ninterval_ms = 86_400_000\n";
    assert_eq!(after(copies), day(14 + 2 + 1));
    assert_eq!(after(&format!("{copies}[topics]\nraw_retention_ms = 2_592_000_000")), day(31));
}
