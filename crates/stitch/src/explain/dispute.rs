//! The evidence against a join that was refused.

use std::collections::BTreeSet;

use kinfold_model::{CommandKind, Contested, Fault, Namespace, NodeId};

use super::answer::{Against, Claim, Dispute, Name};
use super::graph::{Case, Graph};
use crate::component::Edge;
use crate::groups::Refused;

impl Graph<'_> {
    /// Why an edge of a component was refused; `None` when it was not.
    pub(super) fn dispute(&self, case: &Case, edge: Edge) -> Result<Option<Dispute>, Fault> {
        let (Some(why), Some(identifier)) =
            (case.people.refused.get(&edge).cloned(), case.name(edge.identifier))
        else {
            return Ok(None);
        };
        let against = match &why {
            Refused::TooMany(namespace) => {
                let [here, there] = values(case, edge, namespace);
                let limit = self.rules.namespace(namespace).and_then(|rules| rules.max_per_person);
                Against::TooMany {
                    namespace: namespace.clone(),
                    most: limit.unwrap_or(u32::MAX),
                    here,
                    there,
                }
            }
            Refused::BothHave(namespace) => {
                let [here, there] = values(case, edge, namespace);
                Against::BothHave { namespace: namespace.clone(), here, there }
            }
            Refused::BothLarge => Against::BothLarge {
                least: self.rules.guard.identifiers,
                here: case.identifiers_with(edge.identifier).count(),
                there: case.identifiers_with(edge.sighting).count(),
            },
            Refused::KeptApart(one, other) => self.kept_apart(case, *one, *other)?,
            Refused::Contested => self.contested(case, &identifier),
        };
        Ok(Some(Dispute {
            edge,
            person_here: case.person(edge.identifier, self.keys),
            person_there: case.person(edge.sighting, self.keys),
            identifier,
            why,
            against,
        }))
    }

    fn kept_apart(&self, case: &Case, one: NodeId, other: NodeId) -> Result<Against, Fault> {
        let name =
            |node| case.name(node).unwrap_or_else(|| Name { node, namespace: Namespace::new("identifier") });
        let mut commands = self.commands(one.min(other))?;
        commands.retain(|command| {
            let names = |node| command.identifiers.iter().any(|identifier| identifier.node == node);
            !command.withdrawn && command.kind == CommandKind::Unlink && names(one) && names(other)
        });
        Ok(Against::KeptApart { pair: [one, other].map(name), commands })
    }

    /// The people to whom the sightings of an identifier belong on stronger grounds.
    fn contested(&self, case: &Case, identifier: &Name) -> Against {
        let edges = &case.component.edges;
        let sightings: BTreeSet<NodeId> = edges
            .iter()
            .filter(|edge| edge.identifier == identifier.node)
            .map(|edge| edge.sighting)
            .collect();
        let mut claims = BTreeSet::new();
        for edge in edges.iter().filter(|edge| sightings.contains(&edge.sighting)) {
            let Some(through) = case.name(edge.identifier) else { continue };
            let is_stronger = self.priority(&through) < self.priority(identifier)
                && !case.people.contested.contains(&through.node)
                && case.together(through.node, edge.sighting);
            if is_stronger {
                claims.insert(Claim { person: case.person(edge.sighting, self.keys), through });
            }
        }
        let rules = self.rules.namespace(&identifier.namespace);
        let rule = rules.map_or(Contested::Newest, |rules| rules.contested);
        Against::Contested { rule, claims: claims.into_iter().collect() }
    }
}

/// The values of a namespace on both sides of an edge.
fn values(case: &Case, edge: Edge, namespace: &Namespace) -> [Vec<Name>; 2] {
    [edge.identifier, edge.sighting]
        .map(|end| case.identifiers_with(end).filter(|name| name.namespace == *namespace).collect())
}
