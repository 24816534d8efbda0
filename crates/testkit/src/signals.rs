//! Consent signals of random worlds: strings as browsers would send them, the rules by which capture reads them, and the
//! decisions that they mean.
//!
//! What a signal means is written down beside it and not decoded, so that whoever compares the two compares capture with
//! something that shares no code with it.

use fastrand::Rng;
use kinfold_capture::Settings;
use kinfold_model::touchpoint::ConsentSignals;
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

/// Those of capture wherever worlds are read: `analytics` takes a purpose of TCF to which nobody agrees, and opt-outs of a
/// sale; `marketing` takes purposes to which everybody does, and Global Privacy Control.
pub(crate) fn settings() -> Settings {
    let rules = json!({
        "analytics": {"tcf": {"purposes": [4]}, "regime": "opt_out", "opt_outs": ["sale"]},
        "marketing": {"tcf": {"purposes": [2, 3]}, "gpc": true, "jurisdiction": "ccpa"},
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
    };
    touchpoint.consent_signals = Some(signals).filter(|signals| *signals != ConsentSignals::default());
    let meant = meant(touchpoint);
    let is_meant =
        |stated: &Consent| meant.iter().any(|one| Consent { signal: None, ..one.clone() } == *stated);
    touchpoint.consents.retain(|stated| !is_meant(stated));
    touchpoint.consents.extend(meant);
}

/// The decisions that the signals of a touchpoint mean, in the order of capture.
pub(crate) fn meant(touchpoint: &Touchpoint) -> Vec<Consent> {
    let Some(signals) = &touchpoint.consent_signals else { return Vec::new() };
    let (seen, decided) = (touchpoint.time, decided(touchpoint.time));
    // The beginning of a day stands for all of it, and the end of the day is before the person was seen.
    let is_day = decided.floor(DAY_MS) == decided;
    let denied = if is_day { decided.plus_millis(DAY_MS - 1) } else { decided };
    let mut meant = Vec::new();
    if signals.tcf.is_some() {
        meant.push(("analytics", Decision::Denied, "consent", "gdpr", denied, "tcf"));
        meant.push(("marketing", Decision::Granted, "consent", "gdpr", decided, "tcf"));
    }
    if let Some(text) = &signals.gpp {
        let decision = if text == STAYED { Decision::Granted } else { Decision::Denied };
        meant.push(("analytics", decision, "opt_out", "us", seen, "gpp"));
    }
    if signals.gpc == Some(true) {
        meant.push(("marketing", Decision::Denied, "opt_out", "ccpa", seen, "gpc"));
    }
    let meant = meant.into_iter();
    meant
        .map(|(purpose, decision, basis, jurisdiction, time, signal): (&str, _, &str, &str, _, &str)| {
            Consent {
                purpose: purpose.to_owned(),
                decision,
                basis: Some(basis.to_owned()),
                jurisdiction: Some(jurisdiction.to_owned()),
                time,
                wording: None,
                channel: None,
                expires: None,
                signal: Some(signal.to_owned()),
            }
        })
        .collect()
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
        ];
        assert!(counts.iter().all(|count| *count >= 8), "{counts:?}");
    }

    #[test]
    fn a_time_is_written_as_the_framework_writes_it() {
        let time = "2020-02-20T23:57:39.300Z".parse().expect("a time");
        assert!(tcf(time).starts_with("COvFyGBOvFyGBAbAAAEN"), "{}", tcf(time));
    }
}
