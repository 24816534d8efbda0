//! The first stage: touchpoints and assignments in, both keyed by node; facets on their way to people out, and word of
//! touchpoints that were sent again.
//!
//! The facet of a sighting is joined with the person its node is assigned to, whichever came first. It is sent whole,
//! with a version that rises with each message of its node. When a node changes its person, the new one is told
//! before the old one, so that a facet may for a moment be with two people but is with none only while its node
//! belongs to nobody. Several changes of a node within a batch give one message, or one to each of the two people, in
//! the order of nodes.
//!
//! Of a node that is erased nothing is kept but that it is, so that what is said at it later is not taken in, unless somebody
//! agreed to be known again: from then on. A touchpoint that brings such a consent is not told of it by stitch; both see it by
//! themselves, from the same marks. An identifier may restrict its person: that stays with it, whoever the person is, until it is
//! lifted or erased.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::mem;
use std::sync::Arc;

use kinfold_model::privacy::{Confirmation, Erasure, Report, Restriction, Ruling, Ticket};
use kinfold_model::stored::encode;
use kinfold_model::{
    Agreements, Assignment, Context, Fault, Halt, Mark, Marks, NodeId, PersonId, Reach, Returning, Stage,
    State, Timestamp, Touchpoint, TouchpointIdentifier, View, versioned,
};
use serde::{Deserialize, Serialize};

use crate::counted::Counted;
use crate::facet::Facet;
use crate::laws;
use crate::restriction::Word;
use crate::table::Table;

/// Between a source and an id in a key: a byte that no text has in UTF-8, so that no two pairs of them are one.
const END_OF_TEXT: u8 = 0xff;
/// So many ids of touchpoints are forgotten at once. Those of a robot's cookie may be millions.
const FORGOTTEN_AT_ONCE: usize = 1000;

/// What the stage reads.
#[derive(Debug)]
pub enum FacetsInput {
    /// What was said; belongs to the node of its sighting.
    Touchpoint(Box<Touchpoint>),
    /// Whom a node belongs to from now on.
    Assignment(Assignment),
    /// The node belongs to nobody from now on, until it is assigned again.
    Unassigned(NodeId),
    /// What was said at a node counts no more, or of one identifier less, or what is said from some time on counts again.
    Erasure(Erasure),
    /// An identifier restricts its person, or does so no more.
    Restriction(Restriction),
}

impl From<Ruling> for FacetsInput {
    fn from(ruling: Ruling) -> Self {
        match ruling {
            Ruling::Erased(erasure) => Self::Erasure(erasure),
            Ruling::Restricted(restriction) => Self::Restriction(restriction),
        }
    }
}

/// What the stage sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Joined {
    /// A facet for its person.
    Facet(Box<FacetMessage>),
    /// To every partition of people, behind all that was sent there.
    Barrier(Barrier),
    /// For whoever counts: a touchpoint that this sighting had already, by its source and its id.
    Repeated {
        /// The system that reported it.
        source: String,
    },
    /// For whoever counts: a touchpoint of somebody who is erased.
    Suppressed,
    /// For whoever answers for requests.
    Report(Report),
}

impl From<FacetMessage> for Joined {
    fn from(message: FacetMessage) -> Self {
        Self::Facet(Box::new(message))
    }
}

/// The record of the inner topic `profile-facet`, keyed by person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FacetMessage {
    /// To whom.
    pub person: PersonId,
    /// Whose facet: a sighting's or an identifier's.
    pub node: NodeId,
    /// Rises with each message of this node, whoever the person is; begins at 1.
    pub version: u64,
    /// Why it is sent.
    pub cause: Cause,
    /// What is with the person from now on; `None` when the node has left.
    pub member: Option<Member>,
}

/// What people reads: the record of the inner topic `profile-facet`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PeopleInput {
    /// A facet for a person.
    Facet(Box<FacetMessage>),
    /// Somebody wants to know when what was sent before is published.
    Barrier(Barrier),
}

/// All that facets had to say of a node, of which somebody asked, was said before this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Barrier {
    /// The node.
    pub node: NodeId,
    /// Who wants to know.
    pub tickets: Vec<Ticket>,
}

impl From<FacetMessage> for PeopleInput {
    fn from(message: FacetMessage) -> Self {
        Self::Facet(Box::new(message))
    }
}

/// A node as part of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// `None` when nothing was said at exactly this set of identifiers.
    #[serde(with = "versioned::option")]
    pub facet: Option<Facet>,
    /// Since when it restricts its person; `None` when it does not.
    pub restricted: Option<Timestamp>,
}

/// Why a facet is sent. The cause of a change of consent is told from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Cause {
    /// Something was said at a node that this person has already, or it restricts them now, or does so no more.
    Touchpoint,
    /// The node has a person, and had none before.
    Arrived,
    /// The node comes from another person.
    MovedIn,
    /// The node went to another person.
    Left,
    /// The node belongs to nobody any more.
    Unassigned,
    /// It is erased, or something of it.
    Erased,
}

/// The stage. Holds the nodes that the current batch has touched; all else is in the state.
#[derive(Default)]
pub struct Facets {
    touched: BTreeMap<NodeId, Touched>,
    returning: Arc<Returning>,
}

/// A node as it is stored. Its kind is in its id.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Node {
    /// Of the last message; 0 when none was sent.
    version: u64,
    /// `None` until the first assignment, and while the node belongs to nobody. One of which nothing counts has nobody, whatever
    /// stands here.
    person: Option<PersonId>,
    /// `None` until the first touchpoint that counts.
    #[serde(with = "versioned::option")]
    facet: Option<Facet>,
    /// What is erased of its identifiers.
    marks: Marks,
    /// Times of consents that may come before word of what they lift.
    agreed: Agreements,
    /// How many touchpoints were forgotten when nothing of it counted any more.
    forgotten: u64,
    /// How often that was, from 0 again after 255: part of the keys of the ids of its touchpoints, so that those of before may go
    /// while others come.
    life: u8,
    /// The latest that a request said of restricting since the identifier was erased last; `None` before the first.
    word: Option<Word>,
}

/// A node, and what the batch has done to it.
struct Touched {
    node: Node,
    person_before: Option<PersonId>,
    facet_changed: bool,
    erased: bool,
    restricted: bool,
    /// Something else changed that has to be stored.
    noted: bool,
    tickets: Vec<Ticket>,
}

/// The identifiers in an entry of this stage's state, clear and as nodes; none where the entry is not of a sighting.
///
/// # Errors
/// [`Fault::Corrupt`].
pub fn identifiers(key: &[u8], value: &[u8]) -> Result<Vec<TouchpointIdentifier>, Fault> {
    if key.first() != Some(&Table::Node.tag()) {
        return Ok(Vec::new());
    }
    let node: Node = Table::Node.decode(value)?;
    Ok(node.facet.map(|facet| facet.identifiers().cloned().collect()).unwrap_or_default())
}

/// The key under which this stage's state has the facet of a node.
#[must_use]
pub fn node_key(id: NodeId) -> Vec<u8> {
    Table::Node.key(&[id.as_bytes()])
}

impl Stage for Facets {
    type Input = FacetsInput;
    type Output = Joined;

    fn handle(&mut self, input: FacetsInput, context: &mut Context<'_, Joined>) -> Result<(), Halt> {
        match input {
            FacetsInput::Touchpoint(touchpoint) => self.absorb(&touchpoint, context)?,
            FacetsInput::Assignment(Assignment { node, erased: true, .. }) => {
                // What is erased of it is told by the log of erasures, in an order of its own.
                let touched = self.touch(node, context.state)?;
                touched.erased |= touched.node.person.is_some();
                touched.assign(None);
            }
            FacetsInput::Assignment(Assignment { node, person_id, .. }) => {
                self.touch(node, context.state)?.assign(Some(person_id));
            }
            FacetsInput::Unassigned(node) => self.touch(node, context.state)?.assign(None),
            FacetsInput::Erasure(erasure) => self.erase(erasure, context)?,
            FacetsInput::Restriction(restriction) => self.restrict(restriction, context)?,
        }
        Ok(())
    }

    fn due(&self, state: &dyn View) -> Result<Option<Timestamp>, Fault> {
        let doomed = Table::Doomed.key(&[]);
        Ok(state.page(&doomed, &doomed, 1)?.first().map(|_| Timestamp::MIN))
    }

    /// Forgets more ids of touchpoints of nodes that are gone.
    fn idle(&mut self, most: usize, context: &mut Context<'_, Joined>) -> Result<Option<f64>, Fault> {
        let doomed = Table::Doomed.key(&[]);
        if let Some((key, _)) = context.state.page(&doomed, &doomed, 1)?.into_iter().next() {
            let place = key.get(doomed.len()..).and_then(|place| <&[u8; 17]>::try_from(place).ok());
            let place = place.ok_or_else(|| Table::Doomed.corrupt("its key is not that of a node"))?;
            if !forget_ids(place, most, context.state)? {
                context.state.delete(key);
            }
        }
        Ok(None)
    }

    fn finish(&mut self, context: &mut Context<'_, Joined>) -> Result<(), Fault> {
        for (id, touched) in mem::take(&mut self.touched) {
            touched.settle(id, context);
        }
        Ok(())
    }
}

impl Facets {
    /// The stage, to which somebody who is erased may come back by these consents.
    #[must_use]
    pub fn new(returning: Arc<Returning>) -> Self {
        Self { returning, ..Self::default() }
    }

    /// Takes a touchpoint into its facet. It counts once by its source and its id, for two sources may number alike, as the one of
    /// its copies that outranks the others, so that it does not matter which came first.
    fn absorb(&mut self, touchpoint: &Touchpoint, context: &mut Context<'_, Joined>) -> Result<(), Fault> {
        let state = &mut *context.state;
        let consented = self.returning.consented(touchpoint);
        let touched = self.touch(touchpoint.sighting, state)?;
        if let Some(time) = consented {
            touched.agree(time);
        }
        if touched.node.marks.is_gone(touchpoint.time) {
            context.output.push(Joined::Suppressed);
            return Ok(());
        }
        let place = place(touchpoint.sighting, touched.node.life);
        let (source, id) = (touchpoint.source.as_bytes(), touchpoint.touchpoint_id.as_bytes());
        let key = Table::Seen.key(&[&place, source, &[END_OF_TEXT], id]);
        let counted = state.get(&key)?.map(|bytes| Table::Seen.decode::<Counted>(&bytes)).transpose()?;
        let counts_as = Counted::of(touchpoint);
        if counted.is_some() {
            context.output.push(Joined::Repeated { source: touchpoint.source.clone() });
        }
        let touched = self.touch(touchpoint.sighting, state)?;
        let Node { facet, marks, .. } = &mut touched.node;
        let struck = &marks.struck(touchpoint.time);
        match (facet, counted) {
            (Some(facet), Some(counted)) => {
                touched.facet_changed |= facet.absorb(touchpoint, struck, false);
                if !counts_as.outranks(&counted) {
                    return Ok(());
                }
                facet.recount(&counted, &counts_as);
            }
            (Some(facet), None) => _ = facet.absorb(touchpoint, struck, true),
            (facet @ None, None) => *facet = Some(Facet::new(touchpoint, struck)),
            (None, Some(_)) => {
                return Err(Table::Seen.corrupt("it counts a touchpoint of a node without facet"));
            }
        }
        touched.facet_changed = true;
        state.put(key, encode(&counts_as));
        Ok(())
    }

    /// Forgets what was said at a node, or one identifier of it, as far as its marks say so. What counts and what does not cannot be
    /// told apart any more in one facet, so that it goes as a whole. Each no in it is
    /// counted, for whoever asked, where the one who said it may remain.
    fn erase(&mut self, erasure: Erasure, context: &mut Context<'_, Joined>) -> Result<(), Fault> {
        let Erasure { node: id, marks, ticket } = erasure;
        let touched = self.touch(id, context.state)?;
        touched.learn(&marks);
        touched.end_restriction(id);
        let Touched { node, facet_changed, erased, .. } = touched;
        let mut denials = 0;
        if let Some(facet) = node.facet.take_if(|facet| node.marks.is_gone(facet.first_seen())) {
            node.forgotten = facet.touchpoints();
            if node.marks.reach(facet.first_seen()) != Some(Reach::Everything) {
                denials = facet.denials();
            }
            let place = place(id, node.life);
            node.life = node.life.wrapping_add(1);
            (*facet_changed, *erased) = (true, true);
            if forget_ids(&place, FORGOTTEN_AT_ONCE, context.state)? {
                context.state.put(Table::Doomed.key(&[&place]), Vec::new());
            }
        } else if let Some(facet) = &mut node.facet {
            for (identifier, _) in node.marks.iter() {
                let first = facet.first_seen_with(identifier);
                if first.is_some_and(|first| node.marks.is_struck(identifier, first)) {
                    facet.strike(identifier);
                    (*facet_changed, *erased) = (true, true);
                }
            }
        }
        let touched = self.touch(id, context.state)?;
        if let Some(ticket) = ticket {
            let by = Confirmation::Facets { touchpoints: touched.node.forgotten, denials };
            touched.tickets.push(ticket.clone());
            context.send(Joined::Report(ticket.confirm(id, by)));
        }
        Ok(())
    }

    /// Notes that an identifier restricts its person, or does so no more. A request of before the last erasure does not count; one
    /// that overtook it, and is later, counts once the identifier is somebody's again.
    fn restrict(&mut self, restriction: Restriction, context: &mut Context<'_, Joined>) -> Result<(), Fault> {
        let Restriction { node: id, ticket, .. } = &restriction;
        let touched = self.touch(*id, context.state)?;
        let word = Word::from(&restriction);
        let is_overruled = word.is_overruled_by(touched.node.word.as_ref());
        touched.restricted |= word.enter(&mut touched.node.word);
        touched.end_restriction(*id);
        touched.tickets.push(ticket.clone());
        let by = if is_overruled {
            Confirmation::Overruled
        } else {
            Confirmation::Facets { touchpoints: 0, denials: 0 }
        };
        context.send(Joined::Report(ticket.confirm(*id, by)));
        Ok(())
    }

    /// The node as the batch has left it so far, else as it is stored.
    fn touch(&mut self, id: NodeId, state: &dyn View) -> Result<&mut Touched, Fault> {
        match self.touched.entry(id) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                let stored = state.get(&node_key(id))?;
                let node: Node = stored.map_or_else(|| Ok(Node::default()), |b| Table::Node.decode(&b))?;
                Ok(entry.insert(Touched::new(node)))
            }
        }
    }
}

impl Node {
    /// To whom it belongs. What is gone belongs to nobody.
    fn person(&self) -> Option<PersonId> {
        self.person.filter(|_| !self.is_gone())
    }

    fn is_gone(&self) -> bool {
        self.marks.counts_from().is_none()
    }
}

impl Touched {
    fn new(node: Node) -> Self {
        let person_before = node.person();
        let [facet_changed, erased, restricted, noted] = [false; 4];
        Self { node, person_before, facet_changed, erased, restricted, noted, tickets: Vec::new() }
    }

    fn assign(&mut self, person: Option<PersonId>) {
        self.noted |= mem::replace(&mut self.node.person, person) != person;
    }

    /// Somebody agreed to be known again, should they be erased.
    fn agree(&mut self, time: Timestamp) {
        let Node { marks, agreed, .. } = &mut self.node;
        // At once: of very many consents not all are kept until somebody looks.
        self.noted |= !marks.consent(time).is_empty();
        if !agreed.has(time) && marks.least_erased().is_none_or(|erased| time > erased) {
            agreed.add(time);
            self.noted = true;
        }
    }

    /// Takes note of what is erased, and since when it counts again.
    fn learn(&mut self, news: &Marks) {
        let Node { marks, agreed, .. } = &mut self.node;
        let before = marks.clone();
        marks.merge(news);
        agreed.apply(marks);
        if *marks != before {
            self.noted = true;
            self.erased |= news.iter().any(|(_, mark)| mark.holds());
        }
    }

    /// What a request said of restricting before the identifier was erased last counts no more.
    fn end_restriction(&mut self, id: NodeId) {
        let Node { marks, word, .. } = &mut self.node;
        let erased = marks.get(id).and_then(Mark::erased);
        if let Some(ended) = word.take_if(|word| word.is_ended_by(erased)) {
            self.restricted |= ended.since().is_some();
        }
    }

    /// Stores the node and tells those whom the change concerns. Somebody to whom the node came and from whom it went
    /// again within the batch never learns of it.
    fn settle(self, id: NodeId, context: &mut Context<'_, Joined>) {
        let Self { mut node, person_before, facet_changed, erased, restricted, noted, tickets } = self;
        let person = node.person();
        let is_other = facet_changed || erased || restricted || person != person_before;
        if !is_other && tickets.is_empty() {
            if noted {
                context.state.put(node_key(id), encode(&node));
            }
            return;
        }
        debug_assert_eq!(node.facet.as_ref().map_or(Ok(()), laws::facet), Ok(()));
        let Some(person) = person else {
            node.version += u64::from(person_before.is_some());
            context.state.put(node_key(id), encode(&node));
            if let Some(person) = person_before {
                let cause = if erased || node.is_gone() { Cause::Erased } else { Cause::Unassigned };
                let version = node.version;
                context.send(FacetMessage { person, node: id, version, cause, member: None });
            }
            return confirm(id, tickets, context);
        };
        let left = person_before.filter(|before| *before != person);
        let cause = match person_before {
            Some(_) if left.is_none() && erased => Cause::Erased,
            None => Cause::Arrived,
            Some(_) if left.is_some() => Cause::MovedIn,
            Some(_) => Cause::Touchpoint,
        };
        let version = node.version + 1;
        node.version = version + u64::from(left.is_some());
        context.state.put(node_key(id), encode(&node));
        let restricted = node.word.as_ref().and_then(Word::since);
        let member = Some(Member { facet: node.facet, restricted });
        context.send(FacetMessage { person, node: id, version, cause, member });
        if let Some(person) = left {
            let (version, cause) = (node.version, Cause::Left);
            context.send(FacetMessage { person, node: id, version, cause, member: None });
        }
        confirm(id, tickets, context);
    }
}

/// Tells every partition of people, behind what was said of the node, who wants to know of it.
fn confirm(node: NodeId, tickets: Vec<Ticket>, context: &mut Context<'_, Joined>) {
    if !tickets.is_empty() {
        context.send(Joined::Barrier(Barrier { node, tickets }));
    }
}

/// What the keys of the ids of a node's touchpoints begin with, as long as nothing of it is forgotten.
fn place(id: NodeId, life: u8) -> [u8; 17] {
    let mut place = [life; 17];
    place[..16].copy_from_slice(id.as_bytes());
    place
}

/// Forgets ids of touchpoints, at most so many; whether there may be more.
fn forget_ids(place: &[u8; 17], most: usize, state: &mut dyn State) -> Result<bool, Fault> {
    let prefix = Table::Seen.key(&[place]);
    let page = state.page(&prefix, &prefix, most)?;
    let is_full = page.len() == most;
    page.into_iter().for_each(|(key, _)| state.delete(key));
    Ok(is_full)
}

#[cfg(test)]
impl Node {
    /// One of which every field says something.
    pub(crate) fn sample(facet: Facet, marks: Marks, agreed: Agreements, word: Word) -> Self {
        let person = Some(PersonId::new([7; 16]));
        Self {
            version: 300,
            person,
            facet: Some(facet),
            marks,
            agreed,
            forgotten: 3,
            life: 2,
            word: Some(word),
        }
    }
}
