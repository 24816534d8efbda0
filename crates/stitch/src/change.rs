//! A node changes: it remembers, tells its root what it has become, and tells those who have to do with it.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::{ChangeRule, Fault, Mark, NodeId, Timestamp};

use crate::component::{Asked, Told};
use crate::journal::Note;
use crate::node::{Link, Node, Part, Standing};
use crate::op::{Body, Errand, LinkNews};
use crate::protocol::Step;

/// What others have to know of a node.
#[derive(Clone, PartialEq, Eq)]
struct Stance {
    /// Whether anything says that exactly this was seen; of a steward's link, whether it stands.
    stands: bool,
    /// Of a sighting.
    first_seen: Option<Timestamp>,
    /// Its edges are void.
    silent: bool,
    /// Of an identifier: its sightings know that it is blocked.
    blocks: bool,
    /// Of an identifier.
    distrusted: BTreeSet<String>,
    /// Of an identifier.
    erased: bool,
    /// Of a sighting: when it was first seen with each of its identifiers that came back; `None` as long as it was not.
    returned: BTreeMap<NodeId, Option<Timestamp>>,
}

impl Stance {
    /// Of a node that is not there yet: its sightings, or its identifiers, have heard nothing.
    fn of_nobody(id: NodeId) -> Self {
        let (silent, distrusted, returned) = (id.is_sighting(), BTreeSet::new(), BTreeMap::new());
        Self { stands: false, first_seen: None, silent, blocks: false, distrusted, erased: false, returned }
    }

    fn of(node: &Node, told: &Told) -> Self {
        let evidence = node.witness.evidence();
        let silent = told.silent;
        match &node.part {
            Part::Identifier(standing) => Self {
                stands: evidence.is_some(),
                first_seen: None,
                silent,
                blocks: standing.blocks_sightings(),
                distrusted: if standing.overflowed {
                    BTreeSet::new()
                } else {
                    standing.orders.distrusted.clone()
                },
                erased: standing.is_erased(),
                returned: BTreeMap::new(),
            },
            Part::Sighting(company) => Self {
                stands: evidence.is_some(),
                first_seen: evidence.map(|evidence| evidence.first_seen),
                silent,
                blocks: false,
                distrusted: BTreeSet::new(),
                erased: false,
                returned: company
                    .marks
                    .iter()
                    .filter(|(_, mark)| !mark.holds())
                    .map(|(id, _)| (id, node.names(id).map(|evidence| evidence.first_seen)))
                    .collect(),
            },
            Part::Bond(company) => Self {
                stands: company.since.is_some(),
                first_seen: None,
                silent,
                blocks: false,
                distrusted: BTreeSet::new(),
                erased: false,
                returned: BTreeMap::new(),
            },
        }
    }
}

impl Stance {
    /// Whether a sighting that still says something was not seen any more with one of its identifiers that came back. Its root knows
    /// no single edge to go: what is left of them is joined again.
    fn parts_from(&self, was: &Self) -> bool {
        let is_left = |id| self.returned.get(id).is_some_and(Option::is_none);
        !self.silent && was.returned.iter().any(|(id, seen)| seen.is_some() && is_left(id))
    }
}

impl Step<'_> {
    /// Changes a node, which comes into being if it is not there, and brings everybody in line with what it has become.
    pub(crate) fn change(
        &mut self,
        id: NodeId,
        new: impl FnOnce() -> Part,
        act: impl FnOnce(&mut Node),
    ) -> Result<(), Fault> {
        if self.desk.node(id, self.state)?.is_some() {
            return self.change_known(id, act);
        }
        let mut node = Node::new(id, new());
        act(&mut node);
        node.told = Told { version: 1, ..node.telling() };
        let (was, is) = (Stance::of_nobody(id), Stance::of(&node, &node.told));
        self.note(id, node.standing(), &was, &is);
        self.desk.appear(id, node);
        if is.silent && !id.is_sighting() {
            // It will have no edge to wait for.
            self.stand_alone(id);
        }
        self.spread(id, &was, &is)
    }

    /// As [`Self::change`], of a node that must be there.
    pub(crate) fn change_known(&mut self, id: NodeId, act: impl FnOnce(&mut Node)) -> Result<(), Fault> {
        let node = self.known_mut(id)?;
        let was = Stance::of(node, &node.told);
        act(node);
        let told = node.telling();
        let (root, is) = (node.root, Stance::of(node, &told));
        let is_cut = (is.silent && !was.silent) || is.parts_from(&was);
        let news = (is_cut || !told.says_the_same(&node.told)).then(|| {
            let next = node.told.version + 1;
            // Who goes on speaking has two versions: with one it had no edge, and what it says now is the one after.
            let version = if is_cut && !told.silent { next + 1 } else { next };
            Told { version, cut: if is_cut { next } else { told.cut }, ..told }
        });
        if let Some(told) = &news {
            node.told = told.clone();
        }
        let standing = node.standing().cloned();
        self.note(id, standing.as_ref(), &was, &is);
        if let Some(told) = news {
            self.send(root, Body::Errand(Errand::Tell { node: id, told }));
        }
        self.spread(id, &was, &is)
    }

    /// Notes that an identifier begins or ceases to link.
    fn note(&mut self, id: NodeId, standing: Option<&Standing>, was: &Stance, is: &Stance) {
        let Some(standing) = standing.filter(|_| was.silent != is.silent) else { return };
        let (note, rule) = match standing {
            _ if !is.silent && was.erased => (Note::Returned, ChangeRule::Evidence),
            _ if !is.silent => (Note::Freed, ChangeRule::Quarantine),
            standing if standing.is_erased() => (Note::Erased, ChangeRule::Erasure),
            standing if standing.is_blocked() => (Note::Blocked, ChangeRule::Block),
            standing if standing.shed => (Note::Shed, ChangeRule::MaxComponent),
            _ => (Note::Quarantined, ChangeRule::Quarantine),
        };
        self.because(rule);
        self.journal.note(id, note);
    }

    /// Tells an identifier's sightings, or a sighting's identifiers, what they have to know.
    fn spread(&mut self, id: NodeId, was: &Stance, is: &Stance) -> Result<(), Fault> {
        if id.is_sighting() {
            let speaks_again = was.silent && !is.silent;
            let is_other = (was.stands, was.first_seen) != (is.stands, is.first_seen);
            if speaks_again || is_other || was.returned != is.returned {
                self.tell_identifiers(id)?;
            }
            return Ok(());
        }
        let links_again = was.silent && !is.silent;
        if is.stands && (!was.stands || links_again) {
            // It was seen alone, so it need not wait for an edge.
            self.stand_alone(id);
        }
        if !links_again && was.blocks == is.blocks && was.distrusted == is.distrusted {
            return Ok(());
        }
        let links: Vec<(NodeId, Link)> =
            self.desk.links(id, self.state)?.map(|(sighting, link)| (sighting, link.clone())).collect();
        for (sighting, link) in links {
            if link.bond {
                if links_again && link.stands {
                    self.join(id, sighting, link.version)?;
                }
                continue;
            }
            if was.blocks != is.blocks {
                self.send(sighting, Body::Blocked { identifier: id, stands: is.blocks });
            }
            for source in was.distrusted.symmetric_difference(&is.distrusted) {
                let (source, stands) = (source.clone(), is.distrusted.contains(source));
                self.send(sighting, Body::Distrust { identifier: id, source, stands });
            }
            if links_again && link.stands {
                self.join(id, sighting, link.version)?;
            }
        }
        Ok(())
    }

    /// Asks the root of an identifier to connect it with a sighting, of which it has heard this version.
    pub(crate) fn join(&mut self, id: NodeId, sighting: NodeId, heard: u64) -> Result<(), Fault> {
        let node = self.known(id)?;
        let (root, told) = (node.root, Some(node.told.clone()));
        let asked = Asked { identifier: node.told.version, sighting: heard };
        let join = Errand::Join { node: id, other: sighting, other_root: None, asked, told };
        self.send(root, Body::Errand(join));
        Ok(())
    }

    /// Tells each identifier of a sighting, or of a steward's link, what there is to know of it. One that came back is told of what
    /// was seen since.
    pub(crate) fn tell_identifiers(&mut self, id: NodeId) -> Result<(), Fault> {
        let node = self.known(id)?;
        let Some(company) = node.company() else { return Ok(()) };
        let stance = Stance::of(node, &node.told);
        let bond = matches!(node.part, Part::Bond(_));
        let version = node.told.version;
        let news = company.identifiers.iter().map(|seen| {
            let mark = company.marks.get(seen.node);
            let first_seen = match mark {
                Some(_) if !bond => node.names(seen.node).map(|evidence| evidence.first_seen),
                _ => stance.first_seen,
            };
            let stands = stance.stands && (bond || mark.is_none() || first_seen.is_some());
            let (knows, identifiers) = (mark.and_then(Mark::erased), company.identifiers.clone());
            (seen.node, LinkNews { sighting: id, first_seen, stands, bond, version, knows, identifiers })
        });
        for (to, news) in news.collect::<Vec<_>>() {
            self.send(to, Body::Link(news));
        }
        Ok(())
    }
}
