//! Whether an identifier restricts its person: what requests say of it, in any order, in; the latest of it out.

use kinfold_model::Timestamp;
use kinfold_model::privacy::Restriction;
use serde::{Deserialize, Serialize};

/// What a request says. The greater is the later one, so that neither order nor repetition of requests makes a difference. Of two of
/// one time and id, which no two requests have, that which restricts holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Word {
    /// When the request was written to the log.
    received: Timestamp,
    request_id: String,
    stands: bool,
    /// No touchpoint that came before the request has a later time.
    latest: Timestamp,
}

impl From<&Restriction> for Word {
    fn from(Restriction { stands, received, latest, ticket, .. }: &Restriction) -> Self {
        let request_id = ticket.request_id.clone();
        Self { received: *received, request_id, stands: *stands, latest: *latest }
    }
}

impl Word {
    /// Since when somebody is restricted by it; `None` when it lifts.
    pub(crate) fn since(&self) -> Option<Timestamp> {
        self.stands.then_some(self.received)
    }

    /// Whether an erasure of that time came after it.
    pub(crate) fn is_ended_by(&self, erased: Option<Timestamp>) -> bool {
        erased.is_some_and(|erased| self.latest <= erased)
    }

    /// Whether what is known, and later, says otherwise.
    pub(crate) fn is_overruled_by(&self, known: Option<&Self>) -> bool {
        known.is_some_and(|known| known > self && known.stands != self.stands)
    }

    /// Takes the place of what is known if it is later; whether that makes a difference to the person.
    pub(crate) fn enter(self, known: &mut Option<Self>) -> bool {
        let since = |word: &Option<Self>| word.as_ref().and_then(Self::since);
        let before = since(known);
        *known = known.take().max(Some(self));
        since(known) != before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(ms: i64, request_id: &str, stands: bool) -> Word {
        let received = Timestamp::from_millis(ms).expect("in range");
        Word { received, request_id: request_id.to_owned(), stands, latest: received }
    }

    #[test]
    fn the_latest_holds_in_whatever_order_and_however_often_they_come() {
        let words = [word(1, "b", true), word(2, "a", false), word(2, "b", true), word(3, "a", false)];
        let orders = [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]];
        for order in orders {
            let mut known = None;
            for index in order.into_iter().chain(order) {
                words[index].clone().enter(&mut known);
            }
            assert_eq!(known.as_ref(), Some(&words[3]), "{order:?}");
        }
    }

    #[test]
    fn what_comes_late_or_again_is_no_news() {
        let mut known = None;
        assert!(!word(1, "a", false).enter(&mut known), "nothing was restricted");
        assert!(word(2, "b", true).enter(&mut known));
        assert!(!word(2, "b", true).enter(&mut known) && !word(1, "c", false).enter(&mut known));
        assert!(word(3, "d", false).enter(&mut known));
        assert_eq!(known.and_then(|word| word.since()), None);
    }
}
