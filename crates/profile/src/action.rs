//! What the names of actions mean: one table for whether messages arrive, and for how people react.
//!
//! In goes `engagement.action`, which each system names as it likes; out comes what it says, or nothing.

use kinfold_model::Touchpoint;
use serde::{Deserialize, Serialize};

/// What somebody did with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Reaction {
    Open,
    Click,
    Reply,
}

/// What happened to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// The address does not exist or is given up. A soft bounce is none: it says come again.
    Undeliverable,
    /// It arrived.
    Delivered,
    /// It arrived, and somebody did something.
    Reacted(Reaction),
}

impl Action {
    /// What a touchpoint says of a message; `None` when it says nothing that has a name here.
    pub(crate) fn of(touchpoint: &Touchpoint) -> Option<Self> {
        let action = touchpoint.engagement.as_ref()?.action.as_deref()?;
        Some(match action.to_ascii_lowercase().replace([' ', '-'], "_").as_str() {
            "bounce" | "bounce_hard" | "bounced" | "cleaned" | "hard_bounce" | "hardbounce" | "invalid"
            | "permanent_bounce" => Self::Undeliverable,
            "delivered" | "delivery" => Self::Delivered,
            "open" | "opened" => Self::Reacted(Reaction::Open),
            "click" | "clicked" => Self::Reacted(Reaction::Click),
            "reply" | "replied" => Self::Reacted(Reaction::Reply),
            _ => return None,
        })
    }

    /// What somebody did; `None` when nobody did anything.
    pub(crate) fn reaction(self) -> Option<Reaction> {
        match self {
            Self::Reacted(reaction) => Some(reaction),
            Self::Undeliverable | Self::Delivered => None,
        }
    }
}
