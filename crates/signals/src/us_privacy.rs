//! The US Privacy string, four characters such as `1YNN`: what California's first law asked for. GPP has taken its place.

use crate::fault::{Fault, FaultKind};

const PART: &str = "us privacy";

/// What a US Privacy string says. `None`: does not apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsPrivacy {
    /// Whether the person was told, and could opt out.
    pub was_notified: Option<bool>,
    /// Whether they opted out of the sale of their data.
    pub opted_out_of_sale: Option<bool>,
    /// Whether the publisher has signed the Limited Service Provider Agreement.
    pub is_covered: Option<bool>,
}

impl UsPrivacy {
    /// Reads a string.
    ///
    /// # Errors
    /// It is not four characters, its version is not 1, or a character is none of `Y`, `N` and `-`.
    pub fn read(text: &str) -> Result<Self, Fault> {
        let &[version, notice, opt_out, covered] = text.as_bytes() else {
            let kind = FaultKind::Form { expected: "four characters, for example 1YNN" };
            return Err(Fault::new(PART, "the string", kind));
        };
        if version != b'1' {
            let kind = FaultKind::Form { expected: "1, the only version there is" };
            return Err(Fault::new(PART, "version", kind));
        }
        Ok(Self {
            was_notified: answer(notice, "notice")?,
            opted_out_of_sale: answer(opt_out, "opt_out_sale")?,
            is_covered: answer(covered, "lspa_covered")?,
        })
    }
}

fn answer(byte: u8, field: &'static str) -> Result<Option<bool>, Fault> {
    match byte {
        b'Y' => Ok(Some(true)),
        b'N' => Ok(Some(false)),
        b'-' => Ok(None),
        _ => Err(Fault::new(PART, field, FaultKind::Form { expected: "Y, N or -" })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_character_says_one_thing() {
        let read = UsPrivacy { was_notified: Some(true), opted_out_of_sale: Some(false), is_covered: None };
        assert_eq!(UsPrivacy::read("1YN-"), Ok(read));
    }

    #[test]
    fn other_texts_name_what_is_wrong_with_them() {
        for (text, field) in [
            ("", "the string"),
            ("1YN", "the string"),
            ("1YNNN", "the string"),
            ("2YNN", "version"),
            ("1yNN", "notice"),
            ("1YXN", "opt_out_sale"),
            ("1YN1", "lspa_covered"),
            ("1Y\u{e9}", "opt_out_sale"),
        ] {
            assert_eq!(UsPrivacy::read(text).map_err(|fault| fault.field), Err(field), "{text}");
        }
    }
}
