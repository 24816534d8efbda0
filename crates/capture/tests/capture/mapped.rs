//! Records of sources that have a mapping: many touchpoints, or none, and each part refused by itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use kinfold_capture::{Captured, RawRecord, Settings, SourceTally};
use kinfold_mapping::{Source, SourceFiles, Sources};
use kinfold_model::{Context, RefusalKind, Stage};

use crate::{capture, now};

/// What the stage sends for a record of the source `shop`.
fn sent(program: &str, toml: &str, record: &str) -> Vec<Captured> {
    let files = SourceFiles {
        name: "shop".to_owned(),
        toml: format!("format = \"json\"\n{toml}"),
        program: program.to_owned(),
        ..SourceFiles::default()
    };
    let source = Source::compile(&files).unwrap_or_else(|faults| panic!("{faults}"));
    let sources = Sources::new([("shop".to_owned(), Arc::new(source))].into());
    let mut stage = capture(Settings::default()).with_sources(Arc::new(sources));
    let (mut output, mut state) = (Vec::new(), BTreeMap::new());
    let mut context = Context { now: now(), state: &mut state, output: &mut output };
    let record = RawRecord { source: Some("shop".into()), bytes: record.as_bytes().to_vec() };
    stage.handle(record, &mut context).expect("parts are refused, and not the record");
    assert!(state.is_empty(), "capture keeps no state");
    output
}

const PROGRAM: &str = r#"{time: 0, identifiers: [id("cookie"; .c)], attributes: {a: .a}}"#;

fn ids(sent: &[Captured]) -> Vec<&str> {
    let mut ids = Vec::new();
    for captured in sent {
        if let Captured::Touchpoint(touchpoint) = captured {
            ids.push(touchpoint.touchpoint_id.as_str());
        }
    }
    ids
}

fn tally(sent: &[Captured]) -> &SourceTally {
    match sent.last() {
        Some(Captured::Mapped(tally)) => tally,
        _ => panic!("the last that is sent says what the mapping did"),
    }
}

#[test]
fn a_record_gives_as_many_touchpoints_as_it_tells_of_each_with_an_id_of_its_own_that_never_changes() {
    let record = r#"[{"c": "x"}, {"c": "y"}, {"c": "x"}]"#;
    let (once, again) = (sent(PROGRAM, "", record), sent(PROGRAM, "", record));
    assert_eq!(once, again);
    let mut distinct = ids(&once);
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), 3);
    assert_ne!(ids(&once), ids(&sent(PROGRAM, "", r#"[{"c": "x"}, {"c": "y"}, {"c": "z"}]"#)));
    let Some(Captured::Touchpoint(touchpoint)) = once.first() else { panic!("a touchpoint comes first") };
    assert_eq!(touchpoint.source, "shop");
}

#[test]
fn an_id_that_the_mapping_gives_stays() {
    let sent = sent(&format!("{PROGRAM} + {{touchpoint_id: .n}}"), "", r#"{"c": "x", "n": "mine"}"#);
    assert_eq!(ids(&sent), ["mine"]);
}

#[test]
fn a_part_that_is_refused_says_which_and_leaves_the_others() {
    let sent = sent(PROGRAM, "", r#"[{"c": "x"}, {"c": ""}, 5, {"c": "y"}]"#);
    assert_eq!(ids(&sent).len(), 2);
    let refused: Vec<_> = sent
        .iter()
        .filter_map(|captured| match captured {
            Captured::Refused(refusal) => Some((refusal.kind, refusal.member.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(refused, [(RefusalKind::NoIdentifier, "[1].identifiers"), (RefusalKind::Unmappable, "[2]")]);
    assert_eq!((tally(&sent).touchpoints, tally(&sent).refused), (2, 2));
}

#[test]
fn a_record_about_nobody_is_no_refusal() {
    let sent = sent(&format!("select(.c) | {PROGRAM}"), "", r#"{"event": "ping"}"#);
    assert_eq!(sent.len(), 1);
    assert_eq!((tally(&sent).touchpoints, tally(&sent).refused), (0, 0));
}

#[test]
fn a_record_that_cannot_be_read_is_refused_whole() {
    let sent = sent(PROGRAM, "", "{");
    assert!(matches!(&sent[0], Captured::Refused(refusal) if refusal.kind == RefusalKind::MalformedJson));
    assert_eq!(tally(&sent).refused, 1);
}

#[test]
fn a_program_that_passes_a_limit_costs_its_document_and_names_source_and_limit() {
    let sent = sent(
        &format!("if .loop then last(repeat(1)) else {PROGRAM} end"),
        "",
        r#"[{"loop": true}, {"c": "x"}]"#,
    );
    assert_eq!(ids(&sent).len(), 1);
    let Captured::Refused(refusal) = &sent[0] else { panic!("the first is refused") };
    assert_eq!(refusal.kind, RefusalKind::MappingLimit);
    assert!(refusal.sentence.contains("`shop` takes more than 100000 steps"), "{refusal}");
}

#[test]
fn attributes_that_are_not_allowed_do_not_pass_and_are_counted_without_making_labels() {
    let record = r#"{"c": "x", "a": "xyzzy"}"#;
    let dropped = sent(PROGRAM, "", record);
    assert_eq!(tally(&dropped).dropped, [("other".to_owned(), 1)].into());
    let Captured::Touchpoint(touchpoint) = &dropped[0] else { panic!("a touchpoint") };
    assert!(touchpoint.attributes.is_empty());
    let known = sent(PROGRAM, "drops = [\"a\"]", record);
    assert_eq!(tally(&known).dropped, [("a".to_owned(), 1)].into());
    let passed = sent(PROGRAM, "purposes = [\"p\"]\n[allow]\na = [\"p\"]", record);
    let Captured::Touchpoint(touchpoint) = &passed[0] else { panic!("a touchpoint") };
    assert_eq!(touchpoint.attributes["a"], "xyzzy");
}

#[test]
fn a_source_without_a_mapping_is_canonical() {
    let mut stage = capture(Settings::default()).with_sources(Arc::new(Sources::default()));
    let (mut output, mut state) = (Vec::new(), BTreeMap::new());
    let mut context = Context { now: now(), state: &mut state, output: &mut output };
    let json = r#"{"time": 0, "source": "till", "identifiers": [{"namespace": "cookie", "value": "x"}]}"#;
    for source in [None, Some("till".into())] {
        let record = RawRecord { source, bytes: json.as_bytes().to_vec() };
        stage.handle(record, &mut context).expect("is canonical");
    }
    assert!(output.len() == 2 && output[0] == output[1]);
}
