//! What is known of a node before it runs: whether it gives exactly one value, and how many nodes are entered at once in it.

use super::{Asking, Does, Node, Pattern};

impl Node {
    pub(super) fn new(does: Does) -> Self {
        let is_one = is_one(&does);
        let height = 1_u32.saturating_add(height(&does, is_one));
        Self { does, is_one, height }
    }

    /// The same, of a filter that gives one value if its arguments do.
    pub(super) fn always_one(self) -> Self {
        let is_one =
            matches!(&self.does, Does::Call(_, arguments) if arguments.iter().all(|node| node.is_one));
        Self { is_one, ..self }
    }
}

fn is_one(does: &Does) -> bool {
    match does {
        Does::Leaf(_)
        | Does::List(_)
        | Does::Joined(_)
        | Does::Asks(Asking::One | Asking::SortBy | Asking::GroupBy | Asking::MapValues, _) => true,
        Does::Object(members) => members.iter().all(|(_, node)| node.is_one),
        Does::Negated(of) => of.is_one,
        Does::Piped(left, right)
        | Does::Else(left, right)
        | Does::Logic(left, _, right)
        | Does::Math(left, _, right)
        | Does::Compared(left, _, right)
        | Does::Member(left, right)
        | Does::Bound(left, Pattern::Variable, right) => left.is_one && right.is_one,
        Does::If(condition, then, otherwise) => condition.is_one && then.is_one && otherwise.is_one,
        Does::Path(of, parts) => of.is_one && parts.iter().all(|(part, optional)| part.is_one(*optional)),
        Does::Reduced(_, begin, turn) => begin.is_one && turn.is_one,
        Does::Bound(..)
        | Does::Both(..)
        | Does::Try(..)
        | Does::Call(..)
        | Does::Selected(_)
        | Does::Listed
        | Does::Asks(..) => false,
    }
}

/// What is entered within a node that gives one value is left before the next is; else what takes a value is entered from
/// within what gives it.
fn height(does: &Does, is_one: bool) -> u32 {
    let together = |heights: &mut dyn Iterator<Item = u32>| {
        if is_one { heights.max().unwrap_or(0) } else { heights.fold(0, u32::saturating_add) }
    };
    match does {
        Does::List(of) | Does::Negated(of) | Does::Asks(_, of) => of.height,
        Does::Object(members) => members.iter().map(|(_, node)| node.height).max().unwrap_or(0),
        Does::Joined(nodes) => nodes.iter().map(|node| node.height).max().unwrap_or(0),
        Does::Both(left, right) | Does::Else(left, right) | Does::Try(left, right) => {
            left.height.max(right.height)
        }
        Does::Piped(left, right)
        | Does::Logic(left, _, right)
        | Does::Math(left, _, right)
        | Does::Compared(left, _, right)
        | Does::Member(left, right) => together(&mut [left.height, right.height].into_iter()),
        Does::Bound(of, pattern, then) => {
            together(&mut [of.height, then.height].into_iter()).saturating_add(pattern.height())
        }
        Does::If(condition, then, otherwise) => {
            together(&mut [condition.height, then.height.max(otherwise.height)].into_iter())
        }
        Does::Reduced(of, begin, turn) => {
            of.height.max(begin.height.saturating_add(if is_one { 0 } else { turn.height })).max(turn.height)
        }
        Does::Path(of, parts) => {
            let parts = parts.iter().map(|(part, _)| part.height().saturating_add(2));
            of.height.saturating_add(parts.fold(0, u32::saturating_add))
        }
        Does::Call(_, arguments) => together(&mut arguments.iter().map(|node| node.height.saturating_add(1))),
        Does::Leaf(_) | Does::Selected(_) | Does::Listed => 0,
    }
}
