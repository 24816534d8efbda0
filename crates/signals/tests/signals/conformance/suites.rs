//! The lists of vectors: strings of the first framework, strings that others reported as troublesome, and those by which
//! the reference implementation of GPP is tested.

use kinfold_model::Timestamp;
use kinfold_signals::gpp::{Content, section_ids};
use kinfold_signals::tcf::TcString;
use kinfold_signals::{Fault, FaultKind};
use serde_json::{Map, Value, json};

use super::{Suite, fields, vectors};

pub(super) fn all() -> Option<Vec<Suite>> {
    Some(vec![
        retired(&vectors("tcf_java_v1.json")?),
        reported(&vectors("tcf_es_reported_issues.json")?),
        gpp(&vectors("gpp_es.json")?),
    ])
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// Whether a string is read, is one of TCF v1, or is none.
fn kind(string: &str) -> &'static str {
    match TcString::read(string) {
        Ok(_) => "readable",
        Err(Fault { kind: FaultKind::TcfV1, .. }) => "TCF v1",
        Err(_) => "a fault",
    }
}

fn kinds(vector: &Value) -> Value {
    vector["strings"].as_array().expect("a list").iter().map(|string| kind(text(string))).collect()
}

fn retired(vectors: &[Value]) -> Suite {
    let mut suite = Suite::new("iabtcf-java, TCF v1", "named as TCF v1, and refused");
    for (id, vector) in vectors.iter().enumerate() {
        suite.compare(id, &kinds(vector), &json!(["TCF v1"]), || None);
    }
    suite
}

fn reported(vectors: &[Value]) -> Suite {
    let mut suite = Suite::new("iabtcf-es, reported issues", "read, named as TCF v1, or refused");
    for (id, vector) in vectors.iter().enumerate() {
        let title = text(&vector["test"]);
        let expected = if title.contains("throw an error") {
            "a fault"
        } else if title.contains("1 version") || title.contains("TCF 1.1") {
            "TCF v1"
        } else {
            "readable"
        };
        let ours = kinds(vector);
        let theirs = vec![expected; ours.as_array().map_or(0, Vec::len)];
        suite.compare(id, &ours, &json!(theirs), || None);
    }
    suite
}

/// The id of the section that a file of vectors is about; 0 is the header.
fn section(file: &str) -> u16 {
    match file.trim_end_matches(".test.ts") {
        "HeaderV1" => 0,
        "TcfEuV2" => 2,
        "TcfCaV1" => 5,
        "UspV1" => 6,
        "UsNat" => 7,
        "UsCa" | "UspCaV1" => 8,
        "UsVa" => 9,
        "UsCo" => 10,
        "UsUt" => 11,
        "UsCt" | "UspCtV1" => 12,
        "UsFl" => 13,
        "UsMt" => 14,
        "UsOr" => 15,
        "UsTx" => 16,
        "UsDe" => 17,
        "UsIa" => 18,
        "UsNe" => 19,
        "UsNh" => 20,
        "UsNj" => 21,
        "UsTn" => 22,
        "UsMn" => 23,
        "UsMd" => 24,
        "UsIn" => 25,
        "UsKy" => 26,
        "UsRi" => 27,
        other => panic!("{other} is a section that nobody compares"),
    }
}

fn gpp(vectors: &[Value]) -> Suite {
    let mut suite = Suite::new("iabgpp-es", "every field of every section");
    for (id, vector) in vectors.iter().enumerate() {
        let (section, string) = (section(text(&vector["file"])), text(&vector["string"]));
        let expected = vector["expected"].as_object().expect("fields");
        // The types of segments are constants, by which a string is read, and no part of what it says.
        let theirs: Map<String, Value> = expected
            .iter()
            .filter(|(name, _)| !name.ends_with("segmenttype"))
            .map(|(name, value)| (name.clone(), plain(value)))
            .collect();
        let read = read(section, string);
        let ours = match &read {
            Ok(Value::Object(fields)) => {
                let of = |name: &String| fields.get(name).cloned().unwrap_or_default();
                theirs.keys().map(|name| (name.clone(), of(name))).collect()
            }
            Ok(_) => json!("not decoded"),
            Err(fault) => json!(fault.to_string()),
        };
        let theirs = Value::Object(theirs);
        suite.compare(id, &ours, &theirs, || reason(section, string, &read, &theirs));
    }
    suite
}

/// Times in one spelling.
fn plain(value: &Value) -> Value {
    match value.as_str().map(str::parse::<Timestamp>) {
        Some(Ok(time)) => json!(time.to_string()),
        _ => value.clone(),
    }
}

/// The fields of a section; null when it is passed on as it stands.
fn read(section: u16, string: &str) -> Result<Value, Fault> {
    if section == 0 {
        return section_ids(string).map(|ids| json!({ "sectionids": ids }));
    }
    Content::read(section, string).map(|content| match content {
        Content::Tcf(string) => fields::tcf(&string),
        Content::UsPrivacy(string) => fields::us_privacy(string),
        Content::Us(section) => fields::us(&section),
        Content::Raw(_) => Value::Null,
    })
}

fn reason(section: u16, string: &str, read: &Result<Value, Fault>, theirs: &Value) -> Option<&'static str> {
    let kind = read.as_ref().err().map(|fault| fault.kind);
    match (section, kind) {
        (5, None) => Some(
            "TCF Canada is passed on as it stands: the same version of it writes lists of vendors in several ways, which only guessing tells apart.",
        ),
        (24..=27, None) => Some(
            "Drafts, passed on as they stand: published as with a header, written without one, and changed without a new version.",
        ),
        (6, Some(FaultKind::Form { .. })) => {
            Some("There is one version of the US Privacy string, and it is 1.")
        }
        (8 | 12, Some(FaultKind::Reserved { value: 3 })) => {
            Some("The string has fields of the value 3, which has no meaning: the section says nothing.")
        }
        (7, Some(FaultKind::Leftover)) => Some(
            "The string says that it is of version 1 and has the fields of version 2: the section says nothing.",
        ),
        (7, Some(FaultKind::Short)) => Some(
            "The string says that it is of version 2 and has the fields of version 1: the section says nothing.",
        ),
        (7, None) if string.starts_with('C') && theirs["version"] == 1 => {
            Some("The string says that it is of version 2; the vector says 1.")
        }
        (11, None) if string == "BVVkklWA" => {
            Some("The bits of the service provider mode say 2 (no); the vector says 3.")
        }
        (14, None) if theirs["gpcsegmentincluded"] == false && theirs["gpc"] == true => {
            Some("Global Privacy Control is told in a segment that the string does not have.")
        }
        _ => None,
    }
}
