//! Global Privacy Control: a browser that says no for the person behind it, to sale, sharing and targeted advertising.

use crate::fault::{Fault, FaultKind};

/// The signal of a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GlobalPrivacyControl {
    /// Whether it is on. Off says nothing: it is how every browser is delivered.
    pub is_on: bool,
}

impl GlobalPrivacyControl {
    /// Reads the value of the header `Sec-GPC`.
    ///
    /// # Errors
    /// It is not `1`, the only value that the header has.
    pub fn read_header(value: &str) -> Result<Self, Fault> {
        match value.trim() {
            "1" => Ok(Self { is_on: true }),
            _ => Err(Fault::new("gpc", "the header", FaultKind::Form { expected: "1, or not be sent" })),
        }
    }
}

impl From<bool> for GlobalPrivacyControl {
    /// `navigator.globalPrivacyControl`.
    fn from(is_on: bool) -> Self {
        Self { is_on }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_has_one_value() {
        assert_eq!(GlobalPrivacyControl::read_header("1"), Ok(GlobalPrivacyControl { is_on: true }));
        for value in ["", "0", "true", "11"] {
            assert!(GlobalPrivacyControl::read_header(value).is_err(), "{value}");
        }
    }
}
