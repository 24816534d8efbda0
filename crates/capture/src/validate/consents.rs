//! Consents: decisions as they were stated, and the signals of browsers, apps and senders of mail, not yet decoded.

use std::borrow::Cow;
use std::collections::BTreeMap;

use kinfold_model::consent::{Consent, Decision, DecisionError};
use kinfold_model::touchpoint::{ConsentSignals, SegmentConsent};
use kinfold_model::{Refusal, RefusalKind, Timestamp};

use super::Horizon;
use super::members::{self, Members};
use crate::json::Json;
use crate::limits;
use crate::path::Path;
use crate::settings::UnknownMembers;
use crate::text;

/// The decisions of the member `consents`; one without a time of its own was taken at the touchpoint's `time`. None of them
/// has a signal, which is for capture to say. When a yes ends may lie in the future, and mostly does; a
/// no has no end and no confirmation, whatever the source says.
///
/// # Errors
/// `bad_consent` for an unknown decision, for a yes that ends before it was said and for a request that is confirmed,
/// `future_time`, and those of [`Members`].
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
            confirmed: members.boolean("confirmed")?.unwrap_or(false),
        };
        members.close(unknown)?;
        if consent.confirmed && consent.decision == Decision::Requested {
            let complaint = "is true of what was only requested; what the person has confirmed is `granted`";
            return Err(Refusal::new(
                RefusalKind::BadConsent,
                path.member("confirmed").to_string(),
                complaint,
            ));
        }
        if consent.decision != Decision::Granted {
            (consent.expires, consent.confirmed) = (None, false);
        }
        if consent.expires.is_some_and(|end| end < consent.time) {
            let complaint = "lies before the decision; correct it, or give the consent the `time` at which it was decided";
            return Err(Refusal::new(RefusalKind::BadConsent, path.member("expires").to_string(), complaint));
        }
        Ok(consent)
    })
}

/// The member `consent_signals`; `None` when it states nothing. Only its shape is looked at: what a text says is for
/// [`crate::signals`], and refuses nothing.
///
/// # Errors
/// Those of [`Members`], and `duplicate_member` for two spellings of a name.
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
        us_privacy: members.text("us_privacy", limits::NAME_BYTES_MAX)?.map(Cow::into_owned),
        consent_mode: by_name(members.take("consent_mode"), &path.member("consent_mode"), state)?,
        segment: segment(members.take("segment"), &path.member("segment"), unknown)?,
        email: members.text("email", limits::NAME_BYTES_MAX)?.map(Cow::into_owned),
    };
    members.close(unknown)?;
    Ok((signals != ConsentSignals::default()).then_some(signals))
}

fn segment(
    object: Option<Json<'_>>,
    path: &Path<'_>,
    unknown: UnknownMembers,
) -> Result<Option<SegmentConsent>, Refusal> {
    let Some(object) = object else { return Ok(None) };
    let mut members = Members::of(object, path)?;
    let preferences = members.take("categoryPreferences");
    members.close(unknown)?;
    let category_preferences = by_name(preferences, &path.member("categoryPreferences"), preference)?;
    Ok((!category_preferences.is_empty()).then_some(SegmentConsent { category_preferences }))
}

fn state(json: Json<'_>, path: &Path<'_>) -> Result<String, Refusal> {
    match json {
        Json::Text(text) => text::clean(text, limits::NAME_BYTES_MAX, path).map(Cow::into_owned),
        other => Err(members::wrong_type("text, for example \"denied\"", &other, path)),
    }
}

fn preference(json: Json<'_>, path: &Path<'_>) -> Result<bool, Refusal> {
    match json {
        Json::Bool(is_allowed) => Ok(is_allowed),
        other => Err(members::wrong_type("true or false", &other, path)),
    }
}

/// What is said by name, each name cleaned as those of rules are; null says nothing.
fn by_name<'a, T>(
    object: Option<Json<'a>>,
    path: &Path<'_>,
    read: impl Fn(Json<'a>, &Path<'_>) -> Result<T, Refusal>,
) -> Result<BTreeMap<String, T>, Refusal> {
    let mut said = BTreeMap::new();
    let Some(object) = object else { return Ok(said) };
    for (name, json) in Members::of(object, path)?.rest() {
        if matches!(json, Json::Null) {
            continue;
        }
        let path = path.member(&name);
        let value = read(json, &path)?;
        let key = text::clean(Cow::Borrowed(&name), limits::NAME_BYTES_MAX, &path)?.into_owned();
        if said.insert(key, value).is_some() {
            let complaint = "is there twice, in two spellings; only one of them can be meant";
            return Err(Refusal::new(RefusalKind::DuplicateMember, path.to_string(), complaint));
        }
    }
    Ok(said)
}
