//! The values of identifiers, as far as the state of the profile stages has them. The identity graph has none.

use std::collections::BTreeSet;

use kinfold_model::{Fault, Identifier, NodeId, Rules};
use kinfold_profile::facets;
use kinfold_stitch::explain::{Against, Dispute, Fate, Graph, Name, Path, Portrait, Sighting, Sketch};
use kinfold_wire::keyed;

use crate::clear::Clear;
use crate::stores::Shelves;

/// In so many of its sightings the value of an identifier is looked for. Nearly always the first has it.
const SIGHTINGS_MAX: usize = 8;
/// How many digits of a node id stand for an identifier whose value is not known.
const DIGITS: usize = 12;

/// What nodes stand for.
pub(crate) struct Names<'a> {
    graph: &'a Graph<'a>,
    facets: &'a Shelves<'a>,
    clear: Clear<'a>,
    read: BTreeSet<NodeId>,
}

impl<'a> Names<'a> {
    pub(crate) fn new(graph: &'a Graph<'a>, facets: &'a Shelves<'a>, rules: &'a Rules) -> Self {
        Self { graph, facets, clear: Clear::new(rules), read: BTreeSet::new() }
    }

    /// The identifier behind a node, as touchpoints had it.
    pub(crate) fn identifier(&self, node: NodeId) -> Option<&Identifier> {
        self.clear.identifier(node)
    }

    /// Namespace and value, fit for a terminal; where the value is not known, the beginning of the node id.
    pub(crate) fn label(&self, name: &Name) -> String {
        match self.identifier(name.node) {
            Some(identifier) => format!("{} {}", identifier.namespace, printable(&identifier.value)),
            None => {
                let digits: String = name.node.to_string().chars().take(DIGITS).collect();
                format!("{} {digits}…", name.namespace)
            }
        }
    }

    /// Notes what whoever asks has said.
    pub(crate) fn tell(&mut self, node: NodeId, identifier: Identifier) {
        self.clear.tell(node, identifier);
    }

    pub(crate) fn learn_portrait(&mut self, portrait: &Portrait) -> Result<(), Fault> {
        self.find(&portrait.name)?;
        for meeting in &portrait.meetings {
            self.learn_sighting(&meeting.sighting)?;
            if let Fate::Refused(dispute) = &meeting.fate {
                self.learn_dispute(dispute)?;
            }
        }
        Ok(())
    }

    pub(crate) fn learn_path(&mut self, path: &Path) -> Result<(), Fault> {
        for step in &path.steps {
            self.learn_sighting(&step.sighting)?;
            step.refused.iter().try_for_each(|dispute| self.learn_dispute(dispute))?;
        }
        self.find(&path.from)?;
        self.find(&path.to)
    }

    pub(crate) fn learn_sketch(&mut self, sketch: &Sketch) -> Result<(), Fault> {
        sketch.sightings.iter().try_for_each(|sighting| self.learn_sighting(sighting))?;
        sketch.identifiers.iter().try_for_each(|name| self.find(name))
    }

    fn learn_dispute(&mut self, dispute: &Dispute) -> Result<(), Fault> {
        match &dispute.against {
            Against::TooMany { here, there, .. } | Against::BothHave { here, there, .. } => {
                here.iter().chain(there).try_for_each(|name| self.find(name))
            }
            Against::KeptApart { pair, .. } => pair.iter().try_for_each(|name| self.find(name)),
            Against::Contested { claims, .. } => {
                claims.iter().try_for_each(|claim| self.find(&claim.through))
            }
            Against::BothLarge { .. } => Ok(()),
        }
    }

    fn learn_sighting(&mut self, sighting: &Sighting) -> Result<(), Fault> {
        self.read(sighting.node)?;
        sighting.identifiers.iter().try_for_each(|name| self.find(name))
    }

    /// Looks for the value of one identifier where it was seen alone, then where it was seen with others.
    fn find(&mut self, name: &Name) -> Result<(), Fault> {
        if self.identifier(name.node).is_some() || !self.read.insert(name.node) {
            return Ok(());
        }
        self.read_facet(name.node)?;
        for sighting in self.graph.sightings_of(name.node)?.into_iter().take(SIGHTINGS_MAX) {
            if self.identifier(name.node).is_some() {
                break;
            }
            self.read(sighting)?;
        }
        Ok(())
    }

    fn read(&mut self, node: NodeId) -> Result<(), Fault> {
        if self.read.insert(node) { self.read_facet(node) } else { Ok(()) }
    }

    fn read_facet(&mut self, node: NodeId) -> Result<(), Fault> {
        let count = u32::try_from(self.facets.len()).unwrap_or(u32::MAX);
        let partition = keyed(node.to_string().as_bytes(), count);
        let Some(Some(facets)) = self.facets.get(partition as usize) else { return Ok(()) };
        let key = facets::node_key(node);
        let Some(value) = facets.get(&key)? else { return Ok(()) };
        self.clear.see(&key, &value, |_| true)
    }
}

/// Without what would move a terminal's cursor, turn its text around, or be no character of XML.
fn printable(value: &str) -> String {
    let is_unfit = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}'..='\u{ffff}')
    };
    value.chars().map(|c| if is_unfit(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}
