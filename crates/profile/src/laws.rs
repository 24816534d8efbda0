//! What is always true of facets and profiles, as functions: tests, simulation and debug builds ask them.
//!
//! Each gives the first law that is broken as a sentence, without any value, for values are personal data.

use kinfold_model::profile::{Metrics, ProfileValue};
use kinfold_model::{ConsentState, Decision, UnifiedProfile};
use kinfold_value::limits::CHANGES_MAX;

use crate::activity::SLOTS_MAX;
use crate::facet::Facet;
use crate::named::Named;
use crate::orders::REPORTS_MAX;
use crate::room::fits;
use crate::span::Span;
use crate::timeline::TIMELINE_MAX;

/// A law that does not hold.
pub type Broken = &'static str;

/// # Errors
/// The first law that this facet breaks.
pub fn facet(facet: &Facet) -> Result<(), Broken> {
    let counts = &facet.counts;
    let total = |names: &Named<u64>| names.values().sum::<u64>();
    let all = facet.span;
    check(all.first <= all.last, "a facet is first seen before it is last seen")?;
    check(counts.touchpoints() > 0, "a facet has a touchpoint")?;
    check(total(counts.channels()) <= counts.touchpoints(), "a touchpoint counts for one channel at most")?;
    check(total(counts.types()) <= counts.touchpoints(), "a touchpoint counts for one type at most")?;
    check(
        counts.reactions().total() <= counts.touchpoints(),
        "a touchpoint counts for one reaction at most",
    )?;
    check(counts.sentiment().count() <= counts.touchpoints(), "a touchpoint tells of one mood at most")?;
    check(is_part(counts.sentiment().mean(), -1.0, 1.0), "moods are from -1 to 1")?;
    check(
        facet.channel_seen.values().all(|span| all.holds(*span)),
        "somebody is seen by a channel while the facet is",
    )?;
    check(
        facet.channel_seen.iter().map(|(name, _)| name).eq(counts.channels().iter().map(|(name, _)| name)),
        "the channels that were seen are those that were named",
    )?;
    check((1..=SLOTS_MAX).contains(&facet.activity.len()), "there is a half-hour, and not too many")?;
    check(
        (1..=TIMELINE_MAX).contains(&facet.timeline.newest().count()),
        "there is an entry, and not too many",
    )?;
    check(
        facet.timeline.newest().all(|entry| all.holds(Span::at(entry.time))),
        "touchpoints happen while the facet is seen",
    )?;
    check(
        facet.identifiers.values().all(|carriage| carriage.times().all(|time| all.holds(Span::at(time)))),
        "identifiers are seen and verified while their facet is",
    )?;
    let tallies = || facet.attributes.least().flat_map(|(_, values)| values.kept());
    check(
        tallies().flat_map(|(_, tally)| tally.marks()).all(|mark| all.holds(Span::at(mark.time))),
        "attributes are stated while the facet is seen",
    )?;
    check(
        tallies().all(|(_, tally)| tally.first.time <= tally.last.time),
        "no value is last stated before first",
    )?;
    check(
        facet.attributes.least().all(|(_, values)| {
            values.counted().all(|(_, count, span)| count > 0 && span.first <= span.last && all.holds(span))
        }),
        "what is counted of a value was stated while the facet is seen",
    )?;
    check(
        facet.consents.iter().all(|(_, stated)| stated.decision != Decision::Requested),
        "what was only asked for is not kept",
    )?;
    check(
        facet.deliveries.values().all(|stated| all.holds(Span::at(stated.time()))),
        "messages arrive or do not while the facet is seen",
    )?;
    check(facet.orders.iter().count() <= REPORTS_MAX, "there are not too many reports of orders")?;
    check(
        facet.orders.iter().all(|(_, order)| {
            all.holds(Span { first: order.placed, last: order.newest.time })
                && order.placed <= order.newest.time
        }),
        "orders are placed while the facet is seen, and no report of one is older",
    )
}

/// # Errors
/// The first law that this profile, as published, breaks.
pub fn profile(profile: &UnifiedProfile) -> Result<(), Broken> {
    let metrics = &profile.metrics;
    let all = Span { first: metrics.first_seen, last: metrics.last_seen };
    let identifiers = &profile.identifiers;
    let seen_in_time = identifiers.iter().all(|i| all.holds(Span { first: i.first_seen, last: i.last_seen }));
    let by_channel = metrics.channels.values().fold(0_i64, |sum, count| sum.saturating_add(*count));
    check(profile.version > 0, "versions begin at 1")?;
    check(profile.changed.is_sorted_by(|a, b| a < b), "what changed is sorted and distinct")?;
    check(profile.version > 1 || profile.changed.is_empty(), "of the first record all is new")?;
    check(profile.truncated.is_sorted_by(|a, b| a < b), "what was cut is sorted and distinct")?;
    check(fits(profile), "a record has room in what everybody takes")?;
    check(all.first <= all.last, "a person is first seen before they are last seen")?;
    check(
        identifiers.is_sorted_by(|a, b| (&a.namespace, &a.value) < (&b.namespace, &b.value)),
        "identifiers are sorted by namespace and value, and distinct",
    )?;
    check(seen_in_time, "identifiers are seen while their person is")?;
    check(
        identifiers.iter().all(|i| i.undeliverable.is_none_or(|time| all.holds(Span::at(time)))),
        "messages do not arrive while the person is seen",
    )?;
    check(
        identifiers.iter().all(|i| i.verified.is_none_or(|time| i.first_seen <= time && time <= i.last_seen)),
        "identifiers are verified while they are seen",
    )?;
    let ages = identifiers.iter().map(|i| (i.verified, i.verify_again));
    check(
        ages.chain(profile.attributes.values().map(|a| (a.verified, a.verify_again)))
            .all(|(verified, again)| again.is_none_or(|again| verified.is_some_and(|at| at < again))),
        "only what was verified before has to be verified again",
    )?;
    check(
        profile.interests.is_sorted_by(|a, b| a.touchpoints >= b.touchpoints),
        "the most frequent interest comes first",
    )?;
    let stated = profile.attributes.values().flat_map(|a| [Some(a.time), a.confirmed, a.verified]);
    check(
        stated.flatten().all(|time| all.holds(Span::at(time))),
        "attributes are stated, confirmed and verified in that time",
    )?;
    check(
        profile.attributes.values().all(|a| a.values.is_sorted_by(|a, b| a.value < b.value)),
        "values that stand side by side are sorted and distinct",
    )?;
    let emails = identifiers.iter().filter(|one| one.namespace.as_str() == "email").map(|one| &one.value);
    check(
        profile.standard.emails.iter().map(|email| &email.address).eq(emails),
        "addresses of e-mail are those of the identifiers",
    )?;
    check(metrics.touchpoints > 0, "nobody is published of whom nothing was said")?;
    check(by_channel <= metrics.touchpoints, "a touchpoint counts for one channel at most")?;
    orders(metrics, all)?;
    activity(metrics, all)?;
    check(
        profile.timeline.is_sorted_by(|newer, older| newer > older) && profile.timeline.len() <= TIMELINE_MAX,
        "the newest touchpoints come first, and are not too many",
    )?;
    check(
        profile.timeline.iter().all(|entry| all.holds(Span::at(entry.time))),
        "touchpoints happen while the person is seen",
    )?;
    check(
        profile.consents.is_sorted_by(|a, b| (&a.purpose, &a.channel) < (&b.purpose, &b.channel)),
        "consents are sorted, one for a purpose and channel",
    )?;
    check(
        profile.consents.iter().all(|c| c.state != ConsentState::Unknown),
        "an unknown consent is not listed",
    )?;
    check(
        profile.consents.iter().all(|c| c.state != ConsentState::Denied || !c.confirmed),
        "only a yes is confirmed",
    )?;
    check(
        profile.consents.iter().all(|c| c.state != ConsentState::Expired || c.expires.is_some()),
        "what has ended has an end",
    )?;
    check(profile.aliases.is_sorted_by(|a, b| a < b), "aliases are sorted and distinct")?;
    check(!profile.aliases.contains(&profile.person_id), "nobody is their own alias")?;
    worth(profile)
}

/// What is told of the value and the stage.
fn worth(profile: &UnifiedProfile) -> Result<(), Broken> {
    let scores = |value: &ProfileValue| [value.recency_score, value.frequency_score, value.monetary_score];
    if let Some(value) = &profile.value {
        check(profile.metrics.orders > 0, "nobody has a value who has no order")?;
        check((1..=profile.metrics.orders).contains(&value.frequency), "there is an order on each day")?;
        check(scores(value).iter().all(|score| (1..=5).contains(score)), "scores are from 1 to 5")?;
        check(is_part(Some(value.alive), 0.0, 1.0), "to be alive is a probability")?;
        check(value.expected_purchases >= 0.0, "no fewer than no purchases are expected")?;
    }
    let Some(lifecycle) = &profile.lifecycle else { return Err("everybody is in a stage") };
    let changes = &lifecycle.changes;
    check((1..=CHANGES_MAX).contains(&changes.len()), "there is a change, and not too many")?;
    check(changes.is_sorted_by(|newer, older| newer.time > older.time), "the newest change comes first")?;
    check(
        changes.iter().zip(changes.iter().skip(1)).all(|(newer, older)| newer.stage != older.stage),
        "a change is one to another stage",
    )?;
    check(
        changes.first().is_some_and(|last| last.stage == lifecycle.stage && last.time == lifecycle.since),
        "the last change is that to the stage",
    )
}

fn orders(metrics: &Metrics, all: Span) -> Result<(), Broken> {
    let ends = metrics.first_order.zip(metrics.last_order);
    check(metrics.orders >= to_i64(metrics.revenue.len()), "no currency without an order")?;
    check((metrics.orders == 0) == metrics.revenue.is_empty(), "no order without a currency")?;
    check(
        metrics.average_order_value.keys().eq(metrics.revenue.keys()),
        "where there are orders there is a mean",
    )?;
    check((0..=metrics.orders).contains(&metrics.returns), "only what was ordered comes back")?;
    check(metrics.cancellations >= 0, "no fewer than none are cancelled")?;
    check(ends.is_some() == (metrics.orders > 0), "orders have a first and a last")?;
    check(
        ends.is_none_or(|(first, last)| first <= last && all.holds(Span { first, last })),
        "orders are placed while the person is seen, the first before the last",
    )?;
    check(
        metrics.days_between_orders.map(|days| days >= 0.0) == (metrics.orders > 1).then_some(true),
        "two orders have time between them, and no fewer have",
    )
}

fn activity(metrics: &Metrics, all: Span) -> Result<(), Broken> {
    let total = |counts: &[i64]| counts.iter().fold(0_i64, |sum, count| sum.saturating_add(*count));
    let types: Vec<i64> = metrics.types.values().copied().collect();
    let reactions = [metrics.opens, metrics.clicks, metrics.replies];
    check(total(&types) <= metrics.touchpoints, "a touchpoint counts for one type at most")?;
    check(total(&reactions) <= metrics.touchpoints, "a touchpoint counts for one reaction at most")?;
    check(is_part(metrics.sentiment, -1.0, 1.0), "moods are from -1 to 1")?;
    check(metrics.sessions > 0, "whoever is seen is seen at some time")?;
    check(metrics.preferred_hour.is_some_and(|hour| (0..24).contains(&hour)), "a day has 24 hours")?;
    check(
        metrics.preferred_channel.is_some() != metrics.channels.is_empty(),
        "where there are channels one is preferred",
    )?;
    check(
        metrics.preferred_channel.as_ref().is_none_or(|name| metrics.channels.contains_key(name)),
        "the preferred channel is one of them",
    )?;
    check(metrics.channel_seen.keys().eq(metrics.channels.keys()), "each channel has its times")?;
    check(
        metrics.channel_seen.values().all(|one| {
            all.holds(Span { first: one.first_seen, last: one.last_seen }) && one.first_seen <= one.last_seen
        }),
        "somebody is seen by a channel while they are seen",
    )
}

/// That the profile counts what its facets count: each touchpoint once, and no order that none of them has.
///
/// # Errors
/// The first law that is broken.
pub fn sums<'a>(
    profile: &UnifiedProfile,
    facets: impl IntoIterator<Item = &'a Facet> + Clone,
) -> Result<(), Broken> {
    let metrics = &profile.metrics;
    let total = |of: fn(&Facet) -> u64| facets.clone().into_iter().map(of).sum::<u64>();
    let most_orders = facets.clone().into_iter().map(|facet| facet.orders.len()).max().unwrap_or(0);
    let touchpoints = total(|facet| facet.counts.touchpoints());
    let orders = total(|facet| facet.orders.len() as u64);
    let by_channel = total(|facet| facet.counts.channels().values().sum());
    let by_type = total(|facet| facet.counts.types().values().sum());
    let reactions = total(|facet| facet.counts.reactions().total());
    let counted: i64 = metrics.channels.values().sum();
    let settled = metrics.orders.saturating_add(metrics.cancellations);
    check(i64::try_from(touchpoints) == Ok(metrics.touchpoints), "touchpoints are the sum over facets")?;
    check(i64::try_from(by_channel) == Ok(counted), "channels are the sum over facets")?;
    check(i64::try_from(by_type) == Ok(metrics.types.values().sum()), "types are the sum over facets")?;
    check(
        i64::try_from(reactions) == Ok(metrics.opens + metrics.clicks + metrics.replies),
        "reactions are the sum over facets",
    )?;
    check(i64::try_from(orders).is_ok_and(|sum| settled <= sum), "an order counts once")?;
    check(settled >= to_i64(most_orders), "no order is lost")
}

fn check(holds: bool, law: Broken) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(law) }
}

/// Whether a number, if there is one, lies between two others.
fn is_part(number: Option<f64>, least: f64, greatest: f64) -> bool {
    number.is_none_or(|number| (least..=greatest).contains(&number))
}

fn to_i64(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
