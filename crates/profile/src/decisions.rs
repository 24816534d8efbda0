//! What was decided at a sighting: the decisions of its touchpoints in, those that count for each purpose out.
//!
//! Some purposes count no yes that nobody confirmed, and a deployment may change its mind about which these are. So the newest
//! unconfirmed yes is kept beside the newest of all other decisions, and neither can displace the other: whatever the purposes
//! say, what counts of a sighting is the newest decision of those that count. What was only asked for counts for none, and is
//! not kept.

use std::collections::BTreeMap;

use kinfold_model::{Consent, ConsentScope, Decision, Purposes};
use serde::{Deserialize, Serialize};

use crate::winners::{StatedConsent, Winners};

/// By purpose and channel.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Decisions {
    /// No, no longer, and yes with a confirmation.
    certain: Winners<StatedConsent>,
    /// Yes without one.
    unconfirmed: Winners<StatedConsent>,
}

impl Decisions {
    /// Lets a decision compete; says whether it won.
    pub(crate) fn enter(&mut self, consent: &Consent, source: &str) -> bool {
        let scope = ConsentScope { purpose: consent.purpose.clone(), channel: consent.channel.clone() };
        let stated = StatedConsent::new(consent, source);
        match consent.decision {
            Decision::Requested => false,
            _ if consent.is_unconfirmed() => self.unconfirmed.enter(&scope, stated),
            Decision::Denied | Decision::Withdrawn | Decision::Granted => self.certain.enter(&scope, stated),
        }
    }

    /// Takes in the decisions of another sighting.
    pub(crate) fn merge(&mut self, other: Self) {
        self.certain.merge(other.certain);
        self.unconfirmed.merge(other.unconfirmed);
    }

    /// Whether there is no room for another purpose and channel.
    pub(crate) fn is_full(&self) -> bool {
        self.certain.is_full() || self.unconfirmed.is_full()
    }

    /// All that is kept: for a purpose and channel up to two.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&ConsentScope, &StatedConsent)> {
        self.certain.iter().chain(self.unconfirmed.iter())
    }

    /// Of how many purposes and channels a no is kept. A yes that nobody confirmed may be newer, and not count.
    pub(crate) fn denials(&self) -> u64 {
        let is_denial =
            |stated: &StatedConsent| matches!(stated.decision, Decision::Denied | Decision::Withdrawn);
        self.certain.iter().filter(|(_, stated)| is_denial(stated)).count() as u64
    }

    /// Of each purpose and channel the newest decision that counts.
    pub(crate) fn counting(&self, purposes: &Purposes) -> BTreeMap<&ConsentScope, &StatedConsent> {
        let is_double = |name: &str| purposes.declared(name).is_some_and(|purpose| purpose.double_opt_in);
        let mut newest: BTreeMap<&ConsentScope, &StatedConsent> = self.certain.iter().collect();
        for (scope, stated) in self.unconfirmed.iter().filter(|(scope, _)| !is_double(&scope.purpose)) {
            newest.entry(scope).and_modify(|held| *held = (*held).max(stated)).or_insert(stated);
        }
        newest
    }
}

#[cfg(test)]
impl Decisions {
    /// What of it would be stored, of what was merged.
    pub(crate) fn cut(&mut self) {
        self.certain.cut();
        self.unconfirmed.cut();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kinfold_model::{Purpose, Timestamp};

    fn consent(purpose: &str, decision: Decision, ms: i64) -> Consent {
        Consent {
            purpose: purpose.to_owned(),
            decision,
            basis: None,
            jurisdiction: None,
            time: Timestamp::from_millis(ms).expect("in range"),
            wording: None,
            channel: None,
            expires: None,
            signal: None,
            confirmed: false,
        }
    }

    fn confirmed(purpose: &str, ms: i64) -> Consent {
        Consent { confirmed: true, ..consent(purpose, Decision::Granted, ms) }
    }

    /// What counts of `mail`, which asks for two steps, and of `web`, which does not: the decision and its millisecond.
    fn counting(said: &[Consent]) -> Vec<(String, Decision, i64)> {
        let double = Purpose { double_opt_in: true, ..Purpose::default() };
        let purposes = [("mail".to_owned(), double)].into_iter().collect();
        let of = |order: &mut dyn Iterator<Item = &Consent>| {
            let mut decisions = Decisions::default();
            order.for_each(|one| _ = decisions.enter(one, "crm"));
            let counting = decisions.counting(&purposes).into_iter();
            counting.map(|(scope, one)| (scope.purpose.clone(), one.decision, one.time.millis())).collect()
        };
        let straight: Vec<_> = of(&mut said.iter());
        assert_eq!(straight, of(&mut said.iter().rev()), "whatever came first");
        straight
    }

    #[test]
    fn a_yes_that_nobody_confirmed_displaces_nothing_where_a_confirmation_is_asked_for() {
        use Decision::{Denied, Granted};
        let both = |of: fn(&str) -> Vec<Consent>| counting(&[of("mail"), of("web")].concat());
        let (mail, web) = ("mail".to_owned(), "web".to_owned());
        let no_then_yes = both(|name| vec![consent(name, Denied, 1), consent(name, Granted, 2)]);
        assert_eq!(no_then_yes, [(mail.clone(), Denied, 1), (web.clone(), Granted, 2)]);
        let twice = both(|name| vec![confirmed(name, 1), consent(name, Granted, 2)]);
        assert_eq!(twice, [(mail.clone(), Granted, 1), (web.clone(), Granted, 2)]);
        let at_last = both(|name| vec![consent(name, Denied, 1), confirmed(name, 2)]);
        assert_eq!(at_last, [(mail, Granted, 2), (web.clone(), Granted, 2)]);
        assert_eq!(both(|name| vec![consent(name, Granted, 2)]), [(web, Granted, 2)]);
    }

    #[test]
    fn what_was_only_asked_for_is_not_kept() {
        let mut decisions = Decisions::default();
        assert!(!decisions.enter(&consent("web", Decision::Requested, 1), "crm"));
        assert_eq!(decisions.iter().count(), 0);
    }
}
