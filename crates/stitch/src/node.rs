//! What the owner of an identifier or a sighting remembers about it.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::{Contested, Mark, Marks, Namespace, NamespaceRules, NodeId, PersonId, Rules, Timestamp};
use serde::{Deserialize, Serialize};

use crate::component::Told;
use crate::op::Seen;
use crate::witness::{Evidence, Witness};

/// A node of the identity graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Itself, when it keeps a component record; else a node of higher rank, which leads to the root.
    pub root: NodeId,
    /// The epoch of the last pointer it took; 0 before the first.
    pub epoch: u64,
    /// The person it was last told; `None` until then, and when it belongs to nobody.
    pub person: Option<PersonId>,
    /// Its last assignment said that it is erased. The next pointer is told whatever it says, also if it is to the same person.
    pub bade_farewell: bool,
    /// What it last told its root.
    pub told: Told,
    /// What touchpoints said at exactly this set of identifiers.
    pub witness: Witness,
    /// What is particular to its kind.
    pub part: Part,
}

/// What is particular to a kind of node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// One identifier.
    Identifier(Standing),
    /// A set of identifiers that touchpoints had.
    Sighting(Company),
    /// Two identifiers that a steward linked.
    Bond(Company),
}

/// That an identifier is erased, or was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// How far, and from which time on it counts again.
    pub mark: Mark,
    /// The sightings that it was part of then, and those that came since, as many as are stored of an identifier: a second request
    /// has to wait for them, and they are told when the mark is lifted.
    pub sightings: BTreeSet<NodeId>,
}

/// Why an identifier links, or does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Its namespace.
    pub namespace: Namespace,
    /// How many sightings it was ever part of, as far as they were counted.
    pub sightings: u32,
    /// Least first time of the sightings that it is part of.
    pub earliest: Option<Timestamp>,
    /// It is part of more sightings than are stored of it; none is stored any more. That cannot be undone.
    pub overflowed: bool,
    /// It was seen with more others than its namespace allows.
    pub crowded: bool,
    /// It was taken out of a component that had grown too large.
    pub shed: bool,
    /// Capture found it on the block list.
    pub blocked: bool,
    /// It is the node of a value on the block list.
    pub listed: bool,
    /// What stewards said about it.
    pub orders: Orders,
    /// It is erased, or came back since.
    pub erased: Option<Erased>,
}

/// What the standing commands of stewards about one identifier amount to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orders {
    /// It says nothing about anybody.
    pub blocked: bool,
    /// It is not quarantined, whatever its neighbours.
    pub released: bool,
    /// See [`Told::apart`].
    pub apart: BTreeMap<NodeId, Timestamp>,
    /// Sources that count for nothing in what they say about it.
    pub distrusted: BTreeSet<String>,
}

/// The identifiers of a sighting or of a steward's link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Company {
    /// Sorted by node.
    pub identifiers: Vec<Seen>,
    /// Those of them that are blocked.
    pub blocked: BTreeSet<NodeId>,
    /// Of a steward's link: the time of the newest command that stands, and was given when neither of the two was erased; `None` when
    /// there is none.
    pub since: Option<Timestamp>,
    /// Those of them that are erased, or were.
    pub marks: Marks,
}

impl Standing {
    /// An identifier that nobody has seen yet.
    #[must_use]
    pub fn new(namespace: Namespace, listed: bool) -> Self {
        Self {
            namespace,
            listed,
            sightings: 0,
            earliest: None,
            overflowed: false,
            crowded: false,
            shed: false,
            blocked: false,
            orders: Orders::default(),
            erased: None,
        }
    }

    /// Whether it links nothing because of what it was seen with.
    #[must_use]
    pub fn is_quarantined(&self) -> bool {
        self.overflowed || ((self.crowded || self.shed) && !self.orders.released)
    }

    /// Whether it says nothing about anybody.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.blocked || self.listed || self.orders.blocked || self.is_erased()
    }

    /// Whether it is erased and has not come back.
    #[must_use]
    pub fn is_erased(&self) -> bool {
        self.erased.as_ref().is_some_and(|erased| erased.mark.holds())
    }

    /// Whether its sightings know that it is blocked: those that are not stored cannot be told. Those of an erased one know
    /// more than that.
    #[must_use]
    pub fn blocks_sightings(&self) -> bool {
        self.is_blocked() && !self.overflowed && !self.is_erased()
    }
}

impl Company {
    /// Identifiers that keep this company.
    #[must_use]
    pub fn new(identifiers: Vec<Seen>) -> Self {
        Self { identifiers, blocked: BTreeSet::new(), since: None, marks: Marks::default() }
    }

    /// The identifiers that are not blocked, each with whether it is a device: what the marks of some of them are judged by.
    #[must_use]
    pub fn unblocked(&self, rules: &Rules) -> BTreeMap<NodeId, bool> {
        let is_device = |seen: &Seen| {
            rules.namespace(&seen.namespace).is_some_and(|rules| rules.contested == Contested::Apart)
        };
        let unblocked = self.identifiers.iter().filter(|seen| !seen.blocked);
        unblocked.map(|seen| (seen.node, is_device(seen))).collect()
    }

    /// Of a steward's link: whether what was said of it at this time is forgotten with one of the two. Whoever comes back does so later
    /// than the erasure, so that it never counts again.
    #[must_use]
    pub fn forgets(&self, time: Timestamp) -> bool {
        self.marks.iter().filter_map(|(_, mark)| mark.erased()).any(|erased| time <= erased)
    }
}

impl Node {
    /// A node that nobody has joined yet, and of which nothing is said yet.
    #[must_use]
    pub fn new(id: NodeId, part: Part) -> Self {
        let (told, witness) = (Told::default(), Witness::default());
        Self { root: id, epoch: 0, person: None, bade_farewell: false, told, witness, part }
    }

    /// The namespace of an identifier; `None` for a sighting.
    #[must_use]
    pub fn namespace(&self) -> Option<&Namespace> {
        self.standing().map(|standing| &standing.namespace)
    }

    /// Whether a steward's command of this time says nothing. One for a link may be about two who come back, or have: it is kept.
    #[must_use]
    pub fn ignores_command(&self, time: Timestamp) -> bool {
        match &self.part {
            Part::Bond(company) => company.forgets(time),
            Part::Identifier(_) | Part::Sighting(_) => self.is_gone(),
        }
    }

    /// Whether touchpoints at exactly these identifiers say nothing any more, of whatever time.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        match &self.part {
            Part::Identifier(standing) => standing.is_erased(),
            Part::Sighting(company) | Part::Bond(company) => company.marks.counts_from().is_none(),
        }
    }

    /// Whether a touchpoint of this time at exactly these identifiers says nothing.
    #[must_use]
    pub fn suppresses(&self, time: Timestamp) -> bool {
        match &self.part {
            Part::Identifier(standing) => {
                standing.erased.as_ref().is_some_and(|erased| erased.mark.reach(time).is_some())
            }
            Part::Sighting(company) | Part::Bond(company) => company.marks.is_gone(time),
        }
    }

    /// When touchpoints named this identifier of a sighting, as far as that counts; `None` when none does.
    #[must_use]
    pub fn names(&self, identifier: NodeId) -> Option<Evidence> {
        let back = self.company().map_or(Some(Timestamp::MIN), |company| company.marks.back(identifier));
        self.witness.evidence_since(back?)
    }

    /// Whether nobody is left of a sighting who says something.
    fn is_silenced(&self, company: &Company) -> bool {
        let is_silent = |node| {
            company.blocked.contains(&node)
                || (company.marks.get(node).is_some() && self.names(node).is_none())
        };
        company.identifiers.iter().all(|seen| is_silent(seen.node))
    }

    /// Whether it is an identifier that links nothing because of what it was seen with.
    #[must_use]
    pub fn is_quarantined(&self) -> bool {
        self.standing().is_some_and(Standing::is_quarantined)
    }

    /// Of an identifier.
    #[must_use]
    pub fn standing(&self) -> Option<&Standing> {
        match &self.part {
            Part::Identifier(standing) => Some(standing),
            Part::Sighting(_) | Part::Bond(_) => None,
        }
    }

    /// Of a sighting or a steward's link.
    #[must_use]
    pub fn company(&self) -> Option<&Company> {
        match &self.part {
            Part::Identifier(_) => None,
            Part::Sighting(company) | Part::Bond(company) => Some(company),
        }
    }

    /// What it should tell its root.
    #[must_use]
    pub fn telling(&self) -> Told {
        let Told { version, cut, .. } = self.told;
        let evidence = self.witness.evidence();
        match &self.part {
            Part::Identifier(standing) => {
                let blocked = standing.is_blocked();
                let seen = evidence.map(|evidence| evidence.first_seen);
                Told {
                    version,
                    cut,
                    first_seen: seen.into_iter().chain(standing.earliest).min().filter(|_| !blocked),
                    last_seen: Timestamp::default(),
                    silent: blocked || standing.is_quarantined(),
                    bond: false,
                    apart: standing.orders.apart.clone(),
                }
            }
            Part::Sighting(company) => {
                let evidence = evidence.filter(|_| !self.is_silenced(company));
                Told {
                    version,
                    cut,
                    first_seen: evidence.map(|evidence| evidence.first_seen),
                    last_seen: evidence.map(|evidence| evidence.last_seen).unwrap_or_default(),
                    silent: evidence.is_none(),
                    ..Told::default()
                }
            }
            Part::Bond(company) => Told {
                version,
                cut,
                last_seen: company.since.unwrap_or_default(),
                silent: company.since.is_none(),
                bond: true,
                ..Told::default()
            },
        }
    }
}

/// A sighting or a steward's link, as one of its identifiers remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// When the sighting was first seen. `None` for a steward's link, and for one of which nothing says any more
    /// that it was.
    pub first_seen: Option<Timestamp>,
    /// Whether it counts.
    pub stands: bool,
    /// Whether a steward made it.
    pub bond: bool,
    /// The version of what it told its root when this was heard of it.
    pub version: u64,
    /// All its identifiers, the owner of this among them.
    pub identifiers: Vec<Seen>,
}

/// Whether an identifier was seen with more distinct others than the rules of its namespace allow.
#[must_use]
pub fn is_crowded<'l>(own: NodeId, links: impl Iterator<Item = &'l Link>, rules: &NamespaceRules) -> bool {
    let limit = &rules.max_neighbours;
    let others: BTreeMap<NodeId, &Namespace> = links
        .filter(|link| link.stands && !link.bond)
        .flat_map(|link| &link.identifiers)
        .filter(|seen| seen.node != own)
        .map(|seen| (seen.node, &seen.namespace))
        .collect();
    let of = |namespace: &Namespace| others.values().filter(|other| **other == namespace).count();
    others.len() > limit.total as usize
        || limit.of.iter().any(|(namespace, most)| of(namespace) > *most as usize)
}
