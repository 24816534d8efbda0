//! A request, and how far it has come.
//!
//! The work on it is a tree: the identifiers that it names ask those of their people, and each of these asks its sightings.
//! A restriction asks the identifiers alone. Every stage confirms every piece of it, in any order and perhaps twice. Stitch
//! says whom it asked and how many, so that it is known when nothing is missing.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::privacy::{
    Confirmation, Demand, PrivacyReceipt, PrivacyScope, ReceiptStatus, StageConfirmation,
};
use kinfold_model::{NodeId, PersonId, Timestamp};
use serde::{Deserialize, Serialize};

/// What was asked for, without values: the same id with something else is another request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(crate) demand: Demand,
    /// When it was first asked for, as its receipt says.
    pub(crate) requested: Timestamp,
    /// Sorted and distinct.
    pub(crate) identifiers: Vec<NodeId>,
}

impl Asked {
    fn is_same(&self, other: &Self) -> bool {
        self.demand == other.demand && self.identifiers == other.identifiers
    }
}

/// What became of an identifier that a request names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Resolution {
    /// It belongs to these people, or nobody, and these nodes were asked. A question that is handled twice may find more.
    Found {
        people: BTreeSet<PersonId>,
        asked: BTreeSet<NodeId>,
        was_erased: bool,
    },
    Unknown,
    Shared,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Case {
    pub(crate) asked: Asked,
    pub(crate) resolved: BTreeMap<NodeId, Resolution>,
    /// As it was last published.
    pub(crate) receipt: PrivacyReceipt,
}

impl Case {
    /// Whether this is what was asked for, once more: the same of the same identifiers. Whoever repeats it may not know any more when they
    /// first asked, and yet did so before it was done.
    ///
    /// # Errors
    /// Why it is another request.
    pub(crate) fn repeated(&self, asked: &Asked) -> Result<(), &'static str> {
        if !self.asked.is_same(asked) {
            return Err("the id was used for another request; give each request an id of its own");
        }
        let is_anew = self.receipt.completed.is_some_and(|completed| asked.requested > completed);
        if is_anew && asked.requested != self.asked.requested {
            return Err(
                "the request with this id was done before; to ask for the same anew, give it an id of its own",
            );
        }
        Ok(())
    }
}

/// A piece of the work on a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Piece {
    /// How many others were asked, and whether an identifier was erased that had not been; when stitch has confirmed it.
    pub(crate) stitch: Option<(u32, bool)>,
    /// How many touchpoints were forgotten; when facets has confirmed it.
    pub(crate) facets: Option<u64>,
    /// Whether facets keeps to what a later request says.
    pub(crate) is_overruled: bool,
    /// The partitions of people that have confirmed it.
    pub(crate) people: BTreeSet<u32>,
    /// How many decisions against a purpose went with the touchpoints, of somebody who may remain.
    pub(crate) denials: u64,
}

/// All pieces of a request that anybody has confirmed, by who asked and who was asked.
#[derive(Debug, Default)]
pub(crate) struct Pieces(pub(crate) BTreeMap<(NodeId, NodeId), Piece>);

/// What a receipt says when some of its work had no effect.
const OVERRULED: &str = "a request with a later time in the log says otherwise of some of these identifiers, and holds; do the clocks of \
                         those who write requests agree? To have your way send it again with another id";

/// What a receipt depends on besides.
pub(crate) struct Wanted {
    /// So many partitions of people have to confirm each piece.
    pub(crate) people: u32,
    /// So long the last copy may live, in milliseconds.
    pub(crate) last_copy_after_ms: i64,
}

/// Which stages have confirmed everything.
struct Done {
    stitch: bool,
    facets: bool,
    people: bool,
}

impl Resolution {
    /// Both, where the question was handled twice.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (
                Self::Found { mut people, mut asked, was_erased },
                Self::Found { people: more, asked: others, .. },
            ) => {
                people.extend(more);
                asked.extend(others);
                Self::Found { people, asked, was_erased }
            }
            (found @ Self::Found { .. }, _) | (_, found @ Self::Found { .. }) => found,
            (first, _) => first,
        }
    }
}

impl Piece {
    /// What comes again says the same, or that there was nothing left to do.
    pub(crate) fn confirm(&mut self, by: Confirmation) {
        match by {
            Confirmation::Stitch { asked, is_new } => {
                let (most, ever_new) = self.stitch.unwrap_or_default();
                self.stitch = Some((most.max(asked), ever_new || is_new));
            }
            Confirmation::Facets { touchpoints, denials } => {
                self.facets = Some(self.facets.unwrap_or_default().max(touchpoints));
                self.denials = self.denials.max(denials);
            }
            Confirmation::Overruled => {
                self.facets.get_or_insert(0);
                self.is_overruled = true;
            }
            Confirmation::People { partition } => drop(self.people.insert(partition)),
        }
    }
}

impl Case {
    /// The receipt as it should be now, by all pieces. A stage that had confirmed all of it stays so, with its time.
    pub(crate) fn receipt(&self, pieces: &Pieces, now: Timestamp, wanted: &Wanted) -> PrivacyReceipt {
        let person_ids = self.people();
        let mut receipt = PrivacyReceipt { reasons: self.reasons(), person_ids, ..self.receipt.clone() };
        if self.resolved.len() < self.asked.identifiers.len() {
            return receipt;
        }
        let asked = self.asked();
        if asked.is_empty() {
            let (status, completed) = (ReceiptStatus::Refused, Some(now));
            return PrivacyReceipt { status, completed, ..receipt };
        }
        let done = pieces.confirmed(&asked, wanted.people);
        for (stage, is_done) in [("stitch", done.stitch), ("facets", done.facets), ("people", done.people)] {
            if is_done && receipt.stages.iter().all(|known| known.stage != stage) {
                receipt.stages.push(StageConfirmation { time: now, stage: stage.to_owned() });
            }
        }
        if done.facets && done.people && receipt.status != ReceiptStatus::Done {
            receipt.status = ReceiptStatus::Done;
            receipt.completed = Some(now);
            let erases = matches!(self.asked.demand, Demand::Erase(_));
            receipt.last_copy_gone = erases.then(|| now.plus_millis(wanted.last_copy_after_ms));
            (receipt.identifiers, receipt.sightings, receipt.touchpoints) = pieces.counts();
            receipt.reasons.extend(pieces.denials());
        }
        if pieces.0.values().any(|piece| piece.is_overruled) {
            receipt.reasons.push(OVERRULED.to_owned());
        }
        receipt
    }

    /// Whom the identifiers of the request asked, each with who asked.
    fn asked(&self) -> BTreeSet<(NodeId, NodeId)> {
        let mut all = BTreeSet::new();
        for (identifier, resolution) in &self.resolved {
            if let Resolution::Found { asked, .. } = resolution {
                all.extend(asked.iter().map(|node| (*identifier, *node)));
            }
        }
        all
    }

    fn people(&self) -> Vec<PersonId> {
        let mut all = BTreeSet::new();
        for resolution in self.resolved.values() {
            if let Resolution::Found { people, .. } = resolution {
                all.extend(people);
            }
        }
        all.into_iter().collect()
    }

    /// One sentence for each identifier that leads to no person, with its node instead of its value.
    fn reasons(&self) -> Vec<String> {
        let reasons = self.asked.identifiers.iter().filter_map(|node| {
            let why = match self.resolved.get(node)? {
                Resolution::Found { was_erased: true, .. } => {
                    "had been erased before; what is known by others of the person needs a request that names one of these"
                }
                Resolution::Found { people, .. } if people.is_empty() => match self.asked.demand {
                    Demand::Erase(PrivacyScope::Identifier) => return None,
                    Demand::Erase(PrivacyScope::Person) => {
                        "belonged to nobody, and was erased alone; ask again by another one of the person, if there is one"
                    }
                    Demand::Restrict => {
                        "belonged to nobody, and restricts whoever it belongs to from now on; ask again by another one of the person, if there is one"
                    }
                    Demand::Lift => {
                        "belonged to nobody, and restricts nobody any more; what restricts the person needs another one of theirs, if there is one"
                    }
                },
                Resolution::Found { .. } => return None,
                Resolution::Unknown => {
                    "was never seen; nothing is held under it. Name another one of the person, if there is one"
                }
                Resolution::Shared if self.asked.demand == Demand::Restrict => {
                    "belongs to so many people that it is nobody's; name one of the person's own"
                }
                Resolution::Shared => {
                    "belongs to so many people that it is nobody's; name one of the person's own. To take it out of everything, block it"
                }
            };
            Some(format!("the identifier with node {node} {why}"))
        });
        reasons.collect()
    }
}

impl Pieces {
    /// `asked` are the nodes that the identifiers of the request asked, with who asked. How many sightings each of them asked in turn
    /// is known once stitch has confirmed it, and so whether any is missing.
    fn confirmed(&self, asked: &BTreeSet<(NodeId, NodeId)>, people_partitions: u32) -> Done {
        let mut wanted: BTreeMap<NodeId, u64> = BTreeMap::new();
        let mut are_told = true;
        for place in asked {
            match self.0.get(place).and_then(|piece| piece.stitch) {
                Some((count, _)) => {
                    let most = wanted.entry(place.1).or_default();
                    *most = u64::from(count).max(*most);
                }
                None => are_told = false,
            }
        }
        let mut told: BTreeMap<NodeId, u64> = BTreeMap::new();
        for ((by, _), _) in
            self.0.iter().filter(|((_, node), piece)| node.is_sighting() && piece.stitch.is_some())
        {
            *told.entry(*by).or_default() += 1;
        }
        let is_whole = |(node, count): (&NodeId, &u64)| told.get(node).copied().unwrap_or_default() >= *count;
        let stitch = are_told && wanted.iter().all(is_whole);
        let all = |is_done: &dyn Fn(&Piece) -> bool| stitch && self.0.values().all(is_done);
        Done {
            stitch,
            facets: all(&|piece| piece.facets.is_some()),
            people: all(&|piece| piece.people.len() as u64 >= u64::from(people_partitions)),
        }
    }

    /// Identifiers that something was new to, sightings, and touchpoints.
    fn counts(&self) -> (i64, i64, i64) {
        let is_new = |piece: &Piece| piece.stitch.is_some_and(|(_, is_new)| is_new);
        // One that several identifiers of the request asked is one.
        let identifiers: BTreeSet<NodeId> =
            self.0.iter().filter(|(_, piece)| is_new(piece)).map(|((_, node), _)| *node).collect();
        let nodes = self.0.keys().map(|(_, node)| *node);
        let sightings: BTreeSet<NodeId> = nodes.filter(|node| node.is_sighting()).collect();
        let touchpoints = self.sum(|piece| piece.facets.unwrap_or_default());
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        (number(identifiers.len()), number(sightings.len()), i64::try_from(touchpoints).unwrap_or(i64::MAX))
    }

    /// What the receipt says of decisions against a purpose that went with touchpoints; `None` where none did.
    fn denials(&self) -> Option<String> {
        let denials = self.sum(|piece| piece.denials);
        (denials > 0).then(|| {
            format!(
                "with touchpoints that named nothing but what is erased, or devices besides, decisions against a purpose were forgotten: \
                 {denials}. They hold for nobody any more, and an older yes may count again; of whoever remains state them anew, at \
                 another identifier"
            )
        })
    }

    /// Over all nodes. Of a node that several asked each tells all, or that nothing was left.
    fn sum(&self, of: impl Fn(&Piece) -> u64) -> u64 {
        let mut told: BTreeMap<NodeId, u64> = BTreeMap::new();
        for ((_, node), piece) in &self.0 {
            let most = told.entry(*node).or_default();
            *most = of(piece).max(*most);
        }
        told.values().sum()
    }
}
