//! Which value survives: all that was stated of an attribute, the rule that is declared for it, and the time in; the attribute of the
//! profile, or the whole contest in order, out.
//!
//! Of a birth date only the days compete on which somebody can have been born, as long as there is one, by whatever rule.
//!
//! Every rule is total: of values that are equal by it the newest wins, then that of the greatest touchpoint id, value and source. The
//! time tells what is stale or to be verified again, and so which verification counts. That is all that it decides.

use std::collections::BTreeMap;

use kinfold_model::profile::{Attribute, StatedValue};
use kinfold_model::{AttributeRule, Reason, SurvivorRule, Timestamp};

use crate::ends::Ends;
use crate::standard::{birth, tells_birth};
use crate::tally::{Mark, Tally};
use crate::values::{Pair, Values, length};

/// A value of one source, as it competes.
pub(crate) struct Competitor<'v> {
    pub(crate) pair: &'v Pair,
    pub(crate) tally: &'v Tally,
    /// Whether all is known of it: it found room, and how often it was stated counts.
    pub(crate) is_kept: bool,
}

/// By what competitors are compared; the greatest wins. Whether it can be, a preference of the rule, then the statement that speaks for
/// the value.
type Rank<'v> = (bool, i64, &'v Mark, &'v str, &'v str);

/// All that compete for one attribute.
pub(crate) struct Contest<'v> {
    rule: &'v AttributeRule,
    is_birth: bool,
    /// At least one.
    competitors: Vec<Competitor<'v>>,
    /// By value, how many touchpoints stated it; only where the rule asks for it.
    counts: BTreeMap<&'v str, u64>,
    values: &'v Values,
    now: Timestamp,
}

impl<'v> Contest<'v> {
    /// For the attribute of this name; `beyond` is what the rule may know of the pairs without room, by [`beyond`].
    pub(crate) fn new(
        name: &str,
        values: &'v Values,
        beyond: &'v BTreeMap<Pair, Tally>,
        rule: &'v AttributeRule,
        now: Timestamp,
    ) -> Self {
        let counts = match rule.rule {
            SurvivorRule::MostFrequent => counts(values),
            _ => BTreeMap::new(),
        };
        let competitors = competitors(values, beyond);
        Self { rule, is_birth: tells_birth(name), competitors, counts, values, now }
    }

    /// All of them, the winner first.
    pub(crate) fn in_order(&self) -> Vec<&Competitor<'v>> {
        let mut order: Vec<&Competitor<'v>> = self.competitors.iter().collect();
        order.sort_by(|a, b| self.rank(b).cmp(&self.rank(a)));
        order
    }

    /// What the profile shows; `None` when nobody competes, which facets do not store. Takes note of when it becomes other by itself.
    pub(crate) fn attribute(&self, ends: &mut Ends) -> Option<Attribute> {
        let ageing = self.rule.ageing;
        let winner = self.competitors.iter().max_by(|a, b| self.rank(a).cmp(&self.rank(b)))?;
        let Pair { value, source } = winner.pair;
        let alike = || self.competitors.iter().filter(|one| one.pair.value == *value);
        let confirmed = self.confirmed(value)?;
        let verified = alike().filter_map(|one| Some(one.tally.verified.as_ref()?.time)).max();
        if self.rule.rule == SurvivorRule::VerifiedFirst {
            // With each verification that counts no more, another may win.
            for one in &self.competitors {
                ends.passed(one.tally.verified.as_ref().and_then(|mark| ageing.verify_again(mark.time)));
            }
        }
        Some(Attribute {
            value: value.clone(),
            source: source.clone(),
            time: self.statement(winner).time,
            reason: self.reason(winner),
            confirmed: Some(confirmed),
            verified,
            stale: ends.passed(ageing.stale(confirmed)),
            verify_again: ends.passed(verified.and_then(|time| ageing.verify_again(time))),
            values: self.values(winner, ends),
        })
    }

    /// When a value was last stated by anybody, as far as that is known: of what is only counted the times are, too.
    pub(crate) fn confirmed(&self, value: &str) -> Option<Timestamp> {
        let stated =
            self.competitors.iter().filter(|one| one.pair.value == value).map(|one| one.tally.last.time);
        // Without any beyond those that found room all is among the competitors.
        let counted = self.values.is_full().then(|| self.values.counted()).into_iter().flatten();
        let counted = counted.filter(|(pair, ..)| pair.value == value).map(|(.., span)| span.last);
        stated.chain(counted).max()
    }

    fn rank(&self, one: &Competitor<'v>) -> Rank<'v> {
        let Pair { value, source } = one.pair;
        let preference = match self.rule.rule {
            SurvivorRule::Newest | SurvivorRule::Union => 0,
            SurvivorRule::Oldest => -one.tally.first.time.millis(),
            SurvivorRule::MostFrequent => self.counts.get(value.as_str()).map_or(0, |count| to_i64(*count)),
            SurvivorRule::SourcePriority => {
                self.rule.place(source).map_or(i64::MIN, |place| -to_i64(place as u64))
            }
            SurvivorRule::Longest => to_i64(length(value) as u64),
            SurvivorRule::VerifiedFirst => i64::from(self.verification(one).is_some()),
        };
        let statement = self.statement(one);
        let can_be = !self.is_birth || birth(value, statement.time).is_some();
        (can_be, preference, statement, value, source)
    }

    /// The statement that speaks for a value.
    fn statement(&self, one: &Competitor<'v>) -> &'v Mark {
        let tally = one.tally;
        match self.rule.rule {
            SurvivorRule::Oldest => &tally.first,
            SurvivorRule::VerifiedFirst => self.verification(one).unwrap_or(&tally.last),
            _ => &tally.last,
        }
    }

    /// The last verification of a value by a source, as long as it counts.
    fn verification(&self, one: &Competitor<'v>) -> Option<&'v Mark> {
        let again = |mark: &Mark| self.rule.ageing.verify_again(mark.time);
        one.tally.verified.as_ref().filter(|mark| again(mark).is_none_or(|again| self.now < again))
    }

    fn reason(&self, winner: &Competitor<'v>) -> Reason {
        let is_only =
            !self.values.is_full() && self.competitors.iter().all(|one| one.pair.value == winner.pair.value);
        match self.rule.rule {
            _ if is_only => Reason::Only,
            SurvivorRule::Newest => Reason::Newest,
            SurvivorRule::Oldest => Reason::Oldest,
            SurvivorRule::MostFrequent => Reason::MostFrequent,
            SurvivorRule::SourcePriority if self.rule.place(&winner.pair.source).is_none() => Reason::Newest,
            SurvivorRule::SourcePriority => Reason::SourcePriority,
            SurvivorRule::Longest => Reason::Longest,
            SurvivorRule::VerifiedFirst if self.verification(winner).is_none() => Reason::Newest,
            SurvivorRule::VerifiedFirst => Reason::Verified,
            SurvivorRule::Union => Reason::Union,
        }
    }

    /// Side by side: the values that found room, and the winner.
    fn values(&self, winner: &Competitor<'v>, ends: &mut Ends) -> Vec<StatedValue> {
        if self.rule.rule != SurvivorRule::Union {
            return Vec::new();
        }
        let mut newest: BTreeMap<&str, &Competitor<'v>> = BTreeMap::new();
        for one in self.competitors.iter().filter(|one| one.is_kept).chain([winner]) {
            let known = newest.entry(&one.pair.value).or_insert(one);
            if self.rank(one) > self.rank(known) {
                *known = one;
            }
        }
        let stated = newest.into_iter().map(|(value, one)| StatedValue {
            value: value.to_owned(),
            source: one.pair.source.clone(),
            time: one.tally.last.time,
            stale: ends.passed(self.confirmed(value).and_then(|last| self.rule.ageing.stale(last))),
        });
        stated.collect()
    }
}

/// What a rule may know of the pairs that found no room: the statements that it could ask for, and where it asks how often, what is
/// counted.
pub(crate) fn beyond(values: &Values, rule: &AttributeRule) -> BTreeMap<Pair, Tally> {
    match rule.rule {
        SurvivorRule::MostFrequent => values.beyond_counted(),
        _ => values.beyond(),
    }
}

/// All that is known, by value and source; first the pairs that found room.
pub(crate) fn competitors<'v>(values: &'v Values, beyond: &'v BTreeMap<Pair, Tally>) -> Vec<Competitor<'v>> {
    let kept = values.kept().map(|(pair, tally)| Competitor { pair, tally, is_kept: true });
    kept.chain(beyond.iter().map(|(pair, tally)| Competitor { pair, tally, is_kept: false })).collect()
}

/// By value, how many distinct touchpoints stated it, of whatever source, as far as they are counted: those of two sources are never the
/// same one.
fn counts(values: &Values) -> BTreeMap<&str, u64> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for (pair, touchpoints, _) in values.counted() {
        let count = counts.entry(&pair.value).or_default();
        *count = count.saturating_add(touchpoints);
    }
    counts
}

fn to_i64(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use kinfold_model::Ageing;

    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms).expect("in range")
    }

    /// Time, value, source, and whether it is verified; the id is that of the time.
    fn stated(all: &[(i64, &str, &str, bool)]) -> Values {
        let mut values = Values::default();
        for (ms, value, source, is_verified) in all {
            let pair = Pair { value: (*value).to_owned(), source: (*source).to_owned() };
            let mark = Mark { time: at(*ms), touchpoint_id: format!("t-{ms}") };
            values.enter(pair, Tally::of(mark, *is_verified));
        }
        values
    }

    fn survivor(values: &Values, rule: &AttributeRule) -> Attribute {
        as_of(100, values, rule).0
    }

    /// The same as of a time, with how long it is so.
    fn as_of(ms: i64, values: &Values, rule: &AttributeRule) -> (Attribute, Ends) {
        let (beyond, mut ends) = (beyond(values, rule), Ends::at(at(ms)));
        let contest = Contest::new("city", values, &beyond, rule, at(ms));
        (contest.attribute(&mut ends).expect("something was stated"), ends)
    }

    fn by(rule: SurvivorRule) -> AttributeRule {
        AttributeRule { rule, ..AttributeRule::default() }
    }

    /// Moved from Ulm to Bonn; the till mistypes; the survey knows nothing better.
    fn cities() -> Values {
        stated(&[
            (1, "Ulm", "crm", true),
            (2, "Ulm", "webshop", false),
            (3, "Ulm", "crm", false),
            (4, "Bonn", "webshop", false),
            (5, "Bohn am Rhein", "till", false),
            (6, "Bonn", "survey", false),
        ])
    }

    #[test]
    fn each_rule_chooses_as_it_says_and_tells_why() {
        let cases = [
            (by(SurvivorRule::Newest), "Bonn", "survey", 6, Reason::Newest),
            (by(SurvivorRule::Oldest), "Ulm", "crm", 1, Reason::Oldest),
            (by(SurvivorRule::MostFrequent), "Ulm", "crm", 3, Reason::MostFrequent),
            (by(SurvivorRule::Longest), "Bohn am Rhein", "till", 5, Reason::Longest),
            (by(SurvivorRule::VerifiedFirst), "Ulm", "crm", 1, Reason::Verified),
            (by(SurvivorRule::Union), "Bonn", "survey", 6, Reason::Union),
            (by(SurvivorRule::SourcePriority), "Bonn", "survey", 6, Reason::Newest),
        ];
        let listed = AttributeRule {
            sources: ["erp", "webshop", "crm"].map(str::to_owned).into(),
            ..by(SurvivorRule::SourcePriority)
        };
        let cases = cases.into_iter().chain([(listed, "Bonn", "webshop", 4, Reason::SourcePriority)]);
        for (rule, value, source, ms, reason) in cases {
            let attribute = survivor(&cities(), &rule);
            let shown =
                (attribute.value.as_str(), attribute.source.as_str(), attribute.time, attribute.reason);
            assert_eq!(shown, (value, source, at(ms), reason), "{rule:?}");
        }
    }

    #[test]
    fn a_value_is_confirmed_and_verified_by_whoever_states_it() {
        let oldest = survivor(&cities(), &by(SurvivorRule::Oldest));
        assert_eq!((oldest.confirmed, oldest.verified), (Some(at(3)), Some(at(1))));
        let newest = survivor(&cities(), &by(SurvivorRule::Newest));
        assert_eq!((newest.confirmed, newest.verified), (Some(at(6)), None));
    }

    #[test]
    fn all_values_stand_side_by_side_each_as_it_was_stated_last() {
        let union = survivor(&cities(), &by(SurvivorRule::Union));
        let values: Vec<_> =
            union.values.iter().map(|one| (one.value.as_str(), one.source.as_str(), one.time)).collect();
        let expected = [("Bohn am Rhein", "till", at(5)), ("Bonn", "survey", at(6)), ("Ulm", "crm", at(3))];
        assert_eq!(values, expected);
        assert!(survivor(&cities(), &by(SurvivorRule::Newest)).values.is_empty());
    }

    #[test]
    fn what_nobody_contests_is_the_only_value_by_every_rule() {
        let values = stated(&[(1, "Ulm", "crm", false), (2, "Ulm", "till", false)]);
        for rule in SurvivorRule::ALL {
            assert_eq!(survivor(&values, &by(rule)).reason, Reason::Only, "{rule:?}");
        }
    }

    #[test]
    fn a_birth_that_cannot_be_goes_behind_one_that_can_by_every_rule() {
        let values = stated(&[
            (1, "2199-12-31 or so", "crm", false),
            (2, "1944-02-29", "till", false),
            (3, "2199-12-31", "crm", true),
            (4, "2199-12-31", "crm", false),
        ]);
        let crm = AttributeRule { sources: vec!["crm".to_owned()], ..by(SurvivorRule::SourcePriority) };
        for rule in SurvivorRule::ALL.map(by).into_iter().chain([crm]) {
            let born = |name| {
                let beyond = beyond(&values, &rule);
                let contest = Contest::new(name, &values, &beyond, &rule, at(100));
                assert_eq!(contest.in_order().len(), 3);
                contest.attribute(&mut Ends::at(at(100))).expect("something was stated").value
            };
            assert_eq!(
                (born("birth_date"), born("date_of_birth")),
                ("1944-02-29".into(), "1944-02-29".into())
            );
            assert_ne!(born("signed_on"), "1944-02-29", "{rule:?}");
        }
        let values = stated(&[(1, "unknown", "crm", false), (2, "2199-12-31", "till", false)]);
        let rule = by(SurvivorRule::Newest);
        let beyond = beyond(&values, &rule);
        let shown =
            Contest::new("birth_date", &values, &beyond, &rule, at(100)).attribute(&mut Ends::at(at(100)));
        let shown = shown.map(|one| one.value);
        assert_eq!(shown.as_deref(), Some("2199-12-31"), "where none can be, the rule decides");
    }

    #[test]
    fn a_value_is_stale_once_nobody_has_confirmed_it_for_long() {
        let after = |ms| AttributeRule {
            ageing: Ageing { stale_after_ms: Some(ms), ..Ageing::default() },
            ..by(SurvivorRule::Oldest)
        };
        let stale = |ms| survivor(&cities(), &after(ms)).stale;
        assert_eq!((stale(97), stale(98)), (Some(at(100)), None));
    }

    fn verified_for(ms: i64, rule: SurvivorRule) -> AttributeRule {
        AttributeRule { ageing: Ageing { verify_again_after_ms: Some(ms), ..Ageing::default() }, ..by(rule) }
    }

    #[test]
    fn a_verification_ages_however_often_the_value_is_stated_again() {
        let rule = verified_for(50, SurvivorRule::Oldest);
        let (fresh, before) = as_of(50, &cities(), &rule);
        assert_eq!((fresh.verify_again, before.since, before.until), (None, None, Some(at(51))));
        let (aged, after) = as_of(51, &cities(), &rule);
        assert_eq!((aged.verified, aged.verify_again), (Some(at(1)), Some(at(51))));
        assert_eq!((after.since, after.until, aged.stale), (Some(at(51)), None, None));
        let (never, ends) = as_of(51, &cities(), &verified_for(50, SurvivorRule::Newest));
        assert_eq!((never.verified, never.verify_again, ends.since), (None, None, None));
    }

    #[test]
    fn a_verification_that_has_to_be_made_again_wins_over_nothing_that_was_said_since() {
        let rule = verified_for(50, SurvivorRule::VerifiedFirst);
        let shown = |ms| {
            let (attribute, ends) = as_of(ms, &cities(), &rule);
            (attribute.value, attribute.reason, attribute.time, ends.since, ends.until)
        };
        assert_eq!(shown(50), ("Ulm".to_owned(), Reason::Verified, at(1), None, Some(at(51))));
        assert_eq!(shown(51), ("Bonn".to_owned(), Reason::Newest, at(6), Some(at(51)), None));
        let mut again = cities();
        again.merge(stated(&[(20, "Bohn am Rhein", "till", true)]));
        let (attribute, ends) = as_of(60, &again, &rule);
        assert_eq!((attribute.value.as_str(), attribute.reason), ("Bohn am Rhein", Reason::Verified));
        assert_eq!(ends.until, Some(at(70)));
    }

    #[test]
    fn of_values_side_by_side_each_becomes_stale_by_itself() {
        let ageing = Ageing { stale_after_ms: Some(96), ..Ageing::default() };
        let rule = AttributeRule { ageing, ..by(SurvivorRule::Union) };
        let (union, ends) = as_of(99, &cities(), &rule);
        let stale: Vec<_> = union.values.iter().map(|one| (one.value.as_str(), one.stale)).collect();
        assert_eq!(stale, [("Bohn am Rhein", None), ("Bonn", None), ("Ulm", Some(at(99)))]);
        assert_eq!((union.stale, ends.since, ends.until), (None, Some(at(99)), Some(at(101))));
    }

    #[test]
    fn every_rule_sees_what_is_beyond_those_that_are_kept() {
        let names: Vec<String> = (0..20).map(|n| format!("city {n:02}")).collect();
        let mut all: Vec<(i64, &str, &str, bool)> =
            names.iter().zip(10..).map(|(name, ms)| (ms, name.as_str(), "crm", ms == 28)).collect();
        all.push((1, "z, the oldest and the longest", "till", false));
        all.extend((40..45).map(|ms| (ms, "z, the last", "crm", false)));
        let values = stated(&all);
        let value = |rule| survivor(&values, &by(rule)).value;
        assert_eq!(value(SurvivorRule::Newest), "z, the last");
        assert_eq!(value(SurvivorRule::Oldest), "z, the oldest and the longest");
        assert_eq!(value(SurvivorRule::Longest), "z, the oldest and the longest");
        assert_eq!(value(SurvivorRule::VerifiedFirst), "city 18");
        assert_eq!(value(SurvivorRule::MostFrequent), "z, the last");
        let till = AttributeRule { sources: vec!["till".to_owned()], ..by(SurvivorRule::SourcePriority) };
        assert_eq!(survivor(&values, &till).value, "z, the oldest and the longest");
        let union = survivor(&values, &by(SurvivorRule::Union));
        assert_eq!((union.values.len(), union.reason), (17, Reason::Union));
    }

    #[test]
    fn a_value_beyond_those_that_are_kept_is_as_fresh_as_when_it_was_last_stated() {
        let names: Vec<String> = (0..20).map(|n| format!("city {n:02}")).collect();
        let mut all: Vec<(i64, &str, &str, bool)> =
            names.iter().zip(10..).map(|(name, ms)| (ms, name.as_str(), "crm", false)).collect();
        // The oldest, stated again, and not the newest of its source.
        all.extend([(1, "zell", "crm", false), (90, "zell", "crm", false), (95, "bonn", "crm", false)]);
        let ageing = Ageing { stale_after_ms: Some(20), ..Ageing::default() };
        let (zell, ends) = as_of(99, &stated(&all), &AttributeRule { ageing, ..by(SurvivorRule::Oldest) });
        assert_eq!((zell.value.as_str(), zell.confirmed, zell.stale), ("zell", Some(at(90)), None));
        assert_eq!(ends.until, Some(at(110)));
    }

    #[test]
    fn a_verification_of_what_cannot_win_hides_no_end_of_one_that_did() {
        let values = stated(&[
            (1, "1944-02-29", "crm", true),
            (3, "1950-03-03", "web", false),
            (4, "1900-01-01", "register", true),
        ]);
        let ageing = Ageing { verify_again_after_ms: Some(10), ..Ageing::default() };
        let rule = AttributeRule { ageing, ..by(SurvivorRule::VerifiedFirst) };
        for (ms, value, since, until) in [
            (10, "1944-02-29", None, Some(11)),
            (12, "1950-03-03", Some(11), Some(14)),
            (15, "1950-03-03", Some(14), None),
        ] {
            let (beyond, mut ends) = (beyond(&values, &rule), Ends::at(at(ms)));
            let shown = Contest::new("birth_date", &values, &beyond, &rule, at(ms)).attribute(&mut ends);
            assert_eq!(shown.map(|one| one.value).as_deref(), Some(value), "{ms}");
            assert_eq!((ends.since, ends.until), (since.map(at), until.map(at)), "{ms}");
        }
    }

    #[test]
    fn the_most_frequent_value_is_not_decided_by_the_alphabet() {
        let names: Vec<String> = (0..60).map(|n| format!("city {n:02}")).collect();
        let mut all: Vec<(i64, &str, &str, bool)> =
            names.iter().zip(200..).map(|(name, ms)| (ms, name.as_str(), "crm", false)).collect();
        // Neither the first nor the last, nor the longest, nor the newest of its source.
        all.extend((210..213).map(|ms| (ms, "zell", "crm", false)));
        all.extend((213..215).map(|ms| (ms, "zell", "till", false)));
        all.push((216, "ulm", "till", false));
        let rule = by(SurvivorRule::MostFrequent);
        let mut halves = stated(&all[30..]);
        halves.merge(stated(&all[..33]));
        all.reverse();
        for values in [stated(&all), halves] {
            let zell = survivor(&values, &rule);
            assert_eq!((zell.value.as_str(), zell.source.as_str(), zell.time), ("zell", "till", at(214)));
            assert_eq!((zell.reason, zell.confirmed), (Reason::MostFrequent, Some(at(214))));
        }
    }
}
