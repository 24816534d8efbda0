//! A parsed record becomes what it states: every member of the right type, cleaned, within its limits.
//!
//! Identifiers still stand as they were written; [`crate::normalise`] reads them. JSON null means that an optional
//! member is absent.

mod activity;
mod attributes;
mod consents;
mod members;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::consent::Consent;
use kinfold_model::touchpoint::{ConsentSignals, Engagement, Order};
use kinfold_model::{Refusal, RefusalKind, Timestamp};

use crate::json::Json;
use crate::limits;
use crate::path::Path;
use crate::settings::{Settings, UnknownMembers};
use crate::text;
use members::Members;

/// What a record states.
pub(crate) struct Stated<'a> {
    pub(crate) touchpoint_id: Option<String>,
    pub(crate) time: Timestamp,
    pub(crate) source: String,
    pub(crate) channel: Option<String>,
    pub(crate) r#type: Option<String>,
    /// At least one, in the order of the record.
    pub(crate) identifiers: Vec<Claim<'a>>,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) consents: Vec<Consent>,
    pub(crate) consent_signals: Option<ConsentSignals>,
    pub(crate) order: Option<Order>,
    pub(crate) engagement: Option<Engagement>,
    /// Names of attributes and namespaces; sorted, distinct.
    pub(crate) verified: Vec<String>,
}

/// An identifier as the source wrote it, cleaned as text.
pub(crate) struct Claim<'a> {
    pub(crate) namespace: Cow<'a, str>,
    pub(crate) value: Cow<'a, str>,
}

/// The latest time that a record may name, and the setting it comes from.
pub(crate) struct Horizon {
    latest: Timestamp,
    max_future_ms: i64,
}

impl Horizon {
    fn new(now: Timestamp, settings: &Settings) -> Self {
        Self { latest: now.plus_millis(settings.max_future_ms), max_future_ms: settings.max_future_ms }
    }

    /// # Errors
    /// `future_time` beyond the latest time.
    fn admit(&self, time: Timestamp, path: &Path<'_>) -> Result<Timestamp, Refusal> {
        if time <= self.latest {
            return Ok(time);
        }
        let complaint = format!(
            "lies in the future by more than {} ms; correct the clock of the source or raise `max_future`",
            self.max_future_ms
        );
        Err(Refusal::new(RefusalKind::FutureTime, path.to_string(), complaint))
    }
}

/// What a record states, judged at the time `now`.
///
/// # Errors
/// The first member that is missing, unknown, of the wrong type, empty, too long or out of range.
pub(crate) fn record<'a>(
    parsed: Json<'a>,
    settings: &Settings,
    now: Timestamp,
) -> Result<Stated<'a>, Refusal> {
    let mut members = Members::of(parsed, &Path::ROOT)?;
    let unknown = settings.unknown_members;
    let horizon = Horizon::new(now, settings);
    let time = members.require("time", Members::time)?;
    let mut stated = Stated {
        touchpoint_id: members.text("touchpoint_id", limits::ID_BYTES_MAX)?.map(Cow::into_owned),
        time: horizon.admit(time, &Path::ROOT.member("time"))?,
        source: members.require_text("source", limits::NAME_BYTES_MAX)?.into_owned(),
        channel: members.text("channel", limits::NAME_BYTES_MAX)?.map(Cow::into_owned),
        r#type: members.text("type", limits::NAME_BYTES_MAX)?.map(Cow::into_owned),
        identifiers: identifiers(members.take("identifiers"), unknown)?,
        attributes: attributes::read(members.take("attributes"))?,
        consents: consents::read(members.take("consents"), time, &horizon, unknown)?,
        consent_signals: consents::signals(members.take("consent_signals"), unknown)?,
        order: activity::order(members.take("order"), unknown)?,
        engagement: activity::engagement(members.take("engagement"), unknown)?,
        verified: verified(members.take("verified"))?,
    };
    match unknown {
        UnknownMembers::Keep => attributes::keep(members.rest(), &mut stated.attributes)?,
        UnknownMembers::Refuse | UnknownMembers::Drop => members.close(unknown)?,
    }
    Ok(stated)
}

/// What the source says that it has verified, by name. A name that stands there twice says no more.
fn verified(list: Option<Json<'_>>) -> Result<Vec<String>, Refusal> {
    let names = members::each(list, &Path::ROOT.member("verified"), |element, path| match element {
        Json::Text(name) => text::clean(name, limits::NAME_BYTES_MAX, path).map(Cow::into_owned),
        other => Err(members::wrong_type("text", &other, path)),
    })?;
    Ok(names.into_iter().collect::<BTreeSet<String>>().into_iter().collect())
}

/// The source that a record names, whatever else it states.
pub(crate) fn source(parsed: Json<'_>) -> Option<String> {
    let mut members = Members::of(parsed, &Path::ROOT).ok()?;
    members.text("source", limits::NAME_BYTES_MAX).ok().flatten().map(Cow::into_owned)
}

fn identifiers(list: Option<Json<'_>>, unknown: UnknownMembers) -> Result<Vec<Claim<'_>>, Refusal> {
    let path = Path::ROOT.member("identifiers");
    let claims = members::each(list, &path, |element, path| {
        let mut members = Members::of(element, path)?;
        let claim = Claim {
            namespace: members.require_text("namespace", limits::NAME_BYTES_MAX)?,
            value: members.require_text("value", limits::IDENTIFIER_BYTES_MAX)?,
        };
        members.close(unknown)?;
        Ok(claim)
    })?;
    if claims.is_empty() {
        let complaint =
            "must hold at least one {\"namespace\", \"value\"}: without one nobody can be recognised";
        return Err(Refusal::new(RefusalKind::NoIdentifier, path.to_string(), complaint));
    }
    Ok(claims)
}
