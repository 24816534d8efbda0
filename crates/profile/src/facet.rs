//! A facet: all that the touchpoints of one sighting said.
//!
//! Touchpoints go in, in any order and any number of times; the same set of touchpoints gives the same facet, byte by
//! byte. Two facets combine to what their touchpoints together would have given, but for names that found no room
//! ([`Facet::merge`]), which is how a profile is folded. Facets of different sightings share no touchpoint, hence counts may be added.
//!
//! Each structure of it has a form by a number of its own (`forms.rs`), so that one can change while the others stay.
//!
//! A facet is sent and stored whole, so it is bounded: of too many names of one kind it keeps the least, and of too many times
//! the latest, which is again a function of the set of touchpoints.

use std::collections::BTreeSet;
use std::fmt;

use kinfold_model::{NodeId, Timestamp, Touchpoint, TouchpointIdentifier, versioned};
use serde::{Deserialize, Serialize};

use crate::activity::Activity;
use crate::attributes::Attributes;
use crate::counted::Counted;
use crate::counts::Counts;
use crate::decisions::Decisions;
use crate::delivery::{Deliveries, StatedDelivery};
use crate::named::Named;
use crate::orders::Orders;
use crate::span::{Carriage, Carried, Span};
use crate::timeline::Timeline;

/// What was said at one sighting. `Debug` prints counts only, for the rest is personal data.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facet {
    #[serde(with = "versioned")]
    pub(crate) span: Span,
    #[serde(with = "versioned")]
    pub(crate) counts: Counts,
    /// By channel, from when to when.
    #[serde(with = "versioned")]
    pub(crate) channel_seen: Named<Span>,
    #[serde(with = "versioned")]
    pub(crate) activity: Activity,
    #[serde(with = "versioned")]
    pub(crate) timeline: Timeline,
    #[serde(with = "versioned")]
    pub(crate) identifiers: Carried,
    #[serde(with = "versioned")]
    pub(crate) attributes: Attributes,
    /// By order id and source.
    #[serde(with = "versioned")]
    pub(crate) orders: Orders,
    #[serde(with = "versioned")]
    pub(crate) consents: Decisions,
    /// Of the addresses, numbers and accounts that it carries.
    #[serde(with = "versioned")]
    pub(crate) deliveries: Deliveries,
}

impl Facet {
    /// Whether it keeps as many attributes, reports of orders, consents, channels or types as a facet may, so that more names would
    /// go unheard.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.attributes.is_full() || self.orders.is_full() || self.consents.is_full() || self.counts.is_full()
    }

    /// The identifiers that its touchpoints carried.
    pub fn identifiers(&self) -> impl Iterator<Item = &TouchpointIdentifier> {
        self.identifiers.identifiers()
    }

    /// How many touchpoints it is made of.
    #[must_use]
    pub fn touchpoints(&self) -> u64 {
        self.counts.touchpoints()
    }

    /// How many decisions against a purpose it has.
    #[must_use]
    pub fn denials(&self) -> u64 {
        self.consents.denials()
    }

    /// The least time of its touchpoints.
    #[must_use]
    pub fn first_seen(&self) -> Timestamp {
        self.span.first
    }

    /// The least time of those that carried this identifier, however it was written; `None` when none does.
    #[must_use]
    pub fn first_seen_with(&self, node: NodeId) -> Option<Timestamp> {
        self.identifiers.first_seen(node)
    }

    /// The facet of a sighting whose first touchpoint this is. What `struck` names is left out, as by [`Self::absorb`].
    #[must_use]
    pub fn new(touchpoint: &Touchpoint, struck: &BTreeSet<NodeId>) -> Self {
        let mut facet = Self {
            span: Span::at(touchpoint.time),
            counts: Counts::default(),
            channel_seen: Named::default(),
            activity: Activity::default(),
            timeline: Timeline::default(),
            identifiers: Carried::default(),
            attributes: Attributes::default(),
            orders: Orders::default(),
            consents: Decisions::default(),
            deliveries: Deliveries::default(),
        };
        facet.absorb(touchpoint, struck, true);
        facet
    }

    /// Takes in what a touchpoint said, and counts it when its source and id are new to this sighting. Says whether the facet is
    /// another one now. A repeated one may say other things than before: they compete like those of any touchpoint. Identifiers
    /// that `struck` names are left out.
    pub fn absorb(&mut self, touchpoint: &Touchpoint, struck: &BTreeSet<NodeId>, first_time: bool) -> bool {
        let counted = Counted::of(touchpoint);
        let mut changed = first_time | self.counts.name(&counted);
        if first_time {
            self.counts.count(&counted);
        }
        let span = Span::at(touchpoint.time);
        changed |= self.span.cover(span);
        changed |= touchpoint.channel.as_deref().is_some_and(|channel| self.see_by(channel, span));
        changed |= self.activity.note(touchpoint.time);
        changed |= self.timeline.note(touchpoint);
        for identifier in touchpoint.identifiers.iter().filter(|one| !struck.contains(&one.node)) {
            changed |= self.identifiers.carry(identifier, Carriage::of(identifier, touchpoint));
        }
        changed |= self.attributes.absorb(touchpoint);
        changed |= self.orders.hear(touchpoint);
        for consent in &touchpoint.consents {
            changed |= self.consents.enter(consent, &touchpoint.source);
        }
        if let Some((node, statement)) =
            StatedDelivery::of(touchpoint).filter(|(node, _)| !struck.contains(node))
        {
            changed |= self.deliveries.enter(node, statement);
        }
        changed
    }

    /// Takes out an identifier and what is known of whether messages arrive there.
    pub fn strike(&mut self, node: NodeId) {
        self.identifiers.strike(node);
        self.deliveries.strike(node);
    }

    /// A touchpoint that was counted as one of its copies counts as another instead.
    pub(crate) fn recount(&mut self, from: &Counted, to: &Counted) {
        self.counts.recount(from, to);
    }

    /// Takes in the facet of another sighting. Commutative and associative.
    pub fn merge(&mut self, other: Self) {
        self.span.cover(other.span);
        self.counts.merge(other.counts);
        self.channel_seen.merge(other.channel_seen, |known, span| _ = known.cover(span));
        self.activity.merge(other.activity);
        self.timeline.merge(other.timeline);
        self.identifiers.merge(other.identifiers);
        self.attributes.merge(other.attributes);
        self.orders.merge(other.orders);
        self.consents.merge(other.consents);
        self.deliveries.merge(other.deliveries);
    }

    fn see_by(&mut self, channel: &str, span: Span) -> bool {
        match self.channel_seen.get_mut(channel) {
            Some(known) => known.cover(span),
            None => self.channel_seen.enter(channel, span),
        }
    }
}

impl fmt::Debug for Facet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "facet of {} touchpoints and {} orders", self.counts.touchpoints(), self.orders.len())
    }
}
