//! The attributes of a facet: by name, all that was stated.

use std::collections::BTreeMap;

use kinfold_model::Touchpoint;
use serde::{Deserialize, Serialize};

use crate::tally::{Mark, Tally};
use crate::values::{Pair, Values};

/// Of so many names at most a facet keeps what was stated: four times as many as one touchpoint may have. The least names stay,
/// whatever came first.
const NAMES_MAX: usize = 256;
/// All of them may take so many bytes, so that a facet with as many orders as it may have can still be sent. That is room for one
/// statement of each name, each as large as capture lets it be.
const BYTES_MAX: usize = 3 << 19;

/// By name.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attributes {
    values: BTreeMap<String, Values>,
    /// The least name that found no room; `None`: all did. What was stated of it and of those behind it is not heard.
    bound: Option<String>,
}

impl Attributes {
    /// Takes in what a touchpoint states; says whether any of it is news.
    pub(crate) fn absorb(&mut self, touchpoint: &Touchpoint) -> bool {
        let mut news = false;
        for (name, value) in &touchpoint.attributes {
            let pair = Pair { value: value.clone(), source: touchpoint.source.clone() };
            let mark = Mark { time: touchpoint.time, touchpoint_id: touchpoint.touchpoint_id.clone() };
            news |= self.enter(name, pair, Tally::of(mark, touchpoint.verifies(name)));
        }
        self.settle();
        news
    }

    fn enter(&mut self, name: &str, pair: Pair, tally: Tally) -> bool {
        if self.bound.as_deref().is_some_and(|bound| bound <= name) {
            return false;
        }
        if let Some(values) = self.values.get_mut(name) {
            return values.enter(pair, tally);
        }
        let mut values = Values::default();
        values.enter(pair, tally);
        self.values.insert(name.to_owned(), values);
        true
    }

    /// Lets the least names stay that have room together. No name ever needs less than it did, so one that found no room never does.
    fn settle(&mut self) {
        let mut bytes = 0_usize;
        let mut has_room = |(place, (name, values)): (usize, (&String, &Values))| {
            bytes = bytes.saturating_add(name.len() + 8 + values.bytes_max());
            place < NAMES_MAX && bytes <= BYTES_MAX
        };
        let stay = self.values.iter().enumerate().take_while(|one| has_room(*one)).count();
        if let Some(bound) = self.values.keys().nth(stay).cloned() {
            _ = self.values.split_off(&bound);
            self.bound = Some(bound);
        }
    }

    /// Whether there is no room for a name more.
    pub(crate) fn is_full(&self) -> bool {
        self.bound.is_some() || self.values.len() >= NAMES_MAX
    }

    /// Takes in all that the other has, also more names than are stored: what is merged is not.
    pub(crate) fn merge(&mut self, other: Self) {
        for (name, values) in other.values {
            match self.values.get_mut(&name) {
                Some(known) => known.merge(values),
                None => _ = self.values.insert(name, values),
            }
        }
        self.bound = self.bound.take().into_iter().chain(other.bound).min();
    }

    /// By name, as many as a facet keeps.
    pub(crate) fn least(&self) -> impl Iterator<Item = (&str, &Values)> {
        self.values.iter().take(NAMES_MAX).map(|(name, values)| (name.as_str(), values))
    }
}

#[cfg(test)]
impl Attributes {
    /// What of it would be stored: of what was merged, the least names that have room.
    pub(crate) fn cut(&mut self) {
        let bound = self.bound.take();
        if let Some(bound) = &bound {
            _ = self.values.split_off(bound);
        }
        self.settle();
        self.bound = self.bound.take().or(bound);
    }
}

#[cfg(test)]
mod tests {
    use kinfold_model::{NodeId, Timestamp};

    use super::*;

    /// A touchpoint that states these attributes.
    fn stating(id: usize, attributes: impl IntoIterator<Item = (String, String)>) -> Touchpoint {
        Touchpoint {
            touchpoint_id: format!("t-{id}"),
            time: Timestamp::default(),
            source: "crm".to_owned(),
            channel: None,
            r#type: None,
            sighting: NodeId::from_bytes([0; 16]),
            identifiers: Vec::new(),
            attributes: attributes.into_iter().collect(),
            consents: Vec::new(),
            consent_signals: None,
            order: None,
            engagement: None,
            flags: Vec::new(),
            verified: Vec::new(),
        }
    }

    fn of<'t>(touchpoints: impl Iterator<Item = &'t Touchpoint>) -> Attributes {
        let mut attributes = Attributes::default();
        touchpoints.for_each(|touchpoint| _ = attributes.absorb(touchpoint));
        attributes
    }

    #[test]
    fn of_too_many_names_the_least_stay_whatever_came_first() {
        let name = |number: usize| (format!("n{number:03}"), "x".to_owned());
        let all: Vec<Touchpoint> = (0..NAMES_MAX + 9).map(|number| stating(0, [name(number)])).collect();
        let mut forth = of(all.iter());
        assert!(forth == of(all.iter().rev()) && forth.is_full());
        let kept: Vec<String> = (0..NAMES_MAX).map(|number| name(number).0).collect();
        assert!(forth.least().map(|(name, _)| name).eq(kept.iter().map(String::as_str)));
        assert!(all.iter().all(|touchpoint| !forth.absorb(touchpoint)), "what has no room is no news");
    }

    #[test]
    fn of_too_many_bytes_the_least_names_stay_whatever_came_first() {
        let text = |name: usize, n: usize| (format!("n{name:03}"), format!("{n}{}", "x".repeat(4000)));
        let all: Vec<Touchpoint> =
            (0..600).map(|n| stating(n, [text(n % 40, n), (format!("a{}", n % 7), n.to_string())])).collect();
        let forth = of(all.iter());
        assert!(forth == of(all.iter().rev()) && forth == of(all.iter().chain(&all).skip(300)));
        assert!(forth.is_full() && (8..40).contains(&forth.least().count()));
        assert!(postcard::to_stdvec(&forth).expect("has bytes").len() <= BYTES_MAX);
    }
}
