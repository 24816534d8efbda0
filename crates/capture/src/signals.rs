//! Consent signals of a touchpoint become decisions, beside those that it states; the signals stay as they came.
//!
//! What cannot be read decides nothing and is flagged. So is a TC string that was changed in the future: its decision would
//! win over all that follow. The same touchpoint captured again gets no decision twice.

use std::collections::BTreeSet;

use kinfold_model::touchpoint::ConsentSignals;
use kinfold_model::{Consent, Flag, FlagKind, Refusal, RefusalKind, Timestamp};
use kinfold_signals::consent_mode::ConsentMode;
use kinfold_signals::gpc::GlobalPrivacyControl;
use kinfold_signals::gpp::Gpp;
use kinfold_signals::rules::PurposeRules;
use kinfold_signals::segment::SegmentConsent;
use kinfold_signals::tcf::TcString;
use kinfold_signals::us_privacy::UsPrivacy;
use kinfold_signals::{Fault, Signal, SignalRules, decide};
use serde_json::json;

use crate::limits;
use crate::path::Path;
use crate::text;
use crate::validate::Stated;

/// By what signals are read.
pub(crate) struct Reading<'a> {
    pub(crate) rules: &'a SignalRules,
    /// No decision may lie beyond.
    pub(crate) latest: Timestamp,
}

/// Adds the decisions of the signals, in the order of [`each`], and the flags of what is odd about them. What two signals
/// say alike is one decision, with the first of them for evidence. Without rules nothing is read.
///
/// # Errors
/// `too_many_elements` when stated and read decisions are more than a touchpoint may hold: none of them may get lost.
pub(crate) fn read(
    stated: &mut Stated<'_>,
    reading: &Reading<'_>,
    flags: &mut BTreeSet<Flag>,
) -> Result<(), Refusal> {
    let Some(signals) = stated.consent_signals.as_ref().filter(|_| !reading.rules.is_empty()) else {
        return Ok(());
    };
    let mut flag = |kind, name: &str| {
        let member = Path::ROOT.member("consent_signals").member(name).to_string();
        flags.insert(Flag { kind, member });
    };
    let mut decided = Vec::new();
    for (name, signal) in each(signals) {
        let Some(signal) = signal else { continue };
        if signal.as_ref().map_or(true, is_partly_unreadable) {
            flag(FlagKind::Malformed, name);
        }
        let Ok(signal) = signal else { continue };
        for one in decide(&signal, reading.rules, stated.time) {
            if one.time > reading.latest {
                flag(FlagKind::Implausible, name);
            } else {
                decided.push(one);
            }
        }
    }
    for consent in decided {
        match stated.consents.iter_mut().find(|one| is_same(one, &consent)) {
            // What was stated was also read, as it was if this touchpoint has been captured before.
            Some(one) if one.signal.is_none() => one.signal = consent.signal,
            Some(_) => {}
            None => stated.consents.push(consent),
        }
    }
    if stated.consents.len() > limits::CONSENTS_MAX {
        let complaint = format!(
            "are, with those that `consent_signals` mean, more than {} decisions; send them as several touchpoints",
            limits::CONSENTS_MAX
        );
        let member = Path::ROOT.member("consents").to_string();
        return Err(Refusal::new(RefusalKind::TooManyElements, member, complaint));
    }
    Ok(())
}

/// A signal as it was read; `None` when the touchpoint has none of its kind.
type Read = Option<Result<Signal, Fault>>;

/// Every kind of signal by its name, the strings of the IAB first.
fn each(signals: &ConsentSignals) -> [(&'static str, Read); 7] {
    let ConsentSignals { tcf, gpp, gpc, us_privacy, consent_mode, segment, email } = signals;
    let tcf = tcf.as_deref().map(|text| TcString::read(text).map(|string| Signal::Tcf(Box::new(string))));
    let gpp = gpp.as_deref().map(|text| Gpp::read(text).map(Signal::Gpp));
    let us_privacy = us_privacy.as_deref().map(|text| UsPrivacy::read(text).map(Signal::UsPrivacy));
    let gpc = gpc.map(|is_on| Ok(GlobalPrivacyControl::from(is_on).into()));
    let mode = || ConsentMode::read(&json!(consent_mode)).map(Signal::ConsentMode);
    let segment = segment.as_ref().map(|one| SegmentConsent::read(&json!(one)).map(Signal::Segment));
    let email = email.as_deref().map(|text| text.parse().map(Signal::Email));
    [
        ("tcf", tcf),
        ("gpp", gpp),
        ("us_privacy", us_privacy),
        ("gpc", gpc),
        ("consent_mode", (!consent_mode.is_empty()).then(mode)),
        ("segment", segment),
        ("email", email),
    ]
}

/// Whether two decisions differ in nothing but what they were read from.
fn is_same(one: &Consent, other: &Consent) -> bool {
    *one == Consent { signal: one.signal.clone(), ..other.clone() }
}

/// The rules with their purposes, jurisdictions and categories in NFC, as those of touchpoints are: what looks the same is
/// the same.
pub(crate) fn composed(rules: SignalRules) -> SignalRules {
    let nfc = |name: String| text::nfc(name.into()).into_owned();
    let purposes = rules.purposes.into_iter().map(|(purpose, rules)| {
        let jurisdiction = rules.jurisdiction.map(nfc);
        let segment = rules.segment.into_iter().map(nfc).collect();
        (nfc(purpose), PurposeRules { jurisdiction, segment, ..rules })
    });
    SignalRules { purposes: purposes.collect() }
}

fn is_partly_unreadable(signal: &Signal) -> bool {
    matches!(signal, Signal::Gpp(gpp) if gpp.faults().next().is_some())
}
