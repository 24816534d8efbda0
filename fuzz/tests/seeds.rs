//! Every target keeps its laws for its seeds, for all by which it once failed, and for some changes of both.

use kinfold_fuzz::{TARGETS, Target, changes, regressions};

/// Few enough for the tests of every day; `make fuzz` takes as many as time allows.
const CHANGES: usize = 300;

fn inputs(target: &Target) -> Vec<Vec<u8>> {
    let mut inputs = (target.seeds)();
    assert!(!inputs.is_empty() && inputs.iter().all(|seed| !seed.is_empty()), "{} has seeds", target.name);
    let Ok(folder) = std::fs::read_dir(regressions(target)) else { return inputs };
    let mut files: Vec<_> = folder.map(|file| file.expect("can be listed").path()).collect();
    files.sort();
    inputs.extend(files.iter().map(|file| std::fs::read(file).expect("can be read")));
    inputs
}

#[test]
fn every_target_keeps_its_laws() {
    for target in &TARGETS {
        let inputs = inputs(target);
        let mut random = fastrand::Rng::with_seed(7);
        let changed: Vec<Vec<u8>> = (0..CHANGES).map(|_| changes::of(&inputs, &mut random)).collect();
        for input in inputs.iter().chain(&changed) {
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
fn the_same_seed_gives_the_same_inputs() {
    let seeds = (TARGETS[0].seeds)();
    let inputs = |seed| {
        let mut random = fastrand::Rng::with_seed(seed);
        (0..50).map(|_| changes::of(&seeds, &mut random)).collect::<Vec<_>>()
    };
    assert_eq!(inputs(1), inputs(1));
    assert_ne!(inputs(1), inputs(2));
}
