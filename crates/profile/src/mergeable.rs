//! Every structure of a facet is held to the same promises, beside each other: what each claims, and how large it may get.
//!
//! Touchpoints are told to facets as the stage tells them, and of the facets one structure is looked at, as bytes. Of each it is
//! asked, with a few touchpoints and with more than it has room for:
//!
//! - that the order of touchpoints does not matter, nor that they come again;
//! - that facets merge to the same in any order and grouping;
//! - that what they merge to, cut to what would be stored, is what all touchpoints together would have given;
//! - that merging what is known changes nothing, where that is claimed;
//! - that it is never larger than it may be, with every text as long as capture lets it be.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use kinfold_model::{Consent, Decision, OrderStatus, Timestamp, Touchpoint};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{TestCaseError, TestRunner};
use serde::Serialize;

use crate::counted::Counted;
use crate::facet::Facet;
use crate::samples::{consent, engagement, identifier, order, touchpoint};

/// What a structure of a facet promises.
struct Promise {
    /// Its bytes.
    of: fn(&Facet) -> Vec<u8>,
    /// How many they are at most.
    bytes_max: usize,
    /// Whether merging what is known changes nothing. Counts are added: who merges them says that no touchpoint is in both.
    is_idempotent: bool,
    /// Whether there was more than it has room for.
    is_full: fn(&Facet) -> bool,
}

/// A facet, and what its touchpoints count for, as the stage keeps both.
#[derive(Clone, Default)]
struct Sighting {
    facet: Option<Facet>,
    /// By source and id, for two sources may number alike.
    seen: BTreeMap<(String, String), Counted>,
}

impl Sighting {
    fn of<'t>(touchpoints: impl IntoIterator<Item = &'t Touchpoint>) -> Self {
        let mut sighting = Self::default();
        touchpoints.into_iter().for_each(|touchpoint| sighting.tell(touchpoint));
        sighting
    }

    fn tell(&mut self, touchpoint: &Touchpoint) {
        let (struck, counts_as) = (BTreeSet::new(), Counted::of(touchpoint));
        let named = (touchpoint.source.clone(), touchpoint.touchpoint_id.clone());
        let counted = self.seen.get(&named);
        match (&mut self.facet, counted) {
            (None, _) => self.facet = Some(Facet::new(touchpoint, &struck)),
            (Some(facet), None) => _ = facet.absorb(touchpoint, &struck, true),
            (Some(facet), Some(counted)) => {
                facet.absorb(touchpoint, &struck, false);
                if !counts_as.outranks(counted) {
                    return;
                }
                facet.recount(counted, &counts_as);
            }
        }
        self.seen.insert(named, counts_as);
    }
}

fn merged<'f>(facets: impl IntoIterator<Item = &'f Option<Facet>>) -> Option<Facet> {
    let mut merged: Option<Facet> = None;
    for facet in facets.into_iter().flatten() {
        match &mut merged {
            Some(merged) => merged.merge(facet.clone()),
            None => merged = Some(facet.clone()),
        }
    }
    merged
}

/// As it would be stored: what is merged is not, and may be larger.
fn cut(mut facet: Facet) -> Facet {
    facet.attributes.cut();
    facet.orders.cut();
    facet.consents.cut();
    facet
}

impl Promise {
    /// Tries it with a few touchpoints, many times, and with so many that there is no room for all, a few times.
    fn is_kept(&self, touchpoints: &(impl Strategy<Value = Touchpoint> + Clone), beyond: usize) {
        self.try_with(touchpoints.clone(), 1..40, 48, false);
        self.try_with(touchpoints.clone(), beyond..beyond + 1, 2, true);
    }

    fn try_with(
        &self,
        touchpoints: impl Strategy<Value = Touchpoint>,
        count: Range<usize>,
        cases: u32,
        is_beyond: bool,
    ) {
        let max_shrink_iters = if is_beyond { 0 } else { 500 };
        let config =
            ProptestConfig { cases, max_shrink_iters, failure_persistence: None, ..Default::default() };
        let told =
            vec(touchpoints, count).prop_flat_map(|told| (Just(told.clone()), Just(told).prop_shuffle()));
        let tried = TestRunner::new(config).run(&told, |(told, turned)| {
            self.try_order(&told, &turned, is_beyond)?;
            self.try_merge(&told)
        });
        if let Err(error) = tried {
            // Of many touchpoints their text would be megabytes.
            let text: String = error.to_string().chars().take(4000).collect();
            panic!("{text}");
        }
    }

    /// One facet: whatever came first, and however often it comes.
    fn try_order(
        &self,
        told: &[Touchpoint],
        turned: &[Touchpoint],
        is_beyond: bool,
    ) -> Result<(), TestCaseError> {
        let mut sighting = Sighting::of(told);
        let bytes = self.bytes(&sighting.facet);
        prop_assert!(bytes == self.bytes(&Sighting::of(turned).facet), "the order matters");
        prop_assert!(bytes.len() <= self.bytes_max, "{} bytes are more than it may have", bytes.len());
        prop_assert!(
            !is_beyond || sighting.facet.as_ref().is_some_and(self.is_full),
            "there was room for all"
        );
        turned.iter().for_each(|touchpoint| sighting.tell(touchpoint));
        prop_assert!(bytes == self.bytes(&sighting.facet), "what comes again changes it");
        Ok(())
    }

    /// Three facets: whichever is merged with which.
    fn try_merge(&self, told: &[Touchpoint]) -> Result<(), TestCaseError> {
        let [a, b, c] = self.parts(told).map(|part| Sighting::of(part).facet);
        let together = merged([&a, &b, &c]);
        let bytes = self.bytes(&together);
        prop_assert!(bytes == self.bytes(&merged([&c, &b, &a])), "a merge is not commutative");
        let other = merged([&a, &merged([&b, &c])]);
        prop_assert!(bytes == self.bytes(&other), "a merge is not associative");
        let whole = Sighting::of(told).facet;
        prop_assert!(
            self.bytes(&together.clone().map(cut)) == self.bytes(&whole),
            "what is merged is not what all touchpoints give"
        );
        if self.is_idempotent {
            let again = merged([&together, &b, &together]);
            prop_assert!(bytes == self.bytes(&again), "what is merged again changes it");
        }
        Ok(())
    }

    /// Three sets that together have every touchpoint. They have some in common, unless no touchpoint may be in two.
    fn parts<'t>(&self, told: &'t [Touchpoint]) -> [Vec<&'t Touchpoint>; 3] {
        let lies_in = |part: usize, index: usize, touchpoint: &Touchpoint| {
            if self.is_idempotent {
                let third = index * 3 / told.len();
                part == third || part == (third + 1) % 3
            } else {
                touchpoint.touchpoint_id.bytes().map(usize::from).sum::<usize>() % 3 == part
            }
        };
        [0, 1, 2].map(|part| {
            let indexed = told.iter().enumerate();
            indexed.filter(|(index, one)| lies_in(part, *index, one)).map(|(_, one)| one).collect()
        })
    }

    fn bytes(&self, facet: &Option<Facet>) -> Vec<u8> {
        facet.as_ref().map(self.of).unwrap_or_default()
    }
}

fn bytes<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).expect("it has bytes")
}

/// As long as a name may be.
fn name(n: usize) -> String {
    format!("{n:0>64}")
}

/// As long as an id may be.
fn id(n: usize) -> String {
    format!("{n:0>256}")
}

/// Some of one time, some close together, some anywhere up to the last time that there is.
fn a_time() -> impl Strategy<Value = i64> + Clone {
    prop_oneof![0..4_i64, -9_000_000..9_000_000_i64, 0..=Timestamp::MAX.millis()]
}

/// One of so many touchpoints, or a copy of it that is of another time.
fn a_touchpoint(ids: usize) -> impl Strategy<Value = Touchpoint> + Clone {
    (0..ids, a_time(), 0..2_usize)
        .prop_map(|(n, ms, source)| Touchpoint { source: name(source), ..touchpoint(&id(n), ms) })
}

fn an_action() -> impl Strategy<Value = Option<String>> + Clone {
    option::of(select(&["open", "click", "reply", "bounce", "delivered", "call"][..]).prop_map(str::to_owned))
}

fn a_counted_touchpoint(names: usize) -> impl Strategy<Value = Touchpoint> + Clone {
    let sentiment = option::of(select(&[-1.0, 0.25, 0.3][..]));
    (a_touchpoint(400), option::of(0..names), option::of(0..names), an_action(), sentiment).prop_map(
        |(touchpoint, channel, kind, action, sentiment)| Touchpoint {
            channel: channel.map(name),
            r#type: kind.map(name),
            engagement: engagement(action.as_deref().unwrap_or_default(), sentiment),
            ..touchpoint
        },
    )
}

fn an_ordering_touchpoint(orders: usize) -> impl Strategy<Value = Touchpoint> + Clone {
    let value = select(&["1", "-2.5", "999999999999.9999"][..]);
    (a_touchpoint(usize::MAX), 0..orders, value, select(&OrderStatus::ALL[..])).prop_map(
        |(touchpoint, n, value, status)| Touchpoint {
            order: Some(order(&id(n), value, status)),
            ..touchpoint
        },
    )
}

fn a_stating_touchpoint(
    names: usize,
    values: usize,
    bytes: usize,
) -> impl Strategy<Value = Touchpoint> + Clone {
    (a_touchpoint(400), vec((0..names, 0..values), 0..8), any::<bool>()).prop_map(
        move |(touchpoint, stated, is_verified)| {
            let value = |n: usize| format!("{n}{}", "x".repeat(bytes * (n % 2)));
            let attributes: BTreeMap<String, String> =
                stated.into_iter().map(|(of, n)| (name(of), value(n))).collect();
            let verified = attributes.keys().filter(|_| is_verified).cloned().collect();
            Touchpoint { attributes, verified, ..touchpoint }
        },
    )
}

fn a_consent(purposes: usize) -> impl Strategy<Value = Consent> + Clone {
    let decisions = [Decision::Denied, Decision::Withdrawn, Decision::Granted, Decision::Requested];
    let basis = option::of(select(vec!["opt_out".to_owned(), name(0)]));
    let (channel, expires) = (option::of(0..2_usize), option::of(a_time()));
    (0..purposes, channel, select(decisions.to_vec()), a_time(), basis, expires, any::<bool>()).prop_map(
        |(purpose, channel, decision, ms, basis, expires, confirmed)| Consent {
            channel: channel.map(name),
            basis,
            jurisdiction: Some(name(0)),
            wording: Some(id(0)),
            expires: expires.map(crate::samples::at),
            signal: Some(name(0)),
            confirmed,
            ..consent(&name(purpose), None, decision, ms)
        },
    )
}

fn a_deciding_touchpoint(purposes: usize) -> impl Strategy<Value = Touchpoint> + Clone {
    (a_touchpoint(400), vec(a_consent(purposes), 0..8))
        .prop_map(|(touchpoint, consents)| Touchpoint { consents, ..touchpoint })
}

/// Of a sighting: sixteen identifiers, which may be written in two ways.
fn a_carrying_touchpoint() -> impl Strategy<Value = Touchpoint> + Clone {
    (a_touchpoint(400), 0..16_u8, any::<bool>(), an_action(), any::<bool>()).prop_map(
        |(touchpoint, node, is_hash, action, is_verified)| {
            let namespace = if is_hash { "email_sha256" } else { "email" };
            Touchpoint {
                identifiers: vec![identifier(node, namespace, &"x".repeat(512))],
                engagement: engagement(action.as_deref().unwrap_or_default(), None),
                verified: if is_verified { vec![namespace.to_owned()] } else { Vec::new() },
                ..touchpoint
            }
        },
    )
}

fn a_full_touchpoint() -> impl Strategy<Value = Touchpoint> + Clone {
    let said = (a_stating_touchpoint(4, 30, 9), a_deciding_touchpoint(3), a_carrying_touchpoint());
    (a_counted_touchpoint(3), option::of(an_ordering_touchpoint(5)), said).prop_map(
        |(counted, ordering, (stating, deciding, carrying))| Touchpoint {
            order: ordering.and_then(|touchpoint| touchpoint.order),
            attributes: stating.attributes,
            verified: stating.verified,
            consents: deciding.consents,
            identifiers: carrying.identifiers,
            ..counted
        },
    )
}

const ALWAYS: fn(&Facet) -> bool = |_| true;

#[test]
fn the_span_of_a_facet_is_mergeable() {
    let of = |facet: &Facet| bytes(&facet.span);
    let promise = Promise { of, bytes_max: 20, is_idempotent: true, is_full: ALWAYS };
    promise.is_kept(&a_touchpoint(9), 300);
}

#[test]
fn counts_are_mergeable_where_no_touchpoint_is_in_both() {
    let of = |facet: &Facet| bytes(&facet.counts);
    let is_full = |facet: &Facet| facet.counts.is_full();
    let promise = Promise { of, bytes_max: 10_000, is_idempotent: false, is_full };
    promise.is_kept(&a_counted_touchpoint(90), 700);
}

#[test]
fn times_by_channel_are_mergeable() {
    let of = |facet: &Facet| bytes(&facet.channel_seen);
    let is_full = |facet: &Facet| facet.channel_seen.is_full();
    let promise = Promise { of, bytes_max: 6_000, is_idempotent: true, is_full };
    promise.is_kept(&a_counted_touchpoint(90), 700);
}

#[test]
fn half_hours_are_mergeable() {
    let of = |facet: &Facet| bytes(&facet.activity);
    let is_full = |facet: &Facet| facet.activity.len() == crate::activity::SLOTS_MAX;
    let promise = Promise { of, bytes_max: 50_000, is_idempotent: true, is_full };
    let scattered = (0..=Timestamp::MAX.millis()).prop_map(|ms| touchpoint("t", ms));
    promise.is_kept(&scattered, 20_000);
    let close = (0..40_000_i64).prop_map(|slot| touchpoint("t", slot * 1_800_000));
    promise.try_with(close, 30_000..30_001, 1, true);
}

#[test]
fn timelines_are_mergeable() {
    let of = |facet: &Facet| bytes(&facet.timeline);
    let is_full = |facet: &Facet| facet.timeline.newest().count() == crate::TIMELINE_MAX;
    let promise = Promise { of, bytes_max: 40_000, is_idempotent: true, is_full };
    let told = (a_counted_touchpoint(3), option::of(0..2_usize)).prop_map(|(touchpoint, n)| Touchpoint {
        order: n.map(|n| order(&id(n), "1", OrderStatus::Placed)),
        engagement: engagement(&name(n.unwrap_or(5)), None),
        ..touchpoint
    });
    promise.is_kept(&told, 300);
}

#[test]
fn identifiers_are_mergeable() {
    let of = |facet: &Facet| bytes(&facet.identifiers);
    let promise = Promise { of, bytes_max: 20_000, is_idempotent: true, is_full: ALWAYS };
    promise.is_kept(&a_carrying_touchpoint(), 300);
}

#[test]
fn what_is_known_of_addresses_is_mergeable() {
    let of = |facet: &Facet| bytes(&facet.deliveries);
    let promise = Promise { of, bytes_max: 500, is_idempotent: true, is_full: ALWAYS };
    promise.is_kept(&a_carrying_touchpoint(), 300);
}

#[test]
fn attributes_are_mergeable_by_names_by_bytes_by_values_and_by_what_is_sampled() {
    let of = |facet: &Facet| bytes(&facet.attributes);
    let is_full = |facet: &Facet| facet.attributes.is_full();
    let promise = Promise { of, bytes_max: 3 << 19, is_idempotent: true, is_full };
    promise.is_kept(&a_stating_touchpoint(400, 2, 1), 400);
    promise.is_kept(&a_stating_touchpoint(40, 60, 4000), 300);
    let is_full = |facet: &Facet| facet.attributes.least().any(|(_, values)| values.is_full());
    let promise = Promise { is_full, ..promise };
    promise.is_kept(&a_stating_touchpoint(2, 60, 3), 300);
    let is_full = |facet: &Facet| facet.attributes.least().any(|(_, values)| values.is_sample_full());
    Promise { is_full, ..promise }.is_kept(&a_stating_touchpoint(2, 400, 250), 400);
}

#[test]
fn what_is_known_of_a_value_is_mergeable_also_beyond_what_is_counted_exactly() {
    let of = |facet: &Facet| bytes(&facet.attributes);
    let is_full = |facet: &Facet| {
        let mut tallies = facet.attributes.least().flat_map(|(_, values)| values.kept());
        tallies.any(|(_, tally)| tally.distinct.count() > 16)
    };
    let promise = Promise { of, bytes_max: 5_000, is_idempotent: true, is_full };
    promise.is_kept(&a_stating_touchpoint(1, 2, 1), 300);
}

#[test]
fn orders_are_mergeable() {
    let of = |facet: &Facet| bytes(&facet.orders);
    let is_full = |facet: &Facet| facet.orders.is_full();
    let promise = Promise { of, bytes_max: 5_300_000, is_idempotent: true, is_full };
    promise.try_with(an_ordering_touchpoint(5), 1..40, 48, false);
    promise.try_with(an_ordering_touchpoint(9_000), 16_000..16_001, 1, true);
}

#[test]
fn decisions_are_mergeable() {
    let of = |facet: &Facet| bytes(&facet.consents);
    let is_full = |facet: &Facet| facet.consents.is_full();
    let promise = Promise { of, bytes_max: 350_000, is_idempotent: true, is_full };
    promise.try_with(a_deciding_touchpoint(3), 1..40, 48, false);
    promise.is_kept(&a_deciding_touchpoint(200), 700);
}

#[test]
fn facets_are_mergeable_where_no_touchpoint_is_in_both() {
    let promise = Promise { of: bytes::<Facet>, bytes_max: 8_000_000, is_idempotent: false, is_full: ALWAYS };
    promise.is_kept(&a_full_touchpoint(), 300);
}
