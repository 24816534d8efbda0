//! What other projects publish as right, and where capture differs from it: every vector is tried, every difference has a
//! reason, and `docs/conformance.md` is the table of them.
//!
//! The vectors lie in the folder that `KINFOLD_TEST_DATA` names. Of theirs the table has no more than numbers. `make bless`
//! rewrites it.

mod addresses;
mod hashes;
mod telephones;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use kinfold_capture::{Capture, Settings};
use kinfold_model::{BlockList, Normaliser, Rules};
use serde_json::{Value, json};

use super::{data, keys, now};

const DOCUMENT: &str = "../../docs/conformance.md";

const HEAD: &str = "\
# Conformance

What other projects publish as right for e-mail addresses, their hashes and telephone numbers, and where Kinfold differs from
it on purpose. A test tries every vector and writes this page (`make bless`); a difference without a reason fails it. Strings of
IAB TCF and GPP have a [page of their own](conformance-signals.md).

The vectors are not part of this project: tests read them where `KINFOLD_TEST_DATA` says, and here stand only their numbers,
counted from 0 in the order of their file unless it numbers them itself.

";

/// One list of vectors.
struct Suite {
    name: &'static str,
    /// Whose they are, and which setting of ours they are held against.
    about: &'static str,
    tried: usize,
    /// Reason → the vectors.
    differences: BTreeMap<&'static str, Vec<String>>,
}

impl Suite {
    fn new(name: &'static str, about: &'static str) -> Self {
        Self { name, about, tried: 0, differences: BTreeMap::new() }
    }

    /// Compares one vector; `reason` is asked when the two differ, and has to know one.
    fn compare(
        &mut self,
        id: impl std::fmt::Display,
        ours: Option<&str>,
        theirs: Option<&str>,
        reason: impl FnOnce() -> Option<&'static str>,
    ) {
        self.tried += 1;
        if ours != theirs {
            let reason = reason().unwrap_or_else(|| {
                panic!("{} {id}: ours {ours:?}, theirs {theirs:?}, and nobody says why", self.name)
            });
            self.differences.entry(reason).or_default().push(id.to_string());
        }
    }
}

/// Normalises values as one namespace would, with nothing on a block list.
struct Normalised(Capture);

impl Normalised {
    fn by(email: Normaliser) -> Self {
        let mut rules = Rules { block: BlockList::default(), ..Rules::default() };
        for (name, namespace) in &mut rules.namespaces {
            namespace.block = BlockList::default();
            if name.as_str() == "email" {
                namespace.normalise = email;
            }
        }
        Self(Capture::new(keys(), rules, Settings::default()))
    }

    /// The value of one identifier, or `None` when it is refused.
    fn value(&self, namespace: &str, value: &Value, country: &str) -> Option<String> {
        let identifier = json!({"namespace": namespace, "value": value});
        let record = json!({"time": 0, "source": "x", "identifiers": [identifier], "attributes": {"country": country}});
        let touchpoint = self.0.touchpoint(record.to_string().as_bytes(), now()).ok()?;
        touchpoint.identifiers.into_iter().next().map(|identifier| identifier.value)
    }
}

/// A file of vectors; `None` where there is none.
#[expect(clippy::disallowed_methods, reason = "the test is the driver here; the stage reads nothing")]
fn vectors(name: &str) -> Option<Value> {
    let text = std::fs::read_to_string(data::found(&format!("vectors/{name}"))?).expect("a text file");
    Some(serde_json::from_str(&text).expect("a file of JSON"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).expect("a list")
}

fn suites() -> Option<Vec<Suite>> {
    let uid2 = vectors("uid2_normalization.json")?;
    let mut suites = vec![
        addresses::is_email(&vectors("isemail_tests.json")?),
        addresses::validator_js(&vectors("validatorjs_normalizeEmail.json")?),
    ];
    suites.extend(addresses::uid2(&uid2));
    suites.extend(hashes::uid2(&uid2));
    suites.extend(telephones::libphonenumber(&vectors("libphonenumber_examples.json")?));
    suites.extend(telephones::uid2(&uid2));
    Some(suites)
}

fn document(suites: &[Suite]) -> String {
    let mut page = HEAD.to_owned();
    page.push_str("| vectors | held against | tried | as theirs | different |\n|---|---|---|---|---|\n");
    for suite in suites {
        let different: usize = suite.differences.values().map(Vec::len).sum();
        let Suite { name, about, tried, .. } = suite;
        writeln!(page, "| {name} | {about} | {tried} | {} | {different} |", tried - different)
            .expect("a String takes whatever is written to it");
    }
    page.push_str("\n## The differences\n\n| vectors | which | why |\n|---|---|---|\n");
    for suite in suites {
        for (reason, ids) in &suite.differences {
            writeln!(page, "| {} | {} | {reason} |", suite.name, ids.join(", "))
                .expect("a String takes whatever is written to it");
        }
    }
    page
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test is the driver here; the stage reads nothing")]
fn every_difference_from_published_vectors_has_a_reason_and_stands_in_the_table() {
    let Some(suites) = suites() else { return };
    assert!(suites.iter().all(|suite| suite.tried > 0), "no suite is empty");
    let (is, path) = (document(&suites), Path::new(DOCUMENT));
    if std::env::var_os("KINFOLD_BLESS").is_some() {
        std::fs::write(path, &is).expect("the page can be written");
    }
    let should = std::fs::read_to_string(path).unwrap_or_default();
    assert!(is == should, "docs/conformance.md is not what the vectors say; `make bless` rewrites it\n{is}");
}
