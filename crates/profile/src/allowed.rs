//! Whether a purpose is allowed for a person: what they decided, and where they decided nothing, on what the purpose rests and
//! what silence means where they are. A pure function of a profile and the declared purpose.

use std::collections::BTreeMap;

use kinfold_model::profile::Attribute;
use kinfold_model::{Basis, ConsentState, Decision, EffectiveConsent, Purpose, Silence, UnifiedProfile};

use crate::place;
use crate::winners::{StatedConsent, Statement};

/// Whether a person may be reached for a purpose by a channel, or in general. The decision about the channel counts, if there
/// is one, else the general one.
pub(crate) fn is_allowed(
    name: &str,
    declared: &Purpose,
    channel: Option<&str>,
    profile: &UnifiedProfile,
) -> bool {
    if is_cut_off(name, channel, profile) {
        return false;
    }
    let of = |channel: Option<&str>| {
        profile.consents.iter().find(|one| one.purpose == name && one.channel.as_deref() == channel)
    };
    let entry = channel.and_then(|channel| of(Some(channel))).or_else(|| of(None));
    match entry.map_or(ConsentState::Unknown, |entry| entry.state) {
        ConsentState::Denied => false,
        ConsentState::Granted if entry.is_some_and(was_said) => true,
        // Who agreed for a time did not agree for longer, wherever they are.
        ConsentState::Expired if declared.basis == Basis::Consent => false,
        ConsentState::Granted | ConsentState::Expired | ConsentState::Unknown => {
            let stated = entry.and_then(|entry| entry.jurisdiction.as_deref());
            silence(declared, stated, &profile.attributes) == Silence::OptOut
        }
    }
}

/// What silence means: where the decision says that it was made, else where the person is. A name that is not known says nothing of
/// the place, and then the strictest holds. One that is declared as it is written and known besides is as strict as the stricter.
fn silence(declared: &Purpose, stated: Option<&str>, attributes: &BTreeMap<String, Attribute>) -> Silence {
    let Some(stated) = stated else { return declared.silence(place::jurisdiction(attributes).as_deref()) };
    let written = stated.trim().to_ascii_lowercase();
    let as_written = declared.defaults.get(&written).copied();
    let by_table = place::named(&written).map(|law| declared.silence(Some(&law)));
    as_written.into_iter().chain(by_table).min().unwrap_or_else(|| declared.silence(None))
}

/// That somebody was told that they could opt out, and did not, is silence.
fn was_said(consent: &EffectiveConsent) -> bool {
    Decision::Granted.was_made(consent.basis.as_deref())
}

/// A profile has room for so many purposes and channels, those whose names come first. What was decided about the others is not
/// known here, and may be a no.
fn is_cut_off(name: &str, channel: Option<&str>, profile: &UnifiedProfile) -> bool {
    let is_full = profile.consents.len() >= StatedConsent::NAMES_MAX;
    let is_behind =
        |last: &EffectiveConsent| (last.purpose.as_str(), last.channel.as_deref()) < (name, channel);
    is_full && profile.consents.last().is_some_and(is_behind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ConsentState::{Denied, Expired, Granted};
    use kinfold_model::profile::Metrics;
    use kinfold_model::{PersonId, Standard, Timestamp};

    fn profile(country: Option<&str>, consents: Vec<EffectiveConsent>) -> UnifiedProfile {
        let time = Timestamp::default();
        let attribute = |value: &str| Attribute::once(value, "crm", time);
        let metrics = Metrics { touchpoints: 1, ..Metrics::default() };
        UnifiedProfile {
            person_id: PersonId::new([1; 16]),
            version: 0,
            identifiers: Vec::new(),
            attributes: country
                .map(|country| ("country".to_owned(), attribute(country)))
                .into_iter()
                .collect(),
            metrics,
            timeline: Vec::new(),
            consents,
            segments: Vec::new(),
            aliases: Vec::new(),
            restricted: None,
            standard: Standard::default(),
            interests: Vec::new(),
            value: None,
            lifecycle: None,
            changed: Vec::new(),
            truncated: Vec::new(),
        }
    }

    fn entry(channel: Option<&str>, state: ConsentState, basis: Option<&str>) -> EffectiveConsent {
        EffectiveConsent {
            purpose: "ads".to_owned(),
            state,
            since: Timestamp::default(),
            jurisdiction: None,
            basis: basis.map(str::to_owned),
            source: "crm".to_owned(),
            channel: channel.map(str::to_owned),
            expires: None,
            signal: None,
            wording: None,
            confirmed: false,
        }
    }

    /// By consent, but for the United States.
    fn ads() -> Purpose {
        Purpose { defaults: [("us".to_owned(), Silence::OptOut)].into(), ..Purpose::default() }
    }

    fn allowed(purpose: &Purpose, country: Option<&str>, consents: &[EffectiveConsent]) -> bool {
        is_allowed("ads", purpose, None, &profile(country, consents.to_vec()))
    }

    #[test]
    fn a_no_counts_whatever_the_basis_and_the_place() {
        for basis in Basis::ALL {
            let purpose = Purpose { basis, ..ads() };
            for place in [None, Some("US"), Some("DE")] {
                assert!(!allowed(&purpose, place, &[entry(None, Denied, None)]), "{basis:?} {place:?}");
                assert!(allowed(&purpose, place, &[entry(None, Granted, None)]), "{basis:?} {place:?}");
            }
        }
    }

    #[test]
    fn where_nobody_decided_the_place_counts_and_nowhere_is_strict() {
        assert!(allowed(&ads(), Some("US"), &[]));
        assert!(!allowed(&ads(), Some("DE"), &[]));
        assert!(!allowed(&ads(), None, &[]));
        let interest = Purpose { basis: Basis::LegitimateInterests, ..Purpose::default() };
        assert!(allowed(&interest, None, &[]) && allowed(&interest, Some("DE"), &[]));
    }

    #[test]
    fn that_somebody_did_not_opt_out_is_silence() {
        let stayed = [entry(None, Granted, Some("opt_out"))];
        assert!(allowed(&ads(), Some("US"), &stayed));
        assert!(!allowed(&ads(), Some("DE"), &stayed));
    }

    #[test]
    fn the_law_that_a_decision_names_counts_before_the_country() {
        let of_law = |law: &str| {
            let stayed = entry(None, Granted, Some("opt_out"));
            [EffectiveConsent { jurisdiction: Some(law.to_owned()), ..stayed }]
        };
        assert!(allowed(&ads(), Some("DE"), &of_law("us-ca")));
        assert!(!allowed(&ads(), Some("US"), &of_law("gdpr")));
    }

    #[test]
    fn the_law_that_a_decision_names_is_read_as_a_country_is_and_an_unknown_one_is_strict() {
        let strict = [("gdpr".to_owned(), Silence::OptIn), ("sector-x".to_owned(), Silence::OptOut)];
        let purpose =
            Purpose { default: Some(Silence::OptOut), defaults: strict.into(), ..Purpose::default() };
        for (law, expected) in [
            ("EU", false),
            ("de", false),
            ("DE-BY", false),
            ("GDPR", false),
            ("ch", true),
            ("US-CA", true),
            ("Sector-X", true),
            ("somewhere", false),
            ("", false),
        ] {
            let stayed = entry(None, Granted, Some("opt_out"));
            let stayed = EffectiveConsent { jurisdiction: Some(law.to_owned()), ..stayed };
            assert_eq!(allowed(&purpose, Some("US"), &[stayed]), expected, "{law}");
        }
    }

    #[test]
    fn somebody_in_the_united_states_of_no_known_state_has_the_strictest_law_of_any() {
        let defaults = [("us".to_owned(), Silence::OptOut), ("us-xx".to_owned(), Silence::OptIn)];
        let purpose = Purpose { defaults: defaults.into(), ..Purpose::default() };
        assert!(!allowed(&purpose, Some("US"), &[]));
        assert!(allowed(&ads(), Some("US"), &[]));
    }

    #[test]
    fn a_yes_that_has_ended_is_none_also_where_silence_would_be() {
        let ended = [entry(None, Expired, None)];
        assert!(!allowed(&ads(), Some("US"), &ended));
        let interest = Purpose { basis: Basis::LegitimateInterests, ..Purpose::default() };
        assert!(allowed(&interest, Some("DE"), &ended));
    }

    #[test]
    fn what_was_decided_of_a_channel_counts_there_and_nowhere_else() {
        let said = profile(None, vec![entry(None, Granted, None), entry(Some("email"), Denied, None)]);
        let by = |channel| is_allowed("ads", &ads(), channel, &said);
        assert!(by(None) && by(Some("sms")) && !by(Some("email")));
        let only = profile(None, vec![entry(Some("email"), Granted, None)]);
        assert!(!is_allowed("ads", &ads(), None, &only) && is_allowed("ads", &ads(), Some("email"), &only));
    }

    #[test]
    fn what_a_full_profile_had_no_room_for_is_no_silence() {
        let many = |first: char| -> Vec<EffectiveConsent> {
            let name = |n: usize| format!("{first}{n:03}");
            let of = |n| EffectiveConsent { purpose: name(n), ..entry(None, Granted, None) };
            (0..StatedConsent::NAMES_MAX).map(of).collect()
        };
        assert!(!allowed(&ads(), Some("US"), &many('a')[..]), "it would have come behind them");
        assert!(allowed(&ads(), Some("US"), &many('b')[..]), "it would have come before them");
        assert!(allowed(&ads(), Some("US"), &many('a')[1..]), "there was room");
    }
}
