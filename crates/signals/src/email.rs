//! What senders of mail report about an address, and the two steps of a double opt-in.

use std::str::FromStr;

use crate::fault::{Fault, FaultKind};

/// One event of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EmailSignal {
    /// The person took themselves off.
    Unsubscribe,
    /// They put themselves on again.
    Resubscribe,
    /// They called a mail spam.
    SpamComplaint,
    /// The address does not exist. Nobody decided anything.
    HardBounce,
    /// Somebody entered the address; whether it is theirs is not known yet.
    OptInRequested,
    /// Whoever reads the address followed the link of the mail that asked them to.
    /// It is taken at its word: whether there was such a mail is known to whoever sent it.
    OptInConfirmed,
}

impl EmailSignal {
    /// All events.
    pub const ALL: [Self; 6] = [
        Self::Unsubscribe,
        Self::Resubscribe,
        Self::SpamComplaint,
        Self::HardBounce,
        Self::OptInRequested,
        Self::OptInConfirmed,
    ];

    /// The name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unsubscribe => "unsubscribe",
            Self::Resubscribe => "resubscribe",
            Self::SpamComplaint => "spam_complaint",
            Self::HardBounce => "hard_bounce",
            Self::OptInRequested => "opt_in_requested",
            Self::OptInConfirmed => "opt_in_confirmed",
        }
    }
}

impl FromStr for EmailSignal {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let expected =
            "unsubscribe, resubscribe, spam_complaint, hard_bounce, opt_in_requested or opt_in_confirmed";
        let named = Self::ALL.into_iter().find(|signal| signal.as_str() == text);
        named.ok_or_else(|| Fault::new("email", "the event", FaultKind::Form { expected }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_read_by_its_name() {
        for signal in EmailSignal::ALL {
            assert_eq!(signal.as_str().parse(), Ok(signal));
        }
        assert!("bounce".parse::<EmailSignal>().is_err() && "".parse::<EmailSignal>().is_err());
    }
}
