//! What is odd about a touchpoint, and what that amounts to for its source.
//!
//! In go the flags that capture set; out come counts that add up in any order, and a score. A flag names the member it
//! concerns and never its value.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::refusal::RefusalKind;

/// What may be odd about a member. Closed, so that metrics have bounded labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlagKind {
    /// It is not there, and somebody would need it.
    Missing,
    /// It cannot be read as what its name says.
    Malformed,
    /// It can be read, and is hardly true.
    Implausible,
    /// It was long past when it arrived.
    Stale,
    /// An e-mail address of an office and not of a person.
    Role,
    /// An e-mail address that is given away for a few minutes.
    Disposable,
}

/// The points of a touchpoint without flags.
pub const POINTS_MAX: u64 = 100;

impl FlagKind {
    /// All kinds, in the order of the schema.
    pub const ALL: [Self; 6] =
        [Self::Missing, Self::Malformed, Self::Implausible, Self::Stale, Self::Role, Self::Disposable];

    /// The name in records, metrics and tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::Implausible => "implausible",
            Self::Stale => "stale",
            Self::Role => "role",
            Self::Disposable => "disposable",
        }
    }

    /// How many of its [`POINTS_MAX`] points a touchpoint loses, once for each kind that it has. What is wrong weighs
    /// more than what is absent or late, and an address of an office is no fault of the source.
    #[must_use]
    pub fn weight(self) -> u64 {
        match self {
            Self::Malformed | Self::Implausible => 40,
            Self::Disposable => 30,
            Self::Missing | Self::Stale => 20,
            Self::Role => 10,
        }
    }
}

/// One thing that is odd.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Flag {
    /// What is odd.
    pub kind: FlagKind,
    /// About which member of the touchpoint, for example `attributes.birth_date`.
    pub member: String,
}

/// The kinds of these flags, each once, in order.
#[must_use]
pub fn kinds(flags: &[Flag]) -> Vec<FlagKind> {
    FlagKind::ALL.into_iter().filter(|kind| flags.iter().any(|flag| flag.kind == *kind)).collect()
}

/// What one source sent, counted. Two of them add up to what both sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceQuality {
    /// Records that became touchpoints, repeated ones included.
    pub touchpoints: u64,
    /// The sum of their points; at most [`POINTS_MAX`] each.
    pub points: u64,
    /// How many touchpoints have a flag of this kind.
    pub flags: BTreeMap<FlagKind, u64>,
    /// Records that were refused, by kind.
    pub refused: BTreeMap<RefusalKind, u64>,
    /// Touchpoints whose id had been seen before of this source, with the same identifiers.
    pub duplicates: u64,
}

impl SourceQuality {
    /// Counts a touchpoint with its flags.
    pub fn touchpoint(&mut self, flags: &[Flag]) {
        let kinds = kinds(flags);
        let lost = kinds.iter().map(|kind| kind.weight()).sum();
        self.touchpoints += 1;
        self.points += POINTS_MAX.saturating_sub(lost);
        for kind in kinds {
            *self.flags.entry(kind).or_default() += 1;
        }
    }

    /// Counts a record that was refused.
    pub fn refusal(&mut self, kind: RefusalKind) {
        *self.refused.entry(kind).or_default() += 1;
    }

    /// Adds what else the source sent.
    pub fn add(&mut self, other: &Self) {
        self.touchpoints = self.touchpoints.saturating_add(other.touchpoints);
        self.points = self.points.saturating_add(other.points);
        self.duplicates = self.duplicates.saturating_add(other.duplicates);
        for (kind, count) in &other.flags {
            let sum = self.flags.entry(*kind).or_default();
            *sum = sum.saturating_add(*count);
        }
        for (kind, count) in &other.refused {
            let sum = self.refused.entry(*kind).or_default();
            *sum = sum.saturating_add(*count);
        }
    }

    /// All records that were read.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.refused.values().fold(self.touchpoints, |sum, count| sum.saturating_add(*count))
    }

    /// Points per record in tenths, 0 to 1000: a refused record has none. `None` when nothing was read.
    #[must_use]
    pub fn score_tenths(&self) -> Option<u64> {
        let tenths = u128::from(self.points) * 10;
        tenths.checked_div(u128::from(self.records())).and_then(|score| u64::try_from(score).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flag(kind: FlagKind, member: &str) -> Flag {
        Flag { kind, member: member.to_owned() }
    }

    #[test]
    fn every_kind_has_a_name_of_its_own_that_serde_shares_and_costs_something() {
        for kind in FlagKind::ALL {
            let named: Result<FlagKind, serde::de::value::Error> =
                Deserialize::deserialize(serde::de::value::StrDeserializer::new(kind.as_str()));
            assert_eq!(named, Ok(kind));
            assert!((1..POINTS_MAX).contains(&kind.weight()));
        }
    }

    #[test]
    fn a_kind_costs_its_weight_once_and_no_touchpoint_has_less_than_no_points() {
        let mut quality = SourceQuality::default();
        quality.touchpoint(&[]);
        quality.touchpoint(&[flag(FlagKind::Missing, "channel"), flag(FlagKind::Missing, "type")]);
        assert_eq!((quality.points, quality.flags[&FlagKind::Missing]), (180, 1));
        assert_eq!(quality.score_tenths(), Some(900));
        let all: Vec<Flag> = FlagKind::ALL.into_iter().map(|kind| flag(kind, "x")).collect();
        quality.touchpoint(&all);
        assert_eq!(quality.points, 180, "six kinds cost more than there is");
    }

    #[test]
    fn a_refused_record_has_no_points() {
        let mut quality = SourceQuality::default();
        assert_eq!(quality.score_tenths(), None);
        quality.refusal(RefusalKind::BadTime);
        assert_eq!((quality.records(), quality.score_tenths()), (1, Some(0)));
        quality.touchpoint(&[]);
        assert_eq!((quality.records(), quality.score_tenths()), (2, Some(500)));
    }

    #[test]
    fn counts_add_up_in_any_order() {
        let mut parts = [SourceQuality::default(), SourceQuality::default(), SourceQuality::default()];
        parts[0].touchpoint(&[flag(FlagKind::Stale, "time")]);
        parts[1].refusal(RefusalKind::BadTime);
        parts[2].touchpoint(&[]);
        parts[2].duplicates = 1;
        let sum = |order: [usize; 3]| {
            order.into_iter().fold(SourceQuality::default(), |mut sum, index| {
                sum.add(&parts[index]);
                sum
            })
        };
        assert_eq!(sum([0, 1, 2]), sum([2, 1, 0]));
        assert_eq!(sum([0, 1, 2]).records(), 3);
    }
}
