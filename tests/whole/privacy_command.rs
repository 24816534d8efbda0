//! `kinfold privacy` on a state folder: who was erased is gone from every file and does not come back, others stay as they were,
//! and what is refused changes nothing.

use std::path::Path;

use kinfold_privacy::verify::{public_key, to_hex};
use serde_json::Value;

use crate::programs::program;
use crate::steward::{Steward, said, touchpoint};

const FILES: [&str; 3] = ["assignments.jsonl", "profiles.jsonl", "consents.jsonl"];

/// Ann by three identifiers, Bea by two.
fn sample() -> Vec<String> {
    vec![
        touchpoint("t-1", "webshop", &["customer_id:C-1", "email:ann@example.org"]),
        touchpoint("t-2", "till", &["email:ann@example.org", "cookie:ann-1"]),
        touchpoint("t-3", "crm", &["customer_id:C-2", "email:bea@example.org"]),
    ]
}

/// All that a run leaves behind.
fn files(out: &Path) -> String {
    FILES.map(|name| std::fs::read_to_string(out.join(name)).expect("it was written")).concat()
}

/// `kinfold privacy`, with its exit code and what it says and complains of.
fn asks(steward: &Steward, arguments: &[&str]) -> (Option<i32>, String) {
    let answer = steward.ask(&[&["privacy"], arguments].concat());
    (answer.status.code(), said(&answer.stdout) + &said(&answer.stderr))
}

fn erases(steward: &Steward, arguments: &[&str]) -> Value {
    let told = steward.does(&[&["privacy", "erase", "--json"], arguments].concat());
    let told: Value = serde_json::from_str(&told).expect("JSON");
    told[0].clone()
}

#[test]
fn whoever_is_erased_is_in_no_file_and_does_not_come_back_with_the_same_touchpoints() {
    let steward = Steward::new();
    let before = files(&steward.resolve(&sample(), "before"));
    for trace in ["ann@example.org", "C-1", "ann-1", "\"t-2\"", "bea@example.org"] {
        assert!(before.contains(trace), "{trace}");
    }
    let person = steward.person("email:ann@example.org").expect("is somebody");
    let receipt = erases(&steward, &["email: ANN@example.org", "--request-id", "r-1"]);
    assert_eq!(receipt["status"], "done", "{receipt}");
    assert_eq!(receipt["request_id"], "r-1");
    assert_eq!(receipt["person_ids"], serde_json::json!([person]));
    assert_eq!(receipt["identifiers"], 3, "{receipt}");
    assert_eq!(receipt["touchpoints"], 2, "{receipt}");
    assert!(receipt["completed"].is_string() && receipt["last_copy_gone"].is_string(), "{receipt}");
    let later = touchpoint("t-4", "webshop", &["customer_id:C-1"]);
    for lines in [Vec::new(), sample(), vec![later]] {
        let after = files(&steward.resolve(&lines, "after"));
        for trace in ["ann@example.org", "C-1", "ann-1", "\"t-1\"", "\"t-2\"", "\"t-4\"", &person] {
            assert!(!after.contains(trace), "{trace} is there after {} touchpoints", lines.len());
        }
        assert!(after.contains("bea@example.org"));
    }
}

#[test]
fn an_identifier_alone_is_taken_out_and_its_person_stays() {
    let steward = Steward::new();
    steward.resolve(&sample(), "before");
    let receipt = erases(&steward, &["cookie:ann-1", "--scope", "identifier"]);
    assert_eq!(receipt["status"], "done", "{receipt}");
    assert_eq!(receipt["identifiers"], 1, "{receipt}");
    let after = files(&steward.resolve(&sample(), "after"));
    assert!(!after.contains("ann-1") && after.contains("ann@example.org") && after.contains("C-1"));
}

#[test]
fn what_is_refused_changes_nothing_and_says_why_without_the_value() {
    let steward = Steward::new();
    let before = files(&steward.resolve(&sample(), "before"));
    let (code, told) = asks(&steward, &["erase", "email:nobody@example.org", "--request-id", "r-1"]);
    assert!(code == Some(2) && told.contains("status       refused"), "{code:?}: {told}");
    assert!(told.contains("because") && !told.contains("nobody@example.org"), "{told}");
    let (code, told) = asks(&steward, &["status", "r-1"]);
    assert!(code == Some(0) && told.contains("status       refused"), "{code:?}: {told}");
    assert_eq!(files(&steward.resolve(&[], "after")), before);
}

#[test]
fn a_request_that_comes_again_gets_the_same_receipt_and_its_id_is_good_for_no_other() {
    let steward = Steward::new();
    steward.resolve(&sample(), "before");
    let first = erases(&steward, &["email:ann@example.org", "--request-id", "r-1"]);
    let again = erases(&steward, &["email:ann@example.org", "--request-id", "r-1"]);
    for member in ["status", "person_ids", "identifiers", "sightings", "touchpoints", "completed"] {
        assert_eq!(first[member], again[member], "{member}");
    }
    let (code, told) = asks(&steward, &["erase", "email:bea@example.org", "--request-id", "r-1"]);
    assert_eq!(code, Some(2), "{told}");
    assert!(files(&steward.resolve(&[], "after")).contains("bea@example.org"));
}

#[test]
fn all_that_is_held_on_a_person_is_written_also_what_did_not_win_and_nothing_of_others() {
    use std::os::unix::fs::PermissionsExt;
    let steward = Steward::new();
    steward.resolve(&sample(), "before");
    let out = steward.path("ann");
    let folder = out.display().to_string();
    let told = steward.does(&["privacy", "export", "email:ann@example.org", "--out", &folder]);
    assert!(told.contains("export.json"), "{told}");
    let text = std::fs::read_to_string(out.join("export.json")).expect("it was written");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(document["person_id"], steward.person("email:ann@example.org").expect("is somebody"));
    assert_eq!(document["profile"]["attributes"]["city"]["value"], "t-2");
    assert_eq!(
        (&document["purposes"], &document["recipients"]),
        (&Value::Array(Vec::new()), &Value::Array(Vec::new()))
    );
    let said = document["said"].as_array().expect("an array").iter();
    let cities: Vec<&str> = said.filter_map(|said| said["attributes"][0]["value"].as_str()).collect();
    assert!(cities.contains(&"t-1") && cities.contains(&"t-2"), "{cities:?}");
    let page = std::fs::read_to_string(out.join("export.html")).expect("it was written");
    for trace in ["ann@example.org", "C-1", "ann-1", "t-1"] {
        assert!(text.contains(trace) && page.contains(trace), "{trace}");
    }
    assert!(!text.contains("bea@example.org") && !page.contains("bea@example.org"));
    let mode = std::fs::metadata(out.join("export.json")).expect("is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    erases(&steward, &["email:ann@example.org"]);
    let (code, told) = asks(&steward, &["export", "email:ann@example.org", "--out", &folder]);
    assert!(code == Some(1) && told.contains("belongs to nobody"), "{code:?}: {told}");
}

/// When the profile of whoever has this identifier says that they are restricted.
fn restricted(steward: &Steward, out: &str, value: &str) -> Value {
    let profiles = std::fs::read_to_string(steward.resolve(&[], out).join("profiles.jsonl"));
    let profiles = profiles.expect("it was written");
    let line = profiles.lines().find(|line| line.contains(value)).expect("is somebody");
    let profile: Value = serde_json::from_str(line).expect("JSON");
    profile["restricted"].clone()
}

#[test]
fn who_is_restricted_is_kept_and_says_so_until_it_is_lifted_by_another_identifier_of_theirs() {
    let steward = Steward::new();
    steward.resolve(&sample(), "before");
    assert_eq!(restricted(&steward, "out-1", "ann@example.org"), Value::Null);
    let told = steward.does(&["privacy", "restrict", "email:ann@example.org", "--json"]);
    let told: Value = serde_json::from_str(&told).expect("JSON");
    let receipt = &told[0];
    assert_eq!((&receipt["status"], &receipt["kind"]), (&"done".into(), &"restrict".into()), "{receipt}");
    let since = receipt["received"].clone();
    assert!(since.is_string(), "{receipt}");
    assert_eq!(restricted(&steward, "out-2", "ann@example.org"), since);
    assert_eq!(restricted(&steward, "out-3", "bea@example.org"), Value::Null);
    let explained = steward.does(&["explain", "customer_id:C-1", "--json"]);
    let explained: Value = serde_json::from_str(&explained).expect("JSON");
    assert_eq!((&explained["restricted"], &explained["restricted_known"]), (&since, &true.into()));
    steward.does(&["privacy", "lift", "customer_id:C-1"]);
    assert_eq!(restricted(&steward, "out-4", "ann@example.org"), Value::Null);
    let (code, told) = asks(&steward, &["restrict", "email:nobody@example.org"]);
    assert!(code == Some(2) && told.contains("never seen"), "{code:?}: {told}");
}

#[test]
fn a_request_that_never_came_has_no_receipt() {
    let steward = Steward::new();
    steward.resolve(&sample(), "before");
    let (code, told) = asks(&steward, &["status", "r-7"]);
    assert!(code == Some(1) && told.contains("there is no receipt for r-7"), "{code:?}: {told}");
}

#[test]
fn what_a_state_folder_does_not_keep_is_said_and_not_passed_over() {
    let steward = Steward::new();
    steward.resolve(&sample(), "before");
    let (code, told) = asks(&steward, &["erase", "email:ann@example.org", "--include-former"]);
    assert!(code == Some(64) && told.contains("a state folder keeps none"), "{code:?}: {told}");
    let identifier_alone = ["erase", "cookie:ann-1", "--scope", "identifier", "--include-former"];
    let (code, told) = asks(&steward, &identifier_alone);
    assert!(code == Some(64) && told.contains("--scope identifier leaves people"), "{code:?}: {told}");
    let (code, told) = asks(&steward, &["erase", "email:ann@example.org", "--dry-run"]);
    assert!(code == Some(64) && told.contains("--include-former"), "{code:?}: {told}");
    let (code, told) = asks(&steward, &["sweep"]);
    assert!(code == Some(0) && told.contains("keeps no dead letters"), "{code:?}: {told}");
    assert!(steward.person("email:ann@example.org").is_some(), "nobody was erased");
}

#[test]
fn without_a_state_folder_a_request_needs_a_signature() {
    let answer = program("kinfold")
        .env("KINFOLD_SECRET", "a secret that only tests use")
        .args(["privacy", "erase", "email:ann@example.org"])
        .output()
        .expect("kinfold runs");
    let told = said(&answer.stderr);
    assert!(answer.status.code() == Some(64) && told.contains("--verifier"), "{told}");
}

#[test]
fn an_export_that_nobody_signed_or_whose_signature_does_not_fit_is_refused_with_a_remedy() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out").display().to_string();
    let export = |more: &[&str]| {
        let answer = program("kinfold")
            .env("KINFOLD_SECRET", "a secret that only tests use")
            .env("KINFOLD_PRIVACY__VERIFIERS__DESK__PUBLIC_KEY", to_hex(&public_key(&[7; 32])))
            .args([&["privacy", "export", "email:ann@example.org", "--out", &out][..], more].concat())
            .output()
            .expect("kinfold runs");
        (answer.status.code(), said(&answer.stderr))
    };
    let digits = "0".repeat(128);
    let whole = ["--verifier", "desk", "--signature", &digits, "--request-id", "x-1", "--time", "1"];
    for (more, code, word) in [
        (&whole[..], 2, "has to name --request-id, --time, --verifier and IDENTIFIER"),
        (&[], 2, "--key or --signature"),
        (&["--verifier", "desk"], 2, "--key or --signature"),
        (&whole[..6], 64, "--time"),
        (&whole[..4], 64, "--request-id"),
        (&whole[2..], 64, "--verifier"),
        (&["--verifier", "desk", "--time", "1"], 64, "--signature"),
    ] {
        let (ended, told) = export(more);
        assert!(ended == Some(code) && told.contains(word), "{more:?}: {ended:?}: {told}");
    }
    assert!(!folder.path().join("out").exists(), "nothing was handed out");
}

#[test]
fn the_lines_that_keygen_prints_are_a_configuration_and_no_key_is_written_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("service-desk.key");
    let make = || program("kinfold").args(["privacy", "keygen"]).arg(&key).output().expect("kinfold runs");
    let made = make();
    assert_eq!(made.status.code(), Some(0), "{}", said(&made.stderr));
    let config = folder.path().join("kinfold.toml");
    std::fs::write(&config, &made.stdout).expect("writes");
    let check = program("kinfold").args(["config", "check", "--config"]).arg(&config).output();
    let checked = said(&check.expect("kinfold runs").stdout);
    assert!(checked.contains("[privacy.verifiers.\"service-desk\"]"), "{checked}");
    let secret = std::fs::read_to_string(&key).expect("it was written");
    assert!(!said(&made.stdout).contains(secret.trim()), "the secret key is not printed");
    assert_eq!(make().status.code(), Some(1));
    assert_eq!(std::fs::read_to_string(&key).expect("it is there"), secret);
}
