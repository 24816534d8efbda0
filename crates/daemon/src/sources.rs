//! The folder of mappings: `<name>.toml`, `<name>.jq`, `<name>.avsc` and `<name>.cases/`. In: a folder. Out: sources that
//! compile and whose cases come out, and all that is wrong with the others.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kinfold_capture::Capture;
use kinfold_mapping::cases::{self, CaseFiles};
use kinfold_mapping::limits::FILE_BYTES_MAX;
use kinfold_mapping::sources::ByName;
use kinfold_mapping::{Source, SourceFiles, Value};
use kinfold_model::keys::Secret;
use kinfold_model::{Keys, Refusal, Timestamp};

use crate::config::Config;

/// What is wrong with a source: lines, each with the file and the remedy.
pub type Faults = BTreeMap<String, Vec<String>>;

/// The names of the sources in a folder, in order; none when there is no such folder.
///
/// # Errors
/// When the folder cannot be read.
pub fn names(folder: &Path) -> std::io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "toml")
            && let Some(name) = path.file_stem().and_then(|stem| stem.to_str())
        {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// The files of a source as they are.
///
/// # Errors
/// A line for each file that is missing or cannot be read.
pub fn read(folder: &Path, name: &str) -> Result<SourceFiles, Vec<String>> {
    let mut faults = Vec::new();
    let toml = text_of(folder, name, "toml", &mut faults);
    // Vendors follow each other's specifications: a source may use the program of another one.
    let shared = toml::from_str::<toml::Table>(&toml).ok();
    let shared = shared.as_ref().and_then(|table| table.get("program")?.as_str());
    let program = match shared {
        Some(other) => read_text(&folder.join(format!("{other}.jq"))).unwrap_or_else(|fault| {
            faults.push(format!("{name}.toml: program names no source: {fault}"));
            String::new()
        }),
        None => text_of(folder, name, "jq", &mut faults),
    };
    let mut text = |ending: &str| text_of(folder, name, ending, &mut faults);
    let schema = folder.join(format!("{name}.avsc")).exists().then(|| text("avsc"));
    let cases = read_cases(&folder.join(format!("{name}.cases")))
        .map_err(|fault| faults.push(fault))
        .unwrap_or_default();
    if faults.is_empty() {
        Ok(SourceFiles { name: name.to_owned(), toml, program, schema, cases })
    } else {
        Err(faults)
    }
}

/// Reads and compiles all sources of the configuration, and checks their cases.
///
/// # Errors
/// When the folder itself cannot be read.
pub fn load(config: &Config) -> std::io::Result<(ByName, Faults)> {
    let judge = judge(config);
    let (mut sources, mut faults) = (ByName::new(), Faults::new());
    for name in names(&config.sources_dir)? {
        match one(config, &name, &judge) {
            Ok(source) => drop(sources.insert(name, Arc::new(source))),
            Err(found) => drop(faults.insert(name, found)),
        }
    }
    Ok((sources, faults))
}

/// Whether capture would take a mapped touchpoint, under the rules of a configuration. Times in the future are allowed:
/// a case is as good tomorrow.
pub fn judge(config: &Config) -> impl Fn(&Value) -> Result<(), Refusal> + use<> {
    // What the ids are keyed with has no part in whether a touchpoint is one.
    let secret = Secret::new(b"of cases, which leave no ids behind").ok();
    let capture =
        secret.map(|secret| Capture::new(Keys::new(&secret), config.rules.clone(), config.capture.clone()));
    move |value| match &capture {
        Some(capture) => capture.mapped(value, String::new, Timestamp::MAX).map(drop),
        None => Ok(()),
    }
}

fn one(
    config: &Config,
    name: &str,
    judge: &dyn Fn(&Value) -> Result<(), Refusal>,
) -> Result<Source, Vec<String>> {
    let files = read(&config.sources_dir, name)?;
    let source = Source::compile(&files).map_err(|faults| faults.0)?;
    // What the topic has deleted nobody can keep.
    let longest_ms = config.topics.refused_retention_ms;
    if let Some(ms) = source.settings().refused_retention_ms.filter(|ms| *ms > longest_ms) {
        return Err(vec![format!(
            "{name}.toml: refused_retention_ms is {ms}, and no letter is kept for longer than [topics] refused_retention_ms, \
             which is {longest_ms}; write at most that, or raise it there and on the topic"
        )]);
    }
    cases::check(&source, &files.cases, judge)
        .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    Ok(source)
}

fn text_of(folder: &Path, name: &str, ending: &str, faults: &mut Vec<String>) -> String {
    read_text(&folder.join(format!("{name}.{ending}"))).unwrap_or_else(|fault| {
        faults.push(fault);
        String::new()
    })
}

fn read_cases(folder: &Path) -> Result<Vec<CaseFiles>, String> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!("{}: cannot be read ({error})", folder.display())),
    };
    let mut cases: BTreeMap<String, CaseFiles> = BTreeMap::new();
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.sort();
    for path in paths {
        let Some(file) = path.file_name().and_then(|file| file.to_str()) else { continue };
        let (case, is_expected) = match (file.strip_suffix(".out.json"), file.split_once('.')) {
            (Some(case), _) => (case, true),
            (None, Some((case, _))) => (case, false),
            (None, None) => continue,
        };
        let files = cases.entry(case.to_owned()).or_default();
        case.clone_into(&mut files.name);
        if is_expected {
            files.expected = Some(read_text(&path)?);
        } else {
            files.record = read_bytes(&path)?;
        }
    }
    Ok(cases.into_values().collect())
}

fn read_text(path: &Path) -> Result<String, String> {
    String::from_utf8(read_bytes(path)?).map_err(|_| format!("{}: is not UTF-8; save it so", path.display()))
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, String> {
    let size = fs::metadata(path).map(|metadata| metadata.len());
    match size {
        Ok(size) if size > FILE_BYTES_MAX => {
            Err(format!("{}: has {size} bytes; write at most {FILE_BYTES_MAX}", path.display()))
        }
        Ok(_) => fs::read(path).map_err(|error| format!("{}: cannot be read ({error})", path.display())),
        Err(error) => Err(format!("{}: cannot be read ({error}); a source needs it", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_source_keeps_its_dead_letters_for_longer_than_the_topic_does() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = Config::load(None, std::iter::empty()).expect("defaults are right");
        let mut config = Config { sources_dir: folder.path().to_path_buf(), ..config };
        config.topics.refused_retention_ms = 120_000;
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("is made");
            fs::write(path, text).expect("writes");
        };
        write("shop.jq", "empty");
        write("shop.cases/one.json", "{}");
        write("shop.cases/one.out.json", r#"{"touchpoints": [], "refused": [], "dropped": {}}"#);
        for (kept_ms, is_right) in [(60_000, true), (120_000, true), (120_001, false)] {
            write("shop.toml", &format!("format = \"json\"\nrefused_retention_ms = {kept_ms}"));
            let (sources, faults) = load(&config).expect("the folder can be read");
            let said = faults.get("shop").map(|faults| faults.join("\n"));
            assert_eq!((sources.contains_key("shop"), said.is_none()), (is_right, is_right), "{said:?}");
            let names_both = |said: String| {
                said.contains("shop.toml: refused_retention_ms is 120001") && said.contains("is 120000")
            };
            assert!(said.is_none_or(names_both));
        }
    }
}
