//! When something of a person becomes other by the passing of time: the times at which values become stale or are to be verified again in;
//! which of them have passed, the last of these, and the next one, out.

use kinfold_model::Timestamp;

/// All that has an end, looked at as of one time.
#[derive(Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) now: Timestamp,
    /// The last end that has passed.
    pub(crate) since: Option<Timestamp>,
    /// The first that has not.
    pub(crate) until: Option<Timestamp>,
}

impl Ends {
    pub(crate) fn at(now: Timestamp) -> Self {
        Self { now, since: None, until: None }
    }

    /// Takes note of an end; gives it back if it has passed.
    pub(crate) fn passed(&mut self, end: Option<Timestamp>) -> Option<Timestamp> {
        let end = end?;
        if end <= self.now {
            self.since = self.since.max(Some(end));
            return Some(end);
        }
        self.until = self.until.into_iter().chain([end]).min();
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::at;

    #[test]
    fn the_last_that_passed_and_the_first_that_did_not_are_known() {
        let mut ends = Ends::at(at(5));
        let passed: Vec<_> = [3, 5, 6, 9, 1].map(|ms| ends.passed(Some(at(ms)))).into();
        assert_eq!(passed, [Some(at(3)), Some(at(5)), None, None, Some(at(1))]);
        assert_eq!((ends.passed(None), ends.since, ends.until), (None, Some(at(5)), Some(at(6))));
    }
}
