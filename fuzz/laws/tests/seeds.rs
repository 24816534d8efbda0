//! Every target keeps its law for its seeds and for all by which it once failed, and cargo-fuzz knows every target.

use std::collections::BTreeSet;

use kinfold_fuzz_laws::{TARGETS, inputs};

#[test]
fn every_target_keeps_its_law() {
    for target in &TARGETS {
        let inputs = inputs(target).expect("can be read");
        assert!(inputs.iter().any(|input| !input.is_empty()), "{} has seeds", target.name);
        // Bytes that are cut off are the commonest of all that are broken.
        let halves = inputs.iter().map(|input| &input[..input.len() / 2]);
        for input in inputs.iter().map(Vec::as_slice).chain(halves) {
            if let Err(broken) = (target.check)(input) {
                panic!("{}: {broken}: {}", target.name, String::from_utf8_lossy(input));
            }
        }
    }
}

#[test]
fn every_folder_of_regressions_is_that_of_a_target() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/regressions");
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let name = entry.expect("can be listed").file_name();
        let known = TARGETS.iter().any(|target| name.to_str() == Some(target.name));
        assert!(known, "{} is no target", name.display());
    }
}

#[test]
fn cargo_fuzz_has_a_program_for_every_target_and_no_other() {
    let manifest = include_str!("../../Cargo.toml");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz_targets");
    let mut programs = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("a folder of programs") {
        let path = entry.expect("can be listed").path();
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        let text = std::fs::read_to_string(&path).expect("can be read");
        assert!(text.contains(&format!("uphold(\"{name}\", bytes)")), "{name} tries another target");
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name} is not built");
        programs.insert(name);
    }
    let targets: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(programs, targets);
}
