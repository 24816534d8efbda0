//! The metrics of a person: what the facets of a person amount to in, counts and sums out.
//!
//! Everything is computed from what combines commutatively, so that it is the same in whatever order facets were put together.
//! `docs/profiles.md` says what each number means.

use std::collections::BTreeMap;

use kinfold_model::profile::{ChannelSeen, Metrics};
use kinfold_model::{Amount, OrderStatus, Timestamp};

use crate::facet::Facet;
use crate::named::Named;
use crate::orders::{Orders, Settled};
use crate::settings::Settings;

const DAY_MS: f64 = 86_400_000.0;

/// Of all that was said of a person.
pub(crate) fn metrics(said: &Facet, settings: &Settings) -> Metrics {
    let Facet { span, counts, channel_seen, activity, orders, .. } = said;
    let channels = counted(counts.channels());
    let seen = channel_seen.iter().filter(|(channel, _)| channels.contains_key(*channel));
    let reactions = counts.reactions();
    Metrics {
        touchpoints: to_i64(counts.touchpoints()),
        channel_seen: seen
            .map(|(channel, span)| {
                (channel.clone(), ChannelSeen { first_seen: span.first, last_seen: span.last })
            })
            .collect(),
        types: counted(counts.types()),
        opens: to_i64(reactions.opens),
        clicks: to_i64(reactions.clicks),
        replies: to_i64(reactions.replies),
        sentiment: counts.sentiment().mean(),
        sessions: to_i64(activity.sessions()),
        preferred_channel: preferred(&channels),
        preferred_hour: activity.preferred_hour(settings.utc_offset_minutes),
        first_seen: span.first,
        last_seen: span.last,
        channels,
        ..of_orders(orders, settings)
    }
}

/// Each order counts once. What is cancelled counts for nothing but that.
fn of_orders(orders: &Orders, settings: &Settings) -> Metrics {
    let (cancelled, standing): (Vec<Settled<'_>>, Vec<Settled<'_>>) =
        orders.settle(&settings.order_sources).into_iter().partition(|order| order.stated.is_cancelled());
    let mut by_currency: BTreeMap<String, (Amount, u64)> = BTreeMap::new();
    let mut items = 0_i64;
    for Settled { stated, .. } in &standing {
        let (revenue, count) = by_currency.entry(stated.currency.to_string()).or_default();
        *revenue += stated.net();
        *count += 1;
        items = items.saturating_add(stated.items);
    }
    let placed = || standing.iter().map(|order| order.placed);
    let (first, last) = (placed().min(), placed().max());
    let returns = standing.iter().filter(|order| order.stated.status == OrderStatus::Returned);
    Metrics {
        orders: to_i64(standing.len() as u64),
        items,
        returns: to_i64(returns.count() as u64),
        cancellations: to_i64(cancelled.len() as u64),
        average_order_value: by_currency
            .iter()
            .filter_map(|(currency, (revenue, count))| Some((currency.clone(), revenue.mean(*count)?)))
            .collect(),
        revenue: by_currency.into_iter().map(|(currency, (revenue, _))| (currency, revenue)).collect(),
        days_between_orders: first.zip(last).and_then(|ends| days_between(ends, standing.len())),
        first_order: first,
        last_order: last,
        ..Metrics::default()
    }
}

/// Names for which any touchpoint counts.
fn counted(names: &Named<u64>) -> BTreeMap<String, i64> {
    let counted = names.iter().filter(|(_, count)| **count > 0);
    counted.map(|(name, count)| (name.clone(), to_i64(*count))).collect()
}

/// The name of most, of several the least.
fn preferred(channels: &BTreeMap<String, i64>) -> Option<String> {
    // Of several greatest the last is taken, hence backwards.
    channels.iter().rev().max_by_key(|(_, count)| **count).map(|(channel, _)| channel.clone())
}

/// The gaps between orders that follow each other add up to the time from the first to the last.
fn days_between((first, last): (Timestamp, Timestamp), orders: usize) -> Option<f64> {
    let gaps = orders.checked_sub(1).filter(|gaps| *gaps > 0)?;
    Some((last.millis() - first.millis()) as f64 / (gaps as f64 * DAY_MS))
}

fn to_i64(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
