//! `kinfold quality`: the table of a state is that of the files which it read, in one call or in several, and only reading.

use std::path::Path;

use crate::local::sample;
use crate::programs::kinfold;

fn table(arguments: &[&str]) -> String {
    let answer = kinfold(&[&["quality"], arguments].concat());
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    String::from_utf8(answer.stdout).expect("a table is text")
}

fn write(path: &Path, records: &[Vec<u8>]) {
    std::fs::write(path, records.join(&b'\n')).expect("writes");
}

#[test]
fn a_state_has_the_table_of_the_files_that_it_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let (one, two) = (folder.path().join("one.jsonl"), folder.path().join("two.jsonl"));
    let (one, two) = (one.to_str().expect("text"), two.to_str().expect("text"));
    let mut records: Vec<Vec<u8>> = sample(60, 900).generate().map(|generated| generated.record).collect();
    // Some come again, one is nothing at all.
    let again: Vec<Vec<u8>> = records.iter().step_by(9).cloned().collect();
    records.push(b"no touchpoint".to_vec());
    write(Path::new(one), &records);
    write(Path::new(two), &again);
    let expected = table(&[one, two]);
    for source in ["webshop", "crm", "survey", "(unknown)", "malformed_json", "(11"] {
        assert!(expected.contains(source), "{source}: {expected}");
    }
    let whole = folder.path().join("whole");
    let parts = folder.path().join("parts");
    let (whole, parts) = (whole.to_str().expect("text"), parts.to_str().expect("text"));
    for (state, calls) in [(whole, vec![vec![one, two]]), (parts, vec![vec![one], vec![two]])] {
        for files in calls {
            let answer = kinfold(&[&["resolve", "--state", state], files.as_slice()].concat());
            assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
        }
        assert_eq!(table(&["--state", state]), expected, "{state}");
        assert_eq!(table(&["--state", state]), expected, "looking changes nothing");
    }
}

#[test]
fn a_folder_without_a_state_is_named_with_the_remedy() {
    let folder = tempfile::tempdir().expect("a folder");
    let answer = kinfold(&["quality", "--state", folder.path().to_str().expect("text")]);
    assert_eq!(answer.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&answer.stderr).contains("kinfold resolve --state"));
}
