//! Everything known of one identifier.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use kinfold_model::{Fault, Namespace, NodeId};

use super::answer::{Fate, Hindrance, Meeting, Name, Portrait, Sighting, Stand};
use super::graph::{Case, Graph, said};
use crate::component::Edge;
use crate::node::{Link, Standing};

impl Graph<'_> {
    /// Everything known of an identifier; `None` when nobody has ever seen it.
    ///
    /// # Errors
    /// Those of reading the state.
    pub fn identifier(&self, id: NodeId) -> Result<Option<Portrait>, Fault> {
        let Some(node) = self.node(id)? else { return Ok(None) };
        let (Some(standing), Some(stand)) = (node.standing(), self.stand(id)?) else { return Ok(None) };
        let case = self.case(id)?;
        let mut meetings = Vec::new();
        for sighting in self.sightings_of(id)? {
            if let Some(sighting) = self.sighting(sighting)? {
                let fate = self.fate(id, &sighting, case.as_ref())?;
                meetings.push(Meeting { sighting, fate });
            }
        }
        meetings.sort_by_key(|meeting| (Reverse(last_seen(&meeting.sighting)), meeting.sighting.node));
        let seen_alone = node.witness.evidence().map(|evidence| evidence.first_seen);
        Ok(Some(Portrait {
            name: Name { node: id, namespace: standing.namespace.clone() },
            person: node.person,
            first_seen: seen_alone.into_iter().chain(standing.earliest).min(),
            stand,
            contested: case.is_some_and(|case| case.people.contested.contains(&id)),
            alone: said(&node.witness),
            meetings,
            commands: self.commands_about(&[id])?,
        }))
    }

    /// Whether an identifier links; `None` when nobody has ever seen it.
    pub(super) fn stand(&self, id: NodeId) -> Result<Option<Stand>, Fault> {
        let node = self.node(id)?;
        let Some(standing) = node.as_ref().and_then(|node| node.standing()) else { return Ok(None) };
        let links = self.links(id)?;
        let others = others(id, links.iter().map(|(_, link)| link));
        let of = |namespace: &Namespace| others.values().filter(|other| **other == namespace).count();
        let limit = self.rules.namespace(&standing.namespace).map(|rules| &rules.max_neighbours);
        let limits = limit.iter().flat_map(|limit| &limit.of);
        Ok(Some(Stand {
            links: !standing.is_blocked() && !standing.is_quarantined(),
            hindrances: hindrances(standing),
            released: standing.orders.released,
            sightings: standing.sightings,
            neighbours: others.len(),
            neighbours_max: limit.map(|limit| limit.total),
            neighbours_of: limits
                .map(|(namespace, most)| (namespace.clone(), of(namespace), *most))
                .collect(),
        }))
    }

    /// What became of the edge from an identifier to one of its sightings.
    fn fate(&self, id: NodeId, sighting: &Sighting, case: Option<&Case>) -> Result<Fate, Fault> {
        let Some(case) = case else { return Ok(Fate::Void) };
        if let Some(dispute) = self.dispute(case, Edge { identifier: id, sighting: sighting.node })? {
            return Ok(Fate::Refused(Box::new(dispute)));
        }
        Ok(if case.together(id, sighting.node) { Fate::Joined } else { Fate::Void })
    }
}

/// The distinct others that an identifier was seen with, as the limits count them.
fn others<'l>(own: NodeId, links: impl Iterator<Item = &'l Link>) -> BTreeMap<NodeId, &'l Namespace> {
    links
        .filter(|link| link.stands && !link.bond)
        .flat_map(|link| &link.identifiers)
        .filter(|seen| seen.node != own)
        .map(|seen| (seen.node, &seen.namespace))
        .collect()
}

fn hindrances(standing: &Standing) -> Vec<Hindrance> {
    let all = [
        (standing.blocked, Hindrance::Captured),
        (standing.listed, Hindrance::Listed),
        (standing.orders.blocked, Hindrance::Ordered),
        (standing.overflowed, Hindrance::Overflowed),
        (standing.crowded, Hindrance::Crowded),
        (standing.shed, Hindrance::Shed),
        (standing.is_erased(), Hindrance::Erased),
    ];
    all.into_iter().filter(|(stands, _)| *stands).map(|(_, hindrance)| hindrance).collect()
}

fn last_seen(sighting: &Sighting) -> Option<kinfold_model::Timestamp> {
    sighting.said.iter().map(|said| said.evidence.last_seen).max()
}
