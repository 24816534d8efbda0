//! When something happened, by half-hours: a set, so that neither order nor repetition matters.
//!
//! Out come sessions and the hour of the day. Half-hours begin on the hour and at half past (UTC). A session is a run of them, one after
//! the other, in each of which something happened: so touchpoints less than half an hour apart are always of one session, those an
//! hour or more apart with nothing between them never are, and between the two it depends on where they lie.

use kinfold_model::Timestamp;
use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};

const SLOT_MINUTES: u32 = 30;
const SLOT_MS: i64 = SLOT_MINUTES as i64 * 60_000;
const DAY_MINUTES: i64 = 24 * 60;

/// So many half-hours at most, the latest: eleven months without a pause, or nine years with five a day. Packed they take two
/// bytes each and eight for every 3.7 years, of which there are 2,149 to the year 9999: at most 50 kB, whatever times touchpoints have.
pub(crate) const SLOTS_MAX: u64 = 16_384;

/// Half-hours since 1970 in which there was a touchpoint; all that was before is the first of them.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Activity(RoaringBitmap);

impl Activity {
    /// Something happened then; says whether that is news.
    pub(crate) fn note(&mut self, time: Timestamp) -> bool {
        let slot = slot(time);
        let is_news = self.0.insert(slot);
        self.bound();
        is_news && self.0.contains(slot)
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.0 |= other.0;
        self.bound();
    }

    /// When each half-hour began, in order.
    pub(crate) fn begins(&self) -> impl Iterator<Item = Timestamp> {
        let begin = |slot| Timestamp::from_millis(i64::from(slot) * SLOT_MS);
        self.0.iter().filter_map(move |slot| begin(slot).ok())
    }

    pub(crate) fn len(&self) -> u64 {
        self.0.len()
    }

    /// How many runs of half-hours there are.
    pub(crate) fn sessions(&self) -> u64 {
        let (mut sessions, mut before) = (0, None);
        for slot in &self.0 {
            sessions += u64::from(before != slot.checked_sub(1) || before.is_none());
            before = Some(slot);
        }
        sessions
    }

    /// The hour of the day, 0 to 23, in which most of the half-hours begin, of several the least; on clocks that are so many minutes
    /// ahead of UTC.
    pub(crate) fn preferred_hour(&self, utc_offset_minutes: i64) -> Option<i64> {
        let mut hours = [0_u32; 24];
        for slot in &self.0 {
            let minutes = i64::from(slot) * i64::from(SLOT_MINUTES) + utc_offset_minutes;
            let hour = usize::try_from(minutes.rem_euclid(DAY_MINUTES) / 60);
            if let Some(count) = hour.ok().and_then(|hour| hours.get_mut(hour)) {
                *count += 1;
            }
        }
        // Of several greatest the last is taken, hence backwards.
        let (hour, count) = (0_i32..24).zip(hours).rev().max_by_key(|(_, count)| *count)?;
        (count > 0).then_some(i64::from(hour))
    }

    fn bound(&mut self) {
        self.0.remove_smallest(self.0.len().saturating_sub(SLOTS_MAX));
    }
}

fn slot(time: Timestamp) -> u32 {
    u32::try_from(time.millis().div_euclid(SLOT_MS)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn active(minutes: impl IntoIterator<Item = i64>) -> Activity {
        let mut activity = Activity::default();
        for minute in minutes {
            activity.note(Timestamp::from_millis(minute * 60_000).expect("in range"));
        }
        activity
    }

    #[test]
    fn a_session_is_a_run_of_half_hours() {
        assert_eq!(active([]).sessions(), 0);
        assert_eq!(active([5, 34]).sessions(), 1, "less than half an hour apart");
        assert_eq!(active([5, 65]).sessions(), 2, "an hour apart");
        assert_eq!((active([29, 60]).sessions(), active([1, 32]).sessions()), (2, 1), "it depends");
        assert_eq!(active([-1, -90, 0]).sessions(), 1, "what was before 1970 was then");
    }

    #[test]
    fn the_preferred_hour_is_that_of_most_half_hours_and_of_several_the_least() {
        assert_eq!(active([]).preferred_hour(0), None);
        let evening = active([20 * 60, 20 * 60 + 30, 9 * 60, 9 * 60 + 1, 1440 + 20 * 60]);
        assert_eq!(evening.preferred_hour(0), Some(20));
        assert_eq!(evening.preferred_hour(330), Some(1), "in Delhi it is past one");
        assert_eq!(evening.preferred_hour(-21 * 60), Some(23));
        assert_eq!(active([20 * 60, 9 * 60]).preferred_hour(0), Some(9));
    }

    #[test]
    fn of_too_many_half_hours_the_latest_stay_and_equal_sets_have_equal_bytes() {
        let most = i64::try_from(SLOTS_MAX).expect("few");
        let minutes: Vec<i64> = (0..most + 9).map(|slot| slot * 30).collect();
        let one = active(minutes.iter().copied());
        let (early, late) = minutes.split_at(700);
        let mut other = active(late.iter().rev().copied());
        other.merge(active(early.iter().copied()));
        let bytes = |activity: &Activity| postcard::to_stdvec(activity).expect("encodes");
        assert!(one == other && bytes(&one) == bytes(&other));
        assert_eq!((one.len(), one.begins().next().map(Timestamp::millis)), (SLOTS_MAX, Some(9 * SLOT_MS)));
        let mut full = one.clone();
        assert!(!full.note(Timestamp::MIN) && full == one, "what is too early is no news");
        let scattered = active((0..most).map(|slot| slot * 30 * 8_000));
        assert!(bytes(&scattered).len() < 50_000, "wherever they lie");
    }
}
