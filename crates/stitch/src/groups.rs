//! Groups of nodes on their way to being people: what each holds, and which joins the rules refuse.

use std::collections::BTreeMap;

use kinfold_model::{Namespace, NodeId};

use crate::people::{Graph, Link};
use crate::sets::DisjointSets;

/// Why a join was refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refused {
    /// The person would have more values of this namespace than one may have.
    TooMany(Namespace),
    /// A steward keeps these two identifiers apart.
    KeptApart(NodeId, NodeId),
    /// Both people are so large that their merge waits for a steward.
    BothLarge,
    /// Both people have a value of this namespace, so that their merge waits for a steward.
    BothHave(Namespace),
    /// The identifier is shared by several people on stronger grounds.
    Contested,
}

impl Refused {
    /// Whether a steward is asked to decide.
    #[must_use]
    pub fn is_for_review(&self) -> bool {
        matches!(self, Self::BothLarge | Self::BothHave(_))
    }
}

/// Disjoint groups that know what the rules ask for.
pub(crate) struct Groups<'g> {
    graph: &'g Graph<'g>,
    sets: DisjointSets,
    /// By representative.
    holdings: Vec<Holding<'g>>,
    /// The links that joined two groups, in order.
    pub(crate) joined: Vec<Link>,
    /// The links that did not.
    pub(crate) refused: Vec<(Link, Refused)>,
}

/// What a group holds.
#[derive(Default)]
struct Holding<'g> {
    identifiers: u32,
    /// How many values of each namespace that a rule counts; sorted.
    values: Vec<(&'g Namespace, u32)>,
    /// The nodes that must not come here, each with the one here that forbids it.
    enemies: Vec<(usize, usize)>,
}

impl<'g> Groups<'g> {
    pub(crate) fn new(graph: &'g Graph<'g>) -> Self {
        let counted = |namespace: &&Namespace| {
            let is_limited =
                || graph.rules.namespace(namespace).is_some_and(|rules| rules.max_per_person.is_some());
            graph.rules.guard.namespaces.contains(*namespace) || is_limited()
        };
        let mut holdings: Vec<Holding<'g>> = graph
            .nodes
            .iter()
            .map(|vertex| Holding {
                identifiers: u32::from(vertex.namespace.is_some()),
                values: vertex
                    .namespace
                    .filter(counted)
                    .map(|namespace| (namespace, 1))
                    .into_iter()
                    .collect(),
                enemies: Vec::new(),
            })
            .collect();
        for (a, b) in &graph.apart {
            holdings[*a].enemies.push((*b, *a));
            holdings[*b].enemies.push((*a, *b));
        }
        let sets = DisjointSets::new(graph.nodes.len());
        Self { graph, sets, holdings, joined: Vec::new(), refused: Vec::new() }
    }

    pub(crate) fn find(&mut self, node: usize) -> usize {
        self.sets.find(node)
    }

    /// Joins the groups of both ends, unless the result would break a rule. A steward's link breaks none but a
    /// steward's word that the two are apart.
    pub(crate) fn join(&mut self, link: Link) {
        let (a, b) = (self.sets.find(link.identifier), self.sets.find(link.sighting));
        if a == b {
            return;
        }
        let is_bond = self.graph.nodes[link.sighting].bond;
        let refused = self.kept_apart(a, b).or_else(|| if is_bond { None } else { self.against_rules(a, b) });
        if let Some(why) = refused {
            self.refused.push((link, why));
            return;
        }
        let representative = self.sets.union(a, b);
        let absorbed = std::mem::take(&mut self.holdings[if representative == a { b } else { a }]);
        self.holdings[representative].add(absorbed);
        self.joined.push(link);
    }

    fn kept_apart(&mut self, a: usize, b: usize) -> Option<Refused> {
        let (fewer, there) =
            if self.holdings[a].enemies.len() <= self.holdings[b].enemies.len() { (a, b) } else { (b, a) };
        let enemies = &self.holdings[fewer].enemies;
        let (enemy, here) = enemies.iter().find(|(enemy, _)| self.sets.find(*enemy) == there)?;
        let [one, other] = [enemy, here].map(|index| self.graph.nodes[*index].id);
        Some(Refused::KeptApart(one.min(other), one.max(other)))
    }

    fn against_rules(&self, a: usize, b: usize) -> Option<Refused> {
        let (some, others) = (&self.holdings[a], &self.holdings[b]);
        let rules = self.graph.rules;
        let mut guarded = None;
        for (namespace, count) in &some.values {
            let Ok(found) = others.values.binary_search_by_key(namespace, |(namespace, _)| namespace) else {
                continue;
            };
            let limit = rules.namespace(namespace).and_then(|rules| rules.max_per_person);
            if limit.is_some_and(|limit| count + others.values[found].1 > limit) {
                return Some(Refused::TooMany((*namespace).clone()));
            }
            if rules.guard.namespaces.contains(*namespace) {
                guarded = guarded.or_else(|| Some(Refused::BothHave((*namespace).clone())));
            }
        }
        let least = rules.guard.identifiers;
        let both_large = least > 0 && some.identifiers.min(others.identifiers) >= least;
        guarded.or_else(|| both_large.then_some(Refused::BothLarge))
    }
}

impl Holding<'_> {
    fn add(&mut self, mut other: Self) {
        self.identifiers += other.identifiers;
        if self.values.is_empty() {
            self.values = other.values;
        } else if !other.values.is_empty() {
            let mut all: BTreeMap<&Namespace, u32> = self.values.drain(..).collect();
            for (namespace, count) in other.values {
                *all.entry(namespace).or_default() += count;
            }
            self.values = all.into_iter().collect();
        }
        self.enemies.append(&mut other.enemies);
    }
}
