//! Somebody asks about their data. To be forgotten: the root of the identifier that is named knows the person; each identifier of theirs is
//! marked for ever, tells its sightings, and forgets them; each sighting decides whether anything is left of it.
//!
//! What is erased is decided once, by what the root knows when it is asked. From then on the marks alone decide, in
//! whatever order touchpoints come.

use std::collections::BTreeSet;

use kinfold_model::privacy::{
    Confirmation, Demand, Erasure, Finding, PrivacyScope, Report, Restriction, Ticket,
};
use kinfold_model::{Contested, Fault, Mark, Marks, NodeId, PersonId, Reach, Rules, Timestamp};

use crate::component::Component;
use crate::node::{Company, Erased, Link, Orders, Part, Standing};
use crate::op::{Body, Errand};
use crate::order;
use crate::protocol::Step;

impl Step<'_> {
    /// A request names this identifier.
    pub(crate) fn demanded(
        &mut self,
        id: NodeId,
        demand: Demand,
        latest: Timestamp,
        ticket: Ticket,
    ) -> Result<(), Fault> {
        let Some(node) = self.desk.node(id, self.state)? else {
            self.tell_of(&ticket, Finding::Unknown { identifier: id });
            return Ok(());
        };
        let was_erased = node.is_gone();
        let is_quarantined = node.is_quarantined() && !was_erased;
        let (root, person, received) = (node.root, node.person, self.cause.time);
        let restriction = |stands, ticket| Restriction { node: id, stands, received, latest, ticket };
        match demand {
            // What restricts one that was somebody's, and is nobody's now, can still be lifted there.
            Demand::Lift if is_quarantined => self.rule(None, vec![id], &restriction(false, ticket)),
            _ if is_quarantined => self.tell_of(&ticket, Finding::Shared { identifier: id }),
            Demand::Erase(PrivacyScope::Person) if !was_erased => {
                self.send(root, Body::Errand(Errand::Erase { node: id, latest, ticket }));
            }
            Demand::Erase(_) => {
                let asked = vec![id];
                self.tell_of(&ticket, Finding::Resolved { identifier: id, person, asked, was_erased });
                self.send(id, Body::Erase { reach: Reach::Alone, latest, ticket });
            }
            Demand::Restrict | Demand::Lift if was_erased => {
                let asked = Vec::new();
                self.tell_of(&ticket, Finding::Resolved { identifier: id, person, asked, was_erased });
            }
            Demand::Restrict | Demand::Lift => {
                let stands = demand == Demand::Restrict;
                self.send(root, Body::Errand(Errand::Restrict(restriction(stands, ticket))));
            }
        }
        Ok(())
    }

    /// Erases all identifiers of the person to whom this one belongs; this one alone, if it belongs to nobody.
    pub(crate) fn erase_person(
        &mut self,
        root: NodeId,
        id: NodeId,
        latest: Timestamp,
        ticket: &Ticket,
    ) -> Result<(), Fault> {
        let law = self.law;
        let Theirs { person, identifiers } = Theirs::of(id, self.component(root)?, &law.rules);
        let asked = identifiers.iter().map(|(node, _)| *node).collect();
        self.tell_of(ticket, Finding::Resolved { identifier: id, person, asked, was_erased: false });
        for (node, is_claimed) in identifiers {
            let reach = if is_claimed { Reach::Unclaimed } else { Reach::Everything };
            self.send(node, Body::Erase { reach, latest, ticket: ticket.clone() });
        }
        Ok(())
    }

    /// An identifier is erased. How far is decided by the first who asks; whoever asks later waits for the same sightings.
    pub(crate) fn erase(
        &mut self,
        id: NodeId,
        reach: Reach,
        latest: Timestamp,
        ticket: &Ticket,
    ) -> Result<(), Fault> {
        let law = self.law;
        let Some(standing) = self.known(id)?.standing() else {
            return Err(Fault::Protocol(format!("sighting {id} was asked to be erased like an identifier")));
        };
        let most = law.max_sightings(&standing.namespace) as usize;
        let Erased { mut mark, sightings: mut earlier } = standing.erased.clone().unwrap_or_default();
        let is_new = mark.erase(reach, latest);
        if !mark.holds() {
            // It was erased by this very message, and came back since; whoever asked waits for an answer all the same.
            self.journal.report(ticket.confirm(id, Confirmation::Stitch { asked: 0, is_new: false }));
            return self.forget(id, Marks::alone(id, mark), Some(ticket.clone()));
        }
        let mut sightings = self.unlink(id, &mark)?;
        earlier.retain(|sighting| !sightings.contains(sighting));
        for sighting in sightings.iter().chain(&earlier).copied() {
            let (mark, ticket) = (mark.clone(), Some(Ticket { asked_by: id, ..ticket.clone() }));
            self.send(sighting, Body::Erased { identifier: id, mark, ticket });
        }
        let asked = u32::try_from(sightings.len() + earlier.len()).unwrap_or(u32::MAX);
        // All of them are told once. Whoever has something of it now goes before whoever had once, so that this does not grow
        // with each time that somebody is erased and comes back.
        let room = most.saturating_sub(sightings.len());
        sightings.extend(earlier.into_iter().take(room));
        self.forget(id, Marks::alone(id, mark.clone()), Some(ticket.clone()))?;
        self.journal.report(ticket.confirm(id, Confirmation::Stitch { asked, is_new }));
        self.desk.forget_commands(id, |_| true, self.state)?;
        // Consents may have overtaken the request.
        let mut lifted = Marks::alone(id, mark.clone());
        let agreed = self.known_mut(id)?.witness.agreed.apply(&mut lifted);
        self.change_known(id, |node| {
            node.witness.forget_before(lifted.counts_from());
            if let Part::Identifier(standing) = &mut node.part {
                (standing.sightings, standing.earliest) = (0, None);
                (standing.crowded, standing.shed) = (false, false);
                // What a steward did not believe of it stays so: else others would be joined by it.
                let distrusted = std::mem::take(&mut standing.orders.distrusted);
                standing.orders = Orders { distrusted, ..Orders::default() };
                standing.erased = Some(Erased { mark, sightings });
            }
        })?;
        agreed.into_iter().try_for_each(|(_, time)| self.lift(id, time))
    }

    /// Takes all links of an identifier to sightings away, and gives these. Stewards' links keep their place and stand no more, and
    /// are told why.
    fn unlink(&mut self, id: NodeId, mark: &Mark) -> Result<BTreeSet<NodeId>, Fault> {
        let links: Vec<(NodeId, Link)> =
            self.desk.links(id, self.state)?.map(|(sighting, link)| (sighting, link.clone())).collect();
        let mut sightings = BTreeSet::new();
        for (sighting, link) in links {
            if link.bond {
                self.desk.put_link(id, sighting, Some(Link { stands: false, ..link }));
                self.send(sighting, Body::Erased { identifier: id, mark: mark.clone(), ticket: None });
            } else {
                self.desk.put_link(id, sighting, None);
                sightings.insert(sighting);
            }
        }
        Ok(sightings)
    }

    /// A sighting came to an erased identifier: it is told when the mark is lifted, if not too many are.
    pub(crate) fn keep_in_touch(&mut self, id: NodeId, sighting: NodeId) -> Result<(), Fault> {
        let law = self.law;
        let Some(standing) = self.known(id)?.standing() else { return Ok(()) };
        let most = law.max_sightings(&standing.namespace) as usize;
        let has_room =
            |erased: &Erased| erased.sightings.len() < most && !erased.sightings.contains(&sighting);
        if standing.erased.as_ref().is_some_and(has_room)
            && let Part::Identifier(Standing { erased: Some(erased), .. }) = &mut self.known_mut(id)?.part
        {
            erased.sightings.insert(sighting);
        }
        Ok(())
    }

    /// An identifier of this sighting, or steward's link, is erased, or came back.
    pub(crate) fn erased(
        &mut self,
        id: NodeId,
        identifier: NodeId,
        mark: Mark,
        ticket: Option<Ticket>,
    ) -> Result<(), Fault> {
        let law = self.law;
        let node = self.known(id)?;
        let Some(company) = node.company() else { return Ok(()) };
        let is_bond = matches!(node.part, Part::Bond(_));
        let mut marks = company.marks.clone();
        marks.merge(&Marks::one(identifier, mark, company.unblocked(&law.rules)));
        if is_bond { self.bind_anew(id, marks) } else { self.remember(id, marks, ticket) }
    }

    /// A steward's link learns what is erased of the two. What was said of it before is forgotten; what is said later counts as soon as
    /// both are known again by then.
    fn bind_anew(&mut self, id: NodeId, marks: Marks) -> Result<(), Fault> {
        let Some(company) = self.known(id)?.company() else { return Ok(()) };
        if company.marks == marks {
            return Ok(());
        }
        let stood = company.since.is_some();
        let company = Company { marks, ..company.clone() };
        self.desk.forget_commands(id, |command| company.forgets(command.time), self.state)?;
        let since = order::linked_since(self.desk.commands(id, self.state)?.values(), &company.marks);
        self.change_known(id, |node| node.part = Part::Bond(Company { since, ..company }))?;
        // What came back believes nobody who does not say that he knows of it.
        if stood && since.is_some() { self.tell_identifiers(id) } else { Ok(()) }
    }

    /// Whoever was named by exactly these identifiers agreed to be known again, should they be erased.
    pub(crate) fn agree(&mut self, id: NodeId, time: Timestamp) -> Result<(), Fault> {
        let node = self.known(id)?;
        let mut marks = node.company().map(|company| company.marks.clone()).unwrap_or_default();
        let own = node.standing().and_then(|standing| standing.erased.as_ref()?.mark.erased());
        // What is older than all that is erased lifts nothing, and nobody should know of it.
        if marks.least_erased().or(own).is_some_and(|erased| time <= erased) {
            return Ok(());
        }
        if !node.witness.agreed.has(time) {
            self.known_mut(id)?.witness.agreed.add(time);
        }
        if !id.is_sighting() {
            return self.lift(id, time);
        }
        // At once: of very many consents not all are kept until somebody looks.
        let lifted = marks.consent(time);
        if lifted.is_empty() {
            return Ok(());
        }
        lifted.into_iter().for_each(|identifier| self.send(identifier, Body::Agreed { time }));
        self.remember(id, marks, None)
    }

    /// A mark is lifted from this time on, if that is later than the erasure. All sightings and stewards' links of the identifier are
    /// told.
    pub(crate) fn lift(&mut self, id: NodeId, time: Timestamp) -> Result<(), Fault> {
        let erased = self.known(id)?.standing().and_then(|standing| standing.erased.clone());
        let Some(Erased { mut mark, sightings }) = erased else { return Ok(()) };
        if !mark.consent(time) {
            return Ok(());
        }
        let links = self.desk.links(id, self.state)?;
        let bonds: Vec<NodeId> = links.filter(|(_, link)| link.bond).map(|(bond, _)| bond).collect();
        for other in sightings.iter().copied().chain(bonds) {
            self.send(other, Body::Erased { identifier: id, mark: mark.clone(), ticket: None });
        }
        self.forget(id, Marks::alone(id, mark.clone()), None)?;
        self.change_known(id, |node| {
            if let Part::Identifier(standing) = &mut node.part {
                standing.erased = Some(Erased { mark, sightings });
            }
        })
    }

    /// A sighting learns what is erased of its identifiers, and applies the consents that it has heard. Nothing is left of what is
    /// older than all that counts.
    fn remember(&mut self, id: NodeId, mut marks: Marks, ticket: Option<Ticket>) -> Result<(), Fault> {
        let node = self.known(id)?;
        let Some(company) = node.company() else { return Ok(()) };
        let before = company.marks.clone();
        for (identifier, time) in self.known_mut(id)?.witness.agreed.apply(&mut marks) {
            self.send(identifier, Body::Agreed { time });
        }
        let is_news = marks != before;
        if !is_news && ticket.is_none() {
            return Ok(());
        }
        let from = marks.counts_from();
        let known = marks.clone();
        self.change_known(id, |node| {
            node.witness.forget_before(from);
            if let Part::Sighting(company) = &mut node.part {
                // One that comes back says again that it is blocked.
                company.blocked.retain(|id| known.get(*id).is_none_or(|mark| !mark.holds()));
                company.marks = known;
            }
        })?;
        let comes_back = marks.iter().any(|(_, mark)| !mark.holds());
        if is_news && comes_back && self.known(id)?.witness.evidence().is_some() {
            // What came back believes nobody who does not say that he knows of it.
            self.tell_identifiers(id)?;
        }
        if from.is_none() {
            self.desk.forget_commands(id, |_| true, self.state)?;
        }
        if let Some(ticket) = &ticket {
            self.journal.report(ticket.confirm(id, Confirmation::Stitch { asked: 0, is_new: false }));
        }
        self.forget(id, marks, ticket)
    }

    /// Tells facets what does not count any more, or counts again.
    fn forget(&mut self, id: NodeId, marks: Marks, ticket: Option<Ticket>) -> Result<(), Fault> {
        let node = self.known(id)?.clone();
        if self.journal.erased(Erasure { node: id, marks, ticket }, &node) {
            self.known_mut(id)?.bade_farewell = true;
        }
        Ok(())
    }

    pub(crate) fn tell_of(&mut self, ticket: &Ticket, finding: Finding) {
        let Ticket { request_id, desk, .. } = ticket.clone();
        self.journal.report(Report { request_id, desk, finding });
    }
}

/// The person to whom an identifier belongs, as the root knows them.
pub(crate) struct Theirs {
    /// `None` for one that belongs to nobody.
    pub(crate) person: Option<PersonId>,
    /// All of the person, this one alone if it belongs to nobody; each with whether it is, or may be, of others, too.
    pub(crate) identifiers: Vec<(NodeId, bool)>,
}

impl Theirs {
    pub(crate) fn of(id: NodeId, component: &Component, rules: &Rules) -> Self {
        let person = component.members.get(&id).and_then(|member| member.person);
        let is_theirs = |node: NodeId, theirs| node == id || (theirs == person && person.is_some());
        let identifiers = component.members.iter().filter_map(|(node, member)| {
            let namespace = member.namespace.as_ref().filter(|_| is_theirs(*node, member.person))?;
            let rules = rules.namespace(namespace);
            let is_device = rules.is_some_and(|rules| rules.contested == Contested::Apart);
            // Of one that links nobody nobody knows whose its touchpoints are.
            Some((*node, is_device || person.is_none() || is_with_others(component, *node)))
        });
        Self { person, identifiers: identifiers.collect() }
    }
}

/// Whether an identifier is part of a sighting that belongs to somebody else than it does. A steward's link is no sighting.
fn is_with_others(component: &Component, id: NodeId) -> bool {
    let member = |id: NodeId| component.members.get(&id);
    let person = member(id).and_then(|member| member.person);
    let sightings = component.edges.iter().filter(|edge| edge.identifier == id);
    let mut sightings = sightings.filter_map(|edge| member(edge.sighting)).filter(|member| !member.told.bond);
    sightings.any(|sighting| sighting.person != person)
}
