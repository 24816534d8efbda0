//! Of several statements about one thing, one wins: the greatest. The order of a type *is* its rule.
//!
//! A thing has a name: the scope of a consent. Attributes have rules of their own ([`crate::survivor`]), and so have orders
//! ([`crate::orders`]).
//!
//! Every order here is total over all that is stored, so the winner does not depend on who came first, and a
//! statement that comes again changes nothing.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;

use kinfold_model::{Consent, ConsentScope, Decision, Timestamp};
use serde::{Deserialize, Serialize};

/// What can be stated of a name.
pub(crate) trait Statement: Ord {
    /// What names the thing.
    type Name: Clone + Ord;

    /// Of so many names at most a facet keeps what was stated. The least names stay, whatever came first.
    const NAMES_MAX: usize;
}

/// The greatest statement for each name.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(
    serialize = "V: Serialize, V::Name: Serialize",
    deserialize = "V: Deserialize<'de>, V::Name: Deserialize<'de>"
))]
pub(crate) struct Winners<V: Statement>(BTreeMap<V::Name, V>);

impl<V: Statement> Default for Winners<V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<V: Statement> Winners<V> {
    /// Lets a statement compete for a name; says whether it won.
    pub(crate) fn enter(&mut self, name: &V::Name, statement: V) -> bool {
        match self.0.get_mut(name) {
            Some(holder) if statement <= *holder => false,
            Some(holder) => {
                *holder = statement;
                true
            }
            None => {
                self.0.insert(name.clone(), statement);
                self.0.len() <= V::NAMES_MAX || self.0.pop_last().is_some_and(|(last, _)| last != *name)
            }
        }
    }

    /// Whether there is no room for a name more.
    pub(crate) fn is_full(&self) -> bool {
        self.0.len() >= V::NAMES_MAX
    }

    /// Takes in all that the other has, beyond any limit: what is merged is not stored.
    pub(crate) fn merge(&mut self, other: Self) {
        for (name, statement) in other.0 {
            match self.0.get_mut(&name) {
                Some(holder) if statement <= *holder => {}
                Some(holder) => *holder = statement,
                None => _ = self.0.insert(name, statement),
            }
        }
    }

    /// By name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&V::Name, &V)> {
        self.0.iter()
    }
}

/// What was decided for a purpose and channel. What somebody decided wins over a yes that nobody said, then the newest; of one
/// time the more cautious decision, and of two that are granted the one that ends first; then the least source, basis,
/// jurisdiction, signal and wording, in this order, and what was confirmed before what was not.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StatedConsent {
    pub(crate) time: Timestamp,
    pub(crate) decision: Decision,
    pub(crate) source: String,
    pub(crate) basis: Option<String>,
    pub(crate) jurisdiction: Option<String>,
    pub(crate) wording: Option<String>,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) signal: Option<String>,
    pub(crate) confirmed: bool,
}

impl StatedConsent {
    pub(crate) fn new(consent: &Consent, source: &str) -> Self {
        Self {
            time: consent.time,
            decision: consent.decision,
            source: source.to_owned(),
            basis: consent.basis.clone(),
            jurisdiction: consent.jurisdiction.clone(),
            wording: consent.wording.clone(),
            expires: consent.expires,
            signal: consent.signal.clone(),
            confirmed: consent.confirmed && consent.decision == Decision::Granted,
        }
    }
}

/// Eight times as many as one touchpoint may have. It has to be more than a company has, for a no that is left out is not heard.
impl Statement for StatedConsent {
    type Name = ConsentScope;
    const NAMES_MAX: usize = 256;
}

impl Ord for StatedConsent {
    fn cmp(&self, other: &Self) -> Ordering {
        fn key(consent: &StatedConsent) -> impl Ord {
            let StatedConsent { time, decision, source, basis, jurisdiction, wording, .. } = consent;
            let StatedConsent { expires, signal, confirmed, .. } = consent;
            let was_made = decision.was_made(basis.as_deref());
            let end = (expires.is_none(), *expires);
            let rest = (source, basis, jurisdiction, signal, wording, !confirmed);
            (was_made, *time, Reverse((*decision, end, rest)))
        }
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for StatedConsent {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
impl<V: Statement> Winners<V> {
    /// What of it would be stored: of what was merged, the least that have room.
    pub(crate) fn cut(&mut self) {
        while self.0.len() > V::NAMES_MAX {
            self.0.pop_last();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn consent(ms: i64, decision: Decision, source: &str) -> StatedConsent {
        let time = Timestamp::from_millis(ms).expect("in range");
        StatedConsent {
            time,
            decision,
            source: source.to_owned(),
            basis: None,
            jurisdiction: None,
            wording: None,
            expires: None,
            signal: None,
            confirmed: false,
        }
    }

    #[test]
    fn caution_wins_at_one_time_and_time_wins_over_caution() {
        let denied = consent(1, Decision::Denied, "b");
        assert!(denied > consent(1, Decision::Withdrawn, "a"));
        assert!(denied > consent(1, Decision::Granted, "a"));
        assert!(denied < consent(2, Decision::Granted, "a"));
        assert!(denied < consent(1, Decision::Denied, "a"), "the least source wins");
        let forever = consent(1, Decision::Granted, "a");
        let short = StatedConsent { expires: Some(Timestamp::MAX), ..forever.clone() };
        let shorter = StatedConsent { expires: Some(forever.time.plus_millis(9)), ..forever.clone() };
        assert!(shorter > short && short > forever, "the shorter yes wins");
        assert!(StatedConsent { confirmed: true, ..forever.clone() } > forever, "what was confirmed wins");
    }

    #[test]
    fn that_somebody_did_not_opt_out_is_less_than_any_decision() {
        let basis = Some("opt_out".to_owned());
        let stayed = StatedConsent { basis: basis.clone(), ..consent(9, Decision::Granted, "a") };
        let left = StatedConsent { basis, ..consent(1, Decision::Denied, "a") };
        assert!(stayed < left && stayed < consent(1, Decision::Granted, "a"));
    }

    /// A statement of tests.
    impl Statement for i32 {
        type Name = String;
        const NAMES_MAX: usize = 3;
    }

    #[test]
    fn only_the_greatest_statement_stays() {
        let mut winners = Winners::default();
        let said: Vec<bool> =
            [2, 1, 3, 3].into_iter().map(|n| winners.enter(&"name".to_owned(), n)).collect();
        assert_eq!(said, [true, false, true, false]);
        let mut others = Winners::default();
        others.enter(&"name".to_owned(), 9);
        winners.merge(others);
        assert!(winners.iter().eq([(&"name".to_owned(), &9)]));
    }

    #[test]
    fn of_too_many_names_the_least_stay_whatever_came_first() {
        let names = ["d", "b", "e", "a", "c", "b"].map(str::to_owned);
        for turn in 0..names.len() {
            let mut winners = Winners::default();
            let order = names.iter().cycle().skip(turn).take(names.len());
            let news: Vec<bool> = order.map(|name| winners.enter(name, 1)).collect();
            assert!(news.contains(&false) && winners.is_full());
            let kept: Vec<&String> = winners.iter().map(|(name, _)| name).collect();
            assert_eq!(kept, ["a", "b", "c"], "beginning with {turn}");
        }
    }
}
