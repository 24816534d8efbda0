//! How somebody's consents stand, and what is different from how they stood: the records of `consent-change`.

use std::collections::BTreeMap;

use kinfold_model::consent::{ConsentCause, ConsentEvidence, EffectiveConsent};
use kinfold_model::{ConsentChange, ConsentScope, ConsentState, PersonId, Timestamp};
use serde::{Deserialize, Serialize};

/// What was last published of each purpose and channel: as much as shows that something is different.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Standings(BTreeMap<ConsentScope, Standing>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Standing {
    state: ConsentState,
    since: Timestamp,
    jurisdiction: Option<String>,
    expires: Option<Timestamp>,
}

/// On what occasion somebody's consents are looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Occasion {
    pub(crate) person: PersonId,
    /// What happened to the person's facets, or that they are weighed anew.
    pub(crate) cause: ConsentCause,
    pub(crate) now: Timestamp,
}

impl Standing {
    fn of(consent: &EffectiveConsent) -> Self {
        let EffectiveConsent { state, since, jurisdiction, expires, .. } = consent.clone();
        Self { state, since, jurisdiction, expires }
    }

    /// When the yes ended that stood, if that is why something else stands now: it is expired, or an older one that lasts took
    /// its place.
    fn ended(&self, after: &Self, occasion: Occasion) -> Option<Timestamp> {
        let ended = match (self.state, after.state) {
            (ConsentState::Granted, ConsentState::Expired) if after.since == self.since => after.expires,
            (ConsentState::Granted, ConsentState::Granted | ConsentState::Expired)
                if after.since <= self.since =>
            {
                self.expires.filter(|end| *end <= occasion.now)
            }
            _ => None,
        };
        // A yes that other purposes let end at another time did not come to the end that was told.
        let is_moved = after.since == self.since && after.expires != self.expires;
        ended.filter(|_| occasion.cause != ConsentCause::Policy || !is_moved)
    }
}

impl Standings {
    pub(crate) fn of(consents: &[EffectiveConsent]) -> Self {
        Self(consents.iter().map(|consent| (scope(consent), Standing::of(consent))).collect())
    }

    /// One record for each purpose and channel that stands otherwise than it stood, in their order.
    pub(crate) fn changes(&self, after: &[EffectiveConsent], occasion: Occasion) -> Vec<ConsentChange> {
        let mut pairs: BTreeMap<ConsentScope, (Option<&Standing>, Option<&EffectiveConsent>)> =
            self.0.iter().map(|(scope, standing)| (scope.clone(), (Some(standing), None))).collect();
        for consent in after {
            pairs.entry(scope(consent)).or_default().1 = Some(consent);
        }
        let changed =
            pairs.into_iter().filter(|(_, (before, after))| before.cloned() != after.map(Standing::of));
        changed.map(|(scope, (before, after))| change(scope, before, after, occasion)).collect()
    }
}

fn scope(consent: &EffectiveConsent) -> ConsentScope {
    ConsentScope { purpose: consent.purpose.clone(), channel: consent.channel.clone() }
}

fn change(
    scope: ConsentScope,
    before: Option<&Standing>,
    after: Option<&EffectiveConsent>,
    occasion: Occasion,
) -> ConsentChange {
    let ended = before.zip(after).and_then(|(b, a)| b.ended(&Standing::of(a), occasion));
    let cause = ended.map_or(occasion.cause, |_| ConsentCause::Expiry);
    let effective = match cause {
        ConsentCause::Decision => after.map(|consent| match consent.state {
            ConsentState::Expired => consent.expires.unwrap_or(consent.since),
            _ => consent.since,
        }),
        ConsentCause::Expiry => ended,
        ConsentCause::Merge | ConsentCause::Split | ConsentCause::Erasure | ConsentCause::Policy => None,
    };
    ConsentChange {
        person_id: occasion.person,
        purpose: scope.purpose,
        before: before.map_or(ConsentState::Unknown, |standing| standing.state),
        after: after.map_or(ConsentState::Unknown, |consent| consent.state),
        since: after.map(|consent| consent.since),
        jurisdiction: after.and_then(|consent| consent.jurisdiction.clone()),
        cause,
        channel: scope.channel,
        effective,
        evidence: after.map(|consent| ConsentEvidence {
            source: consent.source.clone(),
            basis: consent.basis.clone(),
            signal: consent.signal.clone(),
            wording: consent.wording.clone(),
            expires: consent.expires,
            confirmed: consent.confirmed,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ConsentState::{Denied, Expired, Granted, Unknown};

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms).expect("in range")
    }

    fn consent(purpose: &str, state: ConsentState, ms: i64) -> EffectiveConsent {
        EffectiveConsent {
            purpose: purpose.to_owned(),
            state,
            since: at(ms),
            jurisdiction: None,
            basis: None,
            source: "crm".to_owned(),
            channel: None,
            expires: None,
            signal: None,
            wording: None,
            confirmed: false,
        }
    }

    fn until(end: i64, consent: EffectiveConsent) -> EffectiveConsent {
        EffectiveConsent { expires: Some(at(end)), ..consent }
    }

    fn changes(before: &[EffectiveConsent], after: &[EffectiveConsent], now: i64) -> Vec<ConsentChange> {
        let occasion =
            Occasion { person: PersonId::new([1; 16]), cause: ConsentCause::Decision, now: at(now) };
        Standings::of(before).changes(after, occasion)
    }

    #[test]
    fn a_purpose_that_came_went_or_changed_gives_one_record_each_and_the_rest_none() {
        let before = [consent("b", Granted, 1), consent("c", Granted, 1), consent("d", Granted, 1)];
        let after = [consent("a", Granted, 2), consent("b", Denied, 2), consent("d", Granted, 1)];
        let changes = changes(&before, &after, 3);
        let told: Vec<_> = changes.iter().map(|c| (c.purpose.as_str(), c.before, c.after)).collect();
        assert_eq!(told, [("a", Unknown, Granted), ("b", Granted, Denied), ("c", Granted, Unknown)]);
        assert_eq!((changes[2].since, &changes[2].evidence), (None, &None));
        assert_eq!(changes[0].evidence.as_ref().map(|evidence| evidence.source.as_str()), Some("crm"));
    }

    #[test]
    fn a_renewed_decision_is_a_change_although_the_state_is_the_same() {
        let changes = changes(&[consent("a", Granted, 1)], &[consent("a", Granted, 2)], 3);
        assert_eq!((changes.len(), changes[0].effective), (1, Some(at(2))));
    }

    #[test]
    fn a_channel_stands_by_itself() {
        let by_mail =
            |state, ms| EffectiveConsent { channel: Some("email".to_owned()), ..consent("a", state, ms) };
        let before = [consent("a", Granted, 1), by_mail(Granted, 1)];
        let changes = changes(&before, &[consent("a", Granted, 1), by_mail(Denied, 2)], 3);
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0].channel.as_deref(), Some("email"));
    }

    #[test]
    fn a_yes_that_ended_is_told_as_such_with_its_end_and_one_that_was_taken_back_is_not() {
        let stood = until(5, consent("a", Granted, 1));
        let ended = until(5, consent("a", Expired, 1));
        let told = |after: EffectiveConsent, now| {
            let change = changes(std::slice::from_ref(&stood), &[after], now).remove(0);
            (change.cause, change.effective)
        };
        assert_eq!(told(ended, 6), (ConsentCause::Expiry, Some(at(5))));
        assert_eq!(
            told(consent("a", Granted, 0), 6),
            (ConsentCause::Expiry, Some(at(5))),
            "an older yes holds"
        );
        assert_eq!(told(consent("a", Denied, 2), 6), (ConsentCause::Decision, Some(at(2))));
        assert_eq!(told(consent("a", Granted, 2), 6), (ConsentCause::Decision, Some(at(2))));
        assert_eq!(
            told(consent("a", Granted, 0), 4),
            (ConsentCause::Decision, Some(at(0))),
            "it had not ended"
        );
    }

    #[test]
    fn a_yes_that_other_purposes_let_end_at_another_time_did_not_come_to_its_end() {
        let told = |before: EffectiveConsent, after: EffectiveConsent| {
            let occasion =
                Occasion { person: PersonId::new([1; 16]), cause: ConsentCause::Policy, now: at(6) };
            let change = Standings::of(&[before]).changes(&[after], occasion).remove(0);
            (change.cause, change.effective)
        };
        let ended = || until(5, consent("a", Expired, 1));
        let granted = |end| until(end, consent("a", Granted, 1));
        assert_eq!(told(consent("a", Granted, 1), ended()), (ConsentCause::Policy, None));
        assert_eq!(told(granted(9), ended()), (ConsentCause::Policy, None));
        assert_eq!(told(granted(5), granted(9)), (ConsentCause::Policy, None));
        assert_eq!(told(granted(5), ended()), (ConsentCause::Expiry, Some(at(5))));
    }
}
