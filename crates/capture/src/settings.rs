//! What an operator may choose about capture. Numbers that nobody should have to choose are in [`crate::limits`].

/// What happens to a member that a touchpoint does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownMembers {
    /// The record is refused: nothing is lost unnoticed.
    #[default]
    Refuse,
    /// A top-level text, number or boolean becomes an attribute of that name; within other members it is dropped.
    /// A list or an object is refused, because an attribute cannot hold it.
    Keep,
    /// It is left out.
    Drop,
}

impl UnknownMembers {
    /// All choices, as the configuration names them.
    pub const ALL: [Self; 3] = [Self::Refuse, Self::Keep, Self::Drop];

    /// The name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Keep => "keep",
            Self::Drop => "drop",
        }
    }
}

/// What an operator may choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What happens to members that a touchpoint does not have.
    pub unknown_members: UnknownMembers,
    /// How far after the time of the step a touchpoint or a consent may lie; 0 allows no clock to be ahead.
    pub max_future_ms: i64,
    /// The ISO 3166 alpha-2 code of the country whose telephone numbers may come without a country code, when the
    /// touchpoint has no `country` attribute. `None`: such numbers are refused.
    pub default_region: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { unknown_members: UnknownMembers::default(), max_future_ms: 86_400_000, default_region: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_has_a_name_of_its_own() {
        assert_eq!(UnknownMembers::ALL.map(UnknownMembers::as_str), ["refuse", "keep", "drop"]);
    }
}
