//! What a node does with messages that are for itself.

use std::collections::BTreeSet;

use kinfold_model::{Command, CommandKind, Fault, NodeId, PersonId, Timestamp};

use crate::limits::IDENTIFIERS_MAX;
use crate::node::{Company, Erased, Link, Node, Part, Standing, is_crowded};
use crate::op::{Body, Errand, LinkNews, Observation, Seen};
use crate::order;
use crate::protocol::{Law, Step};
use crate::settle::Arrivals;
use crate::witness::Evidence;

impl Step<'_> {
    pub(crate) fn observe(&mut self, id: NodeId, observation: Observation) -> Result<(), Fault> {
        let Observation { time, source, mark, identifiers, consented } = observation;
        let seen = Evidence::at(time, self.law.rules.evidence_granularity_ms);
        let is_new = self.desk.node(id, self.state)?.is_none();
        if let Some(consent) = consented.filter(|_| !is_new) {
            self.agree(id, consent)?;
        }
        let known = self.desk.node(id, self.state)?;
        if known.is_some_and(|node| node.suppresses(time)) {
            return Ok(());
        }
        let relisted = known.is_some_and(|node| !lists_alike(node, &identifiers));
        if !relisted && known.is_some_and(|node| node.witness.knows(&source, mark, seen)) {
            return Ok(());
        }
        let is_first = known.is_none_or(|node| node.witness.sources.is_empty());
        let law = self.law;
        self.change(
            id,
            || part(id, &identifiers, law),
            |node| {
                node.witness.testify(&source, mark, seen);
                if let Some(consent) = consented.filter(|_| is_new) {
                    node.witness.agreed.add(consent);
                }
                match (&mut node.part, &identifiers[..]) {
                    (Part::Identifier(standing), [own]) => standing.blocked = own.blocked,
                    (Part::Sighting(company), _) => company.identifiers.clone_from(&identifiers),
                    (Part::Identifier(_) | Part::Bond(_), _) => {}
                }
            },
        )?;
        // Its identifiers count also those of their sightings that were taken back before they came.
        let unheard = is_first && self.known(id)?.witness.evidence().is_none();
        if relisted || unheard { self.tell_identifiers(id) } else { Ok(()) }
    }

    /// A steward's command reached the node that it speaks about. Of what is erased nobody speaks.
    pub(crate) fn command(&mut self, id: NodeId, command: Command) -> Result<(), Fault> {
        if self.desk.node(id, self.state)?.is_some_and(|node| node.ignores_command(command.time)) {
            return Ok(());
        }
        let identifiers: Vec<Seen> = command
            .identifiers
            .iter()
            .map(|one| Seen { node: one.node, namespace: one.namespace.clone(), blocked: false })
            .collect();
        let is_link = command.kind == CommandKind::Link;
        let commands = self.desk.commands(id, self.state)?;
        let merged = match commands.remove(&command.command_id) {
            Some(known) => order::merge(known, command),
            None => command,
        };
        commands.insert(merged.command_id.clone(), merged);
        let commands = commands.clone();
        let law = self.law;
        let new = || match is_link {
            true => Part::Bond(Company::new(identifiers)),
            false => part(id, &identifiers, law),
        };
        self.change(id, new, |node| {
            node.witness.forgotten = order::forgotten(commands.values(), &law.keys);
            match &mut node.part {
                Part::Identifier(standing) => {
                    let orders = order::of_identifier(commands.values());
                    for source in orders.distrusted.symmetric_difference(&standing.orders.distrusted) {
                        node.witness.distrust(source, id, orders.distrusted.contains(source));
                    }
                    standing.orders = orders;
                }
                Part::Bond(company) => company.since = order::linked_since(commands.values(), &company.marks),
                Part::Sighting(_) => {}
            }
        })
    }

    pub(crate) fn link(&mut self, id: NodeId, news: LinkNews) -> Result<(), Fault> {
        let LinkNews { sighting, first_seen, stands, bond, version, knows, identifiers } = news;
        let Some(own) = identifiers.iter().find(|seen| seen.node == id).cloned() else {
            return Err(Fault::Protocol(format!("{id} is not among the identifiers of sighting {sighting}")));
        };
        let law = self.law;
        let before = self.desk.node(id, self.state)?.and_then(Node::standing).cloned();
        // Whoever does not know yet that it is, or was, erased speaks of what may not count.
        if let Some(Standing { erased: Some(Erased { mark, .. }), orders, .. }) = &before
            && (mark.holds() || knows != mark.erased())
        {
            if bond {
                // It is told when the mark is lifted, and then says itself whether it stands.
                let link = Link { first_seen, stands: false, bond, version, identifiers };
                self.desk.put_link(id, sighting, Some(link));
                if stands {
                    self.stand_alone(sighting);
                }
            } else {
                for source in orders.distrusted.iter().cloned() {
                    self.send(sighting, Body::Distrust { identifier: id, source, stands: true });
                }
                self.keep_in_touch(id, sighting)?;
            }
            self.send(sighting, Body::Erased { identifier: id, mark: mark.clone(), ticket: None });
            return Ok(());
        }
        let came_back = before.as_ref().is_some_and(|standing| standing.erased.is_some());
        if came_back && !stands && self.desk.link(id, sighting, self.state)?.is_none() {
            // What its sightings were before it came back is not counted.
            return Ok(());
        }
        let standing = match &before {
            Some(standing) => standing.clone(),
            None => {
                self.desk.begin_links(id);
                Standing::new(own.namespace.clone(), law.lists(id))
            }
        };
        let link = Link { first_seen, stands, bond, version, identifiers };
        let is_new = !standing.overflowed && self.desk.link(id, sighting, self.state)?.is_none();
        let after = self.with_link(id, standing, sighting, link)?;
        let after = Standing { blocked: if bond { after.blocked } else { own.blocked }, ..after };
        let (blocks, silent) = (after.blocks_sightings(), after.is_blocked() || after.is_quarantined());
        let distrusted = if is_new && !bond && !after.overflowed {
            after.orders.distrusted.clone()
        } else {
            BTreeSet::new()
        };
        // Of an identifier that has overflowed nothing changes any more, and nothing need be written.
        if before.as_ref() != Some(&after) {
            self.change(id, || part(id, &[own], law), |node| node.part = Part::Identifier(after))?;
        }
        for source in distrusted {
            self.send(sighting, Body::Distrust { identifier: id, source, stands: true });
        }
        match stands {
            true if blocks && !bond => self.send(sighting, Body::Blocked { identifier: id, stands: true }),
            true if silent => self.stand_alone(sighting),
            true => self.join(id, sighting, version)?,
            false => {}
        }
        Ok(())
    }

    /// What an identifier is once it has taken note of a link.
    fn with_link(
        &mut self,
        id: NodeId,
        mut standing: Standing,
        sighting: NodeId,
        link: Link,
    ) -> Result<Standing, Fault> {
        let (first_seen, stands, bond) = (link.first_seen, link.stands, link.bond);
        if standing.overflowed && !bond {
            standing.earliest = standing.earliest.into_iter().chain(first_seen).min();
            return Ok(standing);
        }
        let is_known = self.desk.link(id, sighting, self.state)?.is_some();
        self.desk.put_link(id, sighting, Some(link));
        if bond {
            return Ok(standing);
        }
        standing.sightings += u32::from(!is_known);
        standing.earliest = match is_known {
            false => standing.earliest.into_iter().chain(first_seen).min(),
            true => self.earliest(id)?,
        };
        if standing.sightings > self.law.max_sightings(&standing.namespace) {
            self.let_go(id, &mut standing)?;
        } else if is_known || (stands && !standing.crowded) {
            standing.crowded = self.is_crowded(id, &standing)?;
        }
        Ok(standing)
    }

    fn earliest(&mut self, id: NodeId) -> Result<Option<Timestamp>, Fault> {
        Ok(self.desk.links(id, self.state)?.filter_map(|(_, link)| link.first_seen).min())
    }

    fn is_crowded(&mut self, id: NodeId, standing: &Standing) -> Result<bool, Fault> {
        let Some(rules) = self.law.rules.namespace(&standing.namespace) else { return Ok(false) };
        let limit = &rules.max_neighbours;
        let least = limit.of.values().copied().chain([limit.total]).min().unwrap_or_default();
        if standing.sightings.saturating_mul(IDENTIFIERS_MAX - 1) <= least {
            return Ok(false);
        }
        let links = self.desk.links(id, self.state)?.map(|(_, link)| link);
        Ok(is_crowded(id, links, rules))
    }

    /// Forgets the sightings of an identifier that has too many. None of them is told anything by it from now on.
    fn let_go(&mut self, id: NodeId, standing: &mut Standing) -> Result<(), Fault> {
        let links = self.desk.links(id, self.state)?.filter(|(_, link)| !link.bond);
        let sightings: Vec<NodeId> = links.map(|(sighting, _)| sighting).collect();
        for sighting in sightings {
            if standing.is_blocked() {
                self.send(sighting, Body::Blocked { identifier: id, stands: false });
            }
            for source in standing.orders.distrusted.clone() {
                self.send(sighting, Body::Distrust { identifier: id, source, stands: false });
            }
            self.desk.put_link(id, sighting, None);
        }
        standing.overflowed = true;
        Ok(())
    }

    pub(crate) fn blocked(&mut self, id: NodeId, identifier: NodeId, stands: bool) -> Result<(), Fault> {
        self.change_known(id, |node| {
            if let Part::Sighting(company) = &mut node.part {
                if stands {
                    company.blocked.insert(identifier);
                } else {
                    company.blocked.remove(&identifier);
                }
            }
        })?;
        if !stands {
            // That identifier said that it is blocked instead of saying that it has no edge.
            self.stand_alone(id);
        }
        Ok(())
    }

    pub(crate) fn distrust(
        &mut self,
        id: NodeId,
        identifier: NodeId,
        source: &str,
        stands: bool,
    ) -> Result<(), Fault> {
        self.change_known(id, |node| node.witness.distrust(source, identifier, stands))
    }

    pub(crate) fn shed(&mut self, id: NodeId) -> Result<(), Fault> {
        self.change_known(id, |node| {
            if let Part::Identifier(standing) = &mut node.part {
                standing.shed = true;
            }
        })
    }

    /// Looks again at what was decided under other rules. What was taken out of a component for its size may come back.
    pub(crate) fn revise(&mut self, id: NodeId) -> Result<(), Fault> {
        let node = self.known(id)?;
        let (root, standing) = (node.root, node.standing().cloned());
        if let Some(mut standing) = standing {
            standing.listed = self.law.lists(id);
            standing.shed = false;
            if !standing.overflowed {
                if standing.sightings > self.law.max_sightings(&standing.namespace) {
                    self.let_go(id, &mut standing)?;
                } else {
                    standing.crowded = self.is_crowded(id, &standing)?;
                }
            }
            self.change_known(id, |node| node.part = Part::Identifier(standing))?;
        }
        if root == id { self.settle(id, &Arrivals::default()) } else { Ok(()) }
    }

    pub(crate) fn point(
        &mut self,
        id: NodeId,
        root: NodeId,
        epoch: u64,
        person: Option<PersonId>,
    ) -> Result<(), Fault> {
        if epoch <= self.known(id)?.epoch {
            return Ok(());
        }
        let node = self.known_mut(id)?;
        let was = std::mem::replace(&mut node.person, person);
        // Who is on the way to nobody is not told on the way that it is somebody.
        let is_anew = node.bade_farewell && !(was == person && node.is_gone());
        node.bade_farewell &= !is_anew;
        node.epoch = epoch;
        if node.root != id {
            node.root = root;
        }
        let namespace = node.namespace().cloned();
        self.journal.pointed(id, namespace, was, person);
        if is_anew {
            self.journal.is_anew(id);
        }
        Ok(())
    }

    pub(crate) fn sent_back(&mut self, errand: Errand) -> Result<(), Fault> {
        let node = self.known(errand.node())?;
        let (root, told) = (node.root, node.told.clone());
        let blocks = node.standing().is_some_and(Standing::blocks_sightings);
        let errand = match errand {
            Errand::Join { node, other, asked, .. }
                if told.silent || told.voids(asked.of(node)) || !self.holds_link(node, other)? =>
            {
                // A sighting is silent only when nobody waits for it, and one that parted has told its identifiers.
                if blocks {
                    self.send(other, Body::Blocked { identifier: node, stands: true });
                } else if !node.is_sighting() {
                    self.stand_alone(other);
                }
                return Ok(());
            }
            Errand::Join { node, other, other_root, asked, .. } => {
                Errand::Join { node, other, other_root, asked, told: Some(told) }
            }
            Errand::Tell { node, .. } => Errand::Tell { node, told },
            Errand::Settle { node, .. } => Errand::Settle { node, told: Some(told) },
            errand @ (Errand::Erase { .. } | Errand::Restrict(_)) => errand,
        };
        self.pass_on(root, Body::Errand(errand));
        Ok(())
    }

    /// Whether a sighting that an identifier is to be joined with is still linked with it: else it was forgotten meanwhile. What
    /// sightings say of links is heard by their identifiers.
    fn holds_link(&mut self, id: NodeId, sighting: NodeId) -> Result<bool, Fault> {
        Ok(id.is_sighting() || self.desk.link(id, sighting, self.state)?.is_some_and(|link| link.stands))
    }
}

/// A node that is one of these identifiers, or all of them.
fn part(id: NodeId, identifiers: &[Seen], law: &Law) -> Part {
    match identifiers.iter().find(|seen| seen.node == id) {
        Some(own) => Part::Identifier(Standing::new(own.namespace.clone(), law.lists(id))),
        None => Part::Sighting(Company::new(identifiers.to_vec())),
    }
}

/// Whether a node has heard that the same identifiers are on the block list.
fn lists_alike(node: &Node, identifiers: &[Seen]) -> bool {
    match (&node.part, identifiers) {
        (Part::Identifier(standing), [own]) => standing.blocked == own.blocked,
        (Part::Sighting(company), _) => company.identifiers == identifiers,
        (Part::Identifier(_) | Part::Bond(_), _) => true,
    }
}
