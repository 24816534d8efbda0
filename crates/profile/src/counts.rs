//! How many touchpoints there were, in all and by channel.
//!
//! The only part of a facet that is not idempotent: whoever counts must know whether a touchpoint is new.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Counts of distinct touchpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    touchpoints: u64,
    /// No entry is 0.
    channels: BTreeMap<String, u64>,
}

impl Counts {
    /// One more touchpoint; `None` when it has no channel.
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
            if *count == 0 {
                self.channels.remove(from);
            }
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

    pub(crate) fn into_channels(self) -> BTreeMap<String, u64> {
        self.channels
    }

    fn count_channel(&mut self, channel: Option<&str>) {
        let Some(channel) = channel else { return };
        match self.channels.get_mut(channel) {
            Some(count) => *count += 1,
            None => _ = self.channels.insert(channel.to_owned(), 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recounted_touchpoint_leaves_no_trace_of_its_first_channel() {
        let mut corrected = Counts::default();
        corrected.count(Some("web"));
        corrected.recount(Some("web"), Some("app"));
        let mut direct = Counts::default();
        direct.count(Some("app"));
        assert_eq!(corrected, direct);
    }

    #[test]
    fn a_touchpoint_without_a_channel_counts_for_none() {
        let mut counts = Counts::default();
        counts.count(None);
        assert_eq!((counts.touchpoints(), counts.channels().len()), (1, 0));
    }
}
