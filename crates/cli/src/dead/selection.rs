//! Which dead letters are meant: filters of the command line. In: arguments. Out: a yes or no for each letter.

use clap::Args;
use kinfold_letters::{Letter, Letters};
use kinfold_model::{RefusalKind, Timestamp};
use kinfold_pipeline::StageName;
use kinfold_wire::Coordinates;

/// Only some letters; without any filter, all of them.
#[derive(Args, Clone, Debug, Default)]
pub struct Selection {
    /// Only of this source.
    #[arg(long)]
    pub source: Option<String>,
    /// Only of this kind, as metrics name it.
    #[arg(long, value_parser = kind)]
    pub kind: Option<RefusalKind>,
    /// Only what this stage refused.
    #[arg(long, value_parser = stage)]
    pub stage: Option<StageName>,
    /// Only of records that were written at this time or later, as RFC 3339.
    #[arg(long)]
    pub since: Option<Timestamp>,
    /// Only of records that were written before this time, as RFC 3339.
    #[arg(long)]
    pub until: Option<Timestamp>,
}

impl Selection {
    /// Whether a letter is meant.
    #[must_use]
    pub fn holds(&self, coordinates: &Coordinates, letter: &Letter) -> bool {
        self.source.as_deref().is_none_or(|source| coordinates.source() == Some(source))
            && self.kind.is_none_or(|kind| letter.kind == kind.as_str())
            && self.stage.is_none_or(|stage| letter.stage == stage.as_str())
            && self.since.is_none_or(|since| letter.time >= since)
            && self.until.is_none_or(|until| letter.time < until)
    }

    /// The records of which any letter is meant, the newest first, and those letters.
    #[must_use]
    pub fn of<'l>(&self, letters: &'l Letters) -> Vec<(&'l Coordinates, Vec<&'l Letter>)> {
        let meant = |(coordinates, all): (&'l Coordinates, &'l Vec<Letter>)| {
            let meant: Vec<&Letter> = all.iter().filter(|letter| self.holds(coordinates, letter)).collect();
            (!meant.is_empty()).then_some((coordinates, meant))
        };
        let mut found: Vec<_> = letters.open.iter().filter_map(meant).collect();
        found.sort_by_key(|(coordinates, meant)| (std::cmp::Reverse(meant[0].time), *coordinates));
        found
    }
}

fn kind(text: &str) -> Result<RefusalKind, String> {
    let known = || RefusalKind::ALL.map(RefusalKind::as_str).join(", ");
    let found = RefusalKind::ALL.into_iter().find(|kind| kind.as_str() == text);
    found.ok_or_else(|| format!("is no kind of refusal; there are {}", known()))
}

fn stage(text: &str) -> Result<StageName, String> {
    let known = || StageName::ALL.map(StageName::as_str).join(", ");
    let found = StageName::ALL.into_iter().find(|stage| stage.as_str() == text);
    found.ok_or_else(|| format!("is no stage; there are {}", known()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dead::samples::{at, letter, open};

    fn letters() -> Letters {
        let kinds = ["bad_time", "no_identifier"];
        let of = |offset: i64| {
            let place = at(if offset % 4 < 2 { "shop" } else { "crm" }, offset);
            letter(&place, kinds[usize::from(offset % 2 == 1)], Some(b"{"))
        };
        open(&(0..8).map(of).collect::<Vec<_>>())
    }

    #[test]
    fn filters_hold_together_and_the_newest_record_comes_first() {
        let letters = letters();
        let offsets = |selection: &Selection| -> Vec<i64> {
            selection.of(&letters).iter().map(|(coordinates, _)| coordinates.offset).collect()
        };
        let all = Selection::default();
        assert_eq!(offsets(&all), [7, 6, 5, 4, 3, 2, 1, 0]);
        let shop = Selection { source: Some("shop".to_owned()), ..all.clone() };
        assert_eq!(offsets(&shop), [5, 4, 1, 0]);
        let odd = Selection { kind: Some(RefusalKind::NoIdentifier), ..shop };
        assert_eq!(offsets(&odd), [5, 1]);
        let time = |offset: i64| Timestamp::from_millis(1_772_323_200_000 + offset).ok();
        let within = Selection { since: time(2), until: time(5), ..all.clone() };
        assert_eq!(offsets(&within), [4, 3, 2]);
        assert!(offsets(&Selection { stage: Some(StageName::People), ..all }).is_empty());
    }

    #[test]
    fn a_kind_or_stage_that_is_none_is_refused_with_those_that_there_are() {
        assert_eq!(kind("bad_time"), Ok(RefusalKind::BadTime));
        assert!(kind("bad_weather").is_err_and(|error| error.contains("bad_time")));
        assert!(stage("captur").is_err_and(|error| error.contains("capture")));
    }
}
