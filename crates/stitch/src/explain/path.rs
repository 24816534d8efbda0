//! What connects two identifiers, step by step, or keeps them apart.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::command::CommandIdentifier;
use kinfold_model::{Command, Fault, NodeId};

use super::answer::{Answer, Mute, Name, Path, Rule, Sighting, Step};
use super::chain::strongest;
use super::graph::{Case, Graph};
use super::search::Found;
use crate::component::Edge;

impl Graph<'_> {
    /// Why two identifiers are one person, or why not.
    ///
    /// # Errors
    /// The node of the one that nobody has ever seen, as `Ok(Err(node))`; a fault when the state cannot be read.
    pub fn path(&self, from: NodeId, to: NodeId) -> Result<Result<Path, NodeId>, Fault> {
        let Some(first) = self.name(from)? else { return Ok(Err(from)) };
        let Some(second) = self.name(to)? else { return Ok(Err(to)) };
        let commands = self.commands_about(&[from, to])?;
        let (answer, steps) = self.answer(from, to)?;
        Ok(Ok(Path { from: first, to: second, answer, steps, commands }))
    }

    fn name(&self, id: NodeId) -> Result<Option<Name>, Fault> {
        let node = self.node(id)?;
        let namespace = node.as_ref().and_then(|node| node.namespace()).cloned();
        Ok(namespace.map(|namespace| Name { node: id, namespace }))
    }

    fn answer(&self, from: NodeId, to: NodeId) -> Result<(Answer, Vec<Step>), Fault> {
        let Some(case) = self.case(from)? else { return Ok((Answer::Unsettled, Vec::new())) };
        let Some(edges) = strongest(&case, from, to) else { return self.unconnected(from, to) };
        let steps = self.steps(&edges, Some(&case))?;
        let [first, second] = [from, to].map(|id| case.person(id, self.keys));
        let answer = match first {
            _ if !case.together(from, to) => Answer::Apart { from: first, to: second },
            Some(person) => Answer::SamePerson(person),
            None => Answer::Nobody,
        };
        Ok((answer, steps))
    }

    fn unconnected(&self, from: NodeId, to: NodeId) -> Result<(Answer, Vec<Step>), Fault> {
        let (nodes, gave_up) = match self.search(from, to)? {
            Found::Way(nodes) => (nodes, false),
            Found::Nothing => (Vec::new(), false),
            Found::TooMuch => (Vec::new(), true),
        };
        let edges: Vec<Edge> = nodes.windows(2).map(|pair| Edge::between(pair[0], pair[1])).collect();
        let mut on_the_way: BTreeSet<NodeId> = nodes.into_iter().filter(|node| !node.is_sighting()).collect();
        on_the_way.extend([from, to]);
        let mut mutes = Vec::new();
        for id in on_the_way {
            if let (Some(name), Some(stand)) = (self.name(id)?, self.stand(id)?)
                && !stand.links
            {
                mutes.push(Mute { name, stand });
            }
        }
        Ok((Answer::Unconnected { mutes, gave_up }, self.steps(&edges, None)?))
    }

    /// Edges in pairs: from an identifier to a sighting, from there to the next identifier.
    fn steps(&self, edges: &[Edge], case: Option<&Case>) -> Result<Vec<Step>, Fault> {
        let mut steps = Vec::new();
        for pair in edges.chunks_exact(2) {
            let (Some(sighting), Some(from), Some(to)) = (
                self.sighting(pair[0].sighting)?,
                self.name(pair[0].identifier)?,
                self.name(pair[1].identifier)?,
            ) else {
                continue;
            };
            let mut refused = Vec::new();
            for edge in pair {
                refused.extend(case.map(|case| self.dispute(case, *edge)).transpose()?.flatten());
            }
            let rule = self.rule(&from, &sighting, &to, case);
            steps.push(Step { from, sighting, to, rule, refused });
        }
        Ok(steps)
    }

    fn rule(&self, from: &Name, sighting: &Sighting, to: &Name, case: Option<&Case>) -> Rule {
        let contested = |name: &&&Name| case.is_some_and(|case| case.people.contested.contains(&name.node));
        if sighting.bond {
            return Rule::Steward;
        }
        if let Some(name) = [from, to].iter().find(contested) {
            return Rule::ContestedNewest { namespace: name.namespace.clone() };
        }
        let weaker = if self.priority(to) > self.priority(from) { to } else { from };
        Rule::Priority { namespace: weaker.namespace.clone(), priority: self.priority(weaker) }
    }

    /// The commands that name one of these identifiers, as far as they are kept with them, with a link between
    /// them, or with one that they are kept apart from; by time.
    pub(super) fn commands_about(&self, ids: &[NodeId]) -> Result<Vec<Command>, Fault> {
        let mut places: BTreeSet<NodeId> = ids.iter().copied().collect();
        // Of a link that never stood its identifiers have not heard.
        let sorted: Vec<NodeId> = places.iter().copied().collect();
        places.insert(self.keys.bond(&sorted));
        for id in ids {
            places.extend(self.links(*id)?.into_iter().filter(|(_, link)| link.bond).map(|(bond, _)| bond));
            // An `unlink` is kept with the lower of its two nodes, mostly one of the same component.
            let members = self.case(*id)?.map(|case| case.component.members).unwrap_or_default();
            places.extend(members.into_keys().filter(|member| !member.is_sighting() && member < id));
        }
        let mut commands = BTreeMap::new();
        for place in places {
            for command in self.commands(place)? {
                let names = |identifier: &CommandIdentifier| ids.contains(&identifier.node);
                if command.identifiers.iter().any(names) {
                    commands.insert((command.time, command.command_id.clone()), command);
                }
            }
        }
        Ok(commands.into_values().collect())
    }
}
