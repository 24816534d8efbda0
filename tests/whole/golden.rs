//! Golden cases: each folder of `tests/golden` holds touchpoints, perhaps a configuration, and the files that
//! `kinfold resolve --out` makes of them. A new case needs no Rust: add a folder, run `make bless`, read what came out.
//!
//! A case of several steps has besides any of: `before.toml`, the configuration of the first step; `steward.txt`, a line for
//! each `kinfold steward` command; `after.jsonl`, touchpoints that come last. Its changes are those of the last step.
//!
//! Beside these files stands `quality.txt`, what `kinfold quality` says of `touchpoints.jsonl` as of [`ARRIVED`].

use std::path::{Path, PathBuf};

use crate::programs::program;

const FILES: [&str; 6] = [
    "assignments.jsonl",
    "profiles.jsonl",
    "consents.jsonl",
    "refused.jsonl",
    "changes.jsonl",
    "quality.txt",
];

/// When the touchpoints of all cases arrived.
const ARRIVED: &str = "2026-03-20T00:00:00Z";

fn cases() -> Vec<PathBuf> {
    // The program under test runs elsewhere.
    let folder = Path::new("golden").canonicalize().expect("the folder of cases");
    let entries = std::fs::read_dir(folder).expect("the folder of cases");
    let mut cases: Vec<PathBuf> = entries.map(|entry| entry.expect("can be listed").path()).collect();
    cases.sort();
    cases
}

/// Resolves a case, in as many steps as it has.
fn resolve(case: &Path, out: &Path) {
    let config = |name: &str| Some(case.join(name)).filter(|path| path.exists());
    let given = |name: &str| config(name).into_iter().collect::<Vec<PathBuf>>();
    let last = config("kinfold.toml");
    let is_one_step = ["before.toml", "steward.txt", "after.jsonl"].iter().all(|name| config(name).is_none());
    if is_one_step {
        run(case, "resolve", last.as_deref(), &[Path::new("--out"), out, &case.join("touchpoints.jsonl")]);
        return;
    }
    let state = tempfile::tempdir().expect("a folder");
    let kept = [Path::new("--state"), state.path()];
    let first = config("before.toml").or_else(|| last.clone());
    run(case, "resolve", first.as_deref(), &[&kept[..], &[&case.join("touchpoints.jsonl")]].concat());
    if config("before.toml").is_some() {
        // What new rules change is told with the time of day.
        run(case, "resolve", last.as_deref(), &kept);
    }
    let commands = std::fs::read_to_string(case.join("steward.txt")).unwrap_or_default();
    for command in commands.lines() {
        let words = command.split_whitespace().map(Path::new);
        let said = ["--author", "steward", "--reason", "golden"].map(Path::new);
        let arguments: Vec<&Path> = words.chain(said).chain(kept).collect();
        run(case, "steward", last.as_deref(), &arguments);
    }
    let after = given("after.jsonl");
    let files = after.iter().map(PathBuf::as_path);
    let arguments: Vec<&Path> = kept.into_iter().chain([Path::new("--out"), out]).chain(files).collect();
    run(case, "resolve", last.as_deref(), &arguments);
}

/// The table of the case's sources.
fn quality(case: &Path, out: &Path) {
    let config = Some(case.join("kinfold.toml")).filter(|path| path.exists());
    let arguments = [Path::new("--as-of"), Path::new(ARRIVED), Path::new("touchpoints.jsonl")];
    let table = run(case, "quality", config.as_deref(), &arguments);
    std::fs::write(out.join("quality.txt"), table).expect("writes");
}

/// What the command prints.
fn run(case: &Path, command: &str, config: Option<&Path>, arguments: &[&Path]) -> Vec<u8> {
    let mut kinfold = program("kinfold");
    kinfold.env("KINFOLD_SECRET", "the secret of golden cases").current_dir(case).arg(command);
    kinfold.args(arguments);
    if let Some(config) = config {
        kinfold.arg("--config").arg(config);
    }
    let answer = kinfold.output().expect("kinfold runs");
    assert!(answer.status.success(), "{}: {}", case.display(), String::from_utf8_lossy(&answer.stderr));
    answer.stdout
}

#[test]
fn golden_cases_come_out_as_they_were_blessed() {
    let bless = std::env::var_os("KINFOLD_BLESS").is_some();
    let cases = cases();
    assert!(!cases.is_empty());
    for case in cases {
        let out = tempfile::tempdir().expect("a folder");
        resolve(&case, out.path());
        quality(&case, out.path());
        for name in FILES {
            let (is, blessed) = (out.path().join(name), case.join("expected").join(name));
            if bless {
                std::fs::create_dir_all(case.join("expected")).expect("a folder");
                std::fs::copy(&is, &blessed).expect("copies");
                continue;
            }
            let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_else(|_| "no file\n".to_owned());
            let (is, should) = (read(&is), read(&blessed));
            assert!(is == should, "{}: {name}\nis:\n{is}\nshould be:\n{should}", case.display());
        }
    }
}
