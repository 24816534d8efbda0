//! All that is kept of what was said of a person, for the person: every value at each set of identifiers, not only those that
//! won. In: the entries of the state of people that are about one person. Out: what was said at each node, in a form that can be
//! read, with the identifiers of that person and of nobody else.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::consent::{ConsentScope, Decision};
use kinfold_model::profile::TimelineEntry;
use kinfold_model::{Amount, Currency, Fault, Namespace, NodeId, OrderStatus, PersonId, Timestamp};

use crate::account::Stated;
use crate::facet::Facet;
use crate::facets::Member;
use crate::people::Held;
use crate::survivor::competitors;
use crate::table::Table;
use crate::values::{Pair, Values};

/// What was said at one set of identifiers.
#[derive(Clone, PartialEq, Eq)]
pub struct Said {
    /// Time of the first touchpoint.
    pub first_seen: Timestamp,
    /// Time of the last.
    pub last_seen: Timestamp,
    /// How many there were.
    pub touchpoints: u64,
    /// As touchpoints had them; only those of the person.
    pub identifiers: Vec<SaidIdentifier>,
    /// By name, value and source.
    pub attributes: Vec<SaidAttribute>,
    /// By id and source.
    pub orders: Vec<SaidOrder>,
    /// The last touchpoints, newest first.
    pub timeline: Vec<TimelineEntry>,
    /// The beginnings of the half-hours in which there was a touchpoint.
    pub active: Vec<Timestamp>,
    /// By purpose and channel.
    pub consents: Vec<SaidConsent>,
}

/// An identifier that touchpoints carried.
#[derive(Clone, PartialEq, Eq)]
pub struct SaidIdentifier {
    /// The node that the identity graph knows.
    pub node: NodeId,
    /// As the source named it.
    pub namespace: Namespace,
    /// Normalised.
    pub value: String,
    /// When it was first there.
    pub first_seen: Timestamp,
    /// When it was last there.
    pub last_seen: Timestamp,
    /// When a source last said that it has verified it.
    pub verified: Option<Timestamp>,
}

/// What was said of an attribute.
#[derive(Clone, PartialEq, Eq)]
pub struct SaidAttribute {
    /// Of the attribute.
    pub name: String,
    /// One of its values, and what is known of it.
    pub stated: Stated,
}

/// What a source said of an order.
#[derive(Clone, PartialEq, Eq)]
pub struct SaidOrder {
    /// Its id.
    pub order_id: String,
    /// Who said it.
    pub source: String,
    /// When the source first reported it.
    pub placed: Timestamp,
    /// In units of `currency`.
    pub value: Amount,
    /// Of the value.
    pub currency: Currency,
    /// How many articles; 0 when nobody said.
    pub items: i64,
    /// What became of it.
    pub status: OrderStatus,
    /// How much was paid back.
    pub refunded: Amount,
    /// When the source last reported it.
    pub time: Timestamp,
}

/// A decision, with its evidence.
#[derive(Clone, PartialEq, Eq)]
pub struct SaidConsent {
    /// About what.
    pub scope: ConsentScope,
    /// What was decided.
    pub decision: Decision,
    /// When.
    pub time: Timestamp,
    /// When a yes ends by itself; `None`: it does not.
    pub expires: Option<Timestamp>,
    /// Who reported it.
    pub source: String,
    /// The legal basis, if it was stated.
    pub basis: Option<String>,
    /// The law, if it was stated.
    pub jurisdiction: Option<String>,
    /// The signal that it was read from; `None` for one that was stated.
    pub signal: Option<String>,
    /// Which text was shown, if it was stated.
    pub wording: Option<String>,
    /// Whether the person confirmed a yes.
    pub confirmed: bool,
}

/// What the keys of all entries of a person begin with.
#[must_use]
pub fn prefix(person: PersonId) -> Vec<u8> {
    Table::Member.key(&[person.as_bytes()])
}

/// The node of an entry whose key begins with [`prefix`], and what is with the person; a node that has left keeps an entry without a
/// member.
pub(crate) fn held(key: &[u8], value: &[u8]) -> Result<(NodeId, Option<Member>), Fault> {
    let node = key.get(17..).and_then(|node| <[u8; 16]>::try_from(node).ok());
    let node = node.filter(|_| key.first() == Some(&Table::Member.tag())).map(NodeId::from_bytes);
    let node = node.ok_or_else(|| Table::Member.corrupt("its key is not that of a person and a node"))?;
    let held: Held = Table::Member.decode(value)?;
    Ok((node, held.member))
}

/// Whether somebody may be used for nothing, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Restricted {
    /// Nothing is held of them where it was looked: they may be or not.
    #[default]
    Unknown,
    /// They are not.
    No,
    /// They are, since then.
    Since(Timestamp),
}

/// What the entries of one person hold.
#[derive(Default)]
pub struct Disclosure {
    /// The identifiers that are theirs now.
    own: BTreeSet<NodeId>,
    /// By the node at which it was said.
    said: BTreeMap<NodeId, Said>,
    /// Whether they are restricted.
    restricted: Restricted,
}

impl Restricted {
    /// What one member more says of its person.
    fn and(self, since: Option<Timestamp>) -> Self {
        match (self, since) {
            (Self::Since(one), Some(other)) => Self::Since(one.min(other)),
            (Self::Unknown | Self::No, Some(since)) | (Self::Since(since), None) => Self::Since(since),
            (Self::Unknown | Self::No, None) => Self::No,
        }
    }
}

impl Disclosure {
    /// Takes in an entry whose key begins with [`prefix`].
    ///
    /// # Errors
    /// [`Fault::Corrupt`].
    pub fn take(&mut self, key: &[u8], value: &[u8]) -> Result<(), Fault> {
        let (node, Some(member)) = held(key, value)? else { return Ok(()) };
        if !node.is_sighting() {
            self.own.insert(node);
        }
        self.restricted = self.restricted.and(member.restricted);
        self.said.extend(member.facet.map(|facet| (node, Said::of(facet))));
        Ok(())
    }

    /// Whether an identifier is the person's, as far as the entries say that were taken in.
    #[must_use]
    pub fn has(&self, identifier: NodeId) -> bool {
        self.own.contains(&identifier)
    }

    /// Whether nothing of the person may be used, as far as the entries say that were taken in.
    #[must_use]
    pub fn restricted(&self) -> Restricted {
        self.restricted
    }

    /// What was said, by the node at which it was. A touchpoint may have named others beside the person: their identifiers are left
    /// out, and so are those that are nobody's.
    #[must_use]
    pub fn into_said(self) -> BTreeMap<NodeId, Said> {
        let Self { own, mut said, .. } = self;
        for one in said.values_mut() {
            one.identifiers.retain(|identifier| own.contains(&identifier.node));
        }
        said
    }
}

impl Said {
    fn of(facet: Facet) -> Self {
        let attributes = facet.attributes.least().flat_map(|(name, values)| {
            let said = move |stated| SaidAttribute { name: name.to_owned(), stated };
            all_stated(values).into_iter().map(said)
        });
        let orders = facet.orders.iter().map(|(by, order)| SaidOrder {
            order_id: by.order_id.clone(),
            source: by.source.clone(),
            placed: order.placed,
            value: order.newest.value,
            currency: order.newest.currency.clone(),
            items: order.newest.items,
            status: order.newest.status,
            refunded: order.newest.refunded,
            time: order.newest.time,
        });
        let consents = facet.consents.iter().map(|(scope, stated)| SaidConsent {
            scope: scope.clone(),
            decision: stated.decision,
            time: stated.time,
            expires: stated.expires,
            source: stated.source.clone(),
            basis: stated.basis.clone(),
            jurisdiction: stated.jurisdiction.clone(),
            signal: stated.signal.clone(),
            wording: stated.wording.clone(),
            confirmed: stated.confirmed,
        });
        Self {
            first_seen: facet.span.first,
            last_seen: facet.span.last,
            touchpoints: facet.counts.touchpoints(),
            attributes: attributes.collect(),
            orders: orders.collect(),
            timeline: facet.timeline.newest().cloned().collect(),
            active: facet.activity.begins().collect(),
            consents: consents.collect(),
            identifiers: facet
                .identifiers
                .into_iter()
                .map(|(identifier, carriage)| SaidIdentifier {
                    node: identifier.node,
                    namespace: identifier.namespace,
                    value: identifier.value,
                    first_seen: carriage.span.first,
                    last_seen: carriage.span.last,
                    verified: carriage.verified,
                })
                .collect(),
        }
    }
}

/// Every value, by value and source, also those that did not win, and those that are only counted.
fn all_stated(values: &Values) -> Vec<Stated> {
    let beyond = values.beyond();
    let competitors = competitors(values, &beyond);
    let mut all: BTreeMap<&Pair, Stated> =
        competitors.iter().map(|one| (one.pair, Stated::of(one))).collect();
    for (pair, touchpoints, span) in values.counted() {
        let stated = all.remove(pair).unwrap_or_else(|| Stated {
            value: pair.value.clone(),
            source: pair.source.clone(),
            first: span.first,
            last: span.last,
            touchpoints: None,
            verified: None,
        });
        all.insert(pair, stated.counted(touchpoints, span));
    }
    all.into_values().collect()
}
