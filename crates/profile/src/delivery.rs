//! Whether messages arrive at an address, a number or an account, as the events of the systems tell that send them.
//!
//! An event is about what its channel reaches: a click on a banner says nothing of mail, and a text message nothing of an address.
//! The newest event wins; of one time the one that says that nothing arrives. So the same events give the same
//! answer in whatever order they come, and an address that bounced is trusted again once somebody clicked in a mail.

use std::collections::BTreeMap;

use kinfold_model::{NodeId, Timestamp, Touchpoint, TouchpointIdentifier};
use serde::{Deserialize, Serialize};

use crate::action::Action;

/// Channels that reach an address of e-mail, as [`plain`] writes them.
const BY_MAIL: [&str; 3] = ["email", "mail", "newsletter"];
/// Channels that reach a telephone number.
const BY_PHONE: [&str; 9] = ["call", "mms", "phone", "rcs", "sms", "telephone", "viber", "voice", "whatsapp"];
/// The channel that reaches an account of any social network. By the name of its network it is reached, too.
const SOCIAL: &str = "social";

/// The newest that was said of an address, a number or an account. The order of this type is the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct StatedDelivery {
    time: Timestamp,
    is_undeliverable: bool,
}

impl StatedDelivery {
    /// What a touchpoint says of what it carries that its channel reaches, and the node of that. `None` when it says nothing, or
    /// carries several such and so does not say of which.
    pub(crate) fn of(touchpoint: &Touchpoint) -> Option<(NodeId, Self)> {
        let is_undeliverable = Action::of(touchpoint)? == Action::Undeliverable;
        let channel = touchpoint.channel.as_deref().map(plain);
        let carried = touchpoint.identifiers.iter();
        let reached = carried.filter(|identifier| is_reached(identifier, channel.as_deref()));
        let mut nodes: Vec<NodeId> = reached.map(|identifier| identifier.node).collect();
        nodes.sort_unstable();
        nodes.dedup();
        match nodes.as_slice() {
            [only] => Some((*only, Self { time: touchpoint.time, is_undeliverable })),
            _ => None,
        }
    }

    /// When it was last known that nothing arrives; `None` when it does.
    pub(crate) fn undeliverable(self) -> Option<Timestamp> {
        self.is_undeliverable.then_some(self.time)
    }

    pub(crate) fn time(self) -> Timestamp {
        self.time
    }
}

/// Whether messages by a channel go to an identifier. Who names no channel speaks of mail, as mail systems always did. An address and its
/// hash share a node.
fn is_reached(identifier: &TouchpointIdentifier, channel: Option<&str>) -> bool {
    match (identifier.namespace.as_str(), channel) {
        ("email" | "email_sha256", channel) => channel.is_none_or(|channel| BY_MAIL.contains(&channel)),
        ("phone", Some(channel)) => BY_PHONE.contains(&channel),
        ("social", Some(SOCIAL)) => true,
        ("social", Some(channel)) => {
            identifier.value.split_once(':').is_some_and(|(network, _)| plain(network) == channel)
        }
        _ => false,
    }
}

/// The name of a channel or a network in one spelling: small letters, without blanks, hyphens and underscores.
fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, ' ' | '-' | '_')).flat_map(char::to_lowercase).collect()
}

/// What is known of each address, number and account, by its node.
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

    /// Takes out a node; says whether anything was known of it.
    pub(crate) fn strike(&mut self, node: NodeId) -> bool {
        self.0.remove(&node).is_some()
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for (node, statement) in other.0 {
            self.enter(node, statement);
        }
    }

    /// When it was last known that messages to this node do not arrive.
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
    use crate::samples::{engagement, identifier, touchpoint};

    /// Of which of those that it carries a touchpoint by a channel tells; `None`: of none.
    fn told(channel: Option<&str>, carried: &[(u8, &str, &str)]) -> Option<u8> {
        let touchpoint = Touchpoint {
            channel: channel.map(str::to_owned),
            engagement: engagement("invalid", None),
            identifiers: carried
                .iter()
                .map(|(n, namespace, value)| identifier(*n, namespace, value))
                .collect(),
            ..touchpoint("t", 1)
        };
        let (told, _) = StatedDelivery::of(&touchpoint)?;
        carried.iter().map(|one| one.0).find(|n| node(*n) == told)
    }

    #[test]
    fn an_event_tells_of_what_its_channel_reaches_and_of_nothing_else() {
        let mail = (1, "email", "ann@example.org");
        let all =
            [mail, (2, "phone", "+493511234567"), (3, "social", "mastodon.social:ann"), (4, "cookie", "c")];
        for (channel, expected) in [
            (None, Some(1)),
            (Some("email"), Some(1)),
            (Some("E-Mail"), Some(1)),
            (Some("newsletter"), Some(1)),
            (Some("sms"), Some(2)),
            (Some("WhatsApp"), Some(2)),
            (Some("call"), Some(2)),
            (Some("Mastodon.Social"), Some(3)),
            (Some("social"), Some(3)),
            (Some("github"), None),
            (Some("web"), None),
            (Some("push"), None),
        ] {
            assert_eq!(told(channel, &all), expected, "{channel:?}");
        }
        let hash = (1, "email_sha256", "c2");
        assert_eq!(told(Some("email"), &[mail, hash]), Some(1), "an address and its hash are one");
        assert_eq!(told(Some("email"), &[mail, (5, "email", "ben@example.org")]), None);
        assert_eq!(told(Some("social"), &[all[2], (5, "social", "github:ann")]), None);
        assert_eq!(told(Some("github"), &[all[2], (5, "social", "github:ann")]), Some(5));
    }

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
