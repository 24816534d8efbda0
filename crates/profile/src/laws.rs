//! What is always true of facets and profiles, as functions: tests, simulation and debug builds ask them.
//!
//! Each gives the first law that is broken as a sentence, without any value, for values are personal data.

use kinfold_model::{ConsentState, Decision, UnifiedProfile};

use crate::facet::Facet;
use crate::span::Span;

/// A law that does not hold.
pub type Broken = &'static str;

/// # Errors
/// The first law that this facet breaks.
pub fn facet(facet: &Facet) -> Result<(), Broken> {
    let by_channel: u64 = facet.counts.channels().values().sum();
    let all = facet.span;
    check(all.first <= all.last, "a facet is first seen before it is last seen")?;
    check(facet.counts.touchpoints() > 0, "a facet has a touchpoint")?;
    check(by_channel <= facet.counts.touchpoints(), "a touchpoint counts for one channel at most")?;
    check(
        facet.identifiers.spans().all(|span| all.holds(span)),
        "identifiers are seen while their facet is",
    )?;
    check(
        facet.consents.iter().all(|(_, stated)| stated.decision != Decision::Requested),
        "what was only asked for is not kept",
    )?;
    check(
        facet.deliveries.values().all(|stated| all.holds(Span::at(stated.time()))),
        "mail arrives or does not while the facet is seen",
    )?;
    check(
        facet.orders.values().all(|o| all.holds(Span::at(o.time))),
        "orders are placed while the facet is seen",
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
    check(all.first <= all.last, "a person is first seen before they are last seen")?;
    check(
        identifiers.is_sorted_by(|a, b| (&a.namespace, &a.value) < (&b.namespace, &b.value)),
        "identifiers are sorted by namespace and value, and distinct",
    )?;
    check(seen_in_time, "identifiers are seen while their person is")?;
    check(
        identifiers.iter().all(|i| i.undeliverable.is_none_or(|time| all.holds(Span::at(time)))),
        "mail does not arrive while the person is seen",
    )?;
    check(
        profile.attributes.values().all(|a| all.holds(Span::at(a.time))),
        "attributes are stated in that time",
    )?;
    check(metrics.touchpoints > 0, "nobody is published of whom nothing was said")?;
    check(by_channel <= metrics.touchpoints, "a touchpoint counts for one channel at most")?;
    check(metrics.orders >= to_i64(metrics.revenue.len()), "no currency without an order")?;
    check((metrics.orders == 0) == metrics.revenue.is_empty(), "no order without a currency")?;
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
    check(!profile.aliases.contains(&profile.person_id), "nobody is their own alias")
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
    let counted: i64 = metrics.channels.values().sum();
    check(i64::try_from(touchpoints) == Ok(metrics.touchpoints), "touchpoints are the sum over facets")?;
    check(i64::try_from(by_channel) == Ok(counted), "channels are the sum over facets")?;
    check(i64::try_from(orders).is_ok_and(|sum| metrics.orders <= sum), "an order counts once")?;
    check(metrics.orders >= to_i64(most_orders), "no order is lost")
}

fn check(holds: bool, law: Broken) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(law) }
}

fn to_i64(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
