//! How many touchpoints there were: in all, by channel, by type, and how people reacted at them.
//!
//! The only part of a facet that is not idempotent: whoever counts must know whether a touchpoint is new, and what an earlier copy
//! of it counted for. A name is kept from the first touchpoint that says it, also if that counts for another; so those that
//! are kept when there are too many, the least, do not depend on what came first, and have missed nothing.

use serde::{Deserialize, Serialize};

use crate::action::Reaction;
use crate::counted::{Counted, THOUSAND};
use crate::named::Named;

/// Counts of distinct touchpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    touchpoints: u64,
    channels: Named<u64>,
    types: Named<u64>,
    reactions: Reactions,
    sentiment: Sentiment,
}

/// How many touchpoints tell of which reaction; each of one at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reactions {
    pub(crate) opens: u64,
    pub(crate) clicks: u64,
    pub(crate) replies: u64,
}

/// What touchpoints tell of moods: a sum that is exact, and of how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sentiment {
    thousandths: i64,
    count: u64,
}

impl Counts {
    /// A touchpoint names a channel and a type; says whether that is news.
    pub(crate) fn name(&mut self, counted: &Counted) -> bool {
        let mut is_news = false;
        for (names, name) in [(&mut self.channels, &counted.channel), (&mut self.types, &counted.r#type)] {
            is_news |= name.as_ref().is_some_and(|name| names.enter(name, 0));
        }
        is_news
    }

    /// Whether there is no room for a channel or a type more.
    pub(crate) fn is_full(&self) -> bool {
        self.channels.is_full() || self.types.is_full()
    }

    /// One more touchpoint, whose channel and type were named.
    pub(crate) fn count(&mut self, counted: &Counted) {
        self.touchpoints += 1;
        self.add(counted);
    }

    /// A touchpoint that counted as one of its copies counts as another instead.
    pub(crate) fn recount(&mut self, from: &Counted, to: &Counted) {
        self.take(from);
        self.add(to);
    }

    pub(crate) fn merge(&mut self, other: Self) {
        let add = |sum: &mut u64, count: u64| *sum = sum.saturating_add(count);
        add(&mut self.touchpoints, other.touchpoints);
        self.channels.merge(other.channels, add);
        self.types.merge(other.types, add);
        add(&mut self.reactions.opens, other.reactions.opens);
        add(&mut self.reactions.clicks, other.reactions.clicks);
        add(&mut self.reactions.replies, other.reactions.replies);
        self.sentiment.thousandths = self.sentiment.thousandths.saturating_add(other.sentiment.thousandths);
        add(&mut self.sentiment.count, other.sentiment.count);
    }

    pub(crate) fn touchpoints(&self) -> u64 {
        self.touchpoints
    }

    pub(crate) fn channels(&self) -> &Named<u64> {
        &self.channels
    }

    pub(crate) fn types(&self) -> &Named<u64> {
        &self.types
    }

    pub(crate) fn reactions(&self) -> Reactions {
        self.reactions
    }

    pub(crate) fn sentiment(&self) -> Sentiment {
        self.sentiment
    }

    fn add(&mut self, counted: &Counted) {
        self.each(counted, |count| *count += 1);
        if let Some(thousandths) = counted.sentiment {
            self.sentiment.thousandths += i64::from(thousandths);
            self.sentiment.count += 1;
        }
    }

    fn take(&mut self, counted: &Counted) {
        self.each(counted, |count| *count -= 1);
        if let Some(thousandths) = counted.sentiment {
            self.sentiment.thousandths -= i64::from(thousandths);
            self.sentiment.count -= 1;
        }
    }

    /// Every number that a touchpoint counts for. What has no room counts for none.
    fn each(&mut self, counted: &Counted, change: impl Fn(&mut u64)) {
        let Self { channels, types, reactions, .. } = self;
        let channel = counted.channel.as_ref().and_then(|channel| channels.get_mut(channel));
        let kind = counted.r#type.as_ref().and_then(|kind| types.get_mut(kind));
        let reaction = counted.reaction.map(|reaction| match reaction {
            Reaction::Open => &mut reactions.opens,
            Reaction::Click => &mut reactions.clicks,
            Reaction::Reply => &mut reactions.replies,
        });
        [channel, kind, reaction].into_iter().flatten().for_each(change);
    }
}

impl Sentiment {
    /// From -1 to 1; `None` when nobody told anything.
    pub(crate) fn mean(self) -> Option<f64> {
        (self.count > 0).then(|| self.thousandths as f64 / (self.count as f64 * f64::from(THOUSAND)))
    }

    pub(crate) fn count(self) -> u64 {
        self.count
    }
}

impl Reactions {
    pub(crate) fn total(self) -> u64 {
        self.opens.saturating_add(self.clicks).saturating_add(self.replies)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::named::NAMES_MAX;

    fn by(channel: Option<&str>) -> Counted {
        Counted { channel: channel.map(str::to_owned), ..Counted::default() }
    }

    fn channels(counts: &Counts) -> Vec<(&str, u64)> {
        counts.channels().iter().map(|(name, count)| (name.as_str(), *count)).collect()
    }

    #[test]
    fn a_recounted_touchpoint_counts_for_nothing_of_its_first_copy() {
        let (reaction, sentiment) = (Some(Reaction::Open), Some(-500));
        let first = Counted { r#type: Some("visit".to_owned()), reaction, sentiment, ..by(Some("web")) };
        let second = Counted { sentiment: Some(250), ..by(Some("app")) };
        let mut counts = Counts::default();
        assert!(counts.name(&first));
        counts.count(&first);
        assert_eq!((counts.reactions().total(), counts.sentiment().mean()), (1, Some(-0.5)));
        assert!(counts.name(&second));
        counts.recount(&first, &second);
        assert_eq!(channels(&counts), [("app", 1), ("web", 0)]);
        assert_eq!(counts.types().values().sum::<u64>(), 0);
        assert_eq!((counts.reactions().total(), counts.sentiment().mean()), (0, Some(0.25)));
        counts.recount(&second, &Counted::default());
        assert_eq!((counts.touchpoints(), counts.sentiment().mean()), (1, None));
    }

    #[test]
    fn a_touchpoint_without_a_channel_counts_for_none() {
        let mut counts = Counts::default();
        counts.count(&by(None));
        assert_eq!((counts.touchpoints(), channels(&counts)), (1, Vec::new()));
    }

    #[test]
    fn of_too_many_channels_the_least_count_whatever_came_first() {
        let names: Vec<String> = (0..NAMES_MAX + 9).map(|number| format!("c{number:03}")).collect();
        let count = |names: &mut dyn Iterator<Item = &String>| {
            let mut counts = Counts::default();
            for name in names {
                counts.name(&by(Some(name)));
                counts.count(&by(Some(name)));
            }
            counts
        };
        let counts = count(&mut names.iter());
        assert!(counts == count(&mut names.iter().rev()) && counts.is_full());
        assert_eq!(counts.touchpoints(), names.len() as u64);
        assert!(
            channels(&counts).into_iter().eq(names.iter().take(NAMES_MAX).map(|name| (name.as_str(), 1)))
        );
    }
}
