//! What counts of a touchpoint where identifiers of it are erased. In: the marks of the identifiers of one node, and the time of the
//! touchpoint. Out: whether nothing of it counts, and which identifiers are left out of it.
//!
//! A mark may be lifted by a consent that is later than the erasure; from the time of that consent on the identifier counts again,
//! and what is older never does. Marks are merged by operations that do not care for order or repetition, so that all who keep
//! a copy of one end with the same.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::consent::Decision;
use crate::node::NodeId;
use crate::purpose::Purposes;
use crate::time::Timestamp;
use crate::touchpoint::Touchpoint;

/// Of which touchpoints an erased identifier takes everything away. From all others it takes itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Reach {
    /// Of those that name nobody but what is erased.
    Alone,
    /// Also of those that besides name devices only: it stands in touchpoints of others, or is a device itself, and who
    /// names somebody else speaks of them.
    Unclaimed,
    /// Of all that name it.
    Everything,
}

/// One erasure of an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Era {
    /// No touchpoint that came before the request has a later time.
    erased: Timestamp,
    /// From which time on it counts again; `None`: never.
    back: Option<Timestamp>,
}

/// That an identifier is erased, how far, and from which time on it counts again. It keeps each reach that it ever had, because
/// what was said before an erasure is forgotten as far as that reached, also after another one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark(BTreeMap<Reach, Era>);

impl Mark {
    /// Erases, so that only a decision later than `erased` lifts it; says whether it was not erased before. How far is decided by
    /// whoever asks first until it is lifted. What asks again with a time that it knows comes a second time.
    pub fn erase(&mut self, reach: Reach, erased: Timestamp) -> bool {
        let is_new = !self.holds();
        if self.erased().is_some_and(|known| erased <= known) {
            return false;
        }
        if !is_new {
            self.0.values_mut().filter(|era| era.back.is_none()).for_each(|era| era.erased = erased);
            return false;
        }
        // What lifted it before does not lift it again, whatever the clocks say.
        let erased = self.0.values().filter_map(|era| era.back).fold(erased, Timestamp::max);
        self.0.insert(reach, Era { erased, back: None });
        true
    }

    /// A consent of this time: from then on it counts again, if it is later than the erasure. Says whether that is news.
    pub fn consent(&mut self, time: Timestamp) -> bool {
        let mut is_news = false;
        for era in self.0.values_mut() {
            if era.erased < time && era.back.is_none_or(|back| time < back) {
                era.back = Some(time);
                is_news = true;
            }
        }
        is_news
    }

    /// Takes over what another copy knows; says whether that is news. Commutative, associative and idempotent.
    pub fn merge(&mut self, other: &Self) -> bool {
        let mut is_news = false;
        for (reach, new) in &other.0 {
            let era = self.0.entry(*reach).or_insert_with(|| {
                is_news = true;
                *new
            });
            let merged = match era.erased.cmp(&new.erased) {
                std::cmp::Ordering::Less => *new,
                std::cmp::Ordering::Greater => *era,
                std::cmp::Ordering::Equal => Era { back: era.back.into_iter().chain(new.back).min(), ..*new },
            };
            is_news |= std::mem::replace(era, merged) != merged;
        }
        is_news
    }

    /// How far it reaches into what has this time; `None` where it counts.
    #[must_use]
    pub fn reach(&self, time: Timestamp) -> Option<Reach> {
        let reaches = self.0.iter().filter(|(_, era)| era.back.is_none_or(|back| time < back));
        reaches.map(|(reach, _)| *reach).max()
    }

    /// Whether it is erased now: no time counts again.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.0.values().any(|era| era.back.is_none())
    }

    /// From which time on it counts again; `None` as long as it holds.
    #[must_use]
    pub fn back(&self) -> Option<Timestamp> {
        if self.holds() { None } else { self.0.values().filter_map(|era| era.back).max() }
    }

    /// The time of the last erasure; `None` when it never was erased.
    #[must_use]
    pub fn erased(&self) -> Option<Timestamp> {
        self.0.values().map(|era| era.erased).max()
    }
}

/// What is erased of the identifiers of one node, which is an identifier or a set of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    of: BTreeMap<NodeId, Mark>,
    /// Its identifiers that are not blocked, each with whether it is a device.
    company: BTreeMap<NodeId, bool>,
}

impl Marks {
    /// Of an identifier by itself.
    #[must_use]
    pub fn alone(node: NodeId, mark: Mark) -> Self {
        Self::one(node, mark, BTreeMap::from([(node, false)]))
    }

    /// Of one identifier in this company: all identifiers of the node that are not blocked, each with whether it is a device.
    #[must_use]
    pub fn one(node: NodeId, mark: Mark, company: BTreeMap<NodeId, bool>) -> Self {
        Self { of: BTreeMap::from([(node, mark)]), company }
    }

    /// Whether nothing is erased, or ever was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// The mark of an identifier, if it has one.
    #[must_use]
    pub fn get(&self, node: NodeId) -> Option<&Mark> {
        self.of.get(&node)
    }

    /// The identifiers that have one, in the order of nodes.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, &Mark)> {
        self.of.iter().map(|(node, mark)| (*node, mark))
    }

    /// Takes over what another copy knows; says whether that is news. Who was blocked, or a device, when something was erased
    /// remains so, so that nothing that is forgotten comes back by other rules.
    pub fn merge(&mut self, other: &Self) -> bool {
        if self.is_empty() {
            self.clone_from(other);
            return !other.is_empty();
        }
        if other.is_empty() {
            return false;
        }
        let before = self.company.clone();
        self.company.retain(|node, _| other.company.contains_key(node));
        for (node, is_device) in &mut self.company {
            *is_device |= other.company[node];
        }
        let mut is_news = self.company != before;
        for (node, mark) in &other.of {
            is_news |= self.of.entry(*node).or_default().merge(mark);
        }
        is_news
    }

    /// The time of the earliest of the erasures that were the last of their identifiers: a decision that is not later lifts nothing.
    #[must_use]
    pub fn least_erased(&self) -> Option<Timestamp> {
        self.of.values().filter_map(Mark::erased).min()
    }

    /// A consent of this time at exactly these identifiers. Gives those that it lifts, or lifts from an earlier time on.
    pub fn consent(&mut self, time: Timestamp) -> Vec<NodeId> {
        self.of.iter_mut().filter_map(|(node, mark)| mark.consent(time).then_some(*node)).collect()
    }

    /// How far what is erased reaches into a touchpoint of this time; `None` where all of it counts.
    #[must_use]
    pub fn reach(&self, time: Timestamp) -> Option<Reach> {
        self.of.values().filter_map(|mark| mark.reach(time)).max()
    }

    /// Whether nothing counts of a touchpoint of this time. What is later counts rather than what is earlier.
    #[must_use]
    pub fn is_gone(&self, time: Timestamp) -> bool {
        let mut others = self.company.iter().filter(|(node, _)| !self.is_struck(**node, time)).peekable();
        match self.reach(time) {
            None => false,
            Some(Reach::Everything) => true,
            Some(Reach::Unclaimed) => others.all(|(_, is_device)| *is_device),
            Some(Reach::Alone) => others.peek().is_none(),
        }
    }

    /// Whether an identifier is left out of a touchpoint of this time.
    #[must_use]
    pub fn is_struck(&self, node: NodeId, time: Timestamp) -> bool {
        self.of.get(&node).is_some_and(|mark| mark.reach(time).is_some())
    }

    /// The identifiers that are left out of a touchpoint of this time.
    #[must_use]
    pub fn struck(&self, time: Timestamp) -> BTreeSet<NodeId> {
        self.of.iter().filter(|(_, mark)| mark.reach(time).is_some()).map(|(node, _)| *node).collect()
    }

    /// From which time on touchpoints count, perhaps without some of their identifiers: the least of all times when all do, `None`
    /// when none does.
    #[must_use]
    pub fn counts_from(&self) -> Option<Timestamp> {
        let backs: BTreeSet<Timestamp> =
            self.of.values().flat_map(|mark| mark.0.values()).filter_map(|era| era.back).collect();
        std::iter::once(Timestamp::MIN).chain(backs).find(|time| !self.is_gone(*time))
    }

    /// From which time on an identifier counts: the least of all times when it never was erased, `None` when it does not.
    #[must_use]
    pub fn back(&self, node: NodeId) -> Option<Timestamp> {
        self.of.get(&node).map_or(Some(Timestamp::MIN), Mark::back)
    }
}

/// The signal of events of mail, as consents name it. Each is what one person did.
const MAIL: &str = "email";
/// How many times of consents a node remembers.
const AGREEMENTS_MAX: usize = 8;

/// When somebody agreed to be known again, should they be erased: the latest times, as many as are kept: the least would be those
/// that lift nothing. They are looked at when word of an erasure comes later than they did; of more than are kept since that erasure it is
/// lifted from the least of those that are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreements(BTreeSet<Timestamp>);

impl Agreements {
    /// Notes a time.
    pub fn add(&mut self, time: Timestamp) {
        self.0.insert(time);
        if self.0.len() > AGREEMENTS_MAX {
            self.0.pop_first();
        }
    }

    /// Whether a time would change nothing.
    #[must_use]
    pub fn has(&self, time: Timestamp) -> bool {
        let is_too_old =
            || self.0.len() == AGREEMENTS_MAX && self.0.first().is_some_and(|first| time < *first);
        self.0.contains(&time) || is_too_old()
    }

    /// Forgets what lifts none of these marks, and lifts the others: gives which, each with the time.
    pub fn apply(&mut self, marks: &mut Marks) -> Vec<(NodeId, Timestamp)> {
        if let Some(least) = marks.least_erased() {
            self.0.retain(|time| *time > least);
        }
        let lift = |time: &Timestamp| marks.consent(*time).into_iter().map(|node| (node, *time)).collect();
        self.0.iter().flat_map::<Vec<_>, _>(lift).collect()
    }
}

/// By a consent to which purposes somebody who was erased may be known again, each with whether their yes has to be confirmed; none by
/// default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Returning(BTreeMap<String, bool>);

impl Returning {
    /// By a consent to these, of which `purposes` say whether they ask for a double opt-in.
    #[must_use]
    pub fn by(names: impl IntoIterator<Item = String>, purposes: &Purposes) -> Self {
        let double = |name: &str| purposes.declared(name).is_some_and(|purpose| purpose.double_opt_in);
        let named = names.into_iter().map(|name| {
            let is_double = double(&name);
            (name, is_double)
        });
        Self(named.collect())
    }

    /// The time of the consent by which a touchpoint brings back whom it names, if they are erased; `None` when it states none.
    ///
    /// Only a yes counts that somebody said, and that the source states or an event of mail tells, such as the click on a link that
    /// confirms: not that they did not opt out, nor what a signal of a browser tells, which travels along with every page. Of a
    /// purpose that asks for a double opt-in it has to be confirmed. The touchpoint must not say no to the same purpose at that time
    /// or later. The time is that of the decision, or of the touchpoint if that is earlier; of several the latest.
    #[must_use]
    pub fn consented(&self, touchpoint: &Touchpoint) -> Option<Timestamp> {
        if self.0.is_empty() {
            return None;
        }
        let consents = &touchpoint.consents;
        let yes = consents.iter().filter(|consent| {
            self.0.get(&consent.purpose).is_some_and(|is_double| !is_double || !consent.is_unconfirmed())
                && consent.decision == Decision::Granted
                && consent.decision.was_made(consent.basis.as_deref())
                && consent.signal.as_deref().is_none_or(|signal| signal == MAIL)
                && !consents.iter().any(|other| {
                    other.purpose == consent.purpose
                        && matches!(other.decision, Decision::Denied | Decision::Withdrawn)
                        && other.time >= consent.time
                })
        });
        yes.map(|consent| consent.time.min(touchpoint.time)).max()
    }

    /// Whether nobody may come back.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The purposes, in the order of names.
    pub fn purposes(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::NodeKind;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms).expect("in range")
    }

    fn node(n: u8) -> NodeId {
        NodeId::new([n * 2; 16], NodeKind::Identifier)
    }

    fn erased(reach: Reach, ms: i64) -> Mark {
        let mut mark = Mark::default();
        assert!(mark.erase(reach, at(ms)));
        mark
    }

    #[test]
    fn a_consent_lifts_what_is_older_than_it_and_from_its_own_time_on() {
        let mut mark = erased(Reach::Everything, 10);
        assert!(!mark.consent(at(10)) && mark.holds());
        assert!(mark.consent(at(20)) && !mark.holds());
        assert!(!mark.consent(at(30)), "what came back does not come back later");
        assert!(mark.consent(at(15)));
        assert_eq!((mark.reach(at(14)), mark.reach(at(15))), (Some(Reach::Everything), None));
        assert_eq!(mark.back(), Some(at(15)));
    }

    #[test]
    fn who_is_erased_again_needs_a_later_consent_and_what_was_forgotten_stays_so_as_far_as_it_was() {
        let mut mark = erased(Reach::Everything, 10);
        mark.consent(at(20));
        assert!(mark.erase(Reach::Alone, at(30)));
        assert!(!mark.erase(Reach::Everything, at(40)), "the first who asks decides how far");
        assert!(!mark.consent(at(25)) && !mark.consent(at(40)) && mark.holds());
        assert_eq!(mark.reach(at(15)), Some(Reach::Everything));
        assert_eq!(mark.reach(at(25)), Some(Reach::Alone));
        assert!(mark.consent(at(50)) && !mark.holds());
        assert_eq!(mark.reach(at(49)), Some(Reach::Alone));
    }

    #[test]
    fn a_request_that_comes_twice_does_not_erase_who_came_back() {
        let mut mark = erased(Reach::Everything, 10);
        mark.consent(at(20));
        assert!(!mark.erase(Reach::Everything, at(10)) && !mark.holds());
    }

    #[test]
    fn copies_of_a_mark_end_alike_in_any_order() {
        let first = erased(Reach::Everything, 10);
        let mut lifted = first.clone();
        lifted.consent(at(20));
        let mut again = lifted.clone();
        again.erase(Reach::Everything, at(30));
        let mut other = lifted.clone();
        other.erase(Reach::Alone, at(25));
        let copies = [&first, &lifted, &again, &other];
        let mut all = Mark::default();
        copies.iter().for_each(|copy| _ = all.merge(copy));
        let mut backwards = Mark::default();
        copies.iter().rev().for_each(|copy| _ = backwards.merge(copy));
        assert_eq!(all, backwards);
        assert!(copies.iter().all(|copy| !all.clone().merge(copy)));
        assert!(all.holds());
    }

    #[test]
    fn what_counts_at_a_set_of_identifiers_follows_from_all_their_marks() {
        let (ann, phone, cookie) = (node(1), node(2), node(3));
        let company = BTreeMap::from([(ann, false), (phone, false), (cookie, true)]);
        let mut marks = Marks::one(ann, erased(Reach::Everything, 10), company.clone());
        marks.merge(&Marks::one(phone, erased(Reach::Unclaimed, 10), company));
        assert_eq!(marks.counts_from(), None);
        let mut back = erased(Reach::Everything, 10);
        back.consent(at(20));
        marks.merge(&Marks::one(ann, back, BTreeMap::from([(ann, false), (phone, false), (cookie, true)])));
        assert_eq!(marks.counts_from(), Some(at(20)));
        assert!(marks.is_gone(at(19)) && !marks.is_gone(at(20)) && marks.is_struck(phone, at(20)));
        assert_eq!(marks.consent(at(18)), [ann, phone]);
        assert_eq!(marks.counts_from(), Some(at(18)));
        assert_eq!((marks.back(phone), marks.back(cookie)), (Some(at(18)), Some(Timestamp::MIN)));
    }
}
