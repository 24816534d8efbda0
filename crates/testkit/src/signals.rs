//! Consent signals of random worlds: strings as browsers would send them, and what tag managers and senders of mail report;
//! the rules by which capture reads them, and the decisions that they mean.
//!
//! What a signal means is written down beside it and not decoded, so that whoever compares the two compares capture with
//! something that shares no code with it.

use std::collections::BTreeMap;

use fastrand::Rng;
use kinfold_capture::Settings;
use kinfold_model::touchpoint::{ConsentSignals, SegmentConsent};
use kinfold_model::{Consent, Decision, Timestamp, Touchpoint};
use serde_json::json;

use crate::world::pick;

/// One touchpoint of so many has a signal of a kind.
const SHARE: u8 = 8;
/// The person decided on the strings of TCF so long before they were seen.
const DECIDED_BEFORE_MS: i64 = DAY_MS;
const DAY_MS: i64 = 24 * 3_600_000;
/// A TC string up to when it was last changed, and what follows: consent for the purposes 1, 2 and 3.
const TCF: [&str; 2] = ["COvFyGB", "AbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAA.IAAA"];
/// US Privacy strings in GPP: told, and opted out of the sale of their data or not.
const OPTED_OUT: &str = "DBABTA~1YYN";
const STAYED: &str = "DBABTA~1YNN";

/// The same outside of GPP.
const OPTED_OUT_ALONE: &str = "1YYN";
const STAYED_ALONE: &str = "1YNN";
/// What mail reports: a no, and the two steps of a double opt-in, of which the first is no yes.
const EVENTS: [&str; 3] = ["unsubscribe", "opt_in_requested", "opt_in_confirmed"];

/// Those of capture wherever worlds are read: `analytics` takes a purpose of TCF to which nobody agrees, opt-outs of a sale,
/// and a type of Consent Mode; `marketing` takes purposes to which everybody does, Global Privacy Control, a category of
/// Segment, and events of mail; `newsletter` takes the same category and the same events.
pub(crate) fn settings() -> Settings {
    let rules = json!({
        "analytics": {
            "tcf": {"purposes": [4]}, "regime": "opt_out", "opt_outs": ["sale"], "consent_mode": ["analytics_storage"],
        },
        "marketing": {
            "tcf": {"purposes": [2, 3]}, "gpc": true, "jurisdiction": "ccpa", "segment": ["Advertising"],
            "email": {"double_opt_in": true},
        },
        "newsletter": {"jurisdiction": "ccpa", "segment": ["Advertising"], "email": {"double_opt_in": true}},
    });
    Settings { signals: serde_json::from_value(rules).expect("rules"), ..Settings::default() }
}

/// Gives some touchpoints signals, and with them the decisions that they mean, behind those that the touchpoint states.
/// A choice depends on time and place of the touchpoint alone: with or without signals, a seed has the same people.
pub(crate) fn add(touchpoint: &mut Touchpoint, place: usize) {
    let mut rng = Rng::with_seed(touchpoint.time.millis().unsigned_abs() ^ place as u64);
    let signals = ConsentSignals {
        tcf: (rng.u8(..SHARE) == 0).then(|| tcf(decided(touchpoint.time))),
        gpp: (rng.u8(..SHARE) == 0).then(|| (*pick(&mut rng, &[OPTED_OUT, STAYED])).to_owned()),
        gpc: (rng.u8(..SHARE) == 0).then(|| rng.bool()),
        us_privacy: (rng.u8(..SHARE) == 0)
            .then(|| (*pick(&mut rng, &[OPTED_OUT_ALONE, STAYED_ALONE])).to_owned()),
        consent_mode: if rng.u8(..SHARE) == 0 { mode(&mut rng) } else { BTreeMap::new() },
        segment: (rng.u8(..SHARE) == 0).then(|| categories(&mut rng)),
        // Twice as often, because there are three of them.
        email: (rng.u8(..SHARE / 2) == 0).then(|| (*pick(&mut rng, &EVENTS)).to_owned()),
    };
    touchpoint.consent_signals = Some(signals).filter(|signals| *signals != ConsentSignals::default());
    let meant = meant(touchpoint);
    let is_meant =
        |stated: &Consent| meant.iter().any(|one| Consent { signal: None, ..one.clone() } == *stated);
    touchpoint.consents.retain(|stated| !is_meant(stated));
    touchpoint.consents.extend(meant);
}

/// One type that the rules take, and one that they do not.
fn mode(rng: &mut Rng) -> BTreeMap<String, String> {
    let state = |is_granted: bool| (if is_granted { "granted" } else { "denied" }).to_owned();
    let types = [("analytics_storage", rng.bool()), ("ad_storage", rng.bool())];
    types.map(|(name, is_granted)| (name.to_owned(), state(is_granted))).into()
}

/// One category that the rules take, and one that they do not.
fn categories(rng: &mut Rng) -> SegmentConsent {
    let preferences = [("Advertising", rng.bool()), ("Analytics", rng.bool())];
    SegmentConsent {
        category_preferences: preferences.map(|(name, is_allowed)| (name.to_owned(), is_allowed)).into(),
    }
}

/// What a decision of a signal has besides its purpose: `None` for a channel is any.
#[derive(Clone, Copy)]
struct Said {
    decision: Decision,
    basis: &'static str,
    jurisdiction: Option<&'static str>,
    time: Timestamp,
    channel: Option<&'static str>,
    signal: &'static str,
    confirmed: bool,
}

/// The decisions that the signals of a touchpoint mean, in the order of capture.
pub(crate) fn meant(touchpoint: &Touchpoint) -> Vec<Consent> {
    let Some(signals) = &touchpoint.consent_signals else { return Vec::new() };
    let (seen, decided) = (touchpoint.time, decided(touchpoint.time));
    // The beginning of a day stands for all of it, and the end of the day is before the person was seen.
    let is_day = decided.floor(DAY_MS) == decided;
    let denied = if is_day { decided.plus_millis(DAY_MS - 1) } else { decided };
    let yes_or_no = |is: bool| if is { Decision::Granted } else { Decision::Denied };
    let of_tcf = |decision, time| Said {
        decision,
        basis: "consent",
        jurisdiction: Some("gdpr"),
        time,
        channel: None,
        signal: "tcf",
        confirmed: false,
    };
    let opt_out = |decision, jurisdiction, signal| Said {
        decision,
        basis: "opt_out",
        jurisdiction: Some(jurisdiction),
        time: seen,
        channel: None,
        signal,
        confirmed: false,
    };
    let mut meant = Vec::new();
    if signals.tcf.is_some() {
        meant.push(("analytics", of_tcf(Decision::Denied, denied)));
        meant.push(("marketing", of_tcf(Decision::Granted, decided)));
    }
    let in_gpp = signals.gpp.as_deref().map(|text| yes_or_no(text == STAYED));
    let alone = signals.us_privacy.as_deref().map(|text| yes_or_no(text == STAYED_ALONE));
    meant.extend(in_gpp.map(|decision| ("analytics", opt_out(decision, "us", "gpp"))));
    // Who says the same twice says it once.
    let alone = alone.filter(|decision| in_gpp != Some(*decision));
    meant.extend(alone.map(|decision| ("analytics", opt_out(decision, "us", "us_privacy"))));
    if signals.gpc == Some(true) {
        meant.push(("marketing", opt_out(Decision::Denied, "ccpa", "gpc")));
    }
    let consented = |decision, jurisdiction, signal| Said {
        decision,
        basis: "consent",
        jurisdiction,
        time: seen,
        channel: None,
        signal,
        confirmed: false,
    };
    if let Some(state) = signals.consent_mode.get("analytics_storage") {
        meant.push(("analytics", consented(yes_or_no(state == "granted"), None, "consent_mode")));
    }
    if let Some(segment) = &signals.segment {
        let is_allowed = segment.category_preferences["Advertising"];
        for purpose in ["marketing", "newsletter"] {
            meant.push((purpose, consented(yes_or_no(is_allowed), Some("ccpa"), "segment")));
        }
    }
    let by_mail = match signals.email.as_deref() {
        Some("unsubscribe") => Some(Decision::Withdrawn),
        Some("opt_in_confirmed") => Some(Decision::Granted),
        _ => None,
    };
    let by_mail = by_mail.map(|decision| Said {
        channel: Some("email"),
        // The second step of a double opt-in is the only yes that a sender of mail reports here.
        confirmed: decision == Decision::Granted,
        ..consented(decision, Some("ccpa"), "email")
    });
    for purpose in ["marketing", "newsletter"] {
        meant.extend(by_mail.map(|said| (purpose, said)));
    }
    meant.into_iter().map(|(purpose, said)| said.of(purpose)).collect()
}

impl Said {
    fn of(self, purpose: &str) -> Consent {
        Consent {
            purpose: purpose.to_owned(),
            decision: self.decision,
            basis: Some(self.basis.to_owned()),
            jurisdiction: self.jurisdiction.map(str::to_owned),
            time: self.time,
            wording: None,
            channel: self.channel.map(str::to_owned),
            expires: None,
            signal: Some(self.signal.to_owned()),
            confirmed: self.confirmed,
        }
    }
}

/// In tenths of a second, which is all that the strings can tell.
fn decided(seen: Timestamp) -> Timestamp {
    let tenths = (seen.millis() - DECIDED_BEFORE_MS) / 100;
    Timestamp::from_millis(tenths * 100).expect("in the year 2026")
}

/// A TC string that was last changed at this time.
fn tcf(decided: Timestamp) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let tenths = decided.millis().unsigned_abs() / 100;
    let letter = |place: u32| char::from(ALPHABET[(tenths >> (6 * place) & 63) as usize]);
    let letters: String = (0..6).rev().map(letter).collect();
    let [head, tail] = TCF;
    format!("{head}{letters}{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{World, keys};

    fn says(signals: &ConsentSignals, state: &str) -> bool {
        signals.consent_mode.get("analytics_storage").is_some_and(|said| said == state)
    }

    fn allows(signals: &ConsentSignals, is_allowed: bool) -> bool {
        let said = |segment: &SegmentConsent| segment.category_preferences["Advertising"] == is_allowed;
        signals.segment.as_ref().is_some_and(said)
    }

    #[test]
    fn every_signal_is_common_and_so_is_every_decision() {
        let world = World::sized(&mut Rng::with_seed(7), 12, 400, &keys());
        let count = |tells: fn(&ConsentSignals) -> bool| {
            let signals =
                world.touchpoints.iter().filter_map(|touchpoint| touchpoint.consent_signals.as_ref());
            signals.filter(|signals| tells(signals)).count()
        };
        let counts = [
            count(|signals| signals.tcf.is_some()),
            count(|signals| signals.gpp.as_deref() == Some(OPTED_OUT)),
            count(|signals| signals.gpp.as_deref() == Some(STAYED)),
            count(|signals| signals.gpc == Some(true)),
            count(|signals| signals.gpc == Some(false)),
            count(|signals| signals.us_privacy.as_deref() == Some(OPTED_OUT_ALONE)),
            count(|signals| signals.us_privacy.as_deref() == Some(STAYED_ALONE)),
            count(|signals| says(signals, "granted")),
            count(|signals| says(signals, "denied")),
            count(|signals| allows(signals, true)),
            count(|signals| allows(signals, false)),
            count(|signals| signals.email.as_deref() == Some(EVENTS[0])),
            count(|signals| signals.email.as_deref() == Some(EVENTS[1])),
            count(|signals| signals.email.as_deref() == Some(EVENTS[2])),
        ];
        assert!(counts.iter().all(|count| *count >= 8), "{counts:?}");
    }

    #[test]
    fn a_time_is_written_as_the_framework_writes_it() {
        let time = "2020-02-20T23:57:39.300Z".parse().expect("a time");
        assert!(tcf(time).starts_with("COvFyGBOvFyGBAbAAAEN"), "{}", tcf(time));
    }
}
