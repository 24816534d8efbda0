//! Names of people: `  MÜLLER-LÜDENSCHEIDT ` becomes `Müller-Lüdenscheidt`, `Dr. ann lee jr.` becomes `Ann Lee`.
//!
//! Only a name that is all capitals or all small letters gets other letters, since somebody who writes `deBoer` knows
//! why. Scripts without cases, such as Arabic and Chinese, keep their letters as they are.

use super::attributes::Reading;
use crate::text;

/// What stands before a name and is no part of it. Compared in lower case and without a point. A single letter is not
/// among them, for it is an initial more often than a Monsieur.
const HONORIFICS: [&str; 25] = [
    "dame",
    "doctor",
    "dr",
    "frau",
    "herr",
    "herrn",
    "lady",
    "lord",
    "madame",
    "master",
    "miss",
    "mlle",
    "mme",
    "monsieur",
    "mr",
    "mrs",
    "ms",
    "mx",
    "prof",
    "professor",
    "rev",
    "señor",
    "señora",
    "sir",
    "sra",
];

/// What stands behind a name and is no part of it. Roman numbers count generations.
const SUFFIXES: [&str; 15] = [
    "cpa", "dds", "dphil", "esq", "esquire", "ii", "iii", "iv", "jr", "junior", "mba", "md", "phd", "senior",
    "sr",
];

/// Words that begin a family name in small letters where they are written so, as in `van der Berg`.
const PARTICLES: [&str; 22] = [
    "af", "al", "bin", "bint", "da", "das", "de", "degli", "del", "della", "den", "der", "di", "dos", "du",
    "la", "ten", "ter", "van", "vom", "von", "zu",
];

/// What people write where a name is asked for and none is given, and nobody is called. In lower case.
const PLACEHOLDERS: [&str; 14] = [
    "-",
    "--",
    "anonymous",
    "asdf",
    "customer",
    "first name",
    "firstname",
    "last name",
    "lastname",
    "n/a",
    "none",
    "not provided",
    "test",
    "xxx",
];

/// A given name, or several.
pub(super) fn given(text: &str) -> Reading {
    let words = words(text);
    judge(without_honorifics(&words))
}

/// A family name, with its suffix left out.
pub(super) fn family(text: &str) -> Reading {
    let words = words(text);
    judge(without_suffixes(&words))
}

/// All of a name.
pub(super) fn full(text: &str) -> Reading {
    let words = words(text);
    judge(without_suffixes(without_honorifics(&words)))
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

/// A name has letters, and neither digits nor an @.
fn judge(words: &[&str]) -> Reading {
    let joined = words.join(" ");
    let name = cased(joined.trim_end_matches([',', ' ']));
    let is_odd = |c: char| c.is_ascii_digit() || matches!(c, '@' | '<' | '>' | '{' | '}' | '=');
    let plausible = name.chars().any(char::is_alphabetic)
        && !name.chars().any(is_odd)
        && !PLACEHOLDERS.contains(&text::lower(&name).as_str());
    if plausible { Reading::Read(name) } else { Reading::Implausible(name) }
}

/// Something is always left: who is called Sir has that name.
fn without_honorifics<'w, 't>(mut words: &'w [&'t str]) -> &'w [&'t str] {
    while let [first, rest @ ..] = words
        && !rest.is_empty()
        && HONORIFICS.contains(&plain(first).as_str())
    {
        words = rest;
    }
    words
}

fn without_suffixes<'w, 't>(mut words: &'w [&'t str]) -> &'w [&'t str] {
    while let [rest @ .., last] = words
        && !rest.is_empty()
        && SUFFIXES.contains(&plain(last).as_str())
    {
        words = rest;
    }
    words
}

fn plain(word: &str) -> String {
    text::lower(&word.replace(['.', ','], ""))
}

/// The name in the letters of a name, if it came in one case only.
fn cased(name: &str) -> String {
    let (mut upper, mut lower) = (0_usize, 0_usize);
    for c in name.chars() {
        upper += usize::from(c.is_uppercase());
        lower += usize::from(c.is_lowercase());
    }
    // One letter, or initials: nothing is known of how the rest is written.
    if (upper > 0) == (lower > 0) || (lower == 0 && upper == 1) {
        return name.to_owned();
    }
    let words: Vec<&str> = name.split(' ').collect();
    let last = words.len().saturating_sub(1);
    let word = |(index, word): (usize, &&str)| {
        let lower = text::lower(word);
        if index < last && PARTICLES.contains(&lower.as_str()) { lower } else { capitalised(&lower) }
    };
    text::nfc(words.iter().enumerate().map(word).collect::<Vec<_>>().join(" ").into()).into_owned()
}

/// A capital at the beginning, after a hyphen, after `O'` and `D'`, and after `Mc` before three letters or more.
fn capitalised(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    let mut begins = true;
    for c in word.chars() {
        if begins && c.is_alphabetic() {
            let mut capital = c.to_uppercase();
            out.extend(capital.next());
            out.extend(capital.flat_map(char::to_lowercase));
        } else {
            out.push(c);
        }
        let apostrophe = matches!(c, '\'' | '’') && matches!(out.chars().count(), 2);
        let scottish = out == "Mc" && word.chars().count() >= 5;
        begins = apostrophe || scottish || matches!(c, '-' | '‐' | '.') || (begins && !c.is_alphabetic());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(read: fn(&str) -> Reading, cases: &[(&str, &str)]) {
        for (text, expected) in cases {
            assert_eq!(read(text), Reading::Read((*expected).to_owned()), "{text}");
            assert_eq!(read(expected), Reading::Read((*expected).to_owned()), "{text}, a second time");
        }
    }

    #[test]
    fn a_name_in_one_case_gets_the_letters_of_a_name() {
        all(
            given,
            &[
                ("ANN", "Ann"),
                ("jean-luc  marie", "Jean-Luc Marie"),
                ("Mrs. Ann", "Ann"),
                ("DR ANN", "Ann"),
                ("LeAnn", "LeAnn"),
                ("A", "A"),
                ("j.r.", "J.R."),
                ("Dr", "Dr"),
                ("M. Night", "M. Night"),
            ],
        );
        all(
            family,
            &[
                ("MÜLLER-LÜDENSCHEIDT", "Müller-Lüdenscheidt"),
                ("o'neil", "O'Neil"),
                ("MCDONALD", "McDonald"),
                ("MACK", "Mack"),
                ("van der berg", "van der Berg"),
                ("DE", "De"),
                ("deBoer", "deBoer"),
                ("LEE JR.", "Lee"),
                ("NA", "Na"),
                ("Lee, PhD", "Lee"),
                ("Van Halen III", "Van Halen"),
            ],
        );
        all(full, &[("PROF. DR. ANN LEE, MD", "Ann Lee"), ("Herr Ken O’HARA", "Ken O’HARA")]);
    }

    #[test]
    fn names_of_other_scripts_keep_their_letters_and_their_cases() {
        all(
            full,
            &[
                ("ΓΙΏΡΓΟΣ ΠΑΠΑΔΌΠΟΥΛΟΣ", "Γιώργος Παπαδόπουλος"),
                ("АННА ПЕТРОВА", "Анна Петрова"),
                ("محمد  عبد الله", "محمد عبد الله"),
                ("王小明", "王小明"),
                ("山田　太郎", "山田 太郎"),
                ("김민준", "김민준"),
            ],
        );
    }

    #[test]
    fn what_is_no_name_is_implausible() {
        for text in ["TEST", "n/a", "ann@example.org", "4711", "-", "<b>", "Ann17"] {
            assert!(matches!(given(text), Reading::Implausible(_)), "{text}");
        }
    }
}
