//! Somebody asks about their data. To be forgotten: the root of the identifier that is named knows the person; each identifier of theirs is
//! marked for ever, tells its sightings, and forgets them; each sighting decides whether anything is left of it.
//!
//! What is erased is decided once, by what the root knows when it is asked. From then on the marks alone decide, in
//! whatever order touchpoints come.

use std::collections::BTreeSet;

use kinfold_model::privacy::{Confirmation, Demand, Erasure, Extent, Finding, PrivacyScope, Report, Ticket};
use kinfold_model::{Contested, Fault, NodeId, PersonId, Rules};

use crate::component::Component;
use crate::node::{Company, Mark, Orders, Part, Reach};
use crate::op::{Body, Errand};
use crate::protocol::Step;
use crate::witness::Witness;

impl Step<'_> {
    /// A request names this identifier.
    pub(crate) fn demanded(&mut self, id: NodeId, demand: Demand, ticket: Ticket) -> Result<(), Fault> {
        let Some(node) = self.desk.node(id, self.state)? else {
            self.tell_of(&ticket, Finding::Unknown { identifier: id });
            return Ok(());
        };
        let was_erased = node.is_gone();
        let is_quarantined = node.is_quarantined() && !was_erased;
        let (root, person) = (node.root, node.person);
        match demand {
            // What restricts one that was somebody's, and is nobody's now, can still be lifted there.
            Demand::Lift if is_quarantined => self.rule((None, vec![id]), false, &ticket),
            _ if is_quarantined => self.tell_of(&ticket, Finding::Shared { identifier: id }),
            Demand::Erase(PrivacyScope::Person) if !was_erased => {
                self.send(root, Body::Errand(Errand::Erase { node: id, ticket }));
            }
            Demand::Erase(_) => {
                let asked = vec![id];
                self.tell_of(&ticket, Finding::Resolved { identifier: id, person, asked, was_erased });
                self.send(id, Body::Erase { reach: Reach::Alone, ticket });
            }
            Demand::Restrict | Demand::Lift if was_erased => {
                let asked = Vec::new();
                self.tell_of(&ticket, Finding::Resolved { identifier: id, person, asked, was_erased });
            }
            Demand::Restrict | Demand::Lift => {
                let stands = demand == Demand::Restrict;
                self.send(root, Body::Errand(Errand::Restrict { node: id, stands, ticket }));
            }
        }
        Ok(())
    }

    /// Erases all identifiers of the person to whom this one belongs; this one alone, if it belongs to nobody.
    pub(crate) fn erase_person(&mut self, root: NodeId, id: NodeId, ticket: &Ticket) -> Result<(), Fault> {
        let law = self.law;
        let Theirs { person, identifiers } = Theirs::of(id, self.component(root)?, &law.rules);
        let asked = identifiers.iter().map(|(node, _)| *node).collect();
        self.tell_of(ticket, Finding::Resolved { identifier: id, person, asked, was_erased: false });
        for (node, is_claimed) in identifiers {
            let reach = if is_claimed { Reach::Unclaimed } else { Reach::Everything };
            self.send(node, Body::Erase { reach, ticket: ticket.clone() });
        }
        Ok(())
    }

    /// An identifier is erased. How far is decided by the first who asks; whoever asks later waits for the same sightings.
    pub(crate) fn erase(&mut self, id: NodeId, reach: Reach, ticket: &Ticket) -> Result<(), Fault> {
        let Some(standing) = self.known(id)?.standing().cloned() else {
            return Err(Fault::Protocol(format!("sighting {id} was asked to be erased like an identifier")));
        };
        let is_new = standing.erased.is_none();
        let mark = match standing.erased {
            Some(mark) => mark,
            None => Mark { reach, sightings: self.unlink(id)? },
        };
        for sighting in mark.sightings.iter().copied() {
            let ticket = Some(Ticket { asked_by: id, ..ticket.clone() });
            self.send(sighting, Body::Erased { identifier: id, reach: mark.reach, ticket });
        }
        let asked = u32::try_from(mark.sightings.len()).unwrap_or(u32::MAX);
        self.forget(id, Extent::Everything, Some(ticket.clone()))?;
        self.journal.report(ticket.confirm(id, Confirmation::Stitch { asked, is_new }));
        self.desk.forget_commands(id, self.state)?;
        self.change_known(id, |node| {
            node.witness = Witness::default();
            if let Part::Identifier(standing) = &mut node.part {
                (standing.sightings, standing.earliest) = (0, None);
                // What a steward did not believe of it stays so: else others would be joined by it.
                let distrusted = std::mem::take(&mut standing.orders.distrusted);
                standing.orders = Orders { distrusted, ..Orders::default() };
                standing.erased = Some(mark);
            }
        })
    }

    /// Takes all links of an identifier away; gives the sightings.
    fn unlink(&mut self, id: NodeId) -> Result<BTreeSet<NodeId>, Fault> {
        let links: Vec<(NodeId, bool)> =
            self.desk.links(id, self.state)?.map(|(sighting, link)| (sighting, link.bond)).collect();
        links.iter().for_each(|(sighting, _)| self.desk.put_link(id, *sighting, None));
        Ok(links.into_iter().filter(|(_, bond)| !bond).map(|(sighting, _)| sighting).collect())
    }

    /// An identifier of this sighting is erased.
    pub(crate) fn erased(
        &mut self,
        id: NodeId,
        identifier: NodeId,
        reach: Reach,
        ticket: Option<Ticket>,
    ) -> Result<(), Fault> {
        let law = self.law;
        let knows = |company: &Company| company.erased.contains_key(&identifier);
        if ticket.is_none() && self.known(id)?.company().is_some_and(knows) {
            return Ok(());
        }
        let mut gone = false;
        self.change_known(id, |node| {
            let Part::Sighting(company) = &mut node.part else { return };
            company.erased.insert(identifier, reach);
            company.gone |= company.is_to_go(&law.rules);
            gone = company.gone;
            if gone {
                node.witness = Witness::default();
            }
        })?;
        if gone {
            self.desk.forget_commands(id, self.state)?;
        }
        if let Some(ticket) = &ticket {
            self.journal.report(ticket.confirm(id, Confirmation::Stitch { asked: 0, is_new: false }));
        }
        self.forget(id, if gone { Extent::Everything } else { Extent::Identifier(identifier) }, ticket)
    }

    /// Tells facets what does not count any more.
    fn forget(&mut self, id: NodeId, extent: Extent, ticket: Option<Ticket>) -> Result<(), Fault> {
        let node = self.known(id)?.clone();
        self.journal.erased(Erasure { node: id, extent, ticket }, &node);
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
