//! Frozen forms: a file of bytes as some version of the program wrote them, and the values that they are of, as a test states
//! them. The crates that keep or send something share this file.
//!
//! A line has the name of a structure, the number of a form, and one value after another in hex. What stands there stays: a form
//! that was once on the main branch is read for ever. With `KINFOLD_BLESS=1` forms are added that are not there yet, and none is
//! written over; one that nobody ever used is deleted by hand first.

use std::collections::BTreeMap;
use std::path::PathBuf;

use kinfold_model::versioned::{Versioned, decode, encode};
use serde::Serialize;

/// One of every variant of an enum that stands in what is kept or sent: those that are given, or, of an enum without fields, all
/// that are listed. A variant more does not compile before it is listed, and has to be given then. So what is written is no longer
/// what was frozen, and that asks for a form more: an earlier program would take the new variant for damage.
macro_rules! every_variant {
    ($of:ident { $($variant:ident),+ $(,)? }) => {
        every_variant!($of { $($variant),+ } of [$($of::$variant),+])
    };
    ($of:ident { $($variant:ident),+ $(,)? } of $values:expr) => {{
        let values = $values;
        let name = |value: &$of| match value { $($of::$variant { .. } => stringify!($variant)),+ };
        let there: Vec<&str> = values.iter().map(name).collect();
        for variant in [$(stringify!($variant)),+] {
            assert!(there.contains(&variant), "no {} is a {variant}", stringify!($of));
        }
        values
    }};
}
pub(crate) use every_variant;

/// The file, and what a test has said of it so far.
pub(crate) struct Frozen {
    path: PathBuf,
    /// The lines that explain it.
    head: String,
    lines: BTreeMap<(String, u8), String>,
    /// By structure, the number that is written now and those that values were stated of.
    stated: BTreeMap<String, (u8, Vec<u8>)>,
    is_blessed: bool,
}

impl Frozen {
    /// The file with the forms of a crate.
    #[expect(clippy::disallowed_methods, reason = "the test is the driver here; the crate reads nothing")]
    pub(crate) fn open(path: &str) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let (head, lines): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with('#'));
        let line = |line: &str| {
            let mut words = line.splitn(3, ' ');
            let mut word = || words.next().expect("a name, a number and values").to_owned();
            let (name, version) = (word(), word().parse().expect("the number of a form"));
            ((name, version), word())
        };
        Self {
            path: path.into(),
            head: head.into_iter().map(|line| format!("{line}\n")).collect(),
            lines: lines.into_iter().map(line).collect(),
            stated: BTreeMap::new(),
            is_blessed: std::env::var_os("KINFOLD_BLESS").is_some(),
        }
    }

    /// These values were written in this form: it is read as them, and written still if it is that of now.
    pub(crate) fn form<T: Versioned + Serialize>(&mut self, version: u8, values: &[T]) {
        let (name, bytes) = (T::NAME, |value: &T| encode(value, &[]).expect("it has bytes"));
        self.stated.entry(name.to_owned()).or_insert((T::VERSION, Vec::new())).1.push(version);
        let key = (name.to_owned(), version);
        if !self.lines.contains_key(&key) {
            assert!(self.is_blessed, "form {version} of {name} is not frozen: run this with KINFOLD_BLESS=1");
            assert_eq!(version, T::VERSION, "form {version} of {name} cannot be written any more");
            let words: Vec<String> = values.iter().map(|value| hex(&bytes(value))).collect();
            self.lines.insert(key.clone(), words.join(" "));
        }
        let frozen: Vec<Vec<u8>> = self.lines[&key].split(' ').map(unhex).collect();
        assert_eq!(frozen.len(), values.len(), "values of form {version} of {name}");
        for (frozen, value) in frozen.iter().zip(values) {
            let (read, rest) = decode::<T>(frozen)
                .unwrap_or_else(|error| panic!("form {version} of {name} cannot be read any more: {error}"));
            assert!(rest.is_empty(), "form {version} of {name} has another length");
            assert!(bytes(&read) == bytes(value), "form {version} of {name} is read as something else");
            assert!(
                version != T::VERSION || *frozen == bytes(value),
                "{name} is written otherwise than form {version}: give it a form more (docs/decisions/0037-forms-that-age.md)"
            );
        }
    }

    /// Everything was stated: of each structure all forms, and nothing stands in the file that nobody reads.
    #[expect(clippy::disallowed_methods, reason = "the test is the driver here; the crate writes nothing")]
    pub(crate) fn close(self) {
        for (name, (now, stated)) in &self.stated {
            assert!(stated.iter().copied().eq(1..=*now), "forms 1 to {now} of {name} are to be stated");
        }
        let all = self
            .stated
            .iter()
            .flat_map(|(name, (_, stated))| stated.iter().map(move |version| (name.clone(), *version)));
        let all: Vec<(String, u8)> = all.collect();
        for line in self.lines.keys() {
            assert!(all.contains(line), "form {} of {} is frozen, and nobody reads it", line.1, line.0);
        }
        if self.is_blessed {
            let lines =
                self.lines.iter().map(|((name, version), values)| format!("{name} {version} {values}\n"));
            std::fs::write(&self.path, self.head + &lines.collect::<String>()).expect("it can be written");
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(hex: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("two digits of hex");
    (0..hex.len()).step_by(2).map(byte).collect()
}
