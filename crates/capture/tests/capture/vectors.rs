//! Examples that other projects publish, in the folder that `KINFOLD_TEST_DATA` names: what capture makes of them.

use std::path::PathBuf;

use kinfold_capture::Settings;
use serde_json::{Value, json};

use super::captured;

/// A file of examples; `None`, with a word about it, where there is none. Under `CI` that is a failure.
#[expect(clippy::print_stderr, reason = "a skipped test must say so, and a test has no other voice")]
#[expect(clippy::disallowed_methods, reason = "the test is the driver here; the stage reads nothing")]
fn examples(name: &str) -> Option<Value> {
    let workspace = PathBuf::from("../..");
    let data = std::env::var_os("KINFOLD_TEST_DATA").unwrap_or_else(|| "../shared/data".into());
    let file = workspace.join(data).join("vectors").join(name);
    if let Ok(text) = std::fs::read_to_string(&file) {
        return Some(serde_json::from_str(&text).expect("a file of JSON"));
    }
    assert!(std::env::var_os("CI").is_none(), "{} is missing: set KINFOLD_TEST_DATA", file.display());
    eprintln!("skipped: {} is missing; KINFOLD_TEST_DATA names another folder", file.display());
    None
}

/// The normalised value of one identifier, or `None` when it is refused.
fn normalised(namespace: &str, value: &str, country: &str) -> Option<String> {
    let identifier = json!({"namespace": namespace, "value": value});
    let record =
        json!({"time": 0, "source": "x", "identifiers": [identifier], "attributes": {"country": country}});
    let touchpoint = captured(record.to_string().as_bytes(), Settings::default()).ok()?;
    touchpoint.identifiers.into_iter().next().map(|identifier| identifier.value)
}

fn text<'a>(example: &'a Value, member: &str) -> &'a str {
    example[member].as_str().unwrap_or_default()
}

#[test]
fn every_example_number_of_libphonenumber_is_read_as_e164() {
    let Some(examples) = examples("libphonenumber_examples.json") else { return };
    let examples = examples.as_array().expect("a list");
    assert!(examples.len() > 1000);
    for example in examples {
        let (region, e164) = (text(example, "region"), text(example, "e164"));
        assert_eq!(normalised("phone", e164, "XX").as_deref(), Some(e164));
        // Satellite and other networks of no country are listed under 001, which nobody writes as a country.
        if region != "001" {
            assert_eq!(
                normalised("phone", text(example, "national"), region).as_deref(),
                Some(e164),
                "{region}"
            );
        }
    }
}

#[test]
fn addresses_come_out_as_advertising_platforms_hash_them() {
    let Some(examples) = examples("uid2_normalization.json") else { return };
    for example in examples["email_valid"].as_array().expect("a list") {
        let (input, expected) = (text(example, "input"), text(example, "normalized"));
        // They also drop the dots and tags of one provider, and leave domains in Unicode, which mail servers do not.
        let customary = expected.ends_with("@gmail.com") || !expected.rsplit('@').all(str::is_ascii);
        if !customary {
            assert_eq!(normalised("email", input, "XX").as_deref(), Some(expected), "{input:?}");
        }
    }
}

#[test]
fn no_address_that_is_none_by_the_rfcs_is_accepted() {
    let Some(examples) = examples("isemail_tests.json") else { return };
    for example in examples.as_array().expect("a list") {
        // The file writes control characters as their pictures, from U+2400 on.
        let control =
            |c: char| char::from_u32(u32::from(c).wrapping_sub(0x2400)).filter(char::is_ascii_control);
        let address: String = text(example, "address").chars().map(|c| control(c).unwrap_or(c)).collect();
        let (category, diagnosis) = (text(example, "category"), text(example, "diagnosis"));
        // White space around an address is trimmed; dots in odd places were given out by Japanese providers.
        let tolerated = address.trim() != address || (diagnosis.contains("_DOT") && !address.contains("@."));
        if category == "ISEMAIL_ERR" && !tolerated {
            assert_eq!(normalised("email", &address, "XX"), None, "{address:?}: {diagnosis}");
        }
    }
}
