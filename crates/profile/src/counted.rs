//! What a touchpoint counts for, once: its channel, its type, a reaction and a mood.
//!
//! Of several copies of a touchpoint one counts, wholly: the one that ranks first. So it does not matter which came first.

use kinfold_model::Touchpoint;
use serde::{Deserialize, Serialize};

use crate::action::{Action, Reaction};

/// Thousandths of sentiment are whole numbers, whose sum does not depend on the order.
pub(crate) const THOUSAND: i16 = 1000;

/// What one copy of a touchpoint counts for. `None` where it says nothing.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counted {
    pub(crate) channel: Option<String>,
    pub(crate) r#type: Option<String>,
    pub(crate) reaction: Option<Reaction>,
    /// In thousandths, from -1000 (bad) to 1000 (good).
    pub(crate) sentiment: Option<i16>,
}

impl std::fmt::Debug for Counted {
    /// Its texts are not printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "counted as {:?}", self.reaction)
    }
}

impl Counted {
    pub(crate) fn of(touchpoint: &Touchpoint) -> Self {
        let sentiment = touchpoint.engagement.as_ref().and_then(|engagement| engagement.sentiment);
        Self {
            channel: touchpoint.channel.clone(),
            r#type: touchpoint.r#type.clone(),
            reaction: Action::of(touchpoint).and_then(Action::reaction),
            sentiment: sentiment.map(thousandths),
        }
    }

    /// Whether a touchpoint that counted as the other copy counts as this one instead.
    pub(crate) fn outranks(&self, other: &Self) -> bool {
        self.rank() < other.rank()
    }

    /// The least comes first: a channel before none, then the least channel; and so on with the type, the reaction and the
    /// sentiment.
    fn rank(&self) -> impl Ord {
        let Self { channel, r#type, reaction, sentiment } = self;
        let said = (channel.is_none(), channel, r#type.is_none(), r#type);
        (said, reaction.is_none(), reaction, sentiment.is_none(), sentiment)
    }
}

/// What is no number says nothing good and nothing bad.
fn thousandths(sentiment: f64) -> i16 {
    ((sentiment * f64::from(THOUSAND)).round() as i16).clamp(-THOUSAND, THOUSAND)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(channel: Option<&str>, kind: Option<&str>, sentiment: Option<i16>) -> Counted {
        let text = |text: Option<&str>| text.map(str::to_owned);
        Counted { channel: text(channel), r#type: text(kind), reaction: None, sentiment }
    }

    #[test]
    fn its_texts_are_not_printed() {
        let counted = counted(Some("Extraordinary"), Some("Extraordinary"), None);
        assert!(!format!("{counted:?} {counted:#?}").contains("Extraordinary"));
    }

    #[test]
    fn of_two_copies_one_outranks_the_other_unless_they_say_the_same() {
        let ordered = [
            counted(Some("app"), Some("visit"), None),
            counted(Some("app"), None, Some(-1)),
            counted(Some("app"), None, Some(1)),
            counted(Some("app"), None, None),
            counted(Some("web"), Some("login"), Some(0)),
            counted(None, Some("login"), None),
            counted(None, None, None),
        ];
        for (index, one) in ordered.iter().enumerate() {
            for (other_index, other) in ordered.iter().enumerate() {
                assert_eq!(one.outranks(other), index < other_index, "{one:?} and {other:?}");
            }
        }
    }

    #[test]
    fn sentiment_is_rounded_to_thousandths_and_stays_in_its_range() {
        let cases =
            [(0.4, 400), (-0.0004, 0), (0.0005, 1), (1.0, 1000), (7e300, 1000), (-9.0, -1000), (f64::NAN, 0)];
        for (sentiment, expected) in cases {
            assert_eq!(thousandths(sentiment), expected, "{sentiment}");
        }
    }
}
