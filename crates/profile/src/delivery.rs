//! Whether mail arrives at an address, as the events of mail systems tell.
//!
//! The newest event wins; of one time the one that says that mail does not arrive. So the same events give the same
//! answer in whatever order they come, and an address that bounced is trusted again once somebody clicked there.

use std::collections::BTreeMap;

use kinfold_model::{NodeId, Timestamp, Touchpoint};
use serde::{Deserialize, Serialize};

use crate::action::Action;

/// The namespaces of addresses, whose identifiers share a node when one is the hash of the other.
const ADDRESSES: [&str; 2] = ["email", "email_sha256"];

/// The newest that was said of an address. The order of this type is the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct StatedDelivery {
    time: Timestamp,
    is_undeliverable: bool,
}

impl StatedDelivery {
    /// What a touchpoint says of the address that it carries, and the node of that address. `None` when it says nothing,
    /// or carries several addresses and so does not say of which.
    pub(crate) fn of(touchpoint: &Touchpoint) -> Option<(NodeId, Self)> {
        let is_undeliverable = Action::of(touchpoint)? == Action::Undeliverable;
        let carried = touchpoint.identifiers.iter();
        let mut nodes: Vec<NodeId> = carried
            .filter(|identifier| ADDRESSES.contains(&identifier.namespace.as_str()))
            .map(|identifier| identifier.node)
            .collect();
        nodes.sort_unstable();
        nodes.dedup();
        match nodes.as_slice() {
            [only] => Some((*only, Self { time: touchpoint.time, is_undeliverable })),
            _ => None,
        }
    }

    /// When it was last known that mail does not arrive; `None` when it does.
    pub(crate) fn undeliverable(self) -> Option<Timestamp> {
        self.is_undeliverable.then_some(self.time)
    }

    pub(crate) fn time(self) -> Timestamp {
        self.time
    }
}

/// What is known of each address, by its node.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Deliveries(BTreeMap<NodeId, StatedDelivery>);

impl Deliveries {
    /// Lets a statement compete; says whether it won.
    pub(crate) fn enter(&mut self, node: NodeId, statement: StatedDelivery) -> bool {
        match self.0.get_mut(&node) {
            Some(holder) if statement <= *holder => false,
            Some(holder) => {
                *holder = statement;
                true
            }
            None => self.0.insert(node, statement).is_none(),
        }
    }

    /// Takes out an address; says whether anything was known of it.
    pub(crate) fn strike(&mut self, node: NodeId) -> bool {
        self.0.remove(&node).is_some()
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for (node, statement) in other.0 {
            self.enter(node, statement);
        }
    }

    /// When it was last known that mail to this address does not arrive.
    pub(crate) fn undeliverable(&self, node: NodeId) -> Option<Timestamp> {
        self.0.get(&node).and_then(|statement| statement.undeliverable())
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = StatedDelivery> {
        self.0.values().copied()
    }
}

#[cfg(test)]
mod tests {
    use kinfold_model::NodeKind;

    use super::*;

    fn stated(ms: i64, is_undeliverable: bool) -> StatedDelivery {
        StatedDelivery { time: Timestamp::from_millis(ms).expect("in range"), is_undeliverable }
    }

    fn node(n: u8) -> NodeId {
        NodeId::new([n; 16], NodeKind::Identifier)
    }

    #[test]
    fn the_newest_event_wins_and_of_one_time_the_bounce() {
        assert!(stated(1, true) > stated(1, false));
        assert!(stated(2, false) > stated(1, true));
    }

    #[test]
    fn statements_merge_in_any_order_and_any_number_of_times() {
        let all = [(1, stated(1, true)), (1, stated(2, false)), (2, stated(1, false)), (2, stated(1, true))];
        let of = |order: &[usize]| {
            let mut deliveries = Deliveries::default();
            for index in order {
                let mut one = Deliveries::default();
                one.enter(node(all[*index].0), all[*index].1);
                deliveries.merge(one);
            }
            deliveries
        };
        let expected = of(&[0, 1, 2, 3]);
        assert!(expected == of(&[3, 2, 1, 0]) && expected == of(&[2, 0, 2, 3, 1, 1]));
        assert_eq!(expected.undeliverable(node(1)), None, "somebody clicked there later");
        assert_eq!(expected.undeliverable(node(2)), stated(1, true).undeliverable());
        assert_eq!(expected.undeliverable(node(3)), None, "nobody said anything");
    }
}
