//! What is counted of a person, from all their touchpoints at once. Every number is counted anew, in the words of
//! `docs/profiles.md`.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::profile::{ChannelSeen, Metrics, TimelineEntry};
use kinfold_model::touchpoint::Order;
use kinfold_model::{Amount, NodeId, OrderStatus, Timestamp, Touchpoint};
use kinfold_profile::Settings;

const HALF_HOUR_MS: i64 = 1_800_000;
const DAY_MS: f64 = 86_400_000.0;

/// Their counts and sums.
pub(super) fn metrics(touchpoints: &[&Touchpoint], settings: &Settings) -> Metrics {
    let mut metrics = Metrics::default();
    let times = || touchpoints.iter().map(|touchpoint| touchpoint.time);
    metrics.first_seen = times().min().unwrap_or_default();
    metrics.last_seen = times().max().unwrap_or_default();
    let (mut moods, mut of) = (0_i64, 0_i32);
    for copy in copies(touchpoints) {
        metrics.touchpoints += 1;
        if let Some(channel) = &copy.channel {
            *metrics.channels.entry(channel.clone()).or_default() += 1;
        }
        if let Some(kind) = &copy.r#type {
            *metrics.types.entry(kind.clone()).or_default() += 1;
        }
        match reaction(copy) {
            Some(0) => metrics.opens += 1,
            Some(1) => metrics.clicks += 1,
            Some(_) => metrics.replies += 1,
            None => {}
        }
        if let Some(thousandths) = mood(copy) {
            moods += thousandths;
            of += 1;
        }
    }
    metrics.sentiment = (of > 0).then(|| moods as f64 / (1000.0 * f64::from(of)));
    for channel in metrics.channels.keys() {
        let by = touchpoints.iter().filter(|one| one.channel.as_ref() == Some(channel)).map(|one| one.time);
        let (first_seen, last_seen) = (by.clone().min().unwrap_or_default(), by.max().unwrap_or_default());
        metrics.channel_seen.insert(channel.clone(), ChannelSeen { first_seen, last_seen });
    }
    let most = metrics.channels.values().max();
    metrics.preferred_channel =
        metrics.channels.iter().find(|(_, count)| Some(*count) == most).map(|(channel, _)| channel.clone());
    let half_hours: BTreeSet<i64> = times().map(|time| time.millis() / HALF_HOUR_MS).collect();
    for half_hour in &half_hours {
        metrics.sessions += i64::from(!half_hours.contains(&(half_hour - 1)));
    }
    let in_hour = |hour: i64| {
        let hour_of = |half_hour: &i64| (half_hour * 30 + settings.utc_offset_minutes) / 60 % 24;
        half_hours.iter().filter(|half_hour| hour_of(half_hour) == hour).count()
    };
    let most = (0..24).map(in_hour).max();
    metrics.preferred_hour = (0..24).find(|hour| Some(in_hour(*hour)) == most);
    add_orders(&mut metrics, &orders(touchpoints, settings));
    metrics
}

fn add_orders(metrics: &mut Metrics, orders: &[Settled<'_>]) {
    let mut by_currency: BTreeMap<String, Vec<Amount>> = BTreeMap::new();
    let mut placed = Vec::new();
    for order in orders {
        if order.is_cancelled() {
            metrics.cancellations += 1;
            continue;
        }
        metrics.orders += 1;
        metrics.items += order.said.items;
        metrics.returns += i64::from(order.said.status == OrderStatus::Returned);
        by_currency.entry(order.said.currency.to_string()).or_default().push(order.net());
        placed.push(order.placed);
    }
    for (currency, amounts) in by_currency {
        let mut sum = Amount::default();
        amounts.iter().for_each(|amount| sum += *amount);
        metrics.average_order_value.insert(currency.clone(), mean(sum, amounts.len()));
        metrics.revenue.insert(currency, sum);
    }
    placed.sort_unstable();
    if let (Some(first), Some(last)) = (placed.first(), placed.last()) {
        (metrics.first_order, metrics.last_order) = (Some(*first), Some(*last));
        let gaps = placed.len() - 1;
        metrics.days_between_orders =
            (gaps > 0).then(|| (last.millis() - first.millis()) as f64 / (gaps as f64 * DAY_MS));
    }
}

/// The last touchpoints; of several of one source that have one id, that of the greatest entry.
pub(super) fn timeline(touchpoints: &[&Touchpoint], settings: &Settings) -> Vec<TimelineEntry> {
    let mut entries: BTreeMap<(&String, &String), BTreeSet<TimelineEntry>> = BTreeMap::new();
    for one in touchpoints {
        entries.entry((&one.source, &one.touchpoint_id)).or_default().insert(TimelineEntry {
            time: one.time,
            touchpoint_id: one.touchpoint_id.clone(),
            source: one.source.clone(),
            channel: one.channel.clone(),
            r#type: one.r#type.clone(),
            action: one.engagement.as_ref().and_then(|engagement| engagement.action.clone()),
            order_id: one.order.as_ref().map(|order| order.order_id.clone()),
        });
    }
    let mut last: Vec<TimelineEntry> = entries.into_values().filter_map(|mut of| of.pop_last()).collect();
    last.sort();
    last.reverse();
    last.truncate(settings.timeline);
    last
}

/// An order of a person.
pub(super) struct Settled<'t> {
    /// When anybody first told of it.
    pub(super) placed: Timestamp,
    /// What is believed of it.
    pub(super) said: &'t Order,
}

impl Settled<'_> {
    pub(super) fn is_cancelled(&self) -> bool {
        self.said.status == OrderStatus::Cancelled
    }

    /// What is left of its value.
    pub(super) fn net(&self) -> Amount {
        let Order { value, status, refunded, .. } = *self.said;
        let is_refund = value < Amount::default();
        let is_all_back = status == OrderStatus::Returned && refunded == Amount::default();
        if is_all_back && !is_refund { Amount::default() } else { value - refunded }
    }
}

/// Each order, as the source that is believed last said.
pub(super) fn orders<'t>(touchpoints: &[&'t Touchpoint], settings: &Settings) -> Vec<Settled<'t>> {
    let mut reports: BTreeMap<&String, Vec<(&'t Touchpoint, &'t Order)>> = BTreeMap::new();
    for &touchpoint in touchpoints {
        if let Some(order) = &touchpoint.order {
            reports.entry(&order.order_id).or_default().push((touchpoint, order));
        }
    }
    let settle = |reports: Vec<(&'t Touchpoint, &'t Order)>| {
        let by = |source: &String| reports.iter().any(|(touchpoint, _)| touchpoint.source == *source);
        let believed = settings.order_sources.iter().find(|source| by(source));
        let heard = reports.iter().copied();
        let heard = heard.filter(|(one, _)| believed.is_none_or(|source| one.source == *source));
        let newest = heard.max_by_key(|(one, order)| {
            let Order { value, currency, items, status, refunded, .. } = order;
            (one.time, &one.touchpoint_id, value, currency, items, status, refunded)
        });
        let placed = reports.iter().map(|(touchpoint, _)| touchpoint.time).min()?;
        newest.map(|(_, said)| Settled { placed, said })
    };
    reports.into_values().filter_map(settle).collect()
}

/// Of each touchpoint the copy that counts: with the least channel that any of them names, of these with the least type, then
/// the first reaction, then the worst mood; who says something goes before who says nothing.
fn copies<'t>(touchpoints: &[&'t Touchpoint]) -> Vec<&'t Touchpoint> {
    let mut copies: BTreeMap<(NodeId, &String, &String), Vec<&'t Touchpoint>> = BTreeMap::new();
    for &touchpoint in touchpoints {
        let name = (touchpoint.sighting, &touchpoint.source, &touchpoint.touchpoint_id);
        copies.entry(name).or_default().push(touchpoint);
    }
    let counts = |mut copies: Vec<&'t Touchpoint>| {
        keep(&mut copies, |one| one.channel.clone());
        keep(&mut copies, |one| one.r#type.clone());
        keep(&mut copies, reaction);
        keep(&mut copies, mood);
        copies.into_iter().next()
    };
    copies.into_values().filter_map(counts).collect()
}

/// Those that say the least; all when none says anything.
fn keep<V: Ord>(copies: &mut Vec<&Touchpoint>, said: impl Fn(&Touchpoint) -> Option<V>) {
    if let Some(least) = copies.iter().filter_map(|one| said(one)).min() {
        copies.retain(|one| said(one).as_ref() == Some(&least));
    }
}

/// 0 for an open, 1 for a click, 2 for a reply; of the actions that worlds know.
fn reaction(touchpoint: &Touchpoint) -> Option<u8> {
    match touchpoint.engagement.as_ref()?.action.as_deref()? {
        "open" | "Opened" => Some(0),
        "click" => Some(1),
        "reply" => Some(2),
        _ => None,
    }
}

/// In thousandths.
fn mood(touchpoint: &Touchpoint) -> Option<i64> {
    let sentiment = touchpoint.engagement.as_ref()?.sentiment?;
    Some((sentiment * 1000.0).round() as i64)
}

/// To whole hundredths, a half to the even one, in whole numbers.
fn mean(sum: Amount, count: usize) -> Amount {
    let text = sum.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let digits: i128 =
        format!("{whole}{fraction:0<4}").parse().expect("an amount has at most 4 digits there");
    // The sum in ten thousandths, to be divided into so many hundredths.
    let of = 100 * count as i128;
    let (down, left) = (digits.div_euclid(of), digits.rem_euclid(of));
    let is_up = 2 * left > of || (2 * left == of && down % 2 != 0);
    let hundredths = down + i128::from(is_up);
    let sign = if hundredths < 0 { "-" } else { "" };
    let hundredths = hundredths.abs();
    format!("{sign}{}.{:02}", hundredths / 100, hundredths % 100).parse().expect("an amount")
}
