//! A facet: all that the touchpoints of one sighting said.
//!
//! Touchpoints go in, in any order and any number of times; the same set of touchpoints gives the same facet, byte by
//! byte. Two facets combine to what their touchpoints together would have given ([`Facet::merge`]), which is how a
//! profile is folded. Facets of different sightings share no touchpoint, hence counts may be added.
//!
//! A facet is sent and stored whole, so it is bounded: of too many names of one kind it keeps the least, which is again a
//! function of the set of touchpoints.

use std::collections::BTreeSet;
use std::fmt;

use kinfold_model::{NodeId, Timestamp, Touchpoint, TouchpointIdentifier};
use serde::{Deserialize, Serialize};

use crate::counts::Counts;
use crate::decisions::Decisions;
use crate::delivery::{Deliveries, StatedDelivery};
use crate::span::{Carried, Span};
use crate::winners::{StatedAttribute, StatedOrder, Winners};

/// What was said at one sighting. `Debug` prints counts only, for the rest is personal data.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facet {
    pub(crate) span: Span,
    pub(crate) counts: Counts,
    pub(crate) identifiers: Carried,
    pub(crate) attributes: Winners<StatedAttribute>,
    /// By order id.
    pub(crate) orders: Winners<StatedOrder>,
    pub(crate) consents: Decisions,
    /// Of the addresses that it carries.
    pub(crate) deliveries: Deliveries,
}

impl Facet {
    /// Whether it keeps as many attributes, orders, consents or channels as a facet may, so that more names would go unheard.
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
            identifiers: Carried::default(),
            attributes: Winners::default(),
            orders: Winners::default(),
            consents: Decisions::default(),
            deliveries: Deliveries::default(),
        };
        facet.absorb(touchpoint, struck, true);
        facet
    }

    /// Takes in what a touchpoint said, and counts it when its id is new to this sighting. Says whether the facet is
    /// another one now. A repeated id may say other things than before: they compete like those of any touchpoint. Identifiers
    /// that `struck` names are left out.
    pub fn absorb(&mut self, touchpoint: &Touchpoint, struck: &BTreeSet<NodeId>, first_time: bool) -> bool {
        let channel = touchpoint.channel.as_deref();
        let mut changed = first_time | channel.is_some_and(|channel| self.counts.name(channel));
        if first_time {
            self.counts.count(channel);
        }
        let span = Span::at(touchpoint.time);
        changed |= self.span.cover(span);
        for identifier in touchpoint.identifiers.iter().filter(|one| !struck.contains(&one.node)) {
            changed |= self.identifiers.carry(identifier, span);
        }
        changed |= self.absorb_attributes(touchpoint);
        changed |= self.absorb_order(touchpoint);
        for consent in &touchpoint.consents {
            changed |= self.consents.enter(consent, &touchpoint.source);
        }
        if let Some((address, statement)) =
            StatedDelivery::of(touchpoint).filter(|(address, _)| !struck.contains(address))
        {
            changed |= self.deliveries.enter(address, statement);
        }
        changed
    }

    /// Takes out an identifier and what is known of it as an address.
    pub fn strike(&mut self, node: NodeId) {
        self.identifiers.strike(node);
        self.deliveries.strike(node);
    }

    /// A touchpoint that was counted for one channel counts for another instead; `None` is no channel.
    pub fn recount(&mut self, from: Option<&str>, to: Option<&str>) {
        self.counts.recount(from, to);
    }

    /// Takes in the facet of another sighting. Commutative and associative.
    pub fn merge(&mut self, other: Self) {
        self.span.cover(other.span);
        self.counts.merge(other.counts);
        self.identifiers.merge(other.identifiers);
        self.attributes.merge(other.attributes);
        self.orders.merge(other.orders);
        self.consents.merge(other.consents);
        self.deliveries.merge(other.deliveries);
    }

    fn absorb_attributes(&mut self, touchpoint: &Touchpoint) -> bool {
        let mut changed = false;
        for (name, value) in &touchpoint.attributes {
            let statement = StatedAttribute {
                time: touchpoint.time,
                touchpoint_id: touchpoint.touchpoint_id.clone(),
                value: value.clone(),
                source: touchpoint.source.clone(),
            };
            changed |= self.attributes.enter(name, statement);
        }
        changed
    }

    fn absorb_order(&mut self, touchpoint: &Touchpoint) -> bool {
        touchpoint.order.as_ref().is_some_and(|order| {
            let statement = StatedOrder {
                time: touchpoint.time,
                touchpoint_id: touchpoint.touchpoint_id.clone(),
                value: order.value,
                currency: order.currency.clone(),
                items: order.items,
            };
            self.orders.enter(&order.order_id, statement)
        })
    }
}

impl fmt::Debug for Facet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "facet of {} touchpoints and {} orders", self.counts.touchpoints(), self.orders.len())
    }
}
