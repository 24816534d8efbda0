//! Last stable offsets that stand still: somebody's transaction hangs, and whatever lies behind it waits.

use std::collections::BTreeMap;
use std::time::Instant;

use rdkafka::statistics::Partition;

/// Where the last stable offset of each input was seen first, by topic and partition.
#[derive(Default)]
pub(crate) struct Stable(BTreeMap<(String, i32), (i64, Instant)>);

impl Stable {
    /// How many seconds records of a partition have waited behind a last stable offset that did not move.
    pub(crate) fn held_back(&mut self, topic: &str, facts: &Partition) -> i64 {
        let now = Instant::now();
        let place = (topic.to_owned(), facts.partition);
        let (offset, since) = self.0.entry(place).or_insert((facts.ls_offset, now));
        if *offset != facts.ls_offset || facts.hi_offset <= facts.ls_offset {
            (*offset, *since) = (facts.ls_offset, now);
        }
        i64::try_from(since.elapsed().as_secs()).unwrap_or(i64::MAX)
    }

    /// A partition that is not read waits for nobody: 0 seconds, and what was seen of it before counts no more.
    pub(crate) fn forget(&mut self, topic: &str, partition: i32) -> i64 {
        self.0.remove(&(topic.to_owned(), partition));
        0
    }
}
