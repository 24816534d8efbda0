//! The last touchpoints: a bounded set in the order of time, so that neither order of arrival nor repetition matters.
//!
//! Of several copies of a touchpoint, which its source and its id name, the greatest entry stays. Entries of one touchpoint only ever become
//! greater, and so do the least that are kept; hence one that was left out could not have come back.

use std::collections::BTreeSet;

use kinfold_model::Touchpoint;
use kinfold_model::profile::TimelineEntry;
use serde::{Deserialize, Serialize};

/// So many are kept of each facet, and at most so many are shown: two screens, and at 800 bytes an entry 40 kB.
pub const TIMELINE_MAX: usize = 50;

/// The greatest entries.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Timeline(BTreeSet<TimelineEntry>);

impl Timeline {
    /// A touchpoint happened; says whether that is news.
    pub(crate) fn note(&mut self, touchpoint: &Touchpoint) -> bool {
        let is_early = self.0.first().is_some_and(|least| touchpoint.time < least.time);
        if self.0.len() >= TIMELINE_MAX && is_early {
            return false;
        }
        self.enter(TimelineEntry {
            time: touchpoint.time,
            touchpoint_id: touchpoint.touchpoint_id.clone(),
            source: touchpoint.source.clone(),
            channel: touchpoint.channel.clone(),
            r#type: touchpoint.r#type.clone(),
            action: touchpoint.engagement.as_ref().and_then(|engagement| engagement.action.clone()),
            order_id: touchpoint.order.as_ref().map(|order| order.order_id.clone()),
        })
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for entry in other.0 {
            self.enter(entry);
        }
    }

    /// The newest first.
    pub(crate) fn newest(&self) -> impl Iterator<Item = &TimelineEntry> {
        self.0.iter().rev()
    }

    fn enter(&mut self, entry: TimelineEntry) -> bool {
        let is_copy = |other: &&TimelineEntry| {
            other.touchpoint_id == entry.touchpoint_id && other.source == entry.source
        };
        match self.0.iter().find(is_copy).cloned() {
            Some(known) if known >= entry => return false,
            Some(known) => _ = self.0.remove(&known),
            None => {}
        }
        if self.0.len() >= TIMELINE_MAX {
            if self.0.first().is_some_and(|least| entry < *least) {
                return false;
            }
            self.0.pop_first();
        }
        self.0.insert(entry)
    }
}

#[cfg(test)]
mod tests {
    use kinfold_model::Timestamp;

    use super::*;

    fn entry(id: usize, ms: i64) -> TimelineEntry {
        TimelineEntry {
            time: Timestamp::from_millis(ms).expect("in range"),
            touchpoint_id: format!("t{id}"),
            source: "shop".to_owned(),
            channel: None,
            r#type: None,
            action: None,
            order_id: None,
        }
    }

    #[test]
    fn the_last_stay_whatever_came_first_and_copies_take_one_place() {
        let times = (0..).zip((0..70).map(|number| number * 37 % 70));
        let mut entries: Vec<TimelineEntry> = times.map(|(id, ms)| entry(id, ms)).collect();
        entries.extend((0..70).map(|id| entry(id % 7, 100 + i64::from(id as u8))));
        let of = |entries: &mut dyn Iterator<Item = &TimelineEntry>| {
            let mut timeline = Timeline::default();
            for entry in entries {
                timeline.enter(entry.clone());
            }
            timeline
        };
        let timeline = of(&mut entries.iter());
        assert!(
            timeline == of(&mut entries.iter().rev()) && timeline == of(&mut entries.iter().chain(&entries))
        );
        let (early, late) = entries.split_at(40);
        let mut merged = of(&mut late.iter());
        merged.merge(of(&mut early.iter()));
        assert!(merged == timeline);
        let shown: Vec<&str> = timeline.newest().map(|entry| entry.touchpoint_id.as_str()).collect();
        assert_eq!((shown.len(), &shown[..2]), (TIMELINE_MAX, &["t6", "t5"][..]));
        assert_eq!(shown.iter().collect::<BTreeSet<_>>().len(), TIMELINE_MAX);
    }
}
