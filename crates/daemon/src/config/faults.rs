//! What is wrong with a configuration. In: faults as they are found. Out: one message with all of them, in the order
//! of the file's lines and then of the variables' names. No value of a setting that may be secret is ever part of it.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where a setting was made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Nowhere in particular: the configuration as a whole.
    Whole,
    /// A line of the file, from 1.
    Line(usize),
    /// A variable of the environment.
    Variable(String),
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Where it was written.
    pub origin: Origin,
    /// The setting, for example `kafka.batch_records`; empty when the fault is not one of a setting.
    pub key: String,
    /// What is wrong with it: the predicate of a sentence whose subject is the key.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

/// All that is wrong with a configuration: at least one fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFaults {
    file: Option<PathBuf>,
    faults: Vec<Fault>,
}

impl ConfigFaults {
    pub(super) fn new(file: Option<&Path>, mut faults: Vec<Fault>) -> Self {
        faults.sort();
        Self { file: file.map(Path::to_path_buf), faults }
    }

    /// The faults, in the order of lines and then of variables.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    fn place(&self, origin: &Origin) -> String {
        let file = self.file.as_ref().map(|file| file.display().to_string());
        match (origin, file) {
            (Origin::Variable(name), _) => name.clone(),
            (Origin::Line(line), Some(file)) => format!("{file} line {line}"),
            (Origin::Line(line), None) => format!("line {line}"),
            (Origin::Whole, Some(file)) => file,
            (Origin::Whole, None) => "configuration".to_owned(),
        }
    }
}

impl fmt::Display for ConfigFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.faults.len() {
            1 => f.write_str("the configuration has a fault:")?,
            count => write!(f, "the configuration has {count} faults:")?,
        }
        for Fault { origin, key, what, remedy } in &self.faults {
            let subject = if key.is_empty() { String::new() } else { format!("{key} ") };
            write!(f, "\n  {}: {subject}{what}; {remedy}", self.place(origin))?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigFaults {}

/// The name that somebody probably meant, if one is near enough to be worth asking.
pub(super) fn nearest<'n>(given: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let allowed = (given.chars().count() / 3).clamp(1, 3);
    names
        .into_iter()
        .map(|name| (distance(given, name), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, name)| name)
}

/// Levenshtein: how many letters must be put in, left out or changed.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_letters_put_in_left_out_and_changed() {
        for (a, b, expected) in
            [("", "abc", 3), ("kitten", "sitting", 3), ("email", "email", 0), ("ö", "o", 1)]
        {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn only_a_near_name_is_suggested() {
        let names = ["bootstrap", "batch_records", "properties"];
        assert_eq!(nearest("bootstrp", names), Some("bootstrap"));
        assert_eq!(nearest("batchrecords", names), Some("batch_records"));
        assert_eq!(nearest("colour", names), None);
    }

    #[test]
    fn the_message_lists_lines_before_variables() {
        let fault = |origin, key: &str| Fault {
            origin,
            key: key.to_owned(),
            what: "is odd".into(),
            remedy: "mend it".into(),
        };
        let faults =
            vec![fault(Origin::Variable("KINFOLD_A__B".into()), "a.b"), fault(Origin::Line(2), "c.d")];
        let message = ConfigFaults::new(Some(Path::new("k.toml")), faults).to_string();
        assert_eq!(
            message,
            "the configuration has 2 faults:\n  k.toml line 2: c.d is odd; mend it\n  KINFOLD_A__B: a.b is odd; mend it"
        );
    }
}
