//! How somebody's consents stand, and what is different from how they stood: the records of `consent-change`.

use std::collections::BTreeMap;

use kinfold_model::consent::{ConsentCause, EffectiveConsent};
use kinfold_model::{ConsentChange, ConsentState, PersonId, Timestamp};
use serde::{Deserialize, Serialize};

/// What was last published of each purpose: as much as a change is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Standings(BTreeMap<String, Standing>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Standing {
    state: ConsentState,
    since: Timestamp,
    jurisdiction: Option<String>,
}

impl Standings {
    pub(crate) fn of(consents: &[EffectiveConsent]) -> Self {
        let standing = |consent: &EffectiveConsent| Standing {
            state: consent.state,
            since: consent.since,
            jurisdiction: consent.jurisdiction.clone(),
        };
        Self(consents.iter().map(|consent| (consent.purpose.clone(), standing(consent))).collect())
    }

    /// One record for each purpose that stands otherwise than before, in the order of purposes.
    pub(crate) fn changes(&self, before: &Self, person: PersonId, cause: ConsentCause) -> Vec<ConsentChange> {
        let gone = before.0.keys().filter(|purpose| !self.0.contains_key(*purpose));
        let mut purposes: Vec<&String> = self.0.keys().chain(gone).collect();
        purposes.sort_unstable();
        let pairs = purposes.into_iter().map(|purpose| (purpose, before.0.get(purpose), self.0.get(purpose)));
        pairs
            .filter(|(_, before, after)| before != after)
            .map(|(purpose, before, after)| ConsentChange {
                person_id: person,
                purpose: purpose.clone(),
                before: before.map_or(ConsentState::Unknown, |standing| standing.state),
                after: after.map_or(ConsentState::Unknown, |standing| standing.state),
                since: after.map(|standing| standing.since),
                jurisdiction: after.and_then(|standing| standing.jurisdiction.clone()),
                cause,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standings(purposes: &[(&str, ConsentState, i64)]) -> Standings {
        let standing = |state, ms| Standing {
            state,
            since: Timestamp::from_millis(ms).expect("in range"),
            jurisdiction: None,
        };
        Standings(
            purposes.iter().map(|(name, state, ms)| ((*name).to_owned(), standing(*state, *ms))).collect(),
        )
    }

    #[test]
    fn a_purpose_that_came_went_or_changed_gives_one_record_each_and_the_rest_none() {
        use ConsentState::{Denied, Granted, Unknown};
        let before = standings(&[("b", Granted, 1), ("c", Granted, 1), ("d", Granted, 1)]);
        let after = standings(&[("a", Granted, 2), ("b", Denied, 2), ("d", Granted, 1)]);
        let person = PersonId::new([1; 16]);
        let changes = after.changes(&before, person, ConsentCause::Decision);
        let told: Vec<_> = changes.iter().map(|c| (c.purpose.as_str(), c.before, c.after)).collect();
        assert_eq!(told, [("a", Unknown, Granted), ("b", Granted, Denied), ("c", Granted, Unknown)]);
        assert_eq!(changes[2].since, None);
    }

    #[test]
    fn a_renewed_decision_is_a_change_although_the_state_is_the_same() {
        let (before, after) =
            (standings(&[("a", ConsentState::Granted, 1)]), standings(&[("a", ConsentState::Granted, 2)]));
        let person = PersonId::new([1; 16]);
        assert_eq!(after.changes(&before, person, ConsentCause::Decision).len(), 1);
    }
}
