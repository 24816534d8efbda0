//! What other projects publish as right, and where this crate differs from it: every vector is tried, every difference has
//! a reason, and `docs/conformance-signals.md` is the table of them.
//!
//! The vectors lie in the folder that `KINFOLD_TEST_DATA` names. Of theirs the table has no more than numbers. `make bless`
//! rewrites it.

mod fields;
mod suites;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use super::data;

const DOCUMENT: &str = "../../docs/conformance-signals.md";

const HEAD: &str = "\
# Conformance of consent signals

What other projects publish as right for strings of TCF and GPP, and where Kinfold differs from it on purpose. A test tries
every vector and writes this page (`make bless`); a difference without a reason fails it. Values that are cleaned have a
[page of their own](conformance.md).

The vectors are not part of this project: tests read them where `KINFOLD_TEST_DATA` says, and here stand only their numbers,
counted from 0 in the order of their file. Of a vector all fields are compared that it names; a segment that a string does
not have counts as one in which nothing is set, as the vectors have it.

";

/// One list of vectors.
pub(super) struct Suite {
    name: &'static str,
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
        id: usize,
        ours: &Value,
        theirs: &Value,
        reason: impl FnOnce() -> Option<&'static str>,
    ) {
        self.tried += 1;
        if ours != theirs {
            let reason = reason().unwrap_or_else(|| {
                panic!("{} {id}:\nours   {ours}\ntheirs {theirs}\nand nobody says why", self.name)
            });
            self.differences.entry(reason).or_default().push(id.to_string());
        }
    }
}

/// A file of vectors; `None` where there is none.
#[expect(clippy::disallowed_methods, reason = "the test is the driver here; the crate reads nothing")]
fn vectors(name: &str) -> Option<Vec<Value>> {
    let text = std::fs::read_to_string(data::found(&format!("vectors/{name}"))?).expect("a text file");
    Some(serde_json::from_str(&text).expect("a list of JSON"))
}

fn document(suites: &[Suite]) -> String {
    let mut page = HEAD.to_owned();
    page.push_str("| vectors | what is compared | tried | as theirs | different |\n|---|---|---|---|---|\n");
    for Suite { name, about, tried, differences } in suites {
        let different: usize = differences.values().map(Vec::len).sum();
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
#[expect(clippy::disallowed_methods, reason = "the test is the driver here; the crate reads nothing")]
fn every_difference_from_published_vectors_has_a_reason_and_stands_in_the_table() {
    let Some(suites) = suites::all() else { return };
    assert!(suites.iter().all(|suite| suite.tried > 0), "no suite is empty");
    let (is, path) = (document(&suites), Path::new(DOCUMENT));
    if std::env::var_os("KINFOLD_BLESS").is_some() {
        std::fs::write(path, &is).expect("the page can be written");
    }
    let should = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        is == should,
        "docs/conformance-signals.md is not what the vectors say; `make bless` rewrites it\n{is}"
    );
}
