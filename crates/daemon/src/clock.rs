//! The clock of whoever runs a deployment. In: nothing. Out: the time. What decides anything is handed it.

use std::time::{SystemTime, UNIX_EPOCH};

use kinfold_model::Timestamp;

/// What the clock says.
#[must_use]
pub fn now() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(since_1970.as_millis()).ok().and_then(|ms| Timestamp::from_millis(ms).ok());
    now.unwrap_or(Timestamp::MAX)
}
