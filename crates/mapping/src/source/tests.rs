//! Laws of sources: a TOML that is wrong says where and what to do.

use super::*;
use crate::cases;

fn files(toml: &str, program: &str) -> SourceFiles {
    SourceFiles { name: "shop".into(), toml: toml.into(), program: program.into(), ..SourceFiles::default() }
}

fn faults(toml: &str) -> String {
    Source::compile(&files(toml, ".")).err().unwrap_or_else(|| panic!("{toml}: compiles")).to_string()
}

#[test]
fn what_is_wrong_is_told_with_file_key_and_remedy() {
    for (toml, expected) in [
        ("", "shop.toml"),
        ("fromat = \"json\"", "unknown field `fromat`, expected one of `format`"),
        ("format = \"xml\"", "shop.toml line 1: unknown variant `xml`"),
        ("format = \"json\"\ntopic = \"raw.till\"", "topic is `raw.till`; write raw.shop"),
        (
            "format = \"json\"\nrefused_retention_ms = 59999",
            "refused_retention_ms is 59999; write at least 60000",
        ),
        ("format = \"json\"\nrefused_retention_ms = \"1d\"", "shop.toml line 2: invalid type"),
        ("format = \"json\"\n[csv]", "csv is only for format = \"csv\""),
        ("format = \"json\"\n[avro]", "avro is only for format = \"avro\""),
        ("format = \"csv\"\n[csv]\ndelimiter = \"ab\"", "csv.delimiter is not one letter"),
        ("format = \"json\"\n[allow]\na = []", "allow.a names no purpose"),
        ("format = \"json\"\n[allow]\na = [\"p\"]", "allow.a is for `p`, which is none of `purposes`"),
        ("format = \"json\"\n[text]\na = \"hash\"", "text.a is a rule for an attribute that does not pass"),
        (
            "format = \"json\"\npurposes = [\"p\"]\n[allow]\na = [\"p\"]\n[text]\na = \"cut\"",
            "text.a is `cut`; write",
        ),
        ("format = \"json\"\n[special]\nallow = [\"shoes\"]", "holds `shoes`; the categories are health"),
        (
            "format = \"json\"\npurposes = [\"p\"]\n[allow]\nbloodType = [\"p\"]",
            "allow.bloodType is of a special category (GDPR, article 9: health); leave it out, or write `allow = [\"health\"]` under [special]",
        ),
    ] {
        let said = faults(toml);
        assert!(said.contains(expected) && said.contains("shop.toml"), "{toml}: {said}");
    }
    let fine = "format = \"json\"\npurposes = [\"p\"]\n[allow]\nbloodType = [\"p\"]\n[special]\nallow = [\"health\"]";
    assert!(Source::compile(&files(fine, ".")).is_ok());
}

#[test]
fn every_fault_is_told_at_once() {
    let said =
        Source::compile(&files("format = \"json\"\n[csv]\n[allow]\na = []", "now")).err().expect("faults");
    assert_eq!(said.0.len(), 3, "{said}");
}

#[test]
fn a_case_that_differs_says_where_and_shows_no_value() {
    let source =
        Source::compile(&files("format = \"json\"", "{time: .t, identifiers: []}")).expect("compiles");
    let case = |expected: &str| CaseFiles {
        name: "one".into(),
        record: br#"{"t": "xyzzy"}"#.to_vec(),
        expected: Some(expected.into()),
    };
    let judge = |_: &Value| Ok(());
    let right = cases::outcome(&source, br#"{"t": "xyzzy"}"#, &judge).to_string();
    assert!(cases::check(&source, &[case(&right)], &judge).is_ok());
    for (expected, what) in [
        (
            right.replace("xyzzy", "other"),
            "shop.cases/one gives another touchpoint 0 than expected: `time` differs",
        ),
        (right.replace("\"touchpoints\":[", "\"touchpoints\":[{},"), "gives 1 touchpoints and not 2"),
        ("{".to_owned(), "has an .out.json that is no JSON"),
    ] {
        let said = cases::check(&source, &[case(&expected)], &judge).expect_err("differs")[0].to_string();
        assert!(said.contains(what) && !said.contains("xyzzy"), "{said}");
    }
    assert!(cases::check(&source, &[], &judge).is_err(), "a source without cases");
}

#[test]
fn a_source_may_say_how_long_its_dead_letters_are_kept() {
    let kept = |toml: &str| {
        let source = Source::compile(&files(&format!("format = \"json\"\n{toml}"), ".")).expect("compiles");
        source.settings().refused_retention_ms
    };
    assert_eq!((kept(""), kept("refused_retention_ms = 60_000")), (None, Some(60_000)));
}
