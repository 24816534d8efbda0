//! Consents: decisions as they were stated, and the consent strings of browsers and apps, not yet decoded.

use std::borrow::Cow;

use kinfold_model::consent::{Consent, Decision, DecisionError};
use kinfold_model::touchpoint::ConsentSignals;
use kinfold_model::{Refusal, RefusalKind, Timestamp};

use super::Horizon;
use super::members::{self, Members};
use crate::json::Json;
use crate::limits;
use crate::path::Path;
use crate::settings::UnknownMembers;

/// The decisions of the member `consents`; one without a time of its own was taken at the touchpoint's `time`. None of them
/// has a signal, which is for capture to say. When a yes ends may lie in the future, and mostly does; a
/// no has no end, whatever the source says.
///
/// # Errors
/// `bad_consent` for an unknown decision and for a yes that ends before it was said, `future_time`, and those of [`Members`].
pub(crate) fn read(
    list: Option<Json<'_>>,
    time: Timestamp,
    horizon: &Horizon,
    unknown: UnknownMembers,
) -> Result<Vec<Consent>, Refusal> {
    members::each(list, &Path::ROOT.member("consents"), |element, path| {
        let mut members = Members::of(element, path)?;
        let decision = members.require_text("decision", limits::NAME_BYTES_MAX)?;
        let mut consent = Consent {
            purpose: members.require_text("purpose", limits::NAME_BYTES_MAX)?.into_owned(),
            decision: decision.parse().map_err(|error: DecisionError| {
                Refusal::new(RefusalKind::BadConsent, path.member("decision").to_string(), error)
            })?,
            basis: members.text("basis", limits::NAME_BYTES_MAX)?.map(Cow::into_owned),
            jurisdiction: members.text("jurisdiction", limits::NAME_BYTES_MAX)?.map(Cow::into_owned),
            time: horizon.admit(members.time("time")?.unwrap_or(time), &path.member("time"))?,
            wording: members.text("wording", limits::ID_BYTES_MAX)?.map(Cow::into_owned),
            channel: members.text("channel", limits::NAME_BYTES_MAX)?.map(Cow::into_owned),
            expires: members.time("expires")?,
            signal: None,
        };
        members.close(unknown)?;
        if consent.decision != Decision::Granted {
            consent.expires = None;
        }
        if consent.expires.is_some_and(|end| end < consent.time) {
            let complaint = "lies before the decision; correct it, or give the consent the `time` at which it was decided";
            return Err(Refusal::new(RefusalKind::BadConsent, path.member("expires").to_string(), complaint));
        }
        Ok(consent)
    })
}

/// The member `consent_signals`; `None` when it states nothing.
///
/// # Errors
/// Those of [`Members`].
pub(crate) fn signals(
    object: Option<Json<'_>>,
    unknown: UnknownMembers,
) -> Result<Option<ConsentSignals>, Refusal> {
    let Some(object) = object else { return Ok(None) };
    let path = Path::ROOT.member("consent_signals");
    let mut members = Members::of(object, &path)?;
    let signals = ConsentSignals {
        tcf: members.text("tcf", limits::SIGNAL_BYTES_MAX)?.map(Cow::into_owned),
        gpp: members.text("gpp", limits::SIGNAL_BYTES_MAX)?.map(Cow::into_owned),
        gpc: members.boolean("gpc")?,
    };
    members.close(unknown)?;
    Ok((signals != ConsentSignals::default()).then_some(signals))
}
