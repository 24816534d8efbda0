//! Block lists: values that say nothing about anybody. Among them are those that are blocked unless the configuration
//! says otherwise: what programs and people write where they know nothing.
//!
//! A list holds patterns that are known to compile, so that whoever has rules can use them without a second look.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use regex::{RegexSet, RegexSetBuilder};
use serde::{Deserialize, Serialize};

/// Values that say nothing about anybody. They are compared with normalised values, without regard to case.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(try_from = "Lists", into = "Lists")]
pub struct BlockList {
    lists: Lists,
    /// Of `lists.patterns`, each anchored to the whole value; `None` where there are none, which is most often. Rules
    /// are cloned, a set need not be.
    compiled: Option<Arc<RegexSet>>,
}

impl std::fmt::Debug for BlockList {
    /// How long it is: its values may be those of somebody.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "block list of {} values and {} patterns",
            self.lists.values.len(),
            self.lists.patterns.len()
        )
    }
}

/// What a list says, and the form in which it is kept and hashed.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Lists {
    values: BTreeSet<String>,
    patterns: BTreeSet<String>,
}

/// Why texts are no block list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockListError {
    /// One of the patterns is no regular expression.
    #[error("`{pattern}` is no regular expression: {why}")]
    Pattern {
        /// As it was written.
        pattern: String,
        /// In the words of the library that reads it.
        why: String,
    },
    /// Each is one, but together they take more memory than a set of patterns may.
    #[error("the patterns take more than 1 MiB together; write fewer or shorter ones")]
    TooLarge,
}

impl BlockList {
    /// Whole values, in lower case; and regular expressions that a whole value must match.
    ///
    /// # Errors
    /// [`BlockListError`] with the first pattern that does not compile.
    pub fn new(values: BTreeSet<String>, patterns: BTreeSet<String>) -> Result<Self, BlockListError> {
        patterns.iter().try_for_each(|pattern| check_pattern(pattern))?;
        let anchored = patterns.iter().map(|pattern| anchored(pattern));
        let compiled = if patterns.is_empty() {
            None
        } else {
            Some(Arc::new(compile(anchored).map_err(|_| BlockListError::TooLarge)?))
        };
        Ok(Self { lists: Lists { values, patterns }, compiled })
    }

    /// Whole values, in lower case.
    #[must_use]
    pub fn values(&self) -> &BTreeSet<String> {
        &self.lists.values
    }

    /// Regular expressions that a whole value must match.
    #[must_use]
    pub fn patterns(&self) -> &BTreeSet<String> {
        &self.lists.patterns
    }

    /// Whether a value, in lower case, is one of the list's or matches one of its patterns.
    #[must_use]
    pub fn holds(&self, value: &str) -> bool {
        self.lists.values.contains(value)
            || self.compiled.as_ref().is_some_and(|compiled| compiled.is_match(value))
    }

    /// Blocked in every namespace.
    pub(crate) fn everywhere() -> Self {
        static LIST: LazyLock<BlockList> = LazyLock::new(|| {
            let values = [
                "null",
                "undefined",
                "none",
                "nil",
                "nan",
                "n/a",
                "na",
                "anonymous",
                "unknown",
                "guest",
                "test",
                "[object object]",
                "(null)",
                "(not set)",
                "not set",
                "true",
                "false",
                "xxx",
                "-",
                "--",
                "?",
            ];
            // All zeros, with or without the hyphens and colons of UUIDs and network addresses.
            built_in(&values, &["[0:-]+"])
        });
        LIST.clone()
    }

    /// Blocked in one namespace of the default rules.
    pub(crate) fn of_namespace(name: &str) -> Self {
        static EMAIL: LazyLock<BlockList> = LazyLock::new(|| {
            built_in(
                &[
                    "test@test.com",
                    "test@test.de",
                    "a@a.com",
                    "none@none.com",
                    "no@email.com",
                    "email@email.com",
                ],
                &[
                    "(no-?reply|do-?not-?reply|mailer-daemon|postmaster)@.*",
                    ".*@(localhost|example\\.invalid)",
                ],
            )
        });
        // The country code, then one digit throughout.
        static PHONE: LazyLock<BlockList> = LazyLock::new(|| {
            built_in(&["+11111111111", "+1234567890", "+123456789"], &[r"\+[1-9]0{6,}", r"\+1?5{7,}"])
        });
        static DEVICE_ID: LazyLock<BlockList> =
            LazyLock::new(|| built_in(&["9774d56d682e549c"], &["[fF:-]{8,}"]));
        match name {
            "email" => EMAIL.clone(),
            "phone" => PHONE.clone(),
            "device_id" => DEVICE_ID.clone(),
            _ => Self::default(),
        }
    }
}

impl PartialEq for BlockList {
    fn eq(&self, other: &Self) -> bool {
        self.lists == other.lists
    }
}

impl Eq for BlockList {}

impl TryFrom<Lists> for BlockList {
    type Error = BlockListError;

    fn try_from(Lists { values, patterns }: Lists) -> Result<Self, BlockListError> {
        Self::new(values, patterns)
    }
}

impl From<BlockList> for Lists {
    fn from(list: BlockList) -> Self {
        list.lists
    }
}

/// Checks one pattern as a block list would.
///
/// # Errors
/// [`BlockListError::Pattern`].
pub fn check_pattern(pattern: &str) -> Result<(), BlockListError> {
    // By itself first: `a)|(b` is no pattern, and would be one between the parentheses of the anchored form.
    compile([pattern.to_owned()]).and_then(|_| compile([anchored(pattern)])).map(drop).map_err(|error| {
        let why = match error {
            regex::Error::CompiledTooBig(_) => "it takes more than 1 MiB of memory".to_owned(),
            // The library draws the pattern, points at the place, and says in the last line what is wrong.
            error => {
                let said = error.to_string();
                let last = said.lines().last().unwrap_or_default();
                last.strip_prefix("error: ").unwrap_or(last).to_owned()
            }
        };
        BlockListError::Pattern { pattern: pattern.to_owned(), why }
    })
}

fn anchored(pattern: &str) -> String {
    format!(r"\A(?:{pattern})\z")
}

/// Hundreds of patterns of a line each fit into this.
const COMPILED_BYTES_MAX: usize = 1 << 20;

fn compile(patterns: impl IntoIterator<Item = String>) -> Result<RegexSet, regex::Error> {
    RegexSetBuilder::new(patterns).case_insensitive(true).size_limit(COMPILED_BYTES_MAX).build()
}

fn built_in(values: &[&str], patterns: &[&str]) -> BlockList {
    let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    BlockList::new(own(values), own(patterns))
        .expect("the default lists are part of the program, and a test compiles each")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Rules;

    fn patterns(texts: &[&str]) -> Result<BlockList, BlockListError> {
        BlockList::new(BTreeSet::new(), texts.iter().map(|text| (*text).to_owned()).collect())
    }

    #[test]
    fn default_values_are_in_lower_case_and_default_patterns_are_not_empty() {
        let rules = Rules::default();
        for list in rules.namespaces.values().map(|rules| &rules.block).chain([&rules.block]) {
            for value in list.values() {
                assert!(!value.is_empty() && *value == value.to_lowercase(), "{value}");
            }
            assert!(list.patterns().iter().all(|pattern| !pattern.is_empty() && !list.holds("")));
        }
        let with_one = rules.namespaces.iter().filter(|(_, rules)| rules.block != BlockList::default());
        assert_eq!(
            with_one.map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
            ["device_id", "email", "phone"]
        );
    }

    #[test]
    fn a_pattern_matches_whole_values_whatever_their_case() {
        let list = patterns(&["ab|cd", "x+"]).expect("two patterns");
        for (value, expected) in [
            ("ab", true),
            ("cd", true),
            ("CD", true),
            ("xxx", true),
            ("abc", false),
            ("xab", false),
            ("x\n", false),
        ] {
            assert_eq!(list.holds(value), expected, "{value:?}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused_with_the_reason() {
        for (pattern, reason) in
            [("a(b", "unclosed group"), ("a)|(b", "unopened group"), ("(?x)a #", "unclosed group")]
        {
            let error = patterns(&["fine", pattern]).expect_err(pattern);
            assert_eq!(
                error,
                BlockListError::Pattern { pattern: pattern.to_owned(), why: reason.to_owned() }
            );
        }
        let error = patterns(&[r"(\w{100}){100}"]).expect_err("too large");
        assert!(error.to_string().ends_with("it takes more than 1 MiB of memory"), "{error}");
    }

    #[test]
    fn patterns_that_are_too_large_together_are_refused() {
        let many: Vec<String> = (0..60).map(|i| format!(r"\w{{5}}{i}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(patterns(&many).err(), Some(BlockListError::TooLarge));
    }

    #[test]
    fn a_list_that_was_written_with_a_pattern_that_does_not_compile_is_not_read() {
        let bad = Lists { values: BTreeSet::new(), patterns: BTreeSet::from(["a(".to_owned()]) };
        let bytes = postcard::to_stdvec(&bad).expect("plain data");
        assert!(postcard::from_bytes::<BlockList>(&bytes).is_err());
    }
}
