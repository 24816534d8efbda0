//! What may pass: only attributes that the source lists, each for a purpose; free text as a rule says.
//!
//! What is not listed is dropped and counted by name. Special categories of personal data (GDPR, article 9) cannot be listed
//! unless the source says so a second time.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use kinfold_model::keys::sha256_hex;

use crate::value::Value;

/// Article 9 (1) of the GDPR: the categories, and the words by which names of attributes give them away.
pub const SPECIAL: [(&str, &[&str]); 8] = [
    (
        "health",
        &[
            "health",
            "medical",
            "medication",
            "diagnosis",
            "disease",
            "illness",
            "disability",
            "disabled",
            "allergy",
            "allergies",
            "pregnant",
            "pregnancy",
            "patient",
            "hospital",
            "therapy",
            "symptom",
            "symptoms",
            "vaccination",
            "bmi",
            "bloodtype",
            "blood",
        ],
    ),
    (
        "religion",
        &["religion", "religious", "faith", "church", "denomination", "belief", "beliefs", "philosophical"],
    ),
    ("politics", &["politics", "political", "party", "vote", "voter", "voting"]),
    ("union", &["union", "unions", "trade_union"]),
    ("sex_life", &["sex_life", "sexual", "sexuality", "orientation", "lgbt", "lgbtq"]),
    ("biometrics", &["biometric", "biometrics", "fingerprint", "faceprint", "voiceprint", "iris", "retina"]),
    ("genetics", &["genetic", "genetics", "genome", "dna"]),
    ("ethnicity", &["ethnicity", "ethnic", "race", "racial", "caste", "tribe", "skin_color", "skin_colour"]),
];

/// What becomes of an attribute's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextRule {
    /// Its SHA-256 takes its place: equal texts can be told to be equal, and no more.
    Hash,
    /// So many characters are kept.
    Truncate(usize),
}

/// The attributes that may pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allow {
    /// By name, with the purposes.
    pub attributes: BTreeMap<String, Vec<String>>,
    /// How those of free text pass.
    pub rules: BTreeMap<String, TextRule>,
    /// Names that are known, do not pass, and are counted each by itself.
    pub drops: BTreeSet<String>,
}

/// How often attributes were dropped, by name.
pub type Dropped = BTreeMap<Rc<str>, u64>;

impl Allow {
    /// Takes out of a touchpoint what may not pass, and counts it.
    pub(crate) fn minimise(&self, touchpoint: Value, dropped: &mut Dropped) -> Value {
        let Some(Value::Object(attributes)) = touchpoint.get("attributes") else { return touchpoint };
        let as_it_is =
            |name: &Rc<str>| self.attributes.contains_key(&**name) && !self.rules.contains_key(&**name);
        if attributes.members().keys().all(as_it_is) {
            return touchpoint;
        }
        let mut kept = BTreeMap::new();
        for (name, value) in attributes.members() {
            if !self.attributes.contains_key(&**name) {
                if !matches!(value, Value::Null) {
                    *dropped.entry(Rc::clone(name)).or_default() += 1;
                }
                continue;
            }
            kept.insert(
                Rc::clone(name),
                self.rules.get(&**name).map_or_else(|| value.clone(), |rule| rule.of(value)),
            );
        }
        // What was there and is less now cannot be too large.
        let kept = Value::object(kept).unwrap_or_default();
        touchpoint
            .with_members(|members| {
                members.insert(Rc::from("attributes"), kept);
            })
            .unwrap_or_default()
    }

    /// The name under which a dropped attribute is counted: its own if the source knows it, else one for all, because
    /// whoever sends a payload must not be able to make labels.
    #[must_use]
    pub fn label<'n>(&self, name: &'n str) -> &'n str {
        if self.drops.contains(name) {
            name
        } else if special(name).is_some() {
            "special"
        } else {
            "other"
        }
    }
}

impl TextRule {
    fn of(self, value: &Value) -> Value {
        match (self, value) {
            (Self::Hash, Value::Text(text)) => Value::text(&sha256_hex(text)),
            (Self::Hash, Value::Null) => Value::Null,
            (Self::Hash, other) => Value::text(&sha256_hex(&other.to_string())),
            (Self::Truncate(characters), Value::Text(text)) => match text.char_indices().nth(characters) {
                Some((end, _)) => Value::text(text.get(..end).unwrap_or_default()),
                None => value.clone(),
            },
            (Self::Truncate(_), other) => other.clone(),
        }
    }
}

/// The special category that the name of an attribute gives away.
#[must_use]
pub fn special(name: &str) -> Option<&'static str> {
    let words = words(name);
    let whole = words.join("_");
    let gives_away = |word: &&str| {
        words.iter().any(|own| own == word) || whole == **word || whole.contains(*word) && word.contains('_')
    };
    SPECIAL.iter().find(|(_, known)| known.iter().any(gives_away)).map(|(category, _)| *category)
}

/// `bloodType`, `blood_type` and `Blood type` are two words.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for letter in name.chars() {
        let begins = !letter.is_alphanumeric() || (letter.is_uppercase() && before.is_lowercase());
        if begins && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if letter.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
        before = letter;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_give_special_categories_away_however_they_are_written() {
        for (name, category) in [
            ("healthStatus", "health"),
            ("Blood type", "health"),
            ("customer_religion", "religion"),
            ("politicalParty", "politics"),
            ("trade-union", "union"),
            ("sexual_orientation", "sex_life"),
            ("sexLife", "sex_life"),
            ("DNA", "genetics"),
            ("ethnic.group", "ethnicity"),
        ] {
            assert_eq!(special(name), Some(category), "{name}");
        }
        for name in ["given_name", "wealth", "trace", "city", "sex", "department", "embrace"] {
            assert_eq!(special(name), None, "{name}");
        }
    }

    #[test]
    fn every_category_and_word_is_one() {
        for (category, known) in SPECIAL {
            for word in known {
                assert_eq!(special(word), Some(category), "{word}");
            }
        }
    }

    #[test]
    fn only_what_is_listed_passes_and_the_rest_is_counted_by_name() {
        let allow = Allow {
            attributes: ["city", "note", "memo"]
                .map(|name| (name.to_owned(), vec!["service".to_owned()]))
                .into(),
            rules: [("note".to_owned(), TextRule::Hash), ("memo".to_owned(), TextRule::Truncate(3))].into(),
            drops: BTreeSet::from(["shoe".to_owned()]),
        };
        let touchpoint = br#"{"attributes":{"city":"X","note":"n","memo":"\u00e9\u00e9\u00e9\u00e9","shoe":7,"faith":"y","gone":null},"time":1}"#;
        let mut dropped = Dropped::new();
        let left = allow.minimise(Value::parse(touchpoint).expect("JSON"), &mut dropped);
        let expected =
            format!(r#"{{"attributes":{{"city":"X","memo":"ééé","note":"{}"}},"time":1}}"#, sha256_hex("n"));
        assert_eq!(left.to_string(), expected);
        let labels: Vec<_> = dropped.iter().map(|(name, count)| (allow.label(name), *count)).collect();
        assert_eq!(labels, [("special", 1), ("shoe", 1)]);
        assert_eq!(allow.label("gone"), "other");
    }
}
