//! What is odd about a touchpoint, besides what its attributes showed when they were read.
//!
//! In go the members as they will stand in the touchpoint, and the time of its record in the log; out come flags. No clock
//! is asked, so that a record that is read again gets the flags that it got.

use std::collections::BTreeSet;

use kinfold_model::{Amount, Flag, FlagKind, Identifier, OrderStatus, Rules, Timestamp};

use crate::limits;
use crate::normalise;
use crate::path::Path;
use crate::settings::Settings;
use crate::validate::Stated;

/// Before 2000 nobody kept touchpoints: such a time is that of a clock that was never set, or of a missing value.
const EARLIEST_MS: i64 = 946_684_800_000;

/// What a touchpoint is judged by.
pub(crate) struct Judgement<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) settings: &'a Settings,
    /// The time of the record in its log.
    pub(crate) now: Timestamp,
}

/// Adds the flags of a record that was accepted.
pub(crate) fn judge(
    stated: &Stated<'_>,
    identifiers: &[Identifier],
    given: &Judgement<'_>,
    flags: &mut BTreeSet<Flag>,
) {
    let mut flag = |kind: FlagKind, path: &Path<'_>| {
        flags.insert(Flag { kind, member: path.to_string() });
    };
    // Without an id a touchpoint that is sent again in other bytes counts twice; without a channel and a type nobody
    // can tell what it was.
    let wanted = [
        ("touchpoint_id", stated.touchpoint_id.is_none()),
        ("channel", stated.channel.is_none()),
        ("type", stated.r#type.is_none()),
    ];
    for (name, _) in wanted.iter().filter(|(_, is_missing)| *is_missing) {
        flag(FlagKind::Missing, &Path::ROOT.member(name));
    }
    if stated.time.millis() < EARLIEST_MS {
        flag(FlagKind::Implausible, &Path::ROOT.member("time"));
    } else if stated.time.plus_millis(given.settings.stale_after_ms) < given.now {
        flag(FlagKind::Stale, &Path::ROOT.member("time"));
    }
    if let Some(order) = &stated.order {
        let path = Path::ROOT.member("order");
        if !normalise::is_currency(&order.currency.to_string()) {
            flag(FlagKind::Malformed, &path.member("currency"));
        }
        // What is a refund itself can hardly come back, too.
        if order.value < Amount::default() && order.status != OrderStatus::Placed {
            flag(FlagKind::Implausible, &path.member("status"));
        }
    }
    // It says something of nothing; the name may be mistyped.
    let is_stated = |name: &String| {
        let is_namespace = identifiers.iter().any(|one| one.namespace.as_str() == name);
        is_namespace || stated.attributes.contains_key(name)
    };
    for name in stated.verified.iter().filter(|name| !is_stated(name)) {
        flag(FlagKind::Missing, &Path::ROOT.member("verified").member(name));
    }
    for identifier in identifiers {
        let odd = normalise::oddity(&identifier.namespace, &identifier.value, given.rules, given.settings);
        if let Some(kind) = odd {
            flag(kind, &Path::ROOT.member("identifiers").member(identifier.namespace.as_str()));
        }
    }
}

/// The first flags, in order of kind and member.
pub(crate) fn bounded(flags: BTreeSet<Flag>) -> Vec<Flag> {
    flags.into_iter().take(limits::FLAGS_MAX).collect()
}
