//! Letters that nobody may keep go. In: the erasures of a deployment, its dead letters, and the settings of its sources. Out: a
//! tombstone for each letter that names somebody who was erased, or whose source lets it be kept for no longer, and how many records
//! of each source there were; never a value.
//!
//! A tombstone stands for itself: written twice, or by two processes at once, it says the same, and one that is missing is written
//! the next time. So no transaction is needed, and nothing has to be settled after a crash.

use std::collections::BTreeMap;
use std::sync::Arc;

use kinfold_kafka::client::send;
use kinfold_kafka::reader::{Isolation, Reader, ends};
use kinfold_kafka::{Settings, WorkerError};
use kinfold_letters::{Finder, Judged, Leaving, Look, Reading, Reason, learn};
use kinfold_mapping::sources::ByName;
use kinfold_model::privacy::Ruling;
use kinfold_model::{Keys, Mark, NodeId, Timestamp};
use kinfold_wire::{Topic, decode_inner};

use super::shelf::{LettersError, Shelf, tombstone};
use crate::config::Config;

/// So many letters are removed before the topic is read anew. What is held of each has a few hundred bytes.
const FOUND_MAX: usize = 100_000;

/// What becomes of the letters that are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They are removed.
    Remove,
    /// They are only counted.
    DryRun,
}

/// What is asked of a sweep.
pub struct Call<'c> {
    /// Those that can be used. A source with faults is not among them: its letters are read as text, and no time of its own holds.
    pub sources: Arc<ByName>,
    /// By whose time letters are too old.
    pub now: Timestamp,
    /// Whether letters are removed.
    pub mode: Mode,
    /// Whether it has become pointless; it then ends soon.
    pub is_stopped: &'c dyn Fn() -> bool,
}

/// What a sweep found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Identifiers that were ever erased.
    pub erased: usize,
    /// Letters on the topic, those that are dealt with and not yet gone among them.
    pub letters: u64,
    /// Records whose letters go, by reason, and by source, or by topic where no source wrote.
    pub counts: BTreeMap<Reason, BTreeMap<String, u64>>,
}

impl Swept {
    /// The counts of a reason, as in `2 of till, 1 of webshop`; `none` where there are none.
    #[must_use]
    pub fn list(&self, reason: Reason) -> String {
        let by_source = self.counts.get(&reason).into_iter().flatten();
        let list: Vec<String> = by_source.map(|(source, count)| format!("{count} of {source}")).collect();
        if list.is_empty() { "none".to_owned() } else { list.join(", ") }
    }
}

/// Sweeps the dead letters of a deployment, and remembers from one time to the next what need not be looked at again.
pub struct Sweeper {
    config: Config,
    keys: Keys,
    last: Option<Last>,
}

/// Where everything was at the last sweep.
struct Last {
    sources: Arc<ByName>,
    ends: Ends,
    judged: Judged,
    next_end: Option<Timestamp>,
    swept: Swept,
}

/// The offsets after the last committed records.
#[derive(PartialEq, Eq)]
struct Ends {
    erasures: BTreeMap<i32, i64>,
    letters: BTreeMap<i32, i64>,
}

impl Sweeper {
    /// Of this deployment.
    #[must_use]
    pub fn new(config: &Config, keys: &Keys) -> Self {
        Self { config: config.clone(), keys: keys.clone(), last: None }
    }

    /// Whether anybody was erased since the last sweep; also when there was none.
    ///
    /// # Errors
    /// When Kafka does not answer.
    pub fn has_news(&self, settings: &Settings) -> Result<bool, LettersError> {
        let Some(last) = &self.last else { return Ok(true) };
        Ok(committed(settings, Topic::Erasure)? != last.ends.erasures)
    }

    /// Looks through the dead letters, and removes those that are to go, if it may. Where nothing has changed since the last time, and
    /// no letter's time is over, nothing is read.
    ///
    /// # Errors
    /// When Kafka does not answer, or a topic is missing; [`LettersError::Stopped`]. What was removed until then stays so.
    pub fn sweep(&mut self, call: &Call<'_>) -> Result<Swept, LettersError> {
        let shelf = Shelf::open(&self.config)?;
        shelf.has(Topic::Erasure)?;
        // Before anything is read: what comes meanwhile is looked at the next time, too.
        let ends = Ends {
            erasures: committed(&shelf.settings, Topic::Erasure)?,
            letters: committed(&shelf.settings, Topic::TouchpointRefused)?,
        };
        // After a failure nobody knows what was removed, and all is looked at anew.
        let last = self.last.take().filter(|last| last.is_of(&ends, &call.sources));
        let mut named_before = Judged::new();
        if let Some(last) = last {
            if last.ends == ends && last.next_end.is_none_or(|end| call.now < end) {
                let swept = Swept { counts: BTreeMap::new(), ..last.swept.clone() };
                self.last = Some(last);
                return Ok(swept);
            }
            if last.ends.erasures == ends.erasures {
                named_before = last.judged;
            }
        }
        let erased = erased(&shelf.settings, call)?;
        let mut swept = Swept { erased: erased.len(), ..Swept::default() };
        let reading = Reading { keys: &self.keys, rules: &self.config.rules, settings: &self.config.capture };
        let finder = Finder::new(&reading, erased, Arc::clone(&call.sources));
        let mut look = Look::new(finder, call.now, FOUND_MAX, named_before);
        while turn(&shelf, call, &mut look, &mut swept)? {}
        let looked = look.end();
        swept.letters = looked.letters;
        if call.mode == Mode::Remove {
            let (judged, next_end) = (looked.judged, looked.next_end);
            let sources = Arc::clone(&call.sources);
            self.last = Some(Last { sources, ends, judged, next_end, swept: swept.clone() });
        }
        Ok(swept)
    }
}

impl Last {
    /// Whether what was found then still means something: the formats and times of sources are the same, and so is the topic.
    fn is_of(&self, ends: &Ends, sources: &Arc<ByName>) -> bool {
        let is_there =
            |(partition, judged): (&i32, &i64)| ends.letters.get(partition).is_some_and(|end| end >= judged);
        Arc::ptr_eq(&self.sources, sources) && self.judged.iter().all(is_there)
    }
}

/// Why reading ends before the end.
enum Pause {
    Full,
    Error(LettersError),
}

impl From<WorkerError> for Pause {
    fn from(error: WorkerError) -> Self {
        Self::Error(error.into())
    }
}

/// Removes what one look finds; whether there is more.
fn turn(shelf: &Shelf, call: &Call<'_>, look: &mut Look, swept: &mut Swept) -> Result<bool, LettersError> {
    let read = shelf.each(&mut |record| {
        call.goes_on().map_err(Pause::Error)?;
        if look.see(&record, shelf.ids()) { Ok(()) } else { Err(Pause::Full) }
    });
    if let Err(Pause::Error(error)) = read {
        return Err(error);
    }
    let found = look.found();
    if found.records.is_empty() {
        return Ok(found.is_full);
    }
    let mut leaving = Leaving::new(found.records);
    shelf.each(&mut |record| {
        call.goes_on()?;
        leaving.take(&record, shelf.ids());
        Ok::<(), LettersError>(())
    })?;
    if call.mode == Mode::Remove {
        let tombstones = leaving.letters().map(|(key, place, trace)| tombstone(key, trace, place));
        send(&shelf.settings, tombstones)?;
    }
    for (reason, by_source) in leaving.counts() {
        let sums = swept.counts.entry(reason).or_default();
        by_source.into_iter().for_each(|(source, count)| *sums.entry(source).or_default() += count);
    }
    Ok(found.is_full)
}

impl Call<'_> {
    fn goes_on(&self) -> Result<(), LettersError> {
        if (self.is_stopped)() { Err(LettersError::Stopped) } else { Ok(()) }
    }
}

/// Every identifier of a deployment that was ever erased, with its mark.
fn erased(settings: &Settings, call: &Call<'_>) -> Result<BTreeMap<NodeId, Mark>, LettersError> {
    let mut marks = BTreeMap::new();
    let reader = Reader::from_beginning(settings, Topic::Erasure.as_str(), Isolation::Committed)?;
    reader.each(&mut |record| {
        call.goes_on()?;
        if let Some(value) = &record.value {
            if let Ruling::Erased(erasure) = decode_inner(value)? {
                learn(&erasure, &mut marks);
            }
        }
        Ok::<(), LettersError>(())
    })?;
    Ok(marks)
}

/// How far a topic can be read.
fn committed(settings: &Settings, topic: Topic) -> Result<BTreeMap<i32, i64>, LettersError> {
    let ends = ends(settings, topic.as_str())?;
    Ok(ends.into_iter().map(|(partition, ends)| (partition, ends.last_stable)).collect())
}
