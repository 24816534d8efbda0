//! What the operator chose about profiles.

use serde::Serialize;

/// How the members of a person are folded, besides by purposes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Settings {
    /// Of several sources that report an order the first of these is believed; those that are not named come after them.
    pub order_sources: Vec<String>,
    /// How many minutes the clocks by which hours of the day are told are ahead of UTC; negative: behind.
    pub utc_offset_minutes: i64,
    /// How many touchpoints a profile shows; 0: none.
    pub timeline: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { order_sources: Vec::new(), utc_offset_minutes: 0, timeline: 10 }
    }
}
