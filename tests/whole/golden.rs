//! Golden cases: each folder of `tests/golden` holds touchpoints, perhaps a configuration, and the files that
//! `kinfold resolve --out` makes of them. A new case needs no Rust: add a folder, run `make bless`, read what came out.

use std::path::{Path, PathBuf};

use crate::programs::program;

const FILES: [&str; 5] =
    ["assignments.jsonl", "profiles.jsonl", "consents.jsonl", "refused.jsonl", "changes.jsonl"];

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let entries = std::fs::read_dir(folder).expect("the folder of cases");
    let mut cases: Vec<PathBuf> = entries.map(|entry| entry.expect("can be listed").path()).collect();
    cases.sort();
    cases
}

fn resolve(case: &Path, out: &Path) {
    let mut command = program("kinfold");
    command.env("KINFOLD_SECRET", "the secret of golden cases").arg("resolve").arg("--out").arg(out);
    let config = case.join("kinfold.toml");
    if config.exists() {
        command.arg("--config").arg(config);
    }
    let answer = command.arg(case.join("touchpoints.jsonl")).output().expect("kinfold runs");
    assert!(answer.status.success(), "{}: {}", case.display(), String::from_utf8_lossy(&answer.stderr));
}

#[test]
fn golden_cases_come_out_as_they_were_blessed() {
    let bless = std::env::var_os("KINFOLD_BLESS").is_some();
    let cases = cases();
    assert!(!cases.is_empty());
    for case in cases {
        let out = tempfile::tempdir().expect("a folder");
        resolve(&case, out.path());
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
