//! What a person is worth and where they stand at a time: what was said of them and the settings in; the two as they are published,
//! since when they have been so, and until when they are.
//!
//! Both change with the time alone, too. A person is looked at again when they do, and not before.

use kinfold_model::profile::{ProfileIdentifier, ProfileLifecycle, ProfileValue, StageChange};
use kinfold_model::{Currency, Timestamp};
use kinfold_value::lifecycle::{Order, identified};
use kinfold_value::{Day, Facts, Lifecycle, Purchases, Timeline, Value, value};

use crate::facet::Facet;
use crate::orders::{Orders, Settled};
use crate::settings::{Settings, Valuation};

/// Something that holds for a time.
pub(crate) struct Lasting<T> {
    pub(crate) what: T,
    /// The last time at which it became so by the passing of time; not later than now.
    pub(crate) since: Option<Timestamp>,
    /// When it becomes something else if nothing more is heard; later than now.
    pub(crate) until: Option<Timestamp>,
}

/// What they are worth; nothing without a purchase in the currency of the model.
pub(crate) fn worth(orders: &Orders, settings: &Settings, now: Timestamp) -> Lasting<Option<ProfileValue>> {
    let nothing = Lasting { what: None, since: None, until: None };
    let Some(Valuation { model, refresh }) = &settings.valuation else { return nothing };
    let purchases = purchases(orders, &settings.order_sources, &model.meaning().currency);
    if purchases.days().is_empty() {
        return nothing;
    }
    let worth = value(&purchases, model, refresh.as_of(&purchases, now));
    Lasting {
        what: worth.map(|worth| shown(worth, model.meaning().horizon_days)),
        since: Some(refresh.began(now)),
        until: Some(refresh.next(now)).filter(|next| *next > now),
    }
}

/// What they bought: orders in a currency that are not cancelled, each on the day when it was placed, for what was not paid back.
pub(crate) fn purchases(orders: &Orders, sources: &[String], currency: &Currency) -> Purchases {
    let bought = orders.standing(sources).filter(|order| order.stated.currency == *currency);
    bought.map(|Settled { placed, stated }| (Day::of(placed), stated.net())).collect()
}

/// Where they stand.
pub(crate) fn standing(
    said: &Facet,
    identifiers: &[ProfileIdentifier],
    settings: &Settings,
    now: Timestamp,
) -> Lasting<ProfileLifecycle> {
    let facts = facts(said, identifiers, settings);
    let timeline = Timeline::new(&settings.lifecycle, &facts);
    let Lifecycle { stage, since, changes } = timeline.lifecycle(now);
    let changes = changes.into_iter().map(|change| StageChange { stage: change.stage, time: change.time });
    Lasting {
        what: ProfileLifecycle { stage, since, changes: changes.collect() },
        // Somebody may have been seen first at a time that is still to come.
        since: Some(since).filter(|since| *since <= now),
        until: timeline.next_change(now),
    }
}

fn facts(said: &Facet, identifiers: &[ProfileIdentifier], settings: &Settings) -> Facts {
    let (first_seen, last_seen) = (said.span.first, said.span.last);
    let orders = said.orders.standing(&settings.order_sources).map(|Settled { placed, stated }| Order {
        time: placed,
        amount: stated.net(),
        currency: stated.currency.clone(),
    });
    let asked = settings.lifecycle.ask_when_seen();
    // A half-hour may begin before the touchpoint that is the first in it.
    let seen = said.activity.begins().filter(|_| asked).map(|begin| begin.clamp(first_seen, last_seen));
    Facts {
        first_seen,
        last_seen,
        identified: identified(&settings.personal, identifiers),
        orders: orders.collect(),
        seen: seen.collect(),
    }
}

fn shown(worth: Value, horizon_days: u32) -> ProfileValue {
    let Value { recency_days, frequency, monetary, currency, scores, .. } = worth;
    let Value { expected_orders, alive, clv, model, as_of, .. } = worth;
    ProfileValue {
        recency_days: recency_days.into(),
        frequency: frequency.into(),
        monetary,
        currency,
        recency_score: scores.recency.into(),
        frequency_score: scores.frequency.into(),
        monetary_score: scores.monetary.into(),
        expected_purchases: expected_orders.to_f64(),
        alive: alive.to_f64(),
        lifetime_value: clv,
        horizon_days: horizon_days.into(),
        model,
        as_of: as_of.to_string(),
    }
}
