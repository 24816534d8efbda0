//! How many touchpoints there were, in all and by channel.
//!
//! The only part of a facet that is not idempotent: whoever counts must know whether a touchpoint is new. A channel is
//! kept from the first touchpoint that names it, also if that counts for another; so those that are kept when there are
//! too many, the least, do not depend on what came first, and have missed nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Of so many channels at most a facet counts touchpoints. A company has a dozen.
const CHANNELS_MAX: usize = 64;

/// Counts of distinct touchpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    touchpoints: u64,
    channels: BTreeMap<String, u64>,
}

impl Counts {
    /// A touchpoint names this channel; says whether that is news.
    pub(crate) fn name(&mut self, channel: &str) -> bool {
        if self.channels.contains_key(channel) {
            return false;
        }
        self.channels.insert(channel.to_owned(), 0);
        self.channels.len() <= CHANNELS_MAX
            || self.channels.pop_last().is_some_and(|(last, _)| last != channel)
    }

    /// Whether there is no room for a channel more.
    pub(crate) fn is_full(&self) -> bool {
        self.channels.len() >= CHANNELS_MAX
    }

    /// One more touchpoint, of a channel that was named; `None` when it has none.
    pub(crate) fn count(&mut self, channel: Option<&str>) {
        self.touchpoints += 1;
        self.count_channel(channel);
    }

    /// A touchpoint that was counted for one channel counts for another instead.
    pub(crate) fn recount(&mut self, from: Option<&str>, to: Option<&str>) {
        if let Some(from) = from
            && let Some(count) = self.channels.get_mut(from)
        {
            *count -= 1;
        }
        self.count_channel(to);
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.touchpoints = self.touchpoints.saturating_add(other.touchpoints);
        for (channel, count) in other.channels {
            let sum = self.channels.entry(channel).or_default();
            *sum = sum.saturating_add(count);
        }
    }

    pub(crate) fn touchpoints(&self) -> u64 {
        self.touchpoints
    }

    pub(crate) fn channels(&self) -> &BTreeMap<String, u64> {
        &self.channels
    }

    /// Those for which any touchpoint counts.
    pub(crate) fn into_channels(self) -> impl Iterator<Item = (String, u64)> {
        self.channels.into_iter().filter(|(_, count)| *count > 0)
    }

    fn count_channel(&mut self, channel: Option<&str>) {
        if let Some(count) = channel.and_then(|channel| self.channels.get_mut(channel)) {
            *count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recounted_touchpoint_does_not_count_for_its_first_channel() {
        let mut counts = Counts::default();
        assert!(counts.name("web"));
        counts.count(Some("web"));
        assert!(counts.name("app"));
        counts.recount(Some("web"), Some("app"));
        assert_eq!(counts.into_channels().collect::<Vec<_>>(), [("app".to_owned(), 1)]);
    }

    #[test]
    fn a_touchpoint_without_a_channel_counts_for_none() {
        let mut counts = Counts::default();
        counts.count(None);
        assert_eq!((counts.touchpoints(), counts.channels().len()), (1, 0));
    }

    #[test]
    fn of_too_many_channels_the_least_count_whatever_came_first() {
        let names: Vec<String> = (0..CHANNELS_MAX + 9).map(|number| format!("c{number:03}")).collect();
        let count = |names: &mut dyn Iterator<Item = &String>| {
            let mut counts = Counts::default();
            for name in names {
                counts.name(name);
                counts.count(Some(name));
            }
            counts
        };
        let counts = count(&mut names.iter());
        assert!(counts == count(&mut names.iter().rev()) && counts.is_full());
        assert_eq!(counts.touchpoints(), names.len() as u64);
        assert!(counts.into_channels().map(|(name, _)| name).eq(names.into_iter().take(CHANNELS_MAX)));
    }
}
